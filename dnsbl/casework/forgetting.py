"""What is old is forgotten, a little at a time: transcripts, letters that never came back, repeated messages and done
jobs of tests, evidence, and steps of the list that nobody follows any more.

What a standing listing rests on stays, and what an open test needs; the journal, verdicts and counts stay in any case.
Each slice is a transaction of its own, which checks anew what it deletes, and enters it, with the hashes of
transcripts; those of evidence were entered when it came. What is old say `rules.retention` and the settings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial

from dnsbl.casework.admission import EVIDENCE
from dnsbl.casework.base import shown_of_listed
from dnsbl.clock import Clock
from dnsbl.rules.keeping import of_run
from dnsbl.rules.retention import Cutoffs, last_to_go
from dnsbl.settings import Settings
from dnsbl.store import Store, Transaction
from dnsbl.store.kept import EVER, Account
from dnsbl.store.old import Gone, Place
from dnsbl.store.statistics import CHANGES
from dnsbl.vocabulary import Reason

#: Who forgets when nobody has said so.
SCHEDULER = "policy"
#: What a slice holds: runs, whose hashes fit into an entry; messages; changes; and numbers of jobs that are looked at.
RUNS, MESSAGES, STEPS, JOBS = 10, 50, 2000, 2000
#: Runs that are looked at in one transaction that only reads.
LOOKS = 200
#: Between two walks over all; and seconds that one call may take of it.
EVERY, TURN = timedelta(days=1), 10.0


class Forgetting:
    """Walks over what is old."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, shipped: Callable[[], int | None]) -> None:
        """`shipped` tells up to which change the event log has them, None where there is no log."""
        self._store = store
        self._settings = settings
        self._clock = clock
        self._shipped = shipped
        self._walk: Iterator[Gone] | None = None
        self._again: datetime | None = None

    def step(self) -> int:
        """For the scheduler, again and again: a part of a walk, where one is due; returns how many slices went."""
        now, begun, count = self._clock.now(), self._clock.monotonic(), 0
        if self._walk is None:
            if self._again is not None and now < self._again:
                return 0
            self._again, self._walk = now + EVERY, self.slices(actor=SCHEDULER)
        try:
            for part in self._walk:
                count += any(part.told().values())
                if self._clock.monotonic() - begun >= TURN:
                    return count
        except BaseException:
            self._walk = self._again = None  # from the start, the next time
            raise
        self._walk = None
        return count

    def forget(self, *, actor: str, told: Callable[[Gone], None] = lambda _: None) -> Gone:
        """Forget all that is old, now; `told` hears of each slice."""
        gone = Gone()
        for part in self.slices(actor=actor):
            gone.add(part)
            told(part)
        return gone

    def foresee(self) -> Gone:
        """What `forget` would delete as things stand; changes nothing."""
        terms, gone = Cutoffs.of(self._settings, self._clock.now()), Gone()
        for names in filter(None, self._runs(terms)):
            with self._store.read() as tx:
                gone.add(tx.old.measure(names))
        for numbers in self._jobs(terms):
            gone.add(Gone(jobs=len(numbers)))
        for names in self._evidence(terms):
            with self._store.read() as tx:
                octets = sum(len(tx.evidence.read(name) or b"") for name in names)
            gone.add(Gone(evidence=len(names), octets=octets))
        first, last = self._changes(terms)
        gone.add(Gone(changes=max(0, last + 1 - first)))
        return gone

    def slices(self, *, actor: str) -> Iterator[Gone]:
        """Forget a slice, and tell what went, until nothing is old. What is old and needed is looked at each time: then
        nothing went, and whoever walks may pause."""
        terms = Cutoffs.of(self._settings, self._clock.now())
        for names in self._runs(terms):
            for n in range(0, len(names), RUNS):
                yield self._did(partial(self._forget_runs, names=names[n : n + RUNS], terms=terms, actor=actor))
            yield Gone()
        for numbers in self._jobs(terms):
            yield self._did(partial(self._forget_jobs, numbers=numbers, actor=actor)) if numbers else Gone()
        for names in self._evidence(terms):
            yield self._did(partial(self._forget_evidence, names=names, actor=actor)) if names else Gone()
        first, last = self._changes(terms)
        for number in range(first, last + 1, STEPS):
            upto = min(number + STEPS - 1, last)
            yield self._did(partial(self._forget_changes, upto=upto, actor=actor))

    def _did(self, part: Callable[[Transaction], Gone]) -> Gone:
        with self._store.write() as tx:
            gone = part(tx)
        self._store.give_way()
        return gone

    # -- what is old, as it is read ------------------------------------------------------------------------------------
    def _runs(self, terms: Cutoffs) -> Iterator[list[str]]:
        behind: Place | None = None
        while terms.tests is not None:
            with self._store.read() as tx:
                found = tx.old.runs(terms.tests, behind, most=LOOKS)
                names = [name for _, name in found]
                needed = tx.old.needed(names, terms.proofs)
            if not found:
                return
            behind = found[-1]
            yield [name for name in names if name not in needed]

    def _jobs(self, terms: Cutoffs) -> Iterator[list[int]]:
        if terms.tests is None:
            return
        with self._store.read() as tx:
            last = tx.old.last_job()
        for first in range(1, last + 1, JOBS):
            with self._store.read() as tx:
                found = tx.old.jobs(terms.tests, first, first + JOBS - 1)
            yield found

    def _evidence(self, terms: Cutoffs) -> Iterator[list[str]]:
        behind: Place | None = None
        while terms.evidence is not None:
            with self._store.read() as tx:
                found = tx.old.evidence(terms.evidence, behind, most=MESSAGES)
                kept = shown_of_listed(tx, [name for _, name in found])
            if not found:
                return
            behind = found[-1]
            yield [name for _, name in found if name not in kept]

    def _changes(self, terms: Cutoffs) -> tuple[int, int]:
        """The first and the last change that may go; the last is before the first where none may."""
        if terms.changes is None:
            return 1, 0
        shipped = self._shipped()
        with self._store.read() as tx:
            first, last = tx.old.changes()
            old, counted = tx.old.changes_before(terms.changes), tx.statistics.mark(CHANGES).upto
        return first or 1, last_to_go(last=last, old=old, counted=counted, shipped=shipped)

    # -- a slice -------------------------------------------------------------------------------------------------------
    def _forget_runs(self, tx: Transaction, names: list[str], terms: Cutoffs, actor: str) -> Gone:
        now, gone, hashes = self._clock.now(), Gone(), list[str]()
        needed = tx.old.needed(names, terms.proofs)
        if free := [name for name in tx.old.whole(names) if name not in needed]:
            gone, digests = tx.old.forget_runs(free, now)
            hashes = [f"{name}:{digest}" for name, digest in digests.items()]
            tx.kept.drop([Account(of_run(name), EVER) for name in free])
        if hashes:
            after = (
                f"{gone.tests} tests: {gone.transcripts} transcripts, {gone.letters} letters, "
                f"{gone.messages} messages, {gone.jobs} jobs, {gone.octets} octets deleted"
            )
            self._enter(tx, now, actor, after, "sha256 " + " ".join(hashes))
        return gone

    def _forget_jobs(self, tx: Transaction, numbers: list[int], actor: str) -> Gone:
        gone = Gone(jobs=tx.old.forget_jobs(numbers))
        if gone.jobs:
            said = f"jobs {min(numbers)}-{max(numbers)}, of which no test was begun"
            self._enter(tx, self._clock.now(), actor, f"{gone.jobs} jobs deleted", said)
        return gone

    def _forget_evidence(self, tx: Transaction, names: list[str], actor: str) -> Gone:
        gone, hashes = Gone(), list[str]()  # which bear the entries of the nominations as well
        kept = shown_of_listed(tx, names)
        for name in names:
            if name in kept:
                continue
            octets = tx.evidence.forget(name)
            tx.kept.take_off(EVIDENCE, octets)
            gone.add(Gone(evidence=1, octets=octets))
            hashes.append(name)
        if hashes:
            after = f"{gone.octets} octets of evidence deleted"
            self._enter(
                tx,
                self._clock.now(),
                actor,
                after,
                f"{gone.evidence} messages, from sha256:{hashes[0]} to {hashes[-1]}",
            )
        return gone

    def _forget_changes(self, tx: Transaction, upto: int, actor: str) -> Gone:
        gone = Gone(changes=tx.old.forget_changes(upto))
        if gone.changes:
            self._enter(tx, self._clock.now(), actor, f"{gone.changes} changes deleted", f"changes up to {upto}")
        return gone

    @staticmethod
    def _enter(tx: Transaction, now: datetime, actor: str, after: str, evidence: str) -> None:
        tx.journal.append(
            at=now,
            actor=actor,
            subject="list",
            verb="forgotten",
            reason=Reason.EXPIRED,
            after=after,
            evidence=evidence,
        )
