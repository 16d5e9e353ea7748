"""Transfers over real loopback sockets; dnspython plays the secondary."""

import asyncio
import logging
import random
import re
import struct
import threading
from collections.abc import AsyncIterator
from ipaddress import IPv4Network, ip_network
from itertools import pairwise
from pathlib import Path
from typing import Any

import dns.asyncquery
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.xfr
import dns.zone
import pytest

from dnsbl.addresses import Network
from dnsbl.clock import HandClock, SystemClock
from dnsbl.dns.listed.table import Table
from dnsbl.dns.secondaries import transfer
from dnsbl.dns.zonefile import zones_from
from dnsbl.dns.zones import Zones
from dnsbl.errors import SettingsError, StoreUnavailable
from dnsbl.model import Change
from dnsbl.serving import transfers as module
from dnsbl.serving.responder import Responder
from dnsbl.serving.transfers import Transfers
from dnsbl.settings import Dns
from tests.waiting import until

ZONES = zones_from(
    {
        "bl": """
origin = "bl.test"
ns = ["ns.bl.test"]
[soa]
mname = "ns.bl.test"
rname = "hostmaster.example.net"
[kinds.relay]
code = "127.0.0.2"
txt = "relay {address}"
[kinds.manual]
code = "127.0.0.4"
txt = "manual {address}"
[[records]]
name = "ns"
type = "A"
data = "192.0.2.53"
"""
    },
    site="https://site.example",
)
SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQ="
KEYS = transfer.read_tsig_keys(f"mirror hmac-sha256 {SECRET}\nother hmac-sha512 {SECRET}\n", "keys")
RING = dns.tsigkeyring.from_text({"mirror": ("hmac-sha256", SECRET)})
WRONG = dns.tsigkeyring.from_text({"mirror": ("hmac-sha256", "d3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmc=")})
STRANGE = dns.tsigkeyring.from_text({"strange": ("hmac-sha256", SECRET)})
OTHER = dns.tsigkeyring.from_text({"other": ("hmac-sha512", SECRET)})
ORIGIN = dns.name.from_text("bl.test")


class Primary:
    """A responder whose table follows a log of changes."""

    def __init__(self, zones: Zones = ZONES, **settings: object) -> None:
        self.dns = Dns.model_validate(
            {"listen": ["127.0.0.1:0"], "transfer": ["127.0.0.1 mirror"], "tsig_keys": "keys"} | settings
        )
        self.responder = Responder(self.dns, zones)
        self.clock: SystemClock | HandClock = SystemClock()
        self.transfers = Transfers(self.dns, KEYS, self.responder.serving, self)
        self.responder.transfer = self.transfers
        self.log: list[Change] = []
        self.broken: Exception | None = None
        self.responder.table = Table.of([]).numbered(1000, since=0, zones_digest=zones.digest)

    async def start(self) -> None:
        [(self.host, self.port)] = await self.responder.start()

    def changes(self, after: int, *, most: int = 10000, epoch: int | None = None) -> list[Change]:
        assert self.responder.table is not None and epoch == self.responder.table.epoch
        if self.broken:
            raise self.broken
        return [change for change in self.log if change.seq > after][:most]

    def toggle(self, *networks: str, kind: str = "manual") -> None:
        assert self.responder.table is not None
        rows = set(self.responder.table.rows())
        new = []
        for text in networks:
            row: tuple[Network, str] = ip_network(text), kind
            new.append(Change(seq=len(self.log) + 1 + len(new), network=row[0], kind=kind, present=row not in rows))
            rows ^= {row}
        self.log += new
        self.responder.table = self.responder.table.changed(new)

    @property
    def serial(self) -> int:
        assert self.responder.table is not None
        return self.responder.table.soa_serial

    async def axfr(self, **options: object) -> dns.zone.Zone:
        zone = dns.zone.Zone(ORIGIN, relativize=False)
        await self.into(zone, **options)
        return zone

    async def into(self, zone: dns.zone.Zone, **options: object) -> None:
        """Bring a zone up to date: AXFR when it is empty, else IXFR."""
        chosen = {"keyring": RING, "keyname": "mirror"} | options
        query, _ = dns.xfr.make_query(zone, **chosen)  # type: ignore[arg-type]
        await dns.asyncquery.inbound_xfr(self.host, zone, query, port=self.port, timeout=5, lifetime=20)

    async def ask(self, query: dns.message.Message, *, tcp: bool) -> dns.message.Message:
        how = dns.asyncquery.tcp if tcp else dns.asyncquery.udp
        return await how(query, self.host, port=self.port, timeout=5)


