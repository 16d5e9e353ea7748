"""`dnsbl statistics`: the counts that the scheduler keeps, for people and for programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from dnsbl.opened import open_list
from tests.dnsbl.cli.conftest import Run


def counted(tmp_path: Path) -> None:
    """What the scheduler does while a list runs."""
    assert open_list(tmp_path / "config.toml").casework.counting.count() > 0


def test_a_list_that_nobody_has_counted_says_so(run: Run) -> None:
    assert run("statistics", plain=True).startswith("Nothing has been counted yet")
    assert run("statistics")["since"] is None


def test_the_numbers_are_those_of_the_store_for_people_and_programs(run: Run, tmp_path: Path) -> None:
    run("listing", "add", "8.8.8.0/24", "--reason", "x")
    run("listing", "add", "8.8.4.4", "--reason", "x")
    run("listing", "drop", "8.8.4.4", "--reason", "x")
    assert run("statistics")["listed"] == {}
    counted(tmp_path)
    found = run("statistics", "--days", "2")
    assert (found["listed"], found["ended"], len(found["days"])) == ({"manual": [1]}, {"operator": 1}, 1)
    screen = run("statistics", plain=True)
    for line in (
        "1 day up to ",
        "counts began today",
        "on the list now:",
        "  manual  1\n",
        "listings ended by reason:",
        "  operator  1",
    ):
        assert line in screen


@pytest.mark.parametrize("days", ["0", "367", "x"])
def test_other_days_than_a_year_s_are_a_mistake_of_usage(run: Run, days: str) -> None:
    run("statistics", "--days", days, code=2)
