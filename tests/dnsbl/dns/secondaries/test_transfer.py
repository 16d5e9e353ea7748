"""Requests for transfers as strangers may write them: read strictly, or not at all."""

import random
import struct

import dns.message
import dns.rrset
import dns.tsig
import pytest

from dnsbl.dns.listed.table import Table
from dnsbl.dns.secondaries import transfer
from dnsbl.dns.zonefile import zones_from

[ZONE] = zones_from(
    {
        "bl": """
origin = "bl.test"
ns = ["ns.example.net"]
[soa]
mname = "ns.example.net"
rname = "hostmaster.example.net"
[kinds.relay]
code = "127.0.0.2"
txt = "relay {address}"
"""
    },
    site="https://site.example",
)
KEYS = transfer.read_tsig_keys("mirror hmac-sha256 c2VjcmV0IHNlY3JldCBzZWNyZXQ=", "keys")
[KEY] = KEYS.values()
NAME = b"\x02bl\x04test\0"
AXFR, IXFR = struct.pack("!HH", 252, 1), struct.pack("!HH", 251, 1)
SOA = b"\xc0\x0c" + struct.pack("!HHIH", 6, 1, 0, 22) + b"\0\0" + struct.pack("!5I", 77, 0, 0, 0, 0)
OPT = b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0)


def packet(*parts: bytes, counts: tuple[int, int, int, int] = (1, 0, 0, 0), flags: int = 0) -> bytes:
    return struct.pack("!HHHHHH", 7, flags, *counts) + b"".join(parts)


def signed(rtype: str = "AXFR") -> bytes:
    query = dns.message.make_query("BL.test", rtype, use_edns=0)
    query.use_tsig(KEY)
    return query.to_wire()


def test_a_request_is_read_with_serial_edns_and_signature() -> None:
    request = transfer.read(packet(NAME, IXFR, SOA, OPT, counts=(1, 0, 1, 1), flags=0x0100))
    assert request is not None
    assert (request.labels, request.serial, request.edns, request.signature) == ((b"bl", b"test"), 77, True, None)
    assert transfer.checked(request, KEYS, 0) is None
    assert transfer.said(request, 5)[2:4] == bytes([0x81, 0x05])
    request = transfer.read(whole := signed())
    assert request is not None
    assert request.labels == (b"bl", b"test")
    assert request.question == whole[12:25]
    assert request.plain == whole[:11] + b"\1" + request.plain[12:]
    assert dns.message.from_wire(request.plain).edns == 0


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        packet(NAME, AXFR, flags=0x8000),
        packet(NAME, AXFR, flags=4 << 11),
        packet(NAME, AXFR, counts=(2, 0, 0, 0)),
        packet(NAME, AXFR, counts=(1, 1, 0, 0)),
        packet(NAME, AXFR, counts=(1, 0, 2, 0)),
        packet(NAME, AXFR, counts=(1, 0, 0, 3)),
        packet(b"\xc0\x0c", AXFR),
        packet(b"\x40" + bytes(70), AXFR),
        packet((b"\x3f" + b"a" * 63) * 4 + b"\0", AXFR),
        packet(NAME[:4]),
        packet(NAME, AXFR[:2]),
        packet(NAME, AXFR, b"x"),
        packet(NAME, IXFR, SOA[:-1], counts=(1, 0, 1, 0)),
        packet(NAME, IXFR, OPT, counts=(1, 0, 1, 0)),
        packet(NAME, AXFR, SOA, counts=(1, 0, 0, 1)),
        packet(NAME, AXFR, OPT, OPT, counts=(1, 0, 0, 2)),
        packet(NAME, IXFR, b"\x40", SOA, counts=(1, 0, 1, 0)),
        signed() + OPT,
        signed()[:-3],
        packet(NAME, AXFR, b"\0" + struct.pack("!HHIH", 250, 255, 0, 3) + b"abc", counts=(1, 0, 0, 1)),
    ],
)
def test_whatever_else_there_is_is_not_read(broken: bytes) -> None:
    assert transfer.read(broken) is None


def test_nothing_that_is_broken_raises() -> None:
    rng = random.Random(11)
    seeds = [signed(), signed("IXFR"), packet(NAME, IXFR, SOA, OPT, counts=(1, 0, 1, 1))]
    read = 0
    for _ in range(4000):
        made = bytearray(rng.choice(seeds))
        for _ in range(rng.randrange(1, 4)):
            made[rng.randrange(len(made))] = rng.choice((0, 1, 63, 64, 192, 255, rng.randrange(256)))
        request = transfer.read(bytes(made[: rng.choice((len(made), rng.randrange(len(made))))]))
        if request is not None:
            read += 1
            found = transfer.checked(request, KEYS, 0)
            if found is not None:
                assert found.error, "a changed packet keeps no good signature (and the time is off)"
                assert transfer.refused_signature(request, found, 0)
    assert read > 100


