"""What an engine answers, it answers byte for byte as the reference does; everything else it hands over.

Both engines go through all of it. What the compiled one must answer itself, the plain one may hand over, but for what
mail servers ask all day.
"""

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.addresses import reversed_labels
from dnsbl.dns import answer, respond, wire
from dnsbl.dns.cookies import Cookies, server_cookie
from dnsbl.dns.guard import Keys, KnownKey, Pace, Prefixes, rules_of
from dnsbl.dns.keyuse import network_of
from dnsbl.dns.listed.table import Table
from dnsbl.dns.proxied import SIGNATURE
from dnsbl.dns.respond import Serving
from dnsbl.dns.sourced import gathered
from dnsbl.dns.sources.names import read_name
from dnsbl.dns.sources.reading import read
from dnsbl.dns.zonefile import zones_from
from dnsbl.dns.zones import Zones
from dnsbl.model import Change
from dnsbl.settings import Dns
from tests.depth import examples
from tests.dnsbl.dns.engine.both import ENGINES, Both, asked, both
from tests.dnsbl.dns.listed.samples import many
from tests.dnsbl.dns.test_answer import CASES, CLIENT, NOW, TABLE, WORLD, ZONES, mutated, packet_of, serving_of
from tests.dnsbl.dns.test_proxied import header
from tests.dnsbl.dns.test_trials import LIST, TRIAL
from tests.dnsbl.dns.test_trials import ZONES as TRIED

SECRETS = (bytes(range(16)), bytes(16))
WORLDS = {engine: both(engine) for engine in ENGINES}
each = pytest.mark.parametrize("engine", ENGINES)
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
GUARDED = {engine: both(engine, rules=RULES, keys=Keys([])) for engine in ENGINES}


@contextmanager
def naming(what: object) -> Iterator[None]:
    """Say of which question it is that engine and reference do not agree."""
    try:
        yield
    except AssertionError as fault:
        fault.add_note(f"asked: {what}")
        raise


@each
@pytest.mark.parametrize("profile", sorted({case.values[0].get("profile", "") for case in CASES}))
def test_every_vector_has_the_same_bytes_from_both(profile: str, engine: str) -> None:
    for case in (case.values[0] for case in CASES):
        if case.get("profile", "") != profile or case.get("ask", {}).get("tcp"):
            continue
        packet = packet_of(case["ask"]) if "ask" in case else bytes.fromhex(case["hex"])
        client = ip_address(case.get("client", "198.51.100.100")).packed
        with naming(case["name"]):
            Both(engine, serving_of(case.get("profile"))).agree(packet, client, case.get("now", NOW))


# -- what is answered, and what is handed over -----------------------------------------------------------------
NIBBLES = "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2"
#: What mail servers ask all day, and what is rarer.
DAILY = [
    ("7.2.0.192.bl.test", "A"),
    ("7.2.0.192.bl.test", "TXT"),
    ("7.2.0.192.BL.tEsT", "A"),
    ("7.2.0.193.bl.test", "A"),
    ("7.2.0.192.relay.bl.test", "A"),
    ("9.100.51.198.other.test", "TXT"),
    ("8.100.51.198.multihop.bl.test", "A"),
]
RARER = [
    ("7.2.0.192.bl.test", "AAAA"),
    ("2.0.192.bl.test", "A"),
    ("relay.bl.test", "A"),
    ("2.0.0.127.bl.test", "A"),
    ("7.100.51.198.bl.test", "A"),  # under two kinds
    ("1.2.3.4.bl.test", "A"),  # nibbles as well
    ("07.2.0.192.bl.test", "A"),
    (f"{NIBBLES}.bl.test", "TXT"),
    ("7.2.0.192.bl.test", "ANY"),
    ("2.0.192.bl.test", "ANY"),
    ("8.2.0.193.bl.test", "ANY"),
    ("full.bl.test", "TXT"),
    ("huge.bl.test", "TXT"),
    ("x.ns1.bl.test", "A"),
    ("7.2.0.192.www.bl.test", "A"),
    ("2.bl.test", "NS"),
    ("x.y.z.bl.test", "A"),
    ("7.2.0.192.nobody.test", "A"),
    ("nobody.example", "A"),
]
#: The zone's own records.
OWN = [
    ("bl.test", "SOA"),
    ("BL.test", "NS"),
    ("bl.test", "A"),
    ("bl.test", "MX"),
    ("bl.test", "TXT"),
    ("bl.test", "AAAA"),
    ("bl.test", "DNSKEY"),
    ("bl.test", "ANY"),
    ("ns1.bl.test", "A"),
    ("ns1.bl.test", "AAAA"),
    ("ns1.bl.test", "ANY"),
    ("Www.Deep.bl.test", "A"),
    ("deep.bl.test", "A"),
    ("deep.bl.test", "ANY"),
    ("other.test", "NS"),
    ("_status.bl.test", "TXT"),
    ("_status.bl.test", "A"),
]
PLAIN_OPTS = [None, {"size": 4096}, {"size": 512, "flags": 0x8000}, {"size": 0}]
OPTS = [
    {"size": 1232, "options": "00030000"},
    {"size": 1232, "options": "000a0008" + "11" * 8 + "000c000400000000"},
    {"size": 1232, "options": "0003000100" + "000a0018" + "01" * 24 + "000a0008" + "22" * 8},
    {"size": 1232, "options": "0008000700011800c00002" + "fde90001ff"},
    {"size": 1232, "options": "00130000" + "00090000"},
    {"size": 512, "options": "00030000" + "0013000101" + "000a0008" + "11" * 8 + "000b0000" + "0009000400000001"},
]


def question(name: str, kind: str, edns: dict | None, flags: int = 0x0100) -> bytes:
    return packet_of({"name": name, "type": kind, "flags": flags} | ({"edns": edns} if edns else {}))


