"""A bad source: it is suspended, and from then on nothing more comes in; and what only it has brought is taken back, in
slices that let others write (RFC 6471 3.9).

What somebody else has brought too stays: a further nomination that counts, or a test that an operator or whoever comes
from the address has asked for. A letter that came back proves an open relay whoever named it; it is taken back all the
same, since without provocation there should have been no test (RFC 6471 3.6.1). Holds no rule what a source is
(`rules.bringers`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from dnsbl.addresses import Address, Network, network_of
from dnsbl.casework.base import subject_of
from dnsbl.casework.slices import SLICE, in_slices
from dnsbl.clock import Clock
from dnsbl.errors import Refused
from dnsbl.model import Listing, Purge, Suspension
from dnsbl.rules.bringers import Bringer
from dnsbl.store import Store, Transaction
from dnsbl.store.columns import address_key
from dnsbl.vocabulary import ASKED_FOR, TESTED_KINDS, JobReason, JobState, Reason, Refusal

if TYPE_CHECKING:
    from dnsbl.casework.judging import Judging

#: Networks that are named of those taken back.
SHOWN = 100
#: Nominations that are looked through at once. Candidates, and listings by an operator's word, that a part takes back.
LOOKS = 50_000
CANDIDATES, WORDS = 5000, 1000
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
        come in spite of the first, and what that has left where it was broken off.
        """
        purging = _Purging(source, self._judging, self._clock.now, reason, actor, public)
        if dry_run:
            for part in purging.parts(self._store):
                with self._store.read() as tx:
                    part(tx, True)
            return purging.told()
        with self._store.write() as tx:
            purging.begin(tx)
        does = (partial(purging.do, part) for part in purging.parts(self._store))
        in_slices(self._store, chain(does, [purging.close]), unfinished=_unfinished(source))
        return purging.told()

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
        self._tx = tx
        self._purging = _Purging(source, judging, lambda: now, reason, actor, "")
        self._brought = self._purging.void_all(tx)

    def take_back(self) -> int:
        """End the tests, and the proven listings, that nobody else has brought; returns how many listings."""
        for some in _parts(self._brought, SLICE):
            self._purging.take_back(self._tx, some)
        return self._purging.told().suspension.retracted


#: Does its part of a purge in a transaction, or, told so, only counts what it would do.
Part = Callable[[Transaction, bool], None]


