"""A bad source: it is suspended, and what only it has brought is taken back, all in one transaction (RFC 6471 3.9).

What somebody else has brought too stays: a further nomination that counts, or a test that an operator or whoever comes
from the address has asked for. A letter that came back proves an open relay whoever named it; it is taken back all the
same, since without provocation there should have been no test (RFC 6471 3.6.1). Holds no rule what a source is
(`rules.bringers`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from dnsbl.addresses import Address, Network, network_of
from dnsbl.casework.base import subject_of
from dnsbl.clock import Clock
from dnsbl.errors import Refused
from dnsbl.model import Purge, Suspension
from dnsbl.rules.bringers import Bringer
from dnsbl.store import Store, Transaction
from dnsbl.vocabulary import ASKED_FOR, TESTED_KINDS, Door, JobReason, JobState, Reason, Refusal

if TYPE_CHECKING:
    from dnsbl.casework.judging import Judging

#: Networks that are named of those taken back.
SHOWN = 100
#: Reasons of tests that somebody else than a nominator has asked for, or that follow a listing of its own right.
_NOT_ITS = ASKED_FOR | {JobReason.PROBATION}

T = TypeVar("T")


class Purging:
    """The verbs about bad sources."""

    def __init__(self, store: Store, clock: Clock, judging: Judging) -> None:
        self._store = store
        self._clock = clock
        self._judging = judging

    def purge(self, source: Bringer, *, reason: str, actor: str, public: str = "", dry_run: bool = False) -> Purge:
        """Take nothing from this source any more, and take back what it alone has brought: nominations count no more,
        tests are not made, listings end. With `dry_run` nothing of it is done, and what would be is told.

        `reason` stays among operators; `public` is shown to everybody. A second purge of a source takes back what has
        come in spite of the first.
        """
        try:
            with self._store.write() as tx:
                done = _Purging(tx, source, self._judging, self._clock.now(), reason, actor, public).all()
                if dry_run:
                    raise _Tried(done)
        except _Tried as tried:
            return tried.purge
        return done

    def end(self, source: Bringer, *, reason: str, actor: str) -> None:
        """Take what this source brings again; what was taken back stays so. Raises Refused where it is not one."""
        with self._store.write() as tx:
            if not tx.suspensions.end(source.text):
                raise Refused(Refusal.SUSPENDED, f"{source.text} is not suspended; `dnsbl purge --list` shows who is.")
            tx.journal.append(
                at=self._clock.now(),
                actor=actor,
                subject=source.text,
                verb="suspension-ended",
                reason=Reason.OPERATOR,
                before="suspended",
                after="is taken again",
                evidence=reason,
            )

    def suspensions(self) -> list[Suspension]:
        """Every source from which nothing is taken, the oldest suspension first."""
        with self._store.read() as tx:
            return tx.suspensions.all()


class Again:
    """A purge that was made once, made again in a store that has come back from a copy, inside its transaction: what
    the source has brought counts no more from here on. Its suspension, and the listings by an operator's word, are told
    by the event log."""

    def __init__(
        self, tx: Transaction, source: Bringer, judging: Judging, *, now: datetime, reason: str, actor: str
    ) -> None:
        self._purging = _Purging(tx, source, judging, now, reason, actor, "")
        self._purging.void()

    def take_back(self) -> int:
        """End the tests, and the proven listings, that nobody else has brought; returns how many listings."""
        return self._purging.take_back()


class _Tried(Exception):
    """What a purge would do; ends its transaction without a trace."""

    def __init__(self, purge: Purge) -> None:
        super().__init__()
        self.purge = purge


class _Purging:
    """One purge, inside its transaction."""

    def __init__(
        self,
        tx: Transaction,
        source: Bringer,
        judging: Judging,
        now: datetime,
        reason: str,
        actor: str,
        public: str,
    ) -> None:
        self._tx = tx
        self._source = source
        self._judging = judging
        self._now = now
        self._reason = reason
        self._actor = actor
        self._public = public
        self._shown: list[Network] = []
        self._retracted = self._kept = self._dropped = 0
        self._brought: set[Address] = set()

    def all(self) -> Purge:
        """Do it."""
        tx, voided = self._tx, self.void()
        self.take_back()
        if self._source.author:
            self._take_back_words()
        suspension = Suspension(
            source=self._source.text,
            reason=self._reason,
            public=self._public,
            since=self._now,
            retracted=self._retracted,
        )
        tx.suspensions.put(suspension)
        self._enter(
            self._source.text,
            "suspended",
            after=f"suspended, {voided} nominations void, {self._retracted} listings taken back",
        )
        return Purge(
            suspension=suspension,
            nominations=voided,
            retracted=tuple(self._shown),
            kept=self._kept,
            dropped=self._dropped,
        )

    def void(self) -> int:
        """Nothing counts that the source has brought; returns how many nominations that are."""
        tx, voided = self._tx, 0
        theirs: list[tuple[Door, str]] = [each for each in tx.nominations.nominators() if self._source.holds(*each)]
        for some in _parts(theirs, 500):
            self._brought.update(tx.nominations.brought_by(some))
            voided += tx.nominations.void(some)
        self._drop_candidates()
        return voided

    def _drop_candidates(self) -> None:
        """What waits to be nominated by this source is not, when it is taken again either."""
        for door, bringer in self._tx.candidates.bringers():
            if self._source.holds(door, bringer):
                gone = self._tx.candidates.drop_of(bringer)
                self._dropped += gone
                self._enter("list", "candidates-dropped", before=f"{gone} candidates of {bringer}", after="")

    def take_back(self) -> int:
        """End what was made of that alone; returns how many listings ended."""
        for addresses in _parts(sorted(self._brought, key=lambda a: (a.version, int(a))), 1000):
            others = self._tx.nominations.standing(addresses) | self._tx.runs.asked_for(addresses)
            self._take_back(addresses, others)
        return self._retracted

    def _take_back(self, addresses: list[Address], others: set[Address]) -> None:
        """End the listings and tests of these addresses, but for those that somebody else has brought too."""
        for kind in sorted(TESTED_KINDS):
            active = self._tx.listings.active([network_of(address) for address in addresses], kind)
            for network, number in active.items():
                if network.network_address in others:
                    self._kept += 1
                    continue
                self._tx.listings.end([number], at=self._now, reason=Reason.PURGED)
                self._tx.changes.add([network], kind, present=False, at=self._now)
                self._tell(network)
                self._enter(subject_of(network), "purged", before=f"listed {kind}", after="not listed")
        for address in addresses:
            if address not in others:
                self._drop_test(address)

    def _drop_test(self, address: Address) -> None:
        """What was to be tested for this source's sake alone is not."""
        job = self._tx.jobs.live(address)
        if job is None or job.reason in _NOT_ITS:
            return
        self._dropped += 1
        if job.state is JobState.QUEUED:
            said = self._said()
            self._judging.unqueue(self._tx, job, reason=Reason.PURGED, actor=self._actor, now=self._now, evidence=said)
        else:
            self._enter(str(address), "job", before=job.state, after="dropped")

    def _take_back_words(self) -> None:
        """End the listings by this operator's word, whatever their number, with one entry for all of them."""
        first, count = self._tx.changes.last() + 1, 0
        while found := self._tx.listings.worded_by(self._source.author, most=5000):
            self._tx.listings.end((listing.id for listing in found), at=self._now, reason=Reason.PURGED)
            for listing in found:
                self._tell(listing.network)
            for kind in sorted({listing.kind for listing in found}):
                networks = [listing.network for listing in found if listing.kind == kind]
                self._tx.changes.add(networks, kind, present=False, at=self._now)
            count += len(found)
        if count:
            self._enter(
                "list",
                "purged",
                before=f"{count} networks listed by {self._source.author}",
                after="not listed",
                evidence=f"changes {first}-{first + count - 1}: ",
            )

    def _tell(self, network: Network) -> None:
        self._retracted += 1
        if len(self._shown) < SHOWN:
            self._shown.append(network)

    def _enter(self, subject: str, verb: str, *, before: str = "", after: str, evidence: str = "") -> None:
        self._tx.journal.append(
            at=self._now,
            actor=self._actor,
            subject=subject,
            verb=verb,
            reason=Reason.PURGED,
            before=before,
            after=after,
            evidence=f"{evidence}{self._said()}",
        )

    def _said(self) -> str:
        return f"source {self._source.text}: {self._reason}"


def _parts(items: list[T], size: int) -> Iterator[list[T]]:
    for n in range(0, len(items), size):
        yield items[n : n + size]