@each
def test_a_name_between_a_zone_and_one_inside_it_exists(engine: str) -> None:
    outer, inner = LIST, TRIAL.replace("trial.bl.test", "trial.x.bl.test")
    tried = Both(engine, Serving(zones_from({"list": outer, "trial": inner}, site="https://bl.test"), Table.of([])))
    for name, there in (("x.bl.test", True), ("y.x.bl.test", False), ("x.trial.x.bl.test", False)):
        for kind in ("A", "NS", "ANY", "DS"):
            packet = question(name, kind, None)
            with naming((name, kind)):
                tried.agree(packet)
                said = respond.respond(packet, CLIENT, NOW, tried.reference, tcp=False)
                assert said.rcode == (wire.NOERROR if there else wire.NXDOMAIN)
    for name in ("trial.x.bl.test", "good.trial.x.bl.test"):
        for kind in ("A", "NS", "SOA"):
            with naming((name, kind)):
                tried.agree(question(name, kind, None))


@each
def test_a_name_that_only_leads_to_a_record_is_empty_for_any_too_beside_data_files(engine: str) -> None:
    text = 'origin = "bl.test"\n[[sources]]\ntype = "dnset"\nfiles = ["f"]\n'
    text += '[[records]]\nname = "www.deep"\ntype = "A"\ndata = "192.0.2.1"\n'
    zones = zones_from({"a": text}, site="https://bl.test")
    held = gathered(*zones, [read("dnset", [("f", b"x.com\n")], now=0)], 1)
    tried = Both(engine, Serving(zones, Table.of([]), sourced={"bl.test": held}))
    for name, records in (("deep.bl.test", 0), ("www.deep.bl.test", 1), ("bl.test", 1)):
        packet = question(name, "ANY", None)
        with naming(name):
            tried.agree(packet)
            said = respond.respond(packet, CLIENT, NOW, tried.reference, tcp=False)
            assert said.packet is not None and said.packet[7] == records


@each
def test_a_zone_for_trials_is_left_to_the_reference(engine: str) -> None:
    tried = Both(engine, Serving(TRIED, Table.of([])))
    for label in ("good", "error", "world", "empty", "refused", "silent", "none"):
        for below in ("9.2.0.192.", "2.0.0.127.", "1.0.0.127.", f"{NIBBLES}.", "9.2.0.192.multihop.", "2.0.192.", ""):
            for kind in ("A", "TXT", "ANY", "AAAA"):
                with naming((label, below, kind)):
                    tried.agree(question(f"{below}{label}.trial.bl.test", kind, None))
    for name in ("trial.bl.test", "9.2.0.192.trial.bl.test", "_status.trial.bl.test"):
        with naming(name):
            tried.agree(question(name, "A", None))


@each
@pytest.mark.parametrize("edns", PLAIN_OPTS)
def test_what_mail_servers_ask_all_day_and_the_zones_own_records_are_answered_without_the_reference(
    engine: str, edns: dict | None
) -> None:
    for (name, kind), flags in product([*DAILY, *OWN], [0, 0x0100, 0x0030]):
        with naming((name, kind, flags)):
            assert WORLDS[engine].agree(question(name, kind, edns, flags))


@each
@pytest.mark.parametrize("client", ["192.0.2.1", "192.0.2.129", "192.0.2.250"])
def test_the_zones_own_records_are_answered_so_for_unwelcome_clients_too(engine: str, client: str) -> None:
    for name, kind in OWN:
        world = both(engine, rules=RULES, pace=Pace(answers=0.7, negatives=0.7, slip=2))
        for _ in range(5):
            with naming((name, kind)):
                assert world.agree(question(name, kind, None), ip_address(client).packed)


@each
@pytest.mark.parametrize("edns", [*PLAIN_OPTS, *OPTS])
def test_what_is_asked_more_rarely_too_by_the_compiled_engine(engine: str, edns: dict | None) -> None:
    worlds = (
        WORLDS[engine],
        both(engine, cookies=Cookies(SECRETS), nsid=b"one of us"),
        both(engine, seen=NOW - 4000.0),
    )
    for (name, kind), world in product([*DAILY, *OWN, *RARER], worlds):
        with naming((name, kind)):
            assert world.agree(question(name, kind, edns)) or engine == "plain"


#: What gets no more than an error or a word about the server.
ODD = [
    {"name": "bl.test", "type": "AXFR"},
    {"name": "nobody.test", "type": "IXFR"},
    {"name": "7.2.0.192.bl.test", "type": "A", "class": "CH"},
    {"name": "version.bind", "type": "TXT", "class": "CH"},
    {"name": "7.2.0.192.bl.test", "type": "A", "class": "ANY"},
    {"name": "7.2.0.192.bl.test", "type": "A", "flags": 0x2800},
    {"name": "7.2.0.192.bl.test", "type": "A", "edns": {"size": 1232, "version": 1}},
    {"name": "7.2.0.192.bl.test", "type": "A", "edns": {"size": 1232, "options": "00030000" * 65}},
    {"name": "7.2.0.192.bl.test", "type": "A", "edns": {"size": 1232, "options": "000a0007" + "11" * 7}},
    {"name": "7.2.0.192.bl.test", "type": "A", "edns": {"size": 1232, "options": "000a0009" + "11" * 9}},
    {"name": "7.2.0.192.bl.test", "type": "A", "tail": "00"},
]


@each
@pytest.mark.parametrize("ask", ODD)
def test_what_is_odd_is_handed_over(ask: dict, engine: str) -> None:
    assert not both(engine, cookies=Cookies(SECRETS), keys=Keys([])).agree(packet_of(ask))


GOOD = b"clientss" + server_cookie(b"clientss", CLIENT, NOW, SECRETS[0])


