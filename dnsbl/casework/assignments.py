"""The verbs of the worker: lease a job, file letters before they are offered, file what was said, end the take.

What follows at once is filed with what it follows, since each turn of a writer costs more than what is done in it: a
connection is counted with what comes before it, the end of a take with its last conversation.

Over 400 lines, since these are the verbs of one hand, and ask and enter alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from ipaddress import ip_address
from typing import TYPE_CHECKING

from dnsbl.addresses import Address, neighbourhood
from dnsbl.casework.allowance import Allowance
from dnsbl.casework.base import DAY, asks_of_hindrance, hindered, run_in, stop_in
from dnsbl.casework.queueing import asks_of_unwanted, consented, queued_for
from dnsbl.clock import Clock
from dnsbl.errors import NotFound, PutOff, Refused
from dnsbl.log.leaves import digest_of
from dnsbl.model import ASKED, Crowded, Entry, Job, MxPair, Run
from dnsbl.rules import sending, targets
from dnsbl.rules.sending import Delay, Purse
from dnsbl.settings import Settings
from dnsbl.store import Store, Transaction
from dnsbl.store.jobs import NOTHING
from dnsbl.store.paths import first_way
from dnsbl.vocabulary import ASKED_FOR, Extent, JobReason, JobState, RunState
from tester.fate import Fate, delivered, on
from tester.guises import Guise, Wardrobe, pair
from tester.letter import Letter
from tester.paths import Path
from tester.records import dataclass
from tester.smtp import Transcript

if TYPE_CHECKING:
    from dnsbl.casework.judging import Judging

#: Jobs that one transaction may put back because their turn has not come.
MOST_PUT_OFF = 50
#: Until it is seen again whether an address of ours is back, or a way to a host; by so much later after each such try.
AWAY = timedelta(minutes=10)
#: Lost leases after which a job is given up: what takes its worker down must not knock at a host for ever.
MOST_LOST = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """A job in a worker's hands."""

    job: Job
    #: filed before (a crash or a retry): those still to be offered have no final outcome
    letters: tuple[Fate, ...]
    worker: str
    paths: tuple[Path, ...]  #: the ways in that are filed, the address's mail port first
    guises: tuple[Guise, ...]  #: the strangers that test it, who offers most of it first
    names: tuple[str, ...] = ()  #: what the server has called itself in earlier takes


@dataclass(frozen=True, slots=True)
class Leave:
    """That a connection may be made at this moment."""

    counted: datetime | None = None  #: when it was counted, where a stranger has us make it; for `file_session`


