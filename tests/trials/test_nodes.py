"""Nodes without a database follow one that has it, over connections that are cut, and lose no question."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from house import LISTED, ROOT, Asking, House

from dnsbl.demo.neighbourhood import free_port

Houses = Callable[..., House]

#: What DNS says of a relay.
RELAY = "127.0.0.2"


class Line:
    """A line between two nodes, which can be cut, also after so many octets of one connection's answer."""

    def __init__(self, to: int) -> None:
        self._to = to
        self.whole = True
        self.most = 0  #: octets of an answer after which a connection is cut; 0: none
        self.carried = 0  #: octets of answers
        self._open: set[socket.socket] = set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self.whole = False
        for one in tuple(self._open):
            _end(one)

    def mend(self) -> None:
        self.whole, self.most = True, 0

    def close(self) -> None:
        self.cut()
        _end(self._listening)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                if not self.whole:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._to))
                self._open |= {near, far}
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(source, target, source is far), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, answer: bool) -> None:
        carried = 0
        with suppress(OSError):
            while self.whole and (data := source.recv(16384)):
                target.sendall(data)
                if answer:
                    carried += len(data)
                    self.carried += len(data)
                    if self.most and carried > self.most:
                        break
        for one in (source, target):
            self._open.discard(one)
            _end(one)


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


@pytest.fixture
def lines() -> Iterator[Callable[[int], Line]]:
    made: list[Line] = []

    def line(to: int) -> Line:
        made.append(Line(to))
        return made[-1]

    yield line
    for one in made:
        one.close()


def follower(houses: Houses, name: str, first: House, port: int, **dns: Any) -> tuple[House, int]:
    """A node that follows what is published at a port; it, and where it tells how it does."""
    metrics, table = free_port(), free_port()
    key = first.dnsbl("publish-key")["key"]
    house = houses(
        name,
        dns={"metrics_listen": f"127.0.0.1:{metrics}", "stale_after": 8} | dns,
        publish={"to": ["127.0.0.0/8"], "listen": f"127.0.0.1:{table}"},
        follow={"key": key, "poll": 0.1, "timeout": 2},
    )
    house.web = table
    house.serve("--only", "dns", "--follow", f"http://127.0.0.1:{port}/table")
    return house, metrics


def ready(metrics: int) -> dict[str, Any]:
    try:
        with urlopen(f"http://127.0.0.1:{metrics}/readyz", timeout=5) as reply:
            return json.loads(reply.read())
    except HTTPError as error:
        return json.loads(error.read())


def metric(metrics: int, name: str) -> float:
    with urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=5) as reply:
        return float(
            next(line.split()[1] for line in reply.read().decode().splitlines() if line.startswith(f"{name} "))
        )


@pytest.fixture
def first(houses: Houses) -> House:
    """The node with the store."""
    house = houses("first", publish={"to": ["127.0.0.0/8"]})
    house.dnsbl("listing", "add", "8.8.8.8", "--reason", "a trial")
    house.serve("--only", "dns,web")
    house.until("the listing", lambda: house.ask("8.8.8.8") == LISTED)
    house.until("it to be published", lambda: house.page("/table/head")[0] == 200)
    return house