@each
@pytest.mark.parametrize("cookie", [b"", GOOD])
@pytest.mark.parametrize(
    "packet", [*map(packet_of, ODD), packet_of(ODD[0])[:20], bytes(12), bytes.fromhex("0001 0000 0000 0000 0000 0001")]
)
def test_what_is_odd_is_not_handed_over_for_clients_over_the_limit(packet: bytes, cookie: bytes, engine: str) -> None:
    """Nor for one who shows a good cookie."""
    pace = Pace(errors=1, slip=2, allow=[ip_network("203.0.113.0/24")])
    world = both(engine, cookies=Cookies(SECRETS), keys=Keys([]), pace=pace, told={"version": "1"})
    if cookie and packet[11] == 0 and packet[10:12] == b"\0\0" and packet[4:6] == b"\0\1" and len(packet) > 24:
        option = wire.option(wire.COOKIE, cookie)
        packet = packet[:11] + b"\1" + packet[12:] + b"\0\0\x29\x04\xd0\0\0\0\0" + len(option).to_bytes(2) + option
    for _ in range(2):  # two seconds' worth
        assert not world.agree(packet)
    for _ in range(5):
        assert world.agree(packet)
        assert world.engine.answer(packet, CLIENT, NOW) == (None, "rate")
    assert not world.agree(packet, bytes((203, 0, 113, 9)))
    assert not world.agree(packet, now=NOW + 1)


@each
@pytest.mark.parametrize("packet", [b"", b"short", asked("7.2.0.192.bl.test")[:2] + b"\x80" + bytes(20)])
def test_what_is_no_query_is_not_handed_over(engine: str, packet: bytes) -> None:
    assert both(engine).agree(packet)


@each
@pytest.mark.parametrize("ask", [*ODD, {"name": "7.2.0.192.bl.test", "type": "A"}, {"name": "bl.test", "type": "SOA"}])
def test_nothing_is_handed_over_for_clients_that_are_dropped(engine: str, ask: dict) -> None:
    assert both(engine, rules=RULES).agree(packet_of(ask), bytes((192, 0, 2, 65)))


@each
def test_without_a_table_the_zones_fail(engine: str) -> None:
    world = both(engine, None, rules=RULES, keys=Keys([sha256(b"0123456789abcdefghij").digest()]))
    for name in (
        "7.2.0.192.bl.test",
        "bl.test",
        "ns1.bl.test",
        "7.2.0.192.0123456789abcdefghij.bl.test",
        "nobody.test",
    ):
        for client in (CLIENT, bytes((192, 0, 2, 1)), bytes((192, 0, 2, 250))):
            assert world.agree(asked(name, options=b""), client) or engine == "plain"
    assert world.agree(b"short")


@each
def test_a_table_without_a_row_is_a_table(engine: str) -> None:
    assert both(engine, Table.of([])).agree(asked("7.2.0.192.bl.test"))


# -- what only the reference knows -----------------------------------------------------------------------------
def _new_option(patch: pytest.MonkeyPatch) -> tuple[bytes, bytes]:
    """The reference looks at the option 65001; (what has it, what has another)."""
    patch.setattr(respond, "OPTIONS", respond.OPTIONS | {65001})
    with_it = asked("7.2.0.192.bl.test", options=wire.option(8, b"") + wire.option(65001, b"x"))
    return with_it, asked("7.2.0.192.bl.test", options=wire.option(8, b"") + wire.option(65002, b"x"))


def _new_type(patch: pytest.MonkeyPatch) -> tuple[bytes, bytes]:
    """The reference has a PTR record for each listed address."""
    patch.setattr(answer, "LISTED", {**answer.LISTED, 12: lambda zone, kinds, address: (b"\1a\0",)})
    return asked("7.2.0.192.bl.test", "PTR"), asked("7.2.0.192.bl.test", "MX")


def _new_type_of_the_zone(patch: pytest.MonkeyPatch) -> tuple[bytes, bytes]:
    """The reference has a record of type 63 (ZONEMD) at each origin."""
    patch.setattr(answer, "APEX", {**answer.APEX, 63: answer.APEX[wire.SOA]})
    return asked("2.bl.test", "ZONEMD"), asked("2.bl.test", "CDS")


def _new_type_refused(patch: pytest.MonkeyPatch) -> tuple[bytes, bytes]:
    """The reference refuses another type."""
    patch.setattr(respond, "TRANSFERS", respond.TRANSFERS | {253})
    return asked("7.2.0.192.bl.test", "MAILB"), asked("7.2.0.192.bl.test", "MAILA")


