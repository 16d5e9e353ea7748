"""How many answers were given, day by day: files beside the answering, and what the scheduler reads of them."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from dnsbl.clock import HandClock, day_of
from dnsbl.serving import answered as module
from dnsbl.serving.answered import FOLDER, Answered, AnsweredBook


class Filed:
    """What the scheduler was told; believes every day, unless told otherwise."""

    def __init__(self, *, believes: bool = True) -> None:
        self.told: list[tuple[str, dict[int, dict[str, int]]]] = []
        self.believes = believes

    def __call__(self, process: str, days: Mapping[int, Mapping[str, int]]) -> int:
        self.told.append((process, {day: dict(counts) for day, counts in days.items()}))
        return len(days) if self.believes else 0


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def files(folder: Path) -> list[Path]:
    return sorted((folder / FOLDER).glob("*.json"))


def test_what_was_answered_since_goes_under_the_day_that_it_is(tmp_path: Path, clock: HandClock) -> None:
    counts = {"relay": 3, "": 100}
    book, filed = AnsweredBook(lambda: counts, tmp_path, clock=clock), Filed()
    today = day_of(clock.now())
    book.step()
    counts.update({"relay": 5})
    clock.turn(days=1)
    book.step()
    assert Answered(tmp_path, filed).take() == 1
    assert filed.told[0][1] == {today: {"": 100, "relay": 3}, today + 1: {"relay": 2}}
    assert filed.told[0][0] == files(tmp_path)[0].stem


def test_nothing_is_left_while_nothing_is_answered(tmp_path: Path, clock: HandClock) -> None:
    AnsweredBook(lambda: {"": 0}, tmp_path, clock=clock).step()
    assert files(tmp_path) == []


def test_days_that_are_over_leave_the_file(tmp_path: Path, clock: HandClock) -> None:
    counts = {"": 1}
    book, filed = AnsweredBook(lambda: counts, tmp_path, clock=clock), Filed()
    for n in range(2, 6):
        book.step()
        counts[""] = n
        clock.turn(days=1)
    Answered(tmp_path, filed).take()
    assert sorted(filed.told[0][1]) == [day_of(clock.now()) - 2, day_of(clock.now()) - 1]


@pytest.mark.parametrize("days", [-400, -5, -1, 1, 2, 5, 400])
@pytest.mark.parametrize("ticks", [1, 5])
def test_what_is_answered_while_the_clock_is_wrong_for_a_while_goes_under_the_day_that_it_is(
    tmp_path: Path, clock: HandClock, days: int, ticks: int
) -> None:
    counts = {"relay": 1000}
    book, filed = AnsweredBook(lambda: counts, tmp_path, clock=clock), Filed()
    today = day_of(clock.now())
    book.step()
    clock.jump(days=days)
    for _ in range(ticks):
        counts["relay"] += 1
        book.step()
        clock.turn(seconds=module.EVERY)
    clock.jump(days=-days)
    counts["relay"] += 900
    book.step()
    Answered(tmp_path, filed).take()
    assert [told for _, told in filed.told] == [{today: {"relay": 1900 + ticks}}]


@pytest.mark.parametrize("days", [-5, 5])
def test_what_waited_is_left_when_the_clock_stays_set_or_the_process_ends(
    tmp_path: Path, clock: HandClock, days: int
) -> None:
    counts = {"relay": 1}
    book, filed = AnsweredBook(lambda: counts, tmp_path, clock=clock), Filed()
    clock.jump(days=days)
    book.step()
    assert files(tmp_path) == []
    clock.turn(seconds=module.LASTING)
    book.step()
    counts["relay"] = 3
    clock.jump(days=-days)
    book.step(last=True)
    Answered(tmp_path, filed).take()
    today = day_of(clock.now())
    told = [(day, found["relay"]) for _, each in filed.told for day, found in each.items()]
    assert sorted(told) == sorted([(today + days, 1), (today, 2)])


def test_a_clock_that_is_set_by_little_is_followed_at_once(tmp_path: Path, clock: HandClock) -> None:
    counts = {"relay": 1}
    book = AnsweredBook(lambda: counts, tmp_path, clock=clock)
    clock.jump(seconds=module.LEAP.total_seconds())
    book.step()
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("days", [-5, -1, 2, 5, 400])
def test_where_the_clock_has_leapt_another_file_begins_and_what_was_told_stands(
    tmp_path: Path, clock: HandClock, days: int
) -> None:
    counts = {"relay": 1000}
    book, filed = AnsweredBook(lambda: counts, tmp_path, clock=clock), Filed()
    today = day_of(clock.now())
    for number, leap in [(1001, days), (1901, -days), (1905, 0)]:
        book.step()
        counts["relay"] = number
        clock.jump(days=leap)
        book.step()
        clock.turn(seconds=module.LASTING)
    book.step()
    Answered(tmp_path, filed).take()
    told = [(day, found["relay"]) for _, each in filed.told for day, found in each.items()]
    assert sorted(told) == sorted([(today, 1000), (today + days, 1), (today, 904)])


def test_a_clock_that_leaps_to_and_fro_leaves_no_more_files_than_are_kept(
    tmp_path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FILES", 4)
    counts = {"relay": 0}
    book = AnsweredBook(lambda: counts, tmp_path, clock=clock)
    for n in range(10):
        counts["relay"] += 1
        clock.jump(days=5 if n % 2 else -5)
        book.step()
        clock.turn(seconds=module.LASTING)
        book.step()
    assert len(files(tmp_path)) == 4


def test_counts_that_fall_are_a_beginning_and_no_debt(tmp_path: Path, clock: HandClock) -> None:
    counts = {"relay": 10}
    book, filed = AnsweredBook(lambda: counts, tmp_path, clock=clock), Filed()
    book.step()
    counts["relay"] = 2
    book.step()
    counts["relay"] = 5
    book.step()
    Answered(tmp_path, filed).take()
    assert filed.told[0][1] == {day_of(clock.now()): {"relay": 13}}


def test_a_file_is_read_again_when_it_has_changed_and_only_then(tmp_path: Path, clock: HandClock) -> None:
    counts = {"relay": 1}
    book, filed = AnsweredBook(lambda: counts, tmp_path, clock=clock), Filed()
    taker = Answered(tmp_path, filed)
    book.step()
    assert (taker.take(), taker.take()) == (1, 0)
    counts["relay"] = 2
    book.step()
    os.utime(files(tmp_path)[0], ns=(1, 1))
    assert taker.take() == 1
    assert [days[day_of(clock.now())]["relay"] for _, days in filed.told] == [1, 2]


def test_a_file_of_days_that_nobody_believes_goes(tmp_path: Path, clock: HandClock) -> None:
    AnsweredBook(lambda: {"relay": 1}, tmp_path, clock=clock).step()
    assert Answered(tmp_path, Filed(believes=False)).take() == 0
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "written",
    [
        b"",
        b"{",
        b"[]",
        b'{"days": []}',
        b'{"days": {"x": {"relay": 1}}}',
        b'{"days": {"1": {"relay": -1}}}',
        b'{"days": {"1": {"relay": 1.5}}}',
        b'{"days": {"1": {"relay": true}}}',
        b'{"days": {"1": {"relay": 99999999999999999999999}}}',
        b'{"days": {"1": 5}}',
        b"\xff\xfe",
        b" " * (module.OCTETS + 1),
    ],
)
def test_a_file_that_is_not_ours_goes_with_a_word(
    tmp_path: Path, written: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "a.json").write_bytes(written)
    filed = Filed()
    assert Answered(tmp_path, filed).take() == 0
    assert (filed.told, files(tmp_path)) == ([], [])
    assert "is let go" in caplog.text


def test_no_file_makes_more_kinds_than_are_read(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    counts = {f"{n:04}" + "x" * 100: 1 for n in range(1000)}
    (tmp_path / FOLDER / "a.json").write_text(json.dumps({"days": {"1": counts}}))
    filed = Filed()
    Answered(tmp_path, filed).take()
    assert len(filed.told[0][1][1]) == module.KINDS
    assert max(map(len, filed.told[0][1][1])) == 60


def test_a_folder_that_cannot_be_written_is_said_once_and_answers_count_on(
    tmp_path: Path, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FOLDER).write_text("a file where the folder should be")
    counts = {"relay": 1}
    book = AnsweredBook(lambda: counts, tmp_path, clock=clock)
    with caplog.at_level(logging.WARNING):
        book.step()
        counts["relay"] = 2
        book.step()
    assert book.problem.startswith(str(tmp_path / FOLDER))
    assert len(caplog.records) == 1
    (tmp_path / FOLDER).unlink()
    counts["relay"] = 3
    book.step()
    filed = Filed()
    Answered(tmp_path, filed).take()
    assert (filed.told[0][1], book.problem) == ({day_of(clock.now()): {"relay": 3}}, "")


async def test_what_is_left_when_it_ends_is_all_and_old_files_make_room(tmp_path: Path, clock: HandClock) -> None:
    (tmp_path / FOLDER).mkdir()
    for n in range(module.FILES + 20):
        (tmp_path / FOLDER / f"{n:04}.json").write_text("{}")
        os.utime(tmp_path / FOLDER / f"{n:04}.json", (n, n))
    stop = asyncio.Event()
    stop.set()
    book = AnsweredBook(lambda: {"relay": 1}, tmp_path, clock=clock)
    running = asyncio.create_task(book.run(stop))
    await asyncio.wait_for(running, 20)
    assert len(files(tmp_path)) <= module.FILES
    assert not (tmp_path / FOLDER / "0000.json").exists()
