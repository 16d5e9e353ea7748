"""Plays the question/answer pairs of tests/vectors, and throws bytes; dnspython, a stranger, decodes the replies."""

import struct
import tomllib
from hashlib import sha256
from ipaddress import ip_address, ip_network
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.addresses import reversed_labels
from dnsbl.dns.answer import address_of, blocked, listings, looked_up, types
from dnsbl.dns.cookies import Cookies
from dnsbl.dns.guard import Keys, KnownKey, rules_of
from dnsbl.dns.listed.table import Table
from dnsbl.dns.respond import Serving, respond
from dnsbl.dns.wire import parse
from dnsbl.dns.zonefile import zones_from
from dnsbl.dns.zones import RESERVED, Zones
from dnsbl.settings import Dns
from tests.depth import examples

FOLDER = Path(__file__).parents[2] / "vectors"
WORLD = tomllib.loads((FOLDER / "world.toml").read_text())
ZONES = zones_from(WORLD["zones"], site=WORLD["site"])
TABLE = Table.of(((ip_network(network), kind) for network, kind in WORLD["rows"]), serial=WORLD["serial"])
CLIENT = ip_address("198.51.100.100").packed
NOW = 1559731985
CASES = [
    pytest.param(case, id=case["name"])
    for path in sorted(FOLDER.glob("*.toml"))
    if path.name != "world.toml"
    for case in tomllib.loads(path.read_text())["case"]
]


def answer(packet: bytes, table: Table | None, zones: Zones, *, tcp: bool) -> bytes | None:
    """The reply to an ordinary client of a server without any guard."""
    return respond(packet, CLIENT, NOW, Serving(zones, table), tcp=tcp).packet


def serving_of(name: str | None) -> Serving:
    """The server of this profile of world.toml; without a name, one without any guard."""
    profile = WORLD["profiles"][name] if name else {}
    secrets = tuple(bytes.fromhex(secret) for secret in profile.get("cookie_secrets", []))
    return Serving(
        ZONES,
        TABLE,
        seen=NOW - profile.get("age", 0),
        rules=rules_of(Dns(acl=profile.get("acl", [])).acl),
        keys=_keys(profile) if "keys" in profile else None,
        cookies=Cookies(secrets, strict=profile.get("strict", False)) if secrets else None,
        nsid=profile["nsid"].encode() if "nsid" in profile else None,
        told=profile.get("told", {}),
    )


def _keys(profile: dict) -> Keys:
    homes = profile.get("homes", {})
    known = (
        KnownKey(digest=sha256(key.encode()).digest(), homes=tuple(map(ip_network, homes.get(key, ()))))
        for key in profile["keys"]
    )
    return Keys(known, stay=profile.get("stay", False))


def packet_of(ask: dict) -> bytes:
    """A query, built without any library's help or mercy."""
    name = b"".join(bytes([len(label)]) + label.encode() for label in ask["name"].split(".") if label) + b"\0"
    kind = dns.rdatatype.from_text(ask["type"]), dns.rdataclass.from_text(ask.get("class", "IN"))
    edns = ask.get("edns")
    opt = b""
    if edns is not None:
        options = bytes.fromhex(edns.get("options", ""))
        fields = (41, edns["size"], 0, edns.get("version", 0), edns.get("flags", 0), len(options))
        opt = b"\0" + struct.pack("!HHBBHH", *fields) + options
    header = struct.pack("!HHHHHH", 0x1234, ask.get("flags", 0), 1, 0, 0, 1 if opt else 0)
    return header + name + struct.pack("!HH", *kind) + opt + bytes.fromhex(ask.get("tail", ""))


def pack(option: dns.edns.Option) -> bytes:
    data = option.to_wire()
    assert data is not None
    return struct.pack("!HH", option.otype, len(data)) + data


def lines(section, *, exact_case: bool = False) -> list[str]:
    found = sorted(line for rrset in section for line in rrset.to_text().splitlines())
    return found if exact_case else [line.lower() for line in found]


