"""Whose turn it is, and how much may wait: shares of the queue and of the tester's places, by network of every width.

Pure. Nobody can be told from anybody else by his word, and whoever has a /32 of IPv6 has as many addresses and networks
as he likes. So what is asked for is counted for all networks that hold an address, and each may have a part of what is
*left*, not of the whole: however many networks somebody brings, something stays free for one that has nothing yet. Who
has much waiting is served after who has little. And some of the tester's places are for those alone who asked for a
test of an address that is listed: a server that keeps us waiting for hours, nominated eighty times over, holds none of
these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from ipaddress import ip_network

from dnsbl.addresses import Address, Network, neighbourhood, region
from dnsbl.model import ASKED, Crowded
from dnsbl.settings import Tester
from tester.records import dataclass

#: The networks that count as one, narrowest first: prefix length, and which part of what is left it may have.
PARTS: Mapping[int, tuple[tuple[int, int], ...]] = {
    4: ((24, 40), (16, 8), (8, 2)),
    6: ((64, 80), (48, 40), (32, 8), (20, 2)),
}
#: The part of those of whom no network is known.
NAMELESS = 40
#: Bits in which addresses of one neighbourhood, and of one region, differ.
NEAR, FAR = {4: 8, 6: 80}, {4: 16, 6: 96}
#: Which part of all places, and of those that are nobody's by right, one /16 or /32 may hold.
REGION = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Portion:
    """What counts as one, and the part of what is left that it may have."""

    network: Network
    part: int


@lru_cache(2000)
def shares(of: Address | Network) -> tuple[Portion, ...]:
    """Everything that holds this address or network and counts as one, narrowest first."""
    network = ip_network(of)
    return tuple(
        Portion(network=network.supernet(new_prefix=length), part=part)
        for length, part in PARTS[network.version]
        if length <= network.prefixlen
    )


def allowed(most: int, taken: int, part: int) -> int:
    """How many of `most`, of which `taken` are in use by all together, one share of this part may have in use."""
    left = most - taken
    return max(1, left // part) if left > 0 else 0


def turn(counts: Iterable[tuple[int, int]]) -> int:
    """The rank of one more of those who have so many before it: (part, count) of each share. A network of a /24's size
    has its second one behind everybody's first; wider ones count by their part."""
    return ASKED + 1 + max((count * part // NAMELESS for part, count in counts), default=0)


def full(terms: Tester, running: Mapping[Address, bool], slow: Iterable[Network] = ()) -> Crowded:
    """What takes no further test now, `running` being under test, each with whether it was asked for, and `slow` the
    neighbourhoods in which servers keep us waiting.

    An asked-for test finds a place of its own in its /24 or /48, beside those of `tester.per_network`; labs have no
    wider bounds.
    """
    spare = min(terms.reserved, terms.concurrency - 1)
    ordinary = terms.concurrency - spare
    slow = frozenset(slow)
    near = _full(running, 1 if slow else terms.per_network, neighbourhood, NEAR)
    wide = [address for address in running if not any(address in lab for lab in terms.lab_networks)]
    far = _full(wide, max(terms.per_network, terms.concurrency // REGION - 1) + 1, region, FAR)
    strangers = (address for address in wide if not running[address])
    common = _full(strangers, max(terms.per_network, ordinary // REGION), region, FAR)
    owned = {neighbourhood(address) for address, asked in running.items() if asked}

    def most(network: Network) -> int:
        return 1 if network in slow else terms.per_network

    return Crowded(
        addresses=frozenset(running),
        anywhere=sum(not asked for asked in running.values()) >= ordinary,
        networks=frozenset(network for network, count in near.items() if count >= most(network)) | common.keys(),
        asked=frozenset(network for network, count in near.items() if network in owned and count > most(network))
        | far.keys(),
    )


def _full(
    addresses: Iterable[Address], least: int, network: Callable[[Address], Network], apart: Mapping[int, int]
) -> dict[Network, int]:
    """Networks that hold at least so many of these addresses, and how many. Numbers of networks are counted, since to
    look up a network costs ten times as much; `apart` are the bits in which addresses of one network differ."""
    counts: dict[tuple[int, int], int] = {}
    within: dict[tuple[int, int], Address] = {}
    for address in addresses:
        key = address.version, int(address) >> apart[address.version]
        counts[key] = counts.get(key, 0) + 1
        within[key] = address
    return {network(within[key]): count for key, count in counts.items() if count >= least}


def region_of(name: str) -> Network | None:
    """The /16 or /32 that somebody of this name asks from, where the name is that of a network."""
    try:
        network = ip_network(name)
    except ValueError:
        return None
    return region(network.network_address)