@pytest.fixture
async def primary() -> AsyncIterator[Primary]:
    made = Primary()
    await made.start()
    yield made
    await made.responder.close()


def texts(zone: dns.zone.Zone) -> set[str]:
    return {f"{name} {ttl} {rdata}" for name, ttl, rdata in zone.iterate_rdatas()}


def query_for(rtype: str, ring: object = None, name: str = "bl.test", serial: int | None = None) -> dns.message.Message:
    query = dns.message.make_query(name, rtype)
    if serial is not None:
        soa = dns.rrset.from_text(f"{name}.", 0, "IN", "SOA", f". . {serial} 0 0 0 0")
        query.authority.append(soa)
    if ring:
        query.use_tsig(ring)
    return query


async def test_axfr_gives_the_whole_zone_to_the_right_key(primary: Primary) -> None:
    primary.toggle("192.0.2.9", "198.51.100.0/24", "2001:db8::1")
    zone = texts(await primary.axfr())
    assert "9.2.0.192.bl.test. 2100 127.0.0.4" in zone
    assert '9.2.0.192.manual.bl.test. 2100 "manual 192.0.2.9"' in zone
    assert '*.100.51.198.bl.test. 2100 "manual 198.51.100.0/24"' in zone
    assert "2.0.0.127.bl.test. 2100 127.0.0.2" in zone
    assert not [line for line in zone if line.startswith("1.0.0.127")]
    assert "bl.test. 2100 ns.bl.test." in zone
    assert "ns.bl.test. 2100 192.0.2.53" in zone
    assert primary.transfers.counters["axfr"] == 1
    await until(lambda: not primary.transfers.running)  # it ends a moment after the client has the last message


@pytest.mark.parametrize(
    ("ring", "rcode", "error"),
    [
        (None, dns.rcode.REFUSED, None),
        (OTHER, dns.rcode.REFUSED, 0),
        (WRONG, dns.rcode.NOTAUTH, dns.rcode.BADSIG),
        (STRANGE, dns.rcode.NOTAUTH, dns.rcode.BADKEY),
    ],
)
@pytest.mark.parametrize("tcp", [True, False])
async def test_nobody_else_gets_anything(
    primary: Primary, ring: dict[dns.name.Name, dns.tsig.Key] | None, rcode: int, error: int | None, tcp: bool
) -> None:
    for query in (query_for("AXFR", ring), query_for("IXFR", ring, serial=1)):
        wire = query.to_wire()
        reply = await raw(primary, wire, tcp=tcp)
        said = dns.message.from_wire(reply, keyring=lambda message, name: False)
        assert said.rcode() == rcode
        assert not said.answer
        assert said.question == query.question
        assert said.had_tsig == (error is not None)
        if error is not None:
            assert said.tsig is not None
            assert said.tsig[0].error == error
            assert bool(said.tsig[0].mac) == (error == 0)