@each
@pytest.mark.parametrize("teach", [_new_option, _new_type, _new_type_of_the_zone, _new_type_refused])
def test_what_the_reference_alone_has_learned_is_handed_over(
    engine: str, teach: Callable[[pytest.MonkeyPatch], tuple[bytes, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    new, _ = teach(monkeypatch)
    assert not both(engine).agree(new)


@each
@pytest.mark.parametrize("teach", [_new_option, _new_type, _new_type_of_the_zone, _new_type_refused])
def test_what_it_has_not_learned_is_answered_as_before(
    engine: str, teach: Callable[[pytest.MonkeyPatch], tuple[bytes, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = both(engine)
    new, other = teach(monkeypatch)
    assert before.engine.answer(new, bytes(4), NOW)[1] != "hand over" or engine == "plain"
    assert both(engine).agree(other) or engine == "plain"


@each
@examples(100)
@given(st.integers(0, 65535), st.sampled_from(["7.2.0.192.bl.test", "2.0.192.bl.test", "bl.test", "ns1.bl.test"]))
def test_a_type_that_the_reference_looks_at_is_either_taught_or_handed_over(
    engine: str, number: int, name: str
) -> None:
    packet = asked(name)[:-4] + struct.pack("!HH", number, 1)
    WORLDS[engine].agree(packet)
    said = respond.respond(packet, bytes(4), NOW, WORLDS[engine].reference, tcp=True).packet
    assert said is not None
    if number not in respond.types() | {wire.A, wire.AAAA, wire.MX, wire.TXT}:  # or what a file may give
        assert said[6:8] == b"\0\0", "an answer of a type that the reference does not say it looks at"


# -- who asks --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("engine", [engine for engine in ENGINES if engine != "plain"])  # whose lane makes IPv4 of it
@pytest.mark.parametrize("client", ["::ffff:192.0.2.65", "::ffff:192.0.2.1", "::ffff:192.0.3.1"])
def test_a_mapped_client_is_the_ipv4_client(client: str, engine: str) -> None:
    world = both(engine, rules=RULES)
    reply, why = world.engine.answer(asked("7.2.0.192.bl.test"), ip_address(client).packed, NOW)
    mapped = ip_address(client).ipv4_mapped
    assert mapped is not None
    said = respond.respond(asked("7.2.0.192.bl.test"), mapped.packed, NOW, world.reference, tcp=False)
    assert (reply, why) == (said.packet, said.why)


@each
@pytest.mark.parametrize("name", ["7.2.0.192.bl.test", "7.2.0.192.0123456789abcdefghij.bl.test", "nobody.test"])
@pytest.mark.parametrize("options", [None, b""])
@pytest.mark.parametrize(
    ("client", "answered"),
    [
        ("192.0.2.1", True),
        ("192.0.2.64", True),
        ("192.0.2.65", True),
        ("192.0.2.128", True),
        ("192.0.2.250", True),
        ("192.0.3.1", True),
        ("2001:db8::1", True),
        ("2001:db8:1::1", True),
        ("2001:db8:1:1::1", True),
        ("2001:db9::1", True),
    ],
)
def test_rules_are_those_of_the_reference(
    client: str, answered: bool, name: str, options: bytes | None, engine: str
) -> None:
    packed = ip_address(client).packed
    for keys in (None, Keys([sha256(b"0123456789abcdefghij").digest()])):
        found = both(engine, rules=RULES, keys=keys).agree(asked(name, options=options), packed)
        assert found == answered or engine == "plain"


NAMES_WITH_KEYS = [
    "7.2.0.192.{}.bl.test",
    "7.2.0.193.{}.bl.test",
    "7.2.0.192.relay.{}.bl.test",
    "7.2.0.192.{}.relay.bl.test",
    "ns1.{}.bl.test",
    "www.deep.{}.bl.test",
    "{}.deep.bl.test",
    "{}.bl.test",
    "{}.{}.bl.test",
    "7.2.0.192.{}.nobody.test",
    "0.2.{}.bl.test",
]


@each
@pytest.mark.parametrize("size", [16, 54, 55, 56, 57, 62, 63])
def test_a_key_of_any_size_around_the_blocks_of_its_hash_is_known(size: int, engine: str) -> None:
    world = both(engine, keys=Keys([sha256(b"k" * size).digest()]))
    if world.agree(asked(f"7.2.0.192.{'K' * size}.bl.test")):
        assert world.replied == {("bl.test", 0, "A", False): 1}
    else:
        assert engine == "plain"


@each
@examples(200)
@given(
    st.text(st.sampled_from("abcxyzABCXYZ0189"), min_size=10, max_size=63),
    st.sampled_from(NAMES_WITH_KEYS),
    st.sampled_from(["A", "TXT", "SOA", "NS", "ANY"]),
    st.integers(0, 4),
    st.sampled_from(["198.51.100.1", "192.0.2.1", "192.0.2.65"]),
)
def test_keys_of_every_length_are_known_or_refused_alike(
    engine: str, label: str, name: str, kind: str, others: int, client: str
) -> None:
    known = [sha256(f"{n}".encode()).digest() for n in range(others)]
    for keys in (Keys(known), Keys([*known, sha256(label.lower().encode()).digest()])):
        world = both(engine, rules=RULES, keys=keys, pace=Pace(answers=0.1, negatives=0.1, errors=0.1))
        for _ in range(3):  # no limit holds for who has a key
            packet = asked(name.format(label, label), kind, b"")
            assert world.agree(packet, ip_address(client).packed) or engine == "plain"


@each
@examples(200)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([ip_network(f"192.0.2.{n}/{p}", strict=False) for n in (0, 64) for p in (0, 23, 26, 32)])
            | st.sampled_from([ip_network(f"2001:db8::/{p}", strict=False) for p in (0, 29, 64)])
        ).map(lambda one: one[0]),
        max_size=4,
    ),
    st.integers(0, 3),
    st.booleans(),
    st.lists(
        st.tuples(
            st.sampled_from(NAMES_WITH_KEYS),
            st.sampled_from(["A", "TXT", "SOA", "ANY", "MX"]),
            st.sampled_from(["192.0.2.1", "192.0.2.65", "192.0.3.1", "2001:db8::1", "2001:db9::1", "::ffff:192.0.2.1"]),
            st.sampled_from([b"k" * 16, b"K" * 60, b"unknown" * 3]),
        ),
        max_size=12,
    ),
)
def test_keys_have_homes_and_their_use_is_counted_alike(
    engine: str, homes: list, others: int, stay: bool, steps: list
) -> None:
    known = [KnownKey(digest=sha256(f"{n}".encode()).digest(), homes=(ip_network("::/0"),)) for n in range(others)]
    known.append(KnownKey(digest=sha256(b"k" * 16).digest(), homes=tuple(homes)))
    known.append(KnownKey(digest=sha256(b"k" * 60).digest()))
    rules = rules_of(Dns(acl=["192.0.2.65/32 drop", "2001:db9::/32 refuse"]).acl)
    world = both(engine, rules=rules, keys=Keys(known, stay=stay), pace=Pace(answers=0.1, errors=0.1))
    for n, (name, kind, client, label) in enumerate(steps):
        packed = ip_address(client).packed
        packed = packed[12:] if packed.startswith(bytes(10) + b"\xff\xff") else packed
        packet = asked(name.format(label.decode(), label.decode()), kind, b"" if n % 2 else None)
        assert world.agree(packet, packed, NOW + n / 10) or engine == "plain"
        if n == 5:  # counts outlive what they were counted with
            world.change(keys=Keys([*known, KnownKey(digest=bytes(32))], stay=stay))


@each
def test_who_was_refused_elsewhere_is_welcome_again_at_home_and_what_was_counted_stays(engine: str) -> None:
    key = KnownKey(digest=sha256(b"k" * 16).digest(), homes=(ip_network("192.0.2.0/24"),))
    world = both(engine, keys=Keys([key], stay=True))
    packet = asked(f"7.2.0.192.{'k' * 16}.bl.test")
    for client in ("192.0.2.1", "203.0.113.9", "192.0.2.200"):
        world.agree(packet, ip_address(client).packed)
    if engine == "compiled":
        [use] = world.engine.used().values()
        assert (use.queries, use.hits, use.refused, use.elsewhere) == (3, 2, 1, 1)
        assert (use.last, use.strayed, network_of(use.place)) == (NOW, NOW, ip_network("203.0.113.0/24"))


PROXIES = Prefixes({ip_network("203.0.113.0/24"): True, ip_network("2001:db8:ff::/48"): True})
BEHIND = {
    engine: both(
        engine, rules=RULES, proxies=PROXIES, cookies=Cookies(SECRETS), pace=Pace(errors=1, answers=1, negatives=1)
    )
    for engine in ENGINES
}


@each
@examples(400)
@given(
    st.one_of(
        st.sampled_from(["198.51.100.1", "192.0.2.1", "192.0.2.65", "192.0.2.250", "2001:db8:1::1", "::ffff:192.0.2.1"])
        .flatmap(lambda client: st.builds(header, st.just(client), command=st.sampled_from([0x20, 0x21, 0x21, 0x22])))
        .flatmap(lambda head: st.sampled_from([head, head, head, head[:-1], head[:13], head + b"\0" * 12])),
        st.binary(max_size=40).map(lambda rest: SIGNATURE + rest),
        st.just(b""),
    ),
    st.sampled_from(
        [asked("7.2.0.192.bl.test"), asked("7.2.0.193.bl.test", "TXT", b""), asked("bl.test", "SOA"), b"x"]
    ),
    st.sampled_from(["203.0.113.1", "2001:db8:ff::1", "198.51.100.1", "2001:db9::1"]),
    st.floats(0, 1e5),
)
def test_b60_proxies_are_seen_through_alike(engine: str, head: bytes, packet: bytes, peer: str, later: float) -> None:
    BEHIND[engine].agree(head + packet, ip_address(peer).packed, NOW + later)


@each
def test_b60_what_a_proxy_asks_for_others_is_answered_without_the_reference(engine: str) -> None:
    world = both(engine, rules=RULES, proxies=PROXIES)
    for head, peer in (
        (header("198.51.100.1"), "203.0.113.1"),
        (header("2001:db9::1"), "2001:db8:ff::1"),
        (b"", "192.0.2.70"),
    ):
        assert world.agree(head + asked("7.2.0.192.bl.test"), ip_address(peer).packed)


OPTIONS = st.lists(
    st.tuples(
        st.sampled_from([*respond.OPTIONS, wire.COOKIE, wire.COOKIE, 8, 12, 65001]),
        st.one_of(st.sampled_from([b"", b"c" * 8, b"c" * 16, b"c" * 24, b"c" * 40]), st.binary(max_size=45)),
    ),
    max_size=4,
)
CLIENTS = st.sampled_from(
    ["198.51.100.1", "203.0.113.7", "192.0.2.1", "192.0.2.70", "192.0.2.200", "192.0.2.250", "2001:db9::1"]
)


@each
@examples(120)
@given(
    st.lists(
        st.tuples(
            CLIENTS,
            st.sampled_from(
                ["7.2.0.192.bl.test", "7.2.0.193.bl.test", "bl.test", "2.0.192.bl.test", "nobody.test", "ns1.bl.test"]
            ),
            st.sampled_from(["A", "TXT", "SOA", "MX", "NS", "ANY"]),
            st.one_of(st.none(), OPTIONS),
            st.sampled_from([0.0, 0.0, 0.1, 0.7, 5.0, 4000.0, -10.0]),
        ),
        min_size=1,
        max_size=40,
    ),
    st.sampled_from([0, 1, 2, 3, 100]),
    st.booleans(),
)
def test_limits_and_cookies_agree_over_any_stretch_of_time(engine: str, steps: list, slip: int, strict: bool) -> None:
    world = both(
        engine,
        rules=RULES,
        seen=float(NOW),
        nsid=b"n" * 100,
        cookies=Cookies(SECRETS, strict=strict),
        pace=Pace(answers=1, negatives=2, errors=0.7, slip=slip, allow=[ip_network("203.0.113.0/24")], seed=5),
    )
    now = float(NOW)
    for client, name, kind, options, later in steps:
        now += later
        packed = None if options is None else b"".join(wire.option(code, data) for code, data in options)
        world.agree(asked(name, kind, packed), ip_address(client).packed, now)


@each
@examples(100)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["198.51.100.1", "203.0.113.7", "192.0.2.1", "192.0.2.70", "2001:db9::1"]),
            st.sampled_from(["7.2.0.192.bl.test", "7.2.0.193.bl.test"]),
            st.sampled_from([0.0, 0.0, 0.1, 0.7, 5.0]),
        ),
        max_size=40,
    ),
    st.sampled_from([0, 1, 2, 3]),
)
def test_what_is_asked_all_day_is_limited_without_the_reference(engine: str, steps: list, slip: int) -> None:
    allow = [ip_network("203.0.113.0/24")]
    world = both(engine, rules=RULES, pace=Pace(answers=1, negatives=2, slip=slip, allow=allow, seed=5))
    now = float(NOW)
    for client, name, later in steps:
        now += later
        found = world.agree(asked(name), ip_address(client).packed, now)
        assert found == (engine == "compiled" or client != "192.0.2.1")


