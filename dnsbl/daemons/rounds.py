"""Shell: the ways into one host, one after another: which are tried, and when enough is known of one.

Store before you act holds in each `visit`; what a way in comes to is `tester.host`'s judgement. Never two
connections to a host at once: a way in is done with before the next is dialled, and another address of the same
machine is dialled only once it has a place of its own (`Means.place`), so that a test of that address does not run
beside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from dnsbl.addresses import Address
from dnsbl.casework.assignments import Assignment
from dnsbl.daemons.visit import POLL, Means, Visit
from dnsbl.vocabulary import Extent
from tester import canary, vectors
from tester.caller import call
from tester.fate import on
from tester.host import is_enough
from tester.knocking import no_way
from tester.paths import Path, missing, path, whole
from tester.smtp import DELIVERED, PENDING, Transcript
from tester.verdict import PLAIN, STRANGER

#: Other addresses of a machine that one test dials: what a stranger's names lead to has bounds.
MOST_TWINS = 2


class Round:
    """One take of a job. `held` says that nobody is to be dialled now, `heard` is told of every connection."""

    def __init__(
        self, means: Means, assignment: Assignment, *, held: Callable[[], bool], heard: Callable[[Transcript], None]
    ) -> None:
        self._means = means
        self._assignment = assignment
        self._held = held
        self._heard = heard
        self._names = dict.fromkeys(assignment.names)  # what the server calls itself
        self._connected = False  # whether the last way in had somebody behind it
        self._visits: list[Visit] = []

    async def hold(self) -> None:
        """Talk to the host at every way in that the test is of. Raises what `caller.call` and the verbs raise."""
        job, filed = self._assignment.job, self._assignment.paths
        last = job.extent is not Extent.HOST and len(filed) == 1 and not self._wants_canary
        await self._talk(self._visit(filed[0], last=last), first=True)
        if self.over:
            return
        own = [one for one in filed[1:] if one.address == job.address]
        if job.extent is Extent.HOST:
            own += missing(whole(job.address, job.port, self._means.settings.tester.owner_ports), filed)
        for one in own:
            await self._beside(one)
        for twin in await self._twins():
            ways = [one for one in filed if one.address == twin]
            if job.extent is Extent.HOST:
                ways += missing(whole(twin, job.port, self._means.settings.tester.owner_ports), filed)
            async with self._means.place(job.address, twin) as free:
                for one in ways if free else ():
                    await self._beside(one)
        await self._canary()

    # ------------------------------------------------------------------------------------------- its steps

    @property
    def refused(self) -> bool:
        """Whether any connection was not made because there was no leave for it."""
        return any(visit.refused for visit in self._visits)

    @property
    def over(self) -> bool:
        """Whether the end of the take has been filed with its last connection."""
        return any(visit.over for visit in self._visits)

    def _visit(self, way: Path, *, last: bool = False) -> Visit:
        visit = Visit(self._means, self._assignment, way, held=self._held, heard=self._note, last=last)
        self._visits.append(visit)
        return visit

    def _note(self, transcript: Transcript) -> None:
        self._heard(transcript)
        self._connected = bool(transcript.source)
        if transcript.target == str(self._assignment.job.address) and transcript.target_name:
            self._names[transcript.target_name] = None

    async def _talk(self, visit: Visit, *, first: bool = False, forms: Iterable[vectors.Vector] = ()) -> None:
        """File what is to be offered, and hold the conversations; where nothing is to be offered, none."""
        offered = await asyncio.to_thread(visit.prepare, tuple(forms))
        if offered or first:
            await self._call(visit)

    async def _call(self, visit: Visit) -> tuple[Transcript, ...]:
        """Hold the conversations, at a distance from the last one with this host."""
        try:
            if self._connected:
                await asyncio.sleep(self._means.settings.tester.connection_gap)
            return await call(visit)
        finally:
            await visit.done()

    async def _beside(self, way: Path) -> None:
        """A way in beside the mail port: the plain forms first, by both strangers, and the others only where these
        leave a question."""
        forms = vectors.profile(self._assignment.job.profile)
        known = on(way, await asyncio.to_thread(self._means.assignments.letters, self._assignment))
        plain = [form for form in forms if form.id in PLAIN | STRANGER]
        await self._talk(self._visit(way), forms=() if known else plain)
        known = on(way, await asyncio.to_thread(self._means.assignments.letters, self._assignment))
        if is_enough(way, known):
            return
        tried = {fate.letter.vector for fate in known}
        await self._talk(self._visit(way), forms=[form for form in forms if form.id not in tried])

    @property
    def _wants_canary(self) -> bool:
        return self._assignment.job.profile == "full" and canary.FORM not in self._means.settings.tester.vectors_off

    async def _canary(self) -> None:
        """Where a letter of an owner's test has come back, one more goes there, last of all, whose bytes are compared
        when it comes back too: whatever the server does about it, all else has been said by then."""
        if not self._wants_canary:
            return
        job, assignments = self._assignment.job, self._means.assignments
        known = await asyncio.to_thread(assignments.letters, self._assignment)
        back = [fate.letter for fate in known if fate.folded in DELIVERED]
        if not back or any(fate.letter.vector == canary.FORM for fate in known):
            return
        here = [letter for letter in back if letter.address == job.address]
        if not here:
            return  # a twin has its place no more
        filed = self._assignment.paths
        way = next((one for one in filed if one.port == here[0].port and one.address == job.address), None)
        visit = self._visit(way or path(job.address, here[0].port))
        await asyncio.to_thread(visit.prepare_canary)
        await self._call(visit)
        await self._until_back()

    async def _until_back(self) -> None:
        """Wait a little for the canaries, so that who waits for the test's end has them."""
        clock = self._means.clock
        until = clock.monotonic() + self._means.settings.tester.grace
        while clock.monotonic() < until:
            known = await asyncio.to_thread(self._means.assignments.letters, self._assignment)
            if any(
                fate.letter.vector == canary.FORM and (fate.finding or fate.outcome not in PENDING) for fate in known
            ):
                return
            await asyncio.sleep(POLL)

    async def _twins(self) -> list[Address]:
        """Other addresses that are proven to be the same machine: those that are filed, and those that its names
        lead to and that say so themselves, by a reverse name or in their greeting.

        Whoever wrote the names may have named strangers. So first comes what DNS proves, without a connection; what
        has a reverse name of its own, and another one, is never dialled; and of those that have none only so many are
        greeted as are still looked for, whether they prove to be the same machine or not."""
        job = self._assignment.job
        found = list(dict.fromkeys(one.address for one in self._assignment.paths if one.address != job.address))
        if job.extent is not Extent.HOST or job.retries:
            return found
        lookups, silent = self._means.lookups, list[Address]()
        for candidate in await lookups.twins(job.address, tuple(self._names)):
            if len(found) >= MOST_TWINS:
                break
            if candidate in found or not await asyncio.to_thread(self._means.assignments.may_test, candidate):
                continue
            if no_way(candidate):  # as where this machine has one family alone: who is not dialled proves nothing
                continue
            if await lookups.shared(candidate, job.address, ()):
                found.append(candidate)
            elif not await lookups.own_name(candidate, ()):
                silent.append(candidate)
        for candidate in silent[: max(0, MOST_TWINS - len(found))]:
            if await self._greets(candidate):
                found.append(candidate)
        return found

    async def _greets(self, candidate: Address) -> bool:
        """Whether a machine calls itself, in its greeting, by a name that leads to both addresses. One connection, on
        which nothing is offered."""
        job = self._assignment.job
        async with self._means.place(job.address, candidate) as free:
            if not free:
                return False
            look = self._visit(path(candidate, job.port))
            look.prepare_nothing()
            said = [one.target_name for one in await self._call(look) if one.target_name]
        return bool(said and await self._means.lookups.shared(candidate, job.address, tuple(said)))