async def raw(primary: Primary, wire: bytes, *, tcp: bool) -> bytes:
    if tcp:
        reader, writer = await asyncio.open_connection(primary.host, primary.port)
        writer.write(struct.pack("!H", len(wire)) + wire)
        [length] = struct.unpack("!H", await asyncio.wait_for(reader.readexactly(2), 5))
        reply = await asyncio.wait_for(reader.readexactly(length), 5)
        writer.close()
        return reply
    loop = asyncio.get_running_loop()
    heard: asyncio.Future[bytes] = loop.create_future()

    class Ask(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            heard.set_result(data)

    transport, _ = await loop.create_datagram_endpoint(Ask, remote_addr=(primary.host, primary.port))
    transport.sendto(wire)
    try:
        return await asyncio.wait_for(heard, 5)
    finally:
        transport.close()


async def test_transfers_are_refused_by_default_and_from_elsewhere() -> None:
    for rule in ([], ["192.0.2.0/24 mirror"], ["::1 mirror"]):
        primary = Primary(transfer=rule)
        await primary.start()
        for query in (query_for("AXFR"), query_for("AXFR", RING), query_for("IXFR", RING, serial=1)):
            for tcp in (True, False):
                said = dns.message.from_wire(await raw(primary, query.to_wire(), tcp=tcp))
                assert (said.rcode(), said.answer) == (dns.rcode.REFUSED, [])
        await primary.responder.close()


@pytest.mark.parametrize(
    ("settings", "query", "why"),
    [
        ({"transfer": ["192.0.2.0/24 mirror"]}, ("AXFR",), "no rule of dns.transfer is for its address"),
        ({"transfer": ["127.0.0.1 mirror tls"]}, ("AXFR", RING), "no rule .* is for its address without TLS"),
        ({}, ("IXFR", None, "bl.test", 1), "it has not signed with the key that its rule .* names"),
        ({}, ("AXFR", OTHER), "it has not signed with the key that its rule .* names"),
        ({}, ("AXFR", WRONG), r"its signature does not hold \(badsig\)"),
        ({}, ("IXFR", STRANGE, "bl.test", 1), r"its signature does not hold \(badkey\)"),
        ({}, ("AXFR", RING, "elsewhere.test"), "there is no such zone here"),
    ],
)
async def test_a_transfer_that_is_refused_is_a_line_in_the_log_made_in_a_thread(
    settings: dict[str, object], query: tuple[Any, ...], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    primary = Primary(**settings)
    await primary.start()
    wire = query_for(*query).to_wire()
    await raw(primary, wire, tcp=False)
    assert not caplog.records, "over UDP it may be anybody's address"
    await raw(primary, wire, tcp=True)
    [line] = caplog.records
    facts = line.__dict__["facts"]
    name = query[2] if len(query) > 2 else "bl.test"
    assert line.__dict__["event"] == "transfer-refused" and line.__dict__["spared"]
    assert (f"{facts['client']}", facts["zone"], facts["way"]) == ("127.0.0.1", name, query[0].lower())
    assert re.fullmatch(f"127.0.0.1 is refused {name} by {facts['way']}: {why}.*", line.getMessage())
    assert line.thread != threading.main_thread().ident, "nobody waits for the log"
    await primary.responder.close()


async def test_a_name_that_a_stranger_asks_for_is_escaped_in_the_log(
    primary: Primary, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    query = query_for("AXFR", RING, r"a\010\.b\255.test")
    await raw(primary, query.to_wire(), tcp=True)
    [line] = caplog.records
    assert line.__dict__["facts"]["zone"] == r"a\010\.b\255.test"


async def test_loopback_may_be_let_in_without_a_key() -> None:
    primary = Primary(transfer=["127.0.0.0/8"])
    await primary.start()
    assert len(texts(await primary.axfr(keyring=None, keyname=None))) > 5
    assert len(texts(await primary.axfr())) > 5
    await primary.responder.close()


async def test_ixfr_brings_the_steps_alone(primary: Primary) -> None:
    primary.toggle(*(f"192.0.2.{n}" for n in range(20)))
    zone = await primary.axfr()
    primary.toggle("192.0.2.7", "203.0.113.0/24")
    primary.toggle("203.0.113.9")
    await primary.into(zone)
    assert primary.transfers.counters["ixfr"] == 1
    assert texts(zone) == texts(await primary.axfr())
    assert zone.get_soa().serial == primary.serial
    await primary.into(zone)  # nothing new
    assert zone.get_soa().serial == primary.serial


async def test_random_changes_replayed_by_ixfr_are_what_axfr_gives(primary: Primary) -> None:
    rng = random.Random(3)
    zone = await primary.axfr()
    for _ in range(6):
        for _ in range(rng.randrange(1, 4)):
            length = rng.choice((32, 32, 32, 29, 24))
            network = IPv4Network((0xC0000200 + rng.choice((0, 256)) + rng.getrandbits(4), length), strict=False)
            primary.toggle(str(network), kind=rng.choice(("manual", "relay", "")))
        await primary.into(zone)
        assert texts(zone) == texts(await primary.axfr())
    assert primary.transfers.counters["ixfr"] == 6


@pytest.mark.parametrize("why", ["unknown serial", "store away", "log cut", "too far"])
async def test_without_the_log_the_whole_zone_comes(
    primary: Primary, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone = await primary.axfr()
    primary.toggle("192.0.2.7")
    primary.toggle("192.0.2.8")
    table = primary.responder.table
    assert table is not None
    match why:
        case "unknown serial":
            primary.responder.table = table.numbered(5000, since=2, zones_digest=ZONES.digest)
        case "store away":
            primary.broken = StoreUnavailable()
        case "log cut":
            del primary.log[0]
        case "too far":
            monkeypatch.setattr(transfer, "MOST_STEPS", 1)
    await primary.into(zone)
    assert primary.transfers.counters["ixfr"] == 0
    assert texts(zone) == texts(await primary.axfr())


@pytest.mark.parametrize("which", ["the table", "the zones"])
async def test_nobody_gets_a_zone_while_the_serial_stands_for_another_one(primary: Primary, which: str) -> None:
    zone = await primary.axfr()
    primary.toggle("192.0.2.7")
    table = primary.responder.table
    assert table is not None
    if which == "the table":
        primary.responder.table = table.numbered(5000, since=1, zones_digest="-")
    else:
        primary.responder.serving.change(zones=Zones(tuple(ZONES), "other files"))
    for kind in ("AXFR", "IXFR"):
        assert (await primary.ask(query_for(kind, RING, serial=1000), tcp=True)).rcode() == dns.rcode.SERVFAIL
    assert (await primary.ask(query_for("IXFR", RING, serial=1000), tcp=False)).rcode() == dns.rcode.NOERROR
    assert primary.transfers.counters["unnumbered"] == 2
    primary.responder.serving.change(zones=ZONES)
    primary.responder.table = table
    await primary.into(zone)
    assert primary.transfers.counters["ixfr"] == 1


async def test_changes_that_the_list_may_not_hold_are_no_steps(primary: Primary) -> None:
    banned = ip_network("10.0.0.0/24")
    primary.transfers._listable = lambda network: network != banned
    zone = await primary.axfr()
    table = primary.responder.table
    assert table is not None
    primary.log = [
        Change(seq=1, network=banned, kind="manual", present=True),
        Change(seq=2, network=banned, kind="manual", present=False),
    ]
    for change in primary.log[1:]:
        primary.responder.table = table.changed([change])
        await primary.into(zone)
        assert texts(zone) == texts(await primary.axfr())


async def test_over_udp_ixfr_says_the_serial_and_axfr_is_not_there(primary: Primary) -> None:
    primary.toggle("192.0.2.7")
    reply = await primary.ask(query_for("IXFR", RING, serial=1), tcp=False)
    assert [rrset.rdtype for rrset in reply.answer] == [dns.rdatatype.SOA]
    assert reply.answer[0][0].serial == primary.serial
    assert reply.had_tsig
    assert (await primary.ask(query_for("AXFR", RING), tcp=False)).rcode() == dns.rcode.NOTIMP


@pytest.mark.parametrize("tcp", [True, False])
async def test_a_signed_question_gets_a_signed_answer(primary: Primary, tcp: bool) -> None:
    for query in (query_for("SOA", RING), query_for("A", RING, "2.0.0.127.bl.test")):
        query.use_edns(0)
        reply = await primary.ask(query, tcp=tcp)  # raises when the signature is not good
        assert reply.had_tsig
        assert reply.flags & dns.flags.AA
        assert len(reply.answer) == 1
        assert reply.edns == 0


async def test_a_reply_that_has_no_room_for_its_signature_sends_its_client_to_tcp() -> None:
    text = "x" * 210
    zones = zones_from(
        {
            "bl": f"""
origin = "bl.test"
ns = ["ns.example.net"]
[soa]
mname = "ns.example.net"
rname = "hostmaster.example.net"
[kinds.relay]
code = "127.0.0.2"
txt = "relay {{address}}"
[[records]]
name = "long"
type = "TXT"
data = "{text}"
[[records]]
name = "long"
type = "TXT"
data = "{text[1:]}y"
"""
        },
        site="https://site.example",
    )
    primary = Primary(zones)
    await primary.start()
    try:
        plain = await primary.ask(query_for("TXT", name="long.bl.test"), tcp=False)
        assert len(plain.to_wire()) <= 512 and plain.answer, plain
        assert len(plain.answer[0]) == 2
        query = query_for("TXT", RING, "long.bl.test")
        small = await primary.ask(query, tcp=False)
        assert small.had_tsig and small.flags & dns.flags.TC and not small.answer
        assert len(await raw(primary, query.to_wire(), tcp=False)) <= 512
        assert len((await primary.ask(query, tcp=True)).answer[0]) == 2
        query = query_for("TXT", RING, "long.bl.test")
        query.use_edns(0, payload=1232)
        assert len((await primary.ask(query, tcp=False)).answer[0]) == 2
    finally:
        await primary.responder.close()


async def test_each_message_of_a_long_transfer_is_signed_at_its_own_time(primary: Primary) -> None:
    primary.toggle(*(f"10.{n >> 8}.{n & 255}.77" for n in range(1500)))
    clock = HandClock(SystemClock().now())
    primary.transfers._clock = clock
    query = query_for("AXFR", RING)
    made = primary.transfers(query.to_wire(), bytes((127, 0, 0, 1)), True)
    assert made is not None
    times = []
    for message in made:
        signature = dns.message.from_wire(message, keyring=False, multi=True, xfr=True).tsig
        assert signature is not None
        times.append(signature[0].time_signed)
        clock.turn(minutes=4)
    assert len(times) > 2
    assert {after - before for before, after in pairwise(times)} == {240}


@pytest.mark.parametrize("edns", [True, False])
@pytest.mark.parametrize(
    ("query", "tcp"),
    [
        (query_for("AXFR"), True),
        (query_for("AXFR", WRONG), True),
        (query_for("AXFR", RING, "other.test"), True),
        (query_for("AXFR", RING), False),
        (query_for("IXFR", RING, serial=1), False),
    ],
    ids=["refused", "wrong key", "elsewhere", "not over UDP", "the serial alone"],
)
async def test_who_sent_opt_gets_opt_and_nobody_else(
    primary: Primary, query: dns.message.Message, tcp: bool, edns: bool
) -> None:
    query.use_edns(0 if edns else -1)
    packet = query.to_wire()
    if tcp:
        reader, writer = await asyncio.open_connection(primary.host, primary.port)
        writer.write(len(packet).to_bytes(2) + packet)
        reply = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
        writer.close()
        await writer.wait_closed()
    else:
        reply = primary.responder.reply(packet, bytes((127, 0, 0, 1)), tcp=False)
        reply = reply if isinstance(reply, bytes) else next(reply)  # type: ignore[arg-type]
    assert dns.message.from_wire(reply, keyring=False).edns == (0 if edns else -1)


async def test_a_clock_that_is_off_is_told_ours(primary: Primary) -> None:
    clock = HandClock()
    primary.transfers._clock = clock
    with pytest.raises(dns.tsig.PeerBadTime):
        await primary.ask(query_for("SOA", RING), tcp=True)
    assert primary.transfers.counters["badtime"] == 1


async def test_other_zones_names_below_and_no_table_are_said_so(primary: Primary) -> None:
    assert (await primary.ask(query_for("AXFR", RING, "example.org"), tcp=True)).rcode() == dns.rcode.NOTAUTH
    assert (await primary.ask(query_for("AXFR", RING, "manual.bl.test"), tcp=True)).rcode() == dns.rcode.NOTAUTH
    primary.responder.table = None
    assert (await primary.ask(query_for("AXFR", RING), tcp=True)).rcode() == dns.rcode.SERVFAIL


async def test_big_zones_come_in_signed_messages_and_questions_are_answered_meanwhile(primary: Primary) -> None:
    primary.toggle(*(f"10.{n >> 8}.{n & 255}.77" for n in range(1500)))
    reader, writer = await asyncio.open_connection(primary.host, primary.port, limit=4096)
    wire = query_for("AXFR", RING).to_wire()
    writer.write(struct.pack("!H", len(wire)) + wire)
    [length] = struct.unpack("!H", await reader.readexactly(2))
    assert length <= 65535
    assert primary.transfers.running
    assert (await primary.ask(query_for("SOA"), tcp=False)).answer
    writer.close()
    await until(lambda: not primary.transfers.running)


async def test_messages_are_made_in_threads(primary: Primary, monkeypatch: pytest.MonkeyPatch) -> None:
    where = set()

    def whole(*of_what: object, **and_what: object) -> object:
        where.add(threading.current_thread())
        return original(*of_what, **and_what)  # type: ignore[arg-type]

    original = transfer.whole
    monkeypatch.setattr(module.transfer, "whole", whole)
    await primary.axfr()
    assert where
    assert threading.main_thread() not in where


async def test_transfers_at_once_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    primary = Primary(transfers=1)
    await primary.start()
    primary.toggle(*(f"10.{n >> 8}.{n & 255}.77" for n in range(1500)))
    slow_reader, slow = await asyncio.open_connection(primary.host, primary.port, limit=4096)
    wire = query_for("AXFR", RING).to_wire()
    slow.write(struct.pack("!H", len(wire)) + wire)
    await slow_reader.readexactly(2)
    assert (await primary.ask(query_for("AXFR", RING), tcp=True)).rcode() == dns.rcode.SERVFAIL
    assert primary.transfers.counters["busy"] == 1
    assert "is refused bl.test by axfr: as many as dns.transfers lets run are under way" in caplog.text
    slow.close()
    await until(lambda: not primary.transfers.running)
    assert (await primary.ask(query_for("IXFR", RING, serial=primary.serial), tcp=True)).answer
    await primary.responder.close()


async def test_a_transfer_that_fails_ends_its_connection_alone(
    primary: Primary, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def whole(*of_what: object, **and_what: object) -> object:
        raise RuntimeError("broken")

    monkeypatch.setattr(module.transfer, "whole", whole)
    with pytest.raises(EOFError):
        await primary.axfr()
    assert "a zone transfer failed" in caplog.text
    assert not primary.transfers.running
    assert (await primary.ask(query_for("SOA"), tcp=True)).answer


def test_keys_are_read_and_every_mistake_is_named(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"# ours\nmirror hmac-sha256 {SECRET}\n\n")
    path.chmod(0o640)
    settings = Dns.model_validate({"transfer": ["192.0.2.0/24 Mirror."], "tsig_keys": str(path)})
    assert set(module.read_tsig_keys(settings)) == {dns.name.from_text("mirror")}
    path.write_text(
        f"mirror hmac-sha256\nmirror hmac-md5 {SECRET}\nshort hmac-sha256 c2hvcnQ=\ntwo hmac-sha256 {SECRET}\n"
        f"two hmac-sha256 {SECRET}\nbad hmac-sha256 !!!!\n"
    )
    with pytest.raises(SettingsError) as caught:
        module.read_tsig_keys(settings)
    assert [m.replace(str(path), "FILE") for m in caught.value.mistakes] == [
        "FILE:1: `name algorithm secret` is needed, the secret in base64",
        "FILE:2: the algorithm must be one of hmac-sha224, hmac-sha256, hmac-sha384, hmac-sha512",
        "FILE:3: the secret needs 16 bytes or more",
        "FILE:5: this name was given before",
        "FILE:6: `name algorithm secret` is needed, the secret in base64",
    ]
    path.write_text(f"another hmac-sha256 {SECRET}\n")
    with pytest.raises(SettingsError, match="has no key mirror"):
        module.read_tsig_keys(settings)
    path.unlink()
    with pytest.raises(SettingsError, match="cannot be read"):
        module.read_tsig_keys(settings)
    path.write_bytes(b"\xff")
    path.chmod(0o600)
    with pytest.raises(SettingsError, match="must be ASCII"):
        module.read_tsig_keys(settings)
    assert module.read_tsig_keys(Dns()) == {}


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o642])
def test_a_key_file_that_is_open_to_others_is_refused_in_a_sentence(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keys"
    path.write_text(f"mirror hmac-sha256 {SECRET}\n")
    path.chmod(mode)
    settings = Dns.model_validate({"transfer": ["192.0.2.0/24 mirror"], "tsig_keys": str(path)})
    with pytest.raises(SettingsError) as caught:
        module.read_tsig_keys(settings)
    assert caught.value.mistakes == [
        f"{path}: dns.tsig_keys is open to everybody here; `chmod 640` it, and make new keys"
    ]
    for good in (0o640, 0o600, 0o400):
        path.chmod(good)
        assert module.read_tsig_keys(settings)


async def test_a_rule_that_wants_tls_gives_no_zone_over_tcp() -> None:
    query = dns.message.make_query("bl.test", "AXFR")
    query.use_tsig(RING, "mirror")
    packet, client = query.to_wire(), bytes((127, 0, 0, 1))
    made = Primary(transfer=["127.0.0.1 mirror tls", "127.0.0.2 mirror"])
    assert made.transfers(packet, client, True) is None or made.transfers.counters["refused"]
    assert made.transfers.counters["axfr"] == 0
    messages = made.transfers(packet, client, True, True)
    assert messages is not None
    assert len(dns.message.from_wire(next(messages), keyring=RING, request_mac=query.mac, xfr=True).answer) > 1
    assert made.transfers.counters["axfr"] == 1