@each
@examples(200)
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
    engine: str, mine: bytes, client: str, age: int, secret: bytes, epoch: int, strict: bool, flip: int
) -> None:
    packed = ip_address(client).packed
    world = both(engine, cookies=Cookies(SECRETS, strict=strict), pace=Pace(answers=0.001))
    cookie = bytearray(mine + server_cookie(mine, packed, 5000 + epoch - age, secret))
    if flip < len(cookie):
        cookie[flip] ^= 1
    for _ in range(4):
        packet = asked("7.2.0.192.bl.test", options=wire.option(wire.COOKIE, bytes(cookie)))
        assert world.agree(packet, packed, 5000.0 + epoch) or engine == "plain"


# -- everything else -------------------------------------------------------------------------------------------
@each
@examples(400)
@given(st.one_of(mutated(), st.binary(max_size=300)))
def test_whatever_comes_the_engine_agrees_or_hands_over(engine: str, packet: bytes) -> None:
    WORLDS[engine].agree(packet)


LABELS = st.lists(
    st.one_of(
        st.sampled_from([b"0", b"1", b"2", b"127", b"192", b"198", b"203", b"255", b"256", b"01", b"f", b"A", b"ff"]),
        st.sampled_from([b"relay", b"multihop", b"Manual", b"ns1", b"www", b"deep", b"x" * 63]),
        st.binary(min_size=1, max_size=4),
    ),
    max_size=40,
)


