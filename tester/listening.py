"""Shell: accepts TCP connections for the servers of this house. Gives out the places of a crowd before anything is made
of a connection, and makes a pause where the system has no descriptor left. Never reads or writes, a refusal apart.

asyncio's own way of accepting knows no bound, and without descriptors it goes on accepting, logs each failure with its
traceback and starts itself again once for each of them (python/cpython#151615): a hundred megabytes in ten seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import logging
import socket
import ssl
import sys
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_address

from tester.crowd import AT_ONCE, Crowd, Place, Tally
from tester.received.line import plain

#: Connections that the system keeps for us until we come to accept them.
BACKLOG = 256
#: Seconds for a handshake of TLS.
HANDSHAKE = 5.0
#: Connections over TLS after which the collector looks for the rings that asyncio leaves of each: protocol and
#: transport hold one another, and a tenth to a quarter of a megabyte with them. They are so few objects that it came by
#: itself only after hundreds of megabytes, which strangers could have us hold.
SWEPT = 200
#: Seconds without accepting when the system has no descriptors or no memory left.
PAUSE = 1.0
#: What is counted of guests who had to yield, and of those who came in vain.
YIELDED, REFUSED = "connections ended to make place for others", "connections refused for want of a place"

_IP_FREEBIND = 15  # linux/in.h; for both families
_SHORT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


def unheard(error: OSError) -> str:
    """Why a socket cannot be listened on, with what helps; no full stop."""
    match error.errno:
        case errno.EADDRINUSE:
            return "another program listens there (`ss -lntup` names it)"
        case errno.EACCES:
            return "this user may not (ports below 1024 need CAP_NET_BIND_SERVICE)"
        case errno.EADDRNOTAVAIL:
            return "this machine has no such address"
        case _:
            return error.strerror or str(error)


def bear_absence(made: socket.socket) -> None:
    """Let a socket be bound to an address that the machine may get back (ip(7), IP_FREEBIND), where the system can."""
    if sys.platform == "linux":
        made.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)


def bound(host: str, port: int, *, absent: bool = False) -> socket.socket:
    """A socket at this address, which does not listen yet; "::" takes IPv4 as well; the address may be
    `absent`. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if absent:
            bear_absence(made)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, host != "::")
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made


class Listener:
    """Accepts on one socket, which it closes in the end. `make(place)` makes the protocol of a
    connection, which says on its place when it waits and when it serves, and leaves it when it is lost.

    `who` is the server in the log; `exempt` networks are counted for no network; `refusal` is sent to who gets none;
    `now` tells monotonic seconds. With `tls` connections begin with a handshake, within `HANDSHAKE` seconds.
    """

    def __init__(
        self,
        bound: socket.socket,
        crowd: Crowd,
        make: Callable[[Place], asyncio.BaseProtocol],
        *,
        who: str,
        tally: Tally,
        log: logging.Logger,
        exempt: tuple[IPv4Network | IPv6Network, ...] = (),
        refusal: bytes = b"",
        now: Callable[[], float] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.sockets = (bound,)
        self._crowd = crowd
        self._make = make
        self._who = who
        self._tally = tally
        self._log = log
        self._exempt = exempt
        self._refusal = refusal
        self.tls = tls  #: for connections that are to come
        self._loop = asyncio.get_running_loop()
        self._now = now or self._loop.time
        self._unswept = 0
        self._beginning: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._telling: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Listen. Raises OSError."""
        [listening] = self.sockets
        listening.setblocking(False)
        listening.listen(BACKLOG)
        self._go_on()

    def close(self) -> None:
        """Accept nobody any more; what was accepted goes on."""
        for timer in (self._pause, self._telling):
            if timer is not None:
                timer.cancel()
        self._say(self._tally.line(float("inf")))
        for listening in self.sockets:
            if listening.fileno() != -1:
                self._loop.remove_reader(listening)
                listening.close()

    async def wait_closed(self) -> None:
        """Until no connection is half made."""
        await asyncio.gather(*self._beginning, return_exceptions=True)

    def note(self, what: str) -> None:
        """Count what happened, and have it told in the log when a minute has passed."""
        self._tally.note(what)
        if self._telling is None:
            self._tell()

    def _go_on(self) -> None:
        self._pause = None
        self._loop.add_reader(self.sockets[0], self._accept, self.sockets[0])

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(AT_ONCE):
            try:
                accepted, peer = listening.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in _SHORT:  # the connection's own end (accept(2), "Error handling")
                    continue
                self.note("times without a descriptor for a new connection")
                self._loop.remove_reader(listening)
                self._pause = self._loop.call_later(PAUSE, self._go_on)
                return
            self._admit(accepted, peer[0])

    def _admit(self, accepted: socket.socket, peer: str) -> None:
        address = plain(ip_address(peer))
        taken = len(self._crowd)
        exempt = any(address in network for network in self._exempt)
        place = self._crowd.enter(address, self._now(), exempt=exempt)
        if place is None:
            self.note(REFUSED)
            with accepted, contextlib.suppress(OSError):
                accepted.setblocking(False)
                accepted.send(self._refusal)
            return
        self._tally.connections += 1
        if len(self._crowd) <= taken:
            self.note(YIELDED)
        task = self._loop.create_task(self._begin(place, accepted))
        self._beginning.add(task)
        task.add_done_callback(self._beginning.discard)
        if self.tls:
            self._sweep()
            # who has to yield in the middle of a handshake goes at once

            def give_up() -> None:
                task.cancel()

            place.hang_up = give_up

    def _sweep(self) -> None:
        self._unswept += 1
        if self._unswept >= SWEPT:
            self._unswept = 0
            gc.collect()

    async def _begin(self, place: Place, accepted: socket.socket) -> None:
        if not place.held:  # it had to yield before it began
            accepted.close()
            return
        try:
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio's does so for some sockets only
            limit = HANDSHAKE if self.tls else None
            transport, _ = await self._loop.connect_accepted_socket(
                lambda: self._make(place), accepted, ssl=self.tls, ssl_handshake_timeout=limit
            )
        except OSError:  # it was lost before it began
            place.leave()
            accepted.close()
            return
        place.hang_up = transport.abort
        if not place.held:
            transport.abort()

    def _tell(self) -> None:
        self._telling = None
        now = self._now()
        self._say(self._tally.line(now))
        wait = self._tally.due(now)
        if wait is not None:
            self._telling = self._loop.call_later(wait, self._tell)

    def _say(self, line: str | None) -> None:
        if line is not None:
            self._log.warning("%s: %s", self._who, line)
