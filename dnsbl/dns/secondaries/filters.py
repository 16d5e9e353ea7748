"""What a zone's origin lists, for programs that ask no list: packet filters and name servers' policies.

Pure generators of lines. They hold listings alone: the test points are not in them, and nothing in 127.0.0.0/8 or its
IPv6 twin is, since a filter would cut a machine off from itself, and a policy zone would swallow every list's answers.
Exceptions hold: they are cut out of ranges, or written down where the form knows them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_network

from dnsbl.addresses import Network
from dnsbl.dns.listed.table import Table
from dnsbl.dns.zones import LOOPBACK, Zone
from dnsbl.model import EXCEPTION

#: How many first bits a table is read by, so that not all of it is in memory at once; no network is that wide.
_STEP = {4: 4, 6: 12}
_BITS = {4: 32, 6: 128}
#: Elements a line of an nftables script, and names that ipset takes at most.
_ELEMENTS, _NAME = 500, 31
#: Never filtered, whatever is listed.
_SPARED = (LOOPBACK, ip_network("::/96"), ip_network("::ffff:0:0/96"))


def nftables(zone: Zone, table: Table) -> Iterator[str]:
    """A script for `nft -f`: two sets of intervals in the table `inet dnsbl`, filled anew in one transaction."""
    name = _plain(zone.origin, 40)
    yield "add table inet dnsbl\n"
    for version, kind in ((4, "ipv4_addr"), (6, "ipv6_addr")):
        yield f"add set inet dnsbl {name}_{version} {{ type {kind}; flags interval; }}\n"
        yield f"flush set inet dnsbl {name}_{version}\n"
        part: list[str] = []
        for first, last in ranges(zone, table, version):
            part.append(str(first) if first == last else f"{first}-{last}")
            if len(part) == _ELEMENTS:
                yield f"add element inet dnsbl {name}_{version} {{ {', '.join(part)} }}\n"
                part = []
        if part:
            yield f"add element inet dnsbl {name}_{version} {{ {', '.join(part)} }}\n"


def ipset(zone: Zone, table: Table) -> Iterator[str]:
    """For `ipset restore -exist`: two sets of the type hash:net, filled beside those in use and swapped in."""
    name = _plain(zone.origin, _NAME - 4)
    for version, family in ((4, "inet"), (6, "inet6")):
        count = sum(1 for _ in _networks(zone, table, version))
        made = f"hash:net family {family} maxelem {max(1024, 2 * count)}"
        yield f"create {name}_{version} {made}\n"
        yield f"create {name}_{version}n {made}\n"
        yield f"flush {name}_{version}n\n"
        for network, listed in _networks(zone, table, version):
            yield f"add {name}_{version}n {network}{'' if listed else ' nomatch'}\n"
        yield f"swap {name}_{version}n {name}_{version}\n"
        yield f"destroy {name}_{version}n\n"


def rpz(zone: Zone, table: Table) -> Iterator[str]:
    """A response policy zone: an answer that leads to a listed address becomes NXDOMAIN. The longest prefix decides."""
    yield "$TTL 300\n"
    yield f"@ IN SOA localhost. hostmaster.localhost. {table.soa_serial} 3600 600 604800 300\n"
    yield "@ IN NS localhost.\n"
    for version in (4, 6):
        for network, listed in _networks(zone, table, version):
            yield f"{_trigger(network)} CNAME {'.' if listed else 'rpz-passthru.'}\n"


#: The forms by name.
FORMS: dict[str, Callable[[Zone, Table], Iterator[str]]] = {"nftables": nftables, "ipset": ipset, "rpz": rpz}


def ranges(zone: Zone, table: Table, version: int) -> Iterator[tuple[IPv4Address | IPv6Address, ...]]:
    """First and last address of every stretch that the origin lists, in order, none touching the next."""
    made: type[IPv4Address] | type[IPv6Address] = IPv4Address if version == 4 else IPv6Address
    before: tuple[int, int] | None = None
    for first, last in _stretches(_rows(zone, table, version), _BITS[version]):
        if before is not None and before[1] + 1 == first:
            before = before[0], last
            continue
        if before is not None:
            yield made(before[0]), made(before[1])
        before = first, last
    if before is not None:
        yield made(before[0]), made(before[1])


def _stretches(rows: Iterable[tuple[int, int, bool]], bits: int) -> Iterator[tuple[int, int]]:
    """Stretches that are listed, from (first, prefix length, listed) in order, where the narrowest network decides."""
    around: list[tuple[int, bool]] = []  # (last address, listed) of the networks that hold this place, widest first
    place = 0
    for first, length, listed in rows:
        while around and around[-1][0] < first:
            last, on = around.pop()
            if on and place <= last:
                yield place, last
            place = max(place, last + 1)
        if around and around[-1][1] and place < first:
            yield place, first - 1
        place = first
        around.append((first + (1 << (bits - length)) - 1, listed))
    while around:
        last, on = around.pop()
        if on and place <= last:
            yield place, last
        place = max(place, last + 1)


def _rows(zone: Zone, table: Table, version: int) -> Iterator[tuple[int, int, bool]]:
    """(first, prefix length, listed) of every network that the origin lists, or leaves out, in order; each once."""
    view, bits, step = zone.views[b""], _BITS[version], _STEP[version]
    spared = [n for n in _SPARED if n.version == version]
    for region in range(1 << step):
        found: dict[tuple[int, int], bool] = {}
        for first, length, kind in table.within(version, region, step):
            if kind == EXCEPTION or kind in view.kinds:
                found[first, length] = found.get((first, length), False) or kind != EXCEPTION
        for network in spared:
            first = int(network.network_address)
            if first >> (bits - step) == region:
                found[first, network.prefixlen] = False
        for first, length in sorted(found):
            if not any(_inside(first, length, network) for network in spared):
                yield first, length, found[first, length]


def _inside(first: int, length: int, network: Network) -> bool:
    """Whether a network is narrower than this one and lies in it."""
    back = network.max_prefixlen - network.prefixlen
    return length > network.prefixlen and first >> back == int(network.network_address) >> back


def _networks(zone: Zone, table: Table, version: int) -> Iterator[tuple[Network, bool]]:
    """The same as networks; those that are left out of nothing are passed over."""
    around: list[tuple[int, bool]] = []
    made: type[IPv4Address] | type[IPv6Address] = IPv4Address if version == 4 else IPv6Address
    for first, length, listed in _rows(zone, table, version):
        while around and around[-1][0] < first:
            around.pop()
        if listed or any(on for _, on in around):
            yield ip_network((made(first), length)), listed
        around.append((first + (1 << (_BITS[version] - length)) - 1, listed))


def _trigger(network: Network) -> str:
    """The name of a trigger: the prefix length and the address, backwards; of IPv6 with zz for a row of zeros."""
    if network.version == 4:
        backwards = ".".join(reversed(str(network.network_address).split(".")))
        return f"{network.prefixlen}.{backwards}.rpz-ip"
    head, gap, tail = str(network.network_address).partition("::")
    words = [*head.split(":"), *(["zz"] if gap else []), *tail.split(":")]
    return f"{network.prefixlen}.{'.'.join(word for word in reversed(words) if word)}.rpz-ip"


def _plain(origin: str, most: int) -> str:
    """A zone's name as a word that filters take."""
    return re.sub(r"[^a-z0-9]", "_", origin)[:most]
