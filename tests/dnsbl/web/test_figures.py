"""What the page of statistics shows: sentence, chart and table of one figure tell the same numbers."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from dnsbl.rules.statistics import Statistics
from dnsbl.vocabulary import Measure
from dnsbl.web.figures import Drawn, counted, figures, lead, median
from tester.vectors import CATALOGUE

LAST = date(2026, 11, 26)


def statistics(days: int = 30, **given: Any) -> Statistics:
    facts: dict[str, Any] = {
        "at": datetime(2026, 11, 26, 18, tzinfo=UTC),
        "late": False,
        "first": LAST - timedelta(days=days - 1),
        "last": LAST,
        "since": date(2025, 1, 1),
        "listed": {"relay": tuple(range(1000, 1000 + days)), "multihop": (7,) * days},
        "answers": {"": (100,) * (days - 1) + (5,), "relay": (3,) * days},
        "sums": {
            Measure.VERDICTS: {"CLOSED": 3710, "OPEN": 2164, "OPEN_MULTIHOP": 391, "UNREACHABLE": 350},
            Measure.CAUSES: {"networks-too-wide": 2000, "unknown": 164},
            Measure.FORMS: {form: 100 - n for n, form in enumerate(sorted(CATALOGUE)[:12])},
            Measure.SOFTWARE: {"postfix": 1000, "unknown": 1164},
            Measure.COUNTRIES: {"AT": 1200, "NO": 31, "CH": 7},
            Measure.REMOVED: {"1 h": 10, "1 d": 30, "later": 5},
            Measure.ENDED: {"retest-closed": 40, "expired": 5},
            Measure.DOORS: {"web": 6, "feed": 4},
            Measure.SHOWN: {"evidence": 7, "words": 3},
            Measure.TESTS: {"nomination": 9},
        },
    }
    return Statistics(**facts | given)


ZONES = {"relays.example.org": ["relay", "multihop"], "multi.example.org": ["multihop"]}


def of(seen: Statistics) -> dict[str, Drawn]:
    return {each.name: each for each in figures(seen, ZONES)}


def words(figure: Drawn) -> list[str]:
    return [node.text or "" for node in ET.fromstring(figure.chart).iter("text")]


def name(figure: Drawn) -> str:
    return ET.fromstring(figure.chart).attrib["aria-label"]


@pytest.mark.parametrize("figure", of(statistics()).values(), ids=list(of(statistics())))
def test_each_number_of_a_chart_and_of_its_name_is_one_of_its_table(figure: Drawn) -> None:
    told = {cell for row in figure.rows for cell in row[1:]}
    if figure.name == "forms":  # whose last bar is of several rows
        others = re.search(r"(\d+) others", " ".join(words(figure)))
        assert others
        told.add(f"{sum(int(row[1]) for row in figure.rows[-int(others[1]) :]):,}")
    drawn = [node.text or "" for node in ET.fromstring(figure.chart).iter("text") if node.attrib.get("class") == "v"]
    numbers = {each for text in drawn for each in re.findall(r"[\d,]*\d", text)}
    assert numbers <= told
    said = name(figure).partition(": ")[2].removesuffix("; the table has all.")
    largest = max((int(cell.replace(",", "")) for row in figure.rows for cell in row[1:2]), default=0)
    assert f"{largest:,}" in said


def test_the_lines_of_the_list_end_where_its_table_begins() -> None:
    figure = of(statistics())["listed"]
    assert figure.head == ("Day", "open relay", "input of a multi-hop relay")
    assert figure.rows[0] == ("26 Nov 2026", "1,029", "7")
    assert figure.rows[-1] == ("28 Oct 2026", "1,000", "7")
    assert {"open relay 1,029", "input of a multi-hop relay 7"} <= set(words(figure))
    assert "open relay 1,029 at the end, 1,029 at most" in name(figure)


def test_a_year_is_shown_week_by_week_and_its_flows_add_up() -> None:
    seen = statistics(364, answers={"relay": (2,) * 364})
    found = of(seen)
    assert len(found["listed"].rows) == 52
    assert found["listed"].rows[0][:2] == ("26 Nov 2026", "1,363")
    assert found["answers"].rows == (("open relay", "14", "14", "14", "728"),)


def test_more_kinds_than_a_picture_has_looks_go_together() -> None:
    seen = statistics(2, listed={f"k{n}": (10 - n, 10 - n) for n in range(6)})
    assert of(seen)["listed"].head == ("Day", "k0", "k1", "k2", "3 other kinds")
    assert of(seen)["listed"].rows[0] == ("26 Nov 2026", "10", "9", "8", "18")


def test_shares_are_of_all_and_the_sentence_tells_the_same_sum() -> None:
    figure = of(statistics())["verdicts"]
    assert figure.says == "Of 6,615 tests in 30 days, 2,555 found an open relay."
    assert figure.rows[0] == ("closed", "3,710", "56.1%")


def test_half_of_those_who_got_off_did_so_within_a_step() -> None:
    assert median({"1 h": 10, "1 d": 30, "later": 5}) == "1 d"
    assert median({"1 h": 1, "later": 1}) == "1 h"
    assert median({"later": 1}) == "later"
    assert median({}) == median({"1 h": 0}) == ""
    assert "half within a day" in of(statistics())["removal"].says


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        ((5, 8), "The list is growing: 8 entries now, 3 more than at the end of 25 Nov 2026."),
        ((5, 1), "The list is shrinking: 1 entry now, 4 fewer than at the end of 25 Nov 2026."),
        ((5, 5), "The list holds 5 entries now, as many as at the end of 25 Nov 2026."),
        ((0, 0), "The list holds 0 entries now, as many as at the end of 25 Nov 2026."),
    ],
)
def test_the_lead_says_how_the_list_does(levels: tuple[int, ...], said: str) -> None:
    assert lead(statistics(2, listed={"relay": levels}, sums={})) == said


def test_what_nobody_counts_has_no_figure_and_the_list_always_has() -> None:
    bare = statistics(listed={}, answers={"": (0,) * 30}, sums={Measure.VERDICTS: {"OPEN": 0}})
    assert list(of(bare)) == ["listed"]
    assert "Nothing has stood on the list." in of(bare)["listed"].says


def test_a_name_that_nobody_has_words_for_is_shown_as_it_is() -> None:
    seen = statistics(sums={Measure.ENDED: {"some-new-reason": 2}, Measure.COUNTRIES: {"AT": 1}})
    assert of(seen)["ended"].rows == (("some new reason", "2", "100.0%"),)
    assert of(seen)["countries"].rows == (("AT", "1", "100.0%"),)


def test_one_is_one_and_not_one_of_many() -> None:
    assert (counted(1, "test"), counted(1000, "test"), counted(2, "entry", "entries")) == (
        "1 test",
        "1,000 tests",
        "2 entries",
    )
