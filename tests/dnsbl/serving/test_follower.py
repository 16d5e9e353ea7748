"""A follower serves what was signed and nothing else, never goes back, and needs no network to start."""

from __future__ import annotations

import logging
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from dnsbl.clock import HandClock
from dnsbl.dns.listed import published
from dnsbl.dns.listed.published import BLOCK, HEAD, MOST_BLOCKS, Bulletin
from dnsbl.dns.listed.table import Table
from dnsbl.errors import DnsblError
from dnsbl.model import Change
from dnsbl.rules.bounds import Bounds
from dnsbl.serving.feed import LONGEST_WAIT
from dnsbl.serving.follower import AHEAD, Follower
from dnsbl.serving.publisher import AGAIN, Publisher
from dnsbl.serving.signet import Signet, verifier
from dnsbl.serving.upstream import Upstream

OURS, THEIRS = Signet(b"1" * 32), Signet(b"2" * 32)
FIRST = ip_network("198.51.100.0/24")


class Folder(Upstream):
    """Another node's folder, as if it were fetched from the web."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.octets = 0
        self.down = ""  #: why nothing is to be had
        self.asked: list[str] = []

    def small(self, name: str, *, most: int, known: str = "") -> tuple[bytes, str] | None:
        self._ask(name)
        data = (self.folder / name).read_bytes()
        return None if known == str(hash(data)) else (data[:most], str(hash(data)))

    def whole(self, name: str, path: Path, *, size: int) -> None:
        self._ask(name)
        path.write_bytes((self.folder / name).read_bytes()[:size])

    def close(self) -> None:
        """There is no connection."""

    def _ask(self, name: str) -> None:
        if self.down:
            raise DnsblError(self.down)
        self.asked.append(name)


class Store:
    """The first node's log."""

    def __init__(self) -> None:
        self.log: list[Change] = []

    def changes(self, after: int, *, most: int = 10000) -> list[Change]:
        return [one for one in self.log if one.seq > after][:most]


class Answers:
    """Who answers from the table."""

    table: Table | None = None
    seen = 0.0

    def confirm(self, moment: float) -> None:
        self.seen = moment


