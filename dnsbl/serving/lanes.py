"""Lanes: UDP sockets, each answered on a thread of its own, with asyncio only for the packets that are handed over.

A shell. What answers on the thread, an engine, is the compiled one's loop or, without it, a loop here around the plain
one. Both answer the common packets from one state at a time and hand over all others by a pair
of sockets, whose buffer in the kernel is the bound: what does not fit is dropped. So what the engine does not know is
answered by the reference, in the responder's own loop. At a wildcard address the kernel says which address was asked
(IP_PKTINFO), and the reply leaves from there.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, Literal, Protocol

from dnsbl.clock import Clock, SystemClock
from dnsbl.dns import proxied
from dnsbl.dns.engine import compiled
from dnsbl.dns.engine.plain import COUNTED, SILENT, Plain
from dnsbl.dns.keyuse import KeyUse
from dnsbl.dns.respond import Serving
from dnsbl.serving.timing import BOUNDS, TIMED_EVERY, Histogram

#: UDP source ports that are never answered: port 0 cannot be, and echo, daytime, qotd and chargen would answer back.
UNANSWERED = frozenset({0, 7, 13, 17, 19})
#: Seconds after which a thread looks whether it is to end, should nothing have woken it.
LOOK = 1
#: Bytes of packets that the kernel may keep for a socket while its thread is busy; the system may allow less.
QUEUE = 1 << 20
#: Packets handed over that are answered before the loop's other work has its turn.
AT_ONCE = 32
#: Bytes before a packet that is handed over, and of the sender's address there (see `Core.run` in `_compiled`).
HEAD, ADDRESS = 64, 28

_LARGEST = 65536
_ORDER: Literal["little", "big"] = sys.byteorder
_IP_PKTINFO = 8  # <linux/in.h>; Python 3.11 does not name it
_PKTINFO = {
    socket.AF_INET: (socket.IPPROTO_IP, _IP_PKTINFO),
    socket.AF_INET6: (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO),
}
_RECVPKTINFO = _PKTINFO | {socket.AF_INET6: (socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO)}
#: What keeps the kernel from cutting a reply to fragments on a stranger's word: no path MTU that it was told of is
#: looked at, and ours, 1232 bytes at most, are within those of all interfaces (RFC 9715 3.1).
_MTU_DISCOVER = {  # <linux/in.h>, <linux/in6.h>; Python 3.11 does not name them
    socket.AF_INET: (socket.IPPROTO_IP, 10),
    socket.AF_INET6: (socket.IPPROTO_IPV6, 23),
}
_PMTUDISC_OMIT = 5
_MAPPED = bytes(10) + b"\xff\xff"

#: Message, client's host, whether it is one for the query log, whether it has been counted against the limits -> reply.
Answer = Callable[[bytes, str, bool, bool], bytes | None]


class Engine(Protocol):
    """What answers on the threads."""

    which: str  #: which one it is, for people

    def load(self, serving: Serving) -> None: ...
    def counted(self) -> dict[str, int]: ...
    def replied(self) -> dict[tuple[str, int, str, bool], int]: ...
    def found(self) -> dict[tuple[str, str, str], int]: ...
    def used(self) -> dict[bytes, KeyUse]: ...
    def timed(self) -> tuple[list[int], float]: ...
    def run(self, udp: socket.socket, other: socket.socket, wild: bool) -> None: ...
    def stop(self) -> None: ...


class CompiledThreads:
    """The compiled engine. It knows the system's clock alone."""

    which = "compiled"

    def __init__(self, loops: int, every: int) -> None:
        engine = compiled.Compiled(loops, every=every, bounds=BOUNDS)
        self._core = engine.core
        self.load, self.replied, self.found = engine.load, engine.replied, engine.found
        self.counted, self.used, self.timed = engine.core.counted, engine.core.used, engine.core.timed
        self.stop = engine.core.stop

    def run(self, udp: socket.socket, other: socket.socket, wild: bool) -> None:
        """Answer on this socket until stopped. Raises OSError when it fails."""
        self._core.run(udp.fileno(), other.fileno(), wild)


