"""Zones: what is fixed about each list, packed for answering, and the one rule what an address has in a list.

Pure values; `zonefile` makes them. Knows no listing: who asks brings the kinds under which an address is listed. A zone
maps kinds of listings to return codes: its origin answers for all aggregated kinds together, and each kind has a
sublist `<kind>.<origin>` of its own unless its file says otherwise (RFC 5782 2.3, RFC 6471 3.1).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from functools import reduce
from ipaddress import IPv4Address, IPv4Network
from operator import or_

from dnsbl.addresses import Address, Network
from tester.records import dataclass

#: RFC 5782 5: this address is on every list, its neighbour on none; no listing in this network comes from data.
TEST_POINT = IPv4Address("127.0.0.2")
NEVER = IPv4Address("127.0.0.1")
LOOPBACK = IPv4Network("127.0.0.0/8")
#: The name below an origin whose TXT record says whether the list is alive, retiring or over, and where to read more.
STATUS = b"_status"
#: The name below an origin that tells the keys of the transparency log.
LOG = b"_log"
#: Here only test points are answered, whatever the table says; the rest of 127.0.0.0/8 serves labs and demos.
RESERVED = IPv4Network("127.0.0.0/24")
_RESERVED = int(RESERVED.network_address) >> 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """How one kind of listing is answered."""

    name: str
    code: IPv4Address  #: the A record, in 127.0.0.0/8
    txt: str  #: the TXT record, with {address} and {url} still to be filled
    ttl: int  #: seconds
    packed: bytes  #: the A record's data

    def text(self, address: Address, site: str) -> str:
        """The TXT record for this address."""
        return self.text_of(str(address), site)

    def text_of(self, address: str, site: str) -> str:
        """The TXT record for an address as `str` shows it."""
        return self.txt.replace("{url}", page(site, address)).replace("{address}", address)


@dataclass(frozen=True, slots=True)
class View:
    """One list inside a zone: the origin's, or a sublist."""

    kinds: Mapping[str, Kind]
    tests: Mapping[Address, Kind]  #: RFC 5782 5: the test address of each code, and 127.0.0.2 in any case

    def kinds_of(self, address: Address, listed: Iterable[str]) -> tuple[Kind, ...]:
        """What an address that is listed under these kinds has in this list, in alphabetical order.

        A test point has its own kind, whatever is listed; around it nothing is (RFC 5782 5). Kinds that this list does
        not have say nothing.
        """
        if address in self.tests:
            return (self.tests[address],)
        if address in RESERVED:
            return ()
        return tuple(self.kinds[name] for name in sorted(set(listed)) if name in self.kinds)


#: The forms of data files (rbldnsd's); `combined` holds several datasets of the others.
FORMS = ("ip4set", "ip4trie", "ip4tset", "ip6trie", "ip6tset", "dnset", "generic", "combined")


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSource:
    """Data files of one form, which are read as if they were one file."""

    form: str  #: of `sources.reading.FORMS`
    files: tuple[str, ...]  #: paths
    ttl: int  #: of records whose file names no other; seconds
    host_bits: bool = False  #: whether bits behind a prefix are taken for a mistake that costs nothing (rbldnsd -e)
    pull: tuple[str, ...] = ()  #: where each of the files comes from (http, https, rsync); empty: from somebody else
    pull_every: float = 3600  #: seconds
    pull_most: int = 1 << 28  #: bytes of a file as it is sent
    pull_within: float = 600  #: seconds that a pull may take


@dataclass(frozen=True, kw_only=True, slots=True)
class Zone:
    """All that is fixed about a zone."""

    origin: str  #: without the dot at the end, lower case
    labels: tuple[bytes, ...]  #: the origin's labels
    bitmask: bool  #: whether the A record of an address is the OR of its codes (RFC 5782 2.3)
    site: str  #: pages of addresses are at <site>/ip/<address>
    ttl: int  #: of the NS records, and of kinds and static records that name none; seconds
    soa_ttl: int
    negative_ttl: int  #: RFC 2308 5: the smaller one of the SOA's TTL and its minimum
    soa_names: bytes  #: SOA data before the serial
    soa_timers: bytes  #: SOA data behind the serial
    ns: tuple[bytes, ...]  #: NS data
    glue: tuple[bytes, ...]  #: whole address records of those in the zone, for a question about the origin
    static: Mapping[tuple[bytes, ...], Mapping[int, tuple[int, tuple[bytes, ...]]]]
    """Static records: name below the origin -> type -> (TTL, data of each); empty names between have no types."""
    views: Mapping[bytes, View]  #: by the label below the origin; b"" is the origin itself
    sources: tuple[DataSource, ...] = ()  #: other people's data files, answered from beside the listings
    between: frozenset[tuple[bytes, ...]] = frozenset()
    """Names below the origin of a zone with sources that lead to a zone inside it, so that they exist (RFC 4592 2.2.2);
    in any other zone `static` has them."""
    use: str = ""  #: what the zone is meant for, and how hard it judges; for people
    retires: date | None = None  #: the day from which it lists nothing, announced ahead (RFC 6471 3.4)
    ended: bool = False  #: whether that day has come: no listing, no test point, the origin and STATUS alone
    watched: bool = False  #: whether questions of mail servers that we know nominate what they ask about
    trial: bool = False  #: whether it lists nothing and plays lists that are out of order (`trials`)

    @property
    def listing(self) -> bool:
        """Whether the zone answers for listings of its own."""
        return bool(self.views[b""].kinds) or len(self.views) > 1

    @property
    def sublists(self) -> list[str]:
        """The names below which one kind alone is answered, in alphabetical order."""
        return sorted(f"{label.decode()}.{self.origin}" for label in self.views if label)

    def codes_of(self, address: Address, listed: Iterable[str]) -> list[str]:
        """The A records at the origin, as text, of an address that is listed under these kinds."""
        return [str(IPv4Address(code)) for code in self.codes(self.views[b""].kinds_of(address, listed))]

    def codes(self, kinds: Iterable[Kind]) -> tuple[bytes, ...]:
        """The data of the A records of an address with these kinds."""
        packed = tuple(kind.packed for kind in kinds)
        if self.bitmask and packed:
            return (reduce(or_, map(int.from_bytes, packed)).to_bytes(4),)
        return packed

    def soa(self, serial: int) -> bytes:
        """SOA data with this serial (RFC 1982 counts modulo 2**32)."""
        return self.soa_names + (serial % 2**32).to_bytes(4) + self.soa_timers


