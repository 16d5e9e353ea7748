"""The table: which address is listed under which kinds, at one change number. Immutable; a change makes a new table.

Pure but for `Table.mapped`, which maps a file. Knows no zone, no code and no test point. Rows are (network, kind). All
networks that cover an address count, with one exception: a row with the empty kind is an exception, and hides every
wider row from the addresses inside it.

Each kind keeps, for each IP version and prefix length in use, one sorted array of network numbers without their host
bits: 4 bytes a number for IPv4, 8 for IPv6 up to /64, 16 beyond. A guide beside a large array says where numbers of
about sixteen neighbours begin, so that a look-up touches two or three cache lines however long the array is; it costs
about a quarter of a byte to half a byte a number. Changes lie in two short sorted arrays beside the large one, which is
shared; `merged` makes one array of the three, to be called beside the answering path when the table is `crowded`.

On disk a table is a text head, then the arrays as they lie in memory, then a SHA-256: it answers as soon as it is
mapped, and `verify` reads it whole.

It is over 400 lines because shape, file and look-up of one array belong together.
"""

from __future__ import annotations

import hashlib
import heapq
import mmap
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from ipaddress import IPv4Network, IPv6Network
from itertools import islice
from operator import lt
from pathlib import Path
from typing import BinaryIO, NamedTuple

from dnsbl.addresses import Address, Network
from dnsbl.errors import Damaged
from dnsbl.model import Change

#: The kind of an exception.
EXCEPTION = ""
#: So many changed rows may lie beside the sorted arrays before they ought to be merged into them.
MOST_BESIDE = 4096
#: Arrays of fewer numbers have no guide.
NEEDS_GUIDE = 256

_FORMAT = f"dnsbl-table 2 {sys.byteorder}"
_ALIGNED = 16
#: Bytes moved or read at once, so that other threads have their turn.
_PIECE = 1 << 22
#: Numbers sorted at once when rows come in no order.
_RUN = 1 << 20
_LARGEST_HEAD = 1 << 20
_DIGEST = 65


class _Wide(Sequence[int]):
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


_Numbers = _Wide | memoryview


class Where(NamedTuple):
    """The key of a shelf; sorts by kind, then version, then prefix length."""

    kind: str
    version: int
    length: int

    @property
    def bits(self) -> int:
        """Of one number in the array: 32, 64 or 128."""
        return 32 if self.version == 4 else 64 if self.length <= 64 else 128


class Shelf(NamedTuple):
    """One shelf as buffers, for those who search them themselves: unsigned numbers in the machine's byte order."""

    where: Where
    base: memoryview  #: sorted; a number of 128 bits is two of 64, the higher half first
    guide: memoryview  #: 32-bit positions in `base`; may be empty
    shift: int  #: bits of the distance from the first number that the guide does not tell apart
    added: memoryview  #: sorted, none of them in base
    gone: memoryview  #: sorted, all of them in base