@each
@examples(200)
@given(
    LABELS,
    st.sampled_from([b"\x02bl\x04test", b"\x05other\x04TEST", b"\x04test", b"\x03xbl\x04test"]),
    st.sampled_from([1, 16, 6, 28, 2, 12, 255, 65535]),
    st.booleans(),
    st.sampled_from(
        [b"", struct.pack("!BHHBBHH", 0, 41, 512, 0, 0, 0, 0), struct.pack("!BHHBBHH", 0, 41, 9, 9, 0, 0x8001, 0)]
    ),
    st.sampled_from(["198.51.100.1", "192.0.2.1", "192.0.2.200", "192.0.2.250"]),
)
def test_names_of_all_shapes_have_the_same_bytes(
    engine: str, labels: list[bytes], origin: bytes, qtype: int, wanted: bool, opt: bytes, client: str
) -> None:
    name = b"".join(bytes([len(label)]) + label for label in labels) + origin + b"\0"
    header = struct.pack("!HHHHHH", 0xABCD, 0x0100 if wanted else 0x0030, 1, 0, 0, 1 if opt else 0)
    packet = header + name + struct.pack("!HH", qtype, 1) + opt
    GUARDED[engine].agree(packet, ip_address(client).packed)


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


@each
@examples(50)
@given(ROWS, STEPS, st.data(), st.sampled_from([ZONES, BITMASK]))
def test_any_table_with_changes_beside_is_read_alike(
    engine: str, rows: list, steps: list, data: st.DataObject, zones: Zones
) -> None:
    changes = [Change(seq=n + 1, network=net, kind=kind, present=p) for n, (net, kind, p) in enumerate(steps)]
    world = both(engine, Table.of(rows).changed([*changes]), zones)
    networks = [row[0] for row in rows] + [step[0] for step in steps]
    for network in networks[:8]:
        address = network[data.draw(st.integers(0, min(network.num_addresses - 1, 300)))]
        labels = reversed_labels(address).split(".")
        for depth in {len(labels), data.draw(st.integers(1, len(labels)))}:
            for origin in ("bl.test", "manual.bl.test", "other.test"):
                for kind in ("A", "TXT"):
                    found = world.agree(asked(".".join([*labels[-depth:], origin]), kind))
                    assert found or engine == "plain"


@each
@pytest.mark.parametrize("beside", [True, False])
def test_large_tables_with_guides_are_read_alike(beside: bool, engine: str) -> None:
    rows = [(network, {"close": "relay"}.get(kind, kind)) for network, kind in many(1000)]
    table = Table.of(rows[250:])
    table = table.changed(
        Change(seq=n + 1, network=network, kind=kind, present=n % 2 == 0)
        for n, (network, kind) in enumerate(rows[:450])
    )
    world = both(engine, table if beside else table.merged())
    for network, _ in rows[::13]:
        for number in (-1, 0, 1):
            address = type(network.network_address)(max(0, int(network.network_address) + number))
            if address not in IPv6Network("::ffff:0:0/96"):
                assert world.agree(asked(f"{reversed_labels(address)}.bl.test")) or engine == "plain"
    assert world.replied["bl.test", 0, "A", False] > (300 if engine == "compiled" else 30)


EVERYTHING = {
    engine: both(engine, Table.of([(IPv6Network("::/0"), "relay"), (IPv4Network("0.0.0.0/0"), "manual")], serial=2**32))
    for engine in ENGINES
}


@each
@examples(300)
@given(
    st.one_of(st.integers(0, 2**128 - 1), st.lists(st.sampled_from([0, 0, 1, 0xFFFF, 0x20]), min_size=8, max_size=8))
)
def test_addresses_are_shown_alike(engine: str, groups: int | list[int]) -> None:
    number = groups if isinstance(groups, int) else sum(group << 16 * n for n, group in enumerate(groups))
    address = IPv6Address(number)
    if address.ipv4_mapped is None:
        assert EVERYTHING[engine].agree(asked(f"{reversed_labels(address)}.bl.test", "TXT")) or engine == "plain"


@each
@examples(200)
@given(
    st.one_of(st.integers(0, 2**32 - 1), st.integers(0xCB007100, 0xCB0071FF), st.integers(0xC6336400, 0xC633640A)),
    st.sampled_from(["bl.test", "relay.bl.test", "manual.bl.test", "other.test", "Multihop.bl.test"]),
    st.sampled_from(["A", "TXT", "SOA"]),
    st.binary(min_size=4, max_size=4),
)
def test_every_ipv4_address_has_the_same_bytes_and_a_serial_that_went_round_too(
    engine: str, number: int, origin: str, kind: str, opt: bytes
) -> None:
    packet = packet_of({"name": f"{reversed_labels(IPv4Address(number))}.{origin}", "type": kind})
    with_opt = packet[:11] + b"\1" + packet[12:]
    with_opt += b"\0" + struct.pack("!HHBBBBH", 41, 600, opt[0], 0, opt[1], opt[2], 0)
    for world in (WORLDS[engine], EVERYTHING[engine]):
        assert world.agree(packet) or engine == "plain"
        assert world.agree(with_opt) or engine == "plain"


