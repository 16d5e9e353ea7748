"""Counts as rows of figures, and shares as people round them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.errors import Damaged
from dnsbl.rules.surveys import figures
from dnsbl.rules.surveys.figures import percent, tables, trends
from dnsbl.rules.surveys.records import Host
from dnsbl.rules.surveys.tally import SurveyTally, tally
from tests.dnsbl.rules.surveys.exhibits import HEAD, RECORDS, back, host, letter


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


def test_these_are_the_figures_of_a_survey() -> None:
    population = {"lists": 2, "addresses": 9, "domains": 8, "with_address": 7, "sample": 5, "dropped": {"b": 1, "a": 2}}
    found = {
        (table.name, table.title): [(row.what, row.count, row.of, row.whole) for row in table.rows]
        for table in tables(tally(HEAD | {"population": population}, RECORDS))
    }
    asked, tested, there, accepted = (
        (2, "open relays asked about"),
        (11, "tested"),
        (10, "hosts found"),
        (6, "accepted"),
    )
    nothing, targets, open_ports, domains = (None, ""), (12, "targets"), (8, "port open"), (8, "mail domains")
    assert found == {
        ("targets", "Whom it is about"): [
            ("lists", 2, *nothing),
            ("addresses in them", 9, *nothing),
            ("mail domains", 8, *nothing),
            ("with an address", 7, *nothing),
            ("drawn", 5, *nothing),
            ("dropped: a", 2, *domains),
            ("dropped: b", 1, *domains),
            ("targets", 12, *nothing),
            ("tested", 11, *targets),
            ("left out: opted out", 1, *targets),
        ],
        ("ports", "The mail port"): [
            ("hosts found", 10, *tested),
            ("port open", 8, *there),
            ("port closed", 1, *there),
            ("port filtered", 1, *there),
            ("nobody there", 1, *tested),
        ],
        ("stages", "Where the test ended"): [
            ("CONNECT: no connection, or no greeting", 4, *tested),
            ("EHLO: refused EHLO and HELO", 0, *tested),
            ("MAIL: refused the sender", 0, *tested),
            ("TO: refused the recipient", 1, *tested),
            ("DATA: refused the text", 0, *tested),
            ("QUIT: took the letter, and failed at QUIT", 1, *tested),
            ("OK: took the letter", 5, *tested),
        ],
        ("letters", "What became of the letters"): [
            ("accepted", 6, *open_ports),
            ("delivered", 2, *accepted),
            ("bounced", 1, *accepted),
            ("kept, as the server says", 1, *accepted),
            ("lost", 2, *accepted),
            ("answered by a person", 1, *accepted),
        ],
        ("relays", "Open relays: hosts whose letter came back"): [
            ("open relays of all tested", 2, *tested),
            ("open relays of hosts found", 2, *there),
            ("open relays of open ports", 2, *open_ports),
        ],
        ("lists", "Open relays on other lists"): [
            ("on another list", 1, *asked),
            ("on none", 0, *asked),
            ("cannot be told", 1, *asked),
        ],
        ("outcomes", "Outcomes"): [
            ("ACCEPTED", 6, *tested),
            ("CONN_TIMEOUT", 2, *tested),
            ("BANNER_5XX", 1, *tested),
            ("CONN_REFUSED", 1, *tested),
            ("RCPT_5XX", 1, *tested),
        ],
        ("relaying", "Open relays, by software"): [
            ("Exim 4.96", 1, 1, "that greet so"),
            ("Sendmail 8.9.3/8.9.3", 1, 1, "that greet so"),
        ],
        ("software", "Software, by what it greets with"): [
            ("not named", 5, *open_ports),
            ("Exim 4.96", 1, *open_ports),
            ("Postfix", 1, *open_ports),
            ("Sendmail 8.9.3/8.9.3", 1, *open_ports),
        ],
    }


def test_where_no_list_was_asked_there_is_no_table_of_lists() -> None:
    assert "lists" not in {table.name for table in tables(tally(HEAD, RECORDS[:5]))}


def test_twenty_programs_are_shown_the_most_frequent_first_and_of_equal_ones_by_name() -> None:
    some = [record for n in range(40, 10, -1) for record in (letter(n), relay(n, n)) if n != 12]
    twice = [letter(12), relay(12, 15), letter(41), relay(41, 13), letter(42), relay(42, 13), letter(43), relay(43, 13)]
    found = {
        table.name: [(row.what, row.count) for row in table.rows]
        for table in tables(tally(HEAD, [*some, *twice, *(back(n, "DELIVERED_SAME") for n in range(11, 44))]))
    }
    first = [("Exim 4.13", 4), ("Exim 4.15", 2)]
    others = [(f"Exim 4.{n}", 1) for n in (11, 14, *range(16, 32))]
    assert found["relaying"] == first + others
    assert found["software"] == [*first, *others, ("all others", 9)]


def relay(number: int, version: int) -> Host:
    return host(number, "ACCEPTED", "OK", greeting=f"x Exim 4.{version}")


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
    third = tally(HEAD, RECORDS[:6])
    assert [(trend.what, [(row.what, row.count, row.whole) for row in trend.rows]) for trend in trends([third])] == [
        (what, [(what, count, whole)])
        for what, count, whole in (
            ("open relays of all tested", 0, "tested"),
            ("open relays of open ports", 0, "port open"),
            ("letters accepted", 0, "tested"),
            ("recipient refused", 1, "tested"),
            ("no connection", 4, "tested"),
        )
    ]
