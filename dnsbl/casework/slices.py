"""Work on many rows that lets others write: each slice of it is one transaction, and between two slices whoever waits
has its turn.

What breaks it off leaves whole slices behind, and whoever asked is told that the same again does the rest: so a step
passes over what is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from dnsbl.errors import BrokenOff, StoreUnavailable
from dnsbl.store import Store, Transaction

#: Addresses, or tests, of a slice: some tenths of a second at the most, which another writer may have to wait for.
SLICE = 100


def until_done(step: Callable[[Transaction], bool]) -> Iterator[Callable[[Transaction], None]]:
    """The same step again and again, while it says that there may be more."""
    more = True

    def once(tx: Transaction) -> None:
        nonlocal more
        more = step(tx)

    while more:
        yield once


def in_slices(store: Store, steps: Iterable[Callable[[Transaction], None]], *, unfinished: str) -> None:
    """Do each step in a transaction of its own; the next one is asked for when that has ended. Raises what breaks them
    off, StoreUnavailable or BrokenOff, with the words that tell what is `unfinished`."""
    try:
        for number, step in enumerate(steps):
            if number:
                store.give_way()
            with store.write() as tx:
                step(tx)
    except StoreUnavailable as error:
        raise StoreUnavailable(f"{error} {unfinished}", trouble=error.trouble) from error
    except KeyboardInterrupt:
        raise BrokenOff(f"Broken off. {unfinished}") from None
