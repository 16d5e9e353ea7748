"""Shell: begins many connections side by side, and tells of each that it stands, or how it failed.

For whoever dials hosts of which most will not answer: a silent address costs a socket and a place in a queue, no
conversation, no letter and no timer of its own. A connection that stands is handed to `caller.call`. Sends nothing.

Whether an error is the host's or our own machine's is told by when it comes, and then by its number. What the kernel
says at once, before any packet can have come back, is our own: a route or rule of ours that is missing or forbids
(ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL for a blackhole), whatever keeps programs from dialling (EPERM and EACCES:
seccomp, Landlock, SELinux, systemd's RestrictAddressFamilies), an address or port of ours that is not to be had. Later
comes what an ICMP message or a reset has made of it (`CONNECT_ERRORS`). One thing cannot be told apart: a packet filter
of our own answers in the place of the host (REJECT of iptables), or swallows what we send (DROP), with the same errors
and the same silence as one on the way.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections import OrderedDict
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from types import MappingProxyType

from tester.errors import Undialled
from tester.smtp import Outcome

Address = IPv4Address | IPv6Address
#: A connection that stands.
Connected = socket.socket

#: What a connection that was begun comes to by what is sent back, with what Linux makes of the codes of ICMP (its
#: `icmp_err_convert`) and ICMPv6 (`icmpv6_err_convert`, in brackets). An error that is not here is our own machine's,
#: whenever it comes.
CONNECT_ERRORS: Mapping[int, Outcome] = MappingProxyType(
    {
        errno.ECONNREFUSED: Outcome.CONN_REFUSED,  # a reset; port unreachable (4)
        errno.ECONNRESET: Outcome.CONN_REFUSED,  # a reset in the moment in which it stood
        errno.ETIMEDOUT: Outcome.CONN_TIMEOUT,  # silence
        errno.EHOSTUNREACH: Outcome.CONN_UNREACH,  # host unreachable or prohibited, filtered, TTL (2, 3); no ARP
        errno.ENETUNREACH: Outcome.CONN_UNREACH,  # net unreachable, unknown or prohibited (no route, 0)
        errno.EHOSTDOWN: Outcome.CONN_UNREACH,  # host unknown
        errno.EACCES: Outcome.CONN_UNREACH,  # (administratively prohibited, 1; policy failed, 5; route rejected, 6)
        errno.ENOPROTOOPT: Outcome.CONN_UNREACH,  # protocol unreachable
        errno.ENONET: Outcome.CONN_UNREACH,  # source host isolated
        errno.EOPNOTSUPP: Outcome.CONN_UNREACH,  # source route failed
        errno.EPROTO: Outcome.CONN_UNREACH,  # parameter problem (the same)
    }
)


def no_way(address: Address, source: str | None = None) -> str:
    """Why this machine has no way to an address, in the system's words, or "". Sends nothing: a datagram's socket that
    is given an address looks for a route alone."""
    try:
        with _made(address, socket.SOCK_DGRAM) as trial:
            if source:
                trial.bind((source, 0))
            trial.connect((str(address), 25))
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _made(address: Address, kind: socket.SocketKind) -> socket.socket:
    return socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, kind)


class Knocker:
    """Knocks at ports, with `patience` seconds for each connection to stand."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._waiting: OrderedDict[asyncio.Future[int], float] = (
            OrderedDict()
        )  # by deadline: all have the same patience
        self._timer: asyncio.TimerHandle | None = None

    async def knock(self, address: Address, port: int, source: str | None = None) -> Connected | Outcome:
        """A connection, which is the caller's to close, or a `CONN_*` outcome. Raises Undialled when our own machine
        cannot dial (a source address that is not ours, no sockets left, no route)."""
        found = await self.connect(address, port, source)
        return CONNECT_ERRORS[found] if isinstance(found, int) else found

    async def connect(self, address: Address, port: int, source: str | None = None) -> Connected | int:
        """The same, with the number of the error (a key of `CONNECT_ERRORS`) in place of its outcome."""
        with contextlib.ExitStack() as undone:
            try:
                made = undone.enter_context(_made(address, socket.SOCK_STREAM))
                made.setblocking(False)
                if source:
                    made.bind((source, 0))
                failed = made.connect_ex((str(address), port))
                begun = failed == errno.EINPROGRESS
                if begun:
                    failed = await self._end(made)
            except OSError as error:
                raise _ours(address, error.errno) from None
            if failed and not (begun and failed in CONNECT_ERRORS):
                raise _ours(address, failed)
            if not failed:
                undone.pop_all()
        return failed or made

    async def _end(self, made: Connected) -> int:
        """The error, or 0, that the connection comes to in time."""
        answer: asyncio.Future[int] = self._loop.create_future()
        self._loop.add_writer(made, _settle, answer, made)
        self._waiting[answer] = self._loop.time() + self._patience
        if self._timer is None:
            self._timer = self._loop.call_at(self._waiting[answer], self._sweep)
        try:
            return await answer
        finally:
            self._waiting.pop(answer, None)
            self._loop.remove_writer(made)

    def _sweep(self) -> None:
        """End what has waited long enough."""
        self._timer, now = None, self._loop.time()
        while self._waiting:
            answer, deadline = next(iter(self._waiting.items()))
            if deadline > now:
                self._timer = self._loop.call_at(deadline, self._sweep)
                return
            del self._waiting[answer]
            if not answer.done():
                answer.set_result(errno.ETIMEDOUT)


def _settle(answer: asyncio.Future[int], made: Connected) -> None:
    with contextlib.suppress(asyncio.InvalidStateError):
        answer.set_result(made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))


def _ours(address: Address, number: int | None) -> Undialled:
    return Undialled(f"This machine cannot dial {address}: {os.strerror(number or 0)}.", number or 0)
