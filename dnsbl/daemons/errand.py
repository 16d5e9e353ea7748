"""Shell: one bounded HTTP request to somebody else's server.

Bounded in octets and in seconds, whatever the other side does. Unless the caller says otherwise nobody is spoken to
whose address is special-purpose: a name is resolved once, and what is dialled is the very address that was seen, so
that a name which leads elsewhere a moment later leads nowhere. A redirect is not followed but returned. Never logs,
never stores. Blocking: async shells call it in a thread.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address
from threading import Timer
from urllib.parse import urlsplit

from dnsbl.clock import SystemClock
from dnsbl.errors import DnsblError
from tester import manners
from tester.records import dataclass

#: Octets of an answer, seconds for all of it.
MOST, SECONDS = 262144, 20.0


class Unheard(DnsblError):
    """There is no answer; the sentence says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpReply:
    """An answer."""

    status: int
    headers: Mapping[str, str]  #: names in small letters
    body: bytes  #: its first octets


def ask(
    url: str,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    inside: bool = False,
    most: int = MOST,
    seconds: float = SECONDS,
) -> HttpReply:
    """What a server answers; `inside` allows special-purpose addresses. Raises Unheard."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise Unheard(f"an address that can be read is needed: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise Unheard("an address that begins with http:// or https:// is needed")
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise Unheard("there is no such port") from None
    try:
        connection = http.client.HTTPConnection(parts.hostname, port)
    except http.client.HTTPException:
        raise Unheard(f"{parts.hostname!r:.80} is no name of a host") from None
    end = SystemClock().monotonic() + seconds
    try:
        wire = _dialled(parts.hostname, port, end, inside=inside)
    except OSError as error:
        raise Unheard(f"{parts.hostname} port {port}: {error.strerror or error}") from None
    except ValueError:  # a label of more than 63 octets, or of none
        raise Unheard(f"{parts.hostname!r:.80} is no name of a host") from None
    guard: Timer | None = None
    try:
        if parts.scheme == "https":
            wire = ssl.create_default_context().wrap_socket(
                wire, server_hostname=parts.hostname, do_handshake_on_connect=False
            )
        guard = Timer(_left(end), _cut, (wire,))  # whoever sends an octet now and then meets each limit of the socket
        guard.daemon = True
        guard.start()
        if isinstance(wire, ssl.SSLSocket):
            wire.do_handshake()
        connection.sock = wire
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body, dict(headers or {}))
        wire.settimeout(_left(end))
        with connection.getresponse() as reply:  # where the server closes, the connection no longer knows of it
            return HttpReply(
                status=reply.status,
                headers={name.lower(): value for name, value in reply.getheaders()},
                body=_read(reply, wire, most, end),
            )
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unheard(f"{parts.hostname}: {str(error) or type(error).__name__}") from None
    finally:
        if guard is not None:
            guard.cancel()
        connection.close()
        wire.close()


def _cut(wire: socket.socket) -> None:
    with suppress(OSError):
        wire.shutdown(socket.SHUT_RDWR)


def _dialled(host: str, port: int, end: float, *, inside: bool) -> socket.socket:
    """A connection to the first of a name's addresses that may be spoken to. Raises OSError, Unheard."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    why = ""
    for family, kind, protocol, _, where in found[:8]:
        address = ip_address(str(where[0]).partition("%")[0])
        if not inside and (why := manners.why_not(address) or ""):
            continue
        wire = socket.socket(family, kind, protocol)
        wire.settimeout(_left(end))
        try:
            wire.connect(where)
        except OSError:
            wire.close()
            raise
        return wire
    raise Unheard(f"{host} may not be spoken to: {why or 'it has no address'}")


def _read(reply: http.client.HTTPResponse, wire: socket.socket, most: int, end: float) -> bytes:
    found = bytearray()
    while len(found) < most:
        wire.settimeout(_left(end))
        piece = reply.read1(most - len(found))
        if not piece:
            break
        found += piece
    if len(found) < most and reply.length:
        raise TimeoutError("it ended in the middle")
    return bytes(found)


def _left(end: float) -> float:
    """Seconds that are left. Raises TimeoutError when none are."""
    left = end - SystemClock().monotonic()
    if left <= 0:
        raise TimeoutError("it did not answer in time")
    return left