class _Purging:
    """One purge, in parts; what was done so far is counted."""

    def __init__(
        self, source: Bringer, judging: Judging, now: Callable[[], datetime], reason: str, actor: str, public: str
    ) -> None:
        self._source = source
        self._judging = judging
        self._now = now
        self._reason = reason
        self._actor = actor
        self._public = public
        self._shown: list[Network] = []
        self._voided = self._retracted = self._kept = self._dropped = 0

    def parts(self, store: Store) -> Iterator[Part]:
        """All that is to be done, a slice each; what comes next is looked up when it is asked for, outside of them."""
        seen = set[Address]()  # several nominations may name one
        for found in self._brought(store):
            fresh = [address for address in found if address not in seen]
            seen.update(fresh)
            for some in _parts(fresh, SLICE):
                yield partial(self._void_and_take_back, some)
        with store.read() as tx:
            bringers = [each.bringer for each in tx.candidates.next() if self._source.holds(each.door, each.bringer)]
            counts = tx.candidates.counts() if bringers else {}
        for bringer in bringers:
            for number in range(0, counts[bringer], CANDIDATES):
                most = min(CANDIDATES, counts[bringer] - number)
                yield partial(self._drop_candidates, bringer, most)
        behind: int | None = 0
        while self._source.author and behind is not None:
            with store.read() as tx:
                words = tx.listings.worded_by(self._source.author, behind=behind, most=WORDS)
            behind = words[-1].id if words else None
            if words:
                yield partial(self._take_back_words, words)

    def begin(self, tx: Transaction) -> None:
        """Nothing is taken from the source."""
        self._suspend(tx)
        self._enter(tx, self._source.text, "suspended", after="suspended")

    def do(self, part: Part, tx: Transaction) -> None:
        """One part of it."""
        part(tx, False)
        self._suspend(tx)

    def close(self, tx: Transaction) -> None:
        """All was done."""
        self._suspend(tx)
        done = f"suspended, {self._voided} nominations void, {self._retracted} listings taken back"
        self._enter(tx, self._source.text, "suspended", before="suspended", after=done)

    def told(self) -> Purge:
        """What it has come to."""
        suspension = Suspension(
            source=self._source.text,
            reason=self._reason,
            public=self._public,
            since=self._now(),
            retracted=self._retracted,
        )
        return Purge(
            suspension=suspension,
            nominations=self._voided,
            retracted=tuple(self._shown),
            kept=self._kept,
            dropped=self._dropped,
        )

    def _suspend(self, tx: Transaction) -> None:
        """So much was taken back up to now: the time is a new one, so that who dials looks whom it has come to."""
        tx.suspensions.put(self.told().suspension)

    def void_all(self, tx: Transaction) -> list[Address]:
        """Nothing counts that the source has brought; whom it has named. All in one transaction."""
        brought = set[Address]()
        for first in range(0, tx.nominations.last(), LOOKS):
            brought |= self._named(tx, first)
        addresses = sorted(brought, key=address_key)
        for some in _parts(addresses, SLICE):
            tx.nominations.void(self._told_apart(tx, some)[0])
        return addresses

    def _brought(self, store: Store) -> Iterator[list[Address]]:
        """Whom the source has named with what counts, as far as each so many nominations tell."""
        with store.read() as tx:
            last = tx.nominations.last()
        for first in range(0, last, LOOKS):
            with store.read() as tx:
                named = self._named(tx, first)
            yield sorted(named, key=address_key)

    def _named(self, tx: Transaction, first: int) -> set[Address]:
        """Whom the nominations behind this number name that are the source's and count, so many of them."""
        source = self._source
        found = tx.nominations.brought(first, first + LOOKS, door=source.door, name=source.name)
        return {address for address, door, name in found if source.holds(door, name)}

    def _told_apart(self, tx: Transaction, addresses: Sequence[Address]) -> tuple[list[int], set[Address]]:
        """The numbers of what the source has brought against these, and those that somebody else has brought too."""
        mine, others = list[int](), tx.runs.asked_for(addresses)
        for number, address, door, name in tx.nominations.against(addresses):
            if self._source.holds(door, name):
                mine.append(number)
            else:
                others.add(address)
        return mine, others

    def _void_and_take_back(self, addresses: Sequence[Address], tx: Transaction, dry: bool) -> None:
        mine, others = self._told_apart(tx, addresses)
        self._voided += len(mine)
        if not dry:
            tx.nominations.void(mine)
        self._take_back(tx, addresses, others, dry=dry)

    def take_back(self, tx: Transaction, addresses: Sequence[Address]) -> None:
        """End the listings and tests of these addresses, of which nothing counts any more that the source has brought,
        but for those that somebody else has brought too."""
        self._take_back(tx, addresses, self._told_apart(tx, addresses)[1], dry=False)

    def _take_back(self, tx: Transaction, addresses: Sequence[Address], others: set[Address], *, dry: bool) -> None:
        for kind in sorted(TESTED_KINDS):
            active = tx.listings.active([network_of(address) for address in addresses], kind)
            for network, number in active.items():
                if network.network_address in others:
                    self._kept += 1
                    continue
                self._tell(network)
                if not dry:
                    now = self._now()
                    tx.listings.end([number], at=now, reason=Reason.PURGED)
                    tx.changes.add([network], kind, present=False, at=now)
                    self._enter(tx, subject_of(network), "purged", before=f"listed {kind}", after="not listed")
        for address in addresses:
            if address not in others:
                self._drop_test(tx, address, dry=dry)

    def _drop_test(self, tx: Transaction, address: Address, *, dry: bool) -> None:
        """What was to be tested for this source's sake alone is not."""
        job = tx.jobs.live(address)
        if job is None or job.reason in _NOT_ITS:
            return
        self._dropped += 1
        if dry:
            return
        if job.state is JobState.QUEUED:
            now, said = self._now(), self._said()
            self._judging.unqueue(tx, job, reason=Reason.PURGED, actor=self._actor, now=now, evidence=said)
        else:
            self._enter(tx, str(address), "job", before=job.state, after="dropped")

    def _drop_candidates(self, bringer: str, most: int, tx: Transaction, dry: bool) -> None:
        """What waits to be nominated by this source is not, when it is taken again either."""
        gone = most if dry else tx.candidates.drop_of(bringer, most=most)
        self._dropped += gone
        if not dry:
            self._enter(tx, "list", "candidates-dropped", before=f"{gone} candidates of {bringer}", after="")

    def _take_back_words(self, words: Sequence[Listing], tx: Transaction, dry: bool) -> None:
        """End these listings by the operator's word, with one entry for all of them."""
        first = tx.changes.last() + 1
        for listing in words:
            self._tell(listing.network)
        if dry:
            return
        now = self._now()
        tx.listings.end((listing.id for listing in words), at=now, reason=Reason.PURGED)
        for kind in sorted({listing.kind for listing in words}):
            tx.changes.add([each.network for each in words if each.kind == kind], kind, present=False, at=now)
        self._enter(
            tx,
            "list",
            "purged",
            before=f"{len(words)} networks listed by {self._source.author}",
            after="not listed",
            evidence=f"changes {first}-{first + len(words) - 1}: ",
        )

    def _tell(self, network: Network) -> None:
        self._retracted += 1
        if len(self._shown) < SHOWN:
            self._shown.append(network)

    def _enter(
        self, tx: Transaction, subject: str, verb: str, *, before: str = "", after: str, evidence: str = ""
    ) -> None:
        tx.journal.append(
            at=self._now(),
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


def _parts(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for n in range(0, len(items), size):
        yield items[n : n + size]


def _unfinished(source: Bringer) -> str:
    return (
        f"Nothing more is taken from {source.text}, but not all that it has brought is taken back: the same command "
        "again does the rest."
    )
