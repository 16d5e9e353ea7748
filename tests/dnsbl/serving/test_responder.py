"""The responder over real loopback sockets; dnspython and dnslib, strangers, ask."""

import asyncio
import socket
import sys
import threading
from collections.abc import Iterator

import dns.asyncquery
import dns.edns
import dns.exception
import dns.message
import dns.rcode
import dnslib
import pytest

from dnsbl.dns.cookies import Cookies
from dnsbl.dns.listed.table import Table
from dnsbl.dns.zones import Zones
from dnsbl.errors import DnsblError
from dnsbl.serving import responder as module
from dnsbl.serving.responder import Responder
from dnsbl.settings import Dns
from tests.dnsbl.serving.served import (
    LISTED,
    Serve,
    ended,
    framed,
    listed,
)
from tests.waiting import until


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


async def test_a_port_that_is_taken_is_one_sentence(serve: Serve) -> None:
    served = await serve()
    with pytest.raises(DnsblError) as caught:
        await serve("127.0.0.2:0", f"127.0.0.1:{served.port}")
    why = "another program listens there (`ss -lntup` names it)"
    assert str(caught.value) == f"dns.listen: 127.0.0.1:{served.port}: cannot listen there: {why}"


@pytest.mark.parametrize("absent", ["192.0.2.53:0", "[2001:db8::53]:0"])
async def test_who_answers_in_the_place_of_another_does_so_while_one_of_its_addresses_is_away(
    zones: Zones, absent: str
) -> None:
    listen = ("127.0.0.1:0", absent)
    with pytest.raises(DnsblError, match="this machine has no such address"):
        await Responder(Dns(listen=listen), zones).start()
    responder = Responder(Dns(listen=listen), zones, again=True)
    (host, port), there = await responder.start()
    assert there[0] in absent
    assert (await dns.asyncquery.udp(LISTED, host, port=port, timeout=5)).rcode() == dns.rcode.SERVFAIL
    await responder.close()


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


@pytest.fixture
def hasty() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty")
async def test_what_was_found_may_be_asked_by_another_thread_while_it_grows(serve: Serve) -> None:
    responder, asked, over = (await serve()).responder, 0, threading.Event()

    def grow() -> None:
        for number in range(60_000):
            responder._found["hit", "bl.test", str(number % 5000)] += 1
            if number % 5000 == 4999:
                responder._found.clear()
        over.set()

    growing = threading.Thread(target=grow)
    growing.start()
    try:
        while not over.is_set():
            asked += len(responder.found) >= 0
    finally:
        growing.join()
    assert asked


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
