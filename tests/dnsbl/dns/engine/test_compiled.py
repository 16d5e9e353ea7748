"""The compiled twin says byte for byte what the reference says, or hands the packet over."""

import dataclasses
import importlib.util
import struct
import sys
from copy import deepcopy
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnsbl.addresses import reversed_labels
from dnsbl.dns import wire
from dnsbl.dns.cookies import Cookies, server_cookie
from dnsbl.dns.engine import compiled
from dnsbl.dns.guard import Keys, Pace, rules_of
from dnsbl.dns.listed.table import Table
from dnsbl.dns.respond import Serving, respond
from dnsbl.dns.zonefile import zones_from
from dnsbl.dns.zones import Kind, View, Zone, Zones
from dnsbl.model import Change
from dnsbl.settings import Dns
from tests.dnsbl.dns.listed.test_table import many
from tests.dnsbl.dns.test_answer import CASES, CLIENT, NOW, TABLE, WORLD, ZONES, mutated, packet_of, serving_of

SECRETS = (bytes(range(16)), bytes(16))


class Both:
    """A reference and a twin that begin alike, each with limits of its own."""

    def __init__(self, serving: Serving) -> None:
        self.reference = serving
        self.twin = compiled.Twin(1)
        self.twin.load(dataclasses.replace(serving, pace=deepcopy(serving.pace)))
        self.replied: dict[tuple[str, int, str, bool], int] = {}

    def agree(self, packet: bytes, client: bytes = CLIENT, now: float = NOW) -> bool:
        """Whether the twin answered this packet itself; then it said, did and counted what the reference does."""
        reply, why = self.twin.engine.answer(packet, client, now)
        if why == "hand over":
            return False
        said = respond(packet, client, now, self.reference, tcp=False)
        assert (reply, why) == (said.packet, said.why)
        if said.packet is not None and said.query is not None:
            sort = said.zone, said.rcode, wire.TYPES.get(said.query.qtype, "other"), False
            self.replied[sort] = self.replied.get(sort, 0) + 1
        assert self.twin.replied() == self.replied
        return True


def both(table: Table | None = TABLE, zones: Zones = ZONES, **others: object) -> Both:
    return Both(dataclasses.replace(Serving(zones, table), **others))


WORLDS = both()


def asked(name: str, kind: str = "A", options: bytes | None = None, **others: object) -> bytes:
    edns = {"edns": {"size": 1232, "options": options.hex()}} if options is not None else {}
    return packet_of({"name": name, "type": kind} | edns | others)


@pytest.mark.parametrize("case", [case for case in CASES if not case.values[0].get("ask", {}).get("tcp")])
def test_every_vector_has_the_same_bytes_from_both(case: dict) -> None:
    packet = packet_of(case["ask"]) if "ask" in case else bytes.fromhex(case["hex"])
    client = ip_address(case.get("client", "198.51.100.100")).packed
    Both(serving_of(case.get("profile"))).agree(packet, client, case.get("now", NOW))


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
@pytest.mark.parametrize(
    "edns",
    [
        None,
        {"size": 4096},
        {"size": 1232, "flags": 0x8000},
        {"size": 0},
        {"size": 1232, "options": "00030000"},
        {"size": 1232, "options": "000a0008" + "11" * 8 + "000c000400000000"},
        {"size": 1232, "options": "0003000100" + "000a0018" + "01" * 24 + "000a0008" + "22" * 8},
    ],
)
def test_what_most_packets_ask_is_answered_without_the_reference(name: str, kind: str, edns: dict | None) -> None:
    ask = {"name": name, "type": kind, "flags": 0x0100} | ({"edns": edns} if edns else {})
    for world in (WORLDS, both(cookies=Cookies(SECRETS), nsid=b"one of us"), both(seen=NOW - 4000.0)):
        assert world.agree(packet_of(ask))


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
        {"name": "7.2.0.192.bl.test", "type": "A", "edns": {"size": 1232, "version": 1}},
        {"name": "7.2.0.192.bl.test", "type": "A", "edns": {"size": 1232, "options": "00030000" * 65}},
        {"name": "7.2.0.192.bl.test", "type": "A", "edns": {"size": 1232, "options": "000a0007" + "11" * 7}},
        {"name": "7.2.0.192.bl.test", "type": "A", "edns": {"size": 1232, "options": "000a0009" + "11" * 9}},
        {"name": "7.2.0.192.bl.test", "type": "A", "tail": "00"},
    ],
)
def test_what_is_rare_or_broken_is_handed_over(ask: dict) -> None:
    assert not both(cookies=Cookies(SECRETS), keys=Keys([])).agree(packet_of(ask))