class _Shelf:
    """The networks of one kind, IP version and prefix length, as numbers without their host bits."""

    __slots__ = ("_added", "_base", "_gone", "_guide", "_shift", "_where")

    def __init__(
        self, where: Where, base: _Numbers, guide: memoryview, shift: int, added: _Numbers, gone: _Numbers
    ) -> None:
        self._where = where
        self._base = base
        self._guide = guide
        self._shift = shift
        self._added = added
        self._gone = gone

    @classmethod
    def of(cls, where: Where, base: _Numbers) -> _Shelf:
        """A shelf of numbers that are sorted and distinct."""
        guide, shift = _guide(where, base)
        return cls(where, base, guide, shift, _packed(where, ()), _packed(where, ()))

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

    def changed(self, changes: Mapping[int, bool]) -> _Shelf:
        """A shelf with these numbers present or not; shares the array."""
        added, gone = set(self._added), set(self._gone)
        for number, present in changes.items():
            if self._in_base(number):
                (gone.discard if present else gone.add)(number)
            else:
                (added.add if present else added.discard)(number)
        where = self._where
        beside = _packed(where, sorted(added)), _packed(where, sorted(gone))
        return _Shelf(where, self._base, self._guide, self._shift, *beside)

    def merged(self) -> _Shelf:
        """The same numbers in one array. Copies in pieces, so that other threads have their turn."""
        if not self.beside:
            return self
        size = self._where.bits // 8
        fresh = bytearray(size * len(self))
        source, target = _raw(self._base), memoryview(fresh)
        read = written = 0

        def copy(end: int) -> None:
            nonlocal read, written
            while read < end:
                step = min(end - read, _PIECE)
                target[written : written + step] = source[read : read + step]
                read, written = read + step, written + step

        for number, present in self._steps():
            copy(size * self._at(number))
            if present:
                target[written : written + size] = _raw(_packed(self._where, (number,)))
                written += size
            else:
                read += size
        copy(len(source))
        base = _view(self._where, target)
        guide, shift = self._moved_guide(base) or _guide(self._where, base)
        return _Shelf(self._where, base, guide, shift, _packed(self._where, ()), _packed(self._where, ()))

    def _steps(self) -> list[tuple[int, bool]]:
        """What lies beside, in order: True for a number that comes, False for one that goes."""
        return sorted([*((number, True) for number in self._added), *((number, False) for number in self._gone)])

    def _moved_guide(self, base: _Numbers) -> tuple[memoryview, int] | None:
        """The guide to the array after the steps, moved by them; None when it has to be made anew."""
        old, shift = self._guide, self._shift
        if not old or not base or base[0] != self._base[0] or len(base).bit_length() != len(self._base).bit_length():
            return None
        origin = _origin(self._where, base)
        if (base[len(base) - 1] - origin >> shift) + 2 != len(old):
            return None
        fresh = array("I")
        at = moved = 0
        for number, present in self._steps():
            slot = (number - origin >> shift) + 1  # the first that begins behind the number
            fresh.extend([count + moved for count in old[at:slot]])
            at, moved = slot, moved + (1 if present else -1)
        fresh.extend([count + moved for count in old[at:]])
        return memoryview(fresh), shift

    def buffers(self) -> Shelf:
        return Shelf(self._where, _flat(self._base), self._guide, self._shift, _flat(self._added), _flat(self._gone))

    def write(self) -> Iterator[memoryview]:
        """The bytes of array and guide; nothing may lie beside."""
        yield _raw(self._base)
        yield self._guide.cast("B")

    def head(self) -> str:
        kind, version, length = self._where
        return f"{kind or '-'} {version} {length} {len(self._base)} {self._shift} {len(self._guide)}"

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
        slot = number - _origin(self._where, base) >> self._shift
        if slot >= len(guide) - 1:
            return len(base)
        return bisect_left(base, number, guide[slot], min(guide[slot + 1], len(base)))


def _has(ordered: _Numbers, number: int) -> bool:
    at = bisect_left(ordered, number)
    return at < len(ordered) and ordered[at] == number


def _guide(where: Where, base: _Numbers) -> tuple[memoryview, int]:
    """(guide, shift): slot n of the guide says how many numbers are less than the origin + (n << shift)."""
    count = len(base)
    if count < NEEDS_GUIDE:
        return memoryview(array("I")), 0
    origin = _origin(where, base)
    distance = base[count - 1] - origin
    shift = max(64 if where.bits == 128 else 0, distance.bit_length() - (count.bit_length() - 4))
    slots = array("I", bytes(4 * ((distance >> shift) + 2)))
    at = 0
    for slot in range(1, len(slots) - 1):
        number = origin + (slot << shift)
        near = at + 64
        if near < count and base[near] < number:
            near = count
        at = bisect_left(base, number, at, min(near, count))
        slots[slot] = at
    slots[-1] = count
    return memoryview(slots), shift


def _origin(where: Where, base: _Numbers) -> int:
    """From where the guide counts: the first number, or its higher half, so that higher halves alone find the slot."""
    return base[0] >> 64 << 64 if where.bits == 128 else base[0]


def _raw(numbers: _Numbers) -> memoryview:
    return _flat(numbers).cast("B")


def _flat(numbers: _Numbers) -> memoryview:
    return numbers.halves if isinstance(numbers, _Wide) else numbers


