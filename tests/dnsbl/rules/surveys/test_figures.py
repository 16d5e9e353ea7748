"""Counts as rows of figures, and shares as people round them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.errors import Damaged
from dnsbl.rules.surveys import figures
from dnsbl.rules.surveys.figures import percent, tables, trends
from dnsbl.rules.surveys.tally import SurveyTally, tally
from tests.dnsbl.rules.surveys.exhibits import HEAD, RECORDS, host


@pytest.mark.parametrize(
    ("part", "whole", "digits", "text"),
    [
        (5, 253, 2, "1.98"),
        (6, 26, 2, "23.08"),
        (128, 517, 2, "24.76"),
        (2, 128, 2, "1.56"),
        (1, 8, 2, "12.50"),
        (1, 200, 0, "1"),
        (1, 201, 0, "0"),
        (0, 5, 2, "0.00"),
        (5, 5, 1, "100.0"),
        (0, 0, 2, "-"),
        (1, 100_000, 2, "0.00"),
    ],
)
def test_a_share_is_rounded_half_up(part: int, whole: int, digits: int, text: str) -> None:
    assert percent(part, whole, digits) == text


@given(st.integers(1, 10**9).flatmap(lambda whole: st.tuples(st.integers(0, whole), st.just(whole))), st.integers(0, 4))
def test_no_binary_fraction_takes_part(of: tuple[int, int], digits: int) -> None:
    exact = Decimal(100) * of[0] / of[1]
    assert percent(*of, digits) == str(exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def test_every_row_of_a_share_has_its_denominator_and_its_words() -> None:
    for table in tables(tally(HEAD, RECORDS)):
        for row in table.rows:
            assert (row.of is None) == (row.whole == "")
            assert row.of is None or 0 <= row.count <= row.of


def test_tables_tell_what_was_counted() -> None:
    found = {
        table.name: {row.what: (row.count, row.of) for row in table.rows} for table in tables(tally(HEAD, RECORDS))
    }
    assert found["targets"] == {"targets": (12, None), "tested": (11, 12), "left out: opted out": (1, 12)}
    assert found["ports"]["port filtered"] == (1, 10)
    assert found["stages"]["TO: refused the recipient"] == (1, 11)
    assert found["letters"]["delivered"] == (2, 6)
    assert found["relays"]["open relays of open ports"] == (2, 8)
    assert found["lists"] == {"on another list": (1, 2), "on none": (0, 2), "cannot be told": (1, 2)}
    assert found["relaying"] == {"Exim 4.96": (1, 1), "Sendmail 8.9.3/8.9.3": (1, 1)}
    assert found["software"]["Postfix"] == (1, 8)


def test_a_population_is_told_with_what_was_dropped() -> None:
    head = HEAD | {
        "population": {
            "lists": 2,
            "addresses": 9,
            "domains": 8,
            "with_address": 7,
            "sample": 5,
            "dropped": {"no address": 1},
        }
    }
    rows = {row.what: (row.count, row.of) for row in tables(tally(head, RECORDS))[0].rows}
    assert (rows["mail domains"], rows["drawn"], rows["dropped: no address"]) == ((8, None), (5, None), (1, 8))


def test_stages_that_do_not_add_up_are_a_fault_of_ours() -> None:
    broken = tally(HEAD, RECORDS)
    broken.stages["TO"] += 1
    with pytest.raises(Damaged, match="add up to 12 of 11"):
        tables(broken)
    with pytest.raises(Damaged):
        tables(tally(HEAD, [host(1, "ACCEPTED", "")]))


def test_all_programs_beyond_the_first_are_one_row() -> None:
    some = [host(n, "RCPT_5XX", "TO", greeting=f"x Exim 4.{n}") for n in range(figures.MOST_SHOWN + 9)]
    rows = next(table.rows for table in tables(tally(HEAD, some)) if table.name == "software")
    assert (rows[-1].what, rows[-1].count, len(rows)) == ("all others", 9, figures.MOST_SHOWN + 1)


def test_a_survey_without_hosts_has_figures_without_shares() -> None:
    assert {row.share for table in tables(SurveyTally(head={})) for row in table.rows} == {"", "-"}


def test_a_trend_has_a_row_for_each_survey_in_their_order() -> None:
    first, second = tally(HEAD, RECORDS), tally(HEAD, RECORDS[:5])
    found = {trend.what: [(row.count, row.of) for row in trend.rows] for trend in trends([first, second])}
    assert found["open relays of all tested"] == [(2, 11), (0, 4)]
    assert found["no connection"] == [(4, 11), (4, 4)]
