"""The quick path of the plain twin says byte for byte what the reference says, or leaves the packet to it."""

import dataclasses
import struct
from copy import deepcopy
from ipaddress import IPv4Address, ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnsbl.addresses import reversed_labels
from dnsbl.dns import wire
from dnsbl.dns.engine import plain
from dnsbl.dns.engine.plain import Quick
from dnsbl.dns.guard import Pace, rules_of
from dnsbl.dns.listed.table import Table
from dnsbl.dns.respond import Serving, respond
from dnsbl.settings import Dns
from tests.dnsbl.dns.test_answer import CASES, NOW, TABLE, ZONES, mutated, packet_of, serving_of

CLIENT = "198.51.100.100"


class Both:
    """A reference and a quick path that begin alike, each with limits of its own."""

    def __init__(self, serving: Serving) -> None:
        self.reference = serving
        self.own = dataclasses.replace(serving, pace=deepcopy(serving.pace))
        self.now = float(NOW)
        self.quick = Quick(lambda host: ip_address(host).packed, lambda: self.now)
        self.quick.load(self.own)
        self.replied: dict[tuple[str, int, str, bool], int] = {}

    def agree(self, packet: bytes, client: str = CLIENT) -> bool:
        """Whether the packet was answered here; then it was with what the reference says, does and counts."""
        reply = self.quick.answer(packet, client)
        if reply is None:
            return False
        said = respond(packet, ip_address(client).packed, self.now, self.reference, tcp=False)
        assert reply == (said.packet or b"")
        if said.packet is not None and said.query is not None:
            sort = said.zone, said.rcode, wire.TYPES[said.query.qtype], False
            self.replied[sort] = self.replied.get(sort, 0) + 1
        assert {sort: count for sort, count in self.quick.replies.items() if count} == self.replied
        return True


def both(table: Table | None = TABLE, **others: object) -> Both:
    return Both(dataclasses.replace(Serving(ZONES, table), **others))


WORLD = both()


@pytest.mark.parametrize("case", [case for case in CASES if not case.values[0].get("ask", {}).get("tcp")])
def test_every_vector_has_the_same_bytes_from_both(case: dict) -> None:
    world = Both(serving_of(case.get("profile")))
    world.now = case.get("now", NOW)
    packet = packet_of(case["ask"]) if "ask" in case else bytes.fromhex(case["hex"])
    world.agree(packet, case.get("client", CLIENT))


@pytest.mark.parametrize("edns", [None, {"size": 4096}, {"size": 512, "flags": 0x8000}])
@pytest.mark.parametrize("kind", ["A", "TXT"])
@pytest.mark.parametrize("flags", [0, 0x0100, 0x0030])
def test_what_mail_servers_ask_is_answered_at_once(edns: dict | None, kind: str, flags: int) -> None:
    for name in ("7.2.0.192.bl.test", "7.2.0.193.BL.test", "7.2.0.192.relay.bl.test", "9.100.51.198.other.test"):
        assert WORLD.agree(packet_of({"name": name, "type": kind, "flags": flags} | ({"edns": edns} if edns else {})))


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
    assert not WORLD.agree(packet_of(ask))
    assert not both(None).agree(packet_of({"name": "7.2.0.192.bl.test", "type": "A"}))


def test_a_stale_table_is_left_to_the_reference_where_it_would_be_told() -> None:
    world = both(seen=NOW - 4000.0)
    assert world.agree(packet_of({"name": "7.2.0.192.bl.test", "type": "A"}))
    assert not world.agree(packet_of({"name": "7.2.0.192.bl.test", "type": "A", "edns": {"size": 512}}))


@settings(max_examples=300)
@given(st.one_of(mutated(), st.binary(max_size=200)))
def test_whatever_comes_the_quick_path_agrees_or_passes(packet: bytes) -> None:
    WORLD.agree(packet)


@settings(max_examples=200)
@given(
    st.one_of(st.integers(0, 2**32 - 1), st.integers(0xCB007100, 0xCB0071FF), st.integers(0xC6336400, 0xC633640A)),
    st.sampled_from(["bl.test", "relay.bl.test", "manual.bl.test", "other.test", "Multihop.bl.test"]),
    st.sampled_from(["A", "TXT"]),
    st.binary(min_size=4, max_size=4),
)
def test_every_ipv4_address_has_the_same_bytes(number: int, origin: str, kind: str, opt: bytes) -> None:
    packet = packet_of({"name": f"{reversed_labels(IPv4Address(number))}.{origin}", "type": kind})
    WORLD.agree(packet)
    packet = packet[:11] + b"\1" + packet[12:]
    WORLD.agree(packet + b"\0" + struct.pack("!HHBBBBH", 41, 600, opt[0], 0, opt[1], opt[2], 0))


RULES = rules_of(Dns(acl=["192.0.2.0/24 refuse", "192.0.2.64/26 pass", "192.0.2.65/32 drop"]).acl)


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["198.51.100.1", "203.0.113.7", "192.0.2.1", "192.0.2.70", "192.0.2.65", "2001:db9::1"]),
            st.sampled_from(["7.2.0.192.bl.test", "7.2.0.193.bl.test"]),
            st.sampled_from([0.0, 0.0, 0.1, 0.7, 5.0]),
        ),
        max_size=40,
    ),
    st.sampled_from([0, 1, 2, 3]),
)
def test_rules_and_limits_are_those_of_the_reference(steps: list, slip: int) -> None:
    allow = [ip_network("203.0.113.0/24")]
    world = both(rules=RULES, pace=Pace(answers=1, negatives=2, slip=slip, allow=allow, seed=5))
    for client, name, later in steps:
        world.now += later
        known = client not in ("192.0.2.1", "192.0.2.65")
        assert world.agree(packet_of({"name": name, "type": "A"}), client) == known
    assert world.quick.dropped + sum(world.replied.values()) == sum(
        s[0] not in ("192.0.2.1", "192.0.2.65") for s in steps
    )


def test_a_change_is_seen_by_the_next_question() -> None:
    world = both()
    packet = packet_of({"name": "77.2.0.193.bl.test", "type": "A"})
    assert world.agree(packet)
    table = Table.of([(ip_network("193.0.2.77/32"), "relay")], serial=2**32 + 1)
    world.reference.table = world.own.table = table
    world.quick.load(world.own)
    assert world.agree(packet)
    assert world.replied == {("bl.test", 3, "A", False): 1, ("bl.test", 0, "A", False): 1}
    world.own.rules = rules_of(Dns(acl=[f"{CLIENT} refuse"]).acl)
    world.quick.load(world.own)
    assert not world.agree(packet)
    world.own.table = None
    world.quick.load(world.own)
    assert not world.agree(packet)


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "MOST_KNOWN", 0)
    monkeypatch.setattr(plain, "MOST_CLIENTS", 3)
    world = both()
    for n in range(10):
        assert world.agree(packet_of({"name": "7.2.0.192.bl.test", "type": "A"}), f"198.51.100.{n}")
    assert len(world.quick._slots) <= 3
