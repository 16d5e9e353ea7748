"""How clients' keys are used: counts for each, and where one was last seen that was not at home.

Pure. Knows keys by their digest and clients by their network alone: a key itself, or a client's whole address, is never
in here. A network is one number of 64 bits, so that an engine's thread can note it in one store.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network

from tester.records import dataclass

#: Of a client's address so many bits are kept.
KEPT_V4, KEPT_V6 = 24, 48

_V4, _V6 = 1 << 62, 1 << 63


@dataclass(slots=True)
class KeyUse:
    """Of one key, since the start of what counts it. The compiled engine gives the fields in this order."""

    queries: int = 0  #: questions with it, whatever became of them
    hits: int = 0  #: of these, replies about what is listed
    refused: int = 0  #: of these, refusals
    elsewhere: int = 0  #: of these, from outside the key's networks
    last: float = 0.0  #: when it was used last; Unix seconds, 0.0 for never
    strayed: float = 0.0  #: when it was used last from outside its networks
    place: int = 0  #: from where that was, as `place_of` has it

    def note(self, client: bytes, now: float, *, hit: bool, refused: bool, elsewhere: bool) -> None:
        """One more question, of this client (a packed address)."""
        self.queries += 1
        self.hits += hit
        self.refused += refused
        self.last = now
        if elsewhere:
            self.elsewhere += 1
            self.strayed, self.place = now, place_of(client)

    def plus(self, other: KeyUse) -> KeyUse:
        """This and what was counted elsewhere of the same key."""
        later = self if self.strayed >= other.strayed else other
        return KeyUse(
            self.queries + other.queries,
            self.hits + other.hits,
            self.refused + other.refused,
            self.elsewhere + other.elsewhere,
            max(self.last, other.last),
            later.strayed,
            later.place,
        )


def add(into: dict[bytes, KeyUse], found: Mapping[bytes, KeyUse]) -> None:
    """Add what was counted elsewhere, by digest."""
    for digest, use in found.items():
        into[digest] = into[digest].plus(use) if digest in into else use


def place_of(client: bytes) -> int:
    """The network of a client (a packed address) as a number, which is never 0."""
    number = int.from_bytes(client)
    return _V4 | number >> 32 - KEPT_V4 if len(client) == 4 else _V6 | number >> 128 - KEPT_V6


def network_of(place: int) -> IPv4Network | IPv6Network | None:
    """That network, or None for 0."""
    if place & _V6:
        return ip_network((((place ^ _V6) << 128 - KEPT_V6).to_bytes(16), KEPT_V6))
    return ip_network((((place ^ _V4) << 32 - KEPT_V4).to_bytes(4), KEPT_V4)) if place else None
