"""May this address be dialled, and how fast? The special-purpose table and the pacing.

Pure. `ipaddress.is_global` is not safe for this (it passes multicast, NAT64 of private space, deprecated blocks);
the table here is our own, from the IANA special-purpose registries (RFC 6890 and successors), plus multicast, plus
all IPv6 space that is not global unicast. Time is nobody's business here: pacing counts what runs now.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

_V4 = tuple(
    (IPv4Network(network), why)
    for network, why in (
        ("0.0.0.0/8", "this network, RFC 791"),
        ("10.0.0.0/8", "private use, RFC 1918"),
        ("100.64.0.0/10", "shared address space, RFC 6598"),
        ("127.0.0.0/8", "loopback, RFC 1122"),
        ("169.254.0.0/16", "link local, RFC 3927"),
        ("172.16.0.0/12", "private use, RFC 1918"),
        ("192.0.0.0/24", "IETF protocol assignments, RFC 6890"),
        ("192.0.2.0/24", "documentation, RFC 5737"),
        ("192.31.196.0/24", "AS112 service, RFC 7535"),
        ("192.52.193.0/24", "automatic multicast tunneling, RFC 7450"),
        ("192.88.99.0/24", "deprecated 6to4 relay anycast, RFC 7526"),
        ("192.168.0.0/16", "private use, RFC 1918"),
        ("192.175.48.0/24", "AS112 service, RFC 7534"),
        ("198.18.0.0/15", "benchmarking, RFC 2544"),
        ("198.51.100.0/24", "documentation, RFC 5737"),
        ("203.0.113.0/24", "documentation, RFC 5737"),
        ("224.0.0.0/4", "multicast, RFC 5771"),
        ("255.255.255.255/32", "limited broadcast, RFC 8190"),
        ("240.0.0.0/4", "reserved, RFC 1112"),
    )
)
_V6 = tuple(
    (IPv6Network(network), why)
    for network, why in (
        ("::/128", "unspecified, RFC 4291"),
        ("::1/128", "loopback, RFC 4291"),
        ("::/96", "deprecated IPv4-compatible, RFC 4291"),
        ("64:ff9b:1::/48", "local-use translation, RFC 8215"),
        ("100::/64", "discard only, RFC 6666"),
        ("100:0:0:1::/64", "dummy prefix, RFC 9780"),
        ("2001::/32", "Teredo, RFC 4380"),
        ("2001::/23", "IETF protocol assignments, RFC 2928"),
        ("2001:db8::/32", "documentation, RFC 3849"),
        ("2620:4f:8000::/48", "AS112 service, RFC 7534"),
        ("3fff::/20", "documentation, RFC 9637"),
        ("5f00::/16", "segment routing, RFC 9602"),
        ("fc00::/7", "unique local, RFC 4193"),
        ("fe80::/10", "link local, RFC 4291"),
        ("fec0::/10", "deprecated site local, RFC 3879"),
        ("ff00::/8", "multicast, RFC 4291"),
        ("::/3", "not global unicast, RFC 4291"),
        ("4000::/2", "not global unicast, RFC 4291"),
        ("8000::/1", "not global unicast, RFC 4291"),
    )
)
#: Special-purpose space by IP version: first address, last address, what it is. Blocks may lie inside others.
SPECIAL: Mapping[int, tuple[tuple[int, int, str], ...]] = {
    4: tuple((int(n[0]), int(n[-1]), why) for n, why in _V4),
    6: tuple((int(n[0]), int(n[-1]), why) for n, why in _V6),
}
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052


def why_not(
    address: IPv4Address | IPv6Address, *, lab_networks: Iterable[IPv4Network | IPv6Network] = ()
) -> str | None:
    """Why this address must not be dialled, as a short phrase ("private use, RFC 1918"), or None when it may.

    Mapped, 6to4 and NAT64 addresses are judged by the address inside; Teredo never passes, whatever its server and
    client are. An address inside `lab_networks` passes; one that only wraps such an address does not. An address
    with a zone ("fe80::1%eth0") means something on one machine only and never passes.
    """
    if isinstance(address, IPv4Address):
        return None if _within(address, lab_networks) else _listed(address, _V4)
    if address.scope_id is not None:
        return "scoped to one link, RFC 4007"
    if _within(address, lab_networks):
        return None
    wrapped = _inside(address)
    if wrapped is None:
        return _listed(address, _V6)
    inner, kind = wrapped
    why = _listed(inner, _V4)
    return why and f"{kind} of an address that is {why}"


def _within(address: IPv4Address | IPv6Address, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    return any(address in network for network in networks)


def _listed(address: IPv4Address | IPv6Address, table: Iterable[tuple[IPv4Network | IPv6Network, str]]) -> str | None:
    return next((why for network, why in table if address in network), None)


def _inside(address: IPv6Address) -> tuple[IPv4Address, str] | None:
    """The IPv4 address that this one stands for, and the name of the wrapping."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped, "IPv4-mapped form"
    if address.sixtofour is not None:
        return address.sixtofour, "6to4 form"
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF), "NAT64 form"
    return None


class Pacer:
    """How many tests may run now: one per address, a few per network, so many altogether. Holds no clock.

    Every call is O(1); only running tests take memory. A network is a /24 or a /48. An address that stands for an
    IPv4 address (mapped, 6to4, NAT64) counts as that one, so no spelling gets a host a second place.
    """

    def __init__(self, *, everywhere: int, per_network: int) -> None:
        self._everywhere = everywhere
        self._per_network = per_network
        self._running: set[IPv4Address | IPv6Address] = set()
        self._networks: Counter[IPv4Network | IPv6Network] = Counter()

    def start(self, address: IPv4Address | IPv6Address) -> bool:
        """Take a place for this address, or False when there is none now (per /24, per /48, everywhere)."""
        address, network = _place(address)
        if (
            address in self._running
            or len(self._running) >= self._everywhere
            or self._networks[network] >= self._per_network
        ):
            return False
        self._running.add(address)
        self._networks[network] += 1
        return True

    def end(self, address: IPv4Address | IPv6Address) -> None:
        """Give the place back; without effect when there is none to give."""
        address, network = _place(address)
        if address not in self._running:
            return
        self._running.remove(address)
        self._networks[network] -= 1
        if not self._networks[network]:
            del self._networks[network]


def _place(
    address: IPv4Address | IPv6Address,
) -> tuple[IPv4Address | IPv6Address, IPv4Network | IPv6Network]:
    """The address that counts, and its network."""
    if isinstance(address, IPv6Address) and (wrapped := _inside(address)):
        address = wrapped[0]
    return address, ip_network((address, 24 if address.version == 4 else 48), strict=False)
