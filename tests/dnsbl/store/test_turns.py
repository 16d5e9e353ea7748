"""Turns at a file of SQLite: in order, for every process, and on the disk before a verb has ended."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event
from unittest.mock import Mock

import pytest

from dnsbl.clock import HandClock, SystemClock
from dnsbl.errors import StoreUnavailable, Trouble
from dnsbl.store import turns
from dnsbl.store.turns import Baton, Queue, Turns
from tests.waiting import until


class Here:
    """A file, this process's turns at it, and what was synced."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "a.db"
        self.turns = Turns(self.path, SystemClock(), 5.0)
        self.synced = 0
        with sqlite3.connect(self.path) as made:
            made.execute("PRAGMA journal_mode = WAL")
            made.execute("CREATE TABLE t (n)")
        self.kept = made  # so that the log stays

    def open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, check_same_thread=False)
        connection.isolation_level = None
        return connection

    def sync(self, opened: int) -> None:
        assert os.readlink(f"/proc/self/fd/{opened}") == f"{self.path}-wal"
        self.synced += 1


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Here]:
    made = Here(tmp_path)
    monkeypatch.setattr(turns.os, "fdatasync", made.sync)
    yield made
    made.kept.close()


def test_whoever_came_first_goes_first() -> None:
    queue, order = Queue(), list[int]()
    assert queue.take(1)
    with ThreadPoolExecutor(5) as pool:

        def one(number: int) -> None:
            assert queue.take(30)
            order.append(number)
            queue.leave()

        for number in range(5):
            pool.submit(one, number)
            asyncio.run(until(lambda number=number: len(queue._waiting) == number + 1))
        queue.leave()
    assert order == [0, 1, 2, 3, 4]
    assert queue.take(0), "it is free again"


def test_who_waits_too_long_gets_no_turn_and_holds_up_nobody(here: Here) -> None:
    hasty = Turns(here.path, SystemClock(), 0.01)
    with hasty.turn():
        with pytest.raises(StoreUnavailable) as raised, hasty.turn():
            raise AssertionError
        assert raised.value.trouble is Trouble.BUSY
    with hasty.turn():
        pass


@pytest.fixture
def log(tmp_path: Path) -> str:
    made = tmp_path / "a.db-wal"
    made.write_bytes(b"")
    return str(made)


def held(baton: Baton) -> bool:
    return baton._held is not None


def test_processes_have_the_baton_one_after_the_other(log: str) -> None:
    first, second = Baton(), Baton()
    first.take(log, 30)
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(second.take, log, 30)
        asyncio.run(until(lambda: second._asking is not None))
        assert held(first) and not held(second)
        first.leave()
        waits.result(30)
    assert held(second)
    second.leave()
    first.take(log, 0)
    assert held(first), "nobody is in the way"
    first.leave()


def test_who_waited_too_long_for_the_baton_does_not_keep_it_from_others(log: str) -> None:
    first, second, third = Baton(), Baton(), Baton()
    first.take(log, 30)
    second.take(log, 0)
    assert not held(second)
    first.leave()
    asyncio.run(until(lambda: second._asking is None))
    third.take(log, 0)
    assert held(third)
    third.leave()
    second.take(log, 0)
    assert held(second)
    second.leave()


def test_who_asks_again_while_his_thread_still_waits_gets_what_it_gets(log: str) -> None:
    first, second = Baton(), Baton()
    first.take(log, 30)
    second.take(log, 0)
    thread = second._asking
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(second.take, log, 30)
        asyncio.run(until(lambda: second._wanted))
        assert second._asking is thread
        first.leave()
        waits.result(30)
    assert held(second)
    second.leave()


def test_where_the_system_grants_no_thread_nobody_waits_and_the_next_one_is_asked_for_anew(
    log: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Baton(), Baton()
    first.take(log, 30)
    with monkeypatch.context() as broken:
        broken.setattr("dnsbl.store.turns.Thread.start", Mock(side_effect=RuntimeError("can't start new thread")))
        second.take(log, 30)
    assert not held(second)
    first.leave()
    second.take(log, 0)
    assert held(second)
    second.leave()


def test_a_child_that_was_forked_meanwhile_does_not_keep_the_baton(log: str) -> None:
    first, second = Baton(), Baton()
    first.take(log, 30)
    assert first._held is not None
    copy = os.dup(first._held)  # as a child has it
    first.leave()
    second.take(log, 0)
    assert held(second)
    second.leave()
    os.close(copy)


def test_without_a_log_there_is_no_baton_to_wait_for(tmp_path: Path) -> None:
    baton = Baton()
    baton.take(str(tmp_path / "none"), 30)
    assert not held(baton)
    baton.leave()


def test_the_baton_is_left_with_the_turn_whatever_becomes_of_it(here: Here) -> None:
    with suppress(ZeroDivisionError), here.turns.turn():
        here.turns.begin(here.open())
        assert held(here.turns._baton)
        raise ZeroDivisionError
    assert not held(here.turns._baton)


def test_a_writer_waits_for_another_process_and_then_begins(here: Here) -> None:
    other, mine, waits = here.open(), here.open(), Event()
    other.execute("BEGIN IMMEDIATE")
    here.turns._pause.wait = lambda _seconds: waits.set()  # type: ignore[assignment]
    with ThreadPoolExecutor(1) as pool:
        begun = pool.submit(here.turns.begin, mine)
        assert waits.wait(30)
        other.execute("COMMIT")
        begun.result(30)
    assert mine.in_transaction
    assert mine.execute("PRAGMA busy_timeout").fetchone() == (5000,)


def test_what_another_process_does_not_give_back_is_told_as_busy(here: Here) -> None:
    other, mine = here.open(), here.open()
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError) as raised:
        Turns(here.path, SystemClock(), 0.0).begin(mine)
    assert raised.value.sqlite_errorcode == sqlite3.SQLITE_BUSY


