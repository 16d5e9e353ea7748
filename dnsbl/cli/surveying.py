"""`dnsbl survey`: counts relays in networks of one's own, or among mail domains with leave, and tells the figures.
Reads the words, has a survey laid down and carried out, shows what it has found. Holds no figure."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.status import Status

from dnsbl.addresses import Address, Network
from dnsbl.cli import show, terminal
from dnsbl.cli.words import Config, Json, operator
from dnsbl.config import read_settings
from dnsbl.daemons.laying import SurveyOrder, lay
from dnsbl.daemons.others import OtherLists
from dnsbl.daemons.reserve import granted
from dnsbl.daemons.surveyfolder import HEAD, SurveyFolder, folder
from dnsbl.daemons.surveyor import Held, SurveyMeans, Surveyor, SurveyProgress
from dnsbl.errors import DnsblError
from dnsbl.opened import OpenedList, open_list
from dnsbl.rules.surveys import page, report, scope, sources, studies
from dnsbl.rules.surveys.tally import SurveyTally, tally
from dnsbl.serving.files import EVERYBODYS, write_whole
from dnsbl.settings import Settings

app = typer.Typer(
    help="How many hosts of your networks, or of mail domains with leave, relay: counted, never listed.",
    no_args_is_help=True,
)

#: Seconds between two lines of progress where nobody sits at a terminal.
SAY = 10.0
#: Files that a process has open besides its connections.
BESIDES = 100


class Family(StrEnum):
    """Whose first address of a domain's mail host is surveyed."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"
    BOTH = "both"


class ReportForm(StrEnum):
    """What a report is written as."""

    TEXT = "text"
    CSV = "csv"
    JSON = "json"
    HTML = "html"
    STUDIES = "studies"


Name = Annotated[str, typer.Argument(metavar="NAME", help="The survey's name, such as autumn-2026.")]


