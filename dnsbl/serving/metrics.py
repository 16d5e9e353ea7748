"""Prometheus metrics: what the responder and the feed have counted, read when somebody asks.

The answering path only adds to plain numbers; names and labels are made here, at the scrape, in the scraper's thread.
`Page.text` is what the web shows at /metrics; `MetricsServer` serves the same on a listener of its own, for nodes
without a web.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from http.client import HTTPConnection, HTTPException
from ipaddress import ip_address
from pathlib import Path
from socketserver import ThreadingMixIn
from threading import BoundedSemaphore, Thread, Timer
from types import MappingProxyType
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from dnsbl.clock import Clock
from dnsbl.dns.wire import NXDOMAIN
from dnsbl.errors import DnsblError
from dnsbl.health import Board
from dnsbl.serving.feed import Feed
from dnsbl.serving.follower import Follower
from dnsbl.serving.querylog import QueryLog
from dnsbl.serving.responder import DROPS, TRANSPORTS, Responder
from dnsbl.settings import split_listen
from dnsbl.vocabulary import EXCEPTION
from tester.crowd import Tally
from tester.listening import unheard

#: Where Linux tells about UDP sockets; a line a socket, with its inode and the datagrams that found its queue full.
SOCKET_TABLES = (Path("/proc/net/udp"), Path("/proc/net/udp6"))


class Answering(Collector):
    """All about the responder, its feed, and its secondaries."""

    def __init__(
        self,
        responder: Responder,
        feed: Feed | Follower,
        log: QueryLog | None,
        *,
        clock: Clock,
        transfers: Mapping[str, int] = MappingProxyType({}),
        notifies: Mapping[str, int] = MappingProxyType({}),
        lookups: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._responder = responder
        self._feed = feed
        self._transfers = transfers  # counts by what became of them, as for `notifies`
        self._notifies = notifies
        self._lookups = lookups
        self._log = log
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now."""
        counters, replies = self._responder.counters, self._responder.replies
        family = CounterMetricFamily("dnsbl_dns_queries", "DNS messages received.", labels=["transport"])
        for transport in TRANSPORTS:
            family.add_metric([transport], counters[transport])
        yield family
        labels = ["zone", "rcode", "type", "transport"]
        family = CounterMetricFamily(
            "dnsbl_dns_replies", "Replies made; zone is empty outside the zones.", labels=labels
        )
        for (zone, rcode, kind, tcp), count in sorted(replies.items()):
            family.add_metric([zone, rcode_name(rcode), kind, TRANSPORTS[tcp]], count)
        yield family
        yield from self._found(replies)
        family = CounterMetricFamily(
            "dnsbl_dns_dropped", "Messages without a reply, or replies unsent.", labels=["reason"]
        )
        for reason in DROPS:
            family.add_metric([reason], counters[reason])
        yield family
        yield CounterMetricFamily(
            "dnsbl_dns_handed_over", "Messages left to the reference by the engine.", self._responder.handed_over
        )
        yield CounterMetricFamily("dnsbl_dns_slipped", "Replies over a rate limit sent with TC.", counters["slip"])
        yield CounterMetricFamily("dnsbl_dns_transfers", "Messages left to zone transfers.", counters["transfers"])
        for name, words, counts in (
            ("dnsbl_dns_transfer_requests", "Requests of secondaries, by what became of them.", self._transfers),
            (
                "dnsbl_dns_notifies",
                "Messages that tell secondaries of a change, and how tellings ended.",
                self._notifies,
            ),
            ("dnsbl_dns_lookups", "Questions to watched zones, by what became of them.", self._lookups),
        ):
            family = CounterMetricFamily(name, words, labels=["what"])
            for what, count in counts.items():
                family.add_metric([what], count)
            yield family
        yield CounterMetricFamily("dnsbl_dns_tcp_connections", "TCP connections taken.", counters["connections"])
        family = CounterMetricFamily("dnsbl_dns_tcp_closed", "TCP connections closed by us.", labels=["reason"])
        for reason in ("evicted", "idle"):
            family.add_metric([reason], counters[reason])
        yield family
        yield GaugeMetricFamily("dnsbl_dns_tcp_open", "TCP connections now.", len(self._responder.connections))
        times = self._responder.times
        yield HistogramMetricFamily(
            "dnsbl_dns_answer_seconds",
            "Time to make an answer, sampled.",
            buckets=times.cumulative(),
            sum_value=times.total,
        )
        lost = socket_drops(self._responder.inodes)
        if lost is not None:
            yield CounterMetricFamily("dnsbl_dns_socket_drops", "Messages that found the socket's queue full.", lost)
        if self._log is not None:
            unlogged = self._log.lost + self._responder.unlogged
            yield CounterMetricFamily("dnsbl_dns_log_lost", "Sampled queries that were not logged.", unlogged)
        yield from self._table()

    def _found(self, replies: Mapping[tuple[str, int, str, bool], int]) -> Iterator[Metric]:
        """What was asked for and is listed, is there without such records, or is not there."""
        hits = CounterMetricFamily(
            "dnsbl_dns_hits", "Replies about listed addresses, once for each kind.", labels=["zone", "kind"]
        )
        nodata = CounterMetricFamily(
            "dnsbl_dns_nodata", "Replies that a name has no records of the type.", labels=["zone", "type"]
        )
        for (what, zone, name), count in sorted(self._responder.found.items()):
            (hits if what == "hit" else nodata).add_metric([zone, name], count)
        misses: Counter[tuple[str, str]] = Counter()
        for (zone, rcode, kind, _), count in replies.items():
            if rcode == NXDOMAIN:
                misses[zone, kind] += count
        missed = CounterMetricFamily("dnsbl_dns_misses", "Replies that a name is not there.", labels=["zone", "type"])
        for (zone, kind), count in sorted(misses.items()):
            missed.add_metric([zone, kind], count)
        yield from (hits, nodata, missed)

    def _table(self) -> Iterator[Metric]:
        for name, value in self._feed.counters.copy().items():
            yield CounterMetricFamily(f"dnsbl_feed_{name}", f"The feed's {name} since the start.", value)
        yield GaugeMetricFamily("dnsbl_feed_trouble", "1 while the store cannot be followed.", bool(self._feed.problem))
        yield GaugeMetricFamily(
            "dnsbl_zones_unnumbered",
            "1 while secondaries get no zone from here, since its serial stands for another one.",
            bool(self._feed.unnumbered),
        )
        yield GaugeMetricFamily(
            "dnsbl_table_build_seconds", "How long the table took to make.", self._feed.build_seconds
        )
        table = self._responder.table
        if table is None:
            return
        entries = GaugeMetricFamily("dnsbl_table_entries", "Networks listed.", labels=["kind"])
        for kind, count in sorted(table.counts.items()):
            entries.add_metric(["exception" if kind == EXCEPTION else kind], count)
        yield entries
        age = self._clock.now().timestamp() - self._responder.serving.seen
        yield GaugeMetricFamily("dnsbl_table_age_seconds", "Since the store last stood by the table.", max(0.0, age))
        stale = age > self._responder.serving.stale_after
        yield GaugeMetricFamily("dnsbl_table_stale", "1 while the table is older than stale_after.", stale)
        yield GaugeMetricFamily("dnsbl_table_change_number", "The change number that is answered from.", table.serial)
        yield GaugeMetricFamily("dnsbl_table_serial", "The serial of the zones.", table.soa_serial)


