"""Shell: takes due jobs and has each host tested. Store before you act: letters are filed before anybody dials.

Holds no rule: what is offered to a host, and how, is a `visit`; what follows, `casework`. All testing is stopped by an
entry of the journal, on every machine, or by a file in the state folder, on this one, where a database takes no entry.
A worker that dies leaves its jobs to their leases; another takes the same run up with the same letters. While all
testing is stopped, in quiet hours, without names of our own, and where a family of the addresses that we dial from is
gone (`standing`), nobody is dialled: what is being said is broken off and its job put back. A host that this machine
alone cannot dial has its test put off, with the reason.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from dnsbl.addresses import Address, Network, neighbourhood, network_of
from dnsbl.casework.assignments import Assignment, Assignments
from dnsbl.casework.standstill import stopped
from dnsbl.clock import Clock
from dnsbl.daemons.looks import Looks
from dnsbl.daemons.names import Lookups
from dnsbl.daemons.rounds import Round
from dnsbl.daemons.signing import signer
from dnsbl.daemons.standing import Foothold
from dnsbl.daemons.visit import Means
from dnsbl.errors import DnsblError, PutOff, StoreUnavailable, capital
from dnsbl.model import ASKED, Crowded
from dnsbl.places import halted as halted_here
from dnsbl.rules import queues
from dnsbl.settings import Settings
from tester import manners
from tester.errors import Undialled
from tester.letter import Keyring
from tester.smtp import Event, Flag, Transcript

_log = logging.getLogger(__name__)

#: Seconds between two looks for due jobs, and for a stop.
POLL = 0.25

#: Seconds that a test waits for its turn at another address of its host.
TWIN_PATIENCE = 60.0

#: Seconds for which it is told that a host could not be dialled from here.
UNDIALLED = 3600.0

#: Networks with a tarpit in them that are kept in mind.
MOST_SLOW = 10000


class Worker:
    """Tests due jobs, several at once. `on_event` hears every byte, for whoever watches; `lookups` asks DNS about a
    host's names; `foothold` knows which of our own addresses this machine has; `lacking` is told what we do without, a
    sentence, and "" when that is over, and whether it is more than a single host that is not dialled for it."""

    def __init__(
        self,
        assignments: Assignments,
        settings: Settings,
        keyring: Keyring,
        clock: Clock,
        *,
        on_event: Callable[[Address, Event], None] | None = None,
        lookups: Lookups = Lookups(),  # noqa: B008 (frozen)
        foothold: Foothold | None = None,
        lacking: Callable[[str, bool], None] = lambda why, more: None,
    ) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(2)}"
        self._assignments = assignments
        self._settings = settings
        self._clock = clock
        self._foothold = foothold or Foothold(settings.tester.source_addresses, clock)
        self._looks = Looks()
        self._means = Means(
            assignments=assignments,
            settings=settings,
            keyring=keyring,
            clock=clock,
            sign=signer(settings.tester),
            lookups=lookups,
            looks=self._looks,
            on_event=on_event,
            place=self._place,
            sources=lambda: self._foothold.here,
        )
        self._slow: dict[Network, float] = {}  # networks of tarpits, until when they are so called
        self.problem = ""  #: why nobody can be dialled from this machine, or is, a sentence, or ""
        self.held = ""  #: the same, where an operator has stopped this machine
        self._stuck = ""  # why no job can be taken, a sentence
        self._lacking, self._lacks = lacking, ""
        self._undialled = -UNDIALLED, ""  # when a host could not be dialled from here, and why
        self._held = False  # whether nobody is to be dialled now
        self._pacer = manners.Pacer(everywhere=settings.tester.concurrency, per_network=settings.tester.per_network + 1)
        self._running: dict[Address, asyncio.Task[None]] = {}
        self._asked: dict[Address, bool] = {}  # what runs, and whether somebody asked for it
        self._beside: set[Address] = set()  # addresses that are dialled in the test of another one of their host

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
        known: object = None
        while True:
            await asyncio.sleep(POLL)
            await self._look()
            if self._held:
                await self._break_off()
                continue
            with suppress(DnsblError):  # the store's silence has been logged
                known = await self._let_go(known)

    async def _let_go(self, known: object) -> object:
        """Break off the tests of those who have opted out since this mark; the new one. Hundreds may be under way, so
        they are looked up only where it has changed; whoever begins later is asked for before he is dialled."""
        mark = self._looks.mark
        if mark != known:
            for address in await asyncio.to_thread(self._assignments.opted_out, list(self._running)):
                if address in self._running:
                    self._running[address].cancel()
        return mark

    async def _look(self, *, failed: bool = False) -> None:
        """See whether anybody may and can be dialled now, at once where a dial has `failed`. While the store does not
        answer, the last word holds."""
        with self._looks.look() as seen:
            await self._see(seen, failed=failed)

    async def _see(self, seen: list[object], *, failed: bool) -> None:
        tester = self._settings.tester
        if not tester.held:
            self._foothold.look(now=failed)
        gone = self._foothold.problem
        self._tell_lack()
        halted = halted_here(self._settings)
        self.problem = f"Nobody is dialled from here: {gone}." if gone else self._stuck
        self.held = f"{capital(halted)}." if halted else ""
        try:
            stop, mark = await asyncio.to_thread(self._assignments.heeded)
        except DnsblError as error:
            _log.warning("it is not known whether testing is stopped: %s", error)
            self._held = self._held or bool(gone or halted)
            return
        said = stopped(stop) if stop else ""
        why = tester.held or said or gone or halted or tester.quiet(self._clock.now())
        if why and not self._held:
            _log.warning("nobody is dialled from now on: %s", why)
        elif self._held and not why:
            _log.warning("testing goes on")
        self._held = bool(why)
        seen.append(mark)

    def _tell_lack(self) -> None:
        at, undialled = self._undialled
        lacks = self._foothold.lacking
        told = lacks or (undialled if self._clock.monotonic() - at < UNDIALLED else "")
        if told != self._lacks:
            _log.warning("%s", told or "nothing is lacking any more to dial with")
            self._lacking(f"{capital(told)}." if told else "", bool(lacks))
        self._lacks = told

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
            assignment = await asyncio.to_thread(
                self._assignments.take_job, self.name, full=self._full(), sources=self._foothold.here
            )
        except DnsblError as error:
            _log.warning("no job taken: %s", error)
            return False
        except Exception as error:  # whatever is wrong with one job, the tests that are under way go on
            if not self._stuck:
                _log.exception("no job can be taken")
            self._stuck = f"No job can be taken: {type(error).__name__}; the log says more."
            return False
        self._stuck = ""
        if assignment is None:
            return False
        address = assignment.job.address
        if not self._pacer.start(address):
            _log.warning("%s has no place now; its lease brings the job back", address)
            return False
        task = asyncio.create_task(self._hold(assignment))
        self._running[address], self._asked[address] = task, assignment.job.rank == ASKED
        task.add_done_callback(lambda done: self._ended(address, done))
        return True

    def _full(self) -> Crowded:
        """What takes no further test now."""
        now = self._clock.monotonic()
        slow = [network for network, until in self._slow.items() if until > now]
        crowded = queues.full(self._settings.tester, self._asked, slow)
        beside = frozenset(network_of(address) for address in self._beside)
        return replace(crowded, networks=crowded.networks | beside, asked=crowded.asked | beside)

    @asynccontextmanager
    async def _place(self, address: Address, other: Address) -> AsyncIterator[bool]:
        """A place for another address of the host under test, in place of the host's own: a host has one connection
        at a time. Waits a little while where that address has a test of its own now; no test of it begins meanwhile."""
        self._pacer.end(address)
        until, free = self._clock.monotonic() + TWIN_PATIENCE, False
        try:
            while True:
                busy = await asyncio.to_thread(self._assignments.under_test, other)
                free = not busy and self._pacer.start(other)
                if free or self._clock.monotonic() >= until:
                    break
                await asyncio.sleep(POLL)
            if free:
                self._beside.add(other)
            yield free
        finally:
            if free:
                self._beside.discard(other)
                self._pacer.end(other)
            self._pacer.start(address)

    def _heard(self, address: Address, transcript: Transcript) -> None:
        """There was a way to this host. Where a server keeps us waiting, its network has one test at a time for a
        while."""
        self._foothold.met(address)
        if Flag.TARPIT in transcript.flags and len(self._slow) < MOST_SLOW:
            self._slow[neighbourhood(address)] = self._clock.monotonic() + self._settings.tester.slow_network
        now = self._clock.monotonic()
        self._slow = {network: until for network, until in self._slow.items() if until > now}

    def _ended(self, address: Address, task: asyncio.Task[None]) -> None:
        self._running.pop(address, None)
        self._asked.pop(address, None)
        self._pacer.end(address)
        if not task.cancelled() and (error := task.exception()) is not None:
            why, trace = (error, None) if isinstance(error, DnsblError) else (type(error).__name__, error)
            _log.error("the test of %s broke off; its lease brings the job back: %s", address, why, exc_info=trace)

    async def _hold(self, assignment: Assignment) -> None:
        """Carry out one job while its lease is renewed beside it."""
        testing = asyncio.create_task(self._test(assignment))
        over, third = False, self._settings.tester.lease / 3
        kept = self._clock.monotonic()  # when it was last in our hands for certain
        try:
            while not testing.done():
                await asyncio.wait({testing}, timeout=third)
                if testing.done():
                    break
                now = self._clock.monotonic()
                try:
                    if not await asyncio.to_thread(self._assignments.renew_lease, assignment):
                        _log.warning("the lease of %s went to another worker", assignment.job.address)
                        return
                    kept = now
                except StoreUnavailable:  # a store that is away for a moment ends no conversation
                    if now - kept > 1.5 * third:
                        raise
            over = testing.result()
        finally:
            testing.cancel()
            with suppress(asyncio.CancelledError):
                await testing
            if self._held and not over:
                await asyncio.to_thread(self._assignments.give_back, assignment)
            elif not over and not await asyncio.to_thread(self._assignments.may_dial, assignment):
                await asyncio.to_thread(self._assignments.file_run, assignment)  # judged by what there is

    async def _test(self, assignment: Assignment) -> bool:
        """Hold the conversations of one job and file the run, unless it is put off; False when nobody may be dialled
        meanwhile."""
        before = self._foothold.gone
        round_ = Round(
            self._means,
            assignment,
            held=lambda: self._held,
            heard=lambda transcript: self._heard(assignment.job.address, transcript),
        )
        try:
            await round_.hold()
        except PutOff as wait:
            _log.info("%s", wait)
            return True
        except Undialled as error:  # which says nothing of the host
            await self._look(failed=True)
            if self._foothold.gone != before or self._foothold.problem:  # to be dialled from where we stand then
                await asyncio.to_thread(self._assignments.give_back, assignment)
                return True
            self._undialled = self._clock.monotonic(), f"{str(error).removesuffix('.')}; the test waits"
            why = f"our own machine cannot dial: {os.strerror(error.errno or 0)}"
            await asyncio.to_thread(self._assignments.give_back, assignment, why)
            return True
        if round_.over:
            return True
        if round_.refused:
            await self._look()
            if self._held:
                return False
        await asyncio.to_thread(self._assignments.file_run, assignment)
        return True
