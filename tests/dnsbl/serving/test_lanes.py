"""The lanes: sockets on threads, compiled and plain, under load and under change."""

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import dns.asyncquery
import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import pytest

from dnsbl.clock import HandClock, SystemClock
from dnsbl.dns.cookies import Cookies
from dnsbl.dns.engine import compiled
from dnsbl.dns.listed.table import Table
from dnsbl.dns.respond import Serving
from dnsbl.dns.zonefile import zones_from
from dnsbl.dns.zones import Zones
from dnsbl.errors import DnsblError
from dnsbl.serving import lanes as module
from dnsbl.serving.feed import Feed
from dnsbl.serving.lanes import Lanes, PlainThreads
from dnsbl.serving.querylog import QueryLog
from dnsbl.serving.responder import Responder
from dnsbl.settings import Dns
from tests.dnsbl.dns.test_proxied import header
from tests.dnsbl.serving.memory import Memory
from tests.waiting import until

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
name = "www"
type = "A"
data = "192.0.2.80"
"""
Start = Callable[..., "asyncio.Future[tuple[Responder, list[tuple[str, int]]]]"]


@pytest.fixture(scope="module")
def zones() -> Zones:
    return zones_from({"bl.toml": ZONE}, site="https://site.example")


@pytest.fixture(params=["plain"] if compiled.missing else ["compiled", "plain"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "plain":
        monkeypatch.setattr(compiled, "missing", "a test")
    return str(request.param)


@pytest.fixture
async def start(engine: str, zones: Zones) -> AsyncIterator[Start]:
    started = []

    async def go(table: Table | None, *listen: str, **settings: object):
        responder = Responder(Dns.model_validate({"listen": listen or ("127.0.0.1:0",), **settings}), zones, table)
        bound = await responder.start()
        started.append(responder)
        assert responder.engine.startswith(engine)
        return responder, bound

    yield go
    for responder in started:
        await responder.close()


def table(number: int) -> Table:
    """In every table exactly one of 200 addresses is listed, and the serial says which."""
    return Table.of([(ip_network(f"198.51.100.{number % 200}/32"), "relay")], serial=number)


def ask(where: tuple[str, int], name: str, kind: str = "A") -> dns.message.Message:
    query = dns.message.make_query(name, kind)
    with socket.socket(socket.AF_INET6 if ":" in where[0] else socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.connect(where)
        client.send(query.to_wire())
        return dns.message.from_wire(client.recv(4096))


async def asked(where: tuple[str, int], name: str, kind: str = "A") -> dns.message.Message:
    return await asyncio.to_thread(ask, where, name, kind)


async def asked_again(where: tuple[str, int], name: str, kind: str, **options: Any) -> dns.message.Message:
    """The same, as often as it takes."""
    for _ in range(50):
        with suppress(dns.exception.Timeout):
            query = dns.message.make_query(name, kind)
            return await dns.asyncquery.udp(query, where[0], port=where[1], timeout=0.3, **options)
    raise AssertionError("no answer")


async def test_every_thread_answers_and_all_of_them_count(start: Start) -> None:
    responder, bound = await start(table(7), "127.0.0.1:0", "127.0.0.2:0", "[::1]:0", threads=3)
    for where in bound:
        replies = await asyncio.gather(*(asked(where, "7.100.51.198.bl.test") for _ in range(20)))
        assert all(str(reply.answer[0][0]) == "127.0.0.2" for reply in replies)
        assert (await asked(where, "8.100.51.198.bl.test")).rcode() == dns.rcode.NXDOMAIN
    assert responder.replies == {("bl.test", 0, "A", False): 60, ("bl.test", 3, "A", False): 3}
    assert responder.counters == dict.fromkeys(responder.counters, 0) | {"udp": 63}
    assert responder.handed_over == 0
    assert len(responder.inodes) == 9


async def test_what_the_engine_does_not_know_is_answered_by_the_reference_in_both_families(start: Start) -> None:
    responder, bound = await start(table(7), "127.0.0.1:0", "[::1]:0")
    for where in bound:
        assert str((await asked(where, "www.bl.test")).answer[0][0]) == "192.0.2.80"
        assert (await asked(where, "bl.test", "AXFR")).rcode() == dns.rcode.REFUSED
    assert responder.handed_over == 2
    assert responder.counters["udp"] == 4
    assert responder.replies == {("bl.test", 0, "A", False): 2, ("bl.test", 5, "AXFR", False): 2}


async def test_without_a_table_it_is_servfail_and_the_first_table_is_seen_at_once(start: Start) -> None:
    responder, [where] = await start(None)
    assert (await asked(where, "7.100.51.198.bl.test")).rcode() == dns.rcode.SERVFAIL
    responder.table = table(7)
    assert (await asked(where, "7.100.51.198.bl.test")).answer
    responder.table = None
    assert (await asked(where, "7.100.51.198.bl.test")).rcode() == dns.rcode.SERVFAIL


async def test_while_tables_are_swapped_no_answer_is_a_mixture_of_two(start: Start) -> None:
    """A negative answer carries the serial of its table: what this table lists must not be denied with it."""
    responder, [where] = await start(table(100))
    done, asked = False, 0

    def question() -> tuple[int, int]:
        nonlocal asked
        listed = denied = 0
        query = dns.message.make_query("150.100.51.198.bl.test", "A").to_wire()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(5)
            client.connect(where)
            while not done:
                client.send(query)
                reply = client.recv(4096)
                asked += 1
                if reply[7]:
                    listed += 1
                else:
                    serial = int.from_bytes(reply[-20:-16], "big")
                    assert serial % 200 != 150
                    denied += 1
        return listed, denied

    clients = [asyncio.create_task(asyncio.to_thread(question)) for _ in range(2)]
    async with asyncio.timeout(10):
        for number in range(100, 400):
            responder.table, before = table(150 if number % 2 else number), asked
            await until(lambda before=before: asked > before)
    done = True
    for client in clients:
        listed, denied = await client
        assert listed > 5
        assert denied > 5


@pytest.mark.parametrize("port", sorted(module.UNANSWERED - {0}))
async def test_b37_ports_that_would_answer_back_are_met_with_silence(start: Start, port: int) -> None:
    responder, [where] = await start(table(7))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        try:
            client.bind((f"127.9.{os.getpid() >> 8 & 255}.{os.getpid() & 255}", port))  # tests run side by side
        except PermissionError:
            pytest.fail("this test needs to bind a low port: run it as root")
        client.connect(where)
        client.settimeout(0.1)
        client.send(dns.message.make_query("7.100.51.198.bl.test", "A").to_wire())
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(client.recv, 4096)
    assert (await asked(where, "7.100.51.198.bl.test")).answer  # by now the first has been looked at
    assert responder.counters == dict.fromkeys(responder.counters, 0) | {"udp": 2, "port": 1}


async def test_a_client_that_is_gone_does_no_harm(start: Start) -> None:
    _, [where] = await start(table(7))
    for _ in range(5):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(where)
            client.send(dns.message.make_query("7.100.51.198.bl.test", "A").to_wire())
    assert (await asked(where, "7.100.51.198.bl.test")).answer


async def test_a_flood_of_packets_that_are_handed_over_is_bounded_and_leaves_the_common_ones_alone(
    start: Start, engine: str
) -> None:
    responder, [where] = await start(table(7))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(where)
        odd = dns.message.make_query("bl.test", "AXFR").to_wire()
        for _ in range(3000):  # while the loop below is busy: nobody takes what is handed over
            client.send(odd)
    common = dns.message.make_query("7.100.51.198.bl.test", "A").to_wire()

    def insist() -> bytes:
        """The flood may have filled the socket's own queue."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.2)
            client.connect(where)
            for _ in range(50):
                client.send(common)
                with suppress(TimeoutError):
                    return client.recv(4096)
        return bytes(12)

    if engine == "compiled":  # whose threads do not wait for the interpreter
        assert insist()[7] == 1
        assert responder.counters["unsent"] > 0
    assert (await asyncio.to_thread(insist))[7] == 1


