"""What the list holds, for those who answer: all of it at one moment, and what has changed since."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge
from typing import Any

from dnsbl.clock import Clock
from dnsbl.model import DO_NOT_TEST, EXCEPTION, EXEMPT, Change, MxPair
from dnsbl.store import Store, Transaction


class Contents:
    """Listings by their change numbers, which have no gaps and grow in commit order."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def snapshot(self) -> tuple[int, Iterator[tuple[bytes, str]]]:
        """The change number, and (network, kind) of every active listing at that number, as a stream in their order;
        what is excluded or left out comes too, under the kinds that zones publish it by.

        A network comes as its sorting key: version, packed address, prefix length. The stream holds a connection until
        it is exhausted or closed.
        """
        stream = self._present()
        number: int = next(stream)
        return number, stream

    def _present(self) -> Iterator[Any]:
        """The change number, then the rows, from one transaction that ends with the stream."""
        with self._store.read() as tx:
            yield tx.changes.last()
            yield from present(tx)

    def pairs(self) -> list[MxPair]:
        """The names that stand for tests at the moment."""
        with self._store.read() as tx:
            return tx.pairs.at(self._clock.now())

    def last_change(self) -> int:
        """The number of the newest change, 0 before the first."""
        with self._store.read() as tx:
            return tx.changes.last()

    def changes(self, after: int, *, most: int = 10000) -> list[Change]:
        """The changes behind number `after`, in order."""
        with self._store.read() as tx:
            return tx.changes.after(after, most=most)


def present(tx: Transaction) -> Iterator[tuple[bytes, str]]:
    """What `Contents.snapshot` streams, as this transaction sees it."""
    listed = tx.listings.present()
    spared = ((network, DO_NOT_TEST) for network in tx.exclusions.present())
    return (row for pair in merge(listed, spared) for row in _declared(pair))


def _declared(row: Any) -> Iterator[tuple[bytes, str]]:
    """A row, and beside an exception the same under its published kind."""
    network, kind = row
    yield network, kind
    if kind == EXCEPTION:
        yield network, EXEMPT