def test_a_chain_of_nodes_follows_through_a_cut_and_loses_no_question(
    houses: Houses, first: House, lines: Callable[[int], Line]
) -> None:
    line = lines(first.web)
    second, metrics = follower(houses, "second", first, line.port)
    third, _ = follower(houses, "third", first, second.web)
    for house in (second, third):
        house.until("the table", lambda house=house: house.ask("8.8.8.8") == LISTED)
        assert not (house.state / "dnsbl.db").exists()
    with Asking(second, "8.8.8.8") as asking, Asking(third, "8.8.8.8") as beside:
        begun = time.monotonic()
        first.dnsbl("listing", "add", "9.9.9.9", "--reason", "a trial")
        third.until("what is new at the end of the chain", lambda: third.ask("9.9.9.9") == LISTED)
        print(f"listed, and answered by the third node, after {time.monotonic() - begun:.2f} s with the command")
        line.cut()
        first.dnsbl("listing", "add", "9.9.9.8", "--reason", "a trial")
        first.dnsbl("listing", "drop", "9.9.9.9", "--reason", "a trial")
        second.until("it to be stale", lambda: ready(metrics)["ready"] is False)
        told = ready(metrics)
        assert told["reason"] == "the table is stale" and told["stale"] and told["follow_lag"] > 0
        assert metric(metrics, "dnsbl_table_stale") == 1 and metric(metrics, "dnsbl_feed_trouble") == 1
        assert second.ask("9.9.9.9") == LISTED and second.ask("9.9.9.8") == "NXDOMAIN"
        line.mend()
        third.until("the rest", lambda: (third.ask("9.9.9.8"), third.ask("9.9.9.9")) == (LISTED, "NXDOMAIN"))
        second.until("it to be ready", lambda: ready(metrics)["ready"])
    assert (asking.lost, beside.lost, asking.answers, beside.answers) == (0, 0, [LISTED], [LISTED])
    assert asking.asked > 50
    numbers = {house.page("/table/head")[1].split("\n")[2] for house in (first, second, third)}
    assert len(numbers) == 1


def test_a_node_starts_without_the_network_and_is_not_taken_in_by_another_key(
    houses: Houses, first: House, lines: Callable[[int], Line]
) -> None:
    line = lines(first.web)
    second, _ = follower(houses, "second", first, line.port)
    second.until("the table", lambda: second.ask("8.8.8.8") == LISTED)
    line.cut()
    second.stop(second.processes[-1])
    second.serve("--only", "dns", "--follow", f"http://127.0.0.1:{line.port}/table")
    assert second.ask("8.8.8.8") == LISTED
    (first.state / "publish.key").unlink()
    first.stop(first.processes[-1])
    first.dnsbl("listing", "add", "9.9.9.9", "--reason", "a trial")
    first.serve("--only", "dns,web")
    line.mend()
    second.until("it to complain", lambda: "not signed with the key in follow.key" in second.said())
    assert (second.ask("8.8.8.8"), second.ask("9.9.9.9")) == (LISTED, "NXDOMAIN")


def test_a_million_listings_come_over_a_line_that_is_cut_again_and_again(
    houses: Houses, lines: Callable[[int], Line], folder: Path
) -> None:
    first = houses("first", publish={"to": ["127.0.0.0/8"]})
    numbers = folder / "numbers"
    numbers.write_bytes(array("I", range(20 << 24, (20 << 24) + 13_000_000, 13)).tobytes())
    argv = [sys.executable, "-m", "bench.inside", "fill", str(first.config), str(numbers)]
    subprocess.run(argv, check=True, timeout=300, cwd=ROOT)
    first.serve("--only", "dns,web")
    last = str(IPv4Address((20 << 24) + 13 * 999_999))
    first.until("the listings", lambda: first.ask(last) == RELAY, 120)
    first.until("them to be published", lambda: first.page("/table/head")[0] == 200, 120)
    line = lines(first.web)
    line.most = 500_000
    begun = time.monotonic()
    second, metrics = follower(houses, "second", first, line.port)
    second.until("the table", lambda: second.ask(last) == RELAY, 120)
    took = time.monotonic() - begun
    table = next((first.state / "published").glob("table-*.gz"))
    plain = next((second.state / "published").glob("table-*[!z]"))
    print(
        f"a million listings: {table.stat().st_size / 1e6:.2f} MB packed, {plain.stat().st_size / 1e6:.2f} MB plain, "
        f"{line.carried / 1e6:.2f} MB carried, answered {took:.1f} s after the start of the process, "
        f"cut after each {line.most} octets; {metric(metrics, 'dnsbl_table_build_seconds'):.2f} s to unpack and check"
    )
    assert line.carried < 1.2 * table.stat().st_size
    line.mend()
    carried, begun = line.carried, time.monotonic()
    first.dnsbl("listing", "add", "9.9.9.9", "--reason", "a trial")
    second.until("a new one", lambda: second.ask("9.9.9.9") == LISTED)
    print(f"one more: {line.carried - carried} octets carried, {time.monotonic() - begun:.2f} s with the command")
    assert line.carried - carried < table.stat().st_size / 10  # with all looks that the command's time had room for