async def test_who_floods_with_what_is_handed_over_is_stopped_before_it_and_others_are_heard(start: Start) -> None:
    responder, [where] = await start(table(7), rate_errors=5, rate_allow=[])
    odd = dns.message.make_query("bl.test", "AXFR").to_wire()

    def flood() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(where)
            for _ in range(3000):
                client.send(odd)

    await asyncio.to_thread(flood)
    await asked_again(where, "bl.test", "NS")  # the flood may have filled the socket's own queue
    before = responder.handed_over, responder.counters["rate"]
    await asyncio.to_thread(flood)  # by now the reference has said that it is too much
    assert (await asked_again(where, "bl.test", "AXFR", source="127.0.3.9")).rcode() == dns.rcode.REFUSED
    assert (await asked_again(where, "bl.test", "NS")).answer
    assert responder.counters["rate"] - before[1] > 100
    assert responder.handed_over - before[0] <= 5 * 12  # what the rate lets through while this takes its time


async def test_a_thread_that_fails_ends_the_responder(zones: Zones, engine: str) -> None:
    responder = Responder(Dns(listen=("127.0.0.1:0",)), zones, table(7))
    await responder.start()
    lanes = responder._lanes
    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    failed.set_exception(OSError("the socket failed"))
    lanes.running.insert(0, failed)
    with pytest.raises(OSError, match="the socket failed"):
        await responder.run(asyncio.Event())


