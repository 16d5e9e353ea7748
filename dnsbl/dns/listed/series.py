"""The serials of a list: one series for all nodes on one store, kept there as epochs.

Pure. A serial is the base of an epoch plus the change number (RFC 1982 counts it modulo 2**32). An epoch says what is
answered for the rows of each number: the same everywhere in it, by the digest of the zone files and of all else that
records are made with. So two tables with one serial are one zone, and whoever has got a serial from one node may get
what came after it from another.

A node whose zone files become others asks the store for a new epoch (`wanted`), once: as long as its files stay what
they are it goes on in the epoch that it is in, though others be ahead of it, and goes over when a newer one comes that
is of its own files. An older epoch ends where the serials of the next one begin, `GAP` further on. Where the numbers
themselves have another past than was served (a copy has come back), the older epochs are taken away, and every node
leaves them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from dnsbl.model import Change, Epoch
from tester.records import dataclass

#: Serials at least from the last one that is known to the first one of a new epoch, and at most (RFC 1982 3.2: steps
#: of 2**31 and more lead nowhere).
GAP, LEAP = 2**16, 2**30
#: A node that knows nothing of the past needs no new epoch where one is as young as this.
YOUNG = timedelta(minutes=10)
#: The digest of what is answered under no serial of the series.
UNNUMBERED = "-"


class Snapshot(NamedTuple):
    """All that is listed, at one moment of the store."""

    number: int  #: the change number
    rows: Iterator[tuple[bytes, str]]  #: as `Table.of` takes them; a stream
    epochs: tuple[Epoch, ...]  #: in their order
    last: Change | None  #: the change of that number, unless the store has forgotten it


class Advance(NamedTuple):
    """What came after a change number, at one moment of the store."""

    changes: list[Change]  #: in order; perhaps not all
    epochs: tuple[Epoch, ...]
    number: int  #: the newest change number


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """How the table in service is numbered."""

    base: int
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A new epoch that a node needs."""

    digest: str  #: of what it answers with
    newest: int | None  #: the base of the newest epoch that it has seen
    above: int  #: the highest serial that it has served, uncut
    breaks: bool  #: whether what was numbered before may have been something else: older epochs are over
    why: str  #: half a sentence, for people


def in_force(epochs: Sequence[Epoch], number: int, digest: str) -> Epoch | None:
    """The newest epoch in which a node may number this change number with this digest; `epochs` in their order."""
    ends = [after.base + after.since for _, after in pairwise(epochs)]
    for epoch, end in zip(reversed(epochs), (None, *reversed(ends)), strict=False):
        if epoch.digest == digest and epoch.since <= number and (end is None or epoch.base + number < end):
            return epoch
    return None


def wanted(
    epochs: Sequence[Epoch], *, number: int, digest: str, served: Served | None, known: int, now: datetime
) -> Wanted | None:
    """The epoch that a node must ask for before it may number the store's newest change number; None: it may.

    `served` is how its table in service is numbered, None where nothing is left of what it once was; `known` is the
    highest serial that it has served, uncut.
    """
    newest = epochs[-1] if epochs else None
    mine = in_force(epochs, number, digest)
    if served is None:
        if mine is not None and mine is newest and abs(now - mine.made) <= YOUNG and mine.base + number >= known:
            return None
        breaks, why = False, "this node does not know which serials were in use before"
    else:
        there = any(epoch.base == served.base for epoch in epochs)
        back = newest is not None and newest.base + number < known
        lost = back or (not there and (newest is None or newest.base < served.base))
        stays = served.digest == digest and there
        if mine is not None and (stays or mine.base > served.base) and mine.base + number >= known:
            return None
        breaks = lost or served.digest == UNNUMBERED
        why = "the database has another past than was served" if breaks else "zone files or settings have changed"
        if newest is None:
            why = "the database held none yet"
    above = max(known, 0)
    return Wanted(digest=digest, newest=newest.base if newest else None, above=above, breaks=breaks, why=why)


def following(epochs: Sequence[Epoch], wish: Wanted, *, number: int, now: datetime) -> Epoch:
    """The epoch that fulfils this wish at the store's newest change number: one that somebody else has got since, or a
    new one. Its serials begin at the time of day at least, so that no loss of everything brings an old one back."""
    newest = epochs[-1] if epochs else None
    if newest is not None and (wish.newest is None or newest.base > wish.newest):
        mine = in_force(epochs, number, wish.digest)
        if mine is newest and newest.base + number >= wish.above:
            return newest
    least = max(wish.above, newest.base + max(number, newest.since) if newest else 0)
    clock = int(now.timestamp())
    first = max(least + GAP, min(clock, least + LEAP)) if least else clock
    return Epoch(base=first - number, since=number, digest=wish.digest, made=now)
