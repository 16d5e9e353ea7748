"""The responder: answers DNS over UDP and TCP at every `dns.listen` address.

A shell on asyncio around `dns.respond`. Between receiving and sending there is no SQL, lock, await or logging (law 5);
`table` is swapped in one assignment by the feed. Each address has sockets of its own, so that a reply leaves from the
address that was asked; a wildcard address is refused for that reason. Everything that a stranger can make grow is
bounded: a UDP reply that the kernel does not take at once while others wait is dropped, TCP connections are capped (the
one without a query for the longest time yields to a new one), a connection without a whole query for `tcp_idle` seconds
is closed, and one that does not read its replies is not read either.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from ipaddress import ip_address
from typing import Protocol, cast

from dnsbl.clock import Clock, SystemClock
from dnsbl.daemons.timing import TIMED_EVERY, Histogram
from dnsbl.dns.guard import Pace, rules_of
from dnsbl.dns.respond import Said, Serving, respond
from dnsbl.dns.table import Table
from dnsbl.dns.wire import AXFR, FORMERR, IXFR
from dnsbl.dns.zones import Zones
from dnsbl.errors import DnsblError
from dnsbl.settings import Dns, split_listen

#: UDP source ports that are never answered: port 0 cannot be, and echo, daytime, qotd and chargen would answer back.
UNANSWERED = frozenset({0, 7, 13, 17, 19})
#: Bytes of unread replies on one TCP connection, before its queries have to wait.
UNREAD = 65536
#: Bytes read from one TCP connection before the others, and UDP, have their turn.
AT_ONCE = 4096
#: Tries to find a port that is free for UDP and TCP when the system chooses.
TRIES = 20
#: What messages came over, and why some of them got no reply.
TRANSPORTS = ("udp", "tcp")
DROPS = ("acl", "header", "rate", "port", "unsent")

_log = logging.getLogger(__name__)

_MAPPED = bytes(10) + b"\xff\xff"

#: Query types that have a name of their own in counters; whatever else strangers ask for is "other".
TYPES = {1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV"} | {
    43: "DS",
    46: "RRSIG",
    48: "DNSKEY",
    65: "HTTPS",
    251: "IXFR",
    252: "AXFR",
    255: "ANY",
}


class Watcher(Protocol):
    """Who is told of every query that could be read: the query log."""

    def offer(self, said: Said, client: bytes, *, tcp: bool) -> None:
        """Look at it, and never wait."""
        ...


class Responder:
    """Answers until it is closed. `table` and the fields of `serving` may be set at any time, from any thread.

    `transfer` is asked about messages that only it may understand, zone transfers and signed ones (message, packed
    client, whether over TCP): the messages to send, each made in a thread as the client reads them (over UDP only one,
    and at once), or None for the ordinary reply.
    """

    def __init__(
        self,
        dns: Dns,
        zones: Zones,
        table: Table | None = None,
        *,
        clock: Clock = SystemClock(),  # noqa: B008 (stateless)
    ) -> None:
        self.dns = dns
        self.serving = _serving(dns, zones, table)
        self.transfer: Callable[[bytes, bytes, bool], Iterator[bytes] | None] | None = None
        self.watcher: Watcher | None = None
        #: Since the start, for metrics: messages by transport, and what was turned away.
        self.counters = dict.fromkeys((*TRANSPORTS, *DROPS, "slip", "transfers", "connections", "evicted", "idle"), 0)
        self.replies: dict[tuple[str, int, str, bool], int] = {}  #: by zone, rcode, type and whether over TCP
        self.connections: dict[_Connection, float] = {}  #: when each had its last whole query; loop time
        self.times = Histogram()  #: how long answers took to make
        self.inodes: frozenset[int] = frozenset()  #: of the UDP sockets, by which the kernel's tables know them
        self._clock = clock
        self._untimed = TIMED_EVERY
        self._datagrams: list[asyncio.DatagramTransport] = []
        self._servers: list[asyncio.Server] = []

    @property
    def table(self) -> Table | None:
        """What is answered from; until there is one every zone gets SERVFAIL."""
        return self.serving.table

    @table.setter
    def table(self, table: Table | None) -> None:
        self.serving.table = table

    def confirm(self, moment: float) -> None:
        """The store stood by the table at this moment; Unix seconds."""
        self.serving.seen = moment

    async def start(self) -> list[tuple[str, int]]:
        """Bind everything and answer; returns the bound (address, port) pairs. Raises DnsblError in one sentence."""
        loop = asyncio.get_running_loop()
        bound = []
        try:
            for listen in self.dns.listen:
                udp, tcp = _sockets(listen)
                transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), sock=udp)
                self._datagrams.append(transport)
                self.inodes |= {os.fstat(udp.fileno()).st_ino}
                self._servers.append(await loop.create_server(lambda: _Connection(self), sock=tcp))
                bound.append(udp.getsockname()[:2])
        except BaseException:
            await self.close()
            raise
        return bound

    async def close(self) -> None:
        """Stop answering; what TCP clients have not read by now is lost."""
        for transport in self._datagrams:
            transport.close()
        for server in self._servers:
            server.close()
        for connection in list(self.connections):
            connection.abort()
        for server in self._servers:
            await server.wait_closed()
        self._datagrams, self._servers, self.inodes = [], [], frozenset()
        await asyncio.sleep(0)  # transports close their sockets one turn later

    async def run(self, stop: asyncio.Event) -> None:
        """Answer until `stop` is set; binds first when `start` has not."""
        if not self._servers:
            await self.start()
        try:
            await stop.wait()
        finally:
            await self.close()

    def reply(self, packet: bytes, client: bytes, *, tcp: bool) -> bytes | Iterator[bytes] | None:
        """The answer for this client (a packed address), or the messages of a zone transfer. Counts and times it."""
        self._untimed -= 1
        if self._untimed:
            return self._reply(packet, client, tcp=tcp)
        self._untimed = TIMED_EVERY
        began = self._clock.monotonic()
        reply = self._reply(packet, client, tcp=tcp)
        if isinstance(reply, bytes):
            self.times.add(self._clock.monotonic() - began)
        return reply

    def _reply(self, packet: bytes, client: bytes, *, tcp: bool) -> bytes | Iterator[bytes] | None:
        self.counters["tcp" if tcp else "udp"] += 1
        said = respond(packet, client, self._clock.now().timestamp(), self.serving, tcp=tcp)
        if said.why:
            self.counters[said.why] += 1
        if self.watcher is not None and said.query is not None:
            self.watcher.offer(said, client, tcp=tcp)
        if said.packet is None or said.query is None:
            return None
        query = said.query
        if self.transfer is not None and (query.fault == FORMERR or query.qtype in (AXFR, IXFR)):
            messages = self.transfer(packet, client, tcp)
            if messages is not None:
                self.counters["transfers"] += 1
                return messages
        sort = said.zone, said.rcode, TYPES.get(query.qtype, "other"), tcp
        self.replies[sort] = self.replies.get(sort, 0) + 1
        return said.packet


def _serving(dns: Dns, zones: Zones, table: Table | None) -> Serving:
    """What the settings ask for; cookies and keys are set by `daemons.secrets`."""
    host = socket.gethostname()[:100]
    nsid = host if dns.nsid == "hostname" else dns.nsid
    told = {"version": dns.chaos_version, "id": host if dns.chaos_id == "hostname" else dns.chaos_id}
    return Serving(
        zones=zones,
        table=table,
        stale_after=dns.stale_after,
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


def packed(host: str) -> bytes:
    """The client's address as four or sixteen bytes; a mapped one as four."""
    if ":" not in host:
        return socket.inet_pton(socket.AF_INET, host)
    address = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    return address[12:] if address.startswith(_MAPPED) else address