@each
def test_a_stale_table_is_told_to_those_with_edns_alone(engine: str) -> None:
    world = both(engine, seen=NOW - 4000.0)
    assert world.agree(asked("7.2.0.192.bl.test"))
    assert world.agree(asked("7.2.0.192.bl.test", options=b"")) == (engine == "compiled")


@each
def test_a_change_is_seen_by_the_next_question(engine: str) -> None:
    world = both(engine)
    packet = asked("77.2.0.193.bl.test")
    assert world.agree(packet)
    world.change(table=Table.of([(ip_network("193.0.2.77/32"), "relay")], serial=2**32 + 1))
    assert world.agree(packet)
    assert world.replied == {("bl.test", 3, "A", False): 1, ("bl.test", 0, "A", False): 1}
    world.change(rules=rules_of(Dns(acl=["0.0.0.0/0 refuse"]).acl))
    assert world.agree(packet) or engine == "plain"
    world.change(rules=rules_of([]), zones=BITMASK, table=TABLE)
    assert world.agree(packet)
    world.change(table=None)
    assert world.agree(packet) == (engine == "compiled")


# -- what sources hold -----------------------------------------------------------------------------------------
LINES4 = st.sampled_from(
    [
        b"1.2.3.4",
        b"1.2.3.4 :3:own $",
        b"1.2.3",
        b"!1.2.3.4",
        b"1.2/16 :4:wide $1 $$ $5 $=",
        b"1.2.3.4 :3:own $",
        b"1.0.0.0/7",
        b":9:default $",
        b"$1 one",
        b"$TTL 60",
        b"$= base $= ($)",
        b"1.2.3.9 =raw",
        b"1.2.3.8 =",
        b"1.2.3.4 :6:",
        b"2.1.1.1",
    ]
)
LINES6 = st.sampled_from(
    [
        b"2001:db8::/32 v6 $",
        b"2001:db8::1",
        b"!2001:db8::2",
        b"::ffff:102:304 mapped",
        b"2002::/16 wide",
        b"::/0 :7:all",
    ]
)
LINESN = st.sampled_from(
    [
        b"a.example",
        b".example :5:$",
        b"*.w.example w",
        b"!no.example",
        b"!*.b.example",
        b"4.3.2.1 $",
        b"A\\.b\\200.example $",
        b"deep.er.still",
        b"a.example :6:twice",
        b"$= <$=>",
        b"tween name",
        b".be.tween all",
        b"!be.tween",
    ]
)
LINESG = st.sampled_from(
    [
        b"a.example 30 A 127.0.0.9",
        b"a.example TXT words",
        b"@ A 127.0.0.8",
        b"@ MX 10 mx.x",
        b"@ TXT here",
        b"4.3.2.1 MX 5 m.x",
    ]
)
LINESC = st.sampled_from(
    [
        b"$DATASET ip4set lists @\n1.2.3.4 :8:c",
        b"$DATASET dnset a.sub\n.example c",
        b"$DATASET ip4set be.tween\n1.2.3.4 c",
        b"$DATASET generic lists\n@ A 127.0.0.7",
    ]
)
SOURCES = st.tuples(
    *(
        st.tuples(st.just(form), st.lists(lines, max_size=12))
        for form, lines in (
            ("ip4set", LINES4), ("ip4trie", LINES4), ("ip6trie", LINES6), ("dnset", LINESN), ("generic", LINESG),
            ("combined", LINESC),
        )
    )
)  # fmt: skip
SOURCED_NAMES = [
    "", "4.3.2.1", "5.3.2.1", "8.3.2.1", "9.3.2.1", "3.2.1", "1", "2", "4.3.2.1.lists", "lists", "a.sub", "sub",
    "x.example.a.sub", "a.example", "b.example", "A.EXAMPLE", "x.w.example", "w.example", "no.example", "x.no.example",
    "x.b.example", "example", "still", "er.still", "nothing", "a\\.b\\200.example", "x.y.z.example", "www", "x.www",
    "tween", "be.tween", "x.tween", "x.be.tween", "in.be.tween", "x.in.be.tween", "4.3.2.1.be.tween",
    ".".join(reversed_labels(ip_address("2001:db8::1"))), ".".join(reversed_labels(ip_address("2001:db8::2"))),
    ".".join(reversed_labels(ip_address("::ffff:1.2.3.4"))), ".".join(reversed_labels(ip_address("2002:102:304::1"))),
    "1.0.0.2", "2.0.1.0.2.0.0.2", "f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0",
]  # fmt: skip
SOURCED_ZONE = 'origin = "src.test"\n[[records]]\nname = "www"\ntype = "A"\ndata = "192.0.2.1"\n' + "".join(
    f'[[sources]]\ntype = "{form}"\nfiles = ["f"]\n'
    for form in ("ip4set", "ip4trie", "ip6trie", "dnset", "generic", "combined")
)
GOOD_ZONE = (
    'origin = "theirs.src.test"\nns = ["ns.test"]\n[soa]\nmname = "ns.test"\nrname = "h.test"\n'
    '[kinds.relay]\ncode = "127.0.0.2"\ntxt = "x"\n'
)
DEEP_ZONE = GOOD_ZONE.replace("theirs", "in.be.tween")
SOURCED_ZONES = zones_from({"s.toml": SOURCED_ZONE, "b.toml": GOOD_ZONE, "d.toml": DEEP_ZONE}, site="https://site.test")


