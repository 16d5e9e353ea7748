"""Shell: receives on aiosmtpd what comes back; bounded, for our own recipients only; never relays.

Accepts a recipient only when its domain is ours and its local part bears our gate (or is postmaster/abuse).
Answers 451, never 5xx, when the fault is ours. Memory per connection is bounded whatever the peer sends.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    message: int = 64 * 1024  #: octets of a message
    line: int = 4096  #: octets of a line in DATA
    connections: int = 200
    per_peer: int = 4  #: connections from one address
    seconds: float = 300.0  #: a whole connection
    idle: float = 60.0
    commands: int = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Collected:
    """One message as it came, with its circumstances."""

    peer: IPv4Address | IPv6Address
    peer_port: int
    local: str  #: our own end, "address:port"
    tls: bool
    helo: str  #: escaped
    mail_raw: bytes  #: argument of MAIL as sent
    rcpt_raw: bytes  #: argument of RCPT as sent
    mail_from: str  #: "" for the null reverse-path
    recipient: str  #: local part, lower case: the token (or "postmaster", "abuse")
    domain: str  #: lower case
    message: bytes  #: dot-unstuffed, as received, without our trace
    received_at: float  #: epoch seconds


class Collector:
    """A listening collector. `gate(token)` says whether a recipient token may be ours; `deliver` stores a message
    (an exception from it becomes 451); `on_probe`, when given, hears of recipients that were accepted at RCPT and
    never followed by a message (a callback)."""

    def __init__(
        self,
        *,
        hostname: str,
        domains: frozenset[str],
        gate: Callable[[str], bool],
        deliver: Callable[[Collected], Awaitable[None]],
        now: Callable[[], float],
        bounds: Bounds = Bounds(),  # noqa: B008 (frozen)
        tls: tuple[str, str] | None = None,
    ) -> None:
        raise NotImplementedError

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen; port 0 takes a free one. Returns the bound address and port. Raises OSError."""
        raise NotImplementedError

    async def close(self) -> None:
        """Stop listening and drop what is open."""
        raise NotImplementedError
