"""Sockets that were opened for us before we began: by systemd for a unit with a socket (sd_listen_fds(3)).

They are taken over once, at the start, and stay open for as long as the process that took them, so that what is sent to
them while a child is begun again waits for the next one. Who listens asks for the sockets of a place, and gets
duplicates, which are his to close; of a UDP socket never to shut down.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Collection, Iterable, MutableMapping
from contextlib import suppress
from ipaddress import ip_address

#: The first descriptor that is handed over.
FIRST = 3

_KINDS = {socket.SOCK_DGRAM: "udp", socket.SOCK_STREAM: "tcp"}
_FAMILIES = (socket.AF_INET, socket.AF_INET6)

#: "udp" or "tcp", address, port.
Spot = tuple[str, str, int]


class Handed:
    """Those of one process and its children."""

    def __init__(self, sockets: Iterable[socket.socket] = ()) -> None:
        self._sockets = [(_spot(one), one) for one in sockets]

    @classmethod
    def of(cls, environ: MutableMapping[str, str], pid: int) -> Handed:
        """Those that the environment tells of, when they are meant for the process of this number. Nobody finds them
        there again.
        """
        words = {name: environ.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")}
        if words["LISTEN_PID"] != str(pid) or not words["LISTEN_FDS"].isdecimal():
            return cls()
        sockets = []
        for descriptor in range(FIRST, FIRST + int(words["LISTEN_FDS"])):
            with suppress(OSError):  # no socket, or not open
                os.set_inheritable(descriptor, False)
                sockets.append(socket.socket(fileno=descriptor))
        return cls(sockets)

    def take(self, kind: str, host: str, port: int) -> list[socket.socket]:
        """Those of this kind at this place, blocking; none where nothing was handed over."""
        wanted = kind, str(ip_address(host)), port
        found = [one.dup() for spot, one in self._sockets if spot == wanted]
        for one in found:
            one.setblocking(True)
        return found

    def strays(self, wanted: Collection[Spot]) -> list[str]:
        """Of those that nobody asks for, a sentence each; `wanted` are all places that are listened at."""
        spots = {(kind, str(ip_address(host)), port) for kind, host, port in wanted}
        return [
            f"a socket was handed over that no setting names: {' '.join(map(str, spot)) if spot else one.family.name}."
            for spot, one in self._sockets
            if spot not in spots
        ]


#: Where nothing was handed over.
NONE_HANDED = Handed()


def _spot(one: socket.socket) -> Spot | None:
    """Where it is, or None for one that is of no use here."""
    if one.family not in _FAMILIES or one.type not in _KINDS:
        return None
    host, port = one.getsockname()[:2]
    return _KINDS[one.type], str(ip_address(host.partition("%")[0])), int(port)
