"""A nomination is taken back before its test begins: by whoever made it under a name of his own, or by an operator.

It counts no more and shows nothing of its reporter; what was to be tested for its sake alone is not. While another
nomination asks for the same test that is made, for the other's sake. What was counted of it today stays counted.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from dnsbl.addresses import network_of
from dnsbl.casework.queueing import Queueing, begun
from dnsbl.clock import Clock
from dnsbl.errors import NotFound, Refused
from dnsbl.model import Job, Nominated
from dnsbl.rules import sending
from dnsbl.settings import Policy
from dnsbl.store import Store, Transaction
from dnsbl.vocabulary import TRUSTED, JobReason, JobState, Reason, Refusal

if TYPE_CHECKING:
    from dnsbl.casework.judging import Judging


class Withdrawing:
    """The verb."""

    def __init__(self, store: Store, terms: Policy, clock: Clock, queueing: Queueing, judging: Judging) -> None:
        self._store = store
        self._clock = clock
        self._taken = TakenBack(terms, queueing, judging)

    def withdraw(self, number: int, *, actor: str, reporter: str = "", reason: str = "") -> Nominated:
        """Take back the nomination of this number, for a reporter one of his own; returns it as it is then. One that
        is withdrawn already stays as it is. Raises NotFound, and Refused (TEST_BEGUN)."""
        now = self._clock.now()
        with self._store.write() as tx:
            found = tx.nominations.read(number)
            if found is None or (reporter and found.reporter != reporter):
                if reporter:
                    raise NotFound(f"You have no nomination {number}.")
                raise NotFound(f"There is no nomination {number}. `dnsbl journal ADDRESS` tells their numbers.")
            if found.withdrawn is not None:
                return found
            job = tx.jobs.of_run(found.run) if found.run else None
            if found.run and not _waits(job) and tx.runs.read(found.run) is not None:
                raise Refused(
                    Refusal.TEST_BEGUN,
                    f"The test of {found.address} has begun, or is over: a nomination is withdrawn before that alone.",
                )
            tx.journal.append(
                at=now,
                actor=actor,
                subject=str(found.address),
                verb="nomination-withdrawn",
                reason=Reason.WITHDRAWN,
                before="nominated",
                after="withdrawn",
                evidence=f"nomination {number}" + (f": {reason}" if reason else ""),
            )
            return self._taken.take(tx, found, actor=actor, now=now)


class TakenBack:
    """What it does to the store, inside the transaction of the verb, or of a log that is played again."""

    def __init__(self, terms: Policy, queueing: Queueing, judging: Judging) -> None:
        self._terms = terms
        self._queueing = queueing
        self._judging = judging

    def take(self, tx: Transaction, found: Nominated, *, actor: str, now: datetime) -> Nominated:
        """It counts no more, and leads to no test; returns it as it is then."""
        gone = tx.nominations.withdraw(found, now)
        job = tx.jobs.live(found.address)
        if job is None or job.run != found.run or job.reason is not JobReason.NOMINATION or not _waits(job):
            return gone
        other = tx.nominations.of_run(found.address, job.run)
        if other is None:
            self._judging.unqueue(tx, job, reason=Reason.WITHDRAWN, actor=actor, now=now)
            self._queueing.plan_again(tx, network_of(found.address), self._terms, actor="policy", now=now)
        elif job.provocation == f"nomination {found.id}":
            tx.jobs.advance(
                job,
                reason=job.reason,
                profile=job.profile,
                due=job.due,
                provocation=f"nomination {other.id}",
                extent=job.extent,
                rank=job.rank,
                whose=sending.stranger(other.nominator, known=other.door in TRUSTED),
            )
        return gone


def _waits(job: Job | None) -> bool:
    return job is not None and job.state is JobState.QUEUED and not begun(job)
