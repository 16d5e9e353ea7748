"""The compiled twin says byte for byte what the reference says, or hands the packet over."""

import dataclasses
import importlib.util
import struct
import sys
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnsbl.addresses import reversed_labels
from dnsbl.dns import fast
from dnsbl.dns.answer import answer
from dnsbl.dns.table import Table
from dnsbl.dns.zones import Zones, zones_from
from dnsbl.model import Change
from tests.dnsbl.dns.test_answer import CASES, TABLE, WORLD, ZONES, mutated, packet_of
from tests.dnsbl.dns.test_table import many


def twin_of(table: Table | None, zones: Zones = ZONES) -> fast.Twin:
    twin = fast.twin(zones)
    assert twin is not None, "these tests need the compiled twin: pip install -e . with a compiler"
    twin.swap(table)
    return twin


TWIN = twin_of(TABLE)


def agrees(packet: bytes, twin: fast.Twin = TWIN, table: Table | None = TABLE, zones: Zones = ZONES) -> bool:
    """Whether the twin answered this packet itself; then it said what the reference says."""
    said = twin.engine.answer(packet)
    if said is None:
        return False
    assert (said or None) == answer(packet, table, zones, tcp=False)
    return True


@pytest.mark.parametrize("case", [case for case in CASES if not case.values[0].get("ask", {}).get("tcp")])
def test_every_vector_has_the_same_bytes_from_both(case) -> None:
    ask = case.get("ask") if isinstance(case, dict) else None
    packet = packet_of(ask) if ask else bytes.fromhex(case["hex"])
    agrees(packet)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("7.2.0.192.bl.test", "A"),
        ("7.2.0.192.bl.test", "TXT"),
        ("7.2.0.192.BL.tEsT", "A"),
        ("7.2.0.192.bl.test", "AAAA"),
        ("7.2.0.193.bl.test", "A"),
        ("2.0.192.bl.test", "A"),
        ("relay.bl.test", "A"),
        ("8.100.51.198.multihop.bl.test", "A"),
        ("b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl.test", "TXT"),
        ("bl.test", "SOA"),
        ("x.y.z.bl.test", "A"),
        ("7.2.0.192.nobody.test", "A"),
    ],
)
@pytest.mark.parametrize("edns", [None, {"size": 4096}, {"size": 1232, "flags": 0x8000}, {"size": 0}])
def test_what_most_packets_ask_is_answered_without_the_reference(name: str, kind: str, edns: dict | None) -> None:
    ask = {"name": name, "type": kind, "flags": 0x0100} | ({"edns": edns} if edns else {})
    assert agrees(packet_of(ask)) == (name != "7.2.0.192.nobody.test" or edns is None)


@pytest.mark.parametrize(
    "ask",
    [
        {"name": "bl.test", "type": "NS"},
        {"name": "bl.test", "type": "MX"},
        {"name": "ns1.bl.test", "type": "A"},
        {"name": "7.2.0.192.bl.test", "type": "ANY"},
        {"name": "bl.test", "type": "AXFR"},
        {"name": "7.2.0.192.bl.test", "type": "A", "class": "CH"},
        {"name": "7.2.0.192.bl.test", "type": "A", "flags": 0x2800},
        {"name": "7.2.0.192.bl.test", "type": "A", "edns": {"size": 1232, "options": "000a0008" + "11" * 8}},
        {"name": "7.2.0.192.bl.test", "type": "A", "edns": {"size": 1232, "version": 1}},
        {"name": "7.2.0.192.bl.test", "type": "A", "tail": "00"},
    ],
)
def test_what_is_rare_or_broken_is_handed_over(ask: dict) -> None:
    assert TWIN.engine.answer(packet_of(ask)) is None


def test_without_a_table_everything_that_deserves_a_reply_is_handed_over() -> None:
    twin = twin_of(None)
    for name in ("7.2.0.192.bl.test", "nobody.test"):
        assert twin.engine.answer(packet_of({"name": name, "type": "A"})) is None
    assert twin.engine.answer(b"short") == b""


