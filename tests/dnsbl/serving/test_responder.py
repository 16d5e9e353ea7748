"""The responder over real loopback sockets; dnspython and dnslib, strangers, ask."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import suppress
from ipaddress import ip_network

import dns.asyncquery
import dns.edns
import dns.exception
import dns.message
import dns.rcode
import dnslib
import pytest

from dnsbl.dns.cookies import Cookies
from dnsbl.dns.listed.table import Table
from dnsbl.dns.zonefile import zones_from
from dnsbl.dns.zones import Zones
from dnsbl.errors import DnsblError
from dnsbl.serving import responder as module
from dnsbl.serving import streams
from dnsbl.serving.responder import Responder
from dnsbl.settings import Dns
from tests.waiting import halt, until

LONG = "".join(f'[[records]]\nname = "long"\ntype = "TXT"\ndata = "{n}{"x" * 250}"\n' for n in range(60))
ZONE = f"""
origin = "bl.test"
ns = ["ns.example.net"]
[soa]
mname = "ns.example.net"
rname = "hostmaster.example.net"
[kinds.relay]
code = "127.0.0.2"
txt = "relay {{address}}"
{LONG}
"""
LISTED = dns.message.make_query("7.2.0.192.bl.test", "A")


@pytest.fixture(scope="module")
def zones() -> Zones:
    return zones_from({"bl.toml": ZONE}, site="https://site.example")


class Served:
    def __init__(self, responder: Responder, bound: list[tuple[str, int]]) -> None:
        self.responder = responder
        self.bound = bound
        self.host, self.port = bound[0]

    async def connect(self, **options: object) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self.host, self.port, **options)

    async def udp(self, query: dns.message.Message = LISTED) -> dns.message.Message:
        return await dns.asyncquery.udp(query, self.host, port=self.port, timeout=5)


class Serve:
    """Starts responders, and closes them after the test."""

    def __init__(self, zones: Zones) -> None:
        self.zones = zones
        self.started: list[Responder] = []

    async def __call__(self, *listen: str, **settings: object) -> Served:
        dns_settings = Dns(listen=listen or ("127.0.0.1:0",), **settings)
        responder = Responder(dns_settings, self.zones, Table.of([(ip_network("192.0.2.0/24"), "relay")], serial=5))
        bound = await responder.start()
        self.started.append(responder)
        return Served(responder, bound)


@pytest.fixture
async def serve(zones: Zones) -> AsyncIterator[Serve]:
    starter = Serve(zones)
    yield starter
    for responder in starter.started:
        await responder.close()


def framed(query: dns.message.Message) -> bytes:
    packet = query.to_wire()
    return struct.pack("!H", len(packet)) + packet


async def read_reply(reader: asyncio.StreamReader) -> dns.message.Message:
    [length] = struct.unpack("!H", await asyncio.wait_for(reader.readexactly(2), 5))
    return dns.message.from_wire(await asyncio.wait_for(reader.readexactly(length), 5))


async def ended(reader: asyncio.StreamReader) -> bool:
    with suppress(ConnectionError):
        return await asyncio.wait_for(reader.read(1), 5) == b""
    return True


async def round_of_the_loop(served: Served) -> None:
    """Until the server has looked at all its connections: another client has been answered."""
    reader, writer = await served.connect()
    writer.write(framed(LISTED))
    await read_reply(reader)
    writer.close()
    await writer.wait_closed()


async def gone(served: Served) -> None:
    """Until the server has forgotten every connection."""
    await until(lambda: not served.responder.connections)


def listed(reply: dns.message.Message) -> bool:
    return [str(rdata) for rrset in reply.answer for rdata in rrset] == ["127.0.0.2"]


async def test_every_address_answers_over_udp_and_tcp_on_one_port(serve: Serve) -> None:
    served = await serve("127.0.0.1:0", "127.0.0.2:0", "[::1]:0")
    assert [host for host, _ in served.bound] == ["127.0.0.1", "127.0.0.2", "::1"]
    for host, port in served.bound:
        assert listed(await dns.asyncquery.udp(LISTED, host, port=port, timeout=5))
        assert listed(await dns.asyncquery.tcp(LISTED, host, port=port, timeout=5))


async def test_another_stranger_understands_the_answers_too(serve: Serve) -> None:
    served = await serve()
    for tcp in (False, True):
        question = dnslib.DNSRecord.question("7.2.0.192.bl.test", "TXT")
        raw = await asyncio.to_thread(question.send, served.host, served.port, tcp=tcp, timeout=5)
        assert str(dnslib.DNSRecord.parse(raw).a.rdata) == '"relay 192.0.2.7"'


async def test_a_truncated_answer_is_whole_over_tcp(serve: Serve) -> None:
    served = await serve()
    query = dns.message.make_query("long.bl.test", "TXT", use_edns=0, payload=1232)
    reply, over_tcp = await dns.asyncquery.udp_with_fallback(query, served.host, port=served.port, timeout=5)
    assert over_tcp
    assert len(reply.answer[0]) == 60


async def test_b44_b49_the_table_is_swapped_in_one_assignment_and_none_is_servfail(serve: Serve) -> None:
    served = await serve()
    assert listed(await served.udp())
    served.responder.table = Table.of([])
    assert (await served.udp()).rcode() == dns.rcode.NXDOMAIN
    served.responder.table = None
    assert (await served.udp()).rcode() == dns.rcode.SERVFAIL


async def test_b36_after_hostile_packets_a_good_query_is_answered(serve: Serve) -> None:
    served = await serve()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.setblocking(False)
        for packet in (b"", b"x", bytes(11), b"\xff" * 512, bytes(12), b"\xc0" * 9000, LISTED.to_wire() + b"x"):
            stranger.sendto(packet, (served.host, served.port))
        assert listed(await served.udp())
    counters = served.responder.counters
    assert counters["udp"] >= 7
    assert counters["header"] >= 3
    assert served.responder.replies["", 1, "other", False] + served.responder.replies["", 1, "A", False] >= 2
    assert served.responder.replies["bl.test", 0, "A", False] == 1


async def test_b38_queries_in_one_segment_are_all_answered(serve: Serve) -> None:
    served = await serve()
    reader, writer = await served.connect()
    queries = [dns.message.make_query(f"{n}.2.0.192.bl.test", "A") for n in range(200)]
    writer.write(b"".join(map(framed, queries)))
    for query in queries:
        reply = await read_reply(reader)
        assert query.is_response(reply)
        assert listed(reply)
    writer.close()


async def test_b38_queries_may_come_byte_by_byte(serve: Serve) -> None:
    served = await serve()
    reader, writer = await served.connect()
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in framed(LISTED) * 2:
        writer.write(bytes([byte]))
        await asyncio.sleep(0)
    for _ in range(2):
        assert listed(await read_reply(reader))
    writer.close()


async def test_b38_the_length_may_be_split_from_the_query(serve: Serve) -> None:
    served = await serve()
    reader, writer = await served.connect()
    stream = framed(LISTED) + framed(LISTED)
    for part in (stream[:1], stream[1:2], stream[2:40], stream[40:]):
        writer.write(part)
        await round_of_the_loop(served)
    for _ in range(2):
        assert listed(await read_reply(reader))
    writer.close()


@pytest.mark.parametrize("length", [0, 1, 11])
async def test_b39_a_frame_too_short_for_a_header_ends_the_connection(serve: Serve, length: int) -> None:
    served = await serve()
    reader, writer = await served.connect()
    writer.write(framed(LISTED) + struct.pack("!H", length) + bytes(length) + framed(LISTED))
    assert listed(await read_reply(reader))
    assert await ended(reader)
    await gone(served)
    writer.close()


async def test_b39_a_frame_that_never_comes_whole_leaves_nothing_behind(serve: Serve) -> None:
    served = await serve()
    reader, writer = await served.connect()
    writer.write(struct.pack("!H", 500) + b"only this")
    writer.write_eof()
    assert await ended(reader)
    await gone(served)
    writer.close()
    assert served.responder.counters["tcp"] == 0


async def test_b39_a_client_that_has_asked_everything_still_gets_its_answers(serve: Serve) -> None:
    served = await serve()
    reader, writer = await served.connect()
    writer.write(framed(LISTED) * 3)
    writer.write_eof()
    for _ in range(3):
        assert listed(await read_reply(reader))
    assert await ended(reader)
    writer.close()


async def test_b39_a_connection_without_a_whole_query_is_closed(serve: Serve) -> None:
    served = await serve(tcp_idle=0.05)
    reader, writer = await served.connect()
    writer.write(framed(LISTED))
    assert listed(await read_reply(reader))
    writer.write(b"\0")
    assert await ended(reader)
    assert served.responder.counters["idle"] == 1
    assert not served.responder.connections
    writer.close()


async def test_b39_bytes_that_dribble_in_do_not_keep_a_connection(serve: Serve) -> None:
    served = await serve(tcp_idle=0.05)
    reader, writer = await served.connect()
    end = asyncio.create_task(ended(reader))
    for byte in struct.pack("!H", 60000) + bytes(500):
        if end.done() or writer.is_closing():
            break
        writer.write(bytes([byte]))
        await round_of_the_loop(served)
    assert await end
    assert served.responder.counters["idle"] == 1
    writer.close()


async def test_a_connection_that_asks_is_not_idle(serve: Serve) -> None:
    served = await serve(tcp_idle=0.3)
    reader, writer = await served.connect()
    loop = asyncio.get_running_loop()
    began = loop.time()
    while loop.time() < began + 0.4:
        writer.write(framed(LISTED))
        assert listed(await read_reply(reader))
    assert served.responder.counters["idle"] == 0
    writer.close()


async def test_b39_one_connection_too_many_closes_the_longest_idle_one(serve: Serve) -> None:
    served = await serve(tcp_connections=2)
    first, first_writer = await served.connect()
    second, second_writer = await served.connect()
    for writer, reader in ((second_writer, second), (first_writer, first)):  # the second asked before the first
        writer.write(framed(LISTED))
        assert listed(await read_reply(reader))
    third, third_writer = await served.connect()
    assert await ended(second)
    assert len(served.responder.connections) == 2
    assert served.responder.counters["evicted"] == 1
    for writer, reader in ((first_writer, first), (third_writer, third)):
        writer.write(framed(LISTED))
        assert listed(await read_reply(reader))
    for writer in (first_writer, second_writer, third_writer):
        writer.close()


async def slow(served: Served) -> tuple[socket.socket, int]:
    """A client that asks for much and reads nothing; returns how many queries it sent."""
    loop = asyncio.get_running_loop()
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    await loop.sock_connect(client, (served.host, served.port))
    query = framed(dns.message.make_query("long.bl.test", "TXT"))
    sent = 2000
    pouring = asyncio.create_task(loop.sock_sendall(client, query * sent))
    counters = served.responder.counted
    await halt(lambda: counters["tcp"])
    pouring.cancel()
    with suppress(asyncio.CancelledError):
        await pouring
    return client, sent


async def test_b39_a_slow_reader_is_not_read_and_does_not_hold_up_udp(serve: Serve) -> None:
    served = await serve()
    client, sent = await slow(served)
    assert served.responder.counters["tcp"] < sent
    [connection] = served.responder.connections
    assert connection._transport.get_write_buffer_size() < streams.UNREAD + 65536 + 2
    assert len(connection._unread) <= streams.AT_ONCE
    assert listed(await served.udp())
    client.close()
    await gone(served)


@pytest.mark.parametrize("ends", [True, False])
async def test_b39_a_slow_reader_gets_everything_when_it_reads(serve: Serve, ends: bool) -> None:
    served = await serve()
    query = dns.message.make_query("long.bl.test", "TXT")
    one = 2 + len(served.responder.reply(query.to_wire(), b"\x7f\0\0\1", tcp=True) or b"")
    reader, writer = await served.connect(limit=4096)
    writer.write(framed(query) * 800)
    if ends:
        writer.write_eof()
    await until(lambda: any(connection._full for connection in served.responder.connections))
    for _ in range(800):
        assert len(await asyncio.wait_for(reader.readexactly(one), 5)) == one
    if ends:
        assert await ended(reader)
    else:
        writer.write(framed(LISTED))
        assert listed(await read_reply(reader))
    writer.close()
    await gone(served)


async def test_b39_a_slow_reader_is_closed_when_idle(serve: Serve) -> None:
    served = await serve(tcp_idle=0.3)
    client, _ = await slow(served)
    await gone(served)
    assert served.responder.counters["idle"] == 1
    client.close()


async def test_a_port_that_is_taken_is_one_sentence(serve: Serve) -> None:
    served = await serve()
    with pytest.raises(DnsblError) as caught:
        await serve("127.0.0.2:0", f"127.0.0.1:{served.port}")
    assert str(caught.value) == f"dns.listen: 127.0.0.1:{served.port}: cannot listen there: Address already in use"


async def test_run_answers_until_it_is_told_to_stop(zones: Zones) -> None:
    responder = Responder(Dns(listen=("127.0.0.1:0",)), zones)
    stop = asyncio.Event()
    running = asyncio.create_task(responder.run(stop))
    await until(lambda: responder._servers)
    host, port = responder._servers[0].sockets[0].getsockname()
    assert (await dns.asyncquery.udp(LISTED, host, port=port, timeout=5)).rcode() == dns.rcode.SERVFAIL
    reader, writer = await asyncio.open_connection(host, port)
    stop.set()
    await running
    assert await ended(reader)
    writer.close()
    again = socket.create_server((host, port))
    again.close()


async def test_b18_rules_b26_nsid_b30_cookies_and_b31_names_work_over_the_wire(serve: Serve) -> None:
    served = await serve(acl=["127.0.0.9/32 refuse"], nsid="0x6e7331", chaos_id="hostname", chaos_version="1.2.3")
    served.responder.serving.change(cookies=Cookies((bytes(16),)))
    query = dns.message.make_query("7.2.0.192.bl.test", "A", use_edns=0)
    query.use_edns(0, options=[dns.edns.GenericOption(3, b""), dns.edns.GenericOption(10, b"clientss")])
    reply = await served.udp(query)
    options = {option.otype: option.to_wire() for option in reply.options}
    assert options[3] == b"ns1"
    cookie = options[10]
    assert cookie is not None
    assert len(cookie) == 24
    query.use_edns(0, options=[dns.edns.GenericOption(10, cookie)])
    assert listed(await served.udp(query))
    for name, text in (("version.bind", "1.2.3"), ("id.server", socket.gethostname())):
        said = await served.udp(dns.message.make_query(name, "TXT", rdclass="CH"))
        assert said.answer[0][0].strings == (text.encode(),)
    for ask in (dns.asyncquery.udp, dns.asyncquery.tcp):
        refused = await ask(LISTED, served.host, port=served.port, timeout=5, source="127.0.0.9")
        assert refused.rcode() == dns.rcode.REFUSED


async def test_b18_a_dropped_client_gets_nothing_and_its_connection_ends(serve: Serve) -> None:
    served = await serve(acl=["127.0.0.9/32 drop"])
    reader, writer = await served.connect(local_addr=("127.0.0.9", 0))
    writer.write(framed(LISTED))
    assert await ended(reader)
    writer.close()
    with pytest.raises(dns.exception.Timeout):
        await dns.asyncquery.udp(LISTED, served.host, port=served.port, timeout=0.05, source="127.0.0.9")
    assert listed(await served.udp())  # by now the one before has been looked at
    assert served.responder.counters["acl"] == 2


async def test_b51_over_the_wire_a_flood_slips_to_tcp_where_it_is_answered(serve: Serve) -> None:
    served = await serve(rate_answers=2, rate_slip=1, rate_allow=[])
    for _ in range(4):
        assert listed(await served.udp())
    reply, over_tcp = await dns.asyncquery.udp_with_fallback(LISTED, served.host, port=served.port, timeout=5)
    assert over_tcp
    assert listed(reply)
    assert served.responder.counters["slip"] == 1


@pytest.mark.parametrize(
    ("host", "client"),
    [
        ("192.0.2.1", "c0000201"),
        ("::ffff:192.0.2.1", "c0000201"),
        ("2001:db8::1", "20010db8000000000000000000000001"),
        ("fe80::1%lo", "fe800000000000000000000000000001"),
    ],
)
def test_clients_are_packed_addresses(host: str, client: str) -> None:
    assert module.packed(host).hex() == client
