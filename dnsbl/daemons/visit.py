"""Shell: one job's conversation, as the room (`tester.caller.Room`) that it is held in, with the verbs of the worker.

Store before you act: `prepare` files the letters, and only then is there anything to dial with. Holds no rule; whom to
dial next, and when to stop, is the worker's business.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from ipaddress import ip_address

from dnsbl.addresses import Address
from dnsbl.casework.assignments import Assignment, Assignments
from dnsbl.clock import Clock
from dnsbl.model import MxPair
from dnsbl.rules import schedule
from dnsbl.settings import Settings
from tester import manners, vectors
from tester.approach import Approach
from tester.composing import Sign
from tester.errors import NotDialable
from tester.guises import Guise
from tester.letter import Keyring, Sender
from tester.smtp import Attempt, Event, Limits, Said, Transcript
from tester.trial import Trial, Vantage, pair_label

#: Seconds between two looks for a letter that came back.
POLL = 0.25


@dataclass(frozen=True, kw_only=True, slots=True)
class Means:
    """What every visit is made with."""

    assignments: Assignments
    settings: Settings
    keyring: Keyring
    clock: Clock
    sign: Callable[[Guise], Sign | None]  #: what signs a stranger's letters
    own_name: Callable[[Address, tuple[str, ...]], Awaitable[str]]  #: which of its names is a server's own
    on_event: Callable[[Address, Event], None] | None  #: hears every byte


class Visit:
    """The conversations of one job's take. `held` says that nobody is to be dialled now, `heard` is told of every
    connection that is over."""

    approach: Approach  #: once it is prepared

    def __init__(
        self, means: Means, assignment: Assignment, *, held: Callable[[], bool], heard: Callable[[Transcript], None]
    ) -> None:
        self._means = means
        self._assignment = assignment
        self._held = held
        self._heard = heard
        self._path = assignment.paths[0]
        self._trial = self._prepared()

    def prepare(self) -> None:
        """Have letters to offer: those filed that are still open, or a fresh set, filed before we dial. Synchronous.

        Raises NotFound when the job is no longer ours.
        """
        settings, job, filed = self._means.settings, self._assignment.job, self._assignment.letters
        if filed:
            put_off = [fate for fate in filed if schedule.offered(settings.tester, fate.outcome, job.retries)]
            self._trial.take_up(self._path, put_off)
        else:
            issued = self._trial.issue(
                self._path,
                vectors.profile(job.profile),
                now=self.now(),
                lifetime=settings.tester.late_window,
                random=secrets.token_bytes,
            )
            self._means.assignments.file_letters(self._assignment, issued)
        limits, nonsense = _limits(settings), secrets.token_hex(8)
        self.approach = self._trial.approach(self._path, limits=limits, nonsense=nonsense, ask_own=True)

    # ---------------------------------------------------------------------------------------------- the room

    def now(self) -> float:
        """The time, in epoch seconds."""
        return self._means.clock.now().timestamp()

    def compose(self, said: Said) -> list[Attempt]:
        """The letters, written now that the server has said its name."""
        return self._trial.compose(self._path, said, now=self.now())

    async def may_dial(self) -> bool:
        """Not while testing is held, and not whoever has opted out."""
        return not self._held() and await asyncio.to_thread(self._means.assignments.may_dial, self._assignment)

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
            own = await self._means.own_name(address, names)
        if tester.mx_domain and any(fate.letter.vector == "M01" and fate.to_offer for fate in self._trial.fates):
            pair = MxPair(label=pair_label(self._trial.run, address), address=address, name=own.lower())
            await asyncio.to_thread(self._means.assignments.file_pair, self._assignment, pair)
        return own

    async def proven(self, seconds: float) -> bool:
        """Wait up to so many seconds for a letter of this run to come back."""
        clock, run = self._means.clock, self._assignment.job.run
        until = clock.monotonic() + seconds
        while not await asyncio.to_thread(self._means.assignments.proven, run):
            left = until - clock.monotonic()
            if left <= 0:
                return False
            await asyncio.sleep(min(POLL, left))
        return True

    async def keep(self, transcript: Transcript) -> None:
        """File one connection."""
        self._heard(transcript)
        await asyncio.to_thread(self._means.assignments.file_session, self._assignment, transcript)

    def show(self, event: Event) -> None:
        """Tell whoever watches."""
        if self._means.on_event is not None:
            self._means.on_event(self._path.address, event)

    # --------------------------------------------------------------------------------------------- its parts

    def _prepared(self) -> Trial:
        settings, job = self._means.settings, self._assignment.job
        first, *others = map(self._vantage, self._assignment.guises or _as_ever(settings))
        return Trial(
            run=job.run,
            nomination=job.provocation,
            vantage=replace(first, other=next(iter(others), None)),
            keyring=self._means.keyring,
            off=settings.tester.vectors_off,
            mx_domain=settings.tester.mx_domain or "",
        )

    def _vantage(self, guise: Guise) -> Vantage:
        """Where a stranger stands. One who was drawn on another machine may have an address that is not ours; then the
        system takes one."""
        settings = self._means.settings
        ours = guise.source and ip_address(guise.source) in settings.tester.source_addresses
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
            source=guise.source if ours else None,
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


def _limits(settings: Settings) -> Limits:
    tester = settings.tester
    return Limits(
        connect=tester.connect_timeout,
        banner=tester.banner_timeout,
        banner_second=tester.banner_second_timeout,
        command=tester.command_timeout,
        final=tester.final_timeout,
        connection=tester.connection_timeout,
        connections=tester.connections,
        attempt_gap=tester.attempt_gap,
        connection_gap=tester.connection_gap,
        grace=tester.grace,
    )
