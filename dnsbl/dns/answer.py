"""What a zone says to one question: static records, listings, or that there is nothing. The readable reference.

Pure and total: never raises, waits or writes anything down, whatever a stranger sent. `respond` comes before it
and knows who asks. The choices made here, where the RFCs leave one or say nothing:

- one A record a kind (several-A style of RFC 5782 2.3), all with the smallest TTL among them (RFC 2181 5.2), or one
  for all of them together in a zone with `style = "bitmask"`; TXT records are one a kind in both;
- a name below which something is listed exists and has no data, a prefix below which nothing is listed does not exist
  (RFC 8020); a label more than an address has does not exist either;
- an octet with a leading zero, or above 255, is no address: NXDOMAIN;
- `2.0` is a prefix in both families at once, octets 0.2 and nibbles 02: it exists when either has something below it;
- 32 nibbles that spell ::ffff:a.b.c.d are looked up as IPv4; 6to4 and other embedded addresses are not;
- 127.0.0.0/24 holds test points (RFC 5782 5) and nothing else, whatever the table says;
- sublists are no zones of their own: no SOA or NS there, and negative answers carry the SOA of the origin;
- ANY gets one HINFO record (RFC 8482 4.2); of a type that is in neither `APEX` nor `LISTED` a name has what the zone's
  file gives it, or nothing;
- clients with the rule `empty` are told that nothing is listed, test points neither, so that one that checks them
  notices (RFC 5782 7); with the rule `code`, every address has that one A record.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network

from dnsbl.addresses import Address, Network
from dnsbl.dns import wire
from dnsbl.dns.listed.table import Table
from dnsbl.dns.trials import PLAYED
from dnsbl.dns.wire import Query, Reply
from dnsbl.dns.zones import TEST_POINT, Kind, View, Zone, reserved
from dnsbl.settings import ClientRule

_OCTET = re.compile(rb"0|[1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|25[0-5]")
_NIBBLE = re.compile(rb"[0-9a-f]")
_MAPPED = IPv6Network("::ffff:0:0/96")
#: Stands for no reply at all.
SILENCE = Reply(-1)
#: Data of the HINFO record that stands for all (RFC 8482 4.2).
RFC8482 = b"\x07RFC8482\x00"


def fixed(query: Query, zone: Zone, table: Table, below: tuple[bytes, ...]) -> Reply:
    """The zone's own records at this name, which the zone file gives: the origin, or one that `zone.static` knows."""
    if not below and query.qtype in APEX:
        return APEX[query.qtype](zone, table)
    types = zone.static.get(below, {})
    if query.qtype == wire.ANY and (types or not below):
        return _minimal_any(zone.ttl)
    if query.qtype not in types:
        return _nothing(query, zone, table, wire.NOERROR)
    ttl, data = types[query.qtype]
    return Reply(wire.NOERROR, True, tuple(wire.record(wire.QNAME, query.qtype, ttl, rdata) for rdata in data))


def listings(query: Query, zone: Zone, table: Table, below: tuple[bytes, ...], rule: ClientRule | None = None) -> Reply:
    """What is listed at this name, which may begin a sublist; `rule` is what its client gets in place of the truth."""
    if rule is not None:
        below = below[:-1] if below and below[-1] in zone.views else below
        return _in_place(query, zone, table, below, rule) if below else _nothing(query, zone, table, wire.NOERROR)
    kinds, address, exists = looked_up(zone, table, below)
    if address is not None:
        return _listed(query, zone, table, kinds, address)
    return _nothing(query, zone, table, wire.NOERROR if exists else wire.NXDOMAIN)


def looked_up(zone: Zone, table: Table, below: tuple[bytes, ...]) -> tuple[tuple[Kind, ...], Address | None, bool]:
    """(the kinds under which the address that this name spells is listed, that address or None where there are none,
    whether the name exists)."""
    view = zone.views[b""]
    if below and below[-1] in zone.views:
        view, below = zone.views[below[-1]], below[:-1]
    exists = not below
    for network in _readings(below):
        if network.prefixlen < network.max_prefixlen:
            exists = exists or _something_under(network, view, table)
            continue
        address = network.network_address
        if kinds := view.kinds_of(address, table.kinds(address)):
            return kinds, address, True
    return (), None, exists