class Assignments:
    """Jobs in workers' hands."""

    def __init__(
        self, store: Store, settings: Settings, clock: Clock, judging: Judging, random: Callable[[int], bytes]
    ) -> None:
        self._random = random
        self._store = store
        self._settings = settings
        self._clock = clock
        self._judging = judging
        self._allowance = Allowance(settings.tester)
        self._in_vain = False  # whether the last claim found that all that is due is full

    def take_job(
        self, worker: str, *, full: Crowded = NOTHING, sources: Sequence[Address] | None = None
    ) -> Assignment | None:
        """Lease the job whose turn it is (lost leases count as due), or None; `full` says what takes no test now, and
        `sources` which of our own addresses the worker can dial from, without them all that the settings name."""
        now = self._clock.now()
        with self._store.read() as tx:
            if not tx.jobs.is_due(now):
                return None
            if self._in_vain and not tx.jobs.has_room(now, self._crowded(tx, full, now)):
                return None  # nobody else has to wait for this to be found once more
        lease_until = now + timedelta(seconds=self._settings.tester.lease)
        with self._store.write() as tx:
            full = self._crowded(tx, full, now)
            for _ in range(MOST_PUT_OFF):
                job = tx.jobs.claim(worker, now=now, lease_until=lease_until, full=full)
                self._in_vain = job is None
                if job is None:
                    break
                tx.foresee(
                    partial(tx.runs.read, job.run),
                    partial(self._free_again, tx, job, now),
                    partial(self._allowance.delay, tx, job, now),
                    partial(tx.guises.last, job.address),
                    partial(tx.paths.of, job.run),
                    partial(tx.journal.strange, now),
                )
                begun = tx.runs.read(job.run)
                if (wait := self._too_early(tx, job, now, sources, begins=begun is None)) is not None:
                    self._put_off(tx, worker, job, wait, now, before="queued")
                    continue
                paths = tuple(report.path for report in tx.paths.of(job.run)) or (first_way(job),)
                run, guises = (begun, tx.guises.of(job.run)) if begun else self._begun(tx, job, now, sources)
                before = "queued" if begun is None or job.takes == job.retries + 1 else "interrupted"
                given_up = job.takes - job.retries > MOST_LOST
                tx.journal.append(
                    at=now,
                    actor=f"worker {worker}",
                    subject=str(job.address),
                    verb="job",
                    reason=job.reason,
                    before=before,
                    after="given up" if given_up else "running",
                    evidence=f"run {job.run}",
                )
                if not given_up:
                    return Assignment(
                        job=job,
                        letters=tuple(tx.letters.of(job.run)) if begun else (),
                        worker=worker,
                        paths=paths,
                        guises=guises,
                        names=tuple(tx.sessions.names(job.run, job.address)) if job.takes > 1 else (),
                    )
                tx.jobs.finish(job)
                self._judging.talk_over(tx, run, now)
        return None

    def _begun(
        self, tx: Transaction, job: Job, now: datetime, sources: Sequence[Address] | None
    ) -> tuple[Run, tuple[Guise, ...]]:
        """A new run, and as whom it is made: strangers who differ from those of the run before."""
        wardrobe = self._settings.tester.wardrobe(job.address.version)
        if here := _here(wardrobe, sources):
            wardrobe = replace(wardrobe, sources=here)
        guises = pair(wardrobe, tx.guises.last(job.address), self._random)
        run = tx.runs.begin(job, now)
        tx.guises.add(run.id, guises)
        return run, guises

    def _crowded(self, tx: Transaction, full: Crowded, now: datetime) -> Crowded:
        """The same, with what strangers have used up of this hour."""
        gone = self._allowance.exhausted(tx, now)
        return replace(full, nominations=Purse.NOMINATIONS in gone, removals=Purse.REMOVALS in gone)

    def _too_early(
        self, tx: Transaction, job: Job, now: datetime, sources: Sequence[Address] | None, *, begins: bool
    ) -> Delay | None:
        """Why a job that was taken is to be put back, and until when; None: it may be tested now."""
        if job.reason is JobReason.VANTAGE and not self._has_second(tx, job, sources, begins=begins):
            return Delay(until=now + AWAY, why="the second address that we would dial from is not there")
        if begins and (free := self._free_again(tx, job, now)) is not None:
            return Delay(until=free, why="its network has had its tests for today")
        return self._allowance.delay(tx, job, now, begins=begins)

    def _has_second(self, tx: Transaction, job: Job, sources: Sequence[Address] | None, *, begins: bool) -> bool:
        """Whether a look from a second address can be one: where the settings name several, the worker must have
        another than the last test was made from, or the one that this test has begun from."""
        wardrobe, last = self._settings.tester.wardrobe(job.address.version), tx.guises.last(job.address)
        if len(wardrobe.sources) < 2 or last is None or last.source not in wardrobe.sources:
            return True
        return any((one != last.source) is begins for one in _here(wardrobe, sources))

    def _put_off(self, tx: Transaction, worker: str, job: Job, wait: Delay, now: datetime, *, before: str) -> None:
        """Back into the queue until its turn comes; the journal says so once, however often it is put off for this."""
        tx.jobs.put_back(job, wait.until, takes=max(job.takes - 1, before == "running"))  # begun stays begun
        last = tx.journal.read(str(job.address), most=1)
        if last and (last[0].verb, last[0].evidence) == ("job", wait.why):
            return
        tx.journal.append(
            at=now,
            actor=f"worker {worker}",
            subject=str(job.address),
            verb="job",
            reason=job.reason,
            before=before,
            after=queued_for(wait.until),
            evidence=wait.why,
        )

    def _free_again(self, tx: Transaction, job: Job, now: datetime) -> datetime | None:
        """When the job's network may have another test, or None when it may now."""
        tester = self._settings.tester
        asked = job.reason in ASKED_FOR or job.rank == ASKED  # a second look that a removal waits for, too
        if asked or any(job.address in lab for lab in tester.lab_networks):
            return None
        begun = tx.runs.begun_in(neighbourhood(job.address), tester.per_network_day)
        return begun + DAY if begun is not None and begun + DAY > now else None

    def may_dial(self, assignment: Assignment, address: Address | None = None) -> bool:
        """Whether the job's address, and this one of the same host, may be dialled at this very moment: nothing is
        stopped, nobody has opted out, and it was not a bad source alone that named the job's address."""
        with self._store.read() as tx:
            tx.foresee(*asks_of_hindrance(tx, assignment.job))
            return not hindered(tx, assignment.job, address)

    def may_test(self, address: Address) -> bool:
        """Whether an address to which a host's names lead may be tested at all: it is public, nobody's who has opted
        out, and none of ours."""
        try:
            targets.target(str(address), self._settings)
        except Refused:
            return False
        with self._store.read() as tx:
            return tx.exclusions.covering(address) is None

    def under_test(self, address: Address) -> bool:
        """Whether a test of this address is in a worker's hands."""
        with self._store.read() as tx:
            job = tx.jobs.live(address)
        return job is not None and job.state is JobState.RUNNING

    def letters(self, assignment: Assignment) -> list[Fate]:
        """The letters of the run, and what has become of them so far."""
        with self._store.read() as tx:
            return tx.letters.of(assignment.job.run)

    def dial(self, assignment: Assignment, address: Address, counted: datetime | None = None) -> Leave | None:
        """Leave for a connection to this address that is about to be made, or None where it may not be (see
        `may_dial`); it is counted where a stranger has us make it, unless it was `counted` ahead and in this slot.
        Raises PutOff, and the job is back in the queue, where strangers have had their share."""
        now = self._clock.now()
        if self.is_counted(assignment, counted):
            if self.may_dial(assignment, address):
                return Leave(counted=counted)
            if counted is not None:
                self.forgo(assignment, address, counted)
            return None
        if counted is not None:
            self.forgo(assignment, address, counted)
        with self._store.write() as tx:
            tx.foresee(
                *asks_of_hindrance(tx, assignment.job),
                partial(tx.jobs.of_run, assignment.job.run),
                partial(self._allowance.used, tx, assignment.job, address, now),
            )
            if hindered(tx, assignment.job, address):
                return None
            job = self._as_it_is(tx, assignment)
            wait = self._allowance.dial(tx, job, address, now)
            if wait is None:
                return Leave(counted=now)
            if tx.jobs.holds(assignment.job, assignment.worker):
                self._put_off(tx, assignment.worker, job, wait, now, before="running")
        raise PutOff(f"The test of {job.address} waits: {wait.why}.")

    def is_counted(self, assignment: Assignment, counted: datetime | None) -> bool:
        """Whether a connection that is about to be made needs no count: no stranger has us make it, or it was `counted`
        ahead in the slot in which it is made."""
        now = self._clock.now()
        return not assignment.job.whose or (counted is not None and sending.slot_of(counted) == sending.slot_of(now))

    def forgo(self, assignment: Assignment, address: Address, counted: datetime) -> None:
        """A connection to this address that was counted ahead, then, is not made: it counts no more."""
        with self._store.write() as tx:
            self._allowance.give_back(tx, self._as_it_is(tx, assignment), address, counted)

    def opted_out(self, addresses: Iterable[Address]) -> list[Address]:
        """Those of these addresses that are not to be tested, as things stand."""
        with self._store.read() as tx:
            return [
                address
                for address in addresses
                if tx.exclusions.covering(address) and not consented(tx, address, JobReason.REMOVAL)
            ]

    def heeded(self) -> tuple[Entry | None, object]:
        """The journal's entry that has stopped all dialling, or None when there is no such stop; and a mark of who has
        opted out and which sources were found to be bad: while it is the same as before, no further one has or was, and
        whoever was not `hindered` but for a stop is not now."""
        with self._store.read() as tx:
            tx.foresee(partial(stop_in, tx), tx.exclusions.mark, tx.suspensions.mark)
            return stop_in(tx), (tx.exclusions.mark(), tx.suspensions.mark())

    def give_back(self, assignment: Assignment, unable: str = "") -> None:
        """Put a job back into the queue whose test we have broken off ourselves; what was filed stays filed. One that
        our own machine is `unable` to make, for this reason, is due later each time, and given up like a lost one."""
        job, now = assignment.job, self._clock.now()
        due = now + AWAY * max(1, job.takes - job.retries) if unable else job.due
        with self._store.write() as tx:
            live = tx.jobs.of_run(job.run)
            if live is not None and live.state is JobState.RUNNING and tx.jobs.holds(job, assignment.worker):
                tx.jobs.put_back(job, due, takes=job.takes)
                after = f"{queued_for(due)}, {unable}" if unable else "queued, broken off by us"
                self._work(tx, assignment, at=now, verb="job", after=after)

    def renew_lease(self, assignment: Assignment) -> bool:
        """Hold the job longer; False when it is no longer ours."""
        lease_until = self._clock.now() + timedelta(seconds=self._settings.tester.lease)
        with self._store.write(alone=False) as tx:
            tx.journal.hold(self._clock.now())
            return tx.jobs.renew(assignment.job, assignment.worker, lease_until)

    def file_letters(
        self, assignment: Assignment, letters: Iterable[Letter], path: Path | None = None, *, ahead: bool = False
    ) -> datetime | None:
        """Store letters before they are offered (law 2), and with them the way in that they are for, without one the
        first of those filed. Raises NotFound when the job is no longer ours.

        With `ahead` the connection that they are to be offered on is counted already, if a stranger has us make it and
        there is room; returns when, for `dial`."""
        job, now, issued = assignment.job, self._clock.now(), list(letters)
        ahead = ahead and bool(job.whose)
        path = path or assignment.paths[0]
        if job.extent is not Extent.HOST and path not in assignment.paths:
            raise ValueError("a letter for a way in that the test is not of is not filed here")  # law 4
        for letter in issued:
            if (letter.run, letter.address, letter.port) != (job.run, path.address, path.port):
                raise ValueError("a letter of another run, address or port is not filed here")
        with self._store.write() as tx:
            tx.foresee(
                partial(tx.jobs.holds, job, assignment.worker),
                partial(tx.paths.number, job.run, path),
                partial(tx.journal.strange, now),
                *(self._asks_of_ahead(tx, job, path.address, now) if ahead else ()),
            )
            if not tx.jobs.holds(job, assignment.worker):
                raise NotFound(f"The test of {job.address} has gone to another worker; nothing is to be offered.")
            tx.letters.add(issued, path=tx.paths.add(job.run, path))
            vectors = " ".join(letter.vector for letter in issued)
            where = "" if path == assignment.paths[0] else f" for {path.name}"
            self._work(
                tx,
                assignment,
                at=now,
                verb="letters",
                after=f"{len(issued)} filed{where}: {vectors}",
                shown=f", letters sha256:{digest_of(issued)}",
            )
            live = self._as_it_is(tx, assignment) if ahead else job
            if not ahead or not self._allowance.ahead(tx, live, path.address, now):
                return None
            self._allowance.take(tx, live, path.address, now)
            return now

    def file_pair(self, assignment: Assignment, pair: MxPair) -> None:
        """Have our own DNS serve this name for as long as letters to it are waited for."""
        now = self._clock.now()
        until = now + timedelta(seconds=self._settings.tester.delivery_window)
        with self._store.write() as tx:
            tx.pairs.add(pair, now=now, until=until)
            self._work(tx, assignment, at=now, verb="pair", after=f"{pair.label}, with {pair.name or pair.address}")

    def file_session(
        self,
        assignment: Assignment,
        transcript: Transcript,
        *,
        dialled: datetime | None = None,
        ahead: bool = False,
        over: bool = False,
    ) -> datetime | None:
        """Store one connection: its transcript, and the outcome of each attempt. `dialled` is when `dial` has counted
        it, if it has.

        With `ahead` the next connection to its address is counted already, as by `file_letters`; `over` says that it
        was the last one of this take, and does what `file_run` does. What was said was said: it is stored for a lost
        lease too.
        """
        job, now = assignment.job, self._clock.now()
        ahead = ahead and bool(job.whose)
        address, came_to = ip_address(transcript.target), sending.sent_on(transcript)
        offered = [result.token for result in transcript.results]
        with self._store.write() as tx:
            tx.foresee(
                partial(tx.letters.some, job.run, offered),
                partial(tx.jobs.of_run, job.run),
                partial(tx.journal.strange, now),
                *(self._asks_of_ahead(tx, job, address, now) if ahead else ()),
                *(self._asks_of_end(tx, assignment) if over else ()),
            )
            document = tx.sessions.add(job.run, assignment.worker, transcript, now)
            known = {fate.letter.recipient: fate for fate in tx.letters.some(job.run, offered)}
            heard = [(known[result.token], result) for result in transcript.results if result.token in known]
            told = [(fate, fate.told(result, transcript.started)) for fate, result in heard]
            tx.letters.tell(now_known for fate, now_known in told if now_known is not fate)
            live = self._as_it_is(tx, assignment)
            further = ahead and self._allowance.ahead(tx, live, address, now)
            self._allowance.sent(tx, live, address, came_to, dialled=dialled, now=now, ahead=further)
            said = " ".join(f"{result.vector}:{result.outcome}" for result in transcript.results)
            self._work(
                tx,
                assignment,
                at=now,
                verb="session",
                after=said or "nothing tried",
                shown=f", transcript sha256:{sha256(document.encode()).hexdigest()}",
            )
            if over:
                self._end(tx, assignment, now)
        return now if further else None

    def file_run(self, assignment: Assignment) -> Run:
        """The conversations of this take are over: queue the greylisting retry, wait for letters, or judge and decide.

        A take that was lost, and a run that was settled meanwhile by a letter, are left as they are.
        """
        now = self._clock.now()
        with self._store.write() as tx:
            tx.foresee(
                *self._asks_of_end(tx, assignment),
                partial(tx.letters.of, assignment.job.run),
                partial(tx.journal.strange, now),
            )
            return self._end(tx, assignment, now)

    def _end(self, tx: Transaction, assignment: Assignment, now: datetime) -> Run:
        job = assignment.job
        run = run_in(tx, job.run)
        if run.state is not RunState.OPEN or not tx.jobs.holds(job, assignment.worker):
            return run
        due = self._judging.retry_due(tx, job, now)
        if due is not None:
            tx.jobs.requeue(job, due)
            self._work(tx, assignment, at=now, verb="job", after=queued_for(due))
            return run
        tx.jobs.finish(job)
        return self._judging.talk_over(tx, run, now)

    @staticmethod
    def _asks_of_end(tx: Transaction, assignment: Assignment) -> list[Callable[[], object]]:
        """What `_end` asks of all but letters, to be foreseen."""
        job = assignment.job
        read, holds = partial(tx.runs.read, job.run), partial(tx.jobs.holds, job, assignment.worker)
        return [read, holds, *asks_of_unwanted(tx, job.address)]

    def _asks_of_ahead(self, tx: Transaction, job: Job, address: Address, now: datetime) -> list[Callable[[], object]]:
        """What is asked to count a connection ahead, to be foreseen."""
        return [partial(tx.jobs.of_run, job.run), partial(self._allowance.used, tx, job, address, now)]

    @staticmethod
    def _as_it_is(tx: Transaction, assignment: Assignment) -> Job:
        """The job as it is now: its owner may have made it his."""
        return tx.jobs.of_run(assignment.job.run) or assignment.job

    def proven(self, run: str, path: Path | None = None) -> bool:
        """Whether a letter of this run, offered on this way in or on any, has come back with its proof."""
        with self._store.read() as tx:
            letters = tx.letters.of(run)
        return bool(delivered(letters if path is None else on(path, letters)))

    def _work(
        self, tx: Transaction, assignment: Assignment, *, at: datetime, verb: str, after: str, shown: str = ""
    ) -> None:
        """Enter into the journal what a worker has done for its job."""
        job = assignment.job
        tx.journal.append(
            at=at,
            actor=f"worker {assignment.worker}",
            subject=str(job.address),
            verb=verb,
            reason=job.reason,
            before="running",
            after=after,
            evidence=f"run {job.run}{shown}",
        )


def _here(wardrobe: Wardrobe, sources: Sequence[Address] | None) -> list[str]:
    """The addresses that strangers of this wardrobe can dial from."""
    return [one for one in wardrobe.sources if sources is None or ip_address(one) in sources]