def test_an_owner_of_the_signature_that_is_compressed_is_understood() -> None:
    key = dns.tsig.Key("bl.test", KEY.secret, KEY.algorithm)
    query = dns.message.make_query("bl.test", "AXFR", use_edns=0)
    query.use_tsig(key)
    wire = query.to_wire()
    assert wire.count(b"\xc0\x0c") == 1
    request = transfer.read(wire)
    assert request is not None
    assert request.signature is not None
    assert transfer.checked(request, {key.name: key}, request.signature.data.time_signed) == transfer.Signed(key)


def test_an_answer_to_a_notify_is_known_by_its_id_and_opcode() -> None:
    message = transfer.notify(ZONE, Table.of([], serial=5), 77, KEY, 1000)
    asked = dns.message.from_wire(message, keyring=lambda message, name: False)
    reply = dns.message.make_response(asked).to_wire()
    assert transfer.is_answer(reply, 77)
    assert not transfer.is_answer(reply, 78)
    assert not transfer.is_answer(message, 77)
    assert not transfer.is_answer(reply[:8], 77)


@pytest.mark.parametrize("algorithm", ["hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"])
@pytest.mark.parametrize(
    ("kept", "right", "skew", "error", "replied"),
    [
        ("full", True, 0, 0, None),
        ("full", True, 301, transfer.BADTIME, True),
        ("full", False, 301, transfer.BADSIG, False),
        ("full and more", True, 0, 1, None),
        ("half", True, 0, transfer.BADTRUNC, True),
        ("half", True, 301, transfer.BADTIME, True),
        ("half", False, 0, transfer.BADSIG, False),
        ("half", False, 301, transfer.BADSIG, False),
        ("less than half", True, 0, 1, None),
        ("none", True, 0, 1, None),
    ],
)
def test_a_mac_that_was_cut_short_is_never_enough_and_key_mac_time_and_length_are_looked_at_in_turn(
    algorithm: str, kept: str, right: bool, skew: int, error: int, replied: bool | None
) -> None:
    key = dns.tsig.Key("mirror", KEY.secret if right else b"another secret of them", algorithm)
    query = dns.message.make_query("bl.test", "AXFR", use_edns=0)
    query.use_tsig(key)
    request = transfer.read(query.to_wire())
    assert request is not None and request.signature is not None
    mac = request.signature.data.mac
    half = len(mac) // 2
    mac = {"full": mac, "full and more": mac + b"x", "half": mac[:half], "less than half": mac[: half - 1]}.get(
        kept, b""
    )
    changed = request.signature.data.replace(mac=mac).to_wire()
    assert changed is not None
    start = request.signature.start
    owner = b"\x06mirror\0" + struct.pack("!HHIH", 250, 255, 0, len(changed))
    request = transfer.read(query.to_wire()[:start] + owner + changed)
    assert request is not None and request.signature is not None
    keys = {key.name: dns.tsig.Key("mirror", KEY.secret, algorithm)}
    now = request.signature.data.time_signed + skew
    found = transfer.checked(request, keys, now)
    assert found is not None and found.error == error
    if error:
        reply = dns.message.from_wire(transfer.refused_signature(request, found, now), keyring=False)
        assert reply.rcode() == (1 if error == 1 else transfer.NOTAUTH)
        assert reply.had_tsig is (replied is not None)
        if reply.tsig is not None:
            assert (reply.tsig[0].error, bool(reply.tsig[0].mac)) == (error, replied)


def test_a_zone_in_many_messages_has_each_under_64_kib() -> None:
    request = transfer.read(packet(NAME, AXFR, OPT, counts=(1, 0, 0, 1)))
    assert request is not None
    records = [b"\xc0\x0c" + struct.pack("!HHIH", 16, 1, 0, 201) + b"\xc8" + b"x" * 200] * 1000
    made = list(transfer.messages(request, records, None, lambda: 0, 77))
    assert len(made) == 4
    assert max(map(len, made)) <= 65535
    parsed = [dns.message.from_wire(message) for message in made]
    assert [message.edns for message in parsed] == [0, -1, -1, -1]
    assert sum(int.from_bytes(message[6:8]) for message in made) == 1000


@pytest.mark.parametrize("qtype", [AXFR, IXFR])
@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("0009 0000", True),
        ("0003 0001 ff 0009 0004 00000001", True),
        ("", False),
        ("0009 0001", False),
        ("0003 0004 0009 0000", False),
        ("0009 00", False),
    ],
)
def test_who_asks_is_told_when_the_zone_expires(qtype: bytes, options: str, told: bool) -> None:
    data = bytes.fromhex(options)
    request = transfer.read(packet(NAME, qtype, OPT[:-2] + len(data).to_bytes(2) + data, counts=(1, 0, 0, 1)))
    assert request is not None and request.expires is told
    [message] = transfer.messages(
        request, [b"\xc0\x0c" + struct.pack("!HHIH", 16, 1, 0, 2) + b"\1x"], None, lambda: 0, 77
    )
    found = [option.to_wire() for option in dns.message.from_wire(message).options if option.otype == 9]
    assert found == ([(77).to_bytes(4)] if told else [])
