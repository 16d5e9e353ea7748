"""May this address be dialled, and how fast? The special-purpose table and the pacing.

Pure. `ipaddress.is_global` is not safe for this (it passes multicast, NAT64 of private space, deprecated blocks);
the table here is our own, from the IANA registries (RFC 6890 and successors) plus multicast. Time is an argument.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network


def why_not(
    address: IPv4Address | IPv6Address, *, lab_networks: Iterable[IPv4Network | IPv6Network] = ()
) -> str | None:
    """Why this address must not be dialled, as a short phrase ("private use, RFC 1918"), or None when it may.

    Mapped, 6to4, Teredo and NAT64 addresses are judged by the address inside as well. An address inside
    `lab_networks` passes.
    """
    raise NotImplementedError


class Pacer:
    """How many tests may run now: one per address, a few per network, so many altogether. Holds no clock."""

    def __init__(self, *, everywhere: int, per_network: int) -> None:
        raise NotImplementedError

    def start(self, address: IPv4Address | IPv6Address) -> bool:
        """Take a place for this address, or False when there is none now (per /24, per /48, everywhere)."""
        raise NotImplementedError

    def end(self, address: IPv4Address | IPv6Address) -> None: ...