@each
@given(
    sources=SOURCES,
    kept=st.sets(st.integers(0, 5)),
    options=st.sampled_from([None, b"", wire.option(wire.ZONEVERSION, b"") + wire.option(wire.EXPIRE, b"")]),
)
@examples(100)
def test_what_sources_hold_has_the_same_bytes_from_both(
    engine: str, sources: tuple[tuple[str, list[bytes]], ...], kept: set[int], options: bytes | None
) -> None:
    (zone,) = (one for one in SOURCED_ZONES if one.sources)
    holdings = [read(form, [("f", b"\n".join(lines))], now=0) for n, (form, lines) in enumerate(sources) if n in kept]
    world = both(engine, zones=SOURCED_ZONES, sourced={"src.test": gathered(zone, holdings, 7)})
    own, kinds, names = 0, ["A", "TXT"], SOURCED_NAMES[::7]  # of such a zone the plain engine hands all over
    if engine == "compiled":
        kinds, names = [*kinds, "MX", "ANY", "AAAA", "SOA", "NS"], SOURCED_NAMES
    for name in names:
        for kind in kinds:
            packet = named(f"{name}.src.test" if name else "src.test", wire_type(kind), options)
            own += world.agree(packet)
            if kind in ("A", "TXT"):
                world.agree(packet, ip_address("192.0.2.5").packed)
    assert own > len(names) * 5 if engine == "compiled" else own == 0
    world.change(sourced={})
    assert world.agree(named("4.3.2.1.src.test", wire.A, options)) == (engine == "compiled")


@each
@pytest.mark.parametrize("spread", [1, 1 << 60, 1 << 110])
def test_large_data_files_have_the_same_bytes_from_both(engine: str, spread: int) -> None:
    """So large that stretches are found by their guide."""
    rng = Random(spread)
    sixes = [ip_address(0x2001 << 112 | rng.randrange(2000) * spread) for _ in range(900)]
    fours = [ip_address(rng.randrange(2000) * (spread % 70_000)) for _ in range(900)]
    texts = ["\n".join(map(str, numbers)).encode() for numbers in (fours, sixes)]
    zones = zones_from(
        {"s.toml": 'origin = "src.test"\n' + "".join(
            f'[[sources]]\ntype = "{form}"\nfiles = ["f"]\n' for form in ("ip4trie", "ip6trie")
        )},
        site="https://site.test",
    )  # fmt: skip
    (zone,) = zones
    holdings = [read(form, [("f", text)], now=0) for form, text in zip(("ip4trie", "ip6trie"), texts, strict=True)]
    assert all(len(dataset) > 256 for holding in holdings for _, dataset in holding.datasets)
    world = both(engine, zones=zones, sourced={"src.test": gathered(zone, holdings, 7)})
    for address in [*fours[:100], *sixes[:100]]:
        for step in (0, 1, -1, spread % (1 << 31)):
            number = int(address) + step
            if 0 <= number < 1 << address.max_prefixlen:
                labels = reversed_labels(type(address)(number))
                for size in (len(labels), 3):
                    world.agree(named(".".join(labels[-size:]) + ".src.test", wire.A, None))
    for number in (0, 1, (1 << 128) - 1):
        world.agree(named(".".join(reversed_labels(IPv6Address(number))) + ".src.test", wire.A, None))


def wire_type(kind: str) -> int:
    return {"A": 1, "NS": 2, "SOA": 6, "MX": 15, "TXT": 16, "AAAA": 28, "ANY": 255}[kind]


def named(name: str, qtype: int, options: bytes | None) -> bytes:
    """A question whose name may have any byte in it."""
    packed = read_name(name.encode()) + b"\0"
    packed = b"".join(
        bytes((byte ^ 32,)) if 97 <= byte <= 122 and n % 3 else bytes((byte,)) for n, byte in enumerate(packed)
    )
    head = struct.pack("!HHHHHH", 7, 0x100, 1, 0, 0, options is not None)
    opt = b"" if options is None else b"\0\0\x29\x04\xd0\0\0\0\0" + struct.pack("!H", len(options)) + options
    return head + packed + struct.pack("!HH", qtype, 1) + opt


# -- watched zones -----------------------------------------------------------------------------------------------------
@each
@pytest.mark.parametrize("client", ["192.0.2.1", "198.51.100.100", "2001:db8::1", "2001:db9::1"])
def test_of_a_watched_zone_what_those_ask_whom_we_know_is_handed_over_and_all_else_is_answered_as_ever(
    engine: str, client: str
) -> None:
    text = """
origin = "bl.test"
watched = "qw.test"
ns = ["ns.bl.example"]
[soa]
mname = "ns.bl.example"
rname = "h.bl.example"
[kinds.relay]
code = "127.0.0.2"
txt = "relay {address}"
"""
    askers = Prefixes({ip_network("192.0.2.0/24"): True, ip_network("2001:db8::/32"): True})
    keys = Keys([KnownKey(digest=sha256(b"k" * 16).digest())])
    table = Table.of([(ip_network("192.0.2.99"), "relay"), (ip_network("2001:db8::99"), "relay")])
    world = both(engine, zones=zones_from({"z": text}, site="https://s.test"), table=table, askers=askers, keys=keys)
    known, packed = client in ("192.0.2.1", "2001:db8::1"), ip_address(client).packed
    for name, kind in product(("99.2.0.192", "98.2.0.192", "99.2.0.192.relay", "2.0.0.127"), ("A", "TXT", "MX")):
        assert world.agree(asked(f"{name}.bl.test", kind), packed) or engine == "plain"
        itself = world.agree(asked(f"{name}.qw.test", kind), packed)
        assert itself is not known or engine == "plain"
        assert not (known and itself), "else nobody would hear of it"
        assert not world.agree(asked(f"{name}.{'k' * 16}.qw.test", kind), packed), "who shows a key is known"
    assert world.agree(asked("98.2.0.192.qw.test", "A"), packed) is not known
