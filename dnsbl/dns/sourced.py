"""What a zone with sources says: the place where other people's data files are consulted. The readable reference.

Pure and total, like `answer`, which it follows wherever rbldnsd leaves a choice. Around one name:

- the nearest sublist that a combined file names below the origin answers, and no other;
- each of its datasets is asked, in the order of the zone's file: networks by address (reversed octets; nibbles, of
  2002:aabb:ccdd:: the IPv4 address in them too, and of ::ffff:a.b.c.d that alone where a dataset of IPv4 is asked),
  names by what stands before the sublist;
- all that they say is one answer, equal records once, with the smallest TTL among those of the type (RFC 2181 5.2);
- listings of the zone's own stand before them; 127.0.0.0/24 is theirs and the sources' alike;
- what leads to something, a zone inside too, has no data and exists (RFC 8020, RFC 4592 2.2.2).

SOA and NS are those of the zone's file; where it names none, the first that a source names, and where none does, an SOA
made of the origin, so that negative answers can be cached (RFC 2308).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple

from dnsbl.dns import answer, wire
from dnsbl.dns.listed.table import Table
from dnsbl.dns.sources.dataset import Dataset
from dnsbl.dns.sources.names import shown
from dnsbl.dns.sources.reading import Holding
from dnsbl.dns.wire import Query, Reply
from dnsbl.dns.zones import Kind, Zone
from dnsbl.settings import ClientRule
from tester.records import dataclass

#: What a zone's SOA says when neither its file nor a source has one: refresh, retry, expire, minimum; seconds.
USUAL_TIMERS = (3600, 600, 604800, 300)
_SIXTOFOUR, _MAPPED = 0x2002, IPv6Network("::ffff:0:0/96")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sourced:
    """What the sources of one zone hold, ready to be asked."""

    views: Mapping[tuple[bytes, ...], tuple[Dataset, ...]]  #: by the labels of the sublist; () is the origin
    soa: bytes  #: data
    soa_ttl: int
    negative_ttl: int  #: RFC 2308 5
    ns: tuple[bytes, ...]  #: data
    ns_ttl: int

    @property
    def named(self) -> bool:
        """Whether names are asked for, not addresses alone."""
        return any(dataset.form == "dnset" for datasets in self.views.values() for dataset in datasets)


class Hit(NamedTuple):
    """What one dataset says to a question: one of its values, and the name in it."""

    dataset: Dataset
    value: int
    name: bytes


def gathered(zone: Zone, contents: Sequence[Holding], newest: int) -> Sourced:
    """The sources of a zone as one; `newest` is the time of the newest file, in Unix seconds: the serial of those that
    give 0."""
    views: dict[tuple[bytes, ...], tuple[Dataset, ...]] = {(): ()}
    for one in contents:
        for subzones, dataset in one.datasets:
            for below in subzones:
                views[below] = (*views.get(below, ()), dataset)
    soa, soa_ttl, negative_ttl = zone.soa(newest), zone.soa_ttl, zone.negative_ttl
    if not zone.soa_names:
        authority = next((one.authority for one in contents if one.authority is not None), None)
        if authority is None:
            names = wire.name(zone.labels) + b"\0", wire.name((b"hostmaster", *zone.labels)) + b"\0"
            soa_ttl, timers, serial = 3600, USUAL_TIMERS, newest
        else:
            names, soa_ttl, timers = (authority.mname, authority.rname), authority.ttl, authority.timers
            serial = authority.serial or newest
        soa = b"".join(names) + b"".join((number % 2**32).to_bytes(4) for number in (serial, *timers))
        negative_ttl = min(soa_ttl, timers[3])
    servers = next((one.servers for one in contents if one.servers is not None), None)
    ns, ns_ttl = (zone.ns, zone.ttl) if zone.ns or servers is None else (servers[1], servers[0])
    return Sourced(views=views, soa=soa, soa_ttl=soa_ttl, negative_ttl=negative_ttl, ns=ns, ns_ttl=ns_ttl)


def fixed(query: Query, zone: Zone, table: Table | None, sourced: Sourced, below: tuple[bytes, ...]) -> Reply:
    """The zone's own records at this name: those of its file, and at the origin SOA, NS and what sources say of it."""
    types = zone.static[below]
    if query.qtype == wire.ANY and (types or not below):
        return _minimal_any(zone.ttl)
    if not below and query.qtype == wire.SOA:
        return _reply([wire.record(wire.QNAME, wire.SOA, sourced.soa_ttl, sourced.soa)])
    if not below and query.qtype == wire.NS and sourced.ns:
        servers = [wire.record(wire.QNAME, wire.NS, sourced.ns_ttl, rdata) for rdata in sourced.ns]
        return Reply(wire.NOERROR, True, tuple(servers), (), zone.glue)
    if query.qtype in types:
        ttl, data = types[query.qtype]
        return _reply([wire.record(wire.QNAME, query.qtype, ttl, rdata) for rdata in data])
    if below:
        return _nothing(query, zone, sourced, wire.NOERROR)
    return listings(query, zone, table, sourced, below)


