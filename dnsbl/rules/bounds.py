"""What the list may hold, however it came into the store: nothing too wide, no special-purpose space (RFC 6471 3.5).

Pure. One value says it for a single network, with the reason, and for whole tables, as the ranges of network numbers
that a table of ten million rows can be asked about without reading them; a test holds both equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field

from dnsbl.addresses import Network
from dnsbl.errors import Refused
from dnsbl.settings import Settings
from dnsbl.vocabulary import Refusal
from tester import manners
from tester.records import dataclass

_NOTHING: Mapping[int, tuple[tuple[int, int, str], ...]] = {4: (), 6: ()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """The bounds of the list; without arguments there are none."""

    widest_ipv4: int = 0  #: the shortest prefix that may be held
    widest_ipv6: int = 0
    #: by IP version: first address, last address and name of space that is not held, nor what touches it
    special: Mapping[int, tuple[tuple[int, int, str], ...]] = field(default_factory=lambda: _NOTHING)
    labs: tuple[Network, ...] = ()  #: what lies inside one of these is held, special or not

    @classmethod
    def of(cls, settings: Settings) -> Bounds:
        """The bounds that these settings draw."""
        terms = settings.policy
        return cls(
            widest_ipv4=terms.widest_ipv4,
            widest_ipv6=terms.widest_ipv6,
            special=manners.SPECIAL,
            labs=tuple(settings.tester.lab_networks),
        )

    def check(self, network: Network) -> Network:
        """The network, if the list may hold it. Raises Refused."""
        self.narrow(network, "listed")
        first, last = _span(network)
        for begin, end, why in self.special[network.version]:
            if first <= end and begin <= last and not any(_inside(network, lab) for lab in self.labs):
                raise Refused(
                    Refusal.SPECIAL_PURPOSE, f"{network} is not listed: it touches special-purpose space ({why})."
                )
        return network

    def narrow(self, network: Network, deed: str) -> Network:
        """The network, unless it is wider than what an operator may decide on with one word. Raises Refused."""
        widest = self._widest(network.version)
        if network.prefixlen < widest:
            raise Refused(Refusal.TOO_WIDE, f"{network} is wider than /{widest}, the widest that may be {deed}.")
        return network

    def may_hold(self, network: Network) -> bool:
        """Whether the list may hold this network."""
        try:
            self.check(network)
        except Refused:
            return False
        return True

    def barred(self, version: int, length: int) -> list[tuple[int, int]]:
        """The networks of this prefix length that the list may not hold, as ranges of their numbers without host bits:
        (first, last), both included; in order, none meets another.
        """
        if length < self._widest(version):
            return [(0, (1 << length) - 1)]
        back = (32 if version == 4 else 128) - length
        free = _joined(
            (first >> back, last >> back)
            for lab in self.labs
            if lab.version == version and lab.prefixlen <= length
            for first, last in (_span(lab),)
        )
        left: list[tuple[int, int]] = []
        for first, last in _joined((begin >> back, end >> back) for begin, end, _ in self.special[version]):
            for begin, end in free:
                if begin <= last and first <= end:
                    if first < begin:
                        left.append((first, begin - 1))
                    first = end + 1
            if first <= last:
                left.append((first, last))
        return left

    def _widest(self, version: int) -> int:
        return self.widest_ipv4 if version == 4 else self.widest_ipv6


def _joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same numbers as ranges in order, none of which meets another."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(last, joined[-1][1])
        else:
            joined.append((first, last))
    return joined


def _span(network: Network) -> tuple[int, int]:
    first = int(network.network_address)
    return first, first | int(network.hostmask)


def _inside(network: Network, outer: Network) -> bool:
    if network.version != outer.version or network.prefixlen < outer.prefixlen:
        return False
    first, last = _span(outer)
    return first <= int(network.network_address) <= last
