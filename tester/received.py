"""Reading Received chains, and where trust in them ends.

Pure, lenient, bounded. The only line to be believed is the one our own (or the reporter's own) server wrote;
everything below is a claim. Never decides on a listing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network


@dataclass(frozen=True, kw_only=True, slots=True)
class Hop:
    """One Received field: what it says. Strings are escaped; absent parts are ""."""

    helo: str
    address: IPv4Address | IPv6Address | None  #: the "from" address literal
    by: str
    protocol: str
    raw: str


def hops(message: bytes, *, most: int = 50) -> tuple[Hop, ...]:
    """The Received fields of a message, newest first. Never raises."""
    raise NotImplementedError


def candidate(
    chain: Iterable[Hop], *, own_networks: Iterable[IPv4Network | IPv6Network] = ()
) -> IPv4Address | IPv6Address | None:
    """The address that handed the message to the reporter's own servers: the last hop while the sending address is
    in `own_networks` or private, starting at the top; None when the chain does not say."""
    raise NotImplementedError


def mentions(chain: Iterable[Hop], address: IPv4Address | IPv6Address) -> bool:
    """Whether any hop names this address as its sender."""
    raise NotImplementedError
