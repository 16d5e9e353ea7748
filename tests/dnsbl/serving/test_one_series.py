"""Two nodes on one store, and a secondary that asks now the one and now the other: whatever happens, it holds what they
answer, and no difference is applied to another zone than it was made of.

What happens in one example: listings, looks, restarts, lost state folders, new zone files on one node and then perhaps
on the other, taken back or not, and copies of the store that come back. Epochs lie so near to one another here that
older ones run out.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.addresses import Network
from dnsbl.clock import HandClock
from dnsbl.dns.listed import series
from dnsbl.dns.listed.series import UNNUMBERED, Wanted
from dnsbl.dns.listed.table import Table
from dnsbl.errors import StoreUnavailable
from dnsbl.serving import feed as module
from dnsbl.serving.feed import Feed
from tests.depth import examples
from tests.dnsbl.serving.memory import Memory

NETWORKS = [ip_network(f"192.0.2.{n}/32") for n in range(6)]
FILES = ("y", "z")
Zone = frozenset[Network | str]


class Node:
    """A node with its folder. Its zone files are a word; what they say is in the zone beside what is listed."""

    def __init__(self, store: Memory, clock: HandClock, folder: Path) -> None:
        self.store, self.clock, self.path = store, clock, folder / "table"
        self.files = FILES[0]
        self.feed: Feed

    async def start(self) -> None:
        self.feed = Feed(self.store, [], poll=1, path=self.path, clock=self.clock, zones_digest=self.files)
        await self.feed.ready()

    async def look(self) -> None:
        await self.feed.step()

    async def rezone(self, files: str) -> None:
        self.files = files
        await self.feed.rezone(files)

    @property
    def table(self) -> Table | None:
        """What secondaries may have."""
        table = self.feed.table
        return table if table is not None and table.zones_digest == self.files else None


def zone_of(table: Table, files: str) -> Zone:
    return frozenset([files, *(network for network, _ in table.rows())])


class Secondary:
    """Follows by RFC 1982 and 1995, as name servers do."""

    def __init__(self) -> None:
        self.serial: int | None = None
        self.zone: set[Network | str] = set()
        self.ways: list[str] = []

    def ask(self, node: Node) -> None:
        table = node.table
        if table is None or (self.serial is not None and not 0 < (table.soa_serial - self.serial) % 2**32 < 2**31):
            return
        number = None if self.serial is None else table.change_number(self.serial)
        steps = [] if number is None else node.store.changes(number, most=table.serial - number, epoch=table.epoch)
        if number is None or len(steps) != table.serial - number:
            self.zone = set(zone_of(table, node.files))
            self.ways.append("axfr")
        else:
            for step in steps:
                assert (step.network in self.zone) is not step.present, "a difference to another zone than is here"
                (self.zone.add if step.present else self.zone.discard)(step.network)
            self.ways.append("ixfr")
        self.serial = table.soa_serial
        assert self.zone == zone_of(table, node.files)


class World:
    """All of them; a step is the name of a method and what it is given."""

    def __init__(self, folder: Path) -> None:
        self.clock = HandClock()
        self.store = Memory(self.clock.now)
        self.nodes = [Node(self.store, self.clock, folder / name) for name in ("a", "b")]
        self.secondary = Secondary()
        self.copies: list[tuple[Any, ...]] = [(set(), [], [])]

    async def step(self, what: str, which: int) -> None:
        self.clock.turn(seconds=20)
        await getattr(self, what)(which)

    async def change(self, which: int) -> None:
        network = NETWORKS[which % len(NETWORKS)]
        self.store.add(network, present=(network, "relay") not in self.store.rows)

    async def look(self, which: int) -> None:
        await self.nodes[which % 2].look()

    async def transfer(self, which: int) -> None:
        self.secondary.ask(self.nodes[which % 2])

    async def follow(self, which: int) -> None:
        await self.look(which)
        await self.transfer(which)

    async def rezone(self, which: int) -> None:
        node = self.nodes[which % 2]
        await node.rezone(FILES[which // 2 % 2])

    async def crash(self, which: int) -> None:
        await self.nodes[which % 2].start()

    async def lose(self, which: int) -> None:
        node = self.nodes[which % 2]
        shutil.rmtree(node.path.parent, ignore_errors=True)
        self.clock.turn(seconds=which % 3 * 400)
        await node.start()

    async def close(self, which: int) -> None:
        self.store.closed = StoreUnavailable("It takes no changes.") if which % 2 else None

    async def copy(self, which: int) -> None:
        self.copies.append((set(self.store.rows), list(self.store.log), list(self.store.epochs)))

    async def restore(self, which: int) -> None:
        """As the command does: with every node stopped, and the epochs of before ended."""
        self._back(which)
        void = Wanted(digest=UNNUMBERED, newest=None, above=0, breaks=True, why="")
        self.store.epoch(void)
        for node in self.nodes:
            await node.start()

    async def put_back(self, which: int) -> None:
        """By hand, under running nodes, each of which looks before anything is listed."""
        if self.store.closed:
            return
        for node in self.nodes:
            await node.look()
        self._back(which)
        for _ in range(2):
            self.clock.turn(seconds=20)
            for node in self.nodes:
                await node.look()

    def _back(self, which: int) -> None:
        self.store.closed = None
        rows, log, epochs = self.copies[which % len(self.copies)]
        self.store.rows, self.store.log, self.store.epochs = set(rows), list(log), list(epochs)

    async def settle(self) -> None:
        self.store.closed = None
        for node in self.nodes:
            await node.rezone(FILES[0])
        for _ in range(12):
            self.clock.turn(seconds=20)
            for node in self.nodes:
                await node.look()
                self.secondary.ask(node)


async def inline(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


def write(path: Path, parts: Any, **_: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.with_suffix(".new").write_bytes(b"".join(parts))  # what is mapped stays as it is
    path.with_suffix(".new").replace(path)


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.asyncio, "to_thread", inline)
        patch.setattr(module, "write_whole", write)
        patch.setattr(module, "MOST_CHANGES", 5)
        patch.setattr(series, "GAP", 4)
        yield


async def played(steps: list[tuple[str, int]]) -> World:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        for node in world.nodes:
            await node.start()
        for what, which in steps:
            await world.step(what, which)
        await world.settle()
        first, second = world.nodes
        assert first.feed.table is not None and second.feed.table is not None
        assert first.feed.table.soa_serial == second.feed.table.soa_serial == world.secondary.serial
        assert (first.feed.unnumbered, second.feed.unnumbered) == ("", "")
        listed = frozenset([FILES[0], *(network for network, _ in world.store.rows)])
        assert world.secondary.zone == listed == zone_of(first.feed.table, first.files)
        return world


OFTEN, SELDOM = (
    ("change", "follow"),
    ("look", "transfer", "rezone", "crash", "lose", "close", "copy", "restore", "put_back"),
)
STEPS = st.tuples(st.sampled_from((*OFTEN, *OFTEN, *OFTEN, *SELDOM)), st.integers(0, 11))


@examples(100)
@given(st.lists(STEPS, min_size=20, max_size=50))
def test_a_secondary_of_two_nodes_holds_what_they_answer_whatever_happens(steps: list[tuple[str, int]]) -> None:
    asyncio.run(played(steps))


def test_a_node_that_lost_its_state_and_gets_no_epoch_shows_no_serial_below_one_that_it_may_have_shown() -> None:
    asyncio.run(played([("rezone", 3), ("follow", 1), ("rezone", 1), ("close", 1), ("lose", 1)]))


def test_no_difference_is_made_of_another_past_than_that_of_the_table_from_which_a_node_starts() -> None:
    asyncio.run(played([("follow", 0), ("change", 4), ("lose", 1), ("restore", 3), ("change", 5), ("transfer", 1)]))


def test_it_goes_from_one_node_to_the_other_by_the_changes_alone() -> None:
    steps = [("follow", 0)] + [(what, n) for n in range(6) for what in ("change", "follow")] * 2
    world = asyncio.run(played(steps))
    assert world.secondary.ways == ["axfr"] + ["ixfr"] * 12


def test_a_node_whose_zone_files_are_older_quarrels_with_nobody() -> None:
    """The other one has new files: it goes on under its serials until its own files are these."""

    async def play() -> None:
        with tempfile.TemporaryDirectory() as folder:
            world = World(Path(folder))
            first, second = world.nodes
            for node in world.nodes:
                await node.start()
                await node.look()
            await world.step("rezone", 2)
            for n in range(10):
                await world.step("follow", n)
            assert len(world.store.epochs) == 2
            assert first.table is not None and second.table is not None
            assert second.table.soa_serial < first.table.soa_serial == world.secondary.serial
            await world.step("rezone", 3)
            await world.step("look", 1)
            assert second.table.soa_serial == first.table.soa_serial
            await world.step("rezone", 0)  # taken back
            await world.step("follow", 0)
            assert len(world.store.epochs) == 3
            assert first.table.soa_serial == world.secondary.serial

    asyncio.run(play())
