"""The records of a zone, name by name: what a plain authoritative server must hold to answer as we do.

Pure. Knows no message and no file; `transfer` and `export` write these records down. What a zone holds follows from the
table alone, never from the way there, so that the difference between two tables is exact.

A listed network becomes wildcards (RFC 5782 section 6) at the next whole octet, or nibble in IPv6: 192.0.2.0/24 is
`*.2.0.192`, and 192.0.2.0/23 is two of those. Around an exception, or a row of another kind, a network falls apart into
names and narrower wildcards that do not cover it, so no answer about an address is ever wrong. Three things differ from
`answer`:

- a wildcard also matches names that are longer than an address, and shorter ones where the network is wider than /24;
- its TXT names the network in place of the address asked for;
- IPv4 addresses written as IPv6 (::ffff:192.0.2.1) are there for the test points only.

`expand` writes networks of up to 65536 addresses name by name and so takes the first two back.

Octets and nibbles share the zone (RFC 5782 2.4), so a wildcard must not catch names of the other family: in IPv4 it
stands only below an octet of two digits or more, which is no nibble; in IPv6 only below four nibbles, where no IPv4
address has labels left. Elsewhere the network is written out one level further down.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv6Address
from typing import NamedTuple

from dnsbl.addresses import Network, text_at
from dnsbl.dns import wire
from dnsbl.dns.listed.table import Table
from dnsbl.dns.zones import RESERVED, Kind, View, Zone, page
from dnsbl.vocabulary import EXCEPTION

#: The widest network that `expand` writes name by name, in bits of host part.
MOST_EXPANDED = 16

_BITS = {4: 32, 6: 128}
_STEP = {4: 8, 6: 4}
_MAPPED = 0xFFFF << 32

#: (first address, prefix length, kind); the kind "" is an exception.
_Row = tuple[int, int, str]


class Alike(NamedTuple):
    """What all names with the same kinds have alike."""

    kinds: tuple[Kind, ...]  #: in the order of their codes' names, never empty
    codes: tuple[bytes, ...]  #: the data of the A records
    ttl: int  #: seconds; one for all records (RFC 2181 5.2)
    site: str


class Name(NamedTuple):
    """One name with its kinds, below the zone's origin; a wildcard when it stands for a network."""

    owner: str  #: without the origin and the dot before it
    alike: Alike
    first: str  #: the (first) address
    shown: str  #: the address or network, for {address}

    def texts(self) -> Iterator[str]:
        """The TXT records, one a kind."""
        link = page(self.alike.site, self.first)
        for kind in self.alike.kinds:
            yield kind.txt.replace("{url}", link).replace("{address}", self.shown)


def names(zone: Zone, table: Table, *, expand: bool = False) -> Iterator[Name]:
    """Every name with listings, the test points of RFC 5782 section 5 among them; a view's names stand together."""
    for label, view in zone.views.items():
        for version in (4, 6):
            place = _Names(zone, label, view, version, expand)
            for number in range(1 << _STEP[version]):  # so that not all rows are in memory at once
                yield from place.below(table, number, _STEP[version])


def packed(name: Name) -> Iterator[bytes]:
    """The A and TXT records of a name, for a message whose question is the zone's origin."""
    owner = wire.name(name.owner.encode("ascii").split(b".")) + wire.QNAME
    ttl = name.alike.ttl
    for code in name.alike.codes:
        yield wire.record(owner, wire.A, ttl, code)
    for text in name.texts():
        yield wire.record(owner, wire.TXT, ttl, wire.text(text))


def fixed(zone: Zone) -> Iterator[bytes]:
    """The NS records and the static ones, packed likewise."""
    for rdata in zone.ns:
        yield wire.record(wire.QNAME, wire.NS, zone.ttl, rdata)
    for labels, types in zone.static.items():
        owner = wire.name(labels) + wire.QNAME
        for rtype, (ttl, data) in types.items():
            for rdata in data:
                yield wire.record(owner, rtype, ttl, rdata)