@settings(max_examples=400)
@given(st.one_of(mutated(), st.binary(max_size=300)))
def test_whatever_comes_the_twin_agrees_or_hands_over(packet: bytes) -> None:
    agrees(packet)


LABELS = st.lists(
    st.one_of(
        st.sampled_from([b"0", b"1", b"2", b"127", b"192", b"198", b"203", b"255", b"256", b"01", b"f", b"A", b"ff"]),
        st.sampled_from([b"relay", b"multihop", b"Manual", b"ns1", b"www", b"deep", b"x" * 63]),
        st.binary(min_size=1, max_size=4),
    ),
    max_size=40,
)


@settings(max_examples=200)
@given(
    LABELS,
    st.sampled_from([b"\x02bl\x04test", b"\x05other\x04TEST", b"\x04test", b"\x03xbl\x04test"]),
    st.sampled_from([1, 16, 6, 28, 2, 12, 65535]),
    st.booleans(),
    st.sampled_from(
        [b"", struct.pack("!BHHBBHH", 0, 41, 512, 0, 0, 0, 0), struct.pack("!BHHBBHH", 0, 41, 9, 9, 0, 0x8001, 0)]
    ),
)
def test_names_of_all_shapes_have_the_same_bytes(
    labels: list[bytes], origin: bytes, qtype: int, wanted: bool, opt: bytes
) -> None:
    name = b"".join(bytes([len(label)]) + label for label in labels) + origin + b"\0"
    header = struct.pack("!HHHHHH", 0xABCD, 0x0100 if wanted else 0x0030, 1, 0, 0, 1 if opt else 0)
    agrees(header + name + struct.pack("!HH", qtype, 1) + opt)


NETWORKS = st.one_of(
    st.builds(lambda n, p: IPv4Network((0xC0000200 + n, p), strict=False), st.integers(0, 1023), st.integers(0, 32)),
    st.builds(
        lambda n, s, p: IPv6Network((0x20010DB8 << 96 | n << s, p), strict=False),
        st.integers(0, 1023),
        st.sampled_from([0, 30, 56, 64, 80]),
        st.integers(0, 128),
    ),
)
ROWS = st.lists(st.tuples(NETWORKS, st.sampled_from(["relay", "manual", "multihop", "", "elsewhere"])), max_size=30)
STEPS = st.lists(st.tuples(NETWORKS, st.sampled_from(["relay", "manual", ""]), st.booleans()), max_size=10)


@settings(max_examples=50)
@given(ROWS, STEPS, st.data())
def test_any_table_with_changes_beside_is_read_alike(rows: list, steps: list, data: st.DataObject) -> None:
    changes = [Change(seq=n + 1, network=net, kind=kind, present=p) for n, (net, kind, p) in enumerate(steps)]
    table = Table.of(rows).changed([*changes])
    twin = twin_of(table)
    networks = [row[0] for row in rows] + [step[0] for step in steps]
    for network in networks[:8]:
        address = network[data.draw(st.integers(0, min(network.num_addresses - 1, 300)))]
        labels = reversed_labels(address).split(".")
        for depth in {len(labels), data.draw(st.integers(1, len(labels)))}:
            for origin in ("bl.test", "manual.bl.test", "other.test"):
                for kind in ("A", "TXT"):
                    name = ".".join([*labels[-depth:], origin])
                    assert agrees(packet_of({"name": name, "type": kind}), twin, table)


@pytest.mark.parametrize("beside", [True, False])
def test_large_tables_with_guides_are_read_alike(beside: bool) -> None:
    rows = [(network, {"close": "relay"}.get(kind, kind)) for network, kind in many(1000)]
    table = Table.of(rows[250:])
    table = table.changed(
        Change(seq=n + 1, network=network, kind=kind, present=n % 2 == 0)
        for n, (network, kind) in enumerate(rows[:450])
    )
    table = table if beside else table.merged()
    twin = twin_of(table)
    listed = 0
    for network, _ in rows[::13]:
        for number in (-1, 0, 1):
            address = type(network.network_address)(max(0, int(network.network_address) + number))
            packet = packet_of({"name": f"{reversed_labels(address)}.bl.test", "type": "A"})
            if address not in IPv6Network("::ffff:0:0/96"):
                assert agrees(packet, twin, table)
                listed += bool((twin.engine.answer(packet) or b"")[7])
    assert listed > 300


