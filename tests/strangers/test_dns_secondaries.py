"""The samples of docs/secondaries.md: NSD, Knot, BIND and PowerDNS follow our list and then say what we say.

They are told over IPv4 in one world and over IPv6 in another, and take IXFR and AXFR, all with TSIG.

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
from typing import NamedTuple

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
    Network,
    ask_all,
    differences,
    edges,
    labels_of,
    query,
    said,
    start_bind_with,
    start_knot_with,
    start_nsd_with,
    start_powerdns_with,
)
from lab import Lab
from recipes import block

SECRET = base64.b64encode(random.Random(1).randbytes(32)).decode()
#: What the servers are called, each with the last number of its addresses.
SECONDARIES = {"nsd": 1, "knot": 2, "bind": 3, "powerdns": 4}
#: So many listings and delistings are followed, in so many steps, and so many questions asked at the end.
CHANGES, STEPS, QUESTIONS = 50, 5, 10000
RANGES = [
    ip_network(net) for net in ("198.51.100.0/24", "203.0.113.16/28", "10.9.0.0/22", "2001:db8:7::/48", "2001:db8::/64")
]

Singles = list[Network]


def address_of(rng: random.Random) -> Network:
    if rng.random() < 0.6:
        return ip_network(f"192.0.{rng.randrange(2, 6)}.{rng.randrange(256)}/32")
    return ip_network((0x20010DB8000900000000000000000000 | rng.getrandbits(8) << rng.choice((0, 40)), 128))


class World(NamedTuple):
    """A list, and its secondaries, which are told over one of both families alone."""

    ours: OurList
    v6: str  #: where the list has its other address
    secondaries: dict[str, str]  #: name -> IPv4 address


@pytest.fixture(scope="module", params=[4, 6], ids=["IPv4", "IPv6"])
def world(lab: Lab, request: pytest.FixtureRequest) -> World:
    family: int = request.param
    ours, ours6 = f"127.0.{family}.20", f"fd53::{family}:20"
    addresses = {name: (f"127.0.{family}.4{n}", f"fd53::{family}:4{n}") for name, n in SECONDARIES.items()}
    for v4, v6 in ((ours, ours6), *addresses.values()):
        for address, length in ((v4, 32), (v6, 128)):
            lab.run("us", ["ip", "addr", "add", f"{address}/{length}", "dev", "lo"])
    told = [v4 if family == 4 else f"[{v6}]" for v4, v6 in addresses.values()]
    changes = {"198.51.100.7": "127.0.0.0/16", "2001:db8::/64": "fd53::/64", "SECRET": SECRET}
    lines = block("secondaries.md", "toml", changes).splitlines()
    lines = [line for line in lines if line.startswith(("transfer", "tsig_keys"))]
    made = OurList(
        lab,
        ours,
        also=f"[{ours6}]:53",
        dns=[*lines, f"secondaries = {json.dumps([f'{place}:53' for place in told])}"],
    )
    (made.folder / "tsig.keys").write_text(f"mirror hmac-sha256 {SECRET}\n")
    (made.folder / "tsig.keys").chmod(0o640)
    made.add(RANGES)
    made.serve()

    def sample(language: str, name: str) -> str:
        v4, v6 = addresses[name]
        folder = str(lab.folder / f"{'named' if name == 'bind' else name}-{v4}")
        folders = dict.fromkeys(("/run/knot", "/var/lib/knot", "/var/cache/bind", "/var/lib/powerdns"), folder)
        ours_here = {"203.0.113.5": ours, "2001:db8::5": ours6, "198.51.100.7": v4, "2001:db8::7": v6}
        names = {"relays.example.org": ZONE, "SECRET": SECRET}
        return block("secondaries.md", language, folders | ours_here | names)

    v4s = {name: v4 for name, (v4, _) in addresses.items()}
    start_nsd_with(lab, v4s["nsd"], sample("nsd", "nsd"))
    start_knot_with(lab, v4s["knot"], sample("knot", "knot"))
    start_bind_with(lab, v4s["bind"], sample("bind", "bind"))
    start_powerdns_with(lab, v4s["powerdns"], sample("powerdns", "powerdns"), sample("sh", "powerdns"))
    return World(made, ours6, v4s)


def followed(lab: Lab, world: World) -> int:
    """Wait until everybody has our serial."""
    serial = world.ours.settled()
    for name, address in world.secondaries.items():
        lab.wait_for(
            f"{name} to have serial {serial}", lambda address=address: world.ours.serial(address) == serial, 20, 0.1
        )
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


def test_secondaries_set_up_as_the_samples_say_follow_listings_and_delistings(lab: Lab, world: World) -> None:
    rng = random.Random(5)
    singles: Singles = []
    followed(lab, world)
    for _ in range(STEPS):
        new = {address_of(rng) for _ in range(6 * CHANGES)} - set(singles)
        new_ones = rng.sample(sorted(new, key=str), 2 * CHANGES // STEPS)
        world.ours.add(new_ones)
        singles += new_ones
        followed(lab, world)
        gone = rng.sample(singles, CHANGES // STEPS)
        world.ours.drop(gone)
        singles = [network for network in singles if network not in gone]
    serial = followed(lab, world)
    packets = questions(rng, singles)
    mine = ask_all(lab, world.ours.address, packets)
    for name, address in world.secondaries.items():
        found = differences(packets, mine, ask_all(lab, address, packets), said)
        assert not found, f"{name}: {len(found)} of {len(packets)} differ:\n" + "\n".join(found[:20])
    rcodes = [reply[3] & 15 for reply in mine if reply]
    print(f"serial {serial}: {len(packets)} questions to each, all equal; {rcodes.count(3)} of them NXDOMAIN")
    assert min(rcodes.count(0), rcodes.count(3)) > QUESTIONS // 10


def test_they_were_told_over_the_family_that_we_name_and_took_differences(lab: Lab, world: World) -> None:
    """Refresh is an hour here: without NOTIFY nobody would have followed. PowerDNS fetches the whole zone."""
    told = world.ours.address if world.ours.address.startswith("127.0.4.") else world.v6
    knot = lab.log(f"knot-{world.secondaries['knot']}")
    assert len(re.findall(rf"notify, incoming, remote {told}@", knot)) >= STEPS
    assert len(re.findall(r"IXFR, incoming.* finished", knot)) >= STEPS
    bind = lab.log(f"named-{world.secondaries['bind']}")
    assert len(re.findall(rf"client .*{told}#.*received notify for zone 'list\.test': TSIG 'mirror'", bind)) >= STEPS
    assert len(re.findall(r"Transfer completed: 1 messages, \d{1,3} records", bind)) >= STEPS
    powerdns = lab.log(f"powerdns-{world.secondaries['powerdns']}")
    assert (
        len(re.findall(rf"Received secure NOTIFY for list\.test from {told}, with TSIG key 'mirror'", powerdns))
        >= STEPS
    )


def test_the_monitor_finds_everybody_in_step(lab: Lab, world: World) -> None:
    followed(lab, world)
    argv = [sys.executable, "-m", "dnsbl", "monitor", "--once", "--json", "--config", str(world.ours.config)]
    said_so = lab.run("us", argv).stdout
    own = world.ours.address.rsplit(".", 1)[0] if "127.0.4" in world.ours.address else "fd53::6"
    assert said_so.count(own) >= len(SECONDARIES), said_so


@pytest.mark.parametrize(
    ("key", "rcode"),
    [
        (None, "REFUSED"),
        ({"mirror": base64.b64encode(b"x" * 32).decode()}, "NOTAUTH"),
        ({"nobody": SECRET}, "NOTAUTH"),
    ],
    ids=["no key", "a wrong secret", "an unknown key"],
)
def test_a_stranger_does_not_get_the_zone(lab: Lab, world: World, key: dict[str, str] | None, rcode: str) -> None:
    keyring = dns.tsigkeyring.from_text(key) if key else None
    request, _ = dns.xfr.make_query(dns.zone.Zone(f"{ZONE}."), keyring=keyring, keyname=next(iter(key or ()), None))
    with lab.inside("us"):
        reply = over_tcp(world.ours.address, request.to_wire())
    assert dns.rcode.to_text(reply[3] & 15) == rcode
    assert reply[6:8] == b"\0\0"


def over_tcp(server: str, packet: bytes) -> bytes:
    """The first message that comes back."""
    with socket.create_connection((server, 53), 5) as opened:
        opened.sendall(len(packet).to_bytes(2) + packet)
        opened.settimeout(5)
        data = b""
        while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2]):
            data += opened.recv(65535)
        return data[2:]
