"""What the list holds, for those who answer: all of it at one moment, and what has changed since."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from heapq import merge
from typing import Any

from dnsbl.clock import Clock
from dnsbl.dns.listed import series
from dnsbl.dns.listed.series import Advance, Snapshot, Wanted
from dnsbl.logbook.events import tell
from dnsbl.model import Change, Epoch, MxPair
from dnsbl.store import Store, Transaction
from dnsbl.vocabulary import DO_NOT_TEST, EXCEPTION, EXEMPT

_log = logging.getLogger(__name__)


class Contents:
    """Listings by their change numbers, which have no gaps and grow in commit order. What is told of them is settled:
    whoever answers by a number never looks at another change of it, so none that he knows may be taken back."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._settled = 0  # up to which change everything is on the disk, as far as is known here

    def snapshot(self) -> Snapshot:
        """(network, kind) of every active listing, as a stream in their order, with the change number and the epochs of
        that moment; what is excluded or left out comes too, under the kinds that zones publish it by.

        A network comes as its sorting key: version, packed address, prefix length. The stream holds a connection until
        it is exhausted or closed.
        """
        stream = self._present()
        number, epochs, last = next(stream)
        self._settle(number)
        return Snapshot(number, stream, epochs, last)

    def _present(self) -> Iterator[Any]:
        """What goes before the rows, then the rows, from one transaction that ends with the stream."""
        with self._store.read() as tx:
            number = tx.changes.last()
            yield number, tx.epochs.all(), next(iter(tx.changes.after(number - 1, most=1)), None)
            yield from present(tx)

    def pairs(self) -> list[MxPair]:
        """The names that stand for tests at the moment."""
        with self._store.read() as tx:
            return tx.pairs.at(self._clock.now())

    def last_change(self) -> int:
        """The number of the newest change, 0 before the first."""
        with self._store.read() as tx:
            return tx.changes.last()

    def changes(self, after: int, *, most: int = 10000, epoch: int | None = None) -> list[Change]:
        """The changes behind number `after`, in order; none where the epoch of this base is over: then they may be
        another past than that of a table which is numbered in it."""
        with self._store.read() as tx:
            if epoch is not None and all(each.base != epoch for each in tx.epochs.all()):
                return []
            found = tx.changes.after(after, most=most)
        if found:
            self._settle(found[-1].seq)
        return found

    def advance(self, after: int, *, most: int = 10000) -> Advance:
        """The same, with the newest number and the epochs of that moment."""
        with self._store.read() as tx:
            found = Advance(tx.changes.after(after, most=most), tx.epochs.all(), tx.changes.last())
        self._settle(found.number)
        return found

    def _settle(self, number: int) -> None:
        """Have the changes up to this one on the disk before anybody is told of them. Raises StoreUnavailable."""
        if number != self._settled:
            self._store.settle()
            self._settled = number

    def epoch(self, wish: Wanted) -> Epoch:
        """Begin the epoch of the zones' serials that somebody who answers needs, unless somebody else has begun it. A
        clock that is not believed counts for nothing. Raises StoreUnavailable."""
        with self._store.write() as tx:
            epochs, number = tx.epochs.all(), tx.changes.last()
            found = series.following(epochs, wish, number=number, now=tx.journal.believed(self._clock.now()))
            new = found not in epochs
            if new:
                if wish.breaks:
                    tx.epochs.end()
                tx.epochs.add(found)
        if new:
            tell(_log, "serials-begun", serial=(found.base + found.since) % 2**32, why=wish.why)
        return found


def present(tx: Transaction) -> Iterator[tuple[bytes, str]]:
    """What `Contents.snapshot` streams, as this transaction sees it."""
    listed = tx.listings.present()
    spared = ((network, DO_NOT_TEST) for network in tx.exclusions.present())
    for network, kind in merge(listed, spared):
        yield network, kind
        if kind == EXCEPTION:  # beside it the same under its published kind
            yield network, EXEMPT