def listings(
    query: Query,
    zone: Zone,
    table: Table | None,
    sourced: Sourced,
    below: tuple[bytes, ...],
    rule: ClientRule | None = None,
) -> Reply:
    """What is listed at this name; `rule` is what its client gets in place of the truth."""
    if rule is not None:
        return _in_place(query, zone, sourced, below, rule)
    kinds: tuple[Kind, ...] = ()
    address, exists = None, not below
    if table is not None and zone.views[b""].kinds:
        kinds, address, exists = answer.looked_up(zone, table, below)
    said, found = consulted(sourced, below)
    exists = exists or below in zone.between
    if not kinds and not said:
        return _nothing(query, zone, sourced, wire.NOERROR if exists or found else wire.NXDOMAIN)
    if query.qtype == wire.ANY:
        ttls = [kind.ttl for kind in kinds] + [one.dataset.ttl for one in said if not one.dataset.records]
        return _minimal_any(min(ttls, default=zone.ttl))
    records = []
    if kinds and query.qtype in answer.LISTED and address is not None:
        records = [
            (min(kind.ttl for kind in kinds), rdata) for rdata in answer.LISTED[query.qtype](zone, kinds, address)
        ]
    records += [record for one in said for record in _records(one, query.qtype)]
    if not records:
        return _nothing(query, zone, sourced, wire.NOERROR)
    ttl = min(ttl for ttl, _ in records)
    answers = tuple(
        wire.record(wire.QNAME, query.qtype, ttl, rdata) for rdata in dict.fromkeys(data for _, data in records)
    )
    return Reply(wire.NOERROR, True, answers, kinds=tuple(kind.name for kind in kinds))


def consulted(sourced: Sourced, below: tuple[bytes, ...]) -> tuple[list[Hit], bool]:
    """(what the datasets say at these labels below the origin, whether the name exists in any case)."""
    for size in range(len(below) + 1):
        if below[size:] in sourced.views:
            break
    asked, view = below[:size], below[size:]
    exists = not asked or any(len(other) > len(below) and other[-len(below) :] == below for other in sourced.views)
    said: list[Hit] = []
    name = wire.name(asked)
    networks = list(_networks(asked))
    if any(dataset.version == 4 for dataset in sourced.views[view]):
        networks = [network for network in networks if network.version == 4 or not network.subnet_of(_MAPPED)]
    for dataset in sourced.views[view]:
        if dataset.version == 0:
            values, entry = dataset.values_of(name)
            said += [Hit(dataset, value, shown(entry)) for value in values]
            exists = exists or bool(values) or dataset.something_below(name)
            continue
        for network in networks:
            if network.version != dataset.version:
                continue
            first, last = int(network.network_address), int(network.broadcast_address)
            if first != last:
                exists = exists or dataset.any_between(first, last)
                continue
            values = dataset.values_at(first)
            said += [Hit(dataset, value, str(network.network_address).encode()) for value in values]
    return said, exists


def _networks(asked: tuple[bytes, ...]) -> Iterable[IPv4Network | IPv6Network]:
    """The networks that a name can mean; of IPv6 those inside that stand for IPv4 too."""
    octets, nibbles = answer.octets_of(asked), answer.nibbles_of(asked)
    if octets is not None:
        yield octets
    if nibbles is not None:
        yield nibbles
        number, length = int(nibbles.network_address), nibbles.prefixlen
        if nibbles.subnet_of(_MAPPED):
            yield IPv4Network((number & 0xFFFFFFFF, length - 96))
        elif length >= 16 and number >> 112 == _SIXTOFOUR:
            yield IPv4Network((number >> 80 & 0xFFFFFFFF, min(length - 16, 32)))


def _records(said: Hit, qtype: int) -> list[tuple[int, bytes]]:
    """(TTL, data) of the records of this type."""
    if said.dataset.records:
        rtype, ttl, rdata = said.dataset.record(said.value)
        return [(ttl, rdata)] if rtype == qtype else []
    if qtype == wire.A:
        return [(said.dataset.ttl, said.dataset.value(said.value).address)]
    text = said.dataset.text(said.value, said.name) if qtype == wire.TXT else b""
    return [(said.dataset.ttl, bytes((len(text),)) + text)] if text else []


def _in_place(query: Query, zone: Zone, sourced: Sourced, below: tuple[bytes, ...], rule: ClientRule) -> Reply:
    """The answer of the rules `empty` and `code`; with `code`, every name is listed where names are asked for."""
    networks = list(_networks(below))
    whole = any(network.prefixlen == network.max_prefixlen for network in networks) or sourced.named
    if not below or below in zone.between:
        return _nothing(query, zone, sourced, wire.NOERROR)
    if rule.code is None or not (networks or sourced.named):
        return _nothing(query, zone, sourced, wire.NXDOMAIN, ede=wire.BLOCKED)
    if not whole or query.qtype not in (wire.A, wire.TXT, wire.ANY):
        return _nothing(query, zone, sourced, wire.NOERROR, ede=wire.BLOCKED)
    if query.qtype == wire.ANY:
        return _minimal_any(sourced.negative_ttl, ede=wire.BLOCKED)
    rdata = rule.code.packed if query.qtype == wire.A else answer.blocked(zone)
    record = wire.record(wire.QNAME, query.qtype, sourced.negative_ttl, rdata)
    return Reply(wire.NOERROR, True, (record,), ede=wire.BLOCKED)


def _nothing(query: Query, zone: Zone, sourced: Sourced, rcode: int, *, ede: int | None = None) -> Reply:
    owner = query.pointer(len(zone.labels))
    soa = wire.record(owner, wire.SOA, sourced.negative_ttl, sourced.soa)
    return Reply(rcode, True, (), (soa,), ede=ede)


def _minimal_any(ttl: int, *, ede: int | None = None) -> Reply:
    return Reply(wire.NOERROR, True, (wire.record(wire.QNAME, wire.HINFO, ttl, answer.RFC8482),), ede=ede)


def _reply(records: list[bytes]) -> Reply:
    return Reply(wire.NOERROR, True, tuple(records))