def socket_drops(inodes: Collection[int], tables: Iterable[Path] = SOCKET_TABLES) -> int | None:
    """Datagrams that the kernel dropped before these UDP sockets; None where it does not tell."""
    wanted, lost, told = {str(inode) for inode in inodes}, 0, False
    for table in tables:
        try:
            lines = table.read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        told = True
        lost += sum(int(fields[-1]) for fields in map(str.split, lines) if fields[9] in wanted)
    return lost if told else None


_RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"} | {
    16: "BADVERS",
    23: "BADCOOKIE",
}


def rcode_name(rcode: int) -> str:
    """A reply code as people write it."""
    return _RCODES.get(rcode, str(rcode))


class Parts(Collector):
    """Which parts of a node are at work, of all its processes."""

    def __init__(self, board: Board, clock: Clock) -> None:
        self._board = board
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now."""
        up = GaugeMetricFamily(
            "dnsbl_part_up", "1 while a part of the node works, 0 while it is down.", labels=["part"]
        )
        since = GaugeMetricFamily("dnsbl_part_since_seconds", "For how long it has been so.", labels=["part"])
        begun = CounterMetricFamily("dnsbl_part_begun", "How often it was begun.", labels=["part"])
        now = self._clock.now()
        for health in self._board.all():
            up.add_metric([health.part], health.up)
            since.add_metric([health.part], max(0.0, (now - health.since).total_seconds()))
            begun.add_metric([health.part], health.begun)
        yield from (up, since, begun)


class Troubles(Collector):
    """Strangers' connections by server, and what came of those that were refused or ended; `tallies` may grow."""

    def __init__(self, tallies: Mapping[str, Tally]) -> None:
        self._tallies = tallies

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now."""
        family = CounterMetricFamily(
            "dnsbl_troubles",
            "Connections that were refused or ended, and what else strangers cause.",
            labels=["server", "what"],
        )
        taken = CounterMetricFamily("dnsbl_connections", "Connections that were taken.", labels=["server"])
        for server, tally in list(self._tallies.items()):
            taken.add_metric([server], tally.connections)
            for what, count in sorted(tally.counted.items()):
                family.add_metric([server, what], count)
        yield from (family, taken)


class Page:
    """The metrics of one process; `prefix` is for those that every process has, where two pages are to become one."""

    def __init__(self, *collectors: Collector, prefix: str = "") -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(namespace=prefix, registry=self.registry)
        for collector in collectors:
            self.registry.register(collector)

    def text(self) -> bytes:
        """The page."""
        return generate_latest(self.registry)


def joined(*pages: bytes) -> bytes:
    """Several pages as one: of a metric that more than one has, all samples stand together, as the format demands."""
    families: dict[bytes, list[bytes]] = {}
    rows: list[bytes] = []
    for page in pages:
        for line in page.splitlines(keepends=True):
            if line.startswith(b"# HELP "):
                name = line.split(b" ", 3)[2]
                known = name in families
                rows = families.setdefault(name, [])
                if known:
                    continue
            elif line.startswith(b"#") and len(rows) > 1:
                continue
            rows.append(line)
    return b"".join(line for rows in families.values() for line in rows)


#: Seconds that a scrape may last, and how many may be under way.
SCRAPE, SCRAPES = 10.0, 8


def page_at(place: tuple[str, int]) -> bytes:
    """The page that a process beside this one shows there; empty when it does not, within two seconds."""
    wire = HTTPConnection(*place, timeout=2)
    try:
        wire.request("GET", "/metrics")
        reply = wire.getresponse()
        return reply.read() if reply.status == 200 else b""
    except (OSError, HTTPException):
        return b""
    finally:
        wire.close()


class _Quiet(WSGIRequestHandler):
    """Without a log line a request."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Threaded(ThreadingMixIn, WSGIServer):
    """A thread a connection, of which there are few and none for long, however slowly it speaks."""

    daemon_threads = True

    def __init__(self, *words: Any) -> None:
        self._places = BoundedSemaphore(SCRAPES)
        super().__init__(*words)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        end = Timer(SCRAPE, request.shutdown, (socket.SHUT_RDWR,))
        end.daemon = True
        end.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            end.cancel()
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is no news."""


class _Threaded6(_Threaded):
    address_family = socket.AF_INET6


class MetricsServer:
    """Serves a page on `listen`, in threads of its own, and, where there are `ready` and `keys`, what these say of the
    node and of clients' keys.
    """

    def __init__(
        self,
        page: Page,
        listen: str,
        ready: Callable[[], Mapping[str, Any]] | None = None,
        keys: Callable[[], Mapping[str, Any]] | None = None,
    ) -> None:
        self._metrics: WSGIApplication = make_wsgi_app(page.registry)
        self._listen = listen
        self._ready = ready
        self._keys = keys

    def start(self) -> tuple[str, int]:
        """Bind; returns (address, port). Raises DnsblError in one sentence."""
        host, port = split_listen(self._listen)
        server = _Threaded6 if ip_address(host).version == 6 else _Threaded
        try:
            self._server = make_server(host, port, self._answer, server, _Quiet)
        except OSError as error:
            raise DnsblError(f"dns.metrics_listen: {self._listen}: cannot listen there: {unheard(error)}") from None
        bound = self._server.server_address
        return str(bound[0]), int(bound[1])

    def _answer(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        """One request: /metrics, /healthz (the process lives), /readyz (it is fit to be asked), /keys, nothing else."""
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            return self._metrics(environ, start)
        status, kind, body = "404 Not Found", "text/plain", b"there are /metrics, /healthz, /readyz and /keys\n"
        if path == "/healthz" and self._ready:
            status, body = "200 OK", b"ok\n"
        elif path == "/readyz" and self._ready:
            document = self._ready()
            status = "200 OK" if document["ready"] else "503 Service Unavailable"
            kind, body = "application/json", json.dumps(document).encode() + b"\n"
        elif path == "/keys" and self._keys:
            try:
                status, kind, body = "200 OK", "application/json", json.dumps(self._keys()).encode() + b"\n"
            except DnsblError as error:
                body = f"{error}\n".encode()
        start(status, [("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")])
        return [] if environ.get("REQUEST_METHOD") == "HEAD" else [body]

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`."""
        thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        await stop.wait()
        await asyncio.to_thread(self._server.shutdown)
        self.close()

    def close(self) -> None:
        """Free the port."""
        self._server.server_close()
