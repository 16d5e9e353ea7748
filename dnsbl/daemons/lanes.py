"""Lanes: UDP sockets, each answered on a thread of its own, with asyncio only for the packets that are handed over.

A shell. What answers on the thread, an engine, is the compiled twin's loop or, without it, a plain loop here around the
quick path of `dns.quick`. Both answer the common packets from one table at a time and hand over all others by a pair of
sockets, whose buffer in the kernel is the bound: what does not fit is dropped. So what the engine does not know is
answered by the reference, in the responder's own loop, as if it had come in there.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Protocol, cast

from dnsbl.dns import fast
from dnsbl.dns.quick import Quick
from dnsbl.dns.table import Table
from dnsbl.dns.zones import Zones

#: Seconds after which a thread looks whether it is to end, should nothing have woken it.
LOOK = 1
#: Bytes of packets that the kernel may keep for a socket while its thread is busy; the system may allow less.
QUEUE = 1 << 20
#: Packets handed over that are answered before the loop's other work has its turn.
AT_ONCE = 32
#: Bytes of the sender's address before a packet that is handed over.
ADDRESS = 28
_LARGEST = 65536

Receive = Callable[[bytes, Any], None]


class Engine(Protocol):
    """What answers on the threads."""

    words: str  #: which one it is, for people

    def swap(self, table: Table | None) -> None: ...
    def counted(self) -> dict[str, int]: ...
    def run(self, udp: socket.socket, other: socket.socket) -> None: ...
    def stop(self) -> None: ...


class Compiled:
    """The compiled twin."""

    words = fast.words()

    def __init__(self, twin: fast.Twin) -> None:
        self.swap, self.counted, self.stop = twin.swap, twin.counted, twin.engine.stop
        self._run = twin.engine.run

    def run(self, udp: socket.socket, other: socket.socket) -> None:
        self._run(udp.fileno(), other.fileno())


class Plain:
    """The quick path in a plain loop."""

    words = f"pure Python ({fast.missing or 'more kinds, or other features, than the compiled engine knows'})"

    def __init__(self, zones: Zones, unanswered: frozenset[int]) -> None:
        self._quick = Quick(zones)
        self._unanswered = unanswered
        self._stopped = False
        self._unsent = 0
        self.swap = self._quick.swap

    def counted(self) -> dict[str, int]:
        return {**self._quick.counted(), "unsent": self._unsent}

    def stop(self) -> None:
        self._stopped = True

    def run(self, udp: socket.socket, other: socket.socket) -> None:
        receive, send, answer, unanswered = udp.recvfrom, udp.sendto, self._quick.answer, self._unanswered
        while not self._stopped:
            try:
                packet, peer = receive(_LARGEST)
            except BlockingIOError:
                continue
            except ConnectionError:
                self._unsent += 1
                continue
            if self._stopped or peer is None or peer[1] in unanswered:
                continue
            reply = answer(packet)
            try:
                if reply is None:
                    other.send(_packed(peer) + packet, socket.MSG_DONTWAIT)
                else:
                    send(reply, socket.MSG_DONTWAIT, peer)
            except OSError:
                self._unsent += 1


class Lanes:
    """The sockets of one responder. `unanswered` are source ports that get no reply."""

    def __init__(self, zones: Zones, unanswered: frozenset[int]) -> None:
        twin = fast.twin(zones)
        self.engine: Engine = Compiled(twin) if twin else Plain(zones, unanswered)
        self.running: list[asyncio.Future[None]] = []  #: end with the threads, and carry their errors
        self._open: list[tuple[socket.socket, socket.socket, socket.socket]] = []
        self._threads: list[ThreadPoolExecutor] = []

    def open(self, udp: socket.socket, receive: Receive) -> None:
        """Answer on this bound, blocking socket; `receive` is called with what is handed over."""
        loop = asyncio.get_running_loop()
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", LOOK, 0))
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, QUEUE)
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        near.setblocking(False)
        self._open.append((udp, near, far))
        thread = ThreadPoolExecutor(1, thread_name_prefix="dns")
        self._threads.append(thread)
        loop.add_reader(near, self._hand_over, near, receive)
        self.running.append(loop.run_in_executor(thread, self.engine.run, udp, far))

    async def close(self) -> None:
        """End the threads and close the sockets."""
        self.engine.stop()
        for udp, near, _ in self._open:
            asyncio.get_running_loop().remove_reader(near)
            with suppress(OSError):  # not connected, and woken all the same
                udp.shutdown(socket.SHUT_RDWR)
        await asyncio.gather(*self.running, return_exceptions=True)
        for thread in self._threads:
            thread.shutdown()
        for sockets in self._open:
            for one in sockets:
                one.close()
        self._open, self._threads, self.running = [], [], []

    @staticmethod
    def _hand_over(near: socket.socket, receive: Receive) -> None:
        for _ in range(AT_ONCE):
            try:
                data = near.recv(_LARGEST + ADDRESS)
            except BlockingIOError:
                return
            receive(data[ADDRESS:], _unpacked(data[:ADDRESS]))


class Direct(asyncio.DatagramTransport):
    """Sends from a lane's socket, for what was handed over; `unsent` is called when the kernel does not take it."""

    def __init__(self, udp: socket.socket, unsent: Callable[[], None]) -> None:
        super().__init__()
        self._udp = udp
        self._unsent = unsent

    def sendto(self, data: Any, addr: Any = None) -> None:
        try:
            self._udp.sendto(data, socket.MSG_DONTWAIT, addr)
        except OSError:
            self._unsent()


def _packed(peer: tuple[Any, ...]) -> bytes:
    """A sender's address as the kernel has it, in 28 bytes."""
    if len(peer) == 2:
        raw = struct.pack("=H", socket.AF_INET) + struct.pack("!H", peer[1]) + socket.inet_aton(peer[0])
    else:
        raw = struct.pack("=H", socket.AF_INET6) + struct.pack("!HI", peer[1], peer[2])
        raw += socket.inet_pton(socket.AF_INET6, peer[0].partition("%")[0]) + struct.pack("=I", peer[3])
    return raw.ljust(ADDRESS, b"\0")


def _unpacked(raw: bytes) -> tuple[Any, ...]:
    port = int.from_bytes(raw[2:4], "big")
    if int.from_bytes(raw[:2], cast(Any, sys.byteorder)) == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, raw[4:8]), port
    flow, scope = int.from_bytes(raw[4:8], "big"), int.from_bytes(raw[24:28], cast(Any, sys.byteorder))
    return socket.inet_ntop(socket.AF_INET6, raw[8:24]), port, flow, scope
