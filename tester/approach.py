"""How one server is approached: what about its conversations is settled before the first of them.

Pure data. Holds no letter and no state; never says what is offered, that is `composing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address

from tester.smtp import Limits


class Tls(StrEnum):
    """When a conversation goes on under TLS."""

    NEEDED = "needed"  # where the server insists on it
    OFFERED = "offered"  # wherever the server offers it
    IMPLICIT = "implicit"  # from the first octet (RFC 8314 3.3), as on port 465


@dataclass(frozen=True, kw_only=True, slots=True)
class Path:
    """One way into a host."""

    address: IPv4Address | IPv6Address
    port: int
    tls: Tls = Tls.NEEDED


@dataclass(frozen=True, kw_only=True, slots=True)
class Approach:
    """One way into a host, and how we behave on it."""

    path: Path
    helo: str  #: our name in EHLO
    bounce_address: str  #: the sender of the control dialogue, without angle brackets
    limits: Limits
    source: str | None = None  #: our own address to dial from; None: whichever the system takes
    nonsense: str = ""  #: a local part that nobody has, asked for where everything was accepted; "": not asked for
    ask_own: bool = False  #: whether the room can find out which name is the server's own
