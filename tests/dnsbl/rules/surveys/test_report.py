"""Figures as text, CSV and one document."""

from __future__ import annotations

import csv
import io
import json

from dnsbl.rules.surveys import report
from dnsbl.rules.surveys.records import Back
from dnsbl.rules.surveys.tally import tally
from tests.dnsbl.rules.surveys.exhibits import HEAD, RECORDS

ONE = tally(HEAD, RECORDS)
TWO = tally(HEAD | {"name": "winter"}, RECORDS[:5])


def test_text_tells_each_share_with_numerator_and_denominator() -> None:
    lines = report.text([ONE]).splitlines()
    (line,) = [line for line in lines if line.startswith("  delivered ")]
    assert line.split(maxsplit=2)[1:] == ["2", "33.33 % of 6 accepted"]
    assert "Authorized by Ann, 2026-11-01: all <of> it (leave.toml)" in lines
    assert lines[-1] == report.NO_LISTING


def test_several_surveys_have_a_trend() -> None:
    assert "Trend" not in report.text([ONE])
    lines = report.text([ONE, TWO]).splitlines()
    row = next(line for line in lines if line.startswith("  no connection"))
    assert row.split() == ["no", "connection", "36.36", "%", "100.00", "%"]
    found = report.document([ONE, TWO])
    assert found["trends"][0]["values"][0] == {"count": 2, "of": 11, "percent": "18.18"}


def test_hosts_are_named_only_where_they_are_asked_for() -> None:
    for told in (report.text([ONE]), report.sheet([ONE]), json.dumps(report.document([ONE]))):
        assert "192.0.2." not in told
    hosts = report.document([ONE], hosts=True)["surveys"][0]["hosts"]
    assert hosts[0] == {
        "address": "192.0.2.5",
        "software": "Sendmail 8.9.3/8.9.3",
        "letter": "delivered",
        "lists": ["a.test", "b.test"],
    }
    assert [host["letter"] for host in hosts] == ["delivered", "delivered", "bounced", "lost", "kept", "lost"]
    assert "  192.0.2.5  Sendmail 8.9.3/8.9.3, delivered, on a.test, b.test" in report.text([ONE], hosts=True)
    assert "192.0.2.6,Exim 4.96,delivered," in report.sheet([ONE], hosts=True)


def test_a_document_has_the_head_and_every_table() -> None:
    (found,) = json.loads(json.dumps(report.document([ONE])))["surveys"]
    assert found["authorization"]["who"] == "Ann"
    assert found["stages"][-1] == {
        "what": "OK: took the letter",
        "count": 5,
        "of": 11,
        "percent": "45.45",
        "whole": "tested",
    }


def test_csv_has_a_line_for_each_figure_of_each_survey() -> None:
    rows = list(csv.DictReader(io.StringIO(report.sheet([ONE, TWO]))))
    assert {row["survey"] for row in rows} == {"autumn", "winter"}
    (row,) = [row for row in rows if row["figure"] == "delivered" and row["survey"] == "autumn"]
    assert (row["table"], row["count"], row["of"], row["percent"]) == ("letters", "2", "6", "33.33")


def test_a_cell_that_a_spreadsheet_would_take_for_a_formula_is_text() -> None:
    formulas = tally(HEAD | {"name": "=1+1"}, RECORDS)
    assert {line.split(",")[0] for line in report.sheet([formulas]).splitlines()[1:]} == {"'=1+1"}


def test_nothing_that_a_terminal_acts_on_is_printed() -> None:
    odd = tally(HEAD | {"name": "\x1b[2J\u202e", "authorization": {**HEAD["authorization"], "who": "\x07"}}, RECORDS)  # type: ignore[dict-item]
    assert all(line.isprintable() for line in report.text([odd], hosts=True).splitlines())


def test_where_nothing_at_all_came_back_the_text_says_what_to_look_at() -> None:
    silent = [record for record in RECORDS if not isinstance(record, Back)]
    assert report.NONE_BACK in report.text([tally(HEAD, silent)])
    assert report.NONE_BACK not in report.text([ONE])
    assert report.NONE_BACK not in report.text([tally(HEAD, RECORDS[:5])]), "no letter was taken"
