"""Verbs that only look, for anybody: where an address stands, a run, and whether all testing is stopped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from dnsbl.addresses import Address, Network, neighbourhood, network_of
from dnsbl.casework.allowance import Allowance
from dnsbl.casework.base import ANYBODY, SPECIFIC, Asker, Clears, at_once, next_removal, run_in, stop_in
from dnsbl.casework.queueing import begun
from dnsbl.casework.standstill import Standstill, standing_still
from dnsbl.clock import Clock
from dnsbl.model import ASKED, Entry, Listing, Nominated, Run, RunReport, SignOfLife, Standing, Suspension, WorkLeft
from dnsbl.rules.canaries import canaries
from dnsbl.rules.headway import Headway, headway
from dnsbl.rules.sending import Usage
from dnsbl.rules.timekeeping import FRESH
from dnsbl.settings import Settings
from dnsbl.store import Store
from dnsbl.vocabulary import JobReason, JobState, RunState, State
from tester.smtp import Flag
from tester.verdict import NO_POSTMASTER, Verdict

#: The roles that a list needs somewhere and that leave signs of life. (What answers leaves none.)
NEEDED = ("worker", "collector", "scheduler")
#: The newest runs of an address that say where it stands.
RUNS = 10
#: Why a test that is due waits where no process of the list has taken the worker's role.
NOBODY_AT_WORK = "no worker of this list is at work at present"


class Views:
    """What is known, each answer from one moment. They change nothing and enter nothing."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Clock,
        clears: Clears = at_once,
    ) -> None:
        self._clears = clears
        self._store = store
        self._settings = settings
        self._clock = clock
        self._allowance = Allowance(settings.tester)

    def look_up(self, address: Address, *, asker: Asker = ANYBODY) -> Standing:
        """Everything known about an address; an unknown address is a Standing too. `asker` is who might ask for its
        removal.

        A surprise retest that is queued stays a surprise: it is not shown; nor is a day that was drawn.
        """
        now = self._clock.now()
        with self._store.read() as tx:
            listings = tx.listings.covering(address)
            runs = tx.runs.of(address, most=RUNS)
            job = tx.jobs.live(address)
            exclusion = tx.exclusions.covering(address)
            exception = tx.listings.exception(address)
            proven = tx.listings.proven(address)
            removal_after = next_removal(tx, proven, self._settings.policy, asker, now) if proven else None
            past = tx.listings.past(address, most=20)
            forthcoming = tx.forthcoming.of(network_of(address))
            inputs = tx.outputs.of_output(network_of(address))
            proofs = {listing.run for listing in listings if listing.run}
            paths = tx.paths.latest(proofs | {run.id for run in runs}) if proofs else []
            waits = job is not None and job.state is JobState.QUEUED and job.due <= now
            ahead = tx.jobs.under_way(neighbourhood(address)) if waits else 0
            waiting = self._allowance.why(tx, job, now) if job is not None else ""
            if waits and not waiting and not any("worker" in sign.roles for sign in tx.nodes.since(now - FRESH)):
                waiting = NOBODY_AT_WORK
            if job is not None and job.rank == ASKED and ahead < 2:
                ahead = 0  # a place beside the one that is taken is its own
        if job is not None and surprise(job.reason, job.state):
            job = None
        drawn = job is not None and job.reason is JobReason.REMOVAL and self._settings.policy.removal_delay_days[1]
        told = job is not None and job.state is JobState.QUEUED and not (drawn and job.due > now and not begun(job))
        kinds = {listing.kind for listing in listings}
        verdict = next((run.verdict for run in runs if run.verdict), None)
        return Standing(
            address=address,
            state=state_of(
                listed=bool(listings),
                job=job.state if job else None,
                pending=bool(forthcoming) or any(run.state is not RunState.SETTLED for run in runs),
                excluded=exclusion is not None,
                verdict=verdict,
            ),
            listings=tuple(listings),
            past=tuple(past),
            runs=tuple(runs),
            last_verdict=verdict,
            next_test=job.due if job is not None and told else None,
            job=job,
            exclusion=exclusion,
            exception=exception,
            removal_after=removal_after.until if removal_after else None,
            clears_by=max(
                (
                    old.ended + self._clears([old.kind], old.ended)
                    for old in past
                    if old.ended and old.kind not in kinds
                ),
                default=None,
            ),
            forthcoming=tuple(forthcoming),
            inputs=tuple(inputs),
            ahead=ahead if job is not None else 0,
            waits=waiting,
            paths=tuple(paths),
        )

    def listed_among(self, addresses: Sequence[Address]) -> dict[Address, list[Listing]]:
        """What lists each of these addresses, narrowest first; an empty list for one that is not listed."""
        with self._store.read() as tx:
            return tx.listings.covering_each(addresses)

    def lingers(self, kinds: Iterable[str]) -> timedelta:
        """How long caches may still say, after their end, that something is listed under these kinds."""
        return self._clears(kinds, self._clock.now())

    def listed_in(self, network: Network, *, most: int) -> list[Listing]:
        """What is listed in a network, at most so much: what lies around it first, then what lies inside, in order."""
        with self._store.read() as tx:
            around = tx.listings.covering(network)
            wider = [each for each in around if each.network.prefixlen < network.prefixlen]
            return (wider + tx.listings.within(network, most=most))[:most]

    def at_work(self) -> list[SignOfLife]:
        """The processes that have left a sign of life not long ago, by name."""
        with self._store.read() as tx:
            return tx.nodes.since(self._clock.now() - FRESH)

    def unmanned(self) -> list[str]:
        """The roles without which the list's work stands still and that no process has, as far as the store knows."""
        manned = {role for sign in self.at_work() for role in sign.roles}
        return [role for role in NEEDED if role not in manned]

    def run_report(self, run: str) -> RunReport:
        """One run with letters, the first transcripts and the heads of the first returns. Raises NotFound."""
        with self._store.read() as tx:
            found = run_in(tx, run)
            flags = tx.sessions.flags(run)
            if SPECIFIC in found.explanation:
                flags.add(Flag.TESTER_SPECIFIC)
            if NO_POSTMASTER in found.explanation:
                flags.add(Flag.NO_POSTMASTER)
            letters, returns, job = tx.letters.of(run), tx.returns.of(run), tx.jobs.of_run(run)
            flags |= canaries(letters, returns)
            return RunReport(
                run=found,
                letters=tuple(letters),
                transcripts=tuple(tx.sessions.documents(run)),
                returns=tuple(returns),
                provocation=tx.runs.provocation(run),
                paths=tuple(tx.paths.of(run)),
                guises=tx.guises.of(run),
                working=job is not None and job.state is JobState.RUNNING,
                flags=frozenset(flags),
            )

    def nominated_by(self, reporter: str, *, before: int | None, most: int) -> list[tuple[Nominated, Run | None]]:
        """What an account has nominated, newest first, behind the one of this number, with the test that each has led
        to, once that has begun."""
        with self._store.read() as tx:
            found = tx.nominations.of_reporter(reporter, before, most=most)
            led = tx.runs.these({each.run for each in found if each.run})
            return [(each, led.get(each.run or "")) for each in found]

    def headway(self, run: str) -> Headway:
        """How far a test is. Raises NotFound, also where it has not begun."""
        with self._store.read() as tx:
            found, job = run_in(tx, run), tx.jobs.of_run(run)
            working = job is not None and job.state is JobState.RUNNING
            return headway(tx.letters.of(run), found.state, working=working)

    def pulse(self, run: str) -> tuple[object, ...]:
        """What changes whenever a run's report does, for a fraction of its price. Raises NotFound."""
        with self._store.read() as tx:
            found, job = run_in(tx, run), tx.jobs.of_run(run)
            return (
                found.state,
                found.verdict,
                job and job.state,
                *((fate.outcome, fate.finding) for fate in tx.letters.of(run)),
            )

    def usage(self) -> Usage:
        """How much of what strangers may have us send within an hour is used."""
        with self._store.read() as tx:
            return self._allowance.usage(tx, self._clock.now())

    def backlog(self) -> WorkLeft:
        """What waits, and whether anybody is at work on it."""
        now = self._clock.now()
        with self._store.read() as tx:
            mail, signs = tx.notices.backlog(), tx.nodes.since(now - FRESH)
            at_work = {role for sign in signs for role in sign.roles}
            return WorkLeft(
                tests=tuple(tx.jobs.waiting(now)),
                mails=mail.waiting,
                oldest_mail=max(0.0, (now - mail.oldest).total_seconds()) if mail.oldest else 0.0,
                believed=not tx.journal.strange(now),
                stopped=(still := standing_still(tx, self._settings, now)) is not None and not still.fault,
                manned={role: role in at_work for role in NEEDED},
            )

    def corrections(self) -> list[Suspension]:
        """Sources that were found bad, and what was taken back, as far as operators have words about it for everybody;
        the newest first."""
        with self._store.read() as tx:
            return [each for each in reversed(tx.suspensions.all()) if each.public]

    def stopped(self) -> Entry | None:
        """The journal's entry that has stopped all dialling, or None when there is no such stop."""
        with self._store.read() as tx:
            return stop_in(tx)

    def standstill(self) -> Standstill | None:
        """Why nobody is dialled now, or None."""
        with self._store.read() as tx:
            return standing_still(tx, self._settings, self._clock.now())


def surprise(reason: JobReason, state: JobState) -> bool:
    """Whether a test must not be told of, since its host would be closed for the test alone."""
    return reason is JobReason.PROBATION and state is JobState.QUEUED


def state_of(*, listed: bool, job: JobState | None, pending: bool, excluded: bool, verdict: Verdict | None) -> State:
    """Where an address stands, in one word: the strongest that applies. `job` is how far its live test is that may be
    shown, `pending` whether a run or something that is to come waits, `verdict` the last one."""
    if listed:
        return State.LISTED
    if job is not None:
        return State.TESTING if job is JobState.RUNNING else State.QUEUED
    if pending:
        return State.PENDING
    if excluded:
        return State.EXCLUDED
    match verdict:
        case Verdict.CLOSED | Verdict.ACCEPTS_BOUNCES | Verdict.ACCEPTS_LOSES:
            return State.CLEAR
        case Verdict.REFUSES_TESTER | Verdict.UNREACHABLE | Verdict.INCONCLUSIVE:
            return State.UNTESTABLE
        case Verdict.OPEN | Verdict.OPEN_MULTIHOP | None:  # its listing has ended since
            return State.UNKNOWN
