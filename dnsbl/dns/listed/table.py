"""The table: which address is listed under which kinds, at one change number. Immutable; a change makes a new table.

Pure but for `Table.mapped`, which maps a file. Knows no zone, no code and no test point. Rows are (network, kind). All
networks that cover an address count, with one exception: a row with the empty kind is an exception, and hides every
wider row from the addresses inside it. Each kind keeps, for each IP version and prefix length in use, one sorted array,
a band (`listed.array`), that later tables share; `merged` is to be called beside the answering path when a table is
`crowded`.

`soa_serial` is what zones show as their serial (RFC 1982): epoch + change number. It grows with every change; which
epoch a table is in is decided elsewhere (`series`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from heapq import merge
from itertools import repeat
from operator import lshift
from pathlib import Path

from dnsbl.addresses import Address, Network
from dnsbl.dns.listed import file
from dnsbl.dns.listed.array import Band, Sorted, Where, ordered, packed
from dnsbl.errors import Damaged
from dnsbl.model import Change
from dnsbl.vocabulary import EXCEPTION

#: So many changed rows may lie beside the sorted arrays before they ought to be merged into them.
MOST_BESIDE = 4096


class Table:
    """What the list says. Made by `Table.of`, `Table.mapped`, `Table.over` and `changed`."""

    __slots__ = ("_bands", "_order", "_raw", "counts", "epoch", "serial", "since", "zones_digest")

    def __init__(
        self,
        bands: Mapping[Where, Sorted],
        serial: int,
        *,
        epoch: int = 0,
        zones_digest: str = "-",
        since: int | None = None,
        raw: memoryview | None = None,
    ) -> None:
        self._bands = {where: band for where, band in sorted(bands.items()) if len(band)}
        self._raw = raw  # the file that the arrays lie in, for `verify`
        self.serial = serial  #: the change number that it holds
        self.epoch = epoch
        #: from this change number on the log of changes leads here; what was served before differs in other ways
        self.since = serial if since is None else since
        self.zones_digest = zones_digest  #: `Zones.digest` of the zones that its serial stands for; "-" where of none
        self.counts: dict[str, int] = {}  #: rows by kind
        self._order: dict[int, list[tuple[str, int, int, Sorted]]] = {4: [], 6: []}  # as `_bands`
        for where, band in self._bands.items():
            back = (32 if where.version == 4 else 128) - where.length
            self._order[where.version].append((where.kind, where.length, back, band))
            self.counts[where.kind] = self.counts.get(where.kind, 0) + len(band)

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
        bands: dict[Where, Sorted] = {}
        for (kind, version, length), given in found.items():
            where = Where(kind or EXCEPTION, version, length)
            other = list(bands[where]) if where in bands else []  # exceptions come under both names
            bands[where] = Sorted.of(where, ordered(where, given, other))
            given.clear()
        return cls(bands, serial)

    def __len__(self) -> int:
        return sum(self.counts.values())

    @property
    def soa_serial(self) -> int:
        """The serial of every zone while this table is served."""
        return (self.epoch + self.serial) % 2**32

    def numbered(self, epoch: int, *, since: int, zones_digest: str) -> Table:
        """The same table, numbered in this epoch, which goes from this change number on; itself where it is."""
        if (self.epoch, self.since, self.zones_digest) == (epoch, since, zones_digest):
            return self
        return Table(self._bands, self.serial, epoch=epoch, since=since, zones_digest=zones_digest, raw=self._raw)

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
        return self.kinds_at(address.version, int(address))

    def kinds_at(self, version: int, number: int) -> tuple[str, ...]:
        """The same for an address as a number."""
        found: list[str] = []
        nearest = -1
        for kind, length, back, band in self._order[version]:  # exceptions first, the widest before the others
            if length >= nearest and (not found or found[-1] != kind) and number >> back in band:
                if kind:
                    found.append(kind)
                else:
                    nearest = length
        return tuple(found)

    def something_under(self, network: Network, kinds: Collection[str]) -> bool:
        """Whether an address in this network is listed under one of the kinds.

        Exact but for a row that a patchwork of exceptions hides altogether: it counts.
        """
        number, length, nearest = _number(network), network.prefixlen, -1
        for kind, candidate, _, band in self._order[network.version]:  # exceptions first, the widest before the others
            if candidate > length:
                if kind in kinds and band.any_between(*_inside(number, length, candidate)):
                    return True
            elif candidate >= nearest and number >> (length - candidate) in band:
                if kind in kinds:
                    return True
                nearest = candidate if kind == EXCEPTION else nearest
        return False

    def changed(self, changes: Iterable[Change]) -> Table:
        """The table after these changes, in order. Cheap: the large arrays are shared."""
        serial = self.serial
        touched: dict[Where, dict[int, bool]] = {}
        for change in changes:
            where = Where(change.kind or EXCEPTION, change.network.version, change.network.prefixlen)
            touched.setdefault(where, {})[_number(change.network)] = change.present
            serial = change.seq
        bands = dict(self._bands)
        for where, found in touched.items():
            bands[where] = (bands.get(where) or Sorted.of(where, packed(where, ()))).changed(found)
        return self._with(bands, serial)

    @property
    def crowded(self) -> bool:
        """Whether so many changes lie beside the arrays that `merged` ought to be called."""
        return sum(band.beside for band in self._bands.values()) > MOST_BESIDE

    def merged(self) -> Table:
        """The same table without changes beside its arrays. Takes time: some 100 ms for 10 million rows."""
        return self._with({where: band.merged() for where, band in self._bands.items()}, self.serial)

    def without(self, barred: Callable[[int, int], Iterable[tuple[int, int]]]) -> tuple[Table, Network | None]:
        """The table without the rows that must not be in it, and one of these; itself and None when there is none.

        `barred` gives, for an IP version and a prefix length, ranges (first, last; both included) of network numbers
        without host bits; in order, none meets another. Where there is nothing, the arrays are not read. A mapped table
        is verified before anything is taken out of it. Raises Damaged.
        """
        ranges = {where: tuple(barred(where.version, where.length)) for where in self._bands}
        one = next(
            (
                where.network(number)
                for where, band in self._bands.items()
                for first, last in ranges[where]
                for number in band.between(first, last)
            ),
            None,
        )
        if one is None:
            return self, None
        self.verify()
        return self._with({w: band.without(ranges[w]) for w, band in self._bands.items()}, self.serial), one

    def rows(self, *, narrowest_first: bool = False) -> Iterator[tuple[Network, str]]:
        """All rows, by kind, version, prefix length and address; or by version, prefix length from the longest on,
        address and kind.
        """
        if narrowest_first:
            for where, found in self.narrowest_first():
                for number, kind in found:
                    yield where.network(number), kind
            return
        for where, band in self.numbers():
            for number in band:
                yield where.network(number), where.kind

    def numbers(self) -> Iterator[tuple[Where, Sorted]]:
        """All rows as numbers in order, by kind, version and prefix length: for those who make no network of each."""
        return iter(self._bands.items())

    def narrowest_first(self) -> Iterator[tuple[Where, Iterator[tuple[int, str]]]]:
        """All rows, by version and prefix length, from the longest on: (number, kind) in order. The kind of `Where` is
        that of one of them."""
        alike: dict[tuple[int, int], list[tuple[Where, Sorted]]] = {}
        for where, band in self._bands.items():
            alike.setdefault((where.version, -where.length), []).append((where, band))
        for _, bands in sorted(alike.items()):
            each = [zip(band, repeat(where.kind)) for where, band in bands]
            yield bands[0][0], merge(*each) if len(each) > 1 else each[0]

    def in_order(self, version: int) -> Iterator[tuple[int, int, str]]:
        """(first address, prefix length, kind) of all rows, exceptions too, in order; as a stream."""
        return merge(
            *(
                zip(map(lshift, band, repeat(back)) if back else band, repeat(length), repeat(kind))
                for kind, length, back, band in self._order[version]
            )
        )

    def bands(self) -> Iterator[Band]:
        """The arrays themselves, by kind, version and prefix length; exceptions (kind "") come first."""
        return (band.buffers() for band in self._bands.values())

    def covering(self, version: int, number: int, length: int) -> list[tuple[int, str]]:
        """(prefix length, kind) of all rows, exceptions too, that cover a network; the shortest first."""
        return sorted(
            (candidate, kind)
            for kind, candidate, _, band in self._order[version]
            if candidate <= length and number >> (length - candidate) in band
        )

    def anything_within(self, version: int, number: int, length: int, kinds: Collection[str]) -> bool:
        """Whether a row of one of these kinds, or an exception as "", lies inside a network and is narrower."""
        return any(
            candidate > length and kind in kinds and band.any_between(*_inside(number, length, candidate))
            for kind, candidate, _, band in self._order[version]
        )

    def within(self, version: int, number: int, length: int) -> list[tuple[int, int, str]]:
        """(first address, prefix length, kind) of all rows, exceptions too, inside a network and narrower; in order."""
        return sorted(
            (inner << back, candidate, kind)
            for kind, candidate, back, band in self._order[version]
            if candidate > length
            for inner in band.between(*_inside(number, length, candidate))
        )

    def same_rows(self, other: Table) -> bool:
        """Whether both say the same about every network; some 10 ms for 10 million rows."""
        return self is other or (
            self._bands.keys() == other._bands.keys()
            and all(band.same(other._bands[where]) for where, band in self._bands.items())
        )

    def parts(self) -> Iterator[bytes | memoryview]:
        """The table as a file (`dns.listed.file`), in parts."""
        head = file.Head(self.serial, self.epoch, self.since, self.zones_digest)
        return file.parts(head, self._bands.values())

    @classmethod
    def mapped(cls, path: Path) -> Table:
        """The table in this file, at once, whatever its size; call `verify` beside. Raises Damaged, OSError."""
        return cls.over(file.mapped(path))

    @classmethod
    def over(cls, raw: memoryview) -> Table:
        """The table in the bytes of such a file, which it goes on using. Raises Damaged."""
        try:
            head, bands = file.read(raw)
        except Damaged:
            file.check(raw)
            raise
        return cls(bands, head.serial, epoch=head.epoch, zones_digest=head.zones_digest, since=head.since, raw=raw)

    def verify(self) -> None:
        """Read the whole file that the table lies in, if it lies in one. Raises Damaged."""
        if self._raw is not None:
            file.check(self._raw)

    def _with(self, bands: Mapping[Where, Sorted], serial: int) -> Table:
        return Table(bands, serial, epoch=self.epoch, zones_digest=self.zones_digest, since=self.since)


def _number(network: Network) -> int:
    return int(network.network_address) >> (network.max_prefixlen - network.prefixlen)


def _inside(number: int, length: int, narrower: int) -> tuple[int, int]:
    """The first and the last number, of prefixes as long as `narrower`, inside a network."""
    return number << (narrower - length), (number + 1 << (narrower - length)) - 1


def _key(network: Network) -> bytes:
    return bytes((network.version, *network.network_address.packed, network.prefixlen))
