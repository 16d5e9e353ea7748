"""Who is up, and who is down since when and why; and when a part is tried again."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest

from dnsbl.clock import HandClock
from dnsbl.health import HALTED, PAUSES, STEADY, WHY_MOST, Backoff, Board, Health


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def board(clock: HandClock) -> Board:
    return Board(clock)


def test_a_part_is_up_or_down_since_that_became_so(board: Board, clock: HandClock) -> None:
    began = clock.now()
    board.begun("worker")
    clock.turn(hours=1)
    board.well("worker")
    assert board.ours() == [Health(part="worker", up=True, since=began, why="", begun=1)]
    board.down("worker", "the disk is full")
    fell = clock.now()
    clock.turn(minutes=1)
    board.down("worker", "the disk gives errors")
    [worker] = board.ours()
    assert (worker.up, worker.since, worker.why, worker.begun) == (False, fell, "the disk gives errors", 1)
    assert worker.sentence == "worker is down since 2026-01-01 01:00:00 UTC: the disk gives errors"
    board.begun("worker")
    [worker] = board.ours()
    assert (worker.up, worker.since, worker.why, worker.begun) == (True, clock.now(), "", 2)


def test_what_waits_for_a_word_is_told_of_a_part_that_is_up(board: Board) -> None:
    board.begun("scheduler")
    board.well("scheduler", "an operator must say so")
    [scheduler] = board.ours()
    assert (scheduler.up, scheduler.why) == (True, "an operator must say so")
    board.well("scheduler")
    assert board.ours()[0].why == ""


def test_a_reason_is_one_short_line_and_never_missing_where_something_is_down(board: Board) -> None:
    board.down("web", "two\nlines  and " + "x" * 1000)
    why = board.ours()[0].why
    assert why.startswith("two lines and xx")
    assert len(why) == WHY_MOST
    assert Health.of(board.ours()[0].row()) == board.ours()[0]


def test_only_news_is_told_and_in_the_thread_that_brings_it(board: Board) -> None:
    told: list[int] = []
    board.changed = lambda: told.append(threading.get_ident())
    board.begun("feed")
    for _ in range(3):
        board.well("feed")
        board.down("feed", "away")
        board.down("feed", "away")
    assert len(told) == 6
    assert set(told) == {threading.get_ident()}


def test_the_board_knows_of_the_processes_beside_it_what_it_is_told(board: Board, clock: HandClock) -> None:
    board.begun("web")
    other = Health(part="dns", up=False, since=clock.now() - timedelta(hours=1), why="it was killed", begun=3)
    board.beside([Health.of(json.loads(json.dumps(other.row())))])
    assert board.all() == [*board.ours(), other]
    board.beside([])
    assert board.all() == board.ours()


@pytest.mark.parametrize(
    "row", [{}, [], None, {"part": "x", "up": True, "since": "now", "why": "", "begun": 1}, {"part": "x", "since": 7}]
)
def test_what_is_no_row_is_refused(row: object) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Health.of(row)  # type: ignore[arg-type]


def test_pauses_grow_up_to_a_bound_and_begin_anew_after_a_steady_time() -> None:
    backoff = Backoff()
    assert [backoff.after(1.0) for _ in PAUSES] == list(PAUSES)
    assert [backoff.after(1.0) for _ in range(5)] == [PAUSES[-1]] * 5
    assert backoff.after(STEADY) == PAUSES[0]
    assert backoff.after(STEADY - 1) == PAUSES[1]
    assert max(PAUSES) <= 60


def test_a_trouble_is_told_by_its_part_and_an_operators_stop_of_a_worker_as_that(board: Board) -> None:
    board.well("worker", "An operator has stopped testing on this machine.")
    board.well("zones", "They wait for a word.")
    board.down("store", "the disk is full")
    assert [part.trouble for part in board.ours()] == [HALTED, "", "store"]
    board.down("worker", "it has no keys")
    assert [part.trouble for part in board.ours()] == ["worker", "", "store"]
    board.well("worker")
    assert board.ours()[0].trouble == ""
