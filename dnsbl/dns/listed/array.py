"""One sorted array of network numbers: the rows of a table of one kind, IP version and prefix length. Immutable.

Pure. Numbers are without their host bits: 4 bytes a number for IPv4, 8 for IPv6 up to /64, 16 beyond. A guide beside a
large array says where numbers of about sixteen neighbours begin, so that a look-up touches two or three cache lines
however long the array is; it costs about a quarter of a byte to half a byte a number. Changes lie in two short sorted
arrays beside the large one, which is shared; `merged` makes one array of the three.
"""

from __future__ import annotations

import heapq
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network
from itertools import islice
from operator import lt
from typing import NamedTuple

from dnsbl.addresses import Network

#: Arrays of fewer numbers have no guide.
NEEDS_GUIDE = 256
#: Bytes moved or compared at once, so that other threads have their turn.
PIECE = 1 << 22
#: Numbers sorted at once when rows come in no order.
RUN = 1 << 20


class Wide(Sequence[int]):
    """Numbers of up to 128 bits over a view of their halves, the higher half first."""

    __slots__ = ("halves",)

    def __init__(self, halves: memoryview) -> None:
        self.halves = halves

    def __len__(self) -> int:
        return len(self.halves) // 2

    def __getitem__(self, index: int) -> int:  # type: ignore[override]
        if not 0 <= index < len(self):
            raise IndexError
        high: int = self.halves[2 * index]
        low: int = self.halves[2 * index + 1]
        return high << 64 | low


Numbers = Wide | memoryview


class Where(NamedTuple):
    """The key of a band; sorts by kind, then version, then prefix length."""

    kind: str
    version: int
    length: int

    @property
    def bits(self) -> int:
        """Of one number in the array: 32, 64 or 128."""
        return 32 if self.version == 4 else 64 if self.length <= 64 else 128

    @property
    def back(self) -> int:
        """Bits of a host part, by which a number of the array is shifted to be an address."""
        return (32 if self.version == 4 else 128) - self.length

    def network(self, number: int) -> Network:
        """The network that this number stands for."""
        if self.version == 4:
            return IPv4Network((number << (32 - self.length), self.length))
        return IPv6Network((number << (128 - self.length), self.length))


class Band(NamedTuple):
    """One band as buffers, for those who search them themselves: unsigned numbers in the machine's byte order."""

    where: Where
    base: memoryview  #: sorted; a number of 128 bits is two of 64, the higher half first
    guide: memoryview  #: 32-bit positions in `base`; may be empty
    shift: int  #: bits of the distance from the first number that the guide does not tell apart
    added: memoryview  #: sorted, none of them in base
    gone: memoryview  #: sorted, all of them in base


