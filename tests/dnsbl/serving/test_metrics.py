import asyncio
import queue
import socket
import threading
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.request import urlopen

import dns.message
import pytest
from prometheus_client.parser import text_string_to_metric_families

from dnsbl.clock import HandClock
from dnsbl.dns.zonefile import zones_from
from dnsbl.errors import DnsblError
from dnsbl.health import Board, Health
from dnsbl.model import Change
from dnsbl.serving import metrics
from dnsbl.serving.answered import answers_of
from dnsbl.serving.feed import Feed
from dnsbl.serving.metrics import Answering, MetricsServer, Page, Parts, Troubles, page_at, socket_drops
from dnsbl.serving.querylog import QueryLog
from dnsbl.serving.responder import Responder
from dnsbl.serving.timing import BOUNDS, TIMED_EVERY
from dnsbl.settings import Dns
from tester.crowd import Tally
from tests.dnsbl.serving.memory import Memory

ZONE = """
origin = "bl.test"
ns = ["ns.example.net"]
[soa]
mname = "ns.example.net"
rname = "hostmaster.example.net"
[kinds.relay]
code = "127.0.0.2"
txt = "relay {address}"
"""
CLIENT = ip_address("192.0.2.77").packed
ROWS = [("192.0.2.0/24", "relay"), ("192.0.2.9/32", ""), ("198.51.100.7/32", "relay"), ("2001:db8::/32", "manual")]


def store() -> Memory:
    source = Memory()
    source.rows = {(ip_network(network), kind) for network, kind in ROWS}
    source.log = [Change(seq=7, network=ip_network("192.0.2.0/24"), kind="relay", present=True)]
    return source


class House:
    def __init__(self, path: Path) -> None:
        self.clock = HandClock()
        settings = Dns(acl=["198.51.100.0/24 drop"], rate_errors=1)
        self.responder = Responder(settings, zones_from({"bl": ZONE}, site="https://s.example"), clock=self.clock)
        self.feed = Feed(store(), [self.responder], poll=1, path=path, clock=self.clock)
        self.log = QueryLog(self.responder.serving, every=1)
        self.transfers, self.notifies = {"refused": 0, "badsig": 0}, {"sent": 0}
        answering = Answering(
            self.responder,
            self.feed,
            self.log,
            clock=self.clock,
            transfers=self.transfers,
            notifies=self.notifies,
        )
        self.page = Page(answering)

    def ask(self, name: str, rdtype: str = "A", *, tcp: bool = False, client: bytes = CLIENT) -> None:
        self.responder.reply(dns.message.make_query(name, rdtype).to_wire(), client, tcp=tcp)

    def samples(self) -> dict[tuple[str, ...], float]:
        """Every sample by its name and its labels' values (by the labels' names), as a stranger reads the page."""
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(self.page.text().decode())
            for sample in family.samples
        }


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "table")


async def test_b53_replies_are_counted_by_zone_rcode_type_and_transport(house: House) -> None:
    await house.feed.step()
    for _ in range(3):
        house.ask("7.2.0.192.bl.test")
    house.ask("3.3.3.3.bl.test", "TXT", tcp=True)
    house.ask("bl.test", "TYPE4711")
    house.ask("example.org")
    found = house.samples()
    assert {key[1:]: value for key, value in found.items() if key[0] == "dnsbl_dns_replies_total"} == {
        ("NOERROR", "udp", "A", "bl.test"): 3,
        ("NXDOMAIN", "tcp", "TXT", "bl.test"): 1,
        ("NOERROR", "udp", "other", "bl.test"): 1,
        ("REFUSED", "udp", "A", ""): 1,
    }
    assert found["dnsbl_dns_queries_total", "udp"] == 5
    assert found["dnsbl_dns_queries_total", "tcp"] == 1


