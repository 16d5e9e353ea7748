import asyncio
import logging
from collections.abc import Callable, Iterator
from ipaddress import IPv4Network, ip_address, ip_network
from pathlib import Path

import pytest

from dnsbl.addresses import Network
from dnsbl.clock import HandClock
from dnsbl.daemons import feed as module
from dnsbl.daemons.feed import Feed
from dnsbl.dns import table as table_module
from dnsbl.dns.table import Table
from dnsbl.errors import StoreUnavailable
from dnsbl.model import Change

A, B, C = (ip_network(f"192.0.2.{n}/32") for n in (1, 2, 3))


class Store:
    """A source in memory."""

    def __init__(self) -> None:
        self.rows: set[tuple[Network, str]] = set()
        self.log: list[Change] = []
        self.broken: Exception | None = None
        self.snapshots = 0

    def add(self, network: Network, kind: str = "relay", present: bool = True) -> None:
        self.log.append(Change(seq=self.number + 1, network=network, kind=kind, present=present))
        (self.rows.add if present else self.rows.discard)((network, kind))

    @property
    def number(self) -> int:
        return self.log[-1].seq if self.log else 0

    def snapshot(self) -> tuple[int, Iterator[tuple[Network, str]]]:
        if self.broken:
            raise self.broken
        self.snapshots += 1
        return self.number, iter(self.rows)

    packed_snapshot = snapshot

    def changes(self, after: int, *, most: int = 10000) -> list[Change]:
        if self.broken:
            raise self.broken
        return [change for change in self.log if change.seq > after][:most]


class Holder:
    table: Table | None = None


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not met():  # noqa: ASYNC110 (what is waited for tells nobody)
            await asyncio.sleep(0.001)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def holder() -> Holder:
    return Holder()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "table"


@pytest.fixture
def feed(store: Store, holder: Holder, clock: HandClock, path: Path) -> Feed:
    return Feed(store, [holder], poll=0.2, path=path, clock=clock)


def addresses(table: Table | None) -> set[Network]:
    assert table is not None
    return {network for network, _ in table.rows()}


def on_disk(path: Path) -> set[Network]:
    return addresses(Table.load(path.read_bytes()))


def put_on_disk(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)


async def test_the_first_look_takes_a_snapshot(feed: Feed, store: Store, holder: Holder) -> None:
    store.add(A)
    store.add(B, "manual")
    assert await feed.step() == 0.2
    assert holder.table is not None
    assert holder.table.serial == 2
    assert holder.table.kinds(ip_address("192.0.2.2")) == ("manual",)


async def test_changes_follow_without_another_snapshot(feed: Feed, store: Store, holder: Holder) -> None:
    for network in (A, B, C):
        await feed.step()
        store.add(network)
    store.add(B, present=False)
    await feed.step()
    assert addresses(holder.table) == {A, C}
    assert holder.table is not None
    assert holder.table.serial == 4
    assert store.snapshots == 1
    assert feed.counters["changes"] == 4


async def test_without_changes_the_table_stays_the_same_object(feed: Feed, store: Store, holder: Holder) -> None:
    store.add(A)
    await feed.step()
    before = holder.table
    await feed.step()
    assert holder.table is before


async def test_every_holder_gets_the_table(store: Store, clock: HandClock, path: Path) -> None:
    holders = [Holder(), Holder()]
    store.add(A)
    await Feed(store, holders, poll=1, path=path, clock=clock).step()
    assert holders[0].table is holders[1].table is not None


async def test_a_missing_number_makes_a_snapshot(feed: Feed, store: Store, holder: Holder) -> None:
    store.add(A)
    await feed.step()
    store.add(B)
    store.add(C)
    del store.log[1]
    await feed.step()
    assert addresses(holder.table) == {A, B, C}
    assert store.snapshots == 2


async def test_a_store_with_a_lower_number_makes_a_snapshot(feed: Feed, store: Store, holder: Holder) -> None:
    for network in (A, B, C):
        store.add(network)
    await feed.step()
    store.log, store.rows = store.log[:1], {(A, "relay")}
    await feed.step()
    assert addresses(holder.table) == {A}
    assert feed.problem == ""


async def test_a_store_restored_and_gone_on_to_the_same_number_makes_a_snapshot(
    feed: Feed, store: Store, holder: Holder
) -> None:
    store.add(A)
    await feed.step()
    store.add(B)
    await feed.step()
    store.log, store.rows = store.log[:1], {(A, "relay")}
    store.add(C)
    await feed.step()
    assert addresses(holder.table) == {A, C}


async def test_a_store_that_has_forgotten_old_changes_is_followed_all_the_same(
    feed: Feed, store: Store, holder: Holder
) -> None:
    store.add(A)
    store.add(B)
    store.changes = lambda after, most=0: [c for c in store.log[2:] if c.seq > after]  # type: ignore[method-assign]
    for _ in range(3):
        await feed.step()
    store.add(C)
    await feed.step()
    assert addresses(holder.table) == {A, B, C}
    assert store.snapshots == 1


async def test_a_store_that_is_away_leaves_the_last_good_table(
    feed: Feed, store: Store, holder: Holder, caplog: pytest.LogCaptureFixture
) -> None:
    store.add(A)
    await feed.step()
    store.broken = StoreUnavailable()
    waits = [await feed.step() for _ in range(10)]
    assert waits[:4] == [0.4, 0.8, 1.6, 3.2]
    assert waits[-1] == module.LONGEST_WAIT
    assert addresses(holder.table) == {A}
    assert feed.counters["failures"] == 10
    assert feed.problem == "the store cannot be asked: The database cannot be reached."
    store.broken = None
    store.add(B)
    assert await feed.step() == 0.2
    assert addresses(holder.table) == {A, B}
    assert feed.problem == ""
    assert [r.message for r in caplog.records] == [
        "the store cannot be asked: The database cannot be reached.",
        "the store is followed again",
    ]