def difference(
    zone: Zone, old: Table, new: Table, touched: Iterable[tuple[Network, str]], *, expand: bool = False
) -> tuple[list[bytes], list[bytes]]:
    """(records gone, records new) between two tables that differ in at most these rows."""
    gone: dict[bytes, None] = {}
    come: dict[bytes, None] = {}
    rows = set(touched)
    for label, view in zone.views.items():
        for version in (4, 6):
            place = _Names(zone, label, view, version, expand)
            where = {
                (int(network.network_address), network.prefixlen)
                for network, kind in rows
                if network.version == version and (kind in view.kinds or kind == EXCEPTION)
            }
            for number, length in place.regions(old, new, where):
                gone |= dict.fromkeys(record for name in place.below(old, number, length) for record in packed(name))
                come |= dict.fromkeys(record for name in place.below(new, number, length) for record in packed(name))
    return [record for record in gone if record not in come], [record for record in come if record not in gone]


class _Names:
    """The names of one view and IP version. A node is (number, length): a network of whole octets or nibbles."""

    def __init__(self, zone: Zone, label: bytes, view: View, version: int, expand: bool) -> None:
        self._zone = zone
        self._suffix = f".{label.decode()}" if label else ""
        self._view = view
        self._version = version
        self._expand = expand
        self._bits = _BITS[version]
        self._step = _STEP[version]
        self._of: dict[frozenset[str], Alike] = {}
        self._alone = {kind: frozenset([kind]) for kind in view.kinds}
        mapped = 0 if version == 4 else _MAPPED
        self._points = {mapped + int(point): kind for point, kind in view.tests.items()}
        #: Nothing but test points is here, whatever the table says: 127.0.0.0/24, and IPv4 written as IPv6.
        self._closed = (int(RESERVED.network_address), RESERVED.prefixlen) if version == 4 else (_MAPPED, 96)

    def below(self, table: Table, number: int, length: int) -> Iterator[Name]:
        """All names at a node and below."""
        yield from self._walk(number, length, self._rows(table, number, length), self._over(table, number, length))

    def regions(self, old: Table, new: Table, touched: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """The nodes that hold every name that differs between two tables; none lies in another."""
        mixed: dict[tuple[int, int], bool] = {}
        found = {node for first, length in touched for node in self._region(old, new, first, length, mixed)}
        return [
            (number, length)
            for number, length in found
            if not any((number >> (length - above), above) in found for above in range(0, length, self._step))
        ]

    def _region(
        self, old: Table, new: Table, first: int, length: int, mixed: dict[tuple[int, int], bool]
    ) -> Iterator[tuple[int, int]]:
        """The nodes whose names a row may change: those that it covers, or the widest around it whose inside is all the
        same in one of the tables, and may therefore be one wildcard.
        """
        for above in range(self._step, length, self._step):
            node = (first >> (self._bits - above), above)
            if node not in mixed:
                mixed[node] = self._mixed(old, *node) and self._mixed(new, *node)
            if not mixed[node]:
                yield node
                return
        wide = -(-length // self._step) * self._step
        start = first >> (self._bits - wide)
        for number in range(start, start + (1 << (wide - length))):
            yield number, wide

    def _mixed(self, table: Table, number: int, length: int) -> bool:
        """Whether something lies inside a node."""
        return bool(self._laid_over(number, length)) or table.anything_within(
            self._version, number, length, (EXCEPTION, *self._view.kinds)
        )

    def _laid_over(self, number: int, length: int) -> list[_Row]:
        """What is fixed inside a node, whatever the table says."""
        size = self._bits - length
        closed, closed_length = self._closed
        extra: list[_Row] = []
        if closed_length > length and closed >> size == number:
            extra.append((closed, closed_length, EXCEPTION))
        if size:
            for point, kind in self._points.items():
                if point >> size == number:
                    extra += [(point, self._bits, EXCEPTION), (point, self._bits, kind.name)]
        return extra

    def _is_closed(self, first: int, length: int) -> bool:
        closed, closed_length = self._closed
        return length >= closed_length and (first ^ closed) >> (self._bits - closed_length) == 0

    def _rows(self, table: Table, number: int, length: int) -> list[_Row]:
        """The rows of this view inside a node and narrower, in order, with what is fixed laid over them."""
        rows = [
            row
            for row in table.within(self._version, number, length)
            if row[2] in self._view.kinds or row[2] == EXCEPTION
        ]
        extra = self._laid_over(number, length)
        if not extra and not self._is_closed(number << (self._bits - length), length):
            return rows
        kept = [
            row
            for row in rows
            if not self._is_closed(row[0], row[1]) and not (row[1] == self._bits and row[0] in self._points)
        ]
        return sorted(kept + extra)

    def _over(self, table: Table, number: int, length: int) -> frozenset[str]:
        """The kinds of a node by the rows that cover it."""
        first = number << (self._bits - length)
        if length == self._bits and first in self._points:
            return frozenset([self._points[first].name])
        if self._is_closed(first, length):
            return frozenset()
        return _after(
            frozenset(),
            (row for row in table.covering(self._version, number, length) if row[1] in self._view.kinds or not row[1]),
        )

    def _walk(self, number: int, length: int, rows: Sequence[_Row], kinds: frozenset[str]) -> Iterator[Name]:
        """The names at a node and below, when `rows` lie inside it and rows that cover it say `kinds`."""
        if not rows:
            if kinds:
                yield from self._uniform(number, length, kinds)
            return
        if not kinds and all(row[1] == self._bits for row in rows):
            yield from self._singles(rows)
            return
        deeper = length + self._step
        size = self._bits - deeper
        at, first_child = 0, number << self._step
        over: dict[int, list[tuple[int, str]]] = {}  # the rows that cover a child
        inside = rows
        if any(row[1] <= deeper for row in rows):
            inside = [row for row in rows if row[1] > deeper]
            for first, prefix, kind in rows:
                if prefix <= deeper:
                    start = first >> size
                    for child in range(start, start + (1 << (deeper - prefix))):
                        over.setdefault(child, []).append((prefix, kind))
        children: Iterable[int] = range(first_child, first_child + (1 << self._step))
        if not kinds:
            children = sorted({*over, *(row[0] >> size for row in inside)})
        for child in children:
            end = bisect_left(inside, ((child + 1) << size,), at)
            yield from self._walk(child, deeper, inside[at:end], _after(kinds, sorted(over.get(child, ()))))
            at = end

    def _singles(self, rows: Sequence[_Row]) -> Iterator[Name]:
        """Names of single addresses, with no network around them."""
        at = 0
        while at < len(rows):
            (number, _, kind), end = rows[at], at + 1
            while end < len(rows) and rows[end][0] == number:
                end += 1
            if end == at + 1 and kind:
                yield self._name(number, self._bits, self._alone[kind])
                at = end
                continue
            kinds = frozenset(row[2] for row in rows[at:end] if row[2] != EXCEPTION)
            if kinds:
                yield self._name(number, self._bits, kinds)
            at = end

    def _uniform(self, number: int, length: int, kinds: frozenset[str]) -> Iterator[Name]:
        """The names of a node in which all addresses have the same kinds."""
        host = self._bits - length
        if host == 0 or (self._may_be_wildcard(number, length) and not (self._expand and host <= MOST_EXPANDED)):
            yield self._name(number, length, kinds)
        else:
            for child in range(number << self._step, (number + 1) << self._step):
                yield from self._uniform(child, length + self._step, kinds)

    def _may_be_wildcard(self, number: int, length: int) -> bool:
        if self._version == 6:
            return length >= 16
        return any(octet > 9 for octet in number.to_bytes(4)[4 - length // 8 :])

    def _name(self, number: int, length: int, kinds: frozenset[str]) -> Name:
        alike = self._of.get(kinds)
        if alike is None:
            alike = self._of[kinds] = self._alike(kinds)
        address = number << (self._bits - length)
        if self._version == 4:
            first = text_at(4, address)
            owner = ".".join(first.split(".")[length // 8 - 1 :: -1])
        else:
            first = str(IPv6Address(address).ipv4_mapped or IPv6Address(address))
            owner = ".".join(f"{number:0{length // 4}x}"[::-1])
        if length == self._bits:
            return Name(owner + self._suffix, alike, first, first)
        return Name(f"*.{owner}{self._suffix}", alike, first, f"{first}/{length}")

    def _alike(self, kinds: frozenset[str]) -> Alike:
        whole = tuple(self._view.kinds[kind] for kind in sorted(kinds))
        return Alike(whole, self._zone.codes(whole), min(kind.ttl for kind in whole), self._zone.site)


def _after(kinds: frozenset[str], covering: Iterable[tuple[int, str]]) -> frozenset[str]:
    """The kinds that remain under these rows, shortest first: an exception hides all that is wider than itself."""
    for _, kind in covering:  # at one length the exception, "", sorts first
        kinds = frozenset() if kind == EXCEPTION else kinds | {kind}
    return kinds