def test_a_process_that_has_had_the_turn_for_a_while_leaves_the_others_a_moment(here: Here) -> None:
    clock, mine, waited = HandClock(), here.open(), list[float]()
    own = Turns(here.path, clock, 5.0)
    own._pause.wait = lambda seconds: waited.append(seconds)  # type: ignore[assignment,func-returns-value]
    for _ in range(3):
        with own.turn():
            own.begin(mine)
            mine.execute("COMMIT")
            clock.turn(seconds=turns.SPELL / 2 + 0.001)
    assert waited == [turns.MOMENT]
    clock.turn(seconds=turns.MOMENT * 2)  # nobody wrote meanwhile: whoever waits has had his chance
    for _ in range(2):
        with own.turn():
            own.begin(mine)
            mine.execute("COMMIT")
    assert waited == [turns.MOMENT]


def test_a_turn_ends_on_the_disk_and_one_sync_serves_all_before_it(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    with here.turns.turn() as wrote:
        wrote()
        assert here.synced == 0
    assert here.synced == 1
    with here.turns.turn():
        pass
    assert here.synced == 1, "nothing was written"
    slow, go, calls = Event(), Event(), list[int]()

    def sync(opened: int) -> None:
        calls.append(opened)
        slow.set()
        assert go.wait(30)

    def one() -> None:
        with here.turns.turn() as wrote:
            wrote()

    monkeypatch.setattr(turns.os, "fdatasync", sync)
    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(one)]
        assert slow.wait(30)
        done += [pool.submit(one) for _ in range(3)]
        asyncio.run(until(lambda: here.turns._written == 5))
        go.set()
        for each in done:
            each.result(30)
    assert len(calls) == 2, "the first one's, and one for the three that had written meanwhile"


def test_the_log_of_a_file_behind_a_link_is_synced_where_it_is(here: Here, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "there" / "link.db"
    link.symlink_to(here.path)
    behind = Turns(link, SystemClock(), 5.0)
    with behind.turn() as wrote:
        wrote()
    assert here.synced == 1
    behind.settle()
    assert here.synced == 2


def test_the_log_is_found_again_where_its_folder_has_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("old", "other"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "a.db-wal").touch()
    (tmp_path / "here").symlink_to(tmp_path / "old")
    mine, synced = Turns(tmp_path / "here" / "a.db", SystemClock(), 5.0), list[str]()
    monkeypatch.setattr(turns.os, "fdatasync", lambda opened: synced.append(os.readlink(f"/proc/self/fd/{opened}")))
    mine.settle()
    (tmp_path / "old").rename(tmp_path / "new")
    (tmp_path / "here").unlink()
    (tmp_path / "here").symlink_to(tmp_path / "new")
    mine.settle()
    (tmp_path / "here").unlink()
    (tmp_path / "here").symlink_to(tmp_path / "other")
    assert mine.look() and not mine.look(), "as whoever connects does"
    mine.settle()
    assert synced == [f"{tmp_path}/{name}/a.db-wal" for name in ("old", "new", "other")]


def test_nothing_is_synced_for_what_was_taken_back(here: Here) -> None:
    def fail() -> None:
        with here.turns.turn() as wrote:
            wrote()
            raise ValueError

    with pytest.raises(ValueError):
        fail()
    assert here.synced == 0
    with here.turns.turn():
        pass


def test_a_disk_that_fails_is_told_and_a_log_that_is_gone_needs_no_sync(
    here: Here, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Turns(tmp_path / "b.db", SystemClock(), 1.0).settle()

    def fail(opened: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(turns.os, "fdatasync", fail)
    with pytest.raises(StoreUnavailable) as raised:
        here.turns.settle()
    assert raised.value.trouble is Trouble.FAILING
    for _ in range(2):
        with pytest.raises(StoreUnavailable), here.turns.turn() as wrote:
            wrote()