def _view(where: Where, raw: memoryview) -> _Numbers:
    """The numbers in these bytes."""
    if where.bits == 32:
        return raw.cast("I")
    return raw.cast("Q") if where.bits == 64 else _Wide(raw.cast("Q"))


def _packed(where: Where, numbers: Sequence[int]) -> _Numbers:
    """These numbers as an array."""
    if where.bits == 128:
        return _Wide(memoryview(array("Q", [half for n in numbers for half in (n >> 64, n & 0xFFFFFFFFFFFFFFFF)])))
    return memoryview(array("I" if where.bits == 32 else "Q", numbers))


class Table:
    """What the list says. Made by `Table.of`, `Table.load`, `Table.mapped` and `changed`."""

    __slots__ = ("_lengths", "_order", "_raw", "_shelves", "counts", "serial")

    def __init__(self, shelves: Mapping[Where, _Shelf], serial: int, raw: memoryview | None = None) -> None:
        self._shelves = {where: shelf for where, shelf in sorted(shelves.items()) if len(shelf)}
        self._raw = raw  # the file that the arrays lie in, for `verify`
        self.serial = serial  #: the change number that it holds
        self.counts: dict[str, int] = {}  #: rows by kind
        self._lengths: dict[int, dict[str, tuple[int, ...]]] = {4: {}, 6: {}}  # the longest prefix first
        self._order: dict[int, list[tuple[str, int, int, _Shelf]]] = {4: [], 6: []}  # as `_shelves`
        for where, shelf in self._shelves.items():
            self._order[where.version].append(
                (where.kind, where.length, (32 if where.version == 4 else 128) - where.length, shelf)
            )
            self.counts[where.kind] = self.counts.get(where.kind, 0) + len(shelf)
            lengths = self._lengths[where.version]
            lengths[where.kind] = (where.length, *lengths.get(where.kind, ()))

    @classmethod
    def of(cls, rows: Iterable[tuple[Network | bytes, str | None]], *, serial: int = 0) -> Table:
        """A table of these rows; a row with the kind "" or None is an exception.

        A network may come as the bytes version, packed address, prefix length. Rows stream: only their bytes are kept.
        Those in the order of networks are not sorted again.
        """
        found: dict[tuple[str | None, int, int], bytearray] = {}
        for network, kind in rows:
            key = network if isinstance(network, bytes) else _key(network)
            try:
                found[kind, key[0], key[-1]] += key[1:-1]
            except KeyError:
                found[kind, key[0], key[-1]] = bytearray(key[1:-1])
        shelves: dict[Where, _Shelf] = {}
        for (kind, version, length), raw in found.items():
            where = Where(kind or EXCEPTION, version, length)
            other = list(shelves[where]) if where in shelves else []  # exceptions come under both names
            shelves[where] = _Shelf.of(where, _ordered(where, raw, other))
            raw.clear()
        return cls(shelves, serial)

    def __len__(self) -> int:
        return sum(self.counts.values())

    def kinds(self, address: Address) -> tuple[str, ...]:
        """The kinds under which an address is listed, in alphabetical order."""
        return self.kinds_at(address.version, int(address))

    def kinds_at(self, version: int, number: int) -> tuple[str, ...]:
        """The same for an address as a number."""
        found: list[str] = []
        nearest = -1
        for kind, length, back, shelf in self._order[version]:  # exceptions first, the widest before the others
            if length >= nearest and (not found or found[-1] != kind) and number >> back in shelf:
                if kind:
                    found.append(kind)
                else:
                    nearest = length
        return tuple(found)

    def something_under(self, network: Network, kinds: Iterable[str]) -> bool:
        """Whether an address in this network is listed under one of the kinds.

        Exact but for a row that a patchwork of exceptions hides altogether: it counts.
        """
        version, number, length = network.version, _number(network), network.prefixlen
        nearest = self._nearest_exception(version, number, length)
        return any(
            self._covered(kind, version, number, length, least=nearest) or self._inside(kind, version, number, length)
            for kind in kinds
        )

    def changed(self, changes: Iterable[Change]) -> Table:
        """The table after these changes, in order. Cheap: the large arrays are shared."""
        serial = self.serial
        touched: dict[Where, dict[int, bool]] = {}
        for change in changes:
            touched.setdefault(_where(change.network, change.kind), {})[_number(change.network)] = change.present
            serial = change.seq
        shelves = dict(self._shelves)
        for where, found in touched.items():
            shelves[where] = (shelves.get(where) or _Shelf.of(where, _packed(where, ()))).changed(found)
        return Table(shelves, serial)

    @property
    def crowded(self) -> bool:
        """Whether so many changes lie beside the arrays that `merged` ought to be called."""
        return sum(shelf.beside for shelf in self._shelves.values()) > MOST_BESIDE

    def merged(self) -> Table:
        """The same table without changes beside its arrays. Takes time: some 100 ms for 10 million rows."""
        return Table({where: shelf.merged() for where, shelf in self._shelves.items()}, self.serial)

    def rows(self) -> Iterator[tuple[Network, str]]:
        """All rows, by kind, version, prefix length and address."""
        for where, shelf in self._shelves.items():
            for number in shelf:
                if where.version == 4:
                    yield IPv4Network((number << (32 - where.length), where.length)), where.kind
                else:
                    yield IPv6Network((number << (128 - where.length), where.length)), where.kind

    def shelves(self) -> Iterator[Shelf]:
        """The arrays themselves, by kind, version and prefix length; exceptions (kind "") come first."""
        return (shelf.buffers() for shelf in self._shelves.values())

    def write(self, file: BinaryIO) -> None:
        """Write the table as a file: the head, the arrays, each from a multiple of 16 bytes on, and a SHA-256."""
        shelves = [shelf.merged() for shelf in self._shelves.values()]
        head = "\n".join([f"{_FORMAT} {self.serial}", *(shelf.head() for shelf in shelves)]).encode() + b"\n\n"
        check = hashlib.sha256()
        for part in (memoryview(head), *(part for shelf in shelves for part in shelf.write())):
            for at in range(0, len(part), _PIECE):
                check.update(part[at : at + _PIECE])
                file.write(part[at : at + _PIECE])
            padding = bytes(-len(part) % _ALIGNED)
            check.update(padding)
            file.write(padding)
        file.write(check.hexdigest().encode() + b"\n")

    def dump(self) -> bytes:
        """The same as bytes."""
        file = BytesIO()
        self.write(file)
        return file.getvalue()

    @classmethod
    def load(cls, data: bytes) -> Table:
        """The table that `dump` wrote. Raises Damaged."""
        raw = memoryview(data)
        _check(raw)
        return cls._read(raw)

    @classmethod
    def mapped(cls, path: Path) -> Table:
        """The table in this file, at once, whatever its size; call `verify` beside. Raises Damaged, OSError."""
        with path.open("rb") as file:
            try:
                raw = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            except ValueError:  # an empty file cannot be mapped
                raise Damaged("the table's checksum is wrong") from None
        try:
            return cls._read(raw)
        except Damaged:
            _check(raw)
            raise

    def verify(self) -> None:
        """Read the whole file of a mapped table, without the interpreter's lock. Raises Damaged."""
        if self._raw is not None:
            _check(self._raw)

    @classmethod
    def _read(cls, raw: memoryview) -> Table:
        """The table over these bytes, of which only the head, the ends of the arrays and all lengths are checked."""
        head, found, _ = bytes(raw[:_LARGEST_HEAD]).partition(b"\n\n")
        first, *lines = head.decode("ascii", errors="replace").split("\n")
        if not found or not first.startswith(_FORMAT + " "):
            raise Damaged("the table is of another format")
        at = len(head) + 2
        at += -at % _ALIGNED
        end = len(raw) - _DIGEST
        shelves: dict[Where, _Shelf] = {}
        try:
            for line in lines:
                kind, *rest = line.split(" ")
                version, length, count, shift, slots = map(int, rest)
                where = Where(EXCEPTION if kind == "-" else kind, version, length)
                if where in shelves or version not in (4, 6) or not 0 <= length <= (32 if version == 4 else 128):
                    raise ValueError
                if count < 1 or slots < 0 or not 0 <= shift <= 128:
                    raise ValueError
                size = count * where.bits // 8
                base = _view(where, raw[at : at + size])
                at += size + -size % _ALIGNED
                guide = raw[at : at + 4 * slots].cast("I")
                at += 4 * slots + -4 * slots % _ALIGNED
                if at > end or base[count - 1] >> length:
                    raise ValueError
                shelves[where] = _Shelf(where, base, guide, shift, _packed(where, ()), _packed(where, ()))
                if slots and slots != (base[count - 1] - _origin(where, base) >> shift) + 2:
                    raise ValueError
            if at != end:
                raise ValueError
            return cls(shelves, int(first.rpartition(" ")[2]), raw)
        except (ValueError, TypeError, IndexError):
            raise Damaged("the table is not what it says") from None

    def _nearest_exception(self, version: int, number: int, length: int) -> int:
        """The length of the longest exception that covers a network, or -1."""
        for candidate in self._lengths[version].get(EXCEPTION, ()):
            if (
                candidate <= length
                and number >> (length - candidate) in self._shelves[Where(EXCEPTION, version, candidate)]
            ):
                return candidate
        return -1

    def _covered(self, kind: str, version: int, number: int, length: int, *, least: int) -> bool:
        """Whether a row of this kind, not shorter than `least`, covers a network."""
        return any(
            number >> (length - candidate) in self._shelves[Where(kind, version, candidate)]
            for candidate in self._lengths[version].get(kind, ())
            if least <= candidate <= length
        )

    def _inside(self, kind: str, version: int, number: int, length: int) -> bool:
        """Whether a row of this kind lies inside a network and is narrower."""
        return any(
            self._shelves[Where(kind, version, candidate)].any_between(
                number << (candidate - length), (number + 1 << (candidate - length)) - 1
            )
            for candidate in self._lengths[version].get(kind, ())
            if candidate > length
        )


