"""What `dnsbl survey` does: has a survey laid down and carried out while it says how far that is, and has figures told.
Knows from the list who may be tested now. Imported when a survey is wanted, since no other command needs so much."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.status import Status

from dnsbl.addresses import Address, Network
from dnsbl.casework.standstill import stopped
from dnsbl.cli import terminal
from dnsbl.cli.words import place_for
from dnsbl.daemons.laying import SurveyOrder, allow_further, lay
from dnsbl.daemons.others import OtherLists
from dnsbl.daemons.reserve import granted
from dnsbl.daemons.surveyfolder import HEAD, SurveyFolder, folder
from dnsbl.daemons.surveyor import Held, SurveyMeans, Surveyor, SurveyProgress
from dnsbl.errors import BrokenOff, DnsblError
from dnsbl.files import EVERYBODYS, write_whole
from dnsbl.opened import OpenedList
from dnsbl.places import halted
from dnsbl.rules.surveys import page, report, scope, sources, studies
from dnsbl.rules.surveys.tally import SurveyTally, tally
from dnsbl.settings import Settings

#: Seconds between two lines of progress where nobody sits at a terminal.
SAY = 10.0
#: Files that a process has open besides its connections.
BESIDES = 100


def is_begun(settings: Settings, name: str) -> bool:
    """Whether there is a survey of this name. Raises DnsblError for what is no name."""
    return (folder(settings.service.state_dir, name) / HEAD).exists()


def survey(opened: OpenedList, name: str, order: SurveyOrder | None, *, wait: float | None) -> SurveyTally:
    """Lay a survey down, where there is an order, and carry it out, or what is left of it. Raises DnsblError."""
    settings = opened.settings
    place = folder(settings.service.state_dir, name)
    with _Teller() as teller:
        if order is not None:
            now = opened.clock.now()
            lay(order, settings, place, now=now, random=secrets.token_bytes, tell=teller.asked)
        kept = SurveyFolder(place)
        _carry_out(opened, kept, settings.survey.wait if wait is None else wait, teller.tested)
    return tally(kept.head, kept.records())


def _carry_out(opened: OpenedList, kept: SurveyFolder, wait: float, tell: Callable[[SurveyProgress], None]) -> None:
    settings, leave = opened.settings, _Leave(opened, kept)
    leave.check()
    if why := leave.held():
        raise DnsblError(f"Nobody is tested: {why}.")
    if (files := granted()) < settings.tester.concurrency + BESIDES:
        raise DnsblError(f"tester.concurrency is {settings.tester.concurrency}, and the system grants {files} files.")
    others = OtherLists(settings.others, opened.clock)
    means = SurveyMeans(
        settings=settings,
        clock=opened.clock,
        random=secrets.token_bytes,
        barred=leave.barred,
        held=leave.held,
        tell=tell,
        lists=others.ask if others.on else None,
    )

    async def sit() -> None:
        await Surveyor(kept, means).run(wait)

    try:
        asyncio.run(sit())
    except Held as held:
        raise DnsblError(f"The survey was broken off, since {held}; the same command goes on.") from None
    except OSError as error:
        why = error.strerror or str(error).removesuffix(".")
        raise DnsblError(f"The survey was broken off: {why}; the same command goes on.") from None
    except KeyboardInterrupt:
        raise BrokenOff(f"Broken off; `dnsbl survey run {kept.place.name}` goes on.") from None


class _Leave:
    """Who may be tested now, as the list knows it: whoever has opted out is not."""

    def __init__(self, opened: OpenedList, kept: SurveyFolder) -> None:
        self._opened = opened
        self._kept = kept
        self._out: dict[tuple[int, int], set[int]] = {}

    def check(self) -> None:
        """Raises NotAuthorized where the settings do not name all its networks now, or its file all its domains."""
        allow_further(self._kept, self._opened.clock.now().date())
        head, allowed = self._kept.head, self._opened.settings.survey.authorized_networks
        if networks := head.get("networks"):
            scope.allow_networks(sources.ranges(networks), allowed)
        elif head["authorization"]["source"] == "settings":
            for _, address in self._kept.targets():
                scope.allow_address(address, allowed)

    def held(self) -> str:
        """Why nobody is tested now, or ""; who has opted out is read anew."""
        if why := scope.ended(self._kept.head["authorization"], self._opened.clock.now().date()):
            return why
        settings, casework = self._opened.settings, self._opened.casework
        self._out = _by_length([one.network for one in casework.operators.exclusions()])
        why = settings.tester.held or ("" if settings.tester.lab_networks else settings.survey.held)
        stop = casework.views.stopped()
        return why or (stopped(stop) if stop else "") or halted(settings)

    def barred(self, address: Address) -> str:
        """Why this address is not tested, or ""."""
        if address in self._opened.settings.collector.addresses:
            return "an address of ours"
        number, bits = int(address), address.max_prefixlen
        out = any(
            number >> bits - length in some
            for (version, length), some in self._out.items()
            if version == address.version
        )
        return "opted out" if out else ""


def _by_length(networks: list[Network]) -> dict[tuple[int, int], set[int]]:
    found: dict[tuple[int, int], set[int]] = {}
    for one in networks:
        shift = one.max_prefixlen - one.prefixlen
        found.setdefault((one.version, one.prefixlen), set()).add(int(one.network_address) >> shift)
    return found


class _Teller:
    """Says on stderr how far it is: on a terminal all the time, elsewhere a line now and then."""

    def __init__(self) -> None:
        self._console = terminal.err()
        self._status: Status | None = None
        self._last = ""
        self._calls = 0

    def __enter__(self) -> _Teller:
        if self._console.is_terminal:
            self._status = self._console.status("")
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def asked(self, done: int, domains: int) -> None:
        """So many domains were asked about."""
        if done == domains or done % 500 == 0:
            self._say(f"DNS: {done:,} of {domains:,} domains", always=True)

    def tested(self, now: SurveyProgress) -> None:
        """Told every second."""
        words = (
            f"{now.done:,} of {now.targets:,} tested, {now.answered:,} answered, {now.accepted:,} took the letter, "
            f"{now.back:,} came back" + (f"; {now.waits}" if now.waits else "")
        )
        self._calls += 1
        self._say(words, always=self._calls % SAY == 1)

    def _say(self, words: str, *, always: bool) -> None:
        if self._status is not None:
            self._status.update(words)
        elif always and words != self._last:
            self._console.print(words)
            self._last = words


def tallies(settings: Settings, names: Sequence[str]) -> list[SurveyTally]:
    """These surveys, the oldest first. Raises DnsblError."""
    kept = [SurveyFolder(folder(settings.service.state_dir, name)) for name in dict.fromkeys(names)]
    return sorted((tally(one.head, one.records()) for one in kept), key=lambda one: str(one.head.get("begun", "")))


def told(found: Sequence[SurveyTally], form: str, *, hosts: bool) -> str:
    """Their figures in this form: text, csv, json, html or studies. Raises DnsblError."""
    match form:
        case "csv":
            return report.sheet(found, hosts=hosts)
        case "json":
            return json.dumps(report.document(found, hosts=hosts), indent=2) + "\n"
        case "html":
            return page.page(found)
        case "studies":
            return studies.page(found)
    return report.text(found, hosts=hosts) + "\n"


def write(file: Path, text: str) -> None:
    """Put a report in the place of what is there. Raises DnsblError."""
    try:
        write_whole(place_for(file), [text.encode("utf-8")], mode=EVERYBODYS)
    except OSError as error:
        raise DnsblError(f"{file}: cannot be written: {error.strerror}.") from None