class Zones:
    """The zones served; of two, one inside the other, at least one answers for sources alone."""

    def __init__(self, zones: tuple[Zone, ...], digest: str = "-") -> None:
        self.digest = digest  #: changes when a zone file does
        self.watched = frozenset(zone.origin for zone in zones if zone.watched)  #: the origins of watched zones
        self._zones = zones
        self._told = tuple(zone for zone in zones if not (zone.watched or zone.trial))
        self._tests = frozenset(address for zone in self._told for address in zone.views[b""].tests)
        self._by_labels = {zone.labels: zone for zone in zones}
        self._said: dict[frozenset[str], dict[str, list[str]]] = {}  # by kinds, of addresses that are no test points
        self._depths = sorted({len(zone.labels) for zone in zones}, reverse=True)

    def __iter__(self) -> Iterator[Zone]:
        return iter(self._zones)

    def stand(self, today: date) -> bool:
        """Whether this day finds them as they are: no zone's end has come, or gone, since they were made."""
        return all(zone.ended == (zone.retires is not None and zone.retires <= today) for zone in self._zones)

    @property
    def origins(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(zone.origin for zone in self._zones)

    def codes_of(self, address: Address, listed: Iterable[str]) -> dict[str, list[str]]:
        """What DNS answers about an address that is listed under these kinds: origin -> A records, as text; to read.

        A zone that answers from data files too is left out where we cannot tell: nothing here reads them.
        """
        kinds = frozenset(listed)
        if address.version == 4 and int(address) >> 24 == 127:  # a test point, or beside one
            return self._codes_of(address, kinds)
        try:
            return self._said[kinds]
        except KeyError:  # a list has a handful of kinds, whose sets are few
            return self._said.setdefault(kinds, self._codes_of(address, kinds))

    def _codes_of(self, address: Address, kinds: frozenset[str]) -> dict[str, list[str]]:
        found = {zone.origin: zone.codes_of(address, kinds) for zone in self._told}
        return {zone.origin: found[zone.origin] for zone in self._told if found[zone.origin] or not zone.sources}

    def clears(self, kinds: Iterable[str], *, refresh: bool) -> timedelta:
        """How long a cache may still say, after their end, that an address is listed under these kinds: the longest TTL
        of their records, and where there are secondaries (`refresh`) the time in which one that was not told looks by
        itself (SOA refresh)."""
        names, longest = set(kinds), 0
        for zone in self._zones:
            ttls = [kind.ttl for view in zone.views.values() for name, kind in view.kinds.items() if name in names]
            wait = int.from_bytes(zone.soa_timers[:4]) if refresh else 0
            longest = max([longest, *(ttl + wait for ttl in ttls)])
        return timedelta(seconds=longest)

    @property
    def own(self) -> Zones:
        """These without the watched ones, which say the same under another name, to those alone who ask here, and
        without those for trials."""
        return Zones(self._told, self.digest)

    @property
    def trials(self) -> tuple[Zone, ...]:
        """Those in which mail servers are tried out, and nothing is listed."""
        return tuple(zone for zone in self._zones if zone.trial and not zone.ended)

    def of(self, labels: tuple[bytes, ...]) -> Zone | None:
        """The zone that this name (lower case) lies in."""
        for depth in self._depths:  # the zone inside another comes first
            zone = self._by_labels.get(labels[-depth:])
            if zone is not None:
                return zone
        return None


def reserved(network: Network) -> bool:
    """Whether only test points are answered in this network, whatever is listed."""
    return reserved_at(network.version, int(network.network_address), network.prefixlen)


def reserved_at(version: int, first: int, length: int) -> bool:
    """The same, by the number of its first address and its prefix length."""
    return version == 4 and first >> 8 == _RESERVED and length >= RESERVED.prefixlen


def page(site: str, address: Address | str) -> str:
    """Where people read about an address."""
    return f"{site}/ip/{address}"
