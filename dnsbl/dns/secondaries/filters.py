"""What a zone's origin lists, for programs that ask no list: packet filters and name servers' policies.

Pure generators of lines. They hold listings alone: the test points are not in them, and nothing in 127.0.0.0/8 or its
IPv6 twin is, since a filter would cut a machine off from itself, and a policy zone would swallow every list's answers.
Exceptions hold: they are cut out of ranges, or written down where the form knows them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from ipaddress import ip_network

from dnsbl.addresses import text_at
from dnsbl.dns.listed.table import Table
from dnsbl.dns.zones import LOOPBACK, Zone
from dnsbl.vocabulary import EXCEPTION

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
            from_, to = text_at(version, first), text_at(version, last)
            part.append(from_ if first == last else f"{from_}-{to}")
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
        for first, length, listed in _networks(zone, table, version):
            yield f"add {name}_{version}n {text_at(version, first)}/{length}{'' if listed else ' nomatch'}\n"
        yield f"swap {name}_{version}n {name}_{version}\n"
        yield f"destroy {name}_{version}n\n"


def rpz(zone: Zone, table: Table) -> Iterator[str]:
    """A response policy zone: an answer that leads to a listed address becomes NXDOMAIN. The longest prefix decides."""
    yield "$TTL 300\n"
    yield f"@ IN SOA localhost. hostmaster.localhost. {table.soa_serial} 3600 600 604800 300\n"
    yield "@ IN NS localhost.\n"
    for version in (4, 6):
        for first, length, listed in _networks(zone, table, version):
            yield f"{_trigger(version, first, length)} CNAME {'.' if listed else 'rpz-passthru.'}\n"


#: The forms by name.
FORMS: dict[str, Callable[[Zone, Table], Iterator[str]]] = {"nftables": nftables, "ipset": ipset, "rpz": rpz}


def ranges(zone: Zone, table: Table, version: int) -> Iterator[tuple[int, int]]:
    """First and last address, as numbers, of every stretch that the origin lists, in order, none touching the next."""
    before: tuple[int, int] | None = None
    for first, last in _stretches(_rows(zone, table, version), _BITS[version]):
        if before is not None and before[1] + 1 == first:
            before = before[0], last
            continue
        if before is not None:
            yield before
        before = first, last
    if before is not None:
        yield before


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
    kinds = {EXCEPTION, *zone.views[b""].kinds}
    spared = {(int(n.network_address), n.prefixlen): int(n.broadcast_address) for n in _SPARED if n.version == version}
    fixed = sorted((first, length, EXCEPTION) for first, length in spared)
    until = -1  # where a network ends in which nothing is listed
    before: tuple[int, int] | None = None
    on = False
    for first, length, kind in merge(table.in_order(version), fixed):
        if first <= until or kind not in kinds:
            continue
        if (first, length) == before:  # an exception came first
            on = True
            continue
        if before is not None:
            yield *before, on
        before, on = (first, length), kind != EXCEPTION
        until = until if on else spared.get(before, until)
    if before is not None:
        yield *before, on


def _networks(zone: Zone, table: Table, version: int) -> Iterator[tuple[int, int, bool]]:
    """The same, but for those that are left out of nothing."""
    around: list[tuple[int, bool]] = []
    for first, length, listed in _rows(zone, table, version):
        while around and around[-1][0] < first:
            around.pop()
        if listed or any(on for _, on in around):
            yield first, length, listed
        around.append((first + (1 << (_BITS[version] - length)) - 1, listed))


def _trigger(version: int, first: int, length: int) -> str:
    """The name of a trigger: the prefix length and the address, backwards; of IPv6 with zz for a row of zeros."""
    address = text_at(version, first)
    if version == 4:
        return f"{length}.{'.'.join(address.split('.')[::-1])}.rpz-ip"
    head, gap, tail = address.partition("::")
    words = [*head.split(":"), *(["zz"] if gap else []), *tail.split(":")]
    return f"{length}.{'.'.join(word for word in reversed(words) if word)}.rpz-ip"


def _plain(origin: str, most: int) -> str:
    """A zone's name as a word that filters take."""
    return re.sub(r"[^a-z0-9]", "_", origin)[:most]
