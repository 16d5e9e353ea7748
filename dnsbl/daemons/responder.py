"""The responder: answers DNS over UDP and TCP at every `dns.listen` address.

A shell on asyncio around `dns.answer`. Between receiving and sending there is no SQL, lock, await or logging (law 5);
`table` is swapped in one assignment by the feed. UDP comes in on `lanes`, which answer the common packets on threads of
their own and hand over the others. Each address has sockets of its own, so that a reply leaves from the address that
was asked; a wildcard address is refused for that reason. Everything that a stranger can make grow is bounded: a UDP
reply that the kernel does not take at once is dropped, TCP connections are capped (the one without a query for the
longest time yields to a new one), a connection without a whole query for `tcp_idle` seconds is closed, and one that
does not read its replies is not read either.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from ipaddress import ip_address
from typing import Any, cast

from dnsbl.daemons.lanes import Direct, Lanes
from dnsbl.dns.answer import answer
from dnsbl.dns.table import Table
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


class Responder:
    """Answers until it is closed. `table` may be set at any time; until then every zone gets SERVFAIL."""

    def __init__(self, dns: Dns, zones: Zones, table: Table | None = None) -> None:
        self._table = table
        self.zones = zones
        self.dns = dns
        self.counted = dict.fromkeys(
            ("udp", "tcp", "silent", "unsent", "connections", "evicted", "idle", *(f"rcode_{n}" for n in range(16))), 0
        )
        self.connections: dict[_Connection, float] = {}  #: when each had its last whole query; loop time
        self._lanes: Lanes | None = None
        self._servers: list[asyncio.Server] = []

    @property
    def table(self) -> Table | None:
        return self._table

    @table.setter
    def table(self, table: Table | None) -> None:
        self._table = table
        self._load()

    def _load(self) -> None:
        """Give the table to the engine of the lanes; an engine without one hands every packet over to `reply`."""
        if self._lanes:
            self._lanes.engine.swap(self._table)

    @property
    def engine(self) -> str:
        """What answers, for people; "" before `start`."""
        return self._lanes.engine.words if self._lanes else ""

    @property
    def counters(self) -> Mapping[str, int]:
        """Since the start, for metrics: messages by transport, replies by rcode, and what was turned away."""
        return Sum(self.counted, self._lanes.engine.counted if self._lanes else dict)

    async def start(self) -> list[tuple[str, int]]:
        """Bind everything and answer; returns the bound (address, port) pairs. Raises DnsblError in one sentence."""
        loop = asyncio.get_running_loop()
        bound = []
        self._lanes = lanes = Lanes(self.zones, UNANSWERED)
        self._load()
        try:
            for listen in self.dns.listen:
                udps, tcp = _sockets(listen, self.dns.threads)
                for one in udps:
                    datagrams = _Datagrams(self)
                    datagrams.connection_made(Direct(one, datagrams.unsent))
                    lanes.open(one, datagrams.datagram_received)
                self._servers.append(await loop.create_server(lambda: _Connection(self), sock=tcp))
                bound.append(tcp.getsockname()[:2])
        except BaseException:
            await self.close()
            raise
        return bound

    async def close(self) -> None:
        """Stop answering; what TCP clients have not read by now is lost."""
        if self._lanes:
            await self._lanes.close()
        for server in self._servers:
            server.close()
        for connection in list(self.connections):
            connection.abort()
        for server in self._servers:
            await server.wait_closed()
        self._servers = []
        await asyncio.sleep(0)  # transports close their sockets one turn later

    async def run(self, stop: asyncio.Event) -> None:
        """Answer until `stop` is set, or a thread fails; binds first when `start` has not."""
        if not self._servers:
            await self.start()
        told: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
        running: list[asyncio.Future[Any]] = [*self._lanes.running] if self._lanes else []
        try:
            ended, _ = await asyncio.wait([told, *running], return_when=asyncio.FIRST_COMPLETED)
            if told not in ended:
                ended.pop().result()
        finally:
            told.cancel()
            await self.close()

    def reply(self, packet: bytes, *, tcp: bool) -> bytes | None:
        """The answer, counted."""
        self.counted["tcp" if tcp else "udp"] += 1
        reply = answer(packet, self.table, self.zones, tcp=tcp)
        if reply is None:
            self.counted["silent"] += 1
        else:
            self.counted[f"rcode_{reply[3] & 15}"] += 1
        return reply


class Sum(Mapping[str, int]):
    """Counters of two places, added up when they are read."""

    def __init__(self, own: Mapping[str, int], others: Callable[[], Mapping[str, int]]) -> None:
        self._own = own
        self._others = others

    def __getitem__(self, name: str) -> int:
        return self._own[name] + self._others().get(name, 0)

    def __iter__(self) -> Iterator[str]:
        return iter(self._own)

    def __len__(self) -> int:
        return len(self._own)


class _Datagrams(asyncio.DatagramProtocol):
    """What the lane of one UDP socket hands over."""

    def __init__(self, responder: Responder) -> None:
        self._responder = responder

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # the loop's own class is no subclass of it

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = None if addr[1] in UNANSWERED else self._responder.reply(data, tcp=False)
        if reply is not None:
            self._transport.sendto(reply, addr)

    def unsent(self) -> None:
        """A reply that the kernel did not take."""
        self._responder.counted["unsent"] += 1


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

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=UNREAD)
        others = self._responder.connections
        if len(others) >= self._responder.dns.tcp_connections:
            self._responder.counted["evicted"] += 1
            min(others, key=others.__getitem__).abort()
        self._responder.counted["connections"] += 1
        others[self] = self._loop.time()
        self._timer = self._loop.call_later(self._responder.dns.tcp_idle, self._look_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        self._responder.connections.pop(self, None)

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
        self._answer_frames()
        if not self._full:
            self._transport.resume_reading()

    def _answer_frames(self) -> None:
        at = 0
        while not self._full and not self._transport.is_closing():
            end = at + 2 + int.from_bytes(self._unread[at : at + 2])
            if len(self._unread) < max(end, at + 2):
                break
            reply = self._responder.reply(bytes(self._unread[at + 2 : end]), tcp=True)
            at = end
            if reply is None:
                self._transport.close()
            else:
                self._responder.connections[self] = self._loop.time()
                self._transport.write(len(reply).to_bytes(2) + reply)
        del self._unread[:at]

    def _look_idle(self) -> None:
        left = self._responder.connections[self] + self._responder.dns.tcp_idle - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look_idle)
        else:
            self._responder.counted["idle"] += 1
            self.abort()


def _sockets(listen: str, threads: int) -> tuple[list[socket.socket], socket.socket]:
    """UDP sockets, one a thread, and a TCP socket at one address and the same port. Raises DnsblError."""
    host, port = split_listen(listen)
    if ip_address(host).is_unspecified:
        raise DnsblError(f"dns.listen: {listen}: each address must be named, so that replies leave from the one asked")
    tries = 1 if port else TRIES
    while True:
        tries -= 1
        try:
            return _bound(host, port, threads)
        except OSError as error:
            if not tries:
                raise DnsblError(f"dns.listen: {listen}: cannot listen there: {error.strerror}") from None


def _bound(host: str, port: int, threads: int) -> tuple[list[socket.socket], socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    udps: list[socket.socket] = []
    with ExitStack() as opened:
        for _ in range(threads):
            udp = opened.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            if threads > 1:
                udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            udp.bind(udps[0].getsockname() if udps else (host, port))
            udps.append(udp)
        tcp = opened.enter_context(socket.socket(family, socket.SOCK_STREAM))
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tcp.bind(udps[0].getsockname()[:2])
        tcp.listen(100)
        opened.pop_all()
    return udps, tcp