def _where(network: Network, kind: str | None) -> Where:
    return Where(kind or EXCEPTION, network.version, network.prefixlen)


def _number(network: Network) -> int:
    return int(network.network_address) >> (network.max_prefixlen - network.prefixlen)


def _check(raw: memoryview) -> None:
    check = hashlib.sha256()
    end = max(0, len(raw) - _DIGEST)
    for at in range(0, end, _PIECE):
        check.update(raw[at : min(at + _PIECE, end)])
    if raw[end:] != check.hexdigest().encode() + b"\n":
        raise Damaged("the table's checksum is wrong")


def _key(network: Network) -> bytes:
    return bytes((network.version, *network.network_address.packed, network.prefixlen))


def _ordered(where: Where, raw: bytearray, other: Sequence[int]) -> _Numbers:
    """The numbers of packed first addresses in network order, and others, sorted and distinct."""
    width = 32 if where.version == 4 else 128
    halves = array("I" if width == 32 else "Q")
    halves.frombytes(raw)
    if sys.byteorder == "little":
        halves.byteswap()
    if width == 128 and where.bits == 64:
        halves = halves[::2]
        width = 64
    shift = width - where.length
    numbers: _Numbers = _Wide(memoryview(halves)) if where.bits == 128 else memoryview(halves)
    if not other and all(map(lt, numbers, islice(numbers, 1, None))):
        if not shift:
            return numbers
        if where.bits != 128:
            return memoryview(array(halves.typecode, (number >> shift for number in halves)))
    runs = [
        _packed(where, sorted({number >> shift for number in islice(numbers, at, at + _RUN)}))
        for at in range(0, len(numbers), _RUN)
    ]
    fresh = array("Q" if where.bits > 32 else "I")
    last = -1
    for number in heapq.merge(*runs, sorted(other)):
        if number != last:
            if where.bits == 128:
                fresh.append(number >> 64)
            fresh.append(number & 0xFFFFFFFFFFFFFFFF)
            last = number
    return _Wide(memoryview(fresh)) if where.bits == 128 else memoryview(fresh)
