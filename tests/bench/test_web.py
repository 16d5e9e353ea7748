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


def test_each_start_of_ours_has_the_goal() -> None:
    found = [Start("a", True, 0.3, 10.0, 1.0), Start("b", True, 0.301, 10.0, 1.0), Start("c", False, 1.0, 30.0, 3.0)]
    told = starts.told(found)
    assert [line.split("|")[-2].strip() for line in told[2:]] == ["met", "MISSED", "-"]


def test_what_is_not_ours_is_said_beside_the_goal() -> None:
    beneath = f"python -c '{starts.LIBRARIES[-1]}'"
    told = starts.told([Start("a", True, 0.3, 10.0, 1.0), Start(beneath, False, 0.25, 10.0, 1.0)])
    assert "take 0.250 s" in told[-1] and told[-1].endswith("the goal leaves ours 0.050 s.")
    assert starts.told([Start(beneath, False, 0.31, 10.0, 1.0)])[-1].endswith("here the goal is out of reach.")


def test_each_sort_of_question_is_asked_of_a_list_that_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "QUESTIONS", 4)
    monkeypatch.setattr(web, "BEFORE", 1)
    monkeypatch.setattr(web, "ROUNDS", 1)
    for name in ("LIBRARIES", "TABS", "WORDS", "WORK"):
        monkeypatch.setattr(starts, name, getattr(starts, name)[:1])
    found = starts.starts(tmp_path, 1)
    whose = [("dnsbl <Tab>", True), ("dnsbl --version", True), ("dnsbl check-config", True)]
    others = [(starts.BARE, False), (starts.SQL, False), (f"python -c '{starts.LIBRARIES[0]}'", False)]
    assert [(each.what, each.ours) for each in found] == others + whose
    assert found[0].times == 1 < min(each.times for each in found[1:])
    assert found[1].beside == 1
