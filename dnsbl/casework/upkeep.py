"""The verbs of the scheduler: what happens because time has passed."""

from __future__ import annotations

from dnsbl.casework.base import run_in, subject_of
from dnsbl.casework.judging import Judging
from dnsbl.casework.queueing import Queueing
from dnsbl.clock import Clock
from dnsbl.model import Reason, RunState
from dnsbl.store import Store


class Upkeep:
    """Windows that close and listings that end."""

    def __init__(self, store: Store, clock: Clock, queueing: Queueing, judging: Judging) -> None:
        self._store = store
        self._clock = clock
        self._queueing = queueing
        self._judging = judging

    def settle(self, *, most: int = 100) -> int:
        """Judge the runs whose delivery window has closed, a transaction each; returns how many."""
        now, count = self._clock.now(), 0
        with self._store.read() as tx:
            over = tx.runs.over(now, most=most)
        for name in over:
            with self._store.write() as tx:
                run = run_in(tx, name)
                if run.state is RunState.WAITING:
                    self._judging.window_over(tx, run, now)
                    count += 1
        return count

    def expire(self, *, most: int = 1000) -> int:
        """End the listings whose time has come; returns how many."""
        now = self._clock.now()
        with self._store.read() as tx:
            if not tx.listings.expired(now, most=1):
                return 0
        with self._store.write() as tx:
            expired = tx.listings.expired(now, most=most)
            for listing in expired:
                tx.listings.end([listing.id], at=now, reason=Reason.EXPIRED)
                tx.changes.add([listing.network], listing.kind, present=False)
                self._queueing.drop_planned(tx, [listing.network])
                subject, before = subject_of(listing.network), f"listed {listing.kind}"
                tx.journal.append(
                    at=now,
                    actor="policy",
                    subject=subject,
                    verb="expired",
                    reason=Reason.EXPIRED,
                    before=before,
                    after="not listed",
                )
        return len(expired)
