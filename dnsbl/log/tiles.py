"""Tiles: the tree and its entries as files that never change once they are full (c2sp.org/tlog-tiles).

Pure. A tile has 256 hashes of one level, of which each is the root of a full tile of the level below; a bundle has 256
entries. A tree grows at its right edge alone: to add leaves nobody needs more than the last tile of each level.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from dnsbl.errors import Damaged
from dnsbl.log.merkle import OCTETS, complete
from tester.records import dataclass

#: Hashes, or entries, of a full tile; the number of tree levels that one has is HEIGHT.
WIDTH, HEIGHT = 256, 8
#: The "level" of the bundles of entries.
ENTRIES = -1
#: Octets that an entry may have.
ENTRY_MOST = 65535
#: Levels that a tree may need, and the greatest number that a path is read with.
LEVELS, NUMBER_MOST = 8, 2**56

_PATH = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tile:
    """Which tile, or which bundle."""

    level: int
    number: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Where it is, under the log's prefix."""
        digits = f"{self.number:d}"
        groups = digits.zfill(-(-len(digits) // 3) * 3)
        *upper, last = (groups[i : i + 3] for i in range(0, len(groups), 3))
        level = "entries" if self.level == ENTRIES else self.level
        part = f".p/{self.width}" if self.width < WIDTH else ""
        return f"tile/{level}/{''.join(f'x{group}/' for group in upper)}{last}{part}"

    @classmethod
    def read(cls, path: str) -> Tile:
        """The inverse of `path`. Raises ValueError for a path that no tile has."""
        match = _PATH.fullmatch(path)
        if match is None:
            raise ValueError("no tile has this path")
        level = ENTRIES if match[1] == "entries" else int(match[1])
        found = cls(level, int(re.sub("[x/]", "", match[2])), int(match[3] or WIDTH))
        if found.level > 63 or found.number >= NUMBER_MOST or found.path != path:
            raise ValueError("no tile has this path")
        return found

    def within(self, size: int) -> bool:
        """Whether a tree of so many leaves has this much of it."""
        return self.number * WIDTH + self.width <= size >> HEIGHT * max(self.level, 0)


def grown_tiles(old: int, size: int) -> Iterator[Tile]:
    """The tiles and bundles that a tree has new when it grows from `old` leaves to `size`: those that are full now, and
    at each level the part at the right edge."""
    for level in range(ENTRIES, LEVELS):
        shift = HEIGHT * max(level, 0)
        before, after = old >> shift, size >> shift
        if before == after:
            continue
        for number in range(before // WIDTH, after // WIDTH):
            yield Tile(level, number)
        if after % WIDTH:
            yield Tile(level, after // WIDTH, after % WIDTH)


def edge(size: int) -> Iterator[Tile]:
    """What of the right edge must be known to add leaves: of each level the tile that is not full, if it has begun."""
    for level in range(LEVELS):
        hashes = size >> HEIGHT * level
        if hashes % WIDTH:
            yield Tile(level, hashes // WIDTH, hashes % WIDTH)


def grow(size: int, edge: Mapping[int, bytes], leaves: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
    """The tiles that change when these leaf hashes are added to a tree of `size`: (level, number) -> content.

    `edge` has, by level, what stands in the tiles that `edge(size)` names. Raises Damaged when that is not so.
    """
    changed: dict[tuple[int, int], bytes] = {}
    coming = list(leaves)
    for level in range(LEVELS):
        if not coming:
            break
        hashes = size >> HEIGHT * level
        begun = edge.get(level, b"")
        if len(begun) != hashes % WIDTH * OCTETS:
            raise Damaged(f"The log's tile at the edge of level {level} does not have its {hashes % WIDTH} hashes.")
        row = [begun[i : i + OCTETS] for i in range(0, len(begun), OCTETS)] + coming
        coming = []
        for start in range(0, len(row), WIDTH):
            tile = row[start : start + WIDTH]
            changed[level, hashes // WIDTH + start // WIDTH] = b"".join(tile)
            if len(tile) == WIDTH:
                coming.append(complete(tile))
    return changed


class Tree:
    """A tree of so many leaves, by its tiles: the `Hashes` of `merkle`. `fetch` gives a tile's content, and may give
    more than is asked for. Raises Damaged for a tile that is too short, and what `fetch` raises."""

    def __init__(self, size: int, fetch: Callable[[Tile], bytes]) -> None:
        self.size = size
        self._fetch = fetch
        self._known: dict[Tile, bytes] = {}

    def __call__(self, height: int, number: int) -> bytes:
        """The hash of that complete subtree."""
        level, above = divmod(height, HEIGHT)
        first = number << above
        there = self.size >> HEIGHT * level
        if first + (1 << above) > there:
            raise ValueError("no such subtree in a tree of this size")
        place = first // WIDTH
        tile = Tile(level, place, min(WIDTH, there - place * WIDTH))
        if tile not in self._known:
            self._known[tile] = self._fetch(tile)
        content = self._known[tile]
        if len(content) < tile.width * OCTETS:
            raise Damaged(f"The log's {tile.path} does not have its {tile.width} hashes.")
        start = first % WIDTH
        return complete([content[i * OCTETS : (i + 1) * OCTETS] for i in range(start, start + (1 << above))])


def bundle(entries: Sequence[bytes]) -> bytes:
    """Entries, in order, as one file. Raises ValueError for one that is too long."""
    if any(len(entry) > ENTRY_MOST for entry in entries):
        raise ValueError("an entry has at most 65,535 octets")
    return b"".join(len(entry).to_bytes(2) + entry for entry in entries)


def entries(bundle: bytes) -> list[bytes]:
    """The inverse. Raises Damaged when this is no bundle."""
    found, at = [], 0
    while at < len(bundle):
        start = at + 2
        at = start + int.from_bytes(bundle[at:start])
        if at > len(bundle):
            raise Damaged("A bundle of the log's entries ends within one.")
        found.append(bundle[start:at])
    return found
