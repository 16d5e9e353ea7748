"""Shell: takes due jobs and has each host tested. Store before you act: letters are filed before anybody dials.

Holds no rule: which letters, `vectors`; what to say, `dialogue`; what it proves, `verdict`; what follows, `casework`.
A worker that dies leaves its jobs to their leases; another takes the same run up with the same letters. While all
testing is stopped, in quiet hours, and without names of our own, nobody is dialled: what is being said is broken off
and its job put back.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from dnsbl.addresses import Address, Network, neighbourhood
from dnsbl.casework import Assignment, Casework
from dnsbl.clock import Clock
from dnsbl.daemons import names
from dnsbl.daemons.signing import signer
from dnsbl.errors import DnsblError
from dnsbl.model import Job, JobReason
from dnsbl.rules import schedule
from dnsbl.settings import Settings
from tester import letter, manners, vectors
from tester.caller import call
from tester.composing import compose
from tester.errors import NotDialable
from tester.letter import Keyring, Letter
from tester.smtp import Attempt, Event, Flag, Limits, Said, Transcript

log = logging.getLogger(__name__)

#: Seconds between two looks for due jobs, for letters that came back, and for a stop.
POLL = 0.25

#: Seconds for which a network with a tarpit in it has one test at a time, and how many such networks are kept in mind.
SLOW_FOR, MOST_SLOW = 3600.0, 10000

OwnName = Callable[[Address, tuple[str, ...]], Awaitable[str]]


class Worker:
    """Tests due jobs, several at once. `on_event` hears every byte, for whoever watches; `own_name` says which of its
    names is a server's own."""

    def __init__(
        self,
        casework: Casework,
        settings: Settings,
        keyring: Keyring,
        clock: Clock,
        *,
        on_event: Callable[[Address, Event], None] | None = None,
        own_name: OwnName = names.own_name,
    ) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(2)}"
        self._casework = casework
        self._settings = settings
        self._keyring = keyring
        self._clock = clock
        self._on_event = on_event
        self._own_name = own_name
        self._sign = signer(settings.tester)
        self._slow: dict[Network, float] = {}  # networks of tarpits, until when they are so called
        self._held = False  # whether nobody is to be dialled now
        self._pacer = manners.Pacer(everywhere=settings.tester.concurrency, per_network=settings.tester.per_network)
        self._running: dict[Address, asyncio.Task[None]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`; what is running then is cut off, and its lease brings it back."""
        await self._look()
        watching = asyncio.create_task(self._watch())
        try:
            while not stop.is_set():
                if watching.done():
                    watching.result()  # without it no stop would be obeyed: better no worker
                if self._held or not await self._start_one():
                    with suppress(TimeoutError):
                        await asyncio.wait_for(stop.wait(), POLL)
        finally:
            watching.cancel()
            await self._break_off()

    async def _watch(self) -> None:
        """Break everything off as soon as nobody is to be dialled, and one test when its host opts out."""
        while True:
            await asyncio.sleep(POLL)
            await self._look()
            if self._held:
                await self._break_off()
                continue
            with suppress(DnsblError):  # the store's silence has been logged
                for address in await asyncio.to_thread(self._casework.opted_out, list(self._running)):
                    if address in self._running:
                        self._running[address].cancel()

    async def _look(self) -> None:
        """See whether anybody may be dialled now. While the store does not answer, the last word holds."""
        tester = self._settings.tester
        quiet = self._clock.now().hour in tester.quiet_hours
        try:
            stopped = await asyncio.to_thread(self._casework.stopped)
        except DnsblError as error:
            log.warning("it is not known whether testing is stopped: %s", error)
            return
        why = tester.held or (quiet and "these are quiet hours") or (stopped and "an operator has stopped testing")
        if why and not self._held:
            log.warning("nobody is dialled from now on: %s", why)
        elif self._held and not why:
            log.warning("testing goes on")
        self._held = bool(why)

    async def _break_off(self) -> None:
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _start_one(self) -> bool:
        """Take one job if there is a place for it. False: nothing to do now."""
        if len(self._running) >= self._settings.tester.concurrency:
            return False
        try:
            assignment = await asyncio.to_thread(self._casework.take_job, self.name, avoid=self._full())
        except DnsblError as error:
            log.warning("no job taken: %s", error)
            return False
        if assignment is None:
            return False
        address = assignment.job.address
        if not self._pacer.start(address):
            log.warning("%s has no place now; its lease brings the job back", address)
            return False
        task = asyncio.create_task(self._hold(assignment))
        self._running[address] = task
        task.add_done_callback(lambda done: self._ended(address, done))
        return True

    def _full(self) -> list[Network]:
        """Neighbourhoods that take no further test now, and addresses under test."""
        here, now = Counter(neighbourhood(address) for address in self._running), self._clock.monotonic()
        most = self._settings.tester.per_network
        return [network for network, n in here.items() if n >= (1 if self._slow.get(network, now) > now else most)]

    def _note_pace(self, address: Address, transcript: Transcript) -> None:
        """Where a server keeps us waiting, its network has one test at a time for a while."""
        if Flag.TARPIT in transcript.flags and len(self._slow) < MOST_SLOW:
            self._slow[neighbourhood(address)] = self._clock.monotonic() + SLOW_FOR
        now = self._clock.monotonic()
        self._slow = {network: until for network, until in self._slow.items() if until > now}

    def _ended(self, address: Address, task: asyncio.Task[None]) -> None:
        self._running.pop(address, None)
        self._pacer.end(address)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the test of %s broke off; its lease brings the job back", address, exc_info=error)

    async def _hold(self, assignment: Assignment) -> None:
        """Carry out one job while its lease is renewed beside it."""
        testing = asyncio.create_task(self._test(assignment))
        over = False
        try:
            while not testing.done():
                await asyncio.wait({testing}, timeout=self._settings.tester.lease / 3)
                if not testing.done() and not await asyncio.to_thread(self._casework.renew_lease, assignment):
                    log.warning("the lease of %s went to another worker", assignment.job.address)
                    return
            over = testing.result()
        finally:
            testing.cancel()
            with suppress(asyncio.CancelledError):
                await testing
            if self._held and not over:
                await asyncio.to_thread(self._casework.give_back, assignment)
            elif not over and not await asyncio.to_thread(self._casework.may_dial, assignment):
                await asyncio.to_thread(self._casework.file_run, assignment)  # judged by what there is

    async def _test(self, assignment: Assignment) -> bool:
        """Hold the conversations of one job and file the run; False when nobody may be dialled meanwhile."""
        tester, job = self._settings.tester, assignment.job
        letters = await asyncio.to_thread(self._letters, assignment)
        on_event = self._on_event

        async def file_session(transcript: Transcript) -> None:
            self._note_pace(job.address, transcript)
            await asyncio.to_thread(self._casework.file_session, assignment, transcript)

        async def may_dial() -> bool:
            return not self._held and await asyncio.to_thread(self._casework.may_dial, assignment)

        await call(
            job.address,
            job.port,
            lambda said: self._attempts(assignment, letters, said),
            helo=tester.helo,
            bounce_address=f"{letters[0].sender}@{tester.bounce_domain}" if letters else "",
            limits=self._limits(),
            now=lambda: self._clock.now().timestamp(),
            source=self._source(job),
            proven=lambda seconds: self._proven(job.run, seconds),
            on_session=file_session,
            on_event=(lambda event: on_event(job.address, event)) if on_event else None,
            check_peer=self._check,
            may_dial=may_dial,
            own_name=lambda said: self._own(job.address, said),
            prefer_tls=job.reason is JobReason.CONFIRM,
            nonsense=secrets.token_hex(8),
        )
        await self._look()
        if self._held:
            return False
        await asyncio.to_thread(self._casework.file_run, assignment)
        return True

    def _source(self, job: Job) -> str | None:
        """Our address to dial from: the first of the family; for a second view of the same server the second one."""
        ours = [
            str(address) for address in self._settings.tester.source_addresses if address.version == job.address.version
        ]
        second = job.reason in (JobReason.VANTAGE, JobReason.CONFIRM)
        return next(iter(ours[1:] if second and len(ours) > 1 else ours), None)

    async def _own(self, address: Address, said: tuple[str, ...]) -> str:
        """The server's own name. In a lab, which has no public names, whatever it says is believed."""
        if any(address.version == lab.version and address in lab for lab in self._settings.tester.lab_networks):
            return next(iter(said), "")
        return await self._own_name(address, said)

    def _letters(self, assignment: Assignment) -> list[Letter]:
        """The letters to offer now: the filed ones that are still open, or a fresh set, filed before we dial."""
        job, tester = assignment.job, self._settings.tester
        if assignment.letters:
            return [
                Letter(
                    recipient=filed.recipient,
                    sender=filed.sender,
                    address=job.address,
                    port=job.port,
                    vector=filed.vector,
                    run=filed.run,
                    not_before=filed.not_before,
                    not_after=filed.not_after,
                    proof_hash=b"",
                )
                for filed in assignment.letters
                if schedule.offered(tester, filed.outcome, job.retries)
            ]
        now = int(self._clock.now().timestamp())
        fresh = [
            letter.issue(
                self._keyring,
                address=job.address,
                port=job.port,
                vector=vector.id,
                run=job.run,
                not_before=now,
                not_after=now + int(tester.late_window),
                random=secrets.token_bytes,
            )
            for vector in vectors.profile(job.profile)
        ]
        self._casework.file_letters(assignment, fresh)
        return fresh

    def _attempts(self, assignment: Assignment, letters: Sequence[Letter], said: Said) -> list[Attempt]:
        tester, service, job = self._settings.tester, self._settings.service, assignment.job
        known = vectors.Names(
            target=job.address,
            target_name=said.name,
            own_name=said.own,
            collector_domain=tester.collector_domain,
            bounce_domain=tester.bounce_domain,
            collector_addresses=self._settings.collector.addresses,
        )
        sender = letter.Sender(
            service=service.name,
            website=service.website,
            contact=service.contact,
            helo=tester.helo,
            collector_domain=tester.collector_domain,
            bounce_domain=tester.bounce_domain,
        )
        return compose(
            letters,
            keyring=self._keyring,
            names=known,
            sender=sender,
            greeting=said.text,
            nomination=job.provocation,
            date=self._clock.now().timestamp(),
            sign=self._sign,
            off=tester.vectors_off,
        )

    async def _proven(self, run: str, seconds: float) -> bool:
        """Wait up to so many seconds for a letter of this run to come back."""
        until = self._clock.monotonic() + seconds
        while not await asyncio.to_thread(self._casework.proven, run):
            left = until - self._clock.monotonic()
            if left <= 0:
                return False
            await asyncio.sleep(min(POLL, left))
        return True

    def _check(self, address: Address) -> None:
        """The connected socket's far end must be dialable as well (law 4)."""
        if why := manners.why_not(address, lab_networks=self._settings.tester.lab_networks):
            raise NotDialable(f"{address} must not be dialled: {why}")

    def _limits(self) -> Limits:
        tester = self._settings.tester
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
