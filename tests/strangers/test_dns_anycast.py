"""docs/anycast.md as it stands there: two nodes announce one address with BIRD, and a router moves between them.

Both follow the node that has the store. A client behind the router asks all the time, and never hears a wrong answer:
not while a node's table grows stale, nor when its process is killed.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import NamedTuple

import dns.exception
import dns.message
import dns.query
import dns.rcode
import pytest
from dns_list import SITE, ZONE, ZONE_FILE, OurList
from lab import Lab
from recipes import block

pytestmark = pytest.mark.alone

ANYCAST, FIRST, CLIENT = "203.0.113.53", "172.31.9.20", "172.31.8.2"
ROUTER, NEAR = "172.31.9.70", "172.31.8.1"
NODES = {"node1": "172.31.9.71", "node2": "172.31.9.72"}
#: Seconds, in the place of the recipe's; a head is signed anew every five.
STALE = 9
#: Seconds between two rounds of questions: on any machine far from what one network may ask (`rate_answers`).
PACE = 0.01
LISTED, UNLISTED, NEW = "192.0.2.7", "192.0.2.8", "192.0.2.9"


def sample(language: str, name: str, lab: Lab, key: str = "") -> str:
    """A block of the recipe for one of the nodes, with what differs here put in."""
    changes = {
        "198.51.100.71": NODES.get(name, NODES["node1"]),
        "198.51.100.72": NODES["node2"],
        "198.51.100.70": ROUTER,
        "stale_after = 300": f"stale_after = {STALE}",
        "https://relays.example.org/table": f"http://{FIRST}:8080/table",
        "BASE64": key,
        "birdc": f"birdc -s {lab.folder}/{name}/bird.ctl",
    }
    return block("anycast.md", language, changes)


class World(NamedTuple):
    ours: OurList
    nodes: dict[str, subprocess.Popen[bytes]]  #: their `dnsbl`


@pytest.fixture(scope="module")
def world(lab: Lab) -> Iterator[World]:
    for host, address in {"router": ROUTER, **NODES}.items():
        lab.add_host(host, address)
        lab.run(host, ["ip", "addr", "add", f"{address}/24", "dev", "eth0"])
    lab.run("us", ["ip", "addr", "add", f"{FIRST}/24", "dev", "eth0"])
    lab.add_behind("router", NEAR, "asker", CLIENT)
    lab.run("asker", ["ip", "route", "add", "default", "via", NEAR])
    lab.run("router", ["sysctl", "-qw", "net.ipv4.ip_forward=1"])
    publish = ["[publish]", 'to = ["172.31.9.0/24"]', f'listen = "{FIRST}:8080"']
    ours = OurList(lab, FIRST, ns=ANYCAST, dns=publish)
    key = ours.command("publish-key").strip()
    ours.add([ip_network(LISTED)])
    ours.serve()
    start_bird(lab, "router", sample("router", "router", lab))
    nodes = {}
    for host in NODES:
        lab.run(host, ["ip", "addr", "add", f"{ANYCAST}/32", "dev", "lo"])
        lab.run(host, ["ip", "route", "add", f"{CLIENT}/32", "via", ROUTER])
        folder = start_bird(lab, host, sample("bird", host, lab))
        (folder / "zones").mkdir()
        (folder / "zones" / "list.toml").write_text(ZONE_FILE % ANYCAST)
        (folder / "config.toml").write_text(f'[web]\nbase_url = "{SITE}"\n{sample("toml", host, lab, key)}')
        (folder / "config.toml").write_text(
            (folder / "config.toml").read_text() + 'poll = 0.2\n[tester]\nlab_networks = ["192.0.2.0/24"]\n'
            'source_addresses = ["192.0.2.200"]\n'
        )
        nodes[host] = start_node(lab, host, folder)
        script = folder / "health"
        script.write_text(sample("sh", host, lab))
        lab.popen(host, f"health-{host}", ["sh", str(script)])
        lab.wait_for(f"{host} to be announced", lambda host=host: host in announced(lab), 30, 0.2)
    yield World(ours, nodes)
    for process in nodes.values():
        process.kill()
        process.wait(10)


def start_bird(lab: Lab, host: str, config: str) -> Path:
    """BIRD on this host; returns its folder."""
    folder = lab.folder / host
    folder.mkdir()
    (folder / "bird.conf").write_text(config)
    argv = ["bird", "-f", "-c", str(folder / "bird.conf"), "-s", str(folder / "bird.ctl"), "-P", str(folder / "pid")]
    lab.popen(host, f"bird-{host}", argv)
    lab.wait_for(f"BIRD on {host}", (folder / "bird.ctl").exists)
    return folder


def start_node(lab: Lab, host: str, folder: Path) -> subprocess.Popen[bytes]:
    """`dnsbl` on this host: not one of the laboratory's daemons, which must not end."""
    argv = [sys.executable, "-m", "dnsbl", "serve", "--only", "dns", "--config", str(folder / "config.toml")]
    with (lab.folder / f"dnsbl-{host}.log").open("ab") as log:
        return subprocess.Popen(
            lab.command(host, argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


def announced(lab: Lab) -> set[str]:
    """The nodes that the router hears of."""
    argv = ["birdc", "-s", str(lab.folder / "router" / "bird.ctl"), "show", "route", "all", "for", ANYCAST]
    said = lab.run("router", argv, check=False).stdout
    return {host for host in NODES if f"[{host} " in said}


def used(lab: Lab) -> str:
    """The node to which the router sends what is asked."""
    said = lab.run("router", ["ip", "route", "show", ANYCAST]).stdout
    return next((host for host, address in NODES.items() if f"via {address} " in said), "")


class Client(threading.Thread):
    """Asks at the shared address all the time; keeps what it hears about each address."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(daemon=True)
        self._lab = lab
        self._enough = threading.Event()
        self.heard: dict[str, Counter[str]] = {text: Counter() for text in (LISTED, UNLISTED, NEW)}
        self.start()

    def run(self) -> None:
        while not self._enough.wait(PACE):
            for text, heard in self.heard.items():
                heard[self.ask(text)] += 1

    def ask(self, text: str) -> str:
        query = dns.message.make_query(f"{'.'.join(reversed(text.split('.')))}.{ZONE}", "A")
        with self._lab.inside("asker"):
            try:
                reply = dns.query.udp(query, ANYCAST, timeout=0.5)
            except (dns.exception.DNSException, OSError):
                return "LOST"
        return str(reply.answer[0][0]) if reply.answer else dns.rcode.to_text(reply.rcode())

    def stop(self) -> None:
        self._enough.set()
        self.join()


@pytest.fixture
def client(lab: Lab, world: World) -> Iterator[Client]:
    made = Client(lab)
    lab.wait_for("answers", lambda: made.heard[LISTED]["127.0.0.4"])
    yield made
    made.stop()


def test_the_router_leaves_a_node_whose_table_is_stale_and_hardly_a_question_is_lost_and_none_answered_wrongly(
    lab: Lab, world: World, client: Client
) -> None:
    stale = lab.wait_for("a node to be in use", lambda: used(lab))
    (other,) = NODES.keys() - {stale}
    lab.run(stale, ["ip", "route", "add", "blackhole", f"{FIRST}/32"])
    world.ours.add([ip_network(NEW)])
    lab.wait_for("the router to move", lambda: used(lab) == other, 40, 0.1)
    lab.wait_for("the new listing at the shared address", lambda: client.ask(NEW) == "127.0.0.4")
    assert announced(lab) == {other}
    lab.run(stale, ["ip", "route", "del", "blackhole", f"{FIRST}/32"])
    lab.wait_for("it to be announced again", lambda: announced(lab) == set(NODES), 40, 0.1)
    client.stop()
    print({text: dict(heard) for text, heard in client.heard.items()})
    asked = sum(heard.total() for heard in client.heard.values())
    lost = sum(heard.pop("LOST", 0) for heard in client.heard.values())
    assert lost <= asked / 100, "what was on its way when the router moved"
    assert set(client.heard[LISTED]) == {"127.0.0.4"}
    assert set(client.heard[UNLISTED]) == {"NXDOMAIN"}
    assert set(client.heard[NEW]) == {"NXDOMAIN", "127.0.0.4"}


def test_the_router_leaves_a_node_that_is_killed_and_nothing_is_answered_wrongly(
    lab: Lab, world: World, client: Client
) -> None:
    killed = lab.wait_for("a node to be in use", lambda: used(lab))
    (other,) = NODES.keys() - {killed}
    world.nodes[killed].kill()
    lab.wait_for("the router to move", lambda: used(lab) == other, 20, 0.1)
    lab.wait_for("answers", lambda: client.ask(LISTED) == "127.0.0.4")
    client.stop()
    print({text: dict(heard) for text, heard in client.heard.items()})
    assert set(client.heard[LISTED]) <= {"127.0.0.4", "LOST"}
    assert set(client.heard[UNLISTED]) <= {"NXDOMAIN", "LOST"}
    assert set(client.heard[NEW]) <= {"127.0.0.4", "LOST"}
