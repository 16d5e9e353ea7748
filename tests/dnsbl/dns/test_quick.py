"""The quick path of the plain twin says byte for byte what the reference says, or leaves the packet to it."""

import struct
from ipaddress import IPv4Address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnsbl.addresses import reversed_labels
from dnsbl.dns import fast, quick
from dnsbl.dns.answer import answer
from dnsbl.dns.quick import Quick
from dnsbl.dns.table import Table
from dnsbl.dns.zones import Zones
from tests.dnsbl.dns.test_answer import CASES, TABLE, ZONES, mutated, packet_of


def quick_of(table: Table | None, zones: Zones = ZONES) -> Quick:
    made = Quick(zones)
    made.swap(table)
    return made


QUICK = quick_of(TABLE)


def agrees(packet: bytes, asked: Quick = QUICK, table: Table | None = TABLE) -> bool:
    said = asked.answer(packet)
    if said is None:
        return False
    assert said == answer(packet, table, ZONES, tcp=False)
    return True


@pytest.mark.parametrize("case", [case for case in CASES if not case.values[0].get("ask", {}).get("tcp")])
def test_every_vector_has_the_same_bytes_from_both(case) -> None:
    agrees(packet_of(case["ask"]) if "ask" in case else bytes.fromhex(case["hex"]))


@pytest.mark.parametrize("edns", [None, {"size": 4096}, {"size": 512, "flags": 0x8000}])
@pytest.mark.parametrize("kind", ["A", "TXT"])
@pytest.mark.parametrize("flags", [0, 0x0100, 0x0030])
def test_what_mail_servers_ask_is_answered_at_once(edns: dict | None, kind: str, flags: int) -> None:
    for name in ("7.2.0.192.bl.test", "7.2.0.193.BL.test", "7.2.0.192.relay.bl.test", "9.100.51.198.other.test"):
        assert agrees(packet_of({"name": name, "type": kind, "flags": flags} | ({"edns": edns} if edns else {})))


@pytest.mark.parametrize(
    "ask",
    [
        {"name": "7.2.0.192.bl.test", "type": "AAAA"},
        {"name": "7.2.0.192.bl.test", "type": "A", "class": "CH"},
        {"name": "7.2.0.192.bl.test", "type": "A", "flags": 0x2800},
        {"name": "7.2.0.192.bl.test", "type": "A", "flags": 0x8000},
        {"name": "7.2.0.192.bl.test", "type": "A", "edns": {"size": 512, "version": 1}},
        {"name": "7.2.0.192.bl.test", "type": "A", "edns": {"size": 512, "options": "000a0000"}},
        {"name": "7.2.0.192.bl.test", "type": "A", "tail": "00"},
        {"name": "2.0.0.127.bl.test", "type": "A"},
        {"name": "7.100.51.198.bl.test", "type": "A"},  # under two kinds
        {"name": "1.2.3.4.bl.test", "type": "A"},  # nibbles as well
        {"name": "2.0.192.bl.test", "type": "A"},
        {"name": "07.2.0.192.bl.test", "type": "A"},
        {"name": "bl.test", "type": "A"},
        {"name": "nobody.example", "type": "A"},
    ],
)
def test_everything_else_is_left_to_the_reference(ask: dict) -> None:
    assert QUICK.answer(packet_of(ask)) is None
    assert quick_of(None).answer(packet_of({"name": "7.2.0.192.bl.test", "type": "A"})) is None


@settings(max_examples=300)
@given(st.one_of(mutated(), st.binary(max_size=200)))
def test_whatever_comes_the_quick_path_agrees_or_passes(packet: bytes) -> None:
    agrees(packet)


@settings(max_examples=200)
@given(
    st.one_of(st.integers(0, 2**32 - 1), st.integers(0xCB007100, 0xCB0071FF), st.integers(0xC6336400, 0xC633640A)),
    st.sampled_from(["bl.test", "relay.bl.test", "manual.bl.test", "other.test", "Multihop.bl.test"]),
    st.sampled_from(["A", "TXT"]),
    st.binary(min_size=4, max_size=4),
)
def test_every_ipv4_address_has_the_same_bytes(number: int, origin: str, kind: str, opt: bytes) -> None:
    packet = packet_of({"name": f"{reversed_labels(IPv4Address(number))}.{origin}", "type": kind})
    agrees(packet)
    packet = packet[:11] + b"\1" + packet[12:]
    agrees(packet + b"\0" + struct.pack("!HHBBBBH", 41, 600, opt[0], 0, opt[1], opt[2], 0))


def test_a_swap_is_seen_by_the_next_question_and_all_is_counted() -> None:
    asked = quick_of(TABLE)
    packet = packet_of({"name": "77.2.0.193.bl.test", "type": "A"})
    assert (asked.answer(packet) or b"")[3] == 3
    table = Table.of([(ip_network("193.0.2.77/32"), "relay")], serial=2**32 + 1)
    asked.swap(table)
    assert agrees(packet, asked, table)
    assert asked.counted() == {"udp": 2, "silent": 0, "rcode_0": 1, "rcode_3": 1}
    asked.swap(None)
    assert asked.answer(packet) is None


def test_a_zone_with_a_feature_that_is_not_known_is_left_to_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fast.KNOWN, fast.Kind, frozenset({"name", "code", "packed"}))
    assert quick_of(TABLE).answer(packet_of({"name": "7.2.0.192.bl.test", "type": "A"})) is None


def test_kinds_that_come_together_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, "MOST_KNOWN", 0)
    assert agrees(packet_of({"name": "7.2.0.192.bl.test", "type": "A"}), quick_of(TABLE))
