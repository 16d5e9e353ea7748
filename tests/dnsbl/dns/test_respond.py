"""Limits and the log's names; rules, keys, cookies and names of the server are in tests/vectors/guard.toml."""

from dataclasses import replace
from hashlib import sha256
from ipaddress import ip_address, ip_network
from time import process_time

import dns.flags
import dns.message
import dns.rcode
import pytest

from dnsbl.dns import wire
from dnsbl.dns.cookies import Cookies, server_cookie
from dnsbl.dns.guard import Keys, Pace
from dnsbl.dns.listed.table import Table
from dnsbl.dns.respond import Replied, Serving, respond, shown
from dnsbl.dns.zonefile import zones_from

ZONE = """
origin = "bl.test"
ns = ["ns.example.net"]
[soa]
mname = "ns.example.net"
rname = "hostmaster.example.net"
[kinds.relay]
code = "127.0.0.2"
txt = "relay {address}"
[[records]]
name = "averylongstaticname"
type = "A"
data = "192.0.2.1"
"""
ZONES = zones_from({"bl": ZONE}, site="https://site.example")
TABLE = Table.of([(ip_network("192.0.2.0/24"), "relay")])
CLIENT = ip_address("203.0.113.1").packed
KEY = b"0123456789abcdefghij"
SECRET = bytes(range(16))


def query(name: str, rdtype: str = "A", options: bytes = b"") -> bytes:
    packet = dns.message.make_query(name, rdtype).to_wire()
    return packet[:11] + b"\1" + packet[12:] + b"\0\0\x29\4\xd0\0\0\0\0" + len(options).to_bytes(2) + options


LISTED, UNLISTED, OUTSIDE = query("7.2.0.192.bl.test"), query("3.3.3.3.bl.test"), query("example.org")


def serving(**pace: float) -> Serving:
    return Serving(ZONES, TABLE, pace=Pace(**pace, seed=7))


def flood(at: Serving, packet: bytes, times: int, *, tcp: bool = False, client: bytes = CLIENT) -> list[Replied]:
    return [respond(packet, client, 1000.0, at, tcp=tcp) for _ in range(times)]


def test_b51_a_flood_for_one_name_gets_empty_replies_with_tc_or_none() -> None:
    said = flood(serving(answers=5), LISTED, 20)
    assert [one.why for one in said] == [""] * 10 + ["rate", "slip"] * 5
    for one in said:
        assert (one.packet is None) == (one.why == "rate")
        if one.why == "slip":
            assert one.packet is not None
            reply = dns.message.from_wire(one.packet)
            assert reply.flags & dns.flags.TC
            assert not reply.answer
            assert reply.question
            assert len(one.packet) <= len(LISTED)


def test_b51_negative_answers_and_errors_are_counted_apart() -> None:
    at = serving(answers=1, negatives=50, errors=2)
    for packet, through in ((LISTED, 2), (UNLISTED, 100), (OUTSIDE, 4)):
        assert [one.why for one in flood(at, packet, through + 1)] == [""] * through + ["rate"]


@pytest.mark.parametrize(
    ("packet", "sort"),
    [
        (query("bl.test", "SOA"), "answers"),
        (query("2.0.192.bl.test"), "negatives"),
        (query("7.2.0.192.bl.test", "MX"), "negatives"),
        (LISTED[:-1], "errors"),
        (query("bl.test", "AXFR"), "errors"),
        (query("bl.test", options=bytes.fromhex("000a 0001 00")), "errors"),
    ],
    ids=["apex", "prefix", "nodata", "cut", "transfer", "cookie"],
)
def test_b51_each_reply_counts_as_what_it_is(packet: bytes, sort: str) -> None:
    at = serving(**{sort: 1})
    at.cookies = Cookies((SECRET,))
    assert [one.why for one in flood(at, packet, 3)] == ["", "", "rate"]
    at = serving(**{other: 1 for other in ("answers", "negatives", "errors") if other != sort})
    at.cookies = Cookies((SECRET,))
    assert {one.why for one in flood(at, packet, 3)} == {""}


