"""What tests show of those who nominated: scores of reporters, and who is suspended by his.

Works inside the transaction of the verb that calls it. Holds no number: what a verdict says, and when a score is too
low, says `rules.reporters`.
"""

from __future__ import annotations

from datetime import datetime

from dnsbl.casework.base import reporter_entry
from dnsbl.model import Job, Run
from dnsbl.rules import reporters
from dnsbl.settings import ReporterTerms
from dnsbl.store import Transaction
from dnsbl.vocabulary import JobReason, Reason
from tester.verdict import Verdict

#: Tests that complete the one before: what that was to show is told when these are over.
_COMPLETING = frozenset({JobReason.CONFIRM, JobReason.VANTAGE, JobReason.REPEAT, JobReason.UNREACHABLE})


def scored(
    tx: Transaction,
    terms: ReporterTerms,
    run: Run,
    verdict: Verdict,
    now: datetime,
    *,
    continued: Job | None = None,
) -> None:
    """Count what a run, as it was before it was judged so, shows of those whose nominations led to it; where a queued
    test completes it, that one will. A second word on a run takes the first one back. Who fails is suspended."""
    if continued is not None and continued.reason in _COMPLETING:
        tx.nominations.pass_on(run.id, continued.run)
        return
    told = reporters.mark(verdict) - reporters.mark(run.verdict)
    names = tx.nominations.reporters_of(run.id) if told != reporters.Mark(0, 0) else []
    if not names:
        return
    tx.reporters.score(names, hits=told.hits, misses=told.misses)
    for name in names:
        account = tx.reporters.read(name)
        if account is None or not reporters.fails(account, terms):
            continue
        why = f"{account.misses} tests found closed what it nominated, and {account.hits} open"
        tx.reporters.suspend(name, now, why)
        reporter_entry(
            tx,
            now,
            name,
            "reporter-suspended",
            account.tier,
            "suspended",
            actor="policy",
            reason=Reason.SCORE,
            evidence=f"{why}, the last: run {run.id}",
        )