class PlainThreads:
    """The plain engine, one for each socket, in a loop."""

    which = compiled.which() if compiled.missing else "plain (a clock of its own)"

    def __init__(self, every: int, clock: Clock) -> None:
        self._every = every
        self._clock = clock
        self._times = Histogram()
        self._serving: Serving | None = None
        self._engines: list[Plain] = []
        self._counted = dict.fromkeys(("udp", "port", "proxy", "unsent", "unlogged"), 0)
        self._stopped = False

    def load(self, serving: Serving) -> None:
        """Answer as `serving` says from now on."""
        self._serving = serving
        for engine in self._engines:
            engine.load(serving)

    def counted(self) -> dict[str, int]:
        """Messages since the start, by what became of them; `udp` are all but those handed over."""
        engines = self._engines
        found = {
            "rate": sum(engine.dropped for engine in engines),
            "acl": sum(engine.barred for engine in engines),
            "header": sum(engine.unread for engine in engines),
        }
        udp = self._counted["udp"] + sum(found.values()) + sum(self.replied().values())
        return self._counted | found | {"udp": udp, "slip": sum(engine.slipped for engine in engines)}

    def replied(self) -> dict[tuple[str, int, str, bool], int]:
        """Replies by origin, rcode and type."""
        found: dict[tuple[str, int, str, bool], int] = {}
        for engine in self._engines:
            for sort, count in engine.replies.copy().items():
                if count:
                    found[sort] = found.get(sort, 0) + count
        return found

    def found(self) -> dict[tuple[str, str, str], int]:
        """What was hit, and what had nothing, as `Responder.found` tells it."""
        return sum((Counter(engine.found.copy()) for engine in self._engines), Counter[tuple[str, str, str]]())

    def used(self) -> dict[bytes, KeyUse]:
        """How clients' keys were used: names with one are left to the reference."""
        return {}

    def timed(self) -> tuple[list[int], float]:
        """(counts by bucket, their sum in seconds) of how long answers took to make; one of so many is timed."""
        return self._times.counts.copy(), self._times.total

    def stop(self) -> None:
        """Let every `run` return."""
        self._stopped = True

    def run(self, udp: socket.socket, other: socket.socket, wild: bool) -> None:
        """Answer on this socket until stopped."""
        engine = Plain(packed, lambda: self._clock.now().timestamp())
        self._engines.append(engine)
        if self._serving is not None:
            engine.load(self._serving)
        answer, counted, every, local = engine.answer, self._counted, self._every, b""
        receive: Callable[[int], Any] = udp.recvfrom
        unsampled = untimed = 0
        while not self._stopped:
            try:
                if wild:
                    packet, controls, _, peer = udp.recvmsg(_LARGEST, 128)
                    local = _asked(controls)
                else:
                    packet, peer = receive(_LARGEST)
            except BlockingIOError:
                continue
            except OSError as error:  # a client was gone, or the socket is closed
                counted["unsent"] += 1
                if error.errno in (errno.EBADF, errno.ENOTSOCK):
                    raise
                continue
            if peer is None:  # shut down; what is taken is answered, stopped or not
                continue
            if peer[1] in UNANSWERED:
                counted["udp"] += 1
                counted["port"] += 1
                continue
            message, host = packet, peer[0]
            if self._serving is not None and self._serving.proxies is not None:
                seen = proxied.seen(packet, packed(host), self._serving.proxies)
                if seen is None:
                    counted["udp"] += 1
                    counted["proxy"] += 1
                    continue
                message, host = seen[0], str(ip_address(seen[1]))
            if every and len(message) >= 12 and not message[2] & 0x80:
                unsampled += 1
                if unsampled >= every:
                    unsampled = 0
                    if _handed(other, peer, True, local, packet):
                        continue
                    counted["unlogged"] += 1
            untimed += 1
            if untimed < TIMED_EVERY:
                reply = answer(message, host)
            else:
                began = self._clock.monotonic()
                reply = answer(message, host)
                if reply:
                    untimed = 0
                    self._times.add(self._clock.monotonic() - began)
            if reply is None:
                rest = engine.rest(message, host)
                if rest != SILENT and not _handed(other, peer, False, local, packet, counted=rest == COUNTED):
                    counted["udp"] += 1
                    counted["unsent"] += 1
            elif reply:
                try:
                    _send(udp, reply, peer, local)
                except OSError:
                    counted["unsent"] += 1