async def test_several_threads_do_not_hide_that_the_port_is_taken(zones: Zones, start: Start) -> None:
    _, [where] = await start(table(7), threads=2)
    second = Responder(Dns(listen=(f"127.0.0.1:{where[1]}",), threads=2), zones)
    with pytest.raises(DnsblError, match="another program listens there"):
        await second.start()


async def test_a_reply_that_the_kernel_does_not_take_is_counted(zones: Zones) -> None:
    lanes = Lanes(1, lambda packet, host, sampled, counted: b"x" * 70000, every=0, clock=SystemClock())
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    near.setblocking(False)
    with near, far, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        far.send(module._head(("127.0.0.1", 9), False, b"") + b"a packet")
        lanes._hand_over(near, udp)
    assert lanes.unsent == 1


@pytest.mark.parametrize("local", [b"", bytes(range(12)), bytes(range(20))])
@pytest.mark.parametrize("peer", [("192.0.2.1", 4711), ("2001:db8::1", 53, 7, 3)])
@pytest.mark.parametrize("counted", [True, False])
def test_an_address_goes_through_the_pair_unchanged(peer: tuple, local: bytes, counted: bool) -> None:
    head = module._head(peer, True, local, counted)
    assert len(head) == module.HEAD
    assert module._peer(head) == peer
    assert (head[28], head[30], head[32 : 32 + head[29]]) == (1, counted, local)


@pytest.mark.parametrize(
    ("wild", "address"),
    [("0.0.0.0", "127.0.0.77"), ("0.0.0.0", "127.0.0.1"), ("[::]", "::1")],
)
async def test_b37_at_a_wildcard_address_replies_leave_from_the_address_that_was_asked(
    start: Start, wild: str, address: str
) -> None:
    responder, [bound] = await start(table(7), f"{wild}:0", threads=2)
    where = address, bound[1]
    for _ in range(4):  # connected sockets: a reply from elsewhere would not be taken
        assert (await asked(where, "7.100.51.198.bl.test")).answer
        assert (await asked(where, "bl.test", "AXFR")).rcode() == dns.rcode.REFUSED
    assert responder.handed_over == 4


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"])
async def test_no_path_mtu_that_strangers_tell_of_is_looked_at(start: Start, listen: str) -> None:
    """RFC 9715: IP_MTU_DISCOVER (10) or IPV6_MTU_DISCOVER (23) is ..._PMTUDISC_OMIT (5)."""
    responder, _ = await start(table(7), listen, threads=2)
    assert len(responder._lanes._open) == 2
    for udp, *_ in responder._lanes._open:
        level, option = (socket.IPPROTO_IPV6, 23) if udp.family == socket.AF_INET6 else (socket.IPPROTO_IP, 10)
        assert udp.getsockopt(level, option) == 5


async def test_both_wildcard_addresses_can_be_served_at_one_port(start: Start) -> None:
    for tries in range(20, 0, -1):  # another program may have the port in the other family
        _, [bound] = await start(table(7), "[::]:0")
        try:
            await start(table(7), f"0.0.0.0:{bound[1]}")
        except DnsblError:
            assert tries > 1
        else:
            break
    assert (await asked(("127.0.0.9", bound[1]), "7.100.51.198.bl.test")).answer
    assert (await asked(("::1", bound[1]), "7.100.51.198.bl.test")).answer