class _Datagrams(asyncio.DatagramProtocol):
    """One UDP socket."""

    def __init__(self, responder: Responder) -> None:
        self._responder = responder
        self._full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # the loop's own class is no subclass of it

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr[1] in UNANSWERED:
            self._responder.counters["udp"] += 1
            self._responder.counters["port"] += 1
            return
        reply = self._responder.reply(data, packed(addr[0]), tcp=False)
        if reply is None:
            return
        if not isinstance(reply, bytes):
            reply = next(reply)
        if self._full:
            self._responder.counters["unsent"] += 1
        else:
            self._transport.sendto(reply, addr)

    def error_received(self, exc: Exception) -> None:
        """A client was gone, or cannot be reached."""
        self._responder.counters["unsent"] += 1

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False


class _Connection(asyncio.BufferedProtocol):
    """One TCP connection: frames of two bytes of length and a message (RFC 1035 4.2.2), any number, in a row or
    together (RFC 7766 6.2.1.1). A message that deserves no reply ends the connection.
    """

    def __init__(self, responder: Responder) -> None:
        self._responder = responder
        self._loop = asyncio.get_running_loop()
        self._chunk = memoryview(bytearray(AT_ONCE))
        self._unread = bytearray()
        self._full = False
        self._sending: Iterator[bytes] | None = None  # what is left of a zone transfer; nothing is read meanwhile
        self._making: asyncio.Future[bytes | None] | None = None  # its next message

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=UNREAD)
        self._client = packed((transport.get_extra_info("peername") or ("::",))[0])  # none when it has gone already
        others = self._responder.connections
        if len(others) >= self._responder.dns.tcp_connections:
            self._responder.counters["evicted"] += 1
            min(others, key=others.__getitem__).abort()
        self._responder.counters["connections"] += 1
        others[self] = self._loop.time()
        self._timer = self._loop.call_later(self._responder.dns.tcp_idle, self._look_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        self._responder.connections.pop(self, None)
        if self._making is None:
            self._give_up()

    def abort(self) -> None:
        """Close at once, and make room at once."""
        self._timer.cancel()
        self._responder.connections.pop(self, None)
        self._transport.abort()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._chunk

    def buffer_updated(self, nbytes: int) -> None:
        self._unread += self._chunk[:nbytes]
        self._answer_frames()

    def pause_writing(self) -> None:
        self._full = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._full = False
        self._go_on()

    def _answer_frames(self) -> None:
        at = 0
        while not self._full and self._sending is None and not self._transport.is_closing():
            end = at + 2 + int.from_bytes(self._unread[at : at + 2])
            if len(self._unread) < max(end, at + 2):
                break
            reply = self._responder.reply(bytes(self._unread[at + 2 : end]), self._client, tcp=True)
            at = end
            if reply is None:
                self._transport.close()
            elif isinstance(reply, bytes):
                self._send(reply)
            else:
                self._sending = reply
                self._transport.pause_reading()
                self._go_on()
        del self._unread[:at]

    def _go_on(self) -> None:
        """Have the next message of a zone transfer made, in a thread; without one read on."""
        if self._sending is not None:
            if self._making is None:
                self._making = self._loop.run_in_executor(None, next, self._sending, None)
                self._making.add_done_callback(self._made)
            return
        self._answer_frames()
        if not self._full and self._sending is None:
            self._transport.resume_reading()

    def _made(self, making: asyncio.Future[bytes | None]) -> None:
        """Send the message that was made, and go on when the client reads."""
        self._making = None
        error = making.exception()
        if error is not None:
            _log.error("a zone transfer failed", exc_info=error)
            self.abort()
        if error is not None or self._transport.is_closing():
            self._give_up()
            return
        message = making.result()
        if message is None:
            self._sending = None
        else:
            self._send(message)
        if not self._full:
            self._go_on()

    def _give_up(self) -> None:
        """Nothing more of a zone transfer is made."""
        close = getattr(self._sending, "close", None)
        if close is not None:
            close()
        self._sending = None

    def _send(self, message: bytes) -> None:
        self._responder.connections[self] = self._loop.time()
        self._transport.write(len(message).to_bytes(2) + message)

    def _look_idle(self) -> None:
        if self._making is not None:  # it waits for us
            self._responder.connections[self] = self._loop.time()
        left = self._responder.connections[self] + self._responder.dns.tcp_idle - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look_idle)
        else:
            self._responder.counters["idle"] += 1
            self.abort()


def _sockets(listen: str) -> tuple[socket.socket, socket.socket]:
    """A UDP and a TCP socket at one address and the same port. Raises DnsblError."""
    host, port = split_listen(listen)
    if ip_address(host).is_unspecified:
        raise DnsblError(f"dns.listen: {listen}: each address must be named, so that replies leave from the one asked")
    tries = 1 if port else TRIES
    while True:
        tries -= 1
        try:
            return _pair(host, port)
        except OSError as error:
            if not tries:
                raise DnsblError(f"dns.listen: {listen}: cannot listen there: {error.strerror}") from None


def _pair(host: str, port: int) -> tuple[socket.socket, socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with ExitStack() as opened:
        udp = opened.enter_context(socket.socket(family, socket.SOCK_DGRAM))
        tcp = opened.enter_context(socket.socket(family, socket.SOCK_STREAM))
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        udp.bind((host, port))
        tcp.bind(udp.getsockname()[:2])
        tcp.listen(100)
        opened.pop_all()
    return udp, tcp
