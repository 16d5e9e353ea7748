"""NSD, Knot and BIND follow our list by NOTIFY, IXFR and AXFR with TSIG, and then say what we say.

What is compared are addresses and the names above them. A network is a wildcard at a secondary, so a name that is
longer than an address, or shorter inside a wide network, is answered otherwise there, and its TXT names the network in
place of the address: TXT is asked only where a single address is listed.
"""

from __future__ import annotations

import base64
import json
import random
import re
import socket
import sys
from ipaddress import IPv4Address, IPv6Address, ip_network

import dns.rcode
import dns.tsigkeyring
import dns.xfr
import dns.zone
import pytest
from dns_list import ZONE, OurList
from dns_servers import (
    MX,
    NS,
    SOA,
    TXT,
    A,
    Address,
    Follow,
    Key,
    Network,
    ask_all,
    differences,
    edges,
    labels_of,
    query,
    said,
    start_bind,
    start_knot,
    start_nsd,
)
from lab import Lab

OURS = "127.0.0.20"
SECONDARIES = {"nsd": "127.0.0.41", "knot": "127.0.0.42", "bind": "127.0.0.43"}
KEY = Key("mirror", base64.b64encode(random.Random(1).randbytes(32)).decode())
#: So many listings and delistings are followed, in so many steps, and so many questions asked at the end.
CHANGES, STEPS, QUESTIONS = 100, 10, 20000
RANGES = [
    ip_network(net) for net in ("198.51.100.0/24", "203.0.113.16/28", "10.9.0.0/22", "2001:db8:7::/48", "2001:db8::/64")
]

Singles = list[Network]


def address_of(rng: random.Random) -> Network:
    if rng.random() < 0.6:
        return ip_network(f"192.0.{rng.randrange(2, 6)}.{rng.randrange(256)}/32")
    return ip_network((0x20010DB8000900000000000000000000 | rng.getrandbits(8) << rng.choice((0, 40)), 128))


@pytest.fixture(scope="module")
def ours(lab: Lab) -> OurList:
    made = OurList(
        lab,
        OURS,
        dns=[
            f'transfer = ["127.0.0.0/24 {KEY.name}"]',
            'tsig_keys = "tsig.keys"',
            f"secondaries = {json.dumps([f'{address}:53' for address in SECONDARIES.values()])}",
        ],
    )
    (made.folder / "tsig.keys").write_text(f"{KEY.name} hmac-sha256 {KEY.secret}\n")
    (made.folder / "tsig.keys").chmod(0o640)
    made.add(RANGES)
    made.serve()
    follow = Follow(ZONE, OURS, KEY)
    start_nsd(lab, SECONDARIES["nsd"], {}, [follow])
    start_knot(lab, SECONDARIES["knot"], [follow])
    start_bind(lab, SECONDARIES["bind"], {}, [follow])
    return made


def followed(lab: Lab, ours: OurList) -> int:
    """Wait until everybody has our serial."""
    serial = ours.settled()
    for name, address in SECONDARIES.items():
        lab.wait_for(f"{name} to have serial {serial}", lambda address=address: ours.serial(address) == serial, 20, 0.1)
    return serial


def questions(rng: random.Random, singles: Singles) -> list[bytes]:
    """The boundaries of everything first, then addresses at random near what is listed, and names above them."""
    asked: dict[tuple[str, int], None] = {(ZONE, rtype): None for rtype in (SOA, NS, TXT, MX)}
    asked |= {(f"ns.{ZONE}", A): None, (f"manual.{ZONE}", A): None, (f"nobody.{ZONE}", A): None}
    alone = {network[0] for network in singles}
    for network in (*RANGES, *singles, ip_network("127.0.0.2/32")):
        for address in edges(network):
            for below in ("", "manual.", "relay."):
                name = f"{'.'.join(labels_of(address))}.{below}{ZONE}"
                asked[name, A] = asked[name, MX] = None
                if address in alone:
                    asked[name, TXT] = None
    while len(asked) < QUESTIONS:
        if rng.random() < 0.6:
            near = rng.choice((0xC0000200, 0xC6336400, 0xCB007100, 0x0A090000))
            address: Address = IPv4Address(near + rng.randrange(1200))
        else:
            near = rng.choice((0x20010DB8 << 96, 0x20010DB80007 << 80, 0x20010DB80009 << 80))
            address = IPv6Address(near + (rng.getrandbits(10) << rng.choice((0, 32, 64, 72))))
        labels = labels_of(address)
        if rng.random() < 0.2 and (address.version == 4 or not any(address in network for network in RANGES)):
            labels = labels[rng.randrange(1, 3) :]  # in a wide IPv6 network this name, too, is caught by its wildcard
        asked[f"{'.'.join(labels)}.{rng.choice(('', '', 'manual.'))}{ZONE}", A] = None
    return [query(name, rtype) for name, rtype in asked]