def address_of(zone: Zone, below: tuple[bytes, ...]) -> Address | None:
    """The whole address that a name below this origin spells, in a sublist or not; or None."""
    below = below[:-1] if below and below[-1] in zone.views else below
    whole = (each.network_address for each in _readings(below) if each.prefixlen == each.max_prefixlen)
    return next(whole, None)


def trial(query: Query, zone: Zone, table: Table, below: tuple[bytes, ...]) -> Reply:
    """What a list that is played says at a name of its zone (see `trials`); `SILENCE` for nothing at all."""
    played = PLAYED.get(below[-1]) if below else None
    if played is None:
        return _nothing(query, zone, table, wire.NXDOMAIN if below else wire.NOERROR)
    if played.refuses or not played.answers:
        return Reply(wire.REFUSED) if played.refuses else SILENCE
    name = below[:-1]
    while name and len(name[-1]) > 1 and not name[-1].isdigit():  # a sublist's label
        name = name[:-1]
    code, exists = None, not name
    for network in _readings(name):
        if played.every is not None or (played.tests and _leads_to_test_point(network)):
            exists = True
            code = (played.every or TEST_POINT) if network.prefixlen == network.max_prefixlen else code
    if code is None or query.qtype not in (wire.A, wire.TXT, wire.ANY):
        return _nothing(query, zone, table, wire.NOERROR if exists else wire.NXDOMAIN)
    if query.qtype == wire.ANY:
        return _minimal_any(zone.negative_ttl)
    data = code.packed if query.qtype == wire.A else wire.text(played.text)
    return Reply(wire.NOERROR, True, (wire.record(wire.QNAME, query.qtype, zone.negative_ttl, data),))


def _leads_to_test_point(network: Network) -> bool:
    return network.supernet_of(_MAPPED) if isinstance(network, IPv6Network) else TEST_POINT in network


def _in_place(query: Query, zone: Zone, table: Table, below: tuple[bytes, ...], rule: ClientRule) -> Reply:
    """The answer of the rules `empty` and `code`; prefixes exist with `code`, for resolvers that go label by label.

    What is there in place of the truth says so (RFC 8914: Forged Answer), what is kept back too (Blocked).
    """
    networks = list(_readings(below))
    if rule.code is None or not networks:
        return _nothing(query, zone, table, wire.NXDOMAIN, ede=wire.BLOCKED)
    if all(network.prefixlen < network.max_prefixlen for network in networks):
        return _nothing(query, zone, table, wire.NOERROR, ede=wire.BLOCKED)
    if query.qtype == wire.A:
        rdata = rule.code.packed
    elif query.qtype == wire.TXT:
        rdata = blocked(zone)
    elif query.qtype == wire.ANY:
        return _minimal_any(zone.negative_ttl, ede=wire.FORGED)
    else:
        return _nothing(query, zone, table, wire.NOERROR, ede=wire.BLOCKED)
    answer = wire.record(wire.QNAME, query.qtype, zone.negative_ttl, rdata)
    return Reply(wire.NOERROR, True, (answer,), ede=wire.FORGED)


def blocked(zone: Zone) -> bytes:
    """The TXT data for clients with the rule `code`."""
    return wire.text(f"Questions from your address are not answered, see {zone.site}"[:255])


def _soa(zone: Zone, table: Table) -> Reply:
    soa = wire.record(wire.QNAME, wire.SOA, zone.soa_ttl, zone.soa(table.soa_serial))
    return Reply(wire.NOERROR, True, (soa,))


def _servers(zone: Zone, table: Table) -> Reply:
    """NS, with the addresses of those in the zone (RFC 1034 4.2.1)."""
    servers = tuple(wire.record(wire.QNAME, wire.NS, zone.ttl, rdata) for rdata in zone.ns)
    return Reply(wire.NOERROR, True, servers, (), zone.glue)


