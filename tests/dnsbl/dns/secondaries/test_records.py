"""A plain authoritative server with these records answers about addresses as we do (RFC 4592 for its wildcards)."""

import random
import re
import struct
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.addresses import Address, Network, reversed_labels
from dnsbl.dns import wire
from dnsbl.dns.listed.table import Table
from dnsbl.dns.respond import Serving, respond
from dnsbl.dns.secondaries import records
from dnsbl.dns.zonefile import zones_from
from dnsbl.dns.zones import Zone, Zones
from dnsbl.model import Change
from tests.depth import examples

ZONE = """
origin = "bl.test"
ns = ["ns.bl.test", "ns.example.net"]
[soa]
mname = "ns.bl.test"
rname = "hostmaster.example.net"
[kinds.relay]
code = "127.0.0.2"
txt = "relay {address} {url}"
[kinds.multihop]
code = "127.0.0.3"
txt = "multihop {address}"
aggregate = false
[kinds.manual]
code = "127.1.0.4"
txt = "manual {address}"
ttl = 60
[kinds.joint]
code = "127.0.0.5"
txt = "joint"
subzone = false
[[records]]
name = "ns"
type = "A"
data = "192.0.2.53"
[[records]]
name = "a.www"
type = "TXT"
data = "hello"
"""
ZONES = zones_from({"bl": ZONE}, site="https://site.example")
[THE_ZONE] = ZONES
KINDS = ("relay", "multihop", "manual", "joint", "unknown", "")

Row = tuple[Network, str]


class Plain:
    """A server that knows records and RFC 4592, and nothing of lists."""

    def __init__(self, packed: Iterable[bytes]) -> None:
        self.records: dict[tuple[str, ...], set[tuple[int, int, bytes]]] = {}
        self.nodes: set[tuple[str, ...]] = set()
        self.all: set[bytes] = set()
        for record in packed:
            assert record not in self.all, "a record stands twice"
            self.all.add(record)
            labels, at = [], 0
            while record[at] < 0xC0:
                labels.append(record[at + 1 : at + 1 + record[at]].decode())
                at += 1 + record[at]
            rtype, rclass = int.from_bytes(record[at + 2 : at + 4]), int.from_bytes(record[at + 4 : at + 6])
            ttl = int.from_bytes(record[at + 6 : at + 10])
            assert rclass == 1
            name = tuple(labels)
            self.records.setdefault(name, set()).add((rtype, ttl, record[at + 12 :]))
            self.nodes |= {name[n:] for n in range(len(name) + 1)}

    def ask(self, owner: str, rtype: int) -> set[tuple[int, int, bytes]]:
        name = tuple(owner.split("."))
        if name not in self.nodes:
            encloser = next(name[n:] for n in range(1, len(name) + 1) if name[n:] in self.nodes)
            name = ("*", *encloser)
        return {record for record in self.records.get(name, ()) if record[0] == rtype}


def plain(table: Table, *, expand: bool = False) -> Plain:
    found = [record for name in records.names(THE_ZONE, table, expand=expand) for record in records.packed(name)]
    return Plain([*records.fixed(THE_ZONE), *found])


def ours(table: Table, owner: str, rtype: int, zones: Zones = ZONES) -> set[tuple[int, int, bytes]]:
    name = b"".join(bytes([len(label)]) + label for label in f"{owner}.bl.test".encode().split(b".")) + b"\0"
    query = struct.pack("!HHHHHH", 1, 0, 1, 0, 0, 0) + name + struct.pack("!HH", rtype, 1)
    packet = respond(query, bytes(4), 0, Serving(zones, table), tcp=True).packet
    assert packet is not None
    found, at = set(), len(query)
    for _ in range(int.from_bytes(packet[6:8])):
        sort, _, ttl, length = struct.unpack_from("!HHIH", packet, at + 2)
        found.add((sort, ttl, packet[at + 12 : at + 12 + length]))
        at += 12 + length
    return found