def test_three_secondaries_follow_a_hundred_listings_and_delistings(lab: Lab, ours: OurList) -> None:
    rng = random.Random(5)
    singles: Singles = []
    for _ in range(STEPS):
        new = {address_of(rng) for _ in range(3 * CHANGES)} - set(singles)
        new_ones = rng.sample(sorted(new, key=str), 2 * CHANGES // STEPS)
        ours.add(new_ones)
        singles += new_ones
        followed(lab, ours)
        gone = rng.sample(singles, CHANGES // STEPS)
        ours.drop(gone)
        singles = [network for network in singles if network not in gone]
    serial = followed(lab, ours)
    packets = questions(rng, singles)
    mine = ask_all(lab, OURS, packets)
    for name, address in SECONDARIES.items():
        found = differences(packets, mine, ask_all(lab, address, packets), said)
        assert not found, f"{name}: {len(found)} of {len(packets)} differ:\n" + "\n".join(found[:20])
    rcodes = [reply[3] & 15 for reply in mine if reply]
    print(f"serial {serial}: {len(packets)} questions to each, all equal; {rcodes.count(3)} of them NXDOMAIN")
    assert min(rcodes.count(0), rcodes.count(3)) > QUESTIONS // 10


def test_they_were_told_and_took_differences(lab: Lab, ours: OurList) -> None:
    """Refresh is an hour here: without NOTIFY nobody would have followed."""
    knot = lab.log(f"knot-{SECONDARIES['knot']}")
    assert len(re.findall(r"notify, incoming, remote 127\.0\.0\.20", knot)) >= STEPS
    assert len(re.findall(r"IXFR, incoming.* finished", knot)) >= STEPS
    bind = lab.log(f"named-{SECONDARIES['bind']}")
    assert len(re.findall(r"received notify for zone 'list\.test': TSIG 'mirror'", bind)) >= STEPS
    assert len(re.findall(r"Transfer completed: 1 messages, \d{1,3} records", bind)) >= STEPS


def test_the_monitor_finds_everybody_in_step(lab: Lab, ours: OurList) -> None:
    followed(lab, ours)
    argv = [sys.executable, "-m", "dnsbl", "monitor", "--once", "--json", "--config", str(ours.config)]
    said_so = lab.run("us", argv).stdout
    assert all(f"{address}:53" in said_so for address in SECONDARIES.values()), said_so


@pytest.mark.parametrize(
    ("key", "rcode"),
    [
        (None, "REFUSED"),
        (Key("mirror", base64.b64encode(b"x" * 32).decode()), "NOTAUTH"),
        (Key("nobody", KEY.secret), "NOTAUTH"),
    ],
    ids=["no key", "a wrong secret", "an unknown key"],
)
def test_a_stranger_does_not_get_the_zone(lab: Lab, ours: OurList, key: Key | None, rcode: str) -> None:
    keyring = dns.tsigkeyring.from_text({key.name: key.secret}) if key else None
    request, _ = dns.xfr.make_query(dns.zone.Zone(f"{ZONE}."), keyring=keyring, keyname=key.name if key else None)
    with lab.inside("us"):
        reply = over_tcp(request.to_wire())
    assert dns.rcode.to_text(reply[3] & 15) == rcode
    assert reply[6:8] == b"\0\0"


def over_tcp(packet: bytes) -> bytes:
    """The first message that comes back."""
    with socket.create_connection((OURS, 53), 5) as opened:
        opened.sendall(len(packet).to_bytes(2) + packet)
        opened.settimeout(5)
        data = b""
        while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2]):
            data += opened.recv(65535)
        return data[2:]
