"""What letters in a remote tester's hands have come to, and the test of our own that follows.

Works inside the transaction of the verb that calls it. Holds no judgement: what they show says `rules.remote`, and what
that does to the list `judging`.
"""

from __future__ import annotations

from datetime import datetime

from dnsbl.casework.queueing import Queueing, begun, unwanted
from dnsbl.model import ASKED, Job, ReporterAccount, Run
from dnsbl.rules import remote
from dnsbl.rules.remote import CameBack, Showing
from dnsbl.settings import RemoteTesting
from dnsbl.store import Transaction
from dnsbl.vocabulary import JobReason
from tester.received.line import hops
from tester.verdict import CAME_BACK

#: What provokes the test of our own.
PROVOCATION = "confirmation of what a remote tester's letter has shown"
_REPORTER = "reporter "
#: Tests of ours that wait for a day to come, and need not.
_PLANNED = frozenset({JobReason.RETEST, JobReason.REPEAT, JobReason.PROBATION, JobReason.UNREACHABLE})


class Lending:
    """Steps of tests whose letters somebody else sends."""

    def __init__(self, terms: RemoteTesting, queueing: Queueing) -> None:
        self._terms = terms
        self._queueing = queueing

    def shown(self, tx: Transaction, run: Run) -> Showing | None:
        """What the letters of this test show that have come back; None where there are none, or nothing is taken from
        their tester any more."""
        backs = [
            CameBack(same=back.peer == run.address, chain=hops(back.message))
            for back in tx.returns.of(run.id)
            if back.finding in CAME_BACK
        ]
        now = remote.grade(self._tester(tx, run), self._terms)
        return remote.shown(backs, remote.lower(remote.REASONS[run.reason], now), confirm=self._terms.confirm)

    def follow(self, tx: Transaction, run: Run, now: datetime) -> Job | None:
        """Have our own worker test the address now, unless a test of ours is under way or about to be made. It is of
        the whole host where the address is listed, so that it can end that."""
        live, job = tx.jobs.live(run.address), tx.jobs.of_run(run.id)
        if unwanted(tx, run.address, run.reason) or (live is not None and (begun(live) or live.reason not in _PLANNED)):
            return None
        return self._queueing.at_once(
            tx,
            live,
            run.address,
            reason=JobReason.RETEST if tx.listings.proven(run.address) else JobReason.CONFIRM,
            profile=run.profile,
            provocation=PROVOCATION,
            actor="policy",
            now=now,
            rank=ASKED + 1,
            whose=job.whose if job is not None else "",
        )

    def _tester(self, tx: Transaction, run: Run) -> ReporterAccount | None:
        job = tx.jobs.of_run(run.id)
        return tx.reporters.read(job.whose.removeprefix(_REPORTER)) if job is not None else None
