import asyncio
import logging
import stat
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from ipaddress import IPv4Network, ip_address, ip_network
from pathlib import Path

import pytest

from dnsbl.addresses import Network
from dnsbl.clock import HandClock
from dnsbl.dns.listed import table as table_module
from dnsbl.dns.listed.series import GAP, UNNUMBERED
from dnsbl.dns.listed.table import Table
from dnsbl.errors import StoreUnavailable
from dnsbl.files import write_whole
from dnsbl.model import Change, Epoch
from dnsbl.rules.bounds import Bounds
from dnsbl.serving import feed as module
from dnsbl.serving.feed import Feed
from tests.dnsbl.serving.memory import Memory
from tests.waiting import until

A, B, C = (ip_network(f"192.0.2.{n}/32") for n in (1, 2, 3))


ALL_BUT_B = Bounds(special={4: ((int(B[0]), int(B[0]), "a test"),), 6: ()})


@pytest.fixture(autouse=True)
def nobody_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A first look ends with its snapshot, however busy the machine is; `Slow` says where it does not."""
    monkeypatch.setattr(module, "TURN", 30)


class Slow(Memory):
    """One whose snapshots are read only when the gate is open, and are of the moment when they were asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.failed: Exception | None = None
        monkeypatch.setattr(module, "TURN", 0)

    def read(self) -> Iterator[tuple[Network, str]]:
        return self._read(list(self.rows))

    def _read(self, rows: list[tuple[Network, str]]) -> Iterator[tuple[Network, str]]:
        assert self.gate.wait(30)
        if self.failed:
            raise self.failed
        yield from rows


class Holder:
    table: Table | None = None
    seen = 0.0

    def confirm(self, moment: float) -> None:
        self.seen = moment


@pytest.fixture
def store() -> Memory:
    return Memory()


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
def feed(store: Memory, holder: Holder, clock: HandClock, path: Path) -> Feed:
    return Feed(store, [holder], poll=0.2, path=path, clock=clock)


def addresses(table: Table | None) -> set[Network]:
    assert table is not None
    return {network for network, _ in table.rows()}


def dumped(table: Table) -> bytes:
    return b"".join(table.parts())


def loaded(data: bytes) -> Table:
    table = Table.over(memoryview(data))
    table.verify()
    return table


def on_disk(path: Path) -> set[Network]:
    return addresses(loaded(path.read_bytes()))


def put_on_disk(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)


async def test_the_first_look_takes_a_snapshot(feed: Feed, store: Memory, holder: Holder) -> None:
    store.add(A)
    store.add(B, "manual")
    assert await feed.step() == 0.2
    assert holder.table is not None
    assert holder.table.serial == 2
    assert holder.table.kinds(ip_address("192.0.2.2")) == ("manual",)


async def test_b47_changes_follow_without_another_snapshot(feed: Feed, store: Memory, holder: Holder) -> None:
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


async def test_b44_without_changes_the_table_stays_the_same_object(feed: Feed, store: Memory, holder: Holder) -> None:
    store.add(A)
    await feed.step()
    before = holder.table
    await feed.step()
    assert holder.table is before


async def test_every_holder_gets_the_table(store: Memory, clock: HandClock, path: Path) -> None:
    holders = [Holder(), Holder()]
    store.add(A)
    await Feed(store, holders, poll=1, path=path, clock=clock).step()
    assert holders[0].table is holders[1].table is not None


async def test_a_missing_number_makes_a_snapshot(feed: Feed, store: Memory, holder: Holder) -> None:
    store.add(A)
    await feed.step()
    store.add(B)
    store.add(C)
    del store.log[1]
    await feed.step()
    assert addresses(holder.table) == {A, B, C}
    assert store.snapshots == 2


async def test_a_store_with_a_lower_number_makes_a_snapshot(feed: Feed, store: Memory, holder: Holder) -> None:
    for network in (A, B, C):
        store.add(network)
    await feed.step()
    store.log, store.rows = store.log[:1], {(A, "relay")}
    await feed.step()
    assert addresses(holder.table) == {A}
    assert feed.problem == ""