class Sorted:
    """The numbers of one band."""

    __slots__ = ("_added", "_base", "_gone", "_guide", "_shift", "_where")

    def __init__(
        self,
        where: Where,
        base: Numbers,
        guide: memoryview,
        shift: int,
        *,
        added: Numbers | None = None,
        gone: Numbers | None = None,
    ) -> None:
        self._where = where
        self._base = base
        self._guide = guide
        self._shift = shift
        self._added = packed(where, ()) if added is None else added
        self._gone = packed(where, ()) if gone is None else gone

    @classmethod
    def of(cls, where: Where, base: Numbers) -> Sorted:
        """A band of numbers that are sorted and distinct."""
        return cls(where, base, *_guide(where, base))

    def __len__(self) -> int:
        return len(self._base) + len(self._added) - len(self._gone)

    def __iter__(self) -> Iterator[int]:
        return iter(self.merged()._base)

    def __contains__(self, number: int) -> bool:
        if self._in_base(number):
            return not self._gone or not _has(self._gone, number)
        return bool(self._added) and _has(self._added, number)

    @property
    def beside(self) -> int:
        """How many numbers lie beside the array."""
        return len(self._added) + len(self._gone)

    def any_between(self, first: int, last: int) -> bool:
        """Whether a number from first to last (both included) is here."""
        at = bisect_left(self._added, first)
        if at < len(self._added) and self._added[at] <= last:
            return True
        at, gone = self._at(first), bisect_left(self._gone, first)
        while at < len(self._base) and (number := self._base[at]) <= last:
            if gone == len(self._gone) or self._gone[gone] != number:
                return True
            at, gone = at + 1, gone + 1
        return False

    def between(self, first: int, last: int) -> Iterator[int]:
        """The numbers from first to last (both included), in no order."""
        base, gone, at_gone = self._base, self._gone, bisect_left(self._gone, first)
        start, end = self._at(first), self._at(last + 1)
        if not gone and isinstance(base, memoryview):  # as they lie there
            yield from base[start:end]
            start = end
        for at in range(start, end):
            number = base[at]
            if at_gone < len(gone) and gone[at_gone] == number:
                at_gone += 1
            else:
                yield number
        for at in range(bisect_left(self._added, first), bisect_left(self._added, last + 1)):
            yield self._added[at]

    def same(self, other: Sorted) -> bool:
        """Whether both hold the same numbers; some 10 ms for 10 million."""
        if len(self) != len(other):
            return False
        if self._base is other._base:
            return list(self._added) == list(other._added) and list(self._gone) == list(other._gone)
        mine, theirs = raw(self.merged()._base), raw(other.merged()._base)
        return all(bytes(mine[at : at + PIECE]) == bytes(theirs[at : at + PIECE]) for at in range(0, len(mine), PIECE))

    def changed(self, changes: Mapping[int, bool]) -> Sorted:
        """A band with these numbers present or not; shares the array."""
        added, gone = set(self._added), set(self._gone)
        for number, present in changes.items():
            if self._in_base(number):
                (gone.discard if present else gone.add)(number)
            else:
                (added.add if present else added.discard)(number)
        where = self._where
        beside = {"added": packed(where, sorted(added)), "gone": packed(where, sorted(gone))}
        return Sorted(where, self._base, self._guide, self._shift, **beside)

    def merged(self) -> Sorted:
        """The same numbers in one array. Copies in pieces, so that other threads have their turn."""
        if not self.beside:
            return self
        size = self._where.bits // 8
        fresh = bytearray(size * len(self))
        source, target = raw(self._base), memoryview(fresh)
        read = written = 0
        for number, present in self._steps():
            end = size * self._at(number)
            written, read = _copy(target, written, source, read, end), end
            if present:
                target[written : written + size] = raw(packed(self._where, (number,)))
                written += size
            else:
                read += size
        _copy(target, written, source, read, len(source))
        base = view(self._where, target)
        return Sorted(self._where, base, *(self._moved_guide(base) or _guide(self._where, base)))

    def without(self, ranges: Iterable[tuple[int, int]]) -> Sorted:
        """The same numbers but for those in these ranges (first, last; both included); in order and apart."""
        hit = [(first, last) for first, last in ranges if self.any_between(first, last)]
        if not hit:
            return self
        whole = self.merged()
        source, size = raw(whole._base), self._where.bits // 8
        target = memoryview(bytearray(len(source)))
        read = written = 0
        for first, last in hit:
            written = _copy(target, written, source, read, size * whole._at(first))
            read = size * whole._at(last + 1)
        written = _copy(target, written, source, read, len(source))
        return Sorted.of(self._where, view(self._where, target[:written]))

    def buffers(self) -> Band:
        """The arrays themselves."""
        return Band(self._where, _flat(self._base), self._guide, self._shift, _flat(self._added), _flat(self._gone))

    def _steps(self) -> list[tuple[int, bool]]:
        """What lies beside, in order: True for a number that comes, False for one that goes."""
        return sorted([*((number, True) for number in self._added), *((number, False) for number in self._gone)])

    def _moved_guide(self, base: Numbers) -> tuple[memoryview, int] | None:
        """The guide to the array after the steps, moved by them; None when it has to be made anew."""
        old, shift = self._guide, self._shift
        if not old or not base or base[0] != self._base[0] or len(base).bit_length() != len(self._base).bit_length():
            return None
        start = origin(self._where, base)
        if (base[len(base) - 1] - start >> shift) + 2 != len(old):
            return None
        fresh = array("I")
        at = moved = 0
        for number, present in self._steps():
            slot = (number - start >> shift) + 1  # the first that begins behind the number
            fresh.extend([count + moved for count in old[at:slot]])
            at, moved = slot, moved + (1 if present else -1)
        fresh.extend([count + moved for count in old[at:]])
        return memoryview(fresh), shift

    def _in_base(self, number: int) -> bool:
        at = self._at(number)
        return at < len(self._base) and self._base[at] == number

    def _at(self, number: int) -> int:
        """Where the number is in the array, or would be."""
        base, guide = self._base, self._guide
        if not guide:
            return bisect_left(base, number)
        if number <= base[0]:
            return 0
        slot = number - origin(self._where, base) >> self._shift
        if slot >= len(guide) - 1:
            return len(base)
        high = min(guide[slot + 1], len(base))  # a guide from a file may be damaged
        return bisect_left(base, number, min(guide[slot], high), high)


