"""NSD, Knot and BIND with two nodes of ours as primaries, on one store: nothing is lost and nothing stale stays,
whichever of the two is there, and whichever has new zone files first.

In one world both nodes open one file of SQLite; in the other the second one has a hot standby of the first one's
PostgreSQL, which it can only read. Each secondary has the addresses of the sample in docs/secondaries.md, of which the
second is the second node's here. What is compared is the whole zone, as each hands it out.
"""

from __future__ import annotations

import base64
import json
import random
import time
from collections.abc import Iterator
from ipaddress import ip_network
from typing import NamedTuple

import dns.message
import dns.name
import dns.query
import dns.rdatatype
import dns.tsigkeyring
import dns.xfr
import dns.zone
import pytest
from dns_list import ZONE, ZONE_FILE, OurList
from dns_servers import Network, start_bind_with, start_knot_with, start_nsd_with
from lab import Lab
from recipes import block

from tests.trials.postgres import PostgreSQL

SECRET = base64.b64encode(random.Random(2).randbytes(32)).decode()
RING = dns.tsigkeyring.from_text({"mirror": ("hmac-sha256", SECRET)})
#: Zone files: those of the beginning, and two later ones.
FILES = [ZONE_FILE.replace("A list for tests.", text) for text in ("At first.", "Later.", "At last.")]
#: From where we ask for whole zones.
LOOKER = "127.0.0.9"
Records = frozenset[tuple[str, str, int, str]]


class Primaries(NamedTuple):
    """Two nodes, the secondaries of both by name, and whether the second one can write."""

    nodes: tuple[OurList, OurList]
    secondaries: dict[str, str]
    writes: bool

    @property
    def first(self) -> OurList:
        return self.nodes[0]

    def other(self, node: OurList) -> OurList:
        return self.nodes[node is self.nodes[0]]


@pytest.fixture(scope="module", params=["SQLite", "a hot standby of PostgreSQL"])
def world(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Primaries]:
    part = 7 if request.param == "SQLite" else 8
    places = [f"127.0.{part}.{n}" for n in (20, 21)]
    secondaries = {name: f"127.0.{part}.4{n}" for n, name in enumerate(("nsd", "knot", "bind"), 1)}
    for place in (*places, *secondaries.values()):
        lab.run("us", ["ip", "addr", "add", f"{place}/32", "dev", "lo"])
    for n in (1, 2, 3):
        lab.run("us", ["ip", "addr", "add", f"fd53::{part}:4{n}/128", "dev", "lo"])
    lines = [
        'transfer = ["127.0.0.0/16 mirror"]',
        'tsig_keys = "tsig.keys"',
        f"secondaries = {json.dumps([f'{place}:53' for place in secondaries.values()])}",
    ]
    server = PostgreSQL() if part == 8 else None
    urls = [f"sqlite:///{lab.folder}/list-{places[0]}/both.db"] * 2
    if server is not None:
        urls = [server.url, server.aside]
    nodes = [
        OurList(lab, place, ns=places[0], zone=FILES[0], dns=lines, database=url)
        for place, url in zip(places, urls, strict=True)
    ]
    for node in nodes:
        (node.folder / "tsig.keys").write_text(f"mirror hmac-sha256 {SECRET}\n")
        (node.folder / "tsig.keys").chmod(0o640)
    nodes[0].add([ip_network("198.51.100.0/24")])
    if server is not None:
        server.make_standby()
        server.start("standby", aside=True)
    for node in nodes:
        node.serve()

    def sample(language: str, name: str) -> str:
        folder = str(lab.folder / f"{'named' if name == 'bind' else name}-{secondaries[name]}")
        folders = dict.fromkeys(("/run/knot", "/var/lib/knot", "/var/cache/bind"), folder)
        changes = {"203.0.113.5": places[0], "2001:db8::5": places[1], "198.51.100.7": secondaries[name]}
        changes |= {"2001:db8::7": f"fd53::{part}:4{list(secondaries).index(name) + 1}", "SECRET": SECRET}
        return block("secondaries.md", language, folders | changes | {"relays.example.org": ZONE})

    start_nsd_with(lab, secondaries["nsd"], sample("nsd", "nsd") + "  provide-xfr: 127.0.0.0/8 NOKEY\n")
    knot = sample("knot", "knot").replace("acl: from-list", "acl: [from-list, whole]")
    knot = knot.replace("acl:\n", "acl:\n  - id: whole\n    address: 127.0.0.0/8\n    action: transfer\n", 1)
    start_knot_with(lab, secondaries["knot"], knot)
    bind = sample("bind", "bind").replace("allow-transfer { none; }", "allow-transfer { 127.0.0.0/8; }")
    start_bind_with(lab, secondaries["bind"], bind)
    yield Primaries((nodes[0], nodes[1]), secondaries, writes=server is None)
    for node in nodes:
        node.close()
    if server is not None:
        server.close()


def whole(lab: Lab, server: str, *, signed: bool = False) -> Records:
    """All records of the zone as this server hands it out."""
    zone = dns.zone.Zone(dns.name.from_text(ZONE), relativize=False)
    asked, _ = dns.xfr.make_query(zone, keyring=RING if signed else None, keyname="mirror" if signed else None)
    with lab.inside("us"):
        dns.query.inbound_xfr(server, zone, asked, timeout=5, lifetime=20, source=LOOKER)
    found = zone.iterate_rdatas()
    return frozenset((str(name), dns.rdatatype.to_text(data.rdtype), ttl, data.to_text()) for name, ttl, data in found)


