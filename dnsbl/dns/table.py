"""The table: which address is listed under which kinds, at one change number. Immutable; a change makes a new table.

Pure. Knows no zone, no code and no test point. Rows are (network, kind); each kind keeps, for each prefix length in
use, one sorted array of network numbers, so that 200 000 single addresses cost about a megabyte. All networks that
cover an address count, with one exception: a row with the empty kind is an exception, and hides every wider row from
the addresses inside it.

`soa_serial` is what zones show as their serial (RFC 1982): epoch + change number. It grows with every change; `follows`
moves the epoch so that it also grows, and never goes back, when a zone file has changed or the store has been restored.
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple

from dnsbl.addresses import Address, Network
from dnsbl.errors import Damaged
from dnsbl.model import Change

#: The kind of an exception.
EXCEPTION = ""
#: So many changed rows are carried beside a sorted array before they are merged into it.
MOST_BESIDE = 1024

_FORMAT = b"dnsbl-table 2"


class _Wide(Sequence[int]):
    """A sorted array of numbers of up to 128 bits."""

    __slots__ = ("_halves",)

    def __init__(self, numbers: Iterable[int]) -> None:
        self._halves = array("Q")
        for number in numbers:
            self._halves.append(number >> 64)
            self._halves.append(number & 0xFFFFFFFFFFFFFFFF)

    def __len__(self) -> int:
        return len(self._halves) // 2

    def __getitem__(self, index: int) -> int:  # type: ignore[override]
        if not 0 <= index < len(self):
            raise IndexError
        return self._halves[2 * index] << 64 | self._halves[2 * index + 1]


class _Where(NamedTuple):
    """The key of a shelf; sorts by kind, then version, then prefix length."""

    kind: str
    version: int
    length: int


class _Shelf:
    """The networks of one kind, IP version and prefix length, as numbers without their host bits."""

    __slots__ = ("_added", "_base", "_gone", "_where")

    def __init__(
        self, where: _Where, base: Sequence[int], added: tuple[int, ...] = (), gone: frozenset[int] = frozenset()
    ) -> None:
        self._where = where
        self._base = base
        self._added = added  #: sorted, none of them in base
        self._gone = gone  #: all of them in base

    @classmethod
    def of(cls, where: _Where, numbers: Iterable[int]) -> _Shelf:
        ordered = sorted(set(numbers))
        if where.version == 6 and where.length > 64:
            return cls(where, _Wide(ordered))
        return cls(where, array("I" if where.version == 4 else "Q", ordered))

    def __len__(self) -> int:
        return len(self._base) + len(self._added) - len(self._gone)

    def __iter__(self) -> Iterator[int]:
        if not self._added and not self._gone:
            return iter(self._base)
        return iter(sorted([*(number for number in self._base if number not in self._gone), *self._added]))

    def __contains__(self, number: int) -> bool:
        return (_has(self._base, number) and number not in self._gone) or _has(self._added, number)

    def any_between(self, first: int, last: int) -> bool:
        """Whether a number from first to last (both included) is here."""
        at = bisect_left(self._added, first)
        if at < len(self._added) and self._added[at] <= last:
            return True
        for at in range(bisect_left(self._base, first), len(self._base)):  # passes at most MOST_BESIDE that are gone
            if self._base[at] > last:
                return False
            if self._base[at] not in self._gone:
                return True
        return False

    def between(self, first: int, last: int) -> Iterator[int]:
        """The numbers from first to last (both included), in no order."""
        for at in range(bisect_left(self._base, first), len(self._base)):
            number = self._base[at]
            if number > last:
                break
            if number not in self._gone:
                yield number
        yield from self._added[bisect_left(self._added, first) : bisect_left(self._added, last + 1)]

    def changed(self, changes: Mapping[int, bool]) -> _Shelf:
        """A shelf with these numbers present or not; shares the array until too much lies beside it."""
        added, gone = set(self._added), set(self._gone)
        for number, present in changes.items():
            if _has(self._base, number):
                (gone.discard if present else gone.add)(number)
            else:
                (added.add if present else added.discard)(number)
        shelf = _Shelf(self._where, self._base, tuple(sorted(added)), frozenset(gone))
        return shelf if len(added) + len(gone) <= MOST_BESIDE else _Shelf.of(self._where, shelf)


def _has(ordered: Sequence[int], number: int) -> bool:
    at = bisect_left(ordered, number)
    return at < len(ordered) and ordered[at] == number


class Table:
    """What the list says. Made by `Table.of`, `Table.load` and `changed`."""

    __slots__ = ("_lengths", "_shelves", "counts", "epoch", "serial", "since", "zones_digest")

    def __init__(
        self,
        shelves: Mapping[_Where, _Shelf],
        serial: int,
        *,
        epoch: int = 0,
        zones_digest: str = "-",
        since: int | None = None,
    ) -> None:
        self._shelves = {where: shelf for where, shelf in sorted(shelves.items()) if len(shelf)}
        self.serial = serial  #: the change number that it holds
        self.epoch = epoch
        #: from this change number on the log of changes leads here; what was served before may differ in other ways
        self.since = serial if since is None else since
        self.zones_digest = zones_digest  #: `Zones.digest` that it was served with; "-" before that is known
        self.counts: dict[str, int] = {}  #: rows by kind
        self._lengths: dict[int, dict[str, tuple[int, ...]]] = {4: {}, 6: {}}  # the longest prefix first
        for where, shelf in self._shelves.items():
            self.counts[where.kind] = self.counts.get(where.kind, 0) + len(shelf)
            lengths = self._lengths[where.version]
            lengths[where.kind] = (where.length, *lengths.get(where.kind, ()))

    @classmethod
    def of(cls, rows: Iterable[tuple[Network, str | None]], *, serial: int = 0) -> Table:
        """A table of these rows; a row with the kind "" or None is an exception."""
        numbers: dict[_Where, list[int]] = {}
        for network, kind in rows:
            numbers.setdefault(_where(network, kind), []).append(_number(network))
        return cls({where: _Shelf.of(where, found) for where, found in numbers.items()}, serial)

    def __len__(self) -> int:
        return sum(self.counts.values())

    @property
    def soa_serial(self) -> int:
        """The serial of every zone while this table is served."""
        return (self.epoch + self.serial) % 2**32

    def follows(self, before: Table | None, *, zones_digest: str, now: int, logged: bool = False) -> Table:
        """This table as the successor of the one in service, or of none; `now` in Unix seconds, `logged` says that the
        log of changes leads from that one to this.

        The serial stays only when rows and zones are the same; otherwise it grows. Where counting from the change
        number is not enough it is at least `now`, so that a lost state directory does not bring an old serial back.
        """
        epoch, least = (0, now - 1) if before is None else (before.epoch, before.epoch + before.serial)
        grows = epoch + self.serial > least
        same = before is not None and self.serial == before.serial and zones_digest == before.zones_digest
        if not grows and not (same and before is not None and self.same_rows(before)):
            epoch = max(least + 1, now) - self.serial
        since = None
        if logged and before is not None and (before.epoch, before.zones_digest) == (epoch, zones_digest):
            since = before.since
        return Table(self._shelves, self.serial, epoch=epoch, zones_digest=zones_digest, since=since)

    def change_number(self, soa_serial: int) -> int | None:
        """The change number that a zone's serial stood for, when the log of changes leads from there to this table;
        this table's own number also for serials from the future (RFC 1982 3.2), which have nothing to be told.
        """
        behind = (self.soa_serial - soa_serial) % 2**32
        if behind == 0 or behind >= 2**31:
            return self.serial
        return self.serial - behind if self.serial - behind >= self.since else None

    def kinds(self, address: Address) -> tuple[str, ...]:
        """The kinds under which an address is listed, in alphabetical order."""
        nearest = self._nearest_exception(address.version, int(address), address.max_prefixlen)
        return tuple(
            kind
            for kind in self._lengths[address.version]
            if kind != EXCEPTION
            and self._covered(kind, address.version, int(address), address.max_prefixlen, least=nearest)
        )

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
        """The table after these changes, in order. Cheap: all that did not change is shared."""
        serial = self.serial
        touched: dict[_Where, dict[int, bool]] = {}
        for change in changes:
            touched.setdefault(_where(change.network, change.kind), {})[_number(change.network)] = change.present
            serial = change.seq
        shelves = dict(self._shelves)
        for where, found in touched.items():
            shelves[where] = (shelves.get(where) or _Shelf.of(where, ())).changed(found)
        return Table(shelves, serial, epoch=self.epoch, zones_digest=self.zones_digest, since=self.since)

    def rows(self, *, narrowest_first: bool = False) -> Iterator[tuple[Network, str]]:
        """All rows, by kind, version, prefix length and address; or by version, prefix length from the longest on,
        kind and address.
        """
        shelves: Iterable[tuple[_Where, _Shelf]] = self._shelves.items()
        if narrowest_first:
            shelves = sorted(shelves, key=lambda item: (item[0].version, -item[0].length, item[0].kind))
        for where, shelf in shelves:
            for number in shelf:
                if where.version == 4:
                    yield IPv4Network((number << (32 - where.length), where.length)), where.kind
                else:
                    yield IPv6Network((number << (128 - where.length), where.length)), where.kind

    def covering(self, version: int, number: int, length: int) -> list[tuple[int, str]]:
        """(prefix length, kind) of all rows, exceptions too, that cover a network; the shortest first."""
        return sorted(
            (candidate, kind)
            for kind, lengths in self._lengths[version].items()
            for candidate in lengths
            if candidate <= length and number >> (length - candidate) in self._shelves[_Where(kind, version, candidate)]
        )

    def anything_within(self, version: int, number: int, length: int, kinds: Iterable[str]) -> bool:
        """Whether a row of one of these kinds, or an exception as "", lies inside a network and is narrower."""
        return any(self._inside(kind, version, number, length) for kind in kinds)

    def within(self, version: int, number: int, length: int) -> list[tuple[int, int, str]]:
        """(first address, prefix length, kind) of all rows, exceptions too, inside a network and narrower; in order."""
        bits = 32 if version == 4 else 128
        found = [
            (inner << (bits - candidate), candidate, kind)
            for kind, lengths in self._lengths[version].items()
            for candidate in lengths
            if candidate > length
            for inner in self._shelves[_Where(kind, version, candidate)].between(
                number << (candidate - length), (number + 1 << (candidate - length)) - 1
            )
        ]
        found.sort()
        return found

    def dump(self) -> bytes:
        """The table as a file: a head line, one line of hexadecimal numbers for each kind and prefix length, and the
        SHA-256 of all that.
        """
        lines = [_FORMAT + f" {self.serial} {self.epoch} {self.since} {self.zones_digest}".encode()]
        for where, shelf in self._shelves.items():
            numbers = " ".join(f"{number:x}" for number in shelf)
            lines.append(f"{where.kind or '-'} {where.version} {where.length} {numbers}".encode())
        body = b"\n".join(lines) + b"\n"
        return body + hashlib.sha256(body).hexdigest().encode() + b"\n"

    @classmethod
    def load(cls, data: bytes) -> Table:
        """The table that `dump` wrote. Raises Damaged."""
        body, check = data[:-65], data[-65:]
        if check != hashlib.sha256(body).hexdigest().encode() + b"\n":
            raise Damaged("the table's checksum is wrong")
        head, *lines = body.decode(errors="replace").rstrip("\n").split("\n")
        if not head.startswith(_FORMAT.decode() + " "):
            raise Damaged("the table is of another format")
        shelves = {}
        try:
            for line in lines:
                kind, version, length, numbers = line.split(" ", 3)
                where = _Where(EXCEPTION if kind == "-" else kind, int(version), int(length))
                shelves[where] = _Shelf.of(where, (int(number, 16) for number in numbers.split()))
            serial, epoch, since, digest = head.split(" ")[2:]
            return cls(shelves, int(serial), epoch=int(epoch), zones_digest=digest, since=int(since))
        except (ValueError, OverflowError):
            raise Damaged("the table is not what it says") from None

    def same_rows(self, other: Table) -> bool:
        """Whether both say the same about every network."""
        return self._shelves.keys() == other._shelves.keys() and all(
            len(shelf) == len(other._shelves[where]) and all(map(int.__eq__, shelf, other._shelves[where]))
            for where, shelf in self._shelves.items()
        )

    def _nearest_exception(self, version: int, number: int, length: int) -> int:
        """The length of the longest exception that covers a network, or -1."""
        for candidate in self._lengths[version].get(EXCEPTION, ()):
            if (
                candidate <= length
                and number >> (length - candidate) in self._shelves[_Where(EXCEPTION, version, candidate)]
            ):
                return candidate
        return -1

    def _covered(self, kind: str, version: int, number: int, length: int, *, least: int) -> bool:
        """Whether a row of this kind, not shorter than `least`, covers a network."""
        return any(
            number >> (length - candidate) in self._shelves[_Where(kind, version, candidate)]
            for candidate in self._lengths[version].get(kind, ())
            if least <= candidate <= length
        )

    def _inside(self, kind: str, version: int, number: int, length: int) -> bool:
        """Whether a row of this kind lies inside a network and is narrower."""
        return any(
            self._shelves[_Where(kind, version, candidate)].any_between(
                number << (candidate - length), (number + 1 << (candidate - length)) - 1
            )
            for candidate in self._lengths[version].get(kind, ())
            if candidate > length
        )


def _where(network: Network, kind: str | None) -> _Where:
    return _Where(kind or EXCEPTION, network.version, network.prefixlen)


def _number(network: Network) -> int:
    return int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
