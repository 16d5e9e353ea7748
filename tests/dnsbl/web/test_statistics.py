"""/statistics and its numbers for programs: one snapshot, for people and for programs."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import event

from dnsbl.clock import day_of
from dnsbl.web.statistics import SPANS
from tester.smtp import Outcome
from tests.dnsbl.web.asking import Build, problem
from tests.dnsbl.web.conftest import TARGET


def test_a_list_of_which_nothing_is_known_says_so_calmly(house: Build) -> None:
    visitor = house().visitor()
    page = visitor.get("/statistics").text
    assert "There is nothing to count yet." in page
    assert "<svg height" not in page
    told = visitor.get("/api/v1/statistics").json()
    assert (told["since"], told["listed"], told["verdicts"]) == (None, {}, {})
    assert len(told["days"]) == 30


def test_what_was_counted_is_shown_and_told_alike(house: Build) -> None:
    home = house()
    home.list()
    home.office.nominate("198.18.7.10")
    home.test(outcome=Outcome.RCPT_5XX, reply="550 no")
    home.casework.counting.file_answers("one", {day_of(home.office.clock.now()): {"": 1234, "relay": 5}})
    assert home.visitor().get("/api/v1/statistics").json()["listed"] == {}, "nobody has counted"
    home.casework.counting.count()
    told = home.visitor().get("/api/v1/statistics", params={"days": 2}).json()
    assert told["listed"] == {"relay": [1]}
    assert told["zones"] == {"relays.example.org": 1}
    assert told["answers"] == {"": [1234], "relay": [5]}
    assert sum(told["verdicts"].values()) == sum(told["tests"].values()) == 2
    assert sum(told["causes"].values()) == sum(told["forms"].values()) == told["verdicts"]["OPEN"] == 1
    assert told["late"] is False
    page = home.visitor().get("/statistics").text
    assert "The list holds 1 entry now. Counts began today." in page
    assert "there is a chart from the second day on" in page and "at the end of" not in page
    assert "Of 2 tests in 1 day, 1 found an open relay." in page
    assert "1,234 now, most 1,234" in page
    assert re.search(r"As of <time[^>]*>1 January 2026", page)


def test_the_counts_are_of_when_they_were_counted_and_say_when_that_is_long_ago(house: Build) -> None:
    home = house()
    home.list()
    home.casework.counting.count()
    before = home.visitor().get("/api/v1/statistics").json()
    home.office.later(hours=2)
    home.list("198.18.7.10")
    after = home.visitor().get("/api/v1/statistics").json()
    assert after == before | {"late": True}
    assert "older than it should be" in home.visitor().get("/statistics").text


@pytest.mark.parametrize("span", ["", "month", "year", "nonsense", "9" * 5000, "<script>"])
def test_a_span_is_one_of_two(house: Build, span: str) -> None:
    home = house()
    home.list()
    home.office.later(days=400)
    home.office.nominate("198.18.7.10")
    home.casework.counting.count()
    answer = home.visitor().get("/statistics", params={"span": span})
    assert answer.status_code == 200
    assert answer.text.count('aria-current="true"') == 1
    days = SPANS["year" if span == "year" else "month"]
    assert f"in {days} days" in answer.text
    assert "<script" not in answer.text


def test_no_day_is_shown_of_which_nothing_is_known(house: Build) -> None:
    home = house()
    home.list()
    home.office.later(days=3)
    home.casework.counting.count()
    assert home.visitor().get("/api/v1/statistics").json()["days"] == [f"2026-01-0{n}" for n in range(1, 5)]


@pytest.mark.parametrize("days", ["0", "367", "-1", "x", "1e9", "9" * 400])
def test_other_days_than_a_year_s_are_a_problem(house: Build, days: str) -> None:
    problem(house().visitor().get("/api/v1/statistics", params={"days": days}), 422, "malformed-request")


def test_the_page_has_a_name_and_a_table_for_each_chart_and_no_address(house: Build) -> None:
    home = house()
    home.list()
    home.office.later(days=1)
    home.casework.counting.count()
    page = home.visitor().get("/statistics").text
    assert page.count('role="img" aria-label="') == page.count("The numbers as a table") >= 5
    assert TARGET not in page
    assert not re.search(r"\sstyle=|<script|\son\w+=", page)
    assert home.visitor().head("/statistics").status_code == 200


def test_a_page_reads_no_log_but_its_end_which_the_clock_is_held_against(
    house: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = house()
    home.list()
    home.casework.counting.count()
    said: list[str] = []
    engine = home.office.store.engine

    def heard(connection, cursor, statement: str, *rest: object) -> None:
        said.append(statement)

    event.listen(engine, "before_cursor_execute", heard)
    try:
        home.casework.presence.reckon()
        clock = set(said)
        home.visitor().get("/statistics", params={"span": "year"})
        home.visitor().get("/zones")
    finally:
        event.remove(engine, "before_cursor_execute", heard)
    read = set(re.findall(r"FROM (\w+)", " ".join(set(said) - clock)))
    assert "statistics" in read
    assert read <= {"statistics", "counted"}


def test_the_answer_may_be_kept_for_a_minute(house: Build) -> None:
    visitor = house().visitor()
    for path in ("/statistics", "/api/v1/statistics"):
        assert visitor.get(path).headers["cache-control"] == "public, max-age=60"


def test_the_document_says_what_each_number_is(house: Build) -> None:
    shapes = house().visitor().get("/api/v1/openapi.json").json()["components"]["schemas"]
    fields = shapes["StatisticsShape"]["properties"]
    assert all("description" in field for field in fields.values())