@pytest.mark.parametrize("case", CASES)
def test_the_question_gets_its_answer(case: dict) -> None:
    ask = case.get("ask", {})
    packet = packet_of(ask) if ask else bytes.fromhex(case["hex"])
    client = ip_address(case.get("client", "198.51.100.100")).packed
    moment = case.get("now", NOW)
    reply = respond(packet, client, moment, serving_of(case.get("profile")), tcp=ask.get("tcp", False)).packet
    if case.get("silence"):
        assert reply is None
        return
    assert reply is not None
    said = dns.message.from_wire(reply)
    exact = case.get("exact_case", False)
    assert dns.rcode.to_text(said.rcode()) == case["rcode"]
    assert dns.flags.to_text(said.flags) == case["flags"]
    assert said.opcode() == case.get("opcode", 0)
    assert said.id == 0x1234
    for section, name in ((said.answer, "answer"), (said.authority, "authority"), (said.additional, "additional")):
        expected = sorted(case.get(name, []))
        assert lines(section, exact_case=exact) == (expected if exact else sorted(e.lower() for e in expected))
    if case.get("question", True):
        end = packet.index(b"\0", 12) + 5
        assert reply[12:end] == packet[12:end]
    else:
        assert reply[4:6] == b"\0\0"
    assert said.edns == (0 if case.get("edns") else -1)
    if case.get("edns"):
        assert said.payload == 1232
        assert said.ednsflags & 0xFFFF == (0x8000 if case.get("dnssec_ok") else 0)
        assert b"".join(pack(option) for option in said.options).hex() == case.get("options", "").replace(" ", "")
    assert len(reply) == case.get("size", len(reply))


def test_before_the_first_table_every_zone_fails_and_strangers_are_refused() -> None:
    for name, rcode in (("bl.test", "SERVFAIL"), ("2.0.0.127.bl.test", "SERVFAIL"), ("example.org", "REFUSED")):
        reply = answer(packet_of({"name": name, "type": "A"}), None, ZONES, tcp=False)
        assert reply is not None
        assert dns.rcode.to_text(dns.message.from_wire(reply).rcode()) == rcode


@pytest.mark.parametrize("kind", ["A", "NS", "SOA", "MX", "TXT", "ANY", "AAAA"])
@pytest.mark.parametrize("name", ["bl.test", "7.2.0.192.bl.test", "3.3.3.3.bl.test", "7.100.51.198.bl.test"])
def test_no_question_is_amplified_more_than_six_times(name: str, kind: str) -> None:
    packet = packet_of({"name": name, "type": kind})
    reply = answer(packet, TABLE, ZONES, tcp=False)
    assert reply is not None
    assert len(reply) <= 6 * len(packet)
    assert kind != "ANY" or len(reply) < 300