async def test_b53_hits_count_by_kind_and_what_has_nothing_by_type(house: House) -> None:
    await house.feed.step()
    for name, rdtype in [("7.2.0.192", "A"), ("7.2.0.192", "TXT"), ("7.2.0.192", "AAAA"), ("2.0.192", "A")]:
        house.ask(f"{name}.bl.test", rdtype)
    house.ask("3.3.3.3.bl.test", tcp=True)
    house.ask("bl.test", "MX")
    house.ask("bl.test", "SOA")
    found = house.samples()
    assert {key[0]: key[1:] for key in found if "_hits_" in key[0]} == {"dnsbl_dns_hits_total": ("relay", "bl.test")}
    assert found["dnsbl_dns_hits_total", "relay", "bl.test"] == 2
    nodata = {key[1:]: value for key, value in found.items() if key[0] == "dnsbl_dns_nodata_total"}
    assert nodata == {("AAAA", "bl.test"): 1, ("A", "bl.test"): 1, ("MX", "bl.test"): 1}
    misses = {key[1:]: value for key, value in found.items() if key[0] == "dnsbl_dns_misses_total"}
    assert misses == {("A", "bl.test"): 1}
    assert answers_of(house.responder.found, house.responder.replies) == {"relay": 2, "": 1}


async def test_what_becomes_of_transfers_and_notifies_is_told(house: House) -> None:
    house.transfers["badsig"] += 2
    house.notifies["sent"] += 3
    found = house.samples()
    assert found["dnsbl_dns_transfer_requests_total", "badsig"] == 2
    assert found["dnsbl_dns_transfer_requests_total", "refused"] == 0
    assert found["dnsbl_dns_notifies_total", "sent"] == 3


async def test_b53_every_message_is_a_reply_or_a_drop_with_a_reason(house: House) -> None:
    await house.feed.step()
    house.responder.reply(b"short", CLIENT, tcp=False)
    house.ask("bl.test", client=ip_address("198.51.100.1").packed)
    for _ in range(6):
        house.ask("example.org")
    found = house.samples()
    dropped = {key[1]: value for key, value in found.items() if key[0] == "dnsbl_dns_dropped_total"}
    assert dropped == {"acl": 1, "header": 1, "rate": 2, "port": 0, "proxy": 0, "unsent": 0}
    assert found["dnsbl_dns_slipped_total",] == 2
    replies = sum(value for key, value in found.items() if key[0] == "dnsbl_dns_replies_total")
    assert replies + sum(dropped.values()) == found["dnsbl_dns_queries_total", "udp"] == 8


async def test_b53_the_table_is_described(house: House) -> None:
    assert not any(key[0].startswith("dnsbl_table_entries") for key in house.samples())
    await house.feed.step()
    house.clock.turn(seconds=90)
    found = house.samples()
    entries = {key[1]: value for key, value in found.items() if key[0] == "dnsbl_table_entries"}
    assert entries == {"relay": 2, "manual": 1, "exception": 1}
    assert found["dnsbl_table_age_seconds",] == 90
    assert found["dnsbl_table_change_number",] == 7
    table = house.responder.table
    assert table is not None
    assert found["dnsbl_table_serial",] == table.soa_serial
    assert found["dnsbl_table_build_seconds",] == 0  # by a clock that stands
    assert found["dnsbl_feed_snapshots_total",] == 1
    assert found["dnsbl_feed_trouble",] == 0


def test_b53_a_stranger_cannot_make_the_page_grow(house: House) -> None:
    for number in range(0, 65536, 5):
        house.responder.reply(bytes(5) + b"\1" + bytes(7) + number.to_bytes(2) + b"\0\1", CLIENT, tcp=False)
        if number > 300 and number % 97 != 0:
            continue
        house.ask(f"x{number}.example")
    kinds = {key[3] for key in house.samples() if key[0] == "dnsbl_dns_replies_total"}
    assert len(kinds) <= 17


def test_connections_and_lost_lines_are_there(house: House) -> None:
    house.log.lost = 4
    found = house.samples()
    assert found["dnsbl_dns_log_lost_total",] == 4
    assert found["dnsbl_dns_tcp_open",] == 0
    assert found["dnsbl_dns_tcp_closed_total", "idle"] == 0


class Ticking(HandClock):
    """Every look at it costs so many seconds."""

    step = 0.0

    def monotonic(self) -> float:
        self.turn(seconds=self.step)
        return super().monotonic()


