"""Shell: one job's conversation, as the room (`tester.caller.Room`) that it is held in, with the verbs of the worker.

Store before you act: `prepare` files the letters, and only then is there anything to dial with. Holds no rule; whom to
dial next, and when to stop, is the worker's business.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime
from functools import partial
from ipaddress import ip_address

from dnsbl.addresses import Address
from dnsbl.casework.assignments import Assignment, Assignments, Leave
from dnsbl.clock import Clock
from dnsbl.daemons.looks import Looks
from dnsbl.daemons.names import Lookups
from dnsbl.model import MxPair
from dnsbl.rules import schedule
from dnsbl.settings import Settings
from tester import canary, manners, vectors
from tester.approach import Approach
from tester.caller import Sequel
from tester.composing import Sign
from tester.errors import NotDialable
from tester.fate import on, telling
from tester.guises import Guise
from tester.letter import Keyring, Sender
from tester.paths import Path
from tester.records import dataclass
from tester.smtp import Attempt, Event, Said, Transcript
from tester.trial import Trial, Vantage, pair_label

#: Seconds between two looks for a letter that came back.
POLL = 0.25
#: Seconds between two connections from which on the next look of the worker is waited for, a quarter of one at most.
PATIENT = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Means:
    """What every visit is made with."""

    assignments: Assignments
    settings: Settings
    keyring: Keyring
    clock: Clock
    sign: Callable[[Guise], Sign | None]  #: what signs a stranger's letters
    lookups: Lookups  #: what DNS tells of a host's names
    looks: Looks  #: of the worker, whether anybody may be dialled
    on_event: Callable[[Address, Event], None] | None  #: hears every byte
    sources: Callable[[], Sequence[Address]]  #: those of our own addresses that this machine has
    #: A place for an address of a host, beside that of the address whose test it is; false where there is none
    place: Callable[[Address, Address], AbstractAsyncContextManager[bool]]


class Visit:
    """The conversations of one job's take at one way into the host, without `path` at the first. `held` says that
    nobody is to be dialled now, `heard` is told of every connection that is over; `last` says that the take is over
    with them, so that it is filed with the last one."""

    approach: Approach  #: once it is prepared
    refused = False  #: whether there was no leave for a connection
    over = False  #: whether the end of the take has been filed

    def __init__(
        self,
        means: Means,
        assignment: Assignment,
        path: Path | None = None,
        *,
        held: Callable[[], bool],
        heard: Callable[[Transcript], None],
        last: bool = False,
    ) -> None:
        self._means = means
        self._assignment = assignment
        self._last = last
        self._held = held
        self._heard = heard
        self._first = assignment.paths[0]
        self._path = path or self._first
        self._dialled: datetime | None = None  # when the connection that is made now was counted
        self._ahead: datetime | None = None  # and the next one, where it was counted ahead
        self._as_of: object = None  # the mark of the worker's looks when leave was given
        self._trial = self._prepared()

    def prepare(self, forms: Iterable[vectors.Vector] = ()) -> bool:
        """Have letters to offer: those of this way in that were filed and are still open, and fresh ones for `forms`,
        filed before we dial. At the first way in a fresh set is of the whole profile. Synchronous; returns whether
        there is anything to offer. Raises NotFound when the job is no longer ours.
        """
        settings, job, filed = (
            self._means.settings,
            self._assignment.job,
            on(self._path, telling(self._assignment.letters)),
        )
        put_off = [fate for fate in filed if schedule.offered(settings.tester, fate.outcome, job.retries)]
        fresh = list(forms)
        if self._path == self._first and not filed:
            fresh = list(vectors.profile(job.profile))
        if not fresh:
            self._trial.take_up(self._path, put_off)
        else:
            self._file(fresh)
        self._approach(nonsense=secrets.token_hex(8))
        return bool(fresh or put_off)

    def prepare_canary(self) -> None:
        """Have the letter with canaries to offer, filed before we dial, and nothing to ask besides."""
        self._file([vectors.CATALOGUE[canary.FORM]])
        self._approach(nonsense="", control=False)

    def prepare_nothing(self) -> None:
        """Have nothing to offer: the server is only heard, by what name it greets."""
        self._approach(nonsense="")

    def _file(self, forms: Sequence[vectors.Vector]) -> None:
        issued = self._trial.issue(
            self._path,
            forms,
            now=self.now(),
            lifetime=self._means.settings.tester.late_window,
            random=secrets.token_bytes,
        )
        self._ahead = self._means.assignments.file_letters(self._assignment, issued, self._path, ahead=True)

    def _approach(self, *, nonsense: str, control: bool = True) -> None:
        limits = self._means.settings.tester.limits
        if self._path != self._first:
            side = self._means.settings.tester.side_timeout
            limits = replace(
                limits,
                connect=min(side, limits.connect),
                banner=min(4 * side, limits.banner),
                banner_second=min(4 * side, limits.banner_second),
            )
        self.approach = self._trial.approach(
            self._path, limits=limits, nonsense=nonsense, ask_own=control, control=control
        )

    # ---------------------------------------------------------------------------------------------- the room

    def now(self) -> float:
        """The time, in epoch seconds."""
        return self._means.clock.now().timestamp()

    def compose(self, said: Said) -> list[Attempt]:
        """The letters, written now that the server has said its name."""
        return self._trial.compose(self._path, said, now=self.now())

    async def may_dial(self) -> bool:
        """Not while testing is held, and not whoever has opted out. Raises PutOff."""
        leave = await self._renewed() or (None if self._held() else await self._leave())
        self._dialled = leave.counted if leave else None
        self.refused = leave is None
        return leave is not None

    async def _leave(self) -> Leave | None:
        """Leave, asked for."""
        looks, ahead, self._ahead = self._means.looks, self._ahead, None
        mark = looks.mark
        leave = await asyncio.to_thread(self._means.assignments.dial, self._assignment, self._path.address, ahead)
        self._as_of = mark if leave else None
        return leave

    async def _renewed(self) -> Leave | None:
        """The leave that was given before, where the worker's next look shows that it would be given now, and there is
        time to wait for that; else None."""
        if self._as_of is None or self._means.settings.tester.connection_gap < PATIENT:
            return None
        unchanged = await self._means.looks.next() == self._as_of
        if not unchanged or self._held() or not self._means.assignments.is_counted(self._assignment, self._ahead):
            return None
        ahead, self._ahead = self._ahead, None
        return Leave(counted=ahead)

    async def done(self) -> None:
        """No further connection is made."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            forgo = self._means.assignments.forgo
            await asyncio.to_thread(forgo, self._assignment, self._path.address, ahead)

    def check_peer(self, address: Address) -> None:
        """The connected socket's far end must be dialable as well (law 4)."""
        if why := manners.why_not(address, lab_networks=self._means.settings.tester.lab_networks):
            raise NotDialable(f"{address} must not be dialled: {why}")

    async def own_name(self, names: tuple[str, ...]) -> str:
        """The server's own name; where letters go to a name that stands for this test, our DNS serves that from now
        on. In a lab, which has no public names, whatever it says is believed."""
        address, tester = self._path.address, self._means.settings.tester
        if any(address in lab for lab in tester.lab_networks):
            own = next(iter(names), "")
        else:
            own = await self._means.lookups.own_name(address, names)
        if tester.mx_domain and any(fate.letter.vector == "M01" and fate.to_offer for fate in self._trial.fates):
            pair = MxPair(label=pair_label(self._trial.run, address), address=address, name=own.lower())
            await asyncio.to_thread(self._means.assignments.file_pair, self._assignment, pair)
        return own

    async def proven(self, seconds: float) -> bool:
        """Wait up to so many seconds for a letter that was offered here to come back."""
        clock, run = self._means.clock, self._assignment.job.run
        until = clock.monotonic() + seconds
        while not await asyncio.to_thread(self._means.assignments.proven, run, self._path):
            left = until - clock.monotonic()
            if left <= 0:
                return False
            await asyncio.sleep(min(POLL, left))
        return True

    async def keep(self, transcript: Transcript, sequel: Sequel) -> None:
        """File one connection, and with it whatever else is to be filed at this moment."""
        self._heard(transcript)
        over = self._last and sequel is Sequel.END
        file = partial(self._means.assignments.file_session, dialled=self._dialled, ahead=sequel is Sequel.ANOTHER)
        self._ahead = await asyncio.to_thread(file, self._assignment, transcript, over=over)
        self.over = over

    def show(self, event: Event) -> None:
        """Tell whoever watches."""
        if self._means.on_event is not None:
            self._means.on_event(self._path.address, event)

    # --------------------------------------------------------------------------------------------- its parts

    def _prepared(self) -> Trial:
        settings, job = self._means.settings, self._assignment.job
        guises = self._assignment.guises or _as_ever(settings)
        first, *others = map(self._vantage, guises, self._places(guises))
        return Trial(
            run=job.run,
            nomination=job.provocation,
            vantage=replace(first, other=next(iter(others), None)),
            keyring=self._means.keyring,
            off=settings.tester.vectors_off,
            mx_domain=settings.tester.mx_domain or "",
        )

    def _places(self, guises: Sequence[Guise]) -> list[Address | None]:
        """Where these strangers dial from; None where the system takes an address. One who was drawn on another machine
        may have an address that is not ours. At a way in of the other family he comes from the address of ours that has
        the same place there; where this machine lacks it, from one that no other of them comes from, if it can be."""
        ours = self._means.settings.tester.source_addresses
        whole = [one for one in ours if one.version == self._path.address.version]
        here = [one for one in self._means.sources() if one in whole] or whole
        meant: list[Address | None] = []
        for guise in guises:
            source = ip_address(guise.source) if guise.source else None
            family = [one for one in ours if source is not None and one.version == source.version]
            meant.append(whole[family.index(source) % len(whole)] if whole and source in family else None)
        found: list[Address | None] = []
        for at, place in enumerate(meant):
            if place is not None and place not in here:
                free = [one for one in here if one not in (*found, *meant[at + 1 :])] or here
                place = free[whole.index(place) % len(free)]
            found.append(place)
        return found

    def _vantage(self, guise: Guise, source: Address | None) -> Vantage:
        """Where a stranger stands."""
        settings, guise = self._means.settings, guise.at(str(source) if source else "")
        return Vantage(
            sender=Sender(
                service=settings.service.name,
                website=settings.service.website,
                contact=settings.service.contact,
                helo=guise.helo,
                collector_domain=guise.collector_domain,
                bounce_domain=guise.bounce_domain,
                wording=guise.wording,
            ),
            source=guise.source or None,
            collectors=settings.collector.addresses,
            sign=self._means.sign(guise),
            third_domain=guise.third_domain,
            remark=guise.told,
        )


def _as_ever(settings: Settings) -> tuple[Guise, ...]:
    """Who tests for a run from before there were guises."""
    tester = settings.tester
    return (
        Guise(
            helo=tester.helo,
            collector_domain=tester.collector_domain,
            bounce_domain=tester.bounce_domain,
            selector=tester.dkim_selector,
        ),
    )
