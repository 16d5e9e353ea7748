"""Three PostgreSQL that replicate, and their primary is killed while much is written: what a list was told is kept is
kept, the nodes find the new primary by themselves, and one that comes back as it was is no primary to them."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, ip_network
from itertools import count
from pathlib import Path

import pytest
from house import LISTED, Asking, House
from postgres import Cluster

from bench.filling import SPAM, found_open
from dnsbl.casework import Casework
from dnsbl.clock import SystemClock
from dnsbl.errors import DnsblError, StoreUnavailable
from dnsbl.model import Nomination
from dnsbl.settings import Settings
from dnsbl.store import Store
from dnsbl.vocabulary import Door
from tester.letter import Keyring

#: Seconds from the promotion of a standby until nodes must be whole again.
WHOLE = 30.0
#: What must be written before and after.
ENOUGH = 60


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    made = Cluster()
    yield made
    made.close()


class Writers:
    """Who writes all the time, each in a thread, and remembers what he was told is kept. `with` it."""

    def __init__(self, url: str, memory: Path) -> None:
        self.kept: dict[str, set[str]] = {"nominated": set(), "proven": set(), "listed": set()}
        self.failed = 0
        self._store = Store(url, memory=memory)
        settings = Settings()
        keyring = Keyring.generate(secrets.token_bytes, int(time.time()) - 600)
        self._settings, self._keyring, self._clock = settings, keyring, SystemClock()
        self._casework = Casework(self._store, settings, keyring, clock=self._clock)
        self._enough = threading.Event()
        ways = (self._nominate, self._prove, self._list)
        self._threads = [threading.Thread(target=self._go_on, args=(way,), daemon=True) for way in ways]

    def __enter__(self) -> Writers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join()
        self._store.close()

    @property
    def written(self) -> int:
        return min(map(len, self.kept.values()))

    def _go_on(self, way: Callable[[int], None]) -> None:
        for number in count():
            if self._enough.is_set():
                return
            try:
                way(number)
            except StoreUnavailable:
                self.failed += 1
                self._enough.wait(0.05)
            except DnsblError as error:  # a lease that ended with the primary, and the like
                assert "lease" in str(error) or "no longer" in str(error), error

    def _nominate(self, number: int) -> None:
        address = IPv4Address("9.0.0.1") + 256 * number
        self._casework.doors.nominate(
            Nomination(address=address, door=Door.CLI, nominator="a trial", reason="spam", evidence=SPAM)
        )
        self.kept["nominated"].add(str(address))

    def _prove(self, _number: int) -> None:
        if (assignment := self._casework.assignments.take_job("a trial")) is None:
            self._enough.wait(0.01)
            return
        found_open(self._casework, self._keyring, self._settings, assignment, self._clock)
        self.kept["proven"].add(str(assignment.job.address))

    def _list(self, number: int) -> None:
        address = IPv4Address("60.0.0.1") + 256 * number
        self._casework.operators.list_networks([ip_network(address)], kind="manual", reason="x", actor="a trial")
        self.kept["listed"].add(str(address))


def in_the_store(url: str, memory: Path) -> dict[str, set[str]]:
    """The same of what is there; what is numbered must have no gap."""
    store = Store(url, memory=memory)
    found: dict[str, set[str]] = {"nominated": set(), "proven": set(), "listed": set()}
    with store.read() as tx:
        entries = tx.journal.after(0, most=1_000_000)
        assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
        steps = tx.changes.after(0, most=1_000_000)
        assert [step.seq for step in steps] == list(range(1, len(steps) + 1))
        for entry in entries:
            if entry.verb == "nominated":
                found["nominated"].add(entry.subject)
            elif entry.verb == "listed":
                found["listed" if entry.actor == "a trial" else "proven"].add(entry.subject.removesuffix("/32"))
    store.close()
    return found


def node(houses: Callable[..., House], cluster: Cluster, name: str) -> House:
    house = houses(name, database=cluster.url)
    house.serve("--only", "dns,web")
    house.until("all to be up", lambda: house.ready()[0] == 200)
    house.until("the listing", lambda: house.ask("8.8.8.8") == LISTED)
    return house


def whole(house: House, newest: str) -> bool:
    """Whether it is up, and answers what was listed last."""
    return house.ready()[0] == 200 and house.ask(newest) == LISTED


def test_a_primary_that_is_killed_under_load_loses_nothing_and_nodes_find_the_new_one(
    houses: Callable[..., House], cluster: Cluster, folder: Path
) -> None:
    made = houses("operator", database=cluster.url)
    made.dnsbl("listing", "add", "8.8.8.8", "--reason", "a trial")
    nodes = [node(houses, cluster, name) for name in ("first", "second")]
    memory = folder / "timeline"
    with (
        Writers(cluster.url, memory) as writers,
        Asking(nodes[0], "8.8.8.8") as asking,
        Asking(nodes[1], "8.8.8.8") as beside,
    ):
        made.until("enough to be written", lambda: writers.written >= ENOUGH, 120)
        cluster.kill("one")
        killed, before = time.monotonic(), {what: set(kept) for what, kept in writers.kept.items()}
        for house in nodes:
            house.until("the silence to be said", lambda h=house: h.ready()[0] == 503)
        new = cluster.promote(("two", "three"))
        promoted = time.monotonic()
        made.until("something to be written", lambda: all(writers.kept[w] > before[w] for w in before), WHOLE)
        wrote = time.monotonic() - promoted
        newest = max(writers.kept["listed"], key=IPv4Address)
        for house in nodes:
            house.until("it to be whole", lambda h=house, a=newest: whole(h, a), WHOLE)
        print(
            f"promoted {promoted - killed:.1f} s after the kill; written again {wrote:.1f} s and nodes whole "
            f"{time.monotonic() - promoted:.1f} s after that; {writers.failed} writes had failed"
        )
        made.until("more to be written", lambda: writers.written >= 2 * ENOUGH, 120)
        cluster.rejoin("one")
        made.until("it to follow", lambda: cluster.ask("one", "SELECT pg_is_in_recovery()")[0], 30)
    found = in_the_store(cluster.url, memory)
    told = {what: len(kept) for what, kept in writers.kept.items()}
    print(f"told to be kept, and kept: {told}; the new primary is {new}")
    for what, kept in writers.kept.items():
        assert kept <= found[what], f"{what}, and lost: {sorted(kept - found[what])[:5]}"
    assert made.dnsbl("journal", "--verify")["verified"] > 4 * ENOUGH
    assert (asking.lost, asking.answers, beside.lost, beside.answers) == (0, [LISTED], 0, [LISTED])


def test_an_old_primary_that_is_up_again_is_passed_over_even_where_it_would_take_changes(
    houses: Callable[..., House], cluster: Cluster
) -> None:
    made = houses("operator", database=cluster.url)
    made.dnsbl("listing", "add", "8.8.8.8", "--reason", "a trial")
    house = node(houses, cluster, "first")
    cluster.kill("one")
    new = cluster.promote(("two", "three"))
    made.dnsbl("listing", "add", "9.9.9.9", "--reason", "a trial")
    house.until("the new primary to be found", lambda: whole(house, "9.9.9.9"), WHOLE)
    cluster.start("one", alone=True)
    changes = "SELECT count(*) FROM changes"
    before = cluster.ask("one", changes)[0]
    made.dnsbl("listing", "add", "9.9.9.8", "--reason", "a trial")  # a process of its own, which dials anew
    house.until("what is new", lambda: whole(house, "9.9.9.8"), WHOLE)
    house.stop(house.processes[-1])
    house.serve("--only", "dns,web")
    house.until("it to be whole", lambda: whole(house, "9.9.9.8"), WHOLE)
    assert cluster.ask("one", changes)[0] == before == cluster.ask(new, changes)[0] - 2
    cluster.kill(new)
    assert "is an old primary (timeline 1," in made.dnsbl("listing", "add", "9.9.9.7", "--reason", "x", expect=1)
    house.until("it to be said", lambda: "old primary" in json.dumps(house.ready()[1]))
    assert house.ask("9.9.9.8") == LISTED
    assert cluster.ask("one", changes)[0] == before