def agreed(lab: Lab, world: Primaries, serial: int, *, numberless: OurList | None = None) -> None:
    """Wait until every secondary has this serial; then all hold the zone of the nodes that have it too, but for one
    that gives no zone at the moment."""
    for name, address in world.secondaries.items():
        lab.wait_for(f"{name} to have serial {serial}", lambda at=address: world.first.serial(at) == serial, 40, 0.1)
    running = [node for node in world.nodes if node.process is not None and node.serial() == serial]
    ours = {whole(lab, node.address, signed=True) for node in running if node is not numberless}
    assert len(ours) == 1, "two nodes with one serial hold one zone"
    for name, address in world.secondaries.items():
        theirs = whole(lab, address)
        assert theirs == next(iter(ours)), f"{name}: {sorted(theirs ^ next(iter(ours)))[:10]}"


def at_rest(lab: Lab, world: Primaries) -> None:
    """Wait until BIND has had nothing to say for a second: 9.18, to which a primary's end comes amid a refresh of its
    own that had to wait, has been seen to ask nobody ever again."""
    log = lab.folder / f"named-{world.secondaries['bind']}.log"
    lab.wait_for("BIND to be at rest", lambda: time.time() - log.stat().st_mtime > 1, 30)


def follows(lab: Lab, world: Primaries, node: OurList, new: list[Network], gone: list[Network]) -> int:
    """List and drop, and wait until this node says so; returns its serial."""
    before = node.serial()
    assert before is not None
    world.first.add(new)
    world.first.drop(gone)
    after = before + len(new) + len(gone)
    lab.wait_for(f"the node to show {after}", lambda: node.serial() == after, 20)
    return after


def in_step(lab: Lab, world: Primaries) -> int:
    """Wait until both nodes show one serial."""
    lab.wait_for("both nodes to show one serial", lambda: len({node.serial() for node in world.nodes}) == 1, 30)
    return world.first.serial() or 0


def whole_ones(lab: Lab, world: Primaries) -> int:
    """How often secondaries have fetched the whole zone."""
    lines = "".join(lab.log(node.name) for node in world.nodes).splitlines()
    return sum("by axfr" in line and f"{LOOKER} has fetched" not in line for line in lines)


def test_nothing_is_lost_while_either_node_is_away_in_turn(lab: Lab, world: Primaries) -> None:
    rng = random.Random(3)
    names: list[Network] = [ip_network(f"192.0.2.{n}/32") for n in range(30)]
    held: list[Network] = []
    agreed(lab, world, in_step(lab, world))
    fetched = whole_ones(lab, world)
    for turn in range(6):
        away = world.nodes[turn % 2]
        at_rest(lab, world)
        away.stop()
        new, gone = [names.pop() for _ in range(5)], rng.sample(held, min(len(held), 2))
        held = [network for network in held + new if network not in gone]
        agreed(lab, world, follows(lab, world, world.other(away), new, gone))
        away.serve()
        agreed(lab, world, in_step(lab, world))
    assert whole_ones(lab, world) == fetched >= 3, "changes alone"
    for network in held:
        name = ".".join(reversed(str(network[0]).split("."))) + f".{ZONE}."
        assert all(any(row[0] == name for row in whole(lab, at)) for at in world.secondaries.values())


def test_new_zone_files_on_one_node_and_then_on_the_other_leave_nothing_stale(lab: Lab, world: Primaries) -> None:
    names: list[Network] = [ip_network(f"203.0.113.{n}/32") for n in range(6)]
    first, second = world.nodes
    old = in_step(lab, world)
    if world.writes:
        first.rezone(FILES[1] % first.address)
        lab.wait_for("new serials", lambda: (first.serial() or 0) >= old + 65536)
        assert second.serial() == old, "its files are older, and it takes part in no quarrel"
        agreed(lab, world, follows(lab, world, first, names[:3], []))
        lab.wait_for("the other to follow", lambda: second.serial() == old + 3)
        at_rest(lab, world)
        first.stop()
        newest = follows(lab, world, second, names[3:6], names[:1])
        second.rezone(FILES[1] % first.address)
        lab.wait_for("it to take the new serials up", lambda: (second.serial() or 0) > newest)
        agreed(lab, world, second.serial() or 0)
        first.serve()
    else:
        second.rezone(FILES[1] % first.address)
        lab.wait_for(
            "it to say that it has no serial", lambda: "secondaries get no zone from here" in lab.log(second.name), 20
        )
        assert "At first." not in str(texts(lab, second)), "its own answers are those of the new files"
        with pytest.raises(dns.xfr.TransferError, match="SERVFAIL"):
            whole(lab, second.address, signed=True)
        agreed(lab, world, follows(lab, world, first, names, []), numberless=second)
        first.rezone(FILES[1] % first.address)
        lab.wait_for("new serials", lambda: (first.serial() or 0) >= old + 65536)
    agreed(lab, world, in_step(lab, world))
    assert "Later." in str(whole(lab, world.secondaries["nsd"]))


def test_a_file_that_is_taken_back_is_newer_than_what_it_replaces(lab: Lab, world: Primaries) -> None:
    first, second = world.nodes
    before = (first.folder / "zones" / "list.toml").read_text()
    for n, text in enumerate((FILES[2] % first.address, before)):
        old = in_step(lab, world)
        first.rezone(text)
        lab.wait_for("new serials", lambda old=old: (first.serial() or 0) >= old + 65536)
        agreed(lab, world, follows(lab, world, first, [ip_network(f"203.0.113.{100 + n}")], []))
        second.rezone(text)
        agreed(lab, world, in_step(lab, world))
        assert all(("At last." in str(whole(lab, at))) is (n == 0) for at in world.secondaries.values())


def texts(lab: Lab, node: OurList) -> dns.message.Message:
    """What a node says about the zone's TXT."""
    with lab.inside("us"):
        return dns.query.udp(dns.message.make_query(ZONE, "TXT"), node.address, timeout=5)
