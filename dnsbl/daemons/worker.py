"""Shell: takes due jobs and has each host tested. Store before you act: letters are filed before anybody dials.

Holds no rule: which letters, `vectors`; what to say, `dialogue`; what it proves, `verdict`; what follows, `casework`.
A worker that dies leaves its jobs to their leases; another takes the same run up with the same letters.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress

from dnsbl.addresses import Address, Network, neighbourhood
from dnsbl.casework import Assignment, Casework
from dnsbl.clock import Clock
from dnsbl.errors import DnsblError
from dnsbl.settings import Settings
from tester import letter, manners, vectors
from tester.caller import call
from tester.errors import NotDialable
from tester.letter import Keyring, Letter
from tester.smtp import RETRY, Attempt, Event, Limits, Transcript

log = logging.getLogger(__name__)

#: Seconds between two looks for due jobs, and for letters that came back.
POLL = 0.25


class Worker:
    """Tests due jobs, several at once. `on_event` hears every byte, for whoever watches."""

    def __init__(
        self,
        casework: Casework,
        settings: Settings,
        keyring: Keyring,
        clock: Clock,
        *,
        on_event: Callable[[Address, Event], None] | None = None,
    ) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(2)}"
        self._casework = casework
        self._settings = settings
        self._keyring = keyring
        self._clock = clock
        self._on_event = on_event
        self._pacer = manners.Pacer(everywhere=settings.tester.concurrency, per_network=settings.tester.per_network)
        self._running: dict[Address, asyncio.Task[None]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`; what is running then is cut off, and its lease brings it back."""
        try:
            while not stop.is_set():
                if not await self._start_one():
                    with suppress(TimeoutError):
                        await asyncio.wait_for(stop.wait(), POLL)
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

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
        here = Counter(neighbourhood(address) for address in self._running)
        return [network for network, n in here.items() if n >= self._settings.tester.per_network]

    def _ended(self, address: Address, task: asyncio.Task[None]) -> None:
        self._running.pop(address, None)
        self._pacer.end(address)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the test of %s broke off; its lease brings the job back", address, exc_info=error)

    async def _hold(self, assignment: Assignment) -> None:
        """Carry out one job while its lease is renewed beside it."""
        testing = asyncio.create_task(self._test(assignment))
        try:
            while not testing.done():
                await asyncio.wait({testing}, timeout=self._settings.tester.lease / 3)
                if not testing.done() and not await asyncio.to_thread(self._casework.renew_lease, assignment):
                    log.warning("the lease of %s went to another worker", assignment.job.address)
                    return
            testing.result()
        finally:
            testing.cancel()
            with suppress(asyncio.CancelledError):
                await testing

    async def _test(self, assignment: Assignment) -> None:
        tester, job = self._settings.tester, assignment.job
        letters = await asyncio.to_thread(self._letters, assignment)
        source = next((str(a) for a in tester.source_addresses if a.version == job.address.version), None)
        on_event = self._on_event

        async def file_session(transcript: Transcript) -> None:
            await asyncio.to_thread(self._casework.file_session, assignment, transcript)

        await call(
            job.address,
            job.port,
            lambda target_name: self._attempts(assignment, letters, target_name),
            helo=tester.helo,
            bounce_address=f"{letters[0].sender}@{tester.bounce_domain}" if letters else "",
            limits=self._limits(),
            now=lambda: self._clock.now().timestamp(),
            source=source,
            proven=lambda seconds: self._proven(job.run, seconds),
            on_session=file_session,
            on_event=(lambda event: on_event(job.address, event)) if on_event else None,
            check_peer=self._check,
        )
        await asyncio.to_thread(self._casework.file_run, assignment)

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
                if filed.outcome is None or filed.outcome in RETRY
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

    def _attempts(self, assignment: Assignment, letters: Sequence[Letter], target_name: str) -> list[Attempt]:
        tester, service, job = self._settings.tester, self._settings.service, assignment.job
        names = vectors.Names(
            target=job.address,
            target_name=target_name,
            collector_domain=tester.collector_domain,
            bounce_domain=tester.bounce_domain,
        )
        sender = letter.Sender(
            service=service.name,
            website=service.website,
            contact=service.contact,
            helo=tester.helo,
            collector_domain=tester.collector_domain,
            bounce_domain=tester.bounce_domain,
        )
        attempts = []
        for issued in letters:
            vector = vectors.CATALOGUE[issued.vector]
            envelope = vectors.envelope(vector, names, sender=issued.sender, recipient=issued.recipient)
            message = letter.write(
                issued,
                proof=letter.proof(self._keyring, issued),
                sender=sender,
                nomination=job.provocation,
                date=self._clock.now().timestamp(),
                mail_to=f"{issued.recipient}@{tester.collector_domain}",
            )
            attempts.append(
                Attempt(
                    vector=vector.id,
                    token=issued.recipient,
                    mail=envelope.mail,
                    rcpt=envelope.rcpt,
                    message=message,
                    odd=vector.odd,
                )
            )
        return attempts

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
            command=tester.command_timeout,
            final=tester.final_timeout,
            connection=tester.connection_timeout,
            attempt_gap=tester.attempt_gap,
            connection_gap=tester.connection_gap,
            grace=tester.grace,
        )