class World:
    """Two nodes: one with a store, which publishes, and one that follows it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = HandClock()
        self.store = Store()
        self.table = Table.of([(FIRST, "manual")], serial=10).numbered(1000 - 10, since=10, zones_digest="a" * 64)
        self.publisher = Publisher(self.store, folder / "first", lambda: OURS, clock=self.clock)
        self.upstream = Folder(folder / "first")
        self.follower = self.start()

    def start(
        self, *, folder: str = "second", upstream: Folder | None = None, bounds: Bounds | None = None
    ) -> Follower:
        """Another follower of the same folder: as after a new start."""
        self.holder = Answers()
        self.follower = Follower(
            upstream or self.upstream,
            verifier(OURS.public),
            [self.holder],
            folder=self.folder / folder,
            poll=2,
            largest=1 << 20,
            clock=self.clock,
            zones_digest="a" * 64,
            bounds=bounds or Bounds(special={4: (), 6: ()}),
        )
        return self.follower

    async def list(self, count: int = 1) -> None:
        """So many more addresses at the first node, published."""
        at = self.table.serial
        new = [
            Change(seq=at + n, network=ip_network(0xC0000000 + at + n), kind="relay", present=True)
            for n in range(1, count + 1)
        ]
        self.store.log += new
        self.table = self.table.changed(new)
        await self.publish()

    async def publish(self) -> Bulletin:
        self.publisher.table = self.table
        self.publisher.confirm(self.clock.now().timestamp())
        await self.publisher.step()
        assert self.publisher.problem == ""
        return self.head

    @property
    def head(self) -> Bulletin:
        return published.opened((self.folder / "first" / HEAD).read_bytes(), verifier(OURS.public))

    def forge(self, head: Bulletin, by: Signet = OURS) -> None:
        (self.folder / "first" / HEAD).write_bytes(published.sealed(head.text(), by.sign))

    def same(self) -> bool:
        """Whether the follower serves what the first node serves."""
        table = self.holder.table
        return table is not None and table.same_rows(self.table) and table.soa_serial == self.table.soa_serial


@pytest.fixture
async def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    await made.publish()
    return made


async def test_it_serves_what_the_first_node_serves_under_the_same_serial(world: World) -> None:
    await world.follower.ready()
    assert world.same() and world.holder.seen == world.clock.now().timestamp()
    for count in (1, 3, BLOCK + 1):
        await world.list(count)
        assert await world.follower.step() == 2
        assert world.same()
    await world.list(BLOCK * MOST_BLOCKS)
    await world.follower.step()
    assert world.same()
    assert world.follower.counters["snapshots"] == 2


async def test_only_what_is_not_here_is_fetched(world: World) -> None:
    await world.follower.ready()
    table = world.head.table.name
    assert world.upstream.asked == [HEAD, table]
    await world.list()
    for _ in range(3):
        await world.follower.step()
    assert world.upstream.asked[2:] == [HEAD, world.head.changes[0].name, HEAD, HEAD]


async def test_a_start_without_a_network_serves_what_is_on_disk(world: World) -> None:
    await world.follower.ready()
    await world.list(3)
    await world.follower.step()
    made = world.head.made
    world.clock.turn(seconds=100)
    world.upstream.down = "the other node is away"
    await world.start().ready()
    assert world.same() and world.holder.seen == made
    assert await world.follower.step() == 4
    assert world.follower.problem == "the table is not followed: the other node is away"
    for _ in range(10):
        wait = await world.follower.step()
    assert wait == LONGEST_WAIT and world.same() and world.holder.seen == made
    world.upstream.down = ""
    await world.list()
    assert await world.follower.step() == 2
    assert world.same() and world.follower.problem == ""
    assert world.upstream.asked.count(world.head.table.name) == 1


async def test_the_age_counts_from_the_first_nodes_store_and_not_from_the_fetching(world: World) -> None:
    await world.follower.ready()
    begun = world.holder.seen
    world.clock.turn(seconds=1000)  # while the first node's store is away, its head stays what it was
    await world.follower.step()
    assert world.holder.seen == begun and world.follower.problem == ""
    await world.publish()
    await world.follower.step()
    assert world.holder.seen == begun + 1000


async def test_a_head_by_another_key_is_refused_and_told(world: World) -> None:
    await world.follower.ready()
    await world.list()
    world.forge(world.head, THEIRS)
    await world.follower.step()
    assert "not signed with the key in follow.key" in world.follower.problem
    assert world.holder.table is not None and world.holder.table.serial == 10
    assert world.follower.counters["refused"] == 1


async def test_a_list_that_goes_back_is_refused_and_told_and_taken_up_when_it_goes_on(world: World) -> None:
    old = world.head
    await world.follower.ready()
    await world.list()
    world.clock.turn(seconds=AGAIN)
    await world.publish()
    new = world.head
    await world.follower.step()
    for head in (old, replace(new, made=new.made - 1), replace(new, epoch=new.epoch - 1, made=new.made + 5)):
        world.forge(head)
        await world.follower.step()
        assert "tells of an older list" in world.follower.problem and "start again" in world.follower.problem
        assert world.same() and world.holder.seen == new.made
    world.forge(new)
    await world.list()
    await world.follower.step()
    assert world.same() and world.follower.problem == ""


async def test_a_start_does_not_forget_what_was_seen(world: World) -> None:
    old = world.head
    await world.follower.ready()
    await world.list()
    await world.follower.step()
    world.forge(old)
    await world.start().ready()
    await world.follower.step()
    assert "tells of an older list" in world.follower.problem and world.same()


async def test_a_start_whose_table_is_damaged_does_not_forget_what_was_seen_either(world: World) -> None:
    old = world.head
    await world.follower.ready()
    await world.list()
    await world.follower.step()
    new = world.head
    for piece in new.pieces:
        packed = world.folder / "second" / piece.name
        packed.write_bytes(b"?")
        packed.with_suffix("").unlink(missing_ok=True)
    world.forge(old)
    await world.start().ready()
    assert "tells of an older list" in world.follower.problem and world.holder.table is None
    world.forge(new)
    await world.follower.step()
    assert world.follower.problem == "" and world.same()


async def test_a_head_from_the_future_is_refused(world: World) -> None:
    await world.follower.ready()
    await world.list()
    world.forge(replace(world.head, made=world.clock.now().timestamp() + AHEAD + 1))
    await world.follower.step()
    assert "made in the future" in world.follower.problem


async def test_a_file_that_is_not_the_signed_one_is_refused_and_fetched_again(world: World) -> None:
    await world.follower.ready()
    await world.list()
    path = world.folder / "first" / world.head.changes[0].name
    genuine = path.read_bytes()
    path.write_bytes(b"x" * len(genuine))
    await world.follower.step()
    assert "is not the file that was signed" in world.follower.problem
    path.write_bytes(genuine)
    await world.follower.step()
    assert world.same() and world.follower.problem == ""


async def test_signed_files_that_do_not_hold_together_are_refused(world: World) -> None:
    await world.follower.ready()
    await world.list()
    world.forge(replace(world.head, epoch=world.head.epoch + 1))
    await world.follower.step()
    assert "another table than the head says" in world.follower.problem
    world.forge(replace(world.head, table=replace(world.head.table, plain=(1 << 20) + 1)))
    await world.follower.step()
    assert "follow.largest allows" in world.follower.problem
    assert world.holder.table is not None and world.holder.table.serial == 10


async def test_what_is_damaged_on_disk_is_not_served_and_comes_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await world.follower.ready()
    plain = world.folder / "second" / world.head.table.name.removesuffix(".gz")
    data = bytearray(plain.read_bytes())
    data[-70] ^= 1
    plain.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        await world.start().load()
    assert world.holder.table is None and "checksum is wrong" in caplog.text
    await world.follower.ready()
    assert world.same()


async def test_a_fetched_file_that_is_damaged_on_disk_is_fetched_again(world: World) -> None:
    await world.follower.ready()
    for piece in world.head.pieces:
        packed = world.folder / "second" / piece.name
        packed.write_bytes(packed.read_bytes()[:-1] + b"?")
        packed.with_suffix("").unlink(missing_ok=True)
    world.start()
    await world.follower.ready()
    assert world.follower.problem == "" and world.same()


async def test_a_node_that_follows_a_follower_serves_the_same_and_knows_the_true_age(world: World) -> None:
    await world.follower.ready()
    await world.list(3)
    middle = world.follower
    await middle.step()
    world.start(folder="third", upstream=Folder(world.folder / "second"))
    await world.follower.ready()
    assert world.same() and world.holder.seen == world.head.made
    made = world.head.made
    world.clock.turn(seconds=50)
    await world.list(2)  # which the node in the middle has not fetched
    await world.follower.step()
    assert world.holder.seen == made
    await middle.step()
    await world.follower.step()
    assert world.same() and world.holder.seen == made + 50


async def test_what_the_list_may_not_hold_is_left_out_with_an_alarm(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.start(
        bounds=Bounds(special={4: ((int(FIRST[0]), int(FIRST[-1]), "a test"), (0xC000000B,) * 2 + ("b",)), 6: ()})
    )
    with caplog.at_level(logging.WARNING):
        await world.follower.ready()
        await world.list(2)
        await world.follower.step()
    assert world.holder.table is not None
    assert world.holder.table.kinds(FIRST[1]) == () and world.holder.table.kinds(ip_address(0xC000000B)) == ()
    assert world.holder.table.kinds(ip_address(0xC000000C)) == ("relay",)
    assert f"{FIRST} is in the table, but the list may not hold it" in caplog.text
    assert world.follower.counters["left_out"] == 2


async def test_other_zone_files_are_complained_of_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        await world.follower.ready()
        assert caplog.text == ""
        await world.follower.rezone("b" * 64)
        await world.list()
        await world.follower.step()
    assert caplog.text.count("secondaries get no zone from here") == 1


async def test_secondaries_of_a_follower_get_the_changes_that_are_here(world: World) -> None:
    assert world.follower.changes(10) == []
    await world.follower.ready()
    await world.list(5)
    await world.follower.step()
    assert world.follower.changes(12) == world.store.log[2:]
    assert world.follower.changes(10, most=2) == world.store.log[:2]
    assert world.follower.changes(9) == []
    assert world.holder.table is not None
    assert world.holder.table.change_number(world.holder.table.soa_serial - 6) is None