def test_what_the_kernel_tells_of_an_address_becomes_the_one_to_leave_from() -> None:
    four, six, local = (ip_address(a).packed for a in ("192.0.2.9", "2001:db8::9", "fe80::9"))
    index = struct.pack("=I", 7)
    assert module._asked([(socket.IPPROTO_IP, 8, index + four + b"head")]) == bytes(4) + four + b"head"
    assert module._asked([(socket.IPPROTO_IPV6, 50, six + index)]) == six + bytes(4)
    assert module._asked([(socket.IPPROTO_IPV6, 50, local + index)]) == local + index
    assert module._asked([(socket.SOL_SOCKET, 1, b"")]) == b""


async def test_rules_limits_and_cookies_hold_on_the_threads_and_change_while_they_run(start: Start) -> None:
    responder, [where] = await start(
        table(7), acl=["127.0.0.5/32 drop", "127.0.0.6/32 refuse"], rate_answers=1, rate_slip=1, rate_allow=[]
    )
    said = [await asked(where, "7.100.51.198.bl.test") for _ in range(4)]
    assert [bool(reply.answer) for reply in said] == [True, True, False, False]
    assert all(reply.flags & dns.flags.TC for reply in said[2:])
    responder.serving.change(cookies=Cookies((bytes(16),)))
    cookie = dns.edns.GenericOption(10, b"clientss")
    for _ in range(5):  # who shows a good cookie is not limited
        query = dns.message.make_query("7.100.51.198.bl.test", "A", options=[cookie])
        reply = await dns.asyncquery.udp(query, where[0], port=where[1], timeout=5)
        cookie = dns.edns.GenericOption(10, reply.options[0].to_wire())
    assert reply.answer
    refused = dns.message.make_query("7.100.51.198.bl.test", "A")
    reply = await dns.asyncquery.udp(refused, where[0], port=where[1], timeout=5, source="127.0.0.6")
    assert reply.rcode() == dns.rcode.REFUSED
    with pytest.raises(dns.exception.Timeout):
        await dns.asyncquery.udp(refused, where[0], port=where[1], timeout=0.1, source="127.0.0.5")
    await asked(where, "8.100.51.198.bl.test")  # by now the one before has been looked at
    assert responder.counters["acl"] == 1
    assert responder.counters["slip"] >= 2


async def test_limits_are_one_for_what_is_answered_here_and_what_is_handed_over(start: Start) -> None:
    responder, [where] = await start(table(7), rate_negatives=2, rate_slip=1, rate_allow=[])
    for n in range(8):  # the second is not asked all day, and the plain engine hands it over
        reply = await asked(where, ("9.100.51.198.bl.test", "x.9.100.51.198.bl.test")[n % 2])
        assert bool(reply.flags & dns.flags.TC) == (n >= 4)
    assert responder.handed_over == (4 if responder.engine.startswith("plain") else 0)