def test_without_a_table_what_deserves_an_answer_is_handed_over() -> None:
    world = both(None)
    assert not world.agree(asked("7.2.0.192.bl.test"))
    assert world.agree(asked("nobody.test"))
    assert world.agree(b"short")


def test_a_table_without_a_row_is_a_table() -> None:
    assert both(Table.of([])).agree(asked("7.2.0.192.bl.test"))


# -- who asks --------------------------------------------------------------------------------------------------
RULES = rules_of(
    Dns(
        acl=[
            "192.0.2.0/24 refuse",
            "192.0.2.64/26 pass",
            "192.0.2.65/32 drop",
            "192.0.2.128/25 empty",
            "192.0.2.250/32 code 127.255.255.254",
            "2001:db8::/32 refuse",
            "2001:db8:1::/48 pass",
            "2001:db8:1:1::1/128 drop",
        ]
    ).acl
)


@pytest.mark.parametrize("client", ["::ffff:192.0.2.65", "::ffff:192.0.2.1", "::ffff:192.0.3.1"])
def test_a_mapped_client_is_the_ipv4_client(client: str) -> None:
    world = both(rules=RULES)
    reply, why = world.twin.engine.answer(asked("7.2.0.192.bl.test"), ip_address(client).packed, NOW)
    mapped = ip_address(client).ipv4_mapped
    assert mapped is not None
    said = respond(asked("7.2.0.192.bl.test"), mapped.packed, NOW, world.reference, tcp=False)
    assert (reply, why) == (said.packet, said.why)


@pytest.mark.parametrize("name", ["7.2.0.192.bl.test", "7.2.0.192.0123456789abcdefghij.bl.test", "nobody.test"])
@pytest.mark.parametrize("options", [None, b""])
@pytest.mark.parametrize(
    ("client", "answered"),
    [
        ("192.0.2.1", True),
        ("192.0.2.64", True),
        ("192.0.2.65", True),
        ("192.0.2.128", False),
        ("192.0.2.250", False),
        ("192.0.3.1", True),
        ("2001:db8::1", True),
        ("2001:db8:1::1", True),
        ("2001:db8:1:1::1", True),
        ("2001:db9::1", True),
    ],
)
def test_rules_are_those_of_the_reference(client: str, answered: bool, name: str, options: bytes | None) -> None:
    packed = ip_address(client).packed
    assert both(rules=RULES).agree(asked(name, options=options), packed) == answered
    keys = Keys([sha256(b"0123456789abcdefghij").digest()])
    assert both(rules=RULES, keys=keys).agree(asked(name, options=options), packed) == answered


NAMES_WITH_KEYS = [
    "7.2.0.192.{}.bl.test",
    "7.2.0.193.{}.bl.test",
    "7.2.0.192.relay.{}.bl.test",
    "7.2.0.192.{}.relay.bl.test",
    "www.{}.bl.test",
    "{}.bl.test",
    "{}.{}.bl.test",
    "7.2.0.192.{}.nobody.test",
    "0.2.{}.bl.test",
]


@pytest.mark.parametrize("size", [16, 54, 55, 56, 57, 62, 63])
def test_a_key_of_any_size_around_the_blocks_of_its_hash_is_known(size: int) -> None:
    world = both(keys=Keys([sha256(b"k" * size).digest()]))
    assert world.agree(asked(f"7.2.0.192.{'K' * size}.bl.test"))
    assert world.replied == {("bl.test", 0, "A", False): 1}


@settings(max_examples=200)
@given(
    st.text(st.sampled_from("abcxyzABCXYZ0189"), min_size=10, max_size=63),
    st.sampled_from(NAMES_WITH_KEYS),
    st.sampled_from(["A", "TXT", "SOA", "NS"]),
    st.integers(0, 4),
    st.sampled_from(["198.51.100.1", "192.0.2.1", "192.0.2.65"]),
)
def test_keys_of_every_length_are_known_or_refused_alike(
    label: str, name: str, kind: str, others: int, client: str
) -> None:
    known = [sha256(f"{n}".encode()).digest() for n in range(others)]
    for keys in (Keys(known), Keys([*known, sha256(label.lower().encode()).digest()])):
        world = both(rules=RULES, keys=keys, pace=Pace(answers=0.1, negatives=0.1, errors=0.1))
        for _ in range(3):  # no limit holds for who has a key
            assert world.agree(asked(name.format(label, label), kind, b""), ip_address(client).packed)


OPTIONS = st.lists(
    st.tuples(
        st.sampled_from([3, 8, 10, 10, 10, 12, 65001]),
        st.one_of(st.sampled_from([b"", b"c" * 8, b"c" * 16, b"c" * 24, b"c" * 40]), st.binary(max_size=45)),
    ),
    max_size=4,
)
CLIENTS = st.sampled_from(["198.51.100.1", "203.0.113.7", "192.0.2.1", "192.0.2.70", "2001:db9::1", "2001:db8:1::7"])


