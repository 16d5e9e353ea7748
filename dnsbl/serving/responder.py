"""The responder: answers DNS over UDP and TCP at every `dns.listen` address.

A shell around `dns.respond`. Between receiving and sending there is no SQL, lock, await or logging (law 5); the feed
swaps `table` in one assignment. UDP comes in on `lanes`, which answer the common packets on threads of their own and
hand over the others; TCP comes in on `streams`, in the responder's own loop. Everything that a stranger can make grow
is bounded, there and here.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from ipaddress import ip_address
from typing import Any, Protocol

from dnsbl.clock import Clock, SystemClock
from dnsbl.dns import keyuse, proxied
from dnsbl.dns.guard import Pace, Prefixes, rules_of
from dnsbl.dns.keyuse import KeyUse
from dnsbl.dns.listed.table import Table
from dnsbl.dns.respond import Replied, Serving, respond
from dnsbl.dns.wire import AXFR, FORMERR, IXFR, TYPES
from dnsbl.dns.zones import Zones
from dnsbl.errors import DnsblError
from dnsbl.handed import NONE_HANDED, Handed
from dnsbl.serving.lanes import Lanes, packed
from dnsbl.serving.streams import Connection, certified
from dnsbl.serving.timing import TIMED_EVERY, Histogram
from dnsbl.settings import Dns, split_listen
from tester.crowd import Crowd, Tally
from tester.listening import YIELDED, Listener, bear_absence, unheard
from tester.listening import bound as bound_at

_log = logging.getLogger(__name__)

#: Tries to find a port that is free for UDP and TCP when the system chooses.
TRIES = 20
#: What messages came over, and why some of them got no reply.
TRANSPORTS = ("udp", "tcp")
DROPS = ("acl", "header", "rate", "port", "proxy", "unsent")


class Watcher(Protocol):
    """Who is told of queries that could be read: the query log."""

    def offer(self, said: Replied, client: bytes, *, tcp: bool, sampled: bool | None) -> None:
        """Look at it, and never wait; `sampled` is None where it is not yet decided whether this one is logged."""
        ...


class Responder:
    """Answers until it is closed. `table` may be set, and `serving` be changed, at any time, from any thread.

    `transfer` is asked about messages that only it may understand, zone transfers and signed ones (message, packed
    client, whether over TCP, whether over TLS): the messages to send, each made in a thread as the client reads them
    (over UDP only one, and at once), or None for the ordinary reply.
    """

    def __init__(
        self,
        dns: Dns,
        zones: Zones,
        table: Table | None = None,
        *,
        clock: Clock = SystemClock(),  # noqa: B008 (stateless)
        handed: Handed = NONE_HANDED,
        tls: ssl.SSLContext | None = None,
        again: bool = False,
    ) -> None:
        """One that answers `again`, in the place of another, listens at addresses that are away now too."""
        self.dns = dns
        self._handed = handed
        self._tls, self._again = tls, again
        self.serving = _serving(dns, zones, table)
        self.transfer: Callable[[bytes, bytes, bool, bool], Iterator[bytes] | None] | None = None
        self.watcher: Watcher | None = None
        self.lookups: Callable[[Replied, bytes], None] | None = None  #: is told of questions to watched zones
        self.connections: dict[Connection, float] = {}  #: when each had its last whole query; loop time
        #: What was counted here, as `counters` and `replies` have it; the lanes count what they answer themselves.
        self.counted = dict.fromkeys((*TRANSPORTS, *DROPS, "slip", "transfers", "connections", "idle"), 0)
        self._replied: dict[tuple[str, int, str, bool], int] = {}
        self._found: Counter[tuple[str, str, str]] = Counter()
        self._used: dict[bytes, KeyUse] = {}
        self._times = Histogram()
        self._clock = clock
        self._untimed = TIMED_EVERY
        self._lanes = self._fresh_lanes()
        self._closed = False
        self._servers: list[Listener] = []
        self._crowd, self._tally = Crowd(dns.tcp_connections), Tally()

    @property
    def table(self) -> Table | None:
        """What is answered from; until there is one every zone gets SERVFAIL."""
        return self.serving.table

    @table.setter
    def table(self, table: Table | None) -> None:
        self.serving.change(table=table)

    def confirm(self, moment: float) -> None:
        """The store stood by the table at this moment; Unix seconds."""
        self.serving.change(seen=moment)

    @property
    def engine(self) -> str:
        """What answers UDP, for people."""
        return self._lanes.engine.which

    @property
    def inodes(self) -> frozenset[int]:
        """Of the UDP sockets, by which the kernel's tables know them."""
        return self._lanes.inodes

    @property
    def counters(self) -> dict[str, int]:
        """Since the start: messages by transport, and what was turned away."""
        engine = self._lanes.engine.counted()
        found = {name: count + engine.get(name, 0) for name, count in self.counted.items()}
        return found | {"unsent": found["unsent"] + self._lanes.unsent, "evicted": self._tally.counted[YIELDED]}

    @property
    def handed_over(self) -> int:
        """Messages over UDP that the lanes left to the reference, as it took them."""
        return self.counted["udp"]

    @property
    def unlogged(self) -> int:
        """Queries that were to be logged, and were answered without."""
        return self._lanes.engine.counted()["unlogged"]

    @property
    def replies(self) -> dict[tuple[str, int, str, bool], int]:
        """Since the start: replies by zone, rcode, type and whether over TCP."""
        found = self._replied.copy()
        for sort, count in self._lanes.engine.replied().items():
            found[sort] = found.get(sort, 0) + count
        return found

    @property
    def found(self) -> dict[tuple[str, str, str], int]:
        """Since the start, of replies: ("hit", zone, kind) for each kind that the address asked for is listed under,
        and ("nodata", zone, type) where the name is there and has nothing of that type.
        """
        return self._found.copy() + Counter(self._lanes.engine.found())  # other threads ask while it grows

    @property
    def used(self) -> dict[bytes, KeyUse]:
        """Since the start: how clients' keys were used, by digest."""
        used = self._used.copy()
        keyuse.add(used, self._lanes.engine.used())
        return used

    @property
    def times(self) -> Histogram:
        """How long answers took to make, sampled."""
        return self._times.plus(*self._lanes.engine.timed())

    async def start(self) -> list[tuple[str, int]]:
        """Bind everything and answer; returns the bound (address, port) pairs. Raises DnsblError in one sentence."""
        bound = []
        if self._closed:
            self._lanes, self._closed = self._fresh_lanes(), False
        try:
            for listen in self.dns.listen:
                udps, tcp = _sockets(listen, self.dns.threads, self._handed, absent=self._again)
                kept = bool(self._handed.take("udp", *split_listen(listen)))
                for udp in udps:
                    self._lanes.open(udp, kept=kept)
                listener = Listener(
                    tcp,
                    self._crowd,
                    lambda place: Connection(self, place),
                    who="TCP",
                    tally=self._tally,
                    log=_log,
                    exempt=self.dns.proxies,
                )
                self._servers.append(listener)
                listener.start()
                bound.append(tcp.getsockname()[:2])
            for listen in self.dns.tls_listen:
                bound.append(self._listen_tls(listen))
        except BaseException:
            await self.close()
            raise
        return bound

    def _listen_tls(self, listen: str) -> tuple[str, int]:
        """Answer over TLS there; returns where that is. Raises DnsblError."""
        if self._tls is None:
            self._tls = certified(self.dns)
        host, port = split_listen(listen)
        try:
            tcp = next(iter(self._handed.take("tcp", host, port)), None) or bound_at(host, port, absent=self._again)
        except OSError as error:
            raise DnsblError(f"dns.tls_listen: {listen}: cannot listen there: {unheard(error)}") from None
        listener = Listener(
            tcp,
            self._crowd,
            lambda place: Connection(self, place, tls=True),
            who="TLS",
            tally=self._tally,
            log=_log,
            tls=self._tls,
        )
        self._servers.append(listener)
        listener.start()
        where = tcp.getsockname()
        return where[0], where[1]

    def certify(self) -> None:
        """Read the certificate anew, for connections that are to come. Raises DnsblError; then it stays as it is."""
        if self._tls is None:
            return
        self._tls = certified(self.dns)
        for server in self._servers:
            if server.tls is not None:
                server.tls = self._tls

    async def close(self) -> None:
        """Stop answering; what TCP clients have not read by now is lost. What is started again counts from nothing."""
        self._closed = True
        await self._lanes.close()
        for server in self._servers:
            server.close()
        for server in self._servers:
            await server.wait_closed()
        for connection in list(self.connections):
            connection.abort()
        self._servers = []
        await asyncio.sleep(0)  # transports close their sockets one turn later

    async def run(self, stop: asyncio.Event) -> None:
        """Answer until `stop` is set, or a thread fails; binds first when `start` has not."""
        if not self._servers:
            await self.start()
        told: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
        try:
            ended, _ = await asyncio.wait([told, *self._lanes.running], return_when=asyncio.FIRST_COMPLETED)
            if told not in ended:
                ended.pop().result()
        finally:
            told.cancel()
            await self.close()

    def _fresh_lanes(self) -> Lanes:
        """Lanes whose engine knows what is served."""
        sockets, every = len(self.dns.listen) * self.dns.threads, self.dns.query_log_every
        lanes = Lanes(sockets, self._handed_over, every=every, clock=self._clock)
        self.serving.heard = lanes.engine.load
        self.serving.change()
        return lanes

    def tells(self, peer: bytes) -> bool | None:
        """Whether a connection from there (a packed address) must begin with a PROXY header; None where none may."""
        proxies = self.serving.proxies
        return None if proxies is None else bool(proxies.of(peer))

    def reply(
        self,
        packet: bytes,
        client: bytes,
        *,
        tcp: bool,
        tls: bool = False,
        sampled: bool | None = None,
        counted: bool = False,
    ) -> bytes | Iterator[bytes] | None:
        """The answer for this client (a packed address), or the messages of a zone transfer. Counts and times it."""
        self._untimed -= 1
        if self._untimed:
            return self._reply(packet, client, tcp=tcp, tls=tls, sampled=sampled, counted=counted)
        self._untimed = TIMED_EVERY
        began = self._clock.monotonic()
        reply = self._reply(packet, client, tcp=tcp, tls=tls, sampled=sampled, counted=counted)
        if isinstance(reply, bytes):
            self._times.add(self._clock.monotonic() - began)
        return reply

    def _handed_over(self, packet: bytes, host: str, sampled: bool, counted: bool) -> bytes | None:
        """The reply to what a lane does not answer itself."""
        client = packed(host)
        if self.serving.proxies is not None:
            seen = proxied.seen(packet, client, self.serving.proxies)
            if seen is None:
                self.counted["udp"] += 1
                self.counted["proxy"] += 1
                return None
            packet, client = seen
        reply = self.reply(packet, client, tcp=False, sampled=sampled, counted=counted)
        return reply if reply is None or isinstance(reply, bytes) else next(reply)

    def _reply(
        self, packet: bytes, client: bytes, *, tcp: bool, tls: bool, sampled: bool | None, counted: bool
    ) -> bytes | Iterator[bytes] | None:
        self.counted["tcp" if tcp else "udp"] += 1
        now = self._clock.now().timestamp()
        said = respond(packet, client, now, self.serving, tcp=tcp, tls=tls, counted=counted)
        if said.why:
            self.counted[said.why] += 1
        if said.key is not None:
            used = self._used.setdefault(said.key.digest, KeyUse())
            used.note(client, now, hit=said.key.hit, refused=said.key.refused, elsewhere=said.key.elsewhere)
        if self.watcher is not None and said.query is not None:
            self.watcher.offer(said, client, tcp=tcp, sampled=sampled)
        if self.lookups is not None and said.zone in self.serving.zones.watched:
            self.lookups(said, client)
        if said.packet is None or said.query is None:
            return None
        query = said.query
        if self.transfer is not None and (query.fault == FORMERR or query.qtype in (AXFR, IXFR)):
            messages = self.transfer(packet, client, tcp, tls)
            if messages is not None:
                self.counted["transfers"] += 1
                return messages
        sort = said.zone, said.rcode, TYPES.get(query.qtype, "other"), tcp
        self._replied[sort] = self._replied.get(sort, 0) + 1
        for kind in said.kinds:
            self._found["hit", said.zone, kind] += 1
        if said.nodata:
            self._found["nodata", said.zone, sort[2]] += 1
        return said.packet


