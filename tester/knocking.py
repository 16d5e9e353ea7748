"""Shell: begins many connections side by side, and tells of each that it stands, or how it failed.

For whoever dials hosts of which most will not answer: a silent address costs a socket and a place in a queue, no
conversation, no letter and no timer of its own. A connection that stands is handed to `caller.call`. Sends nothing.
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

from tester.smtp import Outcome

Address = IPv4Address | IPv6Address
#: A connection that stands.
Connected = socket.socket

#: What the kernel says of a target that cannot be reached: whatever an ICMP message, which anybody on the way can send,
#: makes of a connection that was begun, and a local route or filter. Any other error is our own machine's.
CONNECT_ERRORS: Mapping[int, Outcome] = MappingProxyType(
    {
        errno.ECONNREFUSED: Outcome.CONN_REFUSED,
        errno.ECONNRESET: Outcome.CONN_REFUSED,
        errno.ETIMEDOUT: Outcome.CONN_TIMEOUT,
        errno.EHOSTUNREACH: Outcome.CONN_UNREACH,
        errno.ENETUNREACH: Outcome.CONN_UNREACH,
        errno.EHOSTDOWN: Outcome.CONN_UNREACH,
        errno.ENETDOWN: Outcome.CONN_UNREACH,
        errno.EACCES: Outcome.CONN_UNREACH,
        errno.EPERM: Outcome.CONN_UNREACH,
        errno.ENOPROTOOPT: Outcome.CONN_UNREACH,
        errno.ENONET: Outcome.CONN_UNREACH,
        errno.EOPNOTSUPP: Outcome.CONN_UNREACH,
        errno.EPROTO: Outcome.CONN_UNREACH,
    }
)


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
        """A connection, which is the caller's to close, or a `CONN_*` outcome. Raises OSError when our own machine
        cannot dial (a source address that is not ours, no sockets left)."""
        made = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_STREAM)
        try:
            made.setblocking(False)
            if source:
                made.bind((source, 0))
            failed = made.connect_ex((str(address), port))
            if failed == errno.EINPROGRESS:
                failed = await self._end(made)
        except BaseException:
            made.close()
            raise
        if not failed:
            return made
        made.close()
        outcome = CONNECT_ERRORS.get(failed)
        if outcome is None:
            raise OSError(failed, os.strerror(failed))
        return outcome

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
