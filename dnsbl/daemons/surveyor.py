"""Shell: carries a survey out: at the tester's pace, one target after another, until letters have come back.

Goes on where an earlier sitting has ended. Obeys the tester's stop, its quiet hours and whoever has opted out. A letter
is on the disk before any of it is sent (see `interview`). Lists nobody, and knows no list.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from dnsbl.addresses import Address
from dnsbl.clock import Clock
from dnsbl.daemons.interview import Interviewer
from dnsbl.daemons.surveyfolder import SurveyFolder
from dnsbl.rules.others import Opinion
from dnsbl.rules.surveys.records import SILENT, Back, Done, FiledLetter, Host, ListedElsewhere, Sat
from dnsbl.settings import Settings, split_listen
from tester import letter as letters
from tester.bounces.ours import Ours
from tester.collector import Caps, Collector
from tester.fate import Fate
from tester.letter import Letter
from tester.manners import Pacer, why_not
from tester.paths import path
from tester.records import dataclass
from tester.returned import Collected
from tester.smtp import PENDING, Outcome
from tester.trial import Trial
from tester.verdict import CAME_BACK, Finding

#: Seconds between two looks at whether somebody may be dialled, and between two writings of what was found.
LOOK, WRITE = 5.0, 1.0
#: Seconds of a sitting after which it is written that they have passed.
PART = 30.0
#: Targets that wait because their network is busy.
ASIDE = 64

#: Which other lists have these addresses: of each what every list says.
Lists = Callable[[list[Address]], Awaitable[Mapping[Address, tuple[Opinion, ...]]]]
#: Addresses that other lists are asked about at a time.
BATCH = 200


@dataclass(frozen=True, slots=True)
class SurveyProgress:
    """How far a survey is."""

    done: int
    targets: int
    answered: int  #: with a greeting or a refusal
    accepted: int
    back: int  #: letters that came back
    waits: str = ""  #: what it waits for


@dataclass(frozen=True, kw_only=True, slots=True)
class SurveyMeans:
    """What a survey is made with."""

    settings: Settings
    clock: Clock
    random: Callable[[int], bytes]
    barred: Callable[[Address], str]  #: why an address is not tested, or ""
    held: Callable[[], str]  #: why nobody is dialled now, or ""; asked every LOOK seconds, in a thread
    tell: Callable[[SurveyProgress], None]
    lists: Lists | None = None  #: None: nobody is asked


class Held(Exception):
    """Testing is stopped."""


class Surveyor:
    """One sitting of one survey."""

    def __init__(self, kept: SurveyFolder, means: SurveyMeans) -> None:
        self._kept = kept
        self._means = means
        self._head = kept.head
        self._keyring = kept.key
        survey, tester = means.settings.survey, means.settings.tester
        self._interviewer = Interviewer(kept.head, means.settings, self._keyring, means.clock, means.random, self._file)
        self._ours = Ours(
            names={survey.collector_domain, survey.bounce_domain, tester.helo}, sources=tester.source_addresses
        )
        self._pacer = Pacer(everywhere=tester.concurrency, per_network=tester.per_network)
        self._running = 0
        self._freed, self._came = asyncio.Event(), asyncio.Event()
        self._looked = -LOOK
        self._done = Done()
        self._open: dict[str, tuple[int, Trial]] = {}  # by each token: letters that may still come back
        self._pending: set[int] = set()  # targets whose accepted letter has come to nothing yet
        self._relays: dict[int, Address] = {}  # about which other lists are still to be asked
        self._answered = self._accepted = self._back = 0
        self._waits = ""
        self._since: float | None = None  # when the part of the sitting began that is under way
        self._counted = 0  # who was done then

    async def run(self, wait: float) -> SurveyProgress:
        """Test who is left, then wait up to `wait` seconds for letters. Raises Held where testing is stopped, OSError,
        DnsblError. What was found is kept however it ends."""
        self._kept.take()
        try:
            self._interviewer.begin()
            self._remember()
            collector = self._collector()
            host, port = split_listen(self._means.settings.survey.listen)
            await collector.start(host, port)
            try:
                async with asyncio.TaskGroup() as group:
                    writing = group.create_task(self._write())  # a disk that is full ends everything
                    await self._timed(self._test_all())
                    await self._wait(wait)
                    await self._ask_lists()
                    writing.cancel()
            except* (OSError, Held) as several:
                raise _first(several) from None
            finally:
                await collector.close()
        finally:
            self._kept.release()
        self._means.tell(self.progress)
        return self.progress

    @property
    def progress(self) -> SurveyProgress:
        """How far it is."""
        return SurveyProgress(
            done=len(self._done),
            targets=int(self._head["targets"]),
            answered=self._answered,
            accepted=self._accepted,
            back=self._back,
            waits=self._waits,
        )

    # ------------------------------------------------------------------------------------------ what is kept

    def _remember(self) -> None:
        """Take up what an earlier sitting has left: who is done, and which letters may still come back."""
        for record in self._kept.records():
            match record:
                case FiledLetter(target=number, letter=one):
                    trial = self._interviewer.trial()
                    trial.take_up(path(one.address, one.port), [Fate(letter=one)])
                    self._open[one.recipient] = self._open[one.sender] = number, trial
                case Host():
                    if record.letter and record.outcome in PENDING:
                        self._refold(record.letter, outcome=record.outcome, dot_at=record.dot_at)
                    elif record.letter:
                        self._forget(record.letter)
                    self._count(record)
                case Back(token=token, finding=finding):
                    self._refold(token, finding=finding)
                    self._settle(token, finding)
                case ListedElsewhere(target=number):
                    self._relays.pop(number, None)

    def _refold(self, token: str, **facts: Any) -> None:
        """What an earlier sitting knew of this letter."""
        _, trial = self._open.get(token, (0, None))
        if trial is not None and (fate := trial.find(token)) is not None:
            trial.take_up(path(fate.letter.address, fate.letter.port), [replace(fate, **facts)])

    def _settle(self, token: str, finding: Finding) -> None:
        """A letter has come to something: of one that came back nothing else is wanted."""
        number, trial = self._open.get(token, (-1, None))
        if trial is None:
            return
        if finding in CAME_BACK:
            self._back += 1
            self._relays[number] = trial.fates[0].letter.address
            self._forget(token)
        if finding in CAME_BACK or finding in (Finding.BOUNCED, Finding.BOUNCED_BY_US):
            self._pending.discard(number)
            self._came.set()

    def _forget(self, token: str) -> None:
        """Of this letter nothing is wanted any more."""
        _, trial = self._open.get(token, (0, None))
        for fate in trial.fates if trial is not None else ():
            self._open.pop(fate.letter.recipient, None)
            self._open.pop(fate.letter.sender, None)

    def _count(self, host: Host) -> None:
        self._done.add(host.target)
        self._answered += host.outcome not in SILENT and not host.why
        if host.outcome in PENDING:
            self._accepted += 1
            if host.letter in self._open and self._open[host.letter][1].pending:
                self._pending.add(host.target)

    def _found(self, host: Host) -> None:
        """One target is done."""
        self._kept.add(host)
        self._count(host)

    async def _write(self) -> None:
        while True:
            await asyncio.sleep(WRITE)
            if self._since is not None and self._means.clock.monotonic() - self._since >= PART:
                self._sat(self._since)
            self._kept.flush()
            self._means.tell(self.progress)

    def _sat(self, since: float) -> None:
        """A part of the sitting is over, if anybody was tested in it."""
        now = self._means.clock.monotonic()
        if tested := len(self._done) - self._counted:
            self._kept.add(Sat(seconds=now - since, tested=tested))
            self._since, self._counted = now, len(self._done)

    async def _timed(self, testing: Coroutine[Any, Any, None]) -> None:
        self._since, self._counted = self._means.clock.monotonic(), len(self._done)
        try:
            await testing
        finally:
            self._sat(self._since)
            self._since = None

    # ---------------------------------------------------------------------------------------------- the tests

    async def _test_all(self) -> None:
        most = self._means.settings.tester.concurrency
        targets = (one for one in self._kept.targets(self._done.below) if one[0] not in self._done)
        aside: list[tuple[int, Address]] = []  # whose network is busy
        more, started = True, 0
        async with asyncio.TaskGroup() as group:
            while more or aside:
                await self._allowed()
                one = self._from(aside) if self._freed.is_set() else None
                if one is None and more and self._running < most and len(aside) < ASIDE:
                    one = next(targets, None)
                    more = one is not None
                    if one is not None and not self._pacer.start(one[1]):
                        aside.append(one)
                        one = None
                    if one is None:
                        continue
                if one is None:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(LOOK):  # `wait_for` may swallow that the group is shutting down
                            await self._freed.wait()
                    continue
                self._running += 1
                group.create_task(self._test(*one))
                started += 1
                if started % 16 == 0:
                    await asyncio.sleep(0)  # those that run must not wait for those that begin

    def _from(self, aside: list[tuple[int, Address]]) -> tuple[int, Address] | None:
        """One of these whose network has a place again."""
        place = next((n for n, (_, address) in enumerate(aside) if self._pacer.start(address)), None)
        if place is None:
            self._freed.clear()
            return None
        return aside.pop(place)

    async def _allowed(self) -> None:
        """Look, now and then, whether anybody may be dialled. Raises Held."""
        means = self._means
        if means.clock.monotonic() - self._looked < LOOK:
            return
        while True:
            if why := await asyncio.to_thread(means.held):
                raise Held(why)
            self._looked = means.clock.monotonic()
            self._waits = means.settings.tester.quiet(means.clock.now())
            if not self._waits:
                return
            await asyncio.sleep(LOOK)

    async def _test(self, number: int, address: Address) -> None:
        try:
            self._found(await self._tested(number, address))
        finally:
            self._running -= 1
            self._pacer.end(address)
            self._freed.set()

    async def _tested(self, number: int, address: Address) -> Host:
        """What one target's test comes to, if it is tested."""
        if why := self._why_not(address):
            now = self._interviewer.now()
            return Host(target=number, address=address, at=now, outcome=Outcome.SKIPPED, stage="", there=False, why=why)
        host = await self._interviewer.test(number, address)
        if host.letter and host.outcome not in PENDING:
            self._forget(host.letter)
        return host

    def _why_not(self, address: Address) -> str:
        """Why this address is not dialled, or ""."""
        if why := why_not(address, lab_networks=self._means.settings.tester.lab_networks):
            return f"not for dialling: {why}"
        return self._means.barred(address)

    # -------------------------------------------------------------------------------------------- the letters

    def _file(self, number: int, letter: Letter, trial: Trial) -> None:
        """Have a letter on the disk, and know it when it comes back."""
        self._kept.add(FiledLetter(target=number, letter=letter))
        self._kept.flush(safe=True)
        self._open[letter.recipient] = self._open[letter.sender] = number, trial

    def _collector(self) -> Collector:
        survey = self._means.settings.survey
        return Collector(
            hostname=survey.collector_domain,
            domains=frozenset({survey.collector_domain, survey.bounce_domain}),
            gate=partial(letters.gate, self._keyring),
            deliver=self._take,
            now=self._interviewer.now,
            caps=Caps(connections=self._means.settings.collector.connections),
        )

    async def _take(self, message: Collected) -> None:
        """A message has come: weigh it, if it is about a letter of ours."""
        number, trial = self._open.get(message.token, (-1, None))
        if trial is None:
            return
        weighed = trial.receive(message, ours=self._ours, window=self._means.settings.tester.delivery_window)
        record = Back(
            target=number, token=message.token, finding=weighed.finding, peer=message.peer, at=message.received_at
        )
        self._kept.add(record)
        self._kept.flush(safe=True)
        self._settle(message.token, weighed.finding)

    async def _ask_lists(self) -> None:
        """Which other lists have the open relays: information only."""
        while self._relays and self._means.lists is not None:
            some = [self._relays.popitem() for _ in range(min(BATCH, len(self._relays)))]
            said = await self._means.lists([address for _, address in some])
            for number, address in some:
                on = tuple(one.zone for one in said[address] if one.listed)
                untold = tuple(one.zone for one in said[address] if one.listed is None)
                self._kept.add(ListedElsewhere(target=number, on=on, untold=untold))

    async def _wait(self, seconds: float) -> None:
        """Until every accepted letter has come to something, or so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._pending:
                    self._waits = f"{len(self._pending)} accepted letters are out"
                    self._came.clear()
                    await self._came.wait()
        self._waits = ""


def _first(several: BaseExceptionGroup[BaseException]) -> BaseException:
    inner = several.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
