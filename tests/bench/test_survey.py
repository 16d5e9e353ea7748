"""The bench of surveys: what it asks of itself, from figures, and a small run of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench import fleet, survey
from bench.fleet import FIRST, Habit
from bench.studies import Ports


def row(what: str, who: str = "survey", **more: Any) -> dict[str, Any]:
    usual = {"what": what, "who": who, "targets": 1, "wall": 1.0, "testing": 1.0, "cpu": 1.0, "memory": 100 * 2**20}
    return usual | more


FIGURES = [row("start", cpu=0.5), row("range A", testing=6.0), row("silence", cpu=1.0), row("silence", "nmap", cpu=0.4)]
FIGURES += [row(f"{number} closed") for number in survey.MEMORY]


def test_goals_are_kept_or_missed_by_the_figures() -> None:
    assert set(survey.goals(FIGURES).values()) == {True}
    missed = [row("range A", testing=7.1), row("silence", cpu=1.8), row("100000 closed", memory=111 * 2**20)]
    assert set(survey.goals([*FIGURES, *missed]).values()) == {False}
    assert "MISSED" in survey.told({"processors": 2, "load": 0.1, "spent": [*FIGURES, *missed]})


def test_without_nmap_nothing_is_compared() -> None:
    assert len(survey.goals([one for one in FIGURES if one["who"] != "nmap"])) == 2


async def test_a_small_range_is_surveyed_and_what_it_took_is_told(tmp_path: Path) -> None:
    ports = Ports.free()
    plan = {FIRST + n: habit for n, habit in enumerate((Habit.ANY, Habit.CLOSED, Habit.REFUSING))}
    async with fleet.neighbourhood(plan, ports.mail, ports.collector):
        spent = await survey.surveyed("some", tmp_path, ports, str(FIRST), len(plan), 10)
    assert spent.targets == 3
    assert 0 < spent.testing < spent.wall
    assert spent.cpu > 0
    assert spent.memory > 2**20