@settings(max_examples=120)
@given(
    st.lists(
        st.tuples(
            CLIENTS,
            st.sampled_from(["7.2.0.192.bl.test", "7.2.0.193.bl.test", "bl.test", "2.0.192.bl.test", "nobody.test"]),
            st.sampled_from(["A", "TXT", "SOA", "MX"]),
            OPTIONS,
            st.sampled_from([0.0, 0.0, 0.1, 0.7, 5.0, 4000.0, -10.0]),
        ),
        min_size=1,
        max_size=40,
    ),
    st.sampled_from([0, 1, 2, 3, 100]),
    st.booleans(),
)
def test_limits_and_cookies_agree_over_any_stretch_of_time(steps: list, slip: int, strict: bool) -> None:
    world = both(
        rules=RULES,
        seen=float(NOW),
        nsid=b"n" * 100,
        cookies=Cookies(SECRETS, strict=strict),
        pace=Pace(answers=1, negatives=2, errors=0.7, slip=slip, allow=[ip_network("203.0.113.0/24")], seed=5),
    )
    now = float(NOW)
    for client, name, kind, options, later in steps:
        now += later
        packet = asked(name, kind, b"".join(wire.option(code, data) for code, data in options))
        world.agree(packet, ip_address(client).packed, now)


@settings(max_examples=200)
@given(
    st.binary(min_size=8, max_size=8),
    st.sampled_from(["198.51.100.1", "2001:db8::7", "2001:db8::8"]),
    st.integers(-4000, 4000),
    st.sampled_from([*SECRETS, b"an unknown secre"]),
    st.sampled_from([0, 2**31, 2**32 - 100]),
    st.booleans(),
    st.integers(0, 30),
)
def test_cookies_of_any_age_and_secret_are_judged_alike(
    mine: bytes, client: str, age: int, secret: bytes, epoch: int, strict: bool, flip: int
) -> None:
    packed = ip_address(client).packed
    world = both(cookies=Cookies(SECRETS, strict=strict), pace=Pace(answers=0.001))
    cookie = bytearray(mine + server_cookie(mine, packed, 5000 + epoch - age, secret))
    if flip < len(cookie):
        cookie[flip] ^= 1
    for _ in range(4):
        packet = asked("7.2.0.192.bl.test", options=wire.option(wire.COOKIE, bytes(cookie)))
        assert world.agree(packet, packed, 5000.0 + epoch)


def test_what_is_logged_is_handed_over_once_in_so_many() -> None:
    twin = compiled.Twin(1, every=3)
    twin.load(dataclasses.replace(Serving(ZONES, TABLE), rules=RULES))
    packets = [
        (asked("7.2.0.192.bl.test"), CLIENT),
        (b"short", CLIENT),
        (asked("bl.test"), ip_address("192.0.2.65").packed),
    ]
    whys = [twin.engine.answer(packet, client, NOW)[1] for packet, client in packets * 6]
    assert [why == "sampled" for why in whys[::3]] == [False, False, True] * 2
    assert set(whys[1::3]) == {"header"}
    assert set(whys[2::3]) == {"acl"}


# -- everything else -------------------------------------------------------------------------------------------
@settings(max_examples=400)
@given(st.one_of(mutated(), st.binary(max_size=300)))
def test_whatever_comes_the_twin_agrees_or_hands_over(packet: bytes) -> None:
    WORLDS.agree(packet)


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
    WORLDS.agree(header + name + struct.pack("!HH", qtype, 1) + opt)


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
BITMASK = zones_from(
    {
        name: text.replace("ttl = 2100\n[soa]", 'style = "bitmask"\n[soa]').replace('"127.0.0.3"', '"127.0.0.8"')
        for name, text in WORLD["zones"].items()
    },
    site=WORLD["site"],
)


@settings(max_examples=50)
@given(ROWS, STEPS, st.data(), st.sampled_from([ZONES, BITMASK]))
def test_any_table_with_changes_beside_is_read_alike(
    rows: list, steps: list, data: st.DataObject, zones: Zones
) -> None:
    changes = [Change(seq=n + 1, network=net, kind=kind, present=p) for n, (net, kind, p) in enumerate(steps)]
    world = both(Table.of(rows).changed([*changes]), zones)
    networks = [row[0] for row in rows] + [step[0] for step in steps]
    for network in networks[:8]:
        address = network[data.draw(st.integers(0, min(network.num_addresses - 1, 300)))]
        labels = reversed_labels(address).split(".")
        for depth in {len(labels), data.draw(st.integers(1, len(labels)))}:
            for origin in ("bl.test", "manual.bl.test", "other.test"):
                for kind in ("A", "TXT"):
                    assert world.agree(asked(".".join([*labels[-depth:], origin]), kind))