async def test_b53_every_64th_answer_is_timed(house: House) -> None:
    await house.feed.step()
    house.responder._clock = clock = Ticking()
    for step, count in ((0.000375, TIMED_EVERY), (0.0625, TIMED_EVERY), (1.0, TIMED_EVERY - 1)):
        clock.step = step
        for _ in range(count):
            house.ask("7.2.0.192.bl.test")
    found = house.samples()
    buckets = {float(key[1]): value for key, value in found.items() if key[0] == "dnsbl_dns_answer_seconds_bucket"}
    assert buckets == {bound: bound >= 0.0005 for bound in BOUNDS} | {float("inf"): 2}
    assert found["dnsbl_dns_answer_seconds_sum",] == pytest.approx(0.062875)
    assert found["dnsbl_dns_answer_seconds_count",] == 2


async def test_b53_what_gets_no_answer_is_not_timed(house: House) -> None:
    await house.feed.step()
    for _ in range(TIMED_EVERY):
        house.responder.reply(b"short", CLIENT, tcp=False)
    assert house.samples()["dnsbl_dns_answer_seconds_count",] == 0


async def test_b53_a_scrape_neither_holds_answers_up_nor_changes_them(house: House) -> None:
    """Scrapes go on, one after the other, while 200 questions are asked over a socket."""
    await house.feed.step()
    house.responder.dns = Dns(listen=["127.0.0.1:0"])
    [(host, port)] = await house.responder.start()
    enough, pages = threading.Event(), []

    def scrape() -> None:
        while not enough.is_set():
            pages.append(house.page.text())

    scraping = threading.Thread(target=scrape)
    replies = []
    loop = asyncio.get_running_loop()
    query = dns.message.make_query("7.2.0.192.bl.test", "A").to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect((host, port))
        scraping.start()
        try:
            for n in range(200):
                await loop.sock_sendall(client, n.to_bytes(2) + query[2:])
                replies.append(await asyncio.wait_for(loop.sock_recv(client, 512), 5))
        finally:
            enough.set()
            scraping.join()
            await house.responder.close()
    assert [int.from_bytes(reply[:2]) for reply in replies] == list(range(200))
    assert {reply[2:] for reply in replies} == {replies[0][2:]}
    assert replies[0][3] & 15 == 0
    assert pages
    assert house.samples()["dnsbl_dns_answer_seconds_count",] == 200 // TIMED_EVERY


HEAD = "  sl  local_address rem_address st tx_queue rx_queue tr tm->when retrnsmt uid timeout inode ref pointer drops\n"
LINE = "  {}: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 {} 2 00000000ab {}\n"


