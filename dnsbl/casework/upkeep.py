"""The verbs of the scheduler: what happens because time has passed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from dnsbl.casework.admission import EVIDENCE
from dnsbl.casework.base import Clears, cleared, renewed, run_in, shown_of_listed, subject_of
from dnsbl.casework.queueing import Queueing
from dnsbl.clock import Clock, day_of
from dnsbl.errors import StoreUnavailable, Withheld
from dnsbl.model import Listing
from dnsbl.rules import policy, sending
from dnsbl.settings import Policy
from dnsbl.store import Store, Transaction
from dnsbl.vocabulary import TESTED_KINDS, UNTESTABLE, Reason, RunState

if TYPE_CHECKING:
    from dnsbl.casework.judging import Judging

#: How many times as much evidence is looked at as may be forgotten at once, to spare that of listed addresses.
_LOOKS = 20
#: How far back listings that have ended are looked at again: other nodes' clocks differ, and transactions last.
_FOLLOWED = timedelta(hours=1)


class Upkeep:
    """Windows that close and listings that end."""

    def __init__(
        self, store: Store, terms: Policy, clock: Clock, queueing: Queueing, judging: Judging, clears: Clears
    ) -> None:
        self._store = store
        self._terms = terms
        self._clock = clock
        self._queueing = queueing
        self._judging = judging
        self._clears = clears
        self._followed: datetime | None = None  # when nothing was left to follow

    def settle(self, *, most: int = 100) -> int:
        """Judge the runs whose delivery window has closed, a transaction each; returns how many. One that cannot be
        judged keeps none of the others waiting; its error is raised when these are done."""
        now, count = self._clock.now(), 0
        failed: Exception | None = None
        with self._store.read() as tx:
            over = tx.runs.over(now, most=most)
        for name in over:
            try:
                with self._store.write() as tx:
                    run = run_in(tx, name)
                    if run.state is RunState.WAITING:
                        self._judging.window_over(tx, run, now)
                        count += 1
            except (StoreUnavailable, Withheld):
                raise
            except Exception as error:
                failed = failed or error
        if failed is not None:
            raise failed
        return count

    def follow_outputs(self, *, most: int = 1000) -> int:
        """List the outputs whose delay is over, and let those go whose inputs have left the list; returns how many.

        After its first time it looks at what has left the list since, and not at all outputs again.
        """
        now = self._clock.now()
        with self._store.read() as tx:
            if not self._judging.outputs.waits(tx, now, self._followed and self._followed - _FOLLOWED):
                self._followed = now
                return 0
        with self._store.write() as tx:
            return self._judging.outputs.step(tx, now, most=most)

    def expire(self, *, most: int = 1000) -> int:
        """End the listings whose time has come; returns how many.

        Raises Withheld when they are so many that it must be a mistake, of a clock perhaps: then none ends without an
        operator's word (`expire_all`).
        """
        now = self._clock.now()
        with self._store.read() as tx:
            if why := self._too_many(tx, now):
                raise Withheld(why)
            if not tx.listings.expired(now, most=1):
                return 0
        with self._store.write() as tx:
            return self._end(tx, now, most=most, actor="policy", evidence="")

    def expire_all(self, *, reason: str, actor: str) -> int:
        """End all listings whose time has come, however many, since an operator says so; returns how many."""
        now, count = self._clock.now(), 0
        with self._store.write() as tx:
            due = tx.listings.due(now)
            tx.journal.append(
                at=now,
                actor=actor,
                subject="list",
                verb="expired",
                reason=Reason.OPERATOR,
                after=f"{due} listings may end by their age",
                evidence=reason,
            )
        while True:
            with self._store.write() as tx:
                ended = self._end(tx, now, most=1000, actor=actor, evidence=reason)
            count += ended
            if not ended:
                return count

    def forget(self, *, most: int = 100) -> int:
        """Drop the octets of the oldest evidence while all of it is more than `policy.evidence_total_bytes`; that of
        addresses on the list goes last. Its hash stays, in the journal as well. Counts of days and hours that are over
        go too. Returns how many messages went."""
        now = self._clock.now()
        today, slot = day_of(now), sending.slot_of(now) - 2 * sending.SLOTS
        with self._store.read() as tx:
            stale = tx.kept.is_stale(today) or tx.sent.is_stale(slot)
            much = tx.kept.of([EVIDENCE])[EVIDENCE].octets > self._terms.evidence_total_bytes
        if stale:
            with self._store.write() as tx:
                tx.journal.hold(now)
                tx.kept.drop_stale(today)
                tx.sent.drop_stale(slot)
        if not much:
            return 0
        with self._store.write() as tx:
            too_much = tx.kept.of([EVIDENCE])[EVIDENCE].octets - self._terms.evidence_total_bytes
            names = self._to_forget(tx, most)
            freed, gone = 0, 0
            for name in names:
                if freed >= too_much:
                    break
                octets = tx.evidence.forget(name)
                tx.kept.take_off(EVIDENCE, octets)
                freed, gone = freed + octets, gone + 1
            if gone:
                tx.journal.append(
                    at=now,
                    actor="policy",
                    subject="list",
                    verb="forgotten",
                    reason=Reason.EXPIRED,
                    after=f"{freed} octets of evidence dropped",
                    evidence=f"{gone} messages, the oldest: sha256:{names[0]}",
                )
        return gone

    def _to_forget(self, tx: Transaction, most: int) -> list[str]:
        """The evidence that goes first, of so many times as much as is looked at for it."""
        for look in range(_LOOKS):
            oldest = tx.evidence.oldest(most=most, but=look * most)
            kept = shown_of_listed(tx, oldest)
            if names := [name for name in oldest if name not in kept]:
                return names
        return tx.evidence.oldest(most=most)

    def withheld(self) -> str:
        """Why no listing ends by its age at the moment, a sentence, or ""."""
        with self._store.read() as tx:
            return self._too_many(tx, self._clock.now())

    def _too_many(self, tx: Transaction, now: datetime) -> str:
        terms = self._terms
        due = tx.listings.due(now, most=terms.expiry_most + 1)
        if due <= terms.expiry_most:
            return ""
        due, all_of_them = tx.listings.due(now), tx.listings.with_an_end()
        if due <= terms.expiry_share * all_of_them:
            return ""
        return (
            f"{due} of {all_of_them} listings would end by their age at once, and none does: look at the clock; "
            "if it is right, `dnsbl listing expire --reason TEXT` ends them."
        )

    def _untestable(self, tx: Transaction, listing: Listing) -> bool:
        """Whether an ending listing was of an open relay that nobody can test any more, and that is a kind here."""
        if UNTESTABLE not in self._terms.kinds or listing.kind not in policy.KIND.values():
            return False
        last = tx.runs.of(listing.network.network_address, most=1)
        return bool(last) and last[0].verdict in policy.CANNOT_TEST

    def _move(self, tx: Transaction, listing: Listing, now: datetime, actor: str) -> None:
        """The listing goes on under that kind, for a while; its proof stays what it was, and so do its retests."""
        until = now + timedelta(days=self._terms.untestable_days)
        assert listing.run is not None
        renewed(tx, listing, kind=UNTESTABLE, expires=until, run=listing.run, at=listing.confirmed)
        tx.journal.append(
            at=now,
            actor=actor,
            subject=subject_of(listing.network),
            verb="moved",
            reason=Reason.CANNOT_TEST,
            before=f"listed {listing.kind}",
            after=f"listed {UNTESTABLE}",
            evidence=f"run {listing.run}",
        )

    def _end(self, tx: Transaction, now: datetime, *, most: int, actor: str, evidence: str) -> int:
        expired = tx.listings.expired(now, most=most)
        for listing in expired:
            if self._untestable(tx, listing):
                self._move(tx, listing, now, actor)
                continue
            tx.listings.end([listing.id], at=now, reason=Reason.EXPIRED)
            tx.changes.add([listing.network], listing.kind, present=False, at=now)
            if listing.kind in TESTED_KINDS:
                self._queueing.drop_planned(tx, [listing.network])
            tx.journal.append(
                at=now,
                actor=actor,
                subject=subject_of(listing.network),
                verb="expired",
                reason=Reason.EXPIRED,
                before=f"listed {listing.kind}",
                after="not listed",
                evidence=(evidence + cleared(self._clears, [listing.kind], now)).removeprefix(", "),
            )
        return len(expired)
