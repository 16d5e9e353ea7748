"""Runs and letters to put on a shelf."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from dnsbl.model import Run
from dnsbl.store import Transaction
from dnsbl.vocabulary import JobReason
from tester.letter import Letter
from tester.verdict import Verdict

NOW = datetime(2026, 1, 1, tzinfo=UTC)


HOST = ip_address("2001:db8::25")


def later(**step: float) -> datetime:
    return NOW + timedelta(**step)


def begin(
    tx: Transaction, run: str, started: datetime = NOW, reason: JobReason = JobReason.NOMINATION, address=HOST
) -> Run:
    job = tx.jobs.add(
        address=address, port=25, reason=reason, profile="standard", due=NOW, run=run, provocation="nomination 1"
    )
    tx.jobs.finish(job)
    return tx.runs.begin(job, started)


def settle(tx: Transaction, run: Run, verdict: Verdict, *, at: datetime | None = None, unreached: bool = False) -> None:
    tx.runs.settle(run, verdict=verdict, explanation="so", at=at or run.started, unreached=unreached)


def letter(run: Run, token: str = "one") -> Letter:
    return Letter(
        recipient=f"r{token}",
        sender=f"s{token}",
        address=run.address,
        port=run.port,
        vector="S01",
        run=run.id,
        not_before=1,
        not_after=2,
        proof_hash=b"\0hash",
    )