def origin(where: Where, base: Numbers) -> int:
    """From where a guide counts: the first number, or its higher half, so that higher halves alone find the slot."""
    return base[0] >> 64 << 64 if where.bits == 128 else base[0]


def raw(numbers: Numbers) -> memoryview:
    """The bytes of these numbers."""
    return _flat(numbers).cast("B")


def view(where: Where, given: memoryview) -> Numbers:
    """The numbers in these bytes."""
    if where.bits == 32:
        return given.cast("I")
    return given.cast("Q") if where.bits == 64 else Wide(given.cast("Q"))


def packed(where: Where, numbers: Sequence[int]) -> Numbers:
    """These numbers as an array."""
    if where.bits == 128:
        return Wide(memoryview(array("Q", [half for n in numbers for half in (n >> 64, n & 0xFFFFFFFFFFFFFFFF)])))
    return memoryview(array("I" if where.bits == 32 else "Q", numbers))


def ordered(where: Where, given: bytearray, other: Sequence[int] = ()) -> Numbers:
    """The numbers of packed first addresses in network order, and others, sorted and distinct."""
    width = 32 if where.version == 4 else 128
    halves = array("I" if width == 32 else "Q")
    halves.frombytes(given)
    if sys.byteorder == "little":
        halves.byteswap()
    if width == 128 and where.bits == 64:
        halves = halves[::2]
        width = 64
    shift = width - where.length
    numbers: Numbers = Wide(memoryview(halves)) if where.bits == 128 else memoryview(halves)
    if not other and all(map(lt, numbers, islice(numbers, 1, None))):
        if not shift:
            return numbers
        if where.bits != 128:
            return memoryview(array(halves.typecode, (number >> shift for number in halves)))
    runs = [
        packed(where, sorted({number >> shift for number in islice(numbers, at, at + RUN)}))
        for at in range(0, len(numbers), RUN)
    ]
    fresh = array("Q" if where.bits > 32 else "I")
    last = -1
    for number in heapq.merge(*runs, sorted(other)):
        if number != last:
            if where.bits == 128:
                fresh.append(number >> 64)
            fresh.append(number & 0xFFFFFFFFFFFFFFFF)
            last = number
    return Wide(memoryview(fresh)) if where.bits == 128 else memoryview(fresh)


def _copy(target: memoryview, at: int, source: memoryview, begin: int, end: int) -> int:
    """Copy source[begin:end] to `at`, in pieces; returns where that ends."""
    for piece in range(begin, end, PIECE):
        step = min(PIECE, end - piece)
        target[at : at + step] = source[piece : piece + step]
        at += step
    return at


def _has(numbers: Numbers, number: int) -> bool:
    at = bisect_left(numbers, number)
    return at < len(numbers) and numbers[at] == number


def _flat(numbers: Numbers) -> memoryview:
    return numbers.halves if isinstance(numbers, Wide) else numbers


def _guide(where: Where, base: Numbers) -> tuple[memoryview, int]:
    """(guide, shift): slot n of the guide says how many numbers are less than the origin + (n << shift)."""
    count = len(base)
    if count < NEEDS_GUIDE:
        return memoryview(array("I")), 0
    start = origin(where, base)
    distance = base[count - 1] - start
    shift = max(64 if where.bits == 128 else 0, distance.bit_length() - (count.bit_length() - 4))
    slots = array("I", bytes(4 * ((distance >> shift) + 2)))
    at = 0
    for slot in range(1, len(slots) - 1):
        number = start + (slot << shift)
        near = at + 64
        if near < count and base[near] < number:
            near = count
        at = bisect_left(base, number, at, min(near, count))
        slots[slot] = at
    slots[-1] = count
    return memoryview(slots), shift