@settings(max_examples=300)
@given(
    st.one_of(st.integers(0, 2**128 - 1), st.lists(st.sampled_from([0, 0, 1, 0xFFFF, 0x20]), min_size=8, max_size=8))
)
def test_addresses_are_shown_alike(groups: int | list[int]) -> None:
    number = groups if isinstance(groups, int) else sum(group << 16 * n for n, group in enumerate(groups))
    address = IPv6Address(number)
    if address.ipv4_mapped is not None:
        return
    packet = packet_of({"name": f"{reversed_labels(address)}.bl.test", "type": "TXT"})
    assert agrees(packet, EVERYTHING, FULL)


FULL = Table.of([(IPv6Network("::/0"), "relay"), (IPv4Network("0.0.0.0/0"), "manual")], serial=2**32 + 7)
EVERYTHING = twin_of(FULL)


@given(st.integers(0, 2**32 - 1), st.sampled_from(["A", "TXT", "SOA"]))
def test_ipv4_addresses_and_a_serial_that_went_round_are_shown_alike(number: int, kind: str) -> None:
    packet = packet_of({"name": f"{reversed_labels(IPv4Address(number))}.bl.test", "type": kind})
    assert agrees(packet, EVERYTHING, FULL)


def test_a_zone_with_a_feature_that_the_twin_does_not_know_is_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fast.KNOWN, fast.Kind, frozenset({"name", "code", "txt", "packed"}))
    assert fast.twin(ZONES) is None
    mixed = zones_from(
        {n: t.replace("ttl = 600", "ttl = 0").replace("ttl = 2100", "ttl = 0") for n, t in WORLD["zones"].items()},
        site="https://bl.test",
    )
    twin = fast.twin(mixed)
    assert twin is not None
    twin.swap(TABLE)
    assert twin.engine.answer(packet_of({"name": "3.2.0.192.other.test", "type": "A"})) is None
    assert agrees(packet_of({"name": "3.2.0.192.bl.test", "type": "A"}), twin, TABLE, mixed)


def test_every_field_of_a_zone_is_known_to_the_twin_or_named_where_it_is_handed_over() -> None:
    for kind, known in fast.KNOWN.items():
        assert known <= {field.name for field in dataclasses.fields(kind)}


@pytest.mark.parametrize(
    ("pure", "built", "said"),
    [
        ("1", True, "pure Python (DNSBL_PURE=1)"),
        ("", False, "pure Python (not built here)"),
        ("", True, "compiled"),
    ],
)
def test_a_machine_without_it_or_the_environment_choose_the_plain_twin(
    pure: str, built: bool, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DNSBL_PURE", pure)
    if not built:
        monkeypatch.setitem(sys.modules, "dnsbl.dns._fast", None)
        monkeypatch.delattr("dnsbl.dns._fast")
    spec = importlib.util.spec_from_file_location("another_fast", fast.__file__)
    assert spec is not None
    assert spec.loader is not None
    another = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(another)
    assert another.words() == said
    assert (another.twin(ZONES) is None) == (said != "compiled")


def test_more_kinds_than_the_twin_tells_apart_are_answered_by_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast, "MOST_KINDS", 3)
    assert fast.twin(ZONES) is None


def test_a_table_is_let_go_when_another_comes() -> None:
    twin = twin_of(TABLE)
    for number in range(5):
        twin.swap(Table.of([(ip_network(f"192.0.2.{number}/32"), "relay")]))
    assert twin.engine.waiting == 0
    assert twin.counted() == dict.fromkeys(["udp", "silent", "unsent", *(f"rcode_{n}" for n in range(16))], 0)


def test_a_socket_that_is_none_is_an_error() -> None:
    with pytest.raises(OSError, match="the socket failed"):
        twin_of(TABLE).engine.run(-1, -1)