def _serving(dns: Dns, zones: Zones, table: Table | None) -> Serving:
    """What the settings ask for; cookies and keys are set by `serving.secrets`."""
    host = socket.gethostname()[:100]
    nsid = host if dns.nsid == "hostname" else dns.nsid
    told = {"version": dns.chaos_version, "id": host if dns.chaos_id == "hostname" else dns.chaos_id}
    return Serving(
        zones=zones,
        table=table,
        stale_after=dns.stale_after,
        tcp_idle=dns.tcp_idle,
        proxies=Prefixes(dict.fromkeys(dns.proxies, True)) if dns.proxies else None,
        rules=rules_of(dns.acl),
        pace=Pace(
            answers=dns.rate_answers,
            negatives=dns.rate_negatives,
            errors=dns.rate_errors,
            slip=dns.rate_slip,
            allow=dns.rate_allow,
            seed=secrets.randbits(64),
        ),
        nsid=None if nsid == "off" else bytes.fromhex(nsid[2:]) if nsid.startswith("0x") else nsid.encode(),
        told={name: words for name, words in told.items() if words != "off"},
    )


def _sockets(listen: str, threads: int, handed: Handed, *, absent: bool) -> tuple[list[socket.socket], socket.socket]:
    """UDP sockets, one a thread, or those that were handed over, and a TCP socket at one address and the same port.
    Raises DnsblError.
    """
    host, port = split_listen(listen)
    tries = 1 if port else TRIES
    while True:
        tries -= 1
        try:
            return _bound(host, port, threads, handed, absent=absent)
        except OSError as error:
            if not tries:
                raise DnsblError(f"dns.listen: {listen}: cannot listen there: {unheard(error)}") from None


def _bound(
    host: str, port: int, threads: int, handed: Handed, *, absent: bool
) -> tuple[list[socket.socket], socket.socket]:
    family = socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET
    with ExitStack() as opened:
        udps = [opened.enter_context(one) for one in handed.take("udp", host, port)[:threads]]
        made: list[socket.socket] = []
        if not udps:
            for _ in range(threads):
                udp = opened.enter_context(socket.socket(family, socket.SOCK_DGRAM))
                if threads > 1:
                    udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                udps.append(udp)
            made += udps
        tcp, *_ = handed.take("tcp", host, port) or [socket.socket(family, socket.SOCK_STREAM)]
        opened.enter_context(tcp)
        if not tcp.getsockname()[1]:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.append(tcp)
        for one in made:
            if absent:
                bear_absence(one)
            if family == socket.AF_INET6:  # so that [::] and 0.0.0.0 can both be named
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind((host, port))
            port = one.getsockname()[1]
        tcp.listen(100)
        opened.pop_all()
    return udps, tcp