async def test_a_store_restored_and_gone_on_to_the_same_number_makes_a_snapshot(
    feed: Feed, store: Memory, holder: Holder
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
    feed: Feed, store: Memory, holder: Holder
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
    feed: Feed, store: Memory, holder: Holder, caplog: pytest.LogCaptureFixture
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
    feed: Feed, store: Memory, caplog: pytest.LogCaptureFixture
) -> None:
    store.broken = RuntimeError("secret detail")
    await feed.step()
    assert feed.problem == "the store cannot be asked: RuntimeError"
    assert "secret detail" in caplog.text


async def test_the_table_on_disk_answers_without_the_store(
    feed: Feed, store: Memory, holder: Holder, clock: HandClock, path: Path
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


async def test_writes_are_at_least_five_seconds_apart(feed: Feed, store: Memory, clock: HandClock, path: Path) -> None:
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
    assert {file.name for file in path.parent.iterdir()} == {"table", "serial"}


@pytest.mark.parametrize("content", [b"", b"rubbish", b"half"])
async def test_b45_a_damaged_table_on_disk_is_ignored_with_a_sentence(
    feed: Feed, store: Memory, holder: Holder, path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    whole = dumped(Table.of([(A, "relay")]))
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
    store: Memory, holder: Holder, clock: HandClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    feed = Feed(store, [holder], poll=0.2, path=tmp_path / "file" / "table", clock=clock)
    store.add(A)
    await feed.step()
    assert addresses(holder.table) == {A}
    assert "cannot be written" in caplog.text
    assert feed.counters["writes"] == 0


def many(store: Memory, count: int) -> None:
    store.rows = {(IPv4Network((0xC6120000 + n, 32)), "relay") for n in range(count)}
    store.log = [Change(seq=count, network=A, kind="relay", present=False)]


@pytest.mark.parametrize(("before", "after", "taken"), [(1001, 500, False), (1001, 501, True), (1000, 0, True)])
async def test_b45_a_snapshot_that_lost_more_than_half_is_not_taken_over(
    feed: Feed, store: Memory, holder: Holder, path: Path, before: int, after: int, taken: bool
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
    store: Memory, holder: Holder, clock: HandClock, path: Path
) -> None:
    feed = Feed(store, [holder], poll=0.2, path=path, clock=clock, force=True)
    many(store, 2000)
    await feed.step()
    many(store, 3)
    await feed.step()
    assert holder.table is not None
    assert len(holder.table) == 3


async def test_run_loads_follows_and_writes_at_the_end(
    feed: Feed, store: Memory, holder: Holder, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    put_on_disk(path, dumped(Table.of([(C, "relay")])))
    store.add(A)
    stop = asyncio.Event()
    running = asyncio.create_task(feed.run(stop))
    await until(lambda: holder.table is not None and addresses(holder.table) == {A})
    store.add(B)
    await until(lambda: addresses(holder.table) == {A, B})
    stop.set()
    await running
    assert on_disk(path) == {A, B}


async def serials(store: Memory, clock: HandClock, path: Path, *, zones_digest: str = "z") -> int:
    """What a fresh start shows, after one look."""
    feed = Feed(store, [], poll=0.2, path=path, clock=clock, zones_digest=zones_digest)
    await feed.load()
    await feed.step()
    assert feed.table is not None
    await feed.save()
    return feed.table.soa_serial


async def test_d03_the_serial_never_goes_back_over_restarts_zone_files_and_restores(
    store: Memory, clock: HandClock, path: Path
) -> None:
    for network in (A, B, C):
        store.add(network)
    first = await serials(store, clock, path)
    assert first == int(clock.now().timestamp())
    assert await serials(store, clock, path) == first
    store.add(A, present=False)
    assert await serials(store, clock, path) == first + 1
    changed = await serials(store, clock, path, zones_digest="changed")
    assert changed > first + 1
    assert await serials(store, clock, path, zones_digest="changed") == changed
    store.log, store.rows = store.log[:1], {(A, "relay")}
    restored = await serials(store, clock, path, zones_digest="changed")
    assert restored > changed
    clock.turn(seconds=100)
    await asyncio.to_thread(path.unlink)
    assert await serials(store, clock, path, zones_digest="changed") == restored, "the epoch is young"
    clock.turn(seconds=600)
    await asyncio.to_thread(path.unlink)
    assert await serials(store, clock, path, zones_digest="changed") > restored


async def test_d03_an_older_table_that_is_put_in_its_place_takes_no_serial_back(
    store: Memory, clock: HandClock, path: Path
) -> None:
    store.add(A)
    await serials(store, clock, path)
    old = await asyncio.to_thread(path.read_bytes)
    for network in (B, C):
        store.add(network)
    clock.turn(seconds=100)
    last = await serials(store, clock, path, zones_digest="changed")
    assert await serials(store, clock, path) > last
    newest = int(await asyncio.to_thread(path.with_name("serial").read_bytes))
    await asyncio.to_thread(path.write_bytes, old)
    store.broken = StoreUnavailable()
    feed = Feed(store, [], poll=0.2, path=path, clock=clock, zones_digest="z")
    await feed.load()
    assert feed.table is not None
    assert feed.table.soa_serial < newest, "it is numbered as it was"
    store.broken = None
    await feed.step()
    await feed.save()
    assert feed.table.soa_serial == newest
    assert on_disk(path) == {A, B, C}
    assert stat.S_IMODE((await asyncio.to_thread(path.with_name("serial").stat)).st_mode) == 0o640


@pytest.mark.parametrize("kept", [b"", b"no number", b"-5", b"9" * 5000, b"\xff"])
async def test_a_serial_that_cannot_be_read_is_as_none(
    store: Memory, clock: HandClock, path: Path, kept: bytes
) -> None:
    store.add(A)
    first = await serials(store, clock, path)
    await asyncio.to_thread(path.with_name("serial").write_bytes, kept)
    assert await serials(store, clock, path) == first


async def test_d03_the_serial_grows_when_the_store_is_restored_under_a_running_feed(
    feed: Feed, store: Memory, holder: Holder, clock: HandClock, path: Path
) -> None:
    for network in (A, B, C):
        store.add(network)
    await feed.step()
    assert holder.table is not None
    before = holder.table.soa_serial
    store.log, store.rows = store.log[:1], {(A, "relay")}
    await feed.step()
    assert (holder.table.soa_serial, holder.table.zones_digest) == (before, UNNUMBERED), (
        "no epoch so soon after another"
    )
    clock.turn(seconds=10)
    await feed.step()
    assert holder.table.soa_serial >= before + GAP
    assert holder.table.change_number(before) is None
    assert [(wish.above, wish.breaks) for wish in store.wishes] == [(0, False), (before, True)]
    written = loaded(await asyncio.to_thread(path.read_bytes))
    assert written.soa_serial == holder.table.soa_serial  # on disk at once


async def test_d03_changed_zone_files_have_no_serial_without_the_store_and_have_one_when_it_is_back(
    feed: Feed, store: Memory, clock: HandClock, path: Path
) -> None:
    store.add(A)
    await feed.step()
    assert feed.table is not None
    store.broken = StoreUnavailable()
    later = Feed(store, [], poll=0.2, path=path, clock=clock, zones_digest="changed")
    await later.load()
    await later.step()
    assert later.table is not None
    assert (later.table.soa_serial, later.table.zones_digest) == (feed.table.soa_serial, "none")
    store.broken = None
    await later.step()
    assert later.table.soa_serial >= feed.table.soa_serial + GAP
    assert (later.table.zones_digest, later.unnumbered) == ("changed", "")


async def test_a_node_that_cannot_write_takes_an_epoch_over_and_says_what_it_lacks_while_there_is_none(
    store: Memory, holder: Holder, clock: HandClock, path: Path
) -> None:
    def numbered() -> tuple[int, str] | None:
        assert holder.table is not None
        return None if feed.unnumbered else (holder.table.soa_serial, holder.table.zones_digest)

    store.closed = StoreUnavailable("The database takes no changes here.")
    store.add(A)
    feed = Feed(store, [holder], poll=0.2, path=path, clock=clock, zones_digest="z")
    await feed.step()
    assert addresses(holder.table) == {A} and holder.table is not None
    assert holder.table.zones_digest == UNNUMBERED
    assert feed.problem == ""
    assert feed.unnumbered.startswith("secondaries get no zone from here: ")
    assert feed.unnumbered.endswith("The database takes no changes here.")
    store.epochs = [Epoch(base=2 * 10**9, since=1, digest="y", made=clock.now())]
    await feed.step()
    assert numbered() is None
    store.epochs.append(Epoch(base=3 * 10**9, since=1, digest="z", made=clock.now()))
    await feed.step()
    assert numbered() == (3 * 10**9 + 1, "z")
    await feed.rezone("x")
    store.add(B)
    await feed.step()
    assert numbered() is None and addresses(holder.table) == {A, B}
    await feed.rezone("z")  # the file is taken back before anybody has got the other one
    await feed.step()
    assert numbered() == (3 * 10**9 + 2, "z")
    store.epochs.append(Epoch(base=3 * 10**9 + 10, since=2, digest="y", made=clock.now()))
    for _ in range(10):  # the serials of its epoch are used up
        store.add(C, present=(C, "relay") not in store.rows)
    await feed.step()
    assert numbered() is None and holder.table.zones_digest == UNNUMBERED
    clock.turn(days=1)
    store.epochs = store.epochs[1:2]
    feed = Feed(store, [holder], poll=0.2, path=path.with_name("empty") / "table", clock=clock, zones_digest="z")
    await feed.step()
    assert numbered() == (3 * 10**9 + 12, "z"), "old as it is, it is of these very rows"


async def test_another_story_of_the_same_rows_is_another_epoch(
    feed: Feed, store: Memory, holder: Holder, clock: HandClock
) -> None:
    """What secondaries have got in between may differ."""
    for network, present in ((A, True), (B, True), (B, False)):
        store.add(network, present=present)
        await feed.step()
    assert holder.table is not None
    before = holder.table.soa_serial
    store.log[1:] = [Change(seq=n, network=C, kind="relay", present=n == 2) for n in (2, 3)]
    clock.turn(seconds=60)
    await feed.step()
    assert holder.table.change_number(before) is None
    assert store.wishes[-1].breaks


async def test_b45_b53_holders_know_when_the_store_last_stood_by_the_table(
    feed: Feed, store: Memory, holder: Holder, clock: HandClock, path: Path
) -> None:
    store.add(A)
    await feed.step()
    begun = clock.now().timestamp()
    assert holder.seen == begun
    clock.turn(seconds=60)
    await feed.step()
    assert holder.seen == begun + 60
    store.broken = StoreUnavailable()
    clock.turn(seconds=60)
    await feed.step()
    assert holder.seen == begun + 60
    later = Holder()
    await Feed(store, [later], poll=1, path=path, clock=clock).load()
    assert later.seen == pytest.approx((await asyncio.to_thread(path.stat)).st_mtime)


async def test_what_the_list_may_not_hold_is_left_out_with_an_alarm(
    store: Memory, holder: Holder, clock: HandClock, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    feed = Feed(store, [holder], poll=0.2, path=path, clock=clock, bounds=ALL_BUT_B)
    store.add(A)
    store.add(B)
    await feed.step()
    assert addresses(holder.table) == {A}
    store.add(B, present=False)
    store.add(B)
    store.add(C)
    await feed.step()
    assert addresses(holder.table) == {A, C}
    assert feed.bounded.left_out == B
    assert feed.counters["left_out"] >= 1
    assert feed.problem == ""
    assert f"{B} is in the store, but the list may not hold it: left out" in caplog.text
    store.add(A, present=False)
    await feed.step()
    assert addresses(holder.table) == {C}


async def test_a_table_on_disk_loses_what_the_list_may_no_longer_hold(
    store: Memory, holder: Holder, clock: HandClock, path: Path
) -> None:
    before = Table.of([(A, "relay"), (B, "relay")], serial=4).numbered(1000 - 4, since=4, zones_digest="none")
    put_on_disk(path, dumped(before))
    feed = Feed(store, [holder], poll=0.2, path=path, clock=clock, bounds=ALL_BUT_B)
    await feed.load()
    assert addresses(holder.table) == {A}
    assert holder.table is not None
    assert holder.table.zones_digest == UNNUMBERED, "or secondaries would get two zones under one serial"
    store.log = [Change(seq=4, network=A, kind="relay", present=True)]
    store.rows = {(A, "relay"), (B, "relay")}
    await feed.step()
    assert holder.table.soa_serial > before.soa_serial  # secondaries must hear of it
    assert holder.table.change_number(before.soa_serial) is None


async def test_new_zone_files_make_the_serial_grow(feed: Feed, store: Memory, holder: Holder) -> None:
    await feed.rezone("before the first table")
    store.add(A)
    await feed.step()
    assert holder.table is not None
    before = holder.table
    await feed.rezone("another")
    await feed.step()
    assert holder.table.soa_serial > before.soa_serial
    assert holder.table.same_rows(before)
    assert holder.table.change_number(before.soa_serial) is None


@pytest.mark.parametrize("story", ["the same", "another", "cut"])
async def test_after_a_restart_serials_from_before_are_known_if_the_log_leads_on(
    store: Memory, holder: Holder, clock: HandClock, path: Path, story: str
) -> None:
    feed = Feed(store, [holder], poll=0.2, path=path, clock=clock)
    store.add(A)
    await feed.step()
    store.add(B)
    await feed.step()
    await feed.save()
    assert holder.table is not None
    old = holder.table
    store.add(C)
    match story:
        case "another":
            store.rows -= {(A, "relay")}
        case "cut":
            del store.log[-1]
            store.log.append(Change(seq=5, network=C, kind="relay", present=True))
    clock.turn(seconds=60)
    again = Feed(store, [holder], poll=0.2, path=path, clock=clock)
    await again.load()
    await again.step()
    number = holder.table.change_number(old.soa_serial)
    assert number == (2 if story == "the same" else None)
    assert holder.table.soa_serial > old.soa_serial


def test_a_write_that_breaks_off_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def parts() -> Iterator[bytes]:
        yield b"new"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_whole(path, parts())
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
    write_whole(path, [b"new", b"er"])
    assert path.read_bytes() == b"newer"


async def test_a_table_with_too_much_beside_is_merged_after_it_is_served(
    feed: Feed, store: Memory, holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_module, "MOST_BESIDE", 1)
    store.add(A)
    await feed.step()
    store.add(B)
    await feed.step()
    assert [len(band.added) for band in (holder.table or Table.of([])).bands()] == [1]
    store.add(C)
    await feed.step()
    assert [len(band.added) for band in (holder.table or Table.of([])).bands()] == [0]
    assert addresses(holder.table) == {A, B, C}


async def test_a_large_table_is_written_less_often(
    feed: Feed, store: Memory, clock: HandClock, path: Path, monkeypatch: pytest.MonkeyPatch
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


def damaged(table: Table) -> bytes:
    """The file of a table whose array has a wrong bit."""
    data = bytearray(dumped(table))
    data[-65 - 16] ^= 1
    return bytes(data)


async def test_b45_a_mapped_table_is_served_at_once_and_given_up_when_its_checksum_is_wrong(
    feed: Feed, store: Memory, holder: Holder, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put_on_disk(path, damaged(Table.of([(A, "relay")], serial=1)))
    store.broken = StoreUnavailable()
    await feed.ready()
    assert holder.table is not None
    await feed.step()
    assert holder.table is None
    assert f"{path} is not used: the table's checksum is wrong" in caplog.text
    await feed.step()
    assert caplog.text.count("is not used") == 1
    store.broken = None
    store.add(B)
    await feed.step()
    assert addresses(holder.table) == {B}
    assert on_disk(path) == {B}


async def test_without_a_table_on_disk_the_first_one_comes_from_the_store(
    feed: Feed, store: Memory, holder: Holder
) -> None:
    store.add(A)
    await feed.ready()
    assert addresses(holder.table) == {A}
    before = holder.table
    await feed.ready()
    assert holder.table is before


async def test_b45_a_damaged_table_is_not_used_when_something_would_have_to_be_left_out_of_it(
    store: Memory, holder: Holder, clock: HandClock, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put_on_disk(path, damaged(Table.of([(A, "relay"), (B, "relay"), (C, "manual")], serial=1)))
    feed = Feed(store, [holder], poll=0.2, path=path, clock=clock, bounds=ALL_BUT_B)
    await feed.load()
    assert holder.table is None
    assert "checksum" in caplog.text
    assert feed.bounded.left_out is None


async def test_b45_a_mapped_table_is_read_whole_before_the_store_is_asked(
    feed: Feed, store: Memory, holder: Holder, path: Path
) -> None:
    put_on_disk(path, damaged(Table.of([(A, "relay")], serial=1)))
    await feed.load()
    seen: list[Table | None] = []
    store.changes = lambda after, most=0: seen.append(feed.table) or []  # type: ignore[method-assign, func-returns-value]
    store.add(B)
    await feed.step()
    assert set(seen) == {None}


async def test_d03_the_serial_of_a_table_that_was_given_up_is_not_gone_back_behind(
    feed: Feed, store: Memory, holder: Holder, clock: HandClock, path: Path
) -> None:
    later = int(clock.now().timestamp()) + 1000
    put_on_disk(path, damaged(Table.of([(A, "relay")], serial=1).numbered(later - 1, since=1, zones_digest="none")))
    store.add(B)
    await feed.load()
    assert holder.table is not None
    assert holder.table.soa_serial == later
    await feed.step()
    assert addresses(holder.table) == {B}
    assert holder.table.soa_serial >= later + GAP
    assert store.wishes[0].breaks, "what was got of it may have been anything"


async def test_a_damaged_table_is_given_up_though_zone_files_changed_in_between_and_is_never_written(
    feed: Feed, store: Memory, holder: Holder, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = damaged(Table.of([(A, "relay")], serial=1))
    put_on_disk(path, content)
    store.broken = StoreUnavailable()
    await feed.load()
    await feed.rezone("another")
    assert holder.table is not None
    await feed.save()
    assert await asyncio.to_thread(path.read_bytes) == content  # what is not proven must not get a good checksum
    await feed.step()
    assert holder.table is None
    assert "checksum" in caplog.text


async def test_a_good_mapped_table_goes_on_after_zone_files_changed_in_between(
    feed: Feed, store: Memory, holder: Holder, path: Path
) -> None:
    store.add(A)
    await feed.step()
    await feed.save()
    assert feed.table is not None
    before = feed.table.soa_serial
    again = Feed(store, [holder], poll=0.2, path=path, clock=HandClock())
    await again.load()
    await again.rezone("another")
    store.add(B)
    await again.step()
    assert holder.table is not None
    assert addresses(holder.table) == {A, B}
    assert holder.table.soa_serial > before + 1
    assert loaded(await asyncio.to_thread(path.read_bytes)).soa_serial == holder.table.soa_serial


@pytest.mark.parametrize("away", [True, False])
async def test_a_table_that_is_on_disk_already_is_neither_replaced_nor_written_again(
    feed: Feed, store: Memory, clock: HandClock, path: Path, away: bool
) -> None:
    store.add(A)
    await feed.step()
    if away:
        store.broken = StoreUnavailable()
    again = Feed(store, [], poll=0.2, path=path, clock=clock)
    await again.load()
    mapped = again.table
    await again.step()
    assert again.table is mapped is not None
    assert again.counters["snapshots"] == (0 if away else 1)
    assert again.counters["writes"] == 0
    store.broken = None
    store.add(B)
    await again.step()
    assert addresses(again.table) == {A, B}


async def test_many_networks_that_the_list_may_not_hold_make_one_alarm(
    store: Memory, holder: Holder, clock: HandClock, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    many(store, 500)
    bounds = Bounds(special={4: ((0xC6120000, 0xC6120000 + 399, "a test"),), 6: ()})
    feed = Feed(store, [holder], poll=0.2, path=path, clock=clock, bounds=bounds)
    await feed.step()
    assert holder.table is not None
    assert len(holder.table) == 100
    assert feed.counters["left_out"] == 400
    assert feed.bounded.left_out == ip_network("198.18.0.0")
    store.log.clear()
    clock.turn(seconds=60)
    await feed.step()
    assert store.snapshots == 2
    [record] = caplog.records
    assert record.message.endswith("left out, as are 399 others")


Let = Callable[[], Awaitable[float]]


@pytest.fixture
async def slow(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Slow]:
    store = Slow(monkeypatch)
    yield store
    store.gate.set()  # or the loop would wait for its threads


@pytest.fixture
async def behind(slow: Slow, holder: Holder, clock: HandClock, path: Path) -> Feed:
    """A feed that has served {A} from disk; its store holds {A, B}, and the first snapshot is being read."""
    slow.add(A)
    begun = int(clock.now().timestamp())
    slow.epochs = [Epoch(base=begun - 1, since=1, digest="none", made=clock.now())]
    before = Table.of([(A, "relay")], serial=1).numbered(begun - 1, since=1, zones_digest="none")
    put_on_disk(path, dumped(before))
    feed = Feed(slow, [holder], poll=0.2, path=path, clock=clock)
    await feed.load()
    slow.add(B)
    await feed.step()
    await until(lambda: slow.snapshots == 1)
    return feed


@pytest.fixture
def let(behind: Feed, slow: Slow, monkeypatch: pytest.MonkeyPatch) -> Let:
    """Let the snapshot be read, and look once more."""

    async def go() -> float:
        slow.gate.set()
        monkeypatch.setattr(module, "TURN", 30)
        return await behind.step()

    return go


async def test_changes_are_followed_while_the_first_snapshot_is_read(
    behind: Feed, slow: Slow, holder: Holder, clock: HandClock, let: Let
) -> None:
    assert addresses(holder.table) == {A, B}
    slow.add(C)
    clock.turn(seconds=1)
    assert await behind.step() == 0.2
    assert addresses(holder.table) == {A, B, C}
    assert holder.seen == clock.now().timestamp()
    assert (behind.problem, behind.counters["snapshots"]) == ("", 0)
    served = holder.table
    await let()
    assert holder.table is served  # the snapshot was of the moment before C, and the log leads from it to this table
    assert behind.counters["snapshots"] == slow.snapshots == 1
    assert served is not None
    assert served.change_number(served.soa_serial - 2) == 1
    slow.add(A, present=False)
    await behind.step()
    assert addresses(holder.table) == {B, C}
    assert slow.snapshots == 1


async def test_a_snapshot_from_which_the_log_does_not_lead_to_the_table_is_served_instead(
    slow: Slow, behind: Feed, holder: Holder, let: Let
) -> None:
    slow.add(C)
    await behind.step()
    assert holder.table is not None
    before = holder.table
    slow.log[-1] = Change(seq=3, network=C, kind="spam", present=True)  # another story than the one we were told
    await let()
    assert holder.table.kinds(C[0]) == ("spam",)  # as the snapshot and the log behind it have it
    assert holder.table.soa_serial > before.soa_serial
    assert holder.table.change_number(before.soa_serial) is None
    slow.rows = {(A, "relay"), (B, "relay"), (C, "spam")}
    await behind.step()
    assert holder.table.kinds(C[0]) == ("spam",)


async def test_a_store_that_is_restored_while_it_is_read_is_read_again(
    slow: Slow, behind: Feed, holder: Holder, let: Let
) -> None:
    slow.log[-1] = Change(seq=2, network=C, kind="relay", present=True)
    slow.rows = {(A, "relay"), (C, "relay")}
    await let()
    await behind.step()
    assert addresses(holder.table) == {A, C}
    assert slow.snapshots == 2


async def test_a_snapshot_that_breaks_off_is_a_problem_and_another_is_asked_for(
    slow: Slow, behind: Feed, holder: Holder, let: Let
) -> None:
    slow.failed = StoreUnavailable()
    await let()
    assert behind.problem == "the store cannot be asked: The database cannot be reached."
    slow.failed = None
    await behind.step()
    assert behind.problem == ""
    assert behind.counters["snapshots"] == 1
    assert addresses(holder.table) == {A, B}


async def test_what_only_a_snapshot_settles_stays_a_problem_while_the_next_one_is_read(
    slow: Slow, clock: HandClock, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "SMALL", 0)
    monkeypatch.setattr(module, "TURN", 30)
    put_on_disk(path, dumped(Table.of([(A, "relay"), (B, "relay")])))
    feed = Feed(slow, [], poll=0.2, path=path, clock=clock)
    await feed.load()
    slow.gate.set()
    await feed.step()
    assert "the store holds 0 listings, the table in service 2" in feed.problem
    slow.gate.clear()
    monkeypatch.setattr(module, "TURN", 0)
    slow.add(C)
    for _ in range(3):
        await feed.step()
    assert len(caplog.records) == 1
    assert addresses(feed.table) == {A, B, C}


async def test_the_end_waits_for_a_snapshot_that_is_read(behind: Feed, slow: Slow) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(behind.run(stop))
    stop.set()
    await asyncio.sleep(0)
    assert not running.done()
    slow.gate.set()
    await asyncio.wait_for(running, 10)