@pytest.mark.parametrize(
    "packet",
    [
        LISTED[:-1],
        query("bl.test", "AXFR"),
        query("bl.test", options=bytes.fromhex("000a 0001 00")),
        LISTED.replace(b"\0\1\0\1\0\0\x29", b"\0\1\0\3\0\0\x29"),
    ],
    ids=["cut", "transfer", "cookie", "class CH"],
)
@pytest.mark.parametrize("told", [{}, {"version": "1"}])
def test_b51_what_is_odd_is_dropped_over_the_limit_and_never_sent_with_tc(packet: bytes, told: dict) -> None:
    at = replace(serving(errors=1), cookies=Cookies((SECRET,)), told=told)
    assert [one.why for one in flood(at, packet, 6)] == ["", "", "rate", "rate", "rate", "rate"]


def test_b51_what_an_engine_has_counted_is_not_counted_again_unless_it_is_no_odd_one() -> None:
    at = serving(errors=1)
    for packet, whys in ((LISTED[:-1], [""] * 9), (OUTSIDE, ["", "", "rate", "slip"])):
        said = [respond(packet, CLIENT, 1000.0, at, tcp=False, counted=True).why for _ in whys]
        assert said == whys


def test_b51_tcp_is_not_limited() -> None:
    assert {one.why for one in flood(serving(answers=1), LISTED, 50, tcp=True)} == {""}


def test_b51_a_good_cookie_is_not_limited_and_a_wrong_one_is() -> None:
    at = replace(serving(answers=1), cookies=Cookies((SECRET,)))
    good = b"clientss" + server_cookie(b"clientss", CLIENT, 1000, SECRET)
    asked = query("7.2.0.192.bl.test", options=wire.option(wire.COOKIE, good))
    assert {one.why for one in flood(at, asked, 50)} == {""}
    stranger = ip_address("198.51.100.1").packed
    assert "rate" in {one.why for one in flood(at, asked, 5, client=stranger)}
    assert "rate" in {one.why for one in flood(at, query("7.2.0.192.bl.test", options=b"\0\x0a\0\x08clientss"), 5)}


def test_b51_a_known_key_is_not_limited() -> None:
    at = replace(serving(answers=1, errors=1), keys=Keys([sha256(KEY).digest()]))
    assert {one.why for one in flood(at, query(f"7.2.0.192.{KEY.decode()}.bl.test"), 50)} == {""}
    assert "rate" in {one.why for one in flood(at, query("7.2.0.192.0123456789abcdefghik.bl.test"), 5)}


PADDED = wire.option(wire.PADDING, b"")


@pytest.mark.parametrize(
    "name", ["7.2.0.192.bl.test", "7.2.0.193.bl.test", "nobody.example", "huge.bl.test", "bl.test"]
)
@pytest.mark.parametrize("others", [b"", wire.option(wire.PADDING, bytes(300)), wire.option(wire.NSID, b"")])
def test_who_asks_for_padding_over_tls_gets_it_and_nobody_else_does(name: str, others: bytes) -> None:
    """RFC 7830 3, and 6: never where others can read it anyway; RFC 8467 4.1."""
    at, packet = replace(serving(), nsid=b"x"), query(name, "TXT", others + PADDED)
    plain = respond(packet, CLIENT, 0, at, tcp=True).packet
    assert plain is not None
    assert respond(query(name, "TXT", wire.option(8, b"")), CLIENT, 0, at, tcp=True, tls=True).packet is not None
    padded = respond(packet, CLIENT, 0, at, tcp=True, tls=True).packet
    assert padded is not None
    assert len(padded) % 468 == 0
    assert len(plain) <= len(padded) < len(plain) + 4 + 468
    before, after = dns.message.from_wire(plain), dns.message.from_wire(padded)
    assert (after.rcode(), after.answer, after.authority) == (before.rcode(), before.answer, before.authority)
    assert [one.otype for one in after.options] == [*(one.otype for one in before.options), wire.PADDING]
    assert not any(after.options[-1].to_wire())