def edges(network: Network) -> set[Address]:
    """First, last, one before, one after, and some inside."""
    first, last = int(network.network_address), int(network.broadcast_address)
    size = network.max_prefixlen
    sort = IPv4Address if network.version == 4 else IPv6Address
    near = {first, last, first - 1, last + 1, (first + last) // 2}
    return {sort(n) for n in near if 0 <= n < 2**size}


def mapped(address: Address) -> bool:
    return isinstance(address, IPv6Address) and address.ipv4_mapped is not None


def hold_equal(table: Table, rows: Iterable[Row], *, expand: bool = False) -> None:
    server = plain(table, expand=expand)
    asked = {address for network, _ in rows for address in edges(network)}
    asked |= {ip_address(a) for a in ("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.1.0.4", "127.0.0.5", "127.0.0.9")}
    asked |= {ip_address(a) for a in ("::ffff:7f00:1", "::ffff:7f00:2", "::ffff:7f01:4")}
    for address in asked:
        if mapped(address) and int(address) >> 24 != 0xFFFF7F:
            continue
        for view in ("",) if mapped(address) else ("", ".relay", ".multihop", ".manual"):
            owner = reversed_labels(address) + view
            assert server.ask(owner, wire.A) == ours(table, owner, wire.A), (owner, address)
            texts = server.ask(owner, wire.TXT)
            assert len(texts) == len(ours(table, owner, wire.TXT))
            if expand:
                assert texts == ours(table, owner, wire.TXT)


def networks() -> st.SearchStrategy[Network]:
    """Crowded into few places, so that they cover one another; some where octets and nibbles share names."""
    four = st.builds(
        lambda base, host, length: IPv4Network((base | host, length), strict=False),
        st.sampled_from([0xC0000200, 0xC0000000, 0x02010500, 0x7F000000]),
        st.integers(0, 0x3FF),
        st.integers(22, 32),
    )
    six = st.builds(
        lambda base, host, length: IPv6Network((base | host, length), strict=False),
        st.sampled_from([0x20010DB8 << 96, 0x2001 << 112, 0xFFFF7F000000, 0xFE << 120]),
        st.integers(0, 0x3FFF),
        st.integers(14, 128),
    )
    return st.one_of(four, four, six)


rows_of = st.lists(st.tuples(networks(), st.sampled_from(KINDS)), max_size=6)


@examples(12)
@given(rows_of)
def test_a_plain_server_answers_about_every_edge_as_we_do(rows: list[Row]) -> None:
    hold_equal(Table.of(rows, serial=7), rows)


@examples(4)
@given(
    st.lists(
        st.tuples(networks().filter(lambda n: n.max_prefixlen - n.prefixlen <= 9), st.sampled_from(KINDS)), max_size=6
    )
)
def test_expanded_networks_answer_the_text_of_each_address(rows: list[Row]) -> None:
    hold_equal(Table.of(rows, serial=7), rows, expand=True)


@examples(12)
@given(rows_of, rows_of)
def test_the_difference_of_two_tables_leads_from_one_to_the_other(rows: list[Row], steps: list[Row]) -> None:
    old = Table.of(rows, serial=7)
    present = {(network, kind) for network, kind in rows}
    changes = []
    for seq, row in enumerate(steps, 8):
        changes.append(Change(seq=seq, network=row[0], kind=row[1], present=row not in present))
        present ^= {row}
    new = old.changed(changes)
    gone, come = records.difference(THE_ZONE, old, new, steps)
    before, after = plain(old).all, plain(new).all
    assert set(gone) <= before
    assert not set(come) & before
    assert before - set(gone) | set(come) == after
    assert set(gone).isdisjoint(come)


def owners(rows: list[tuple[str, str]], *, expand: bool = False) -> list[str]:
    table = Table.of([(ip_network(network), kind) for network, kind in rows])
    found = {name.owner for name in records.names(THE_ZONE, table, expand=expand)}
    return sorted(found - {name.owner for name in records.names(THE_ZONE, Table.of([]))})


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("192.0.2.9/32", "joint")], ["9.2.0.192"]),
        ([("192.0.2.9/32", "multihop")], ["9.2.0.192.multihop"]),
        ([("192.0.2.9/32", "unknown")], []),
        ([("192.0.2.0/24", "joint")], ["*.2.0.192"]),
        ([("192.0.2.0/23", "joint")], ["*.2.0.192", "*.3.0.192"]),
        ([("192.0.0.0/16", "joint")], ["*.0.192"]),
        ([("192.0.2.0/30", "joint")], ["0.2.0.192", "1.2.0.192", "2.2.0.192", "3.2.0.192"]),
        ([("192.0.2.0/24", "joint"), ("192.0.2.0/25", "")], [f"{n}.2.0.192" for n in range(128, 256)]),
        ([("2001:db8::/32", "joint")], ["*.8.b.d.0.1.0.0.2"]),
        ([("2001:db8::/31", "joint")], ["*.8.b.d.0.1.0.0.2", "*.9.b.d.0.1.0.0.2"]),
        ([("192.0.2.0/24", "joint"), ("192.0.2.9/32", "unknown")], ["*.2.0.192"]),
    ],
)
def test_networks_become_the_fewest_names_that_fit_the_octets(rows: list[tuple[str, str]], expected: list[str]) -> None:
    assert owners(rows) == sorted(expected)


def test_no_wildcard_catches_names_of_the_other_family() -> None:
    small = [name for name in owners([("2.0.0.0/16", "joint")]) if name.startswith("*")]
    assert "*.0.2" not in small
    assert all(re.fullmatch(r"\*\.\d{2,3}\.0\.2", name) for name in small)
    assert len(small) == 246
    assert not [name for name in owners([("2000::/12", "joint")]) if name.count(".") < 4]


def test_expansion_is_for_networks_that_have_an_end() -> None:
    assert len(owners([("192.0.0.0/20", "joint")], expand=True)) == 4096
    assert owners([("2001:db8::/64", "joint")], expand=True) == ["*." + ".".join(reversed("20010db800000000"))]


def test_a_wildcard_text_names_its_network_and_leads_to_its_first_address() -> None:
    table = Table.of([(ip_network("192.0.2.0/24"), "relay"), (ip_network("2001:db8::/32"), "relay")])
    texts = [text for name in records.names(THE_ZONE, table) if name.owner.startswith("*") for text in name.texts()]
    assert set(texts) == {
        "relay 192.0.2.0/24 https://site.example/ip/192.0.2.0",
        "relay 2001:db8::/32 https://site.example/ip/2001:db8::",
    }


def test_single_addresses_are_single_names() -> None:
    rng = random.Random(7)
    table = Table.of([(IPv4Network((rng.getrandbits(32), 32)), "joint") for _ in range(5000)])
    assert sum(1 for _ in records.names(THE_ZONE, table)) > 4900


def test_the_fixed_records_are_all_there() -> None:
    zone: Zone = THE_ZONE
    server = Plain(records.fixed(zone))
    assert len([r for r in server.records[()] if r[0] == wire.NS]) == 2
    assert server.ask("ns", wire.A) == {(wire.A, 2100, bytes([192, 0, 2, 53]))}
    assert server.ask("a.www", wire.TXT) == {(wire.TXT, 2100, b"\x05hello")}