class Lanes:
    """The sockets of one responder: `sockets` of them, answered by `answer` where the engine does not."""

    def __init__(self, sockets: int, answer: Answer, *, every: int, clock: Clock) -> None:
        known = not compiled.missing and isinstance(clock, SystemClock)
        self.engine: Engine = CompiledThreads(sockets, every) if known else PlainThreads(every, clock)
        self.running: list[asyncio.Future[None]] = []  #: end with the threads, and carry their errors
        self.inodes: frozenset[int] = frozenset()  #: of the sockets, by which the kernel's tables know them
        self.unsent = 0  #: replies to what was handed over that the kernel did not take
        self._answer = answer
        self._open: list[tuple[socket.socket, socket.socket, socket.socket]] = []
        self._threads: list[ThreadPoolExecutor] = []
        self._kept = False  # whether others keep a socket; its thread ends after a `LOOK`

    def open(self, udp: socket.socket, *, kept: bool = False) -> None:
        """Answer on this bound, blocking socket; one that is `kept` by others is not shut down in the end."""
        loop = asyncio.get_running_loop()
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", LOOK, 0))
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, QUEUE)
        wild = ip_address(udp.getsockname()[0].partition("%")[0]).is_unspecified
        if sys.platform == "linux":
            udp.setsockopt(*_MTU_DISCOVER[udp.family], _PMTUDISC_OMIT)
        if wild:
            udp.setsockopt(*_RECVPKTINFO[udp.family], 1)
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        near.setblocking(False)
        self._open.append((udp, near, far))
        self._kept |= kept
        self.inodes |= {os.fstat(udp.fileno()).st_ino}
        thread = ThreadPoolExecutor(1, thread_name_prefix="dns")
        self._threads.append(thread)
        loop.add_reader(near, self._hand_over, near, udp)
        self.running.append(loop.run_in_executor(thread, self.engine.run, udp, far, wild))

    async def close(self) -> None:
        """End the threads and close the sockets, once all that was taken from them is answered."""
        self.engine.stop()
        for udp, _, _ in self._open:
            if not self._kept:
                with suppress(OSError):  # not connected, and woken all the same
                    udp.shutdown(socket.SHUT_RDWR)
        await asyncio.gather(*self.running, return_exceptions=True)
        for thread in self._threads:
            thread.shutdown()
        for udp, near, _ in self._open:
            asyncio.get_running_loop().remove_reader(near)
            while self._hand_over(near, udp):
                pass
        for sockets in self._open:
            for one in sockets:
                one.close()
        self._open, self._threads, self.running, self.inodes = [], [], [], frozenset()

    def _hand_over(self, near: socket.socket, udp: socket.socket) -> bool:
        """Answer some of what was handed over; whether there may be more."""
        for _ in range(AT_ONCE):
            try:
                data = near.recv(_LARGEST + HEAD)
            except BlockingIOError:
                return False
            peer, local = _peer(data), data[32 : 32 + data[29]]
            reply = self._answer(data[HEAD:], peer[0], bool(data[28]), bool(data[30]))
            if reply is not None:
                try:
                    _send(udp, reply, peer, local)
                except OSError:
                    self.unsent += 1
        return True


def packed(host: str) -> bytes:
    """The client's address as four or sixteen bytes; a mapped one as four."""
    if ":" not in host:
        return socket.inet_pton(socket.AF_INET, host)
    address = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    return address[12:] if address.startswith(_MAPPED) else address


def _send(udp: socket.socket, reply: bytes, peer: Any, local: bytes) -> None:
    """Send from the address that was asked, or, at a socket with an address of its own, from that."""
    if local:
        udp.sendmsg([reply], [(*_PKTINFO[udp.family], local)], socket.MSG_DONTWAIT, peer)
    else:
        udp.sendto(reply, socket.MSG_DONTWAIT, peer)


def _asked(controls: list[tuple[int, int, bytes]]) -> bytes:
    """What makes a reply leave from the address that was asked, of what the kernel told with a message."""
    for level, _, data in controls:
        if level == socket.IPPROTO_IP and len(data) == 12:  # interface, local address, address in the header
            return bytes(4) + data[4:]
        if level == socket.IPPROTO_IPV6 and len(data) == 20:  # address, interface
            return data if data[0] == 0xFE and data[1] & 0xC0 == 0x80 else data[:16] + bytes(4)
    return b""


def _handed(
    other: socket.socket, peer: tuple[Any, ...], sampled: bool, local: bytes, packet: bytes, *, counted: bool = False
) -> bool:
    """Whether the packet could be handed over."""
    try:
        other.send(_head(peer, sampled, local, counted) + packet, socket.MSG_DONTWAIT)
    except OSError:
        return False
    return True


def _head(peer: tuple[Any, ...], sampled: bool, local: bytes, counted: bool = False) -> bytes:
    """What stands before a packet that is handed over."""
    if len(peer) == 2:
        raw = struct.pack("=H", socket.AF_INET) + struct.pack("!H", peer[1]) + socket.inet_aton(peer[0])
    else:
        raw = struct.pack("=H", socket.AF_INET6) + struct.pack("!HI", peer[1], peer[2])
        raw += socket.inet_pton(socket.AF_INET6, peer[0].partition("%")[0]) + struct.pack("=I", peer[3])
    marks = bytes((sampled, len(local), counted))
    return (raw.ljust(ADDRESS, b"\0") + marks).ljust(32, b"\0") + local.ljust(HEAD - 32, b"\0")


def _peer(head: bytes) -> tuple[Any, ...]:
    """The sender, as sockets of its family name it."""
    port = int.from_bytes(head[2:4], "big")
    if int.from_bytes(head[:2], _ORDER) == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, head[4:8]), port
    flow, scope = int.from_bytes(head[4:8], "big"), int.from_bytes(head[24:28], _ORDER)
    return socket.inet_ntop(socket.AF_INET6, head[8:24]), port, flow, scope
