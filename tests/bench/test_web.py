"""The bench of pages and look-ups: what it tells of figures, and a small run of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench import starts, web
from bench.filling import Filled
from bench.starts import Start
from bench.web import PageCost, WebFigures

RUN = WebFigures(
    machine="a machine",
    database="sqlite",
    filled=Filled(hosts=2, listings=100, entries=1000),
    filling=1.0,
    asked=[PageCost("page, unlisted", p50=5.0, p99=9.0, rate=190.0, cpu=4.0, octets=4000)],
    lookups=21_000.0,
    lookups_cpu=23_000.0,
)


def test_goals_are_met_or_missed_by_the_figures() -> None:
    assert "MISSED" not in web.told(RUN)
    slow = PageCost("page, long past", p50=5.0, p99=50.1, rate=10.0, cpu=4.0, octets=4000)
    assert "50.1 ms | MISSED |" in web.told(replace(RUN, asked=[*RUN.asked, slow]))
    assert "| 19,999 | MISSED |" in web.told(replace(RUN, lookups=19_999.0))


def test_a_start_has_a_goal_where_it_needs_words_alone() -> None:
    told = starts.told([Start("a", True, 0.3, 10.0), Start("b", True, 0.301, 10.0), Start("c", False, 1.0, 30.0)])
    assert [line.split("|")[-2].strip() for line in told[2:]] == ["met", "MISSED", "-"]


def test_each_sort_of_question_is_asked_of_a_list_that_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "QUESTIONS", 4)
    monkeypatch.setattr(web, "BEFORE", 1)
    monkeypatch.setattr(web, "ROUNDS", 1)
    monkeypatch.setattr(starts, "COMMANDS", (("--version", True),))
    found = web.measured(tmp_path, listings=400, journal=600)
    assert found.filled == Filled(hosts=8, listings=400, entries=600)
    assert {each.what for each in found.asked} >= {what for what, _ in web.questions(found.filled)} - {"statistics"}
    assert all(each.p99 >= each.p50 > 0 and each.octets > 100 for each in found.asked)
    assert found.lookups > 0
    assert "dnsbl --version" in web.told(found)


def test_every_program_is_started_and_costs_more_than_a_bare_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starts, "COMMANDS", (("--version", True), ("key list", False)))
    found = starts.starts(tmp_path, 1)
    assert [each.what for each in found] == [starts.BARE, starts.SQL, "dnsbl --version", "dnsbl key list"]
    assert found[0].times == 1 < min(each.times for each in found[1:])