async def test_an_unforeseen_error_is_a_bland_sentence_and_a_full_log(
    feed: Feed, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    store.broken = RuntimeError("secret detail")
    await feed.step()
    assert feed.problem == "the store cannot be asked: RuntimeError"
    assert "secret detail" in caplog.text


async def test_the_table_on_disk_answers_without_the_store(
    feed: Feed, store: Store, holder: Holder, clock: HandClock, path: Path
) -> None:
    store.add(A)
    await feed.step()
    store.broken = StoreUnavailable()
    another = Holder()
    later = Feed(store, [another], poll=0.2, path=path, clock=clock)
    await later.load()
    await later.step()
    assert addresses(another.table) == {A}
    store.broken = None
    store.add(B)
    await later.step()
    assert addresses(another.table) == {A, B}


async def test_writes_are_at_least_five_seconds_apart(feed: Feed, store: Store, clock: HandClock, path: Path) -> None:
    store.add(A)
    await feed.step()
    assert on_disk(path) == {A}
    store.add(B)
    await feed.step()
    clock.turn(seconds=4.9)
    await feed.step()
    assert on_disk(path) == {A}
    clock.turn(seconds=0.1)
    await feed.step()
    assert on_disk(path) == {A, B}
    clock.turn(seconds=10)
    await feed.step()
    assert feed.counters["writes"] == 2
    assert [file.name for file in path.parent.iterdir()] == ["table"]


@pytest.mark.parametrize("content", [b"", b"rubbish", b"half"])
async def test_a_damaged_table_on_disk_is_ignored_with_a_sentence(
    feed: Feed, store: Store, holder: Holder, path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    whole = Table.of([(A, "relay")]).dump()
    put_on_disk(path, whole[: len(whole) // 2] if content == b"half" else content)
    await feed.load()
    assert holder.table is None
    assert "is not used: the table's checksum is wrong" in caplog.text
    await feed.step()
    assert holder.table is not None


async def test_no_table_on_disk_is_nothing_to_speak_of(feed: Feed, caplog: pytest.LogCaptureFixture) -> None:
    await feed.load()
    assert feed.table is None
    assert not caplog.records


async def test_a_disk_that_cannot_be_written_does_not_stop_the_feed(
    store: Store, holder: Holder, clock: HandClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    feed = Feed(store, [holder], poll=0.2, path=tmp_path / "file" / "table", clock=clock)
    store.add(A)
    await feed.step()
    assert addresses(holder.table) == {A}
    assert "cannot be written" in caplog.text
    assert feed.counters["writes"] == 0


def many(store: Store, count: int) -> None:
    store.rows = {(IPv4Network((0xC6120000 + n, 32)), "relay") for n in range(count)}
    store.log = [Change(seq=count, network=A, kind="relay", present=False)]


@pytest.mark.parametrize(("before", "after", "taken"), [(1001, 500, False), (1001, 501, True), (1000, 0, True)])
async def test_a_snapshot_that_lost_more_than_half_is_not_taken_over(
    feed: Feed, store: Store, holder: Holder, path: Path, before: int, after: int, taken: bool
) -> None:
    many(store, before)
    await feed.step()
    many(store, after)
    await feed.step()
    assert holder.table is not None
    assert len(holder.table) == (after if taken else before)
    if not taken:
        assert feed.problem == (
            f"the store holds {after} listings, the table in service {before}: not taken over; "
            f"if that is right, stop, remove {path} and start again"
        )
        assert feed.counters["failures"] == 1


async def test_force_takes_over_whatever_the_store_says(
    store: Store, holder: Holder, clock: HandClock, path: Path
) -> None:
    feed = Feed(store, [holder], poll=0.2, path=path, clock=clock, force=True)
    many(store, 2000)
    await feed.step()
    many(store, 3)
    await feed.step()
    assert holder.table is not None
    assert len(holder.table) == 3


async def test_run_loads_follows_and_writes_at_the_end(
    feed: Feed, store: Store, holder: Holder, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    put_on_disk(path, Table.of([(C, "relay")]).dump())
    store.add(A)
    stop = asyncio.Event()
    running = asyncio.create_task(feed.run(stop))
    await until(lambda: holder.table is not None and addresses(holder.table) == {A})
    store.add(B)
    await until(lambda: addresses(holder.table) == {A, B})
    stop.set()
    await running
    assert on_disk(path) == {A, B}


async def test_a_table_with_too_much_beside_is_merged_after_it_is_served(
    feed: Feed, store: Store, holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_module, "MOST_BESIDE", 1)
    store.add(A)
    await feed.step()
    store.add(B)
    await feed.step()
    assert [len(shelf.added) for shelf in (holder.table or Table.of([])).shelves()] == [1]
    store.add(C)
    await feed.step()
    assert [len(shelf.added) for shelf in (holder.table or Table.of([])).shelves()] == [0]
    assert addresses(holder.table) == {A, B, C}


async def test_a_large_table_is_written_less_often(
    feed: Feed, store: Store, clock: HandClock, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROWS_A_SECOND", 100)
    many(store, 1000)
    await feed.step()
    store.add(B)
    clock.turn(seconds=14)
    await feed.step()
    assert B not in on_disk(path)
    clock.turn(seconds=1)
    await feed.step()
    assert B in on_disk(path)