@pytest.mark.parametrize("size", [65530, 65531, 65535, 65000])
def test_padding_never_makes_a_reply_longer_than_there_is_room_for(size: int) -> None:
    asked = wire.parse(query("bl.test", "TXT", PADDED))
    assert asked is not None
    answer = wire.Reply(wire.NOERROR, True, (bytes(size - 12 - len(asked.question) - 11),))
    packet = wire.assemble(asked, answer, wire.LARGEST_TCP, padded=True)
    assert size <= len(packet) <= wire.LARGEST_TCP
    assert packet.startswith(wire.assemble(asked, answer, wire.LARGEST_TCP)[: size - 11])


def test_what_counters_need_is_told() -> None:
    def told(packet: bytes) -> tuple[str, int, str]:
        said = respond(packet, CLIENT, 0.0, serving(), tcp=False)
        return said.zone, said.rcode, said.why

    assert told(LISTED) == ("bl.test", 0, "")
    assert told(UNLISTED) == ("bl.test", 3, "")
    assert told(OUTSIDE) == ("", 5, "")
    assert told(b"short") == ("", -1, "header")


def test_b45_b49_before_the_first_table_the_reply_says_not_ready() -> None:
    said = respond(LISTED, CLIENT, 0.0, Serving(ZONES), tcp=False)
    assert said.packet is not None
    reply = dns.message.from_wire(said.packet)
    assert reply.rcode() == dns.rcode.SERVFAIL
    [option] = reply.options
    assert option.to_wire() == wire.NOT_READY.to_bytes(2)


def asked(*labels: bytes) -> wire.Query:
    name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    found = wire.parse(bytes(4) + b"\0\1" + bytes(6) + name + b"\0\1\0\1")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        ((b"7", b"2", b"0", b"192", b"BL", b"test"), "7.2.0.192.bl.test"),
        (
            (b"\x1b[31m", b"a\nb", b'"', b"a.b", b"\\", b" ", b"\x7f\xff"),
            r"\027[31m.a\010b.\034.a\046b.\092.\032.\127\255",
        ),
        ((), "."),
    ],
)
def test_b54_no_control_byte_of_a_name_reaches_the_log(labels: tuple[bytes, ...], name: str) -> None:
    assert shown(asked(*labels), ZONES) == name
    assert name.isprintable()


@pytest.mark.parametrize("key", [KEY, KEY.upper(), b"0123456789abcdefghik"])
def test_b19_b54_no_key_reaches_the_log_known_or_not(key: bytes) -> None:
    assert shown(asked(b"7", b"2", b"0", b"192", key, b"bl", b"test"), ZONES) == "7.2.0.192.KEY.bl.test"
    assert shown(asked(b"averylongstaticname", b"bl", b"test"), ZONES) == "averylongstaticname.bl.test"


@pytest.mark.parametrize("size", [512, 1232, 8192, 65535])
@pytest.mark.parametrize(
    "unit", [b"", b"\xc0\x0c", b"\x01a\xc0\x0c", b"\x00", b"\x01a", b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"]
)
def test_b35_packets_made_of_pointers_or_options_cost_less_than_a_millisecond(size: int, unit: bytes) -> None:
    head = bytes.fromhex("1234 0000 0001 0000 0000 0001")
    if unit == b"":  # a good question, and as many options of length zero as there is room for
        head += b"\0\0\1\0\1\0\0\x29\4\xd0\0\0\0\0" + (size - 28 & 0xFFFC).to_bytes(2)
        unit = b"\xff\xff\0\0"
    packet = (head + unit * (size // len(unit)))[:size]
    at, spent = serving(), []
    for _ in range(5):
        begun = process_time()
        said = respond(packet, CLIENT, 0.0, at, tcp=True)
        spent.append(process_time() - begun)
    assert said.rcode == wire.FORMERR
    assert min(spent) < 0.001