@app.command(
    epilog="\n\n".join(
        (
            "Examples:",
            "dnsbl survey run autumn --range 192.0.2.0/24",
            "dnsbl survey run scan --nmap scan.xml",
            "dnsbl survey run mx --domains lists/a --domains lists/b --sample 500 --authorization leave.toml",
            "dnsbl survey run autumn (goes on where it was broken off)",
        )
    )
)
def run(
    name: Name,
    ranges: Annotated[
        list[str] | None, typer.Option("--range", metavar="NET", help="A network, address or FIRST-LAST; repeatable.")
    ] = None,
    nmap: Annotated[
        Path | None, typer.Option("--nmap", metavar="FILE", help="Hosts that nmap found up (-oX or -oG).")
    ] = None,
    domains: Annotated[
        list[Path] | None,
        typer.Option("--domains", metavar="FILE", help="A list of mail addresses or domains, one a line; repeatable."),
    ] = None,
    sample: Annotated[int | None, typer.Option("--sample", min=1, help="So many hosts of the domains, drawn.")] = None,
    seed: Annotated[str, typer.Option("--seed", help="What they are drawn by; drawn itself where none is given.")] = "",
    family: Annotated[Family, typer.Option("--family", help="Of each domain the first A, AAAA or both.")] = Family.IPV4,
    authorization: Annotated[
        Path | None, typer.Option("--authorization", metavar="FILE", help="Who has authorized these domains (TOML).")
    ] = None,
    form: Annotated[str, typer.Option("--form", help="S01, S10 or S02; default: survey.form.")] = "",
    presence: Annotated[
        int | None,
        typer.Option(
            "--presence",
            metavar="PORT",
            min=1,
            max=65535,
            help="Where ranges are asked who is silent at the mail port.",
        ),
    ] = None,
    wait: Annotated[
        float | None,
        typer.Option("--wait", min=0, help="Seconds to wait for letters at the end; default: survey.wait."),
    ] = None,
    resolver: Annotated[
        str, typer.Option("--resolver", metavar="ADDR:PORT", help="Whom to ask in DNS; default: as the system does.")
    ] = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Survey; or go on with a survey that was broken off. Nobody is listed by it."""
    opened = open_list(config)
    settings = opened.settings
    place = folder(settings.service.state_dir, name)
    given = [ranges, nmap, domains]
    begun = (place / HEAD).exists()
    if begun and any(given):
        raise DnsblError(f"The survey {name!r} was begun already: it goes on without sources; or choose another name.")
    if not begun and sum(map(bool, given)) != 1:
        raise typer.BadParameter("a new survey needs --range, --nmap or --domains, and one of them only")
    if form not in ("", "S01", "S02", "S10"):
        raise typer.BadParameter("the form is one of S01, S02 and S10", param_hint="--form")
    with _Teller() as teller:
        if not begun:
            families = {Family.IPV4: (4,), Family.IPV6: (6,), Family.BOTH: (4, 6)}[family]
            asked = SurveyOrder(
                name=name,
                operator=operator(),
                form=form or settings.survey.form,
                ranges=tuple(ranges or ()),
                nmap=nmap,
                domains=tuple(domains or ()),
                sample=sample,
                seed=seed or secrets.token_hex(8),
                families=families,
                authorization=authorization,
                presence_port=presence,
                resolver=resolver,
            )
            now = opened.clock.now()
            lay(asked, settings, place, now=now, random=secrets.token_bytes, tell=teller.asked)
        kept = SurveyFolder(place)
        _carry_out(opened, kept, settings.survey.wait if wait is None else wait, teller.tested)
    found = [_tally(kept)]
    if as_json:
        show.document(report.document(found))
        return
    terminal.out().print(report.text(found))


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
        raise DnsblError(f"The survey was broken off: {error.strerror or error}; the same command goes on.") from None
    except KeyboardInterrupt:
        raise DnsblError(f"Broken off; `dnsbl survey run {kept.place.name}` goes on.") from None


class _Leave:
    """Who may be tested now, as the list knows it: whoever has opted out is not."""

    def __init__(self, opened: OpenedList, kept: SurveyFolder) -> None:
        self._opened = opened
        self._kept = kept
        self._out: dict[tuple[int, int], set[int]] = {}

    def check(self) -> None:
        """Raises NotAuthorized where the settings do not name all its networks any more."""
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
        return why or ("an operator has stopped testing" if casework.views.stopped() else "")

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


@app.command(
    "report",
    epilog="\n\n".join(
        (
            "Examples:",
            "dnsbl survey report autumn",
            "dnsbl survey report autumn winter --format html --out relays.html",
            "dnsbl survey report autumn --format csv --hosts",
        )
    ),
)
def report_on(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Surveys; of several the trend too.")],
    form: Annotated[
        ReportForm, typer.Option("--format", help="What it is written as; studies: beside what two papers printed.")
    ] = ReportForm.TEXT,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where to, in place of stdout.")] = None,
    hosts: Annotated[
        bool, typer.Option("--hosts", help="Name the hosts that took the letter; whoever gets that list can abuse it.")
    ] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Tell what surveys have found, finished or not."""
    settings = read_settings(config)
    found = _tallies(settings, names)
    form = ReportForm.JSON if as_json else form
    if hosts and form in (ReportForm.HTML, ReportForm.STUDIES):
        raise typer.BadParameter("a page names no hosts; text, csv and json do", param_hint="--hosts")
    text = {
        ReportForm.TEXT: lambda: report.text(found, hosts=hosts) + "\n",
        ReportForm.CSV: lambda: report.sheet(found, hosts=hosts),
        ReportForm.JSON: lambda: json.dumps(report.document(found, hosts=hosts), indent=2) + "\n",
        ReportForm.HTML: lambda: page.page(found),
        ReportForm.STUDIES: lambda: studies.page(found),
    }[form]()
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        write_whole(out, [text.encode("utf-8")], mode=EVERYBODYS)
    except OSError as error:
        raise DnsblError(f"{out}: cannot be written: {error.strerror}.") from None


def _tallies(settings: Settings, names: list[str]) -> list[SurveyTally]:
    """The surveys, the oldest first."""
    found = [_tally(SurveyFolder(folder(settings.service.state_dir, name))) for name in dict.fromkeys(names)]
    return sorted(found, key=lambda one: str(one.head.get("begun", "")))


def _tally(kept: SurveyFolder) -> SurveyTally:
    return tally(kept.head, kept.records())