async def test_one_of_so_many_is_logged_whoever_answers_it(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    responder, [where] = await start(table(7), query_log_every=5)
    responder.watcher = log = QueryLog(responder.serving, every=5)
    for n in range(25):
        assert (await asked(where, ("7.100.51.198.bl.test", "www.bl.test")[n % 2])).answer
    with caplog.at_level("INFO"):
        log.write()
    assert len(caplog.records) == 5
    assert responder.unlogged == 0


async def test_zone_files_and_stale_tables_are_heard_of(start: Start) -> None:
    responder, [where] = await start(table(7))
    fresh = zones_from({"bl.toml": ZONE.replace("relay {", "another {")}, site="https://site.example")
    responder.serving.change(zones=fresh)
    reply = await asked(where, "7.100.51.198.bl.test", "TXT")
    assert reply.answer[0][0].strings == (b"another 198.51.100.7",)
    responder.confirm(0.0)
    query = dns.message.make_query("7.100.51.198.bl.test", "A", use_edns=0)
    reply = await dns.asyncquery.udp(query, where[0], port=where[1], timeout=5)
    assert reply.options[0].code == 3
    assert sum(responder.replies.values()) == 2


async def test_answers_are_timed_on_the_threads(start: Start) -> None:
    responder, [where] = await start(table(7))
    for _ in range(130):
        await asked(where, "7.100.51.198.bl.test")
    assert sum(responder.times.counts) == 2
    assert responder.times.total > 0


async def test_one_change_to_a_large_table_is_seen_soon_and_costs_little(start: Start, tmp_path: Path) -> None:
    """A hundred thousand rows here; ten million take the same, since what does not change is shared."""
    responder, [where] = await start(None)
    rows = [(b"\4" + (0x0A000000 + 7 * n).to_bytes(4) + b"\x20", "relay") for n in range(100_000)]
    source = Memory()
    source.log.append(module_change(1))
    source.read = lambda: iter(rows)
    feed = Feed(source, [responder], poll=0.1, path=tmp_path / "table", clock=HandClock())
    await feed.step()
    assert (await asked(where, "1.2.0.192.bl.test")).rcode() == dns.rcode.NXDOMAIN
    before = feed.table
    source.log.append(module_change(2))
    await feed.step()
    assert (await asked(where, "1.2.0.192.bl.test")).answer
    assert before is not None
    assert feed.table is not None
    assert next(feed.table.bands()).base is next(before.bands()).base


def module_change(seq: int):
    from dnsbl.model import Change

    return Change(seq=seq, network=ip_network("192.0.2.1/32"), kind="relay", present=True)


async def test_lanes_close_at_once_though_nothing_comes_in(zones: Zones, engine: str) -> None:
    lanes = Lanes(1, lambda packet, host, sampled, counted: None, every=0, clock=SystemClock())
    lanes.engine.load(Serving(zones, table(7)))
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    lanes.open(udp)
    assert await asked(udp.getsockname(), "7.100.51.198.bl.test"), "it listens"
    loop = asyncio.get_running_loop()
    began = loop.time()
    await lanes.close()
    assert loop.time() - began < module.LOOK
    assert udp.fileno() == -1


@pytest.mark.parametrize("question", ["7.100.51.198.bl.test", "www.bl.test"], ids=["common", "handed over"])
async def test_what_is_taken_from_a_socket_that_others_keep_is_answered_though_the_end_has_come(
    engine: str, zones: Zones, question: str
) -> None:
    there = Responder(Dns(), zones, table(7))
    lanes = Lanes(
        1,
        lambda packet, host, sampled, counted: there.reply(packet, module.packed(host), tcp=False),  # type: ignore[arg-type, return-value]
        every=0,
        clock=SystemClock(),
    )
    lanes.engine.load(there.serving)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as kept:
        kept.bind(("127.0.0.1", 0))
        lanes.open(kept.dup(), kept=True)
        assert await asked(kept.getsockname(), "7.100.51.198.bl.test"), "its thread waits for packets"
        closing = asyncio.create_task(lanes.close())
        await asyncio.sleep(0)
        try:
            assert (await asked(kept.getsockname(), question)).answer
        except TimeoutError:  # the thread had seen the end first, and has left it to the others
            kept.setblocking(False)
            assert kept.recv(512), "taken and not answered"
        await closing


def test_a_clock_that_is_turned_by_hand_has_the_plain_engine() -> None:
    lanes = Lanes(1, lambda packet, host, sampled, counted: None, every=0, clock=HandClock())
    assert isinstance(lanes.engine, PlainThreads)


class Udp:
    """A socket that says what it is told to, and then stops the loop."""

    def __init__(self, plain: PlainThreads, said: list, *, full: bool = False) -> None:
        self.plain, self.said, self.full, self.sent = plain, said, full, []

    def recvfrom(self, size: int) -> tuple:
        if not self.said:
            self.plain.stop()
            return b"", None
        found = self.said.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    def sendto(self, reply: bytes, flags: int, peer: tuple) -> None:
        self.sent.append(peer)
        raise PermissionError

    def send(self, data: bytes, flags: int) -> None:
        if self.full:
            raise BlockingIOError
        self.sent.append(data)


COMMON = dns.message.make_query("7.100.51.198.bl.test", "A").to_wire()
ODD = dns.message.make_query("bl.test", "AXFR").to_wire()


def test_the_plain_loop_goes_on_whatever_the_socket_says(zones: Zones) -> None:
    plain = PlainThreads(0, SystemClock())
    plain.load(Serving(zones, table(7)))
    errors = BlockingIOError(), ConnectionRefusedError()
    udp = Udp(plain, [*errors, (COMMON, ("192.0.2.1", 7)), (COMMON, ("192.0.2.1", 53)), (ODD, ("192.0.2.1", 53))])
    plain.run(udp, Udp(plain, [], full=True), False)  # type: ignore[arg-type]
    assert udp.sent == [("192.0.2.1", 53)]
    assert plain.counted() == dict.fromkeys(plain.counted(), 0) | {"udp": 3, "port": 1, "unsent": 3}
    with pytest.raises(OSError, match="gone"):
        PlainThreads(0, SystemClock()).run(Udp(plain, [OSError(9, "gone")]), udp, False)  # type: ignore[arg-type]


def test_a_query_that_cannot_be_logged_is_answered_all_the_same(zones: Zones) -> None:
    plain = PlainThreads(2, SystemClock())
    plain.load(Serving(zones, table(7)))
    udp = Udp(plain, [(COMMON, ("192.0.2.1", 53))] * 4)
    plain.run(udp, Udp(plain, [], full=True), False)  # type: ignore[arg-type]
    assert len(udp.sent) == 4
    assert plain.counted()["unlogged"] == 2


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0"])
async def test_b60_rules_limits_cookies_and_the_log_are_about_a_proxys_client(
    start: Start, listen: str, caplog: pytest.LogCaptureFixture
) -> None:
    rules = ["198.51.100.0/24 refuse", "2001:db8::/32 drop", "127.0.0.0/8 refuse", "::1/128 refuse"]
    responder, [where] = await start(
        table(7), listen, acl=rules, proxies=["127.0.0.1/32", "::1/128"], query_log_every=1
    )
    log = responder.watcher = QueryLog(responder.serving, every=1)
    question = dns.message.make_query("7.100.51.198.bl.test", "A")
    rest = dns.message.make_query("bl.test", "AXFR")  # left to the reference
    with socket.socket(socket.AF_INET6 if ":" in where[0] else socket.AF_INET, socket.SOCK_DGRAM) as proxy:
        proxy.settimeout(5)
        proxy.connect((where[0].replace("0.0.0.0", "127.0.0.1"), where[1]))

        def told(head: bytes, query: dns.message.Message) -> dns.rcode.Rcode:
            proxy.send(head + query.to_wire())
            return dns.message.from_wire(proxy.recv(4096)).rcode()

        assert await asyncio.to_thread(told, header("192.0.2.9"), question) == dns.rcode.NOERROR
        assert await asyncio.to_thread(told, header("2001:db9::9"), question) == dns.rcode.NOERROR
        assert await asyncio.to_thread(told, header("198.51.100.9"), question) == dns.rcode.REFUSED
        assert await asyncio.to_thread(told, header("192.0.2.9", command=0x20), question) == dns.rcode.REFUSED
        assert await asyncio.to_thread(told, header("192.0.2.9"), rest) == dns.rcode.REFUSED
        for packet in (question.to_wire(), header("192.0.2.9")[:-1], header("2001:db8::9") + question.to_wire()):
            proxy.send(packet)
        assert await asyncio.to_thread(told, header("192.0.2.9"), question) == dns.rcode.NOERROR
    await until(lambda: responder.counters["udp"] == 9)
    assert (responder.counters["proxy"], responder.counters["acl"]) == (2, 1)
    with caplog.at_level("INFO"):
        log.write()
    assert {record.getMessage().split()[0] for record in caplog.records} >= {"192.0.2.0/24", "2001:db9::/48"}
    assert "127.0.0.1" not in caplog.text.replace("127.0.0.0/24", "")


async def test_b60_a_header_from_who_is_no_proxy_is_dropped(start: Start) -> None:
    responder, [where] = await start(table(7), proxies=["127.0.0.2/32"])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as liar:
        liar.connect(where)
        liar.send(header("192.0.2.9") + dns.message.make_query("7.100.51.198.bl.test", "A").to_wire())
    assert (await asked(where, "7.100.51.198.bl.test")).answer
    assert (responder.counters["udp"], responder.counters["proxy"]) == (2, 1)