PACKETS = [packet_of(case.values[0]["ask"]) for case in CASES if "ask" in case.values[0]]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A good packet with some bytes changed, cut out or put in."""
    packet = bytearray(draw(st.sampled_from(PACKETS)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(packet) - 1)))
        length = draw(st.integers(0, 3))
        packet[at : at + length] = draw(st.binary(max_size=3))
    return bytes(packet)


@given(st.one_of(mutated(), st.binary(max_size=1500)), st.booleans())
def test_b36_whatever_comes_the_answer_is_bounded_and_readable(packet: bytes, loaded: bool) -> None:
    table = TABLE if loaded else None
    reply = answer(packet, table, ZONES, tcp=False)
    if len(packet) < 12 or packet[2] & 0x80:
        assert reply is None
        return
    assert reply is not None
    said = read(reply)
    assert said.flags & dns.flags.QR
    assert said.id == int.from_bytes(packet[:2])
    assert len(reply) <= (512 if said.opt is None else 1232)
    over_tcp = answer(packet, table, ZONES, tcp=True)
    assert over_tcp is not None
    assert len(over_tcp) >= len(reply)
    assert not read(over_tcp).flags & dns.flags.TC


def read(reply: bytes) -> dns.message.Message:
    """The reply as a stranger reads it, whatever its opcode (dnspython reads UPDATE by other rules)."""
    return dns.message.from_wire(reply[:2] + bytes([reply[2] & 0x87]) + reply[3:])


SERVERS = [serving_of(name) for name in (None, *WORLD["profiles"])]


@given(st.one_of(mutated(), st.binary(max_size=600)), st.sampled_from(SERVERS), st.ip_addresses(), st.booleans())
def test_b36_whatever_comes_every_server_stays_calm(packet: bytes, serving: Serving, client, tcp: bool) -> None:
    said = respond(packet, client.packed, NOW, serving, tcp=tcp)
    if said.packet is None:
        assert said.why in ("acl", "header")
        return
    reply = dns.message.from_wire(said.packet)
    assert reply.rcode() == said.rcode
    assert tcp or len(said.packet) <= (512 if reply.opt is None else 1232)
    for option in reply.options:
        assert len(option.to_wire() or b"") <= (24 if option.otype == 10 else 100)


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6, network="2001:db8::/60")))
def test_f11_every_a_record_is_a_code_of_the_zone_and_says_what_the_table_says(address) -> None:
    reply = answer(packet_of({"name": reversed_labels(address) + ".bl.test", "type": "A"}), TABLE, ZONES, tcp=False)
    assert reply is not None
    said = dns.message.from_wire(reply)
    codes = {rdata.address for rrset in said.answer for rdata in rrset}
    assert codes <= {"127.0.0.2", "127.0.0.4"}
    assert bool(codes) == (said.rcode() == dns.rcode.NOERROR and not said.authority)
    if address not in RESERVED:
        assert len(codes) == len(set(TABLE.kinds(address)) & {"relay", "manual"})


@pytest.mark.parametrize("kind", ["relay", "multihop", "manual"])
def test_f18_to_f22_the_test_points_are_right_even_with_an_empty_table_or_a_full_one(kind: str) -> None:
    world = [(ip_network("0.0.0.0/1"), kind), (ip_network("::/1"), kind), (ip_network("127.0.0.1/32"), kind)]
    for table in (Table.of([]), Table.of(world), Table.of([(ip_network("127.0.0.2/32"), "")])):
        for origin in ("bl.test", f"{kind}.bl.test"):
            for address, rcode in (("127.0.0.2", "NOERROR"), ("127.0.0.1", "NXDOMAIN")):
                plain = reversed_labels(ip_address(address))
                octets = "".join(f"{int(octet):02x}" for octet in address.split("."))
                mapped = ".".join(reversed("0" * 20 + "ffff" + octets))
                for labels in (plain, mapped):
                    reply = answer(packet_of({"name": f"{labels}.{origin}", "type": "A"}), table, ZONES, tcp=False)
                    assert reply is not None
                    said = dns.message.from_wire(reply)
                    assert dns.rcode.to_text(said.rcode()) == rcode
                    assert len(said.answer) == (rcode == "NOERROR")


def test_b57_the_ipv6_twins_of_test_points_that_lie_apart_are_reached_label_by_label() -> None:
    text = WORLD["zones"]["bl.test"].replace('code = "127.0.0.4"', 'code = "127.0.0.20"')
    zones = zones_from({"bl.test": text}, site=WORLD["site"])
    for point in ("7f000002", "7f000014"):
        labels = ["f"] * 4 + list(point)
        for n in range(1, len(labels) + 1):
            name = ".".join(reversed(["0"] * 20 + labels[:n])) + ".bl.test"
            reply = answer(packet_of({"name": name, "type": "A"}), Table.of([]), zones, tcp=False)
            assert reply is not None
            said = dns.message.from_wire(reply)
            assert (said.rcode(), bool(said.answer)) == (dns.rcode.NOERROR, n == len(labels)), name


def test_b15_a_type_whose_answer_is_not_that_of_any_other_type_is_named_as_looked_at() -> None:
    def said(name: str, qtype: int) -> tuple[int, list[object], list[object]]:
        reply = answer(packet_of({"name": name, "type": f"TYPE{qtype}"}), TABLE, zones, tcp=False)
        assert reply is not None
        found = dns.message.from_wire(reply)
        return found.rcode(), found.answer, found.authority

    bare = WORLD["zones"]["bl.test"].partition("[[records]]")[0].replace('"ns1.bl.test", ', "")
    zones = zones_from({"bl.test": bare}, site=WORLD["site"])
    transfers = {dns.rdatatype.AXFR, dns.rdatatype.IXFR, dns.rdatatype.MAILA, dns.rdatatype.MAILB}
    special = {
        qtype
        for qtype in set(range(1, 260)) - transfers
        for name in ("bl.test", "7.100.51.198.bl.test")
        if said(name, qtype) != said(name, 65280)
    }
    assert special == types()


@examples(30)
@given(st.ip_addresses())
def test_b57_a_resolver_that_asks_label_by_label_reaches_every_listed_address(address) -> None:
    table = Table.of([(ip_network(address), "relay")])
    if address in RESERVED or getattr(address, "ipv4_mapped", None):
        return
    labels = reversed_labels(address).split(".")
    for n in range(1, len(labels) + 1):
        name = ".".join(labels[-n:]) + ".bl.test"
        reply = answer(packet_of({"name": name, "type": "A"}), table, ZONES, tcp=False)
        assert reply is not None
        said = dns.message.from_wire(reply)
        assert said.rcode() == dns.rcode.NOERROR
        assert bool(said.answer) == (n == len(labels))


def test_an_origin_and_a_listed_name_are_there_whoever_asks_for_what_is_listed() -> None:
    [zone] = [zone for zone in ZONES if zone.origin == "bl.test"]
    for at, here in (("bl.test", ()), ("relay.bl.test", (b"relay",))):
        query = parse(packet_of({"name": at, "type": "A"}))
        assert query is not None
        for rule in Dns(acl=["0.0.0.0/0 empty", "::/0 code 127.255.255.254"]).acl:
            reply = listings(query, zone, TABLE, here, rule)
            assert (reply.rcode, reply.answers, reply.ede) == (dns.rcode.NOERROR, (), None)
    assert looked_up(zone, TABLE, (b"7", b"100", b"51", b"198"))[1:] == (ip_address("198.51.100.7"), True)


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("7.100.51.198", "198.51.100.7"),
        ("7.100.51.198.relay", "198.51.100.7"),
        (reversed_labels(ip_address("2001:db8::1")), "2001:db8::1"),
        (reversed_labels(ip_address("::ffff:198.51.100.7")), "198.51.100.7"),
        *((name, None) for name in ("", "relay", "100.51.198", "8.b.d.0.1.0.0.2", "www", "www.relay")),
    ],
)
def test_a_whole_address_is_known_in_the_zone_and_in_its_sublists_and_a_prefix_is_none(
    name: str, address: str | None
) -> None:
    [zone] = [zone for zone in ZONES if zone.origin == "bl.test"]
    below = tuple(name.encode().split(b".")) if name else ()
    assert address_of(zone, below) == (ip_address(address) if address else None)


def test_d03_the_serial_is_the_tables() -> None:
    for serial, shown in ((0, 0), (7, 7), (2**32 + 5, 5)):
        reply = answer(packet_of({"name": "bl.test", "type": "SOA"}), Table.of([], serial=serial), ZONES, tcp=False)
        assert reply is not None
        [rrset] = dns.message.from_wire(reply).answer
        assert rrset[0].serial == shown


def test_b18_the_text_for_unwelcome_clients_is_one_string_however_long_the_page() -> None:
    [zone] = zones_from({"bl": WORLD["zones"]["other.test"]}, site="https://" + "x" * 300)
    text = blocked(zone)
    assert (len(text), text[0]) == (256, 255)
    assert text[1:].startswith(b"Questions from your address are not answered, see https://xxx")
