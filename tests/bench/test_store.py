"""The bench of the store: what it tells of figures, and a small run of it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bench import questions, store
from bench.cycles import Cycles, Player
from bench.filling import Filled
from bench.store import Play, SizeFigures, SlowFigures, StoreFigures
from dnsbl.store import Store
from dnsbl.vocabulary import State

ALONE = Play(1, 60.0, cpu=14.0, statements=50.0, longest=0.1, which="file_run", verbs={"take_job": 2.0})
TOGETHER = replace(ALONE, processes=4, rate=100.0)
SMALL = SizeFigures("postgresql", 10_000, Filled(500, 10_000, 10_000), 1.0, ALONE, TOGETHER, {"is_due": 0.5})
LARGE = replace(SMALL, rows=1_000_000, asked={"is_due": 1.0})


def test_goals_are_met_or_missed_by_the_figures_of_the_smallest_size() -> None:
    slow = replace(LARGE, alone=replace(ALONE, rate=1.0, cpu=99.0))
    assert "MISSED" not in store.told(StoreFigures("a machine", [SMALL, slow]))
    for worse in (
        replace(SMALL, together=replace(TOGETHER, rate=95.0)),
        replace(SMALL, alone=replace(ALONE, cpu=15.1)),
        replace(SMALL, together=replace(TOGETHER, longest=0.51)),
        replace(SMALL, database="sqlite", together=replace(TOGETHER, rate=89.0)),
    ):
        assert store.told(StoreFigures("a machine", [worse])).count("MISSED") == 1


def test_what_a_size_takes_stands_beside_the_smallest() -> None:
    assert "| is_due | 0.50 | 1.00 (2.0) |" in store.told(StoreFigures("a machine", [SMALL, LARGE]))


def test_processes_are_summed_and_the_longest_writer_of_all_is_told() -> None:
    one = Cycles(cycles=10, seconds=1.0, cpu=0.1, statements=500, slowest={"file_run": 0.2, "may_dial": 9.0})
    found = store.summed([one, replace(one, seconds=2.0, slowest={"take_job": 0.3})])
    assert (found.rate, found.cpu, found.statements) == (15.0, 10.0, 50.0)
    assert (found.longest, found.which) == (0.3, "take_job")


def test_what_so_many_cores_can_bear_at_most_is_told_where_that_is_less_than_the_goal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    alone = replace(SMALL.alone, rate=80.0, cpu=8.0, server=10.0)
    told = store.told(StoreFigures("a machine", [replace(SMALL, alone=alone)]))
    assert "keep 1.4 cores busy: 2 cores bear 1.39 times that at most" in told
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert "at most" not in store.told(StoreFigures("a machine", [replace(SMALL, alone=alone)]))


def test_a_small_run_asks_and_plays_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "QUESTIONS", 2)
    monkeypatch.setattr(store, "TOGETHER", 2)
    found = store.measured(f"sqlite:///{tmp_path}/a.db", 200, 0.2)
    assert found.alone.rate > 0 < found.together.rate
    assert {"nominate", "take_job", "file_letters", "file_session", "file_run"} <= set(found.together.verbs)
    assert min(found.asked.values()) > 0


def test_hosts_of_a_play_are_listed_found_closed_and_delisted(tmp_path: Path) -> None:
    opened = Store(f"sqlite:///{tmp_path}/a.db")
    opened.upgrade()
    player = Player(opened, "w", 0)
    for _ in range(3):
        player.cycle()
    assert player.done.kinds == {"nomination": 3, "removal": 1}
    listed = [player.state(number) for number in range(3)]
    assert listed == [State.CLEAR, State.CLEAR, State.LISTED]
    opened.close()


def test_what_four_processes_bring_is_told_by_how_long_the_disk_takes(tmp_path: Path) -> None:
    slow = SlowFigures(2.0, replace(ALONE, rate=20.0), replace(TOGETHER, rate=50.0))
    run = StoreFigures("a machine", [SMALL], [slow])
    assert "| 2 | 20.0 | 50.0 | 2.50 |" in store.told(run)
    (tmp_path / "run.json").write_text(json.dumps(asdict(run)))
    assert store.read_run(tmp_path / "run.json") == run


def test_an_earlier_run_is_read_again_and_told_beside(tmp_path: Path) -> None:
    earlier = StoreFigures("a machine", [replace(SMALL, alone=replace(ALONE, rate=17.25))])
    (tmp_path / "before.json").write_text(json.dumps(asdict(earlier)))
    assert store.read_run(tmp_path / "before.json") == earlier
    assert "| 17.2 |" in store.told(StoreFigures("a machine", [SMALL]), earlier)
    assert "| 17.2 |" not in store.told(StoreFigures("a machine", [SMALL]))