@pytest.mark.parametrize("beside", [True, False])
def test_large_tables_with_guides_are_read_alike(beside: bool) -> None:
    rows = [(network, {"close": "relay"}.get(kind, kind)) for network, kind in many(1000)]
    table = Table.of(rows[250:])
    table = table.changed(
        Change(seq=n + 1, network=network, kind=kind, present=n % 2 == 0)
        for n, (network, kind) in enumerate(rows[:450])
    )
    world = both(table if beside else table.merged())
    for network, _ in rows[::13]:
        for number in (-1, 0, 1):
            address = type(network.network_address)(max(0, int(network.network_address) + number))
            if address not in IPv6Network("::ffff:0:0/96"):
                assert world.agree(asked(f"{reversed_labels(address)}.bl.test"))
    assert world.replied["bl.test", 0, "A", False] > 300


@settings(max_examples=300)
@given(
    st.one_of(st.integers(0, 2**128 - 1), st.lists(st.sampled_from([0, 0, 1, 0xFFFF, 0x20]), min_size=8, max_size=8))
)
def test_addresses_are_shown_alike(groups: int | list[int]) -> None:
    number = groups if isinstance(groups, int) else sum(group << 16 * n for n, group in enumerate(groups))
    address = IPv6Address(number)
    if address.ipv4_mapped is None:
        assert EVERYTHING.agree(asked(f"{reversed_labels(address)}.bl.test", "TXT"))


EVERYTHING = both(Table.of([(IPv6Network("::/0"), "relay"), (IPv4Network("0.0.0.0/0"), "manual")], serial=2**32 + 7))


@given(st.integers(0, 2**32 - 1), st.sampled_from(["A", "TXT", "SOA"]))
def test_ipv4_addresses_and_a_serial_that_went_round_are_shown_alike(number: int, kind: str) -> None:
    assert EVERYTHING.agree(asked(f"{reversed_labels(IPv4Address(number))}.bl.test", kind))


def test_more_kinds_than_the_twin_tells_apart_leave_a_zone_to_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "MOST_KINDS", 3)
    world = both()
    agreed = {zone.origin: world.agree(asked(f"7.2.0.192.{zone.origin}")) for zone in ZONES}
    assert set(agreed.values()) == {True, False}
    assert agreed["bl.test"]


#: The fields that the twin was taught, or may ignore, by class.
KNOWN: dict[type, str] = {
    Zone: "origin labels bitmask site ttl soa_ttl negative_ttl soa_names soa_timers ns glue static views",
    View: "kinds tests",
    Kind: "name code txt ttl packed",
    Serving: "zones table seen stale_after rules keys pace cookies nsid told heard",
}


@pytest.mark.parametrize("kind", KNOWN, ids=lambda kind: kind.__name__)
def test_every_field_that_answers_depend_on_is_taught_to_the_twin_or_named_as_of_no_account(kind: type) -> None:
    assert [field.name for field in dataclasses.fields(kind)] == KNOWN[kind].split()


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
        monkeypatch.setitem(sys.modules, "dnsbl.dns.engine._fast", None)
        monkeypatch.delattr("dnsbl.dns.engine._fast")
    spec = importlib.util.spec_from_file_location("another_fast", compiled.__file__)
    assert spec is not None
    assert spec.loader is not None
    another = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(another)
    assert another.words() == said


def test_a_state_is_let_go_when_another_comes_and_counts_outlive_their_zones() -> None:
    serving = Serving(ZONES, TABLE)
    twin = compiled.Twin(1)
    twin.load(serving)
    twin.engine.answer(asked("7.2.0.192.bl.test"), CLIENT, NOW)
    for number in range(5):
        serving.table = Table.of([(ip_network(f"192.0.2.{number}/32"), "relay")])
        twin.load(serving)
        twin.load(serving)  # nothing new: nothing is swapped
    serving.zones = BITMASK
    twin.load(serving)
    twin.engine.answer(asked("7.2.0.193.bl.test", "TXT"), CLIENT, NOW)
    assert twin.engine.waiting == 0
    assert twin.replied() == {("bl.test", 0, "A", False): 1, ("bl.test", 3, "TXT", False): 1}
    assert twin.engine.counted() == dict.fromkeys(twin.engine.counted(), 0) | {"udp": 2}


def test_a_socket_that_is_none_is_an_error() -> None:
    with pytest.raises(OSError, match="the socket failed"):
        both().twin.engine.run(-1, -1)
