"""The same lists in NSD and in us, as random as a seed makes them: to every question the same answer.

NSD gets what the list means as single names, written by this module's own hand: DNS wildcards also match deeper
names, which a look-up of reversed addresses does not. What it means is found out here the slow way, address by address.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import dns.exception
import dns.message
import pytest
from dns_servers import (
    AAAA,
    MX,
    NS,
    SOA,
    TXT,
    A,
    Address,
    Network,
    ask_all,
    differences,
    edges,
    labels_of,
    provoke,
    query,
    said,
    start_nsd,
)
from lab import Lab
from packets import corpus, mutations

from dnsbl.dns import wire
from dnsbl.dns.listed.table import Table
from dnsbl.dns.respond import Serving, respond
from dnsbl.dns.zonefile import zones_from

ORIGIN = "bl.test"
SITE = "https://site.test"
SERIAL = 7
KINDS = {
    "relay": (2, 2100, "relay {address} see {url}"),
    "multihop": (8, 2100, "hop {address}"),
    "manual": (4, 600, "by hand {url}"),
}
APART = "multihop"  #: this kind is in its sublist only
NSD_AT = "127.0.0.3"
#: Which lists are made, and how the zone answers for several kinds at once (RFC 5782 2.3).
WORLDS = ((1, "records"), (2, "records"), (3, "bitmask"))
#: Networks drawn, from a few small neighbourhoods, so that they overlap.
ROWS = 60

ZONE = f"""\
style = "%s"
origin = "{ORIGIN}"
ns = ["ns1.{ORIGIN}", "ns.elsewhere.test"]
ttl = 2100
[soa]
mname = "ns1.{ORIGIN}"
rname = "hostmaster.{ORIGIN}"
refresh = 3600
retry = 600
expire = 604800
minimum = 300
ttl = 3600
[[records]]
name = "@"
type = "MX"
data = "10 mx.elsewhere.test"
[[records]]
name = "@"
type = "A"
data = "192.0.2.80"
[[records]]
name = "ns1"
type = "A"
data = "192.0.2.53"
[[records]]
name = "a.deep.name"
type = "TXT"
data = "words"
""" + "".join(
    f'[kinds.{kind}]\ncode = "127.0.0.{code}"\nttl = {ttl}\ntxt = "{txt}"\naggregate = {str(kind != APART).lower()}\n'
    for kind, (code, ttl, txt) in KINDS.items()
)
HEAD = f"""\
$ORIGIN {ORIGIN}.
@ 3600 SOA ns1 hostmaster {SERIAL} 3600 600 604800 300
@ 2100 NS ns1
@ 2100 NS ns.elsewhere.test.
@ 2100 MX 10 mx.elsewhere.test.
@ 2100 A 192.0.2.80
ns1 2100 A 192.0.2.53
a.deep.name 2100 TXT "words"
"""


def drawn(seed: int) -> list[tuple[Network, str]]:
    """Random rows of both families; the kind "" is an exception."""
    rng = random.Random(seed)
    homes4 = [rng.randrange(1, 224) << 24 | rng.getrandbits(24) & 0xFFFFFC00 for _ in range(3)]
    homes6 = [0x2001 << 112 | rng.getrandbits(100) << 10 for _ in range(3)]
    rows = [(ip_network("127.0.0.0/24"), "relay"), (ip_network("127.5.0.0/28"), "relay")]
    for _ in range(ROWS):
        kind = rng.choice([*KINDS, *KINDS, ""])
        if rng.random() < 0.6:
            length = rng.choice([22, 23, 24, 25, 26, 28, 29, 30, 31, 32, 32, 32])
            rows.append((ip_network((rng.choice(homes4) + rng.getrandbits(10), length), strict=False), kind))
        else:
            length = rng.choice([118, 119, 120, 121, 123, 124, 125, 126, 127, 128, 128, 128])
            rows.append((ip_network((rng.choice(homes6) + rng.getrandbits(10), length), strict=False), kind))
    return rows


def meaning(rows: list[tuple[Network, str]]) -> dict[Address, set[str]]:
    """The kinds of each listed address: all that cover it, but for those wider than the narrowest exception."""
    listed: dict[Address, set[str]] = {}
    for address in {address for network, _ in rows for address in network}:
        covering = [(network.prefixlen, kind) for network, kind in rows if address in network]
        least = max((length for length, kind in covering if kind == ""), default=0)
        kinds = {kind for length, kind in covering if kind and length >= least}
        if kinds and address not in ip_network("127.0.0.0/24"):
            listed[address] = kinds
    return listed


def master_file(rows: list[tuple[Network, str]], style: str = "records") -> Iterator[str]:
    yield HEAD
    several = {"bitmask": style == "bitmask"}
    views = {"": [kind for kind in KINDS if kind != APART]} | {f".{kind}": [kind] for kind in KINDS}
    for below, kinds in views.items():
        for kind in kinds:  # RFC 5782 5
            yield from records(IPv4Address(f"127.0.0.{KINDS[kind][0]}"), [kind], below, **several)
        if KINDS[kinds[0]][0] != 2:
            yield from records(
                IPv4Address("127.0.0.2"), [min(kinds, key=lambda kind: KINDS[kind][0])], below, **several
            )
        for address, found in meaning(rows).items():
            yield from records(address, [kind for kind in kinds if kind in found], below, **several)


def records(address: Address, kinds: list[str], below: str, *, bitmask: bool) -> Iterator[str]:
    """The records of one address, and for IPv4 those of its twin ::ffff:a.b.c.d."""
    if not kinds:
        return
    ttl = min(KINDS[kind][1] for kind in kinds)
    names = [labels_of(address)]
    if address.version == 4:
        names.append(labels_of(IPv6Address(0xFFFF << 32 | int(address))))
    codes = [KINDS[kind][0] for kind in kinds]
    for name in (f"{'.'.join(labels)}{below}" for labels in names):
        for code in [sum(codes)] if bitmask else codes:
            yield f"{name} {ttl} A 127.0.0.{code}\n"
        for kind in kinds:
            words = KINDS[kind][2].replace("{url}", f"{SITE}/ip/{address}").replace("{address}", str(address))
            yield f'{name} {ttl} TXT "{words}"\n'


def questions(rows: list[tuple[Network, str]], seed: int) -> list[bytes]:
    """Every boundary and every name above and just below one, in every list and with several types; and oddities."""
    rng = random.Random(-seed)
    asked: dict[tuple[str, int], None] = {}
    addresses = {address for network, _ in rows for address in edges(network)}
    addresses |= {ip_address(f"127.0.0.{n}") for n in (0, 1, 2, 3, 4, 5, 8)}
    addresses |= {network[rng.randrange(network.num_addresses)] for network, _ in rows}
    for address in sorted(addresses, key=lambda address: (address.version, address)):
        labels = labels_of(address)
        for below in ("", *(f".{kind}" for kind in KINDS)):
            whole = ".".join(labels) + below
            asked |= {(whole, rtype): None for rtype in (A, TXT)}
            asked[whole, rng.choice((NS, SOA, MX, AAAA, 33, 43, 257, 300, 65280))] = None
            asked[f"x.{whole}", A] = None
            depths = range(1, 4) if address.version == 4 else (31, 30, 29, 28, rng.randrange(1, 28))
            for depth in depths:
                asked[".".join(labels[-depth:]) + below, rng.choice((A, NS, TXT, SOA))] = None
            broken = list(labels)
            broken[rng.randrange(len(labels))] = rng.choice(("256", "02", "g", "", "-", "0f", "1000", "a"))
            asked[".".join(label for label in broken if label) + below, A] = None
        if address.version == 4:
            asked[".".join(labels_of(IPv6Address(0xFFFF << 32 | int(address)))), rng.choice((A, TXT))] = None
    for name in ("", "ns1", "deep.name", "name", "a.deep.name", "b.deep.name", *KINDS, "no", "x.ns1", "2.0", "0.f"):
        asked |= {(name, rtype): None for rtype in (A, NS, SOA, TXT, MX, AAAA, 48, 300)}
    packets = [query(f"{name}.{ORIGIN}" if name else ORIGIN, rtype) for name, rtype in asked]
    return [n.to_bytes(2) + packet[2:] for n, packet in enumerate(packets)]


def our_replies(packets: list[bytes], rows: list[tuple[Network, str]], style: str = "records") -> list[bytes | None]:
    serving = Serving(zones_from({"bl.toml": ZONE % style}, site=SITE), Table.of(rows, serial=SERIAL))
    return [respond(packet, b"\x7f\0\0\1", 0, serving, tcp=False).packet for packet in packets]


@pytest.mark.parametrize(("seed", "style"), WORLDS)
def test_every_question_gets_the_answer_that_nsd_gives(lab: Lab, seed: int, style: str) -> None:
    rows = drawn(seed)
    address = f"{NSD_AT}{seed}"
    start_nsd(lab, address, {ORIGIN: "".join(master_file(rows, style))})
    packets = questions(rows, seed)
    ours = our_replies(packets, rows, style)
    theirs = ask_all(lab, address, packets)
    found = differences(packets, ours, theirs, said)
    assert not found, f"seed {seed}: {len(found)} of {len(packets)} differ:\n" + "\n".join(found[:20])
    rcodes = [reply[3] & 15 for reply in ours if reply]
    print(f"seed {seed}: {len(packets)} questions, {rcodes.count(0)} NOERROR, {rcodes.count(3)} NXDOMAIN, all equal")
    assert min(rcodes.count(0), rcodes.count(3)) > 500


# -- broken packets --------------------------------------------------------------------------------------------
#: Mutated packets beside the corpus; a few more than these seconds go by, see `provoke`.
MUTATED = 500
NOERROR, FORMERR, NOTIMP, REFUSED, NOTAUTH = 0, 1, 4, 5, 9


def sound(packet: bytes) -> bool:
    """Whether a stranger, dnspython, can read it to its last byte."""
    try:
        dns.message.from_wire(packet)
    except (dns.exception.DNSException, ValueError):
        return False
    return True


def choice(packet: bytes, ours: int | None, theirs: int | None) -> str:
    """Why this difference from NSD is our choice, or "" when it is none."""
    opcode, counts = packet[2] >> 3 & 15, packet[4:12]
    if opcode:
        return "NOTIMP for every other opcode, whatever the rest looks like" if ours == NOTIMP else ""
    if packet[3] & 15:
        return "the rcode of a query is not looked at" if theirs == FORMERR else ""
    if ours == FORMERR and (counts[:6] != b"\0\1\0\0\0\0" or counts[6:] not in (b"\0\0", b"\0\1")):
        return "FORMERR for other counts than one question and at most one OPT"
    if ours == NOERROR and counts[:2] == b"\0\0" and theirs == FORMERR:
        return "NOERROR for a question for a cookie alone (RFC 7873 5.4)"
    if ours == FORMERR and not sound(packet):
        return "FORMERR for trailing bytes and broken OPT records"
    if ours == FORMERR and len(dns.message.from_wire(packet).options) > wire.MOST_OPTIONS:
        return "FORMERR for more than 64 EDNS options"
    if ours == REFUSED and b"\0\xff" in packet[12:]:
        return "REFUSED for class ANY"
    if ours == REFUSED and theirs in (NOTIMP, NOTAUTH) and (b"\0\xfb" in packet or b"\0\xfc" in packet):
        return "REFUSED for transfers over UDP"
    if ours == REFUSED and (packet.endswith(b"\0\x10\0\3") or b"\0\x10\0\3\0\0\x29" in packet):
        return "REFUSED for class CHAOS unless told otherwise"
    return ""


def test_broken_packets_earn_what_they_earn_from_nsd_but_for_our_choices(lab: Lab) -> None:
    rows = drawn(4)
    address = f"{NSD_AT}4"
    start_nsd(lab, address, {ORIGIN: "".join(master_file(rows))})
    start = [packet for packet in corpus() if len(packet) < 9000]
    packets = start + [packet for packet in itertools.islice(mutations(1, start), MUTATED) if len(packet) < 9000]
    theirs = provoke(lab, address, packets, per_second=95)
    seen: dict[str, int] = {"the same": 0}
    unexplained = []
    for packet, our, their in zip(packets, our_replies(packets, rows), theirs, strict=True):
        mine, other = (reply if reply is None else reply[3] & 15 for reply in (our, their))
        why = "the same" if mine == other else choice(packet, mine, other)
        seen[why] = seen.get(why, 0) + 1
        if not why:
            unexplained.append(f"ours {mine}, theirs {other}: {packet[:80].hex()}")
    print("\n".join(f"{number:5} {why}" for why, number in sorted(seen.items())))
    assert not unexplained, f"{len(unexplained)} of {len(packets)}:\n" + "\n".join(unexplained)
    assert seen["the same"] > len(packets) // 2