def _codes(zone: Zone, kinds: tuple[Kind, ...], address: Address) -> tuple[bytes, ...]:
    return zone.codes(kinds)


def _texts(zone: Zone, kinds: tuple[Kind, ...], address: Address) -> tuple[bytes, ...]:
    return tuple(wire.text(kind.text(address, zone.site)) for kind in kinds)


#: What an origin has of itself beside the records of its file, by type.
APEX: Mapping[int, Callable[[Zone, Table], Reply]] = {wire.SOA: _soa, wire.NS: _servers}
#: What a listed address has, by type: the data of its records, as many as kinds or fewer (RFC 5782 2.1).
LISTED: Mapping[int, Callable[[Zone, tuple[Kind, ...], Address], tuple[bytes, ...]]] = {
    wire.A: _codes,
    wire.TXT: _texts,
}


def types() -> frozenset[int]:
    """The query types that are looked at; a name has nothing of any other, unless the zone's file gives it some."""
    return frozenset({*APEX, *LISTED, wire.ANY})


def _listed(query: Query, zone: Zone, table: Table, kinds: tuple[Kind, ...], address: Address) -> Reply:
    """The records of a listed address, those of all types in the same order."""
    ttl, names = min(kind.ttl for kind in kinds), tuple(kind.name for kind in kinds)
    if query.qtype == wire.ANY:
        return replace(_minimal_any(ttl), kinds=names)
    if query.qtype not in LISTED:
        return _nothing(query, zone, table, wire.NOERROR)
    data = LISTED[query.qtype](zone, kinds, address)
    answers = tuple(wire.record(wire.QNAME, query.qtype, ttl, rdata) for rdata in data)
    return Reply(wire.NOERROR, True, answers, kinds=names)


def _minimal_any(ttl: int, *, ede: int | None = None) -> Reply:
    return Reply(wire.NOERROR, True, (wire.record(wire.QNAME, wire.HINFO, ttl, RFC8482),), ede=ede)


def _nothing(query: Query, zone: Zone, table: Table, rcode: int, *, ede: int | None = None) -> Reply:
    """NODATA or NXDOMAIN, with the SOA that bounds how long it may be cached (RFC 2308 3 and 5)."""
    owner = query.pointer(len(zone.labels))
    soa = wire.record(owner, wire.SOA, zone.negative_ttl, zone.soa(table.soa_serial))
    return Reply(rcode, True, (), (soa,), ede=ede)


def _something_under(network: Network, view: View, table: Table) -> bool:
    if any(point in network for point in view.tests):
        return True
    if isinstance(network, IPv6Network) and network.supernet_of(_MAPPED):
        return True  # the IPv6 twin of 127.0.0.2 lies there
    return not reserved(network) and table.something_under(network, view.kinds)


def _readings(below: tuple[bytes, ...]) -> Iterator[Network]:
    """The networks that a name can mean: reversed octets (RFC 5782 2.1), reversed nibbles (2.4), or both."""
    octets, nibbles = octets_of(below), nibbles_of(below)
    if octets is not None:
        yield octets
    if nibbles is not None and nibbles.subnet_of(_MAPPED):
        yield IPv4Network((int(nibbles.network_address) & 0xFFFFFFFF, nibbles.prefixlen - 96))
    elif nibbles is not None:
        yield nibbles


def octets_of(below: tuple[bytes, ...]) -> IPv4Network | None:
    """The network that these labels spell as octets, all addresses where there is no label; or None."""
    if len(below) > 4 or not all(map(_OCTET.fullmatch, below)):
        return None
    octets = bytes(map(int, reversed(below)))
    return IPv4Network((octets.ljust(4, b"\0"), 8 * len(octets)))


def nibbles_of(below: tuple[bytes, ...]) -> IPv6Network | None:
    """The network that these labels spell as nibbles, all addresses where there is no label; or None."""
    if len(below) > 32 or not all(map(_NIBBLE.fullmatch, below)):
        return None
    nibbles = b"".join(reversed(below))
    return IPv6Network((int(nibbles.ljust(32, b"0"), 16), 4 * len(nibbles)))