def test_b56_the_kernels_drops_are_counted_for_our_sockets_only(tmp_path: Path) -> None:
    four, six, none = (tmp_path / name for name in ("udp", "udp6", "none"))
    four.write_text(HEAD + LINE.format(1, 77, 5) + LINE.format(2, 7, 1000))
    six.write_text(HEAD + LINE.format(1, 78, 30) + LINE.format(2, 79, 2000))
    assert socket_drops({77, 78}, [four, six]) == 35
    assert socket_drops({77, 78}, [four, none]) == 5
    assert socket_drops({1}, [four, six]) == 0
    assert socket_drops({77}, [none]) is None


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "[::1]:0"])
async def test_b56_what_finds_the_queue_full_is_on_the_page(
    house: House, listen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody reads while more is sent than the queue holds."""
    house.responder.dns = Dns(listen=[listen])
    enough = threading.Event()
    monkeypatch.setattr(house.responder._lanes.engine, "run", lambda udp, other, wild: enough.wait(10))
    [where] = await house.responder.start()
    assert house.samples()["dnsbl_dns_socket_drops_total",] == 0
    with socket.socket(socket.AF_INET6 if ":" in where[0] else socket.AF_INET, socket.SOCK_DGRAM) as client:
        for _ in range(3000):
            client.sendto(bytes(500), where)
    drops = house.samples()["dnsbl_dns_socket_drops_total",]
    enough.set()
    await house.responder.close()
    assert 0 < drops < 3000
    assert house.samples()["dnsbl_dns_socket_drops_total",] == 0


def get(url: str) -> tuple[str, str]:
    with urlopen(url, timeout=5) as reply:
        return reply.headers["Content-Type"], reply.read().decode()


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "[::1]:0"])
async def test_b53_a_node_without_web_shows_the_page_on_a_listener_of_its_own(house: House, listen: str) -> None:
    metrics_server = MetricsServer(house.page, listen)
    host, port = metrics_server.start()
    stop = asyncio.Event()
    running = asyncio.create_task(metrics_server.run(stop))
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    kind, text = await asyncio.to_thread(get, f"http://{where}/metrics")
    assert kind.startswith("text/plain")
    assert "dnsbl_dns_queries_total" in text
    stop.set()
    await running
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    again = socket.create_server((host, port), family=family)
    again.close()


def test_a_port_that_is_taken_is_one_sentence(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(DnsblError) as caught:
            MetricsServer(house.page, listen).start()
    assert (
        str(caught.value)
        == f"dns.metrics_listen: {listen}: cannot listen there: another program listens there (`ss -lntup` names it)"
    )


async def test_metrics_by_themselves_cost_few_connections_and_none_for_long(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: queue.Queue[Callable[[], object]] = queue.Queue()

    class Hand:
        """A timer that is turned by hand."""

        def __init__(self, seconds: float, end: Callable[..., object], words: tuple[object, ...]) -> None:
            assert seconds == metrics.SCRAPE
            self._end = lambda: end(*words)

        def start(self) -> None:
            ends.put(self._end)

        def cancel(self) -> None:
            pass

    monkeypatch.setattr(metrics, "Timer", Hand)
    metrics_server = MetricsServer(house.page, "127.0.0.1:0")
    place = metrics_server.start()
    stop = asyncio.Event()
    running = asyncio.create_task(metrics_server.run(stop))
    await asyncio.sleep(0)
    slow = [socket.create_connection(place, timeout=10) for _ in range(metrics.SCRAPES)]
    for one in slow:
        one.send(b"GET /metrics HTTP/1.0\r\nX: ")
    with socket.create_connection(place, timeout=10) as refused:
        assert await asyncio.to_thread(refused.recv, 1) == b"", "no ninth"
    for _ in slow:
        end = await asyncio.to_thread(ends.get, timeout=10)
        end()
    for one in slow:
        assert await asyncio.to_thread(one.recv, 1) == b"", "their time is over"
        one.close()
    for _ in slow:
        assert await asyncio.to_thread(metrics_server._server._places.acquire, timeout=10)
    metrics_server._server._places.release(len(slow))
    _, text = await asyncio.to_thread(get, f"http://{place[0]}:{place[1]}/metrics")
    assert "dnsbl_dns_queries_total" in text
    stop.set()
    await running


def test_the_parts_of_a_node_are_on_the_page_with_those_of_the_process_beside_it(house: House) -> None:
    board = Board(house.clock)
    house.page = Page(Parts(board, house.clock))
    board.begun("worker")
    board.begun("worker")
    board.beside([Health(part="dns", up=False, since=house.clock.now(), why="it was killed", begun=3)])
    house.clock.turn(seconds=7)
    samples = house.samples()
    assert samples["dnsbl_part_up", "worker"] == 1
    assert samples["dnsbl_part_up", "dns"] == 0
    assert samples["dnsbl_part_begun_total", "worker"] == 2
    assert samples["dnsbl_part_since_seconds", "dns"] == 7


async def test_two_pages_make_one_that_a_stranger_can_read(house: House) -> None:
    inner = Page(Answering(house.responder, house.feed, house.log, clock=house.clock), prefix="dnsbl_dns")
    metrics_server, stop = MetricsServer(inner, "127.0.0.1:0"), asyncio.Event()
    place = metrics_server.start()
    running = asyncio.create_task(metrics_server.run(stop))
    seen = await asyncio.to_thread(page_at, place)
    stop.set()
    await running
    both = Page(Parts(Board(house.clock), house.clock)).text() + seen
    families = [family.name for family in text_string_to_metric_families(both.decode())]
    assert len(families) == len(set(families))
    assert {"process_open_fds", "dnsbl_dns_process_open_fds", "dnsbl_dns_queries"} <= set(families)
    assert page_at(place) == b""


def test_what_strangers_cause_is_counted_by_server() -> None:
    tallies: dict[str, Tally] = {}
    page = Page(Troubles(tallies))
    tallies["web"] = Tally()
    for _ in range(3):
        tallies["web"].note("connections refused for want of a place")
    families = {family.name: family for family in text_string_to_metric_families(page.text().decode())}
    [sample] = families["dnsbl_troubles"].samples
    assert sample.labels == {"server": "web", "what": "connections refused for want of a place"} and sample.value == 3
