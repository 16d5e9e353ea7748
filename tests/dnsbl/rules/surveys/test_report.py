"""Figures as text, CSV and one document."""

from __future__ import annotations

import csv
import io
import json

import pytest

from dnsbl.rules.surveys import report
from dnsbl.rules.surveys.records import Back, Sat
from dnsbl.rules.surveys.tally import SurveyTally, tally
from tests.dnsbl.rules.surveys.exhibits import HEAD, RECORDS, back

ONE = tally(HEAD, RECORDS)
TWO = tally(HEAD | {"name": "winter"}, RECORDS[:5])
TEXT = """\
Survey autumn, begun 2026-11-26T06:00:00Z, form S01
Authorized by Ann, 2026-11-01: all <of> it (leave.toml)
Tested in 4.2 s

Whom it is about
  targets                    12
  tested                     11   91.67 % of 12 targets
  left out: opted out         1    8.33 % of 12 targets

The mail port
  hosts found          10   90.91 % of 11 tested
  port open             8   80.00 % of 10 hosts found
  port closed           1   10.00 % of 10 hosts found
  port filtered         1   10.00 % of 10 hosts found
  nobody there          1    9.09 % of 11 tested

Where the test ended
  CONNECT: no connection, or no greeting            4   36.36 % of 11 tested
  EHLO: refused EHLO and HELO                       0    0.00 % of 11 tested
  MAIL: refused the sender                          0    0.00 % of 11 tested
  TO: refused the recipient                         1    9.09 % of 11 tested
  DATA: refused the text                            0    0.00 % of 11 tested
  QUIT: took the letter, and failed at QUIT         1    9.09 % of 11 tested
  OK: took the letter                               5   45.45 % of 11 tested

What became of the letters
  accepted                         6   75.00 % of 8 port open
  delivered                        2   33.33 % of 6 accepted
  bounced                          1   16.67 % of 6 accepted
  kept, as the server says         1   16.67 % of 6 accepted
  lost                             2   33.33 % of 6 accepted
  answered by a person             1   16.67 % of 6 accepted

Open relays: hosts whose letter came back
  open relays of all tested          2   18.18 % of 11 tested
  open relays of hosts found         2   20.00 % of 10 hosts found
  open relays of open ports          2   25.00 % of 8 port open

Open relays on other lists
  on another list         1   50.00 % of 2 open relays asked about
  on none                 0    0.00 % of 2 open relays asked about
  cannot be told          1   50.00 % of 2 open relays asked about

Outcomes
  ACCEPTED             6   54.55 % of 11 tested
  CONN_TIMEOUT         2   18.18 % of 11 tested
  BANNER_5XX           1    9.09 % of 11 tested
  CONN_REFUSED         1    9.09 % of 11 tested
  RCPT_5XX             1    9.09 % of 11 tested

Open relays, by software
  Exim 4.96                    1  100.00 % of 1 that greet so
  Sendmail 8.9.3/8.9.3         1  100.00 % of 1 that greet so

Software, by what it greets with
  not named                    5   62.50 % of 8 port open
  Exim 4.96                    1   12.50 % of 8 port open
  Postfix                      1   12.50 % of 8 port open
  Sendmail 8.9.3/8.9.3         1   12.50 % of 8 port open

Hosts that took the letter
  192.0.2.5  Sendmail 8.9.3/8.9.3, delivered, on a.test, b.test
  192.0.2.6  Exim 4.96, delivered, on no other list
  192.0.2.7  not named, bounced
  192.0.2.8  not named, lost
  192.0.2.9  not named, kept
  192.0.2.10  not named, lost

Nobody is listed by a survey: whoever is to be listed has to be nominated, with evidence."""
TREND = """\
Trend
                               autumn  midsummer
  open relays of all tested   18.18 %     0.00 %
  open relays of open ports   25.00 %     0.00 %
  letters accepted            54.55 %     0.00 %
  recipient refused            9.09 %    20.00 %
  no connection               36.36 %    80.00 %

Nobody is listed by a survey: whoever is to be listed has to be nominated, with evidence."""
HOSTS = """\
survey,address,software,letter,lists
autumn,192.0.2.5,Sendmail 8.9.3/8.9.3,delivered,a.test b.test
autumn,192.0.2.6,Exim 4.96,delivered,
autumn,192.0.2.7,not named,bounced,
autumn,192.0.2.8,not named,lost,
autumn,192.0.2.9,not named,kept,
autumn,192.0.2.10,not named,lost,
"""


def test_this_is_the_text_of_a_survey_with_its_hosts() -> None:
    assert report.text([ONE], hosts=True) == TEXT


def test_this_is_the_trend_of_two_surveys() -> None:
    longer = tally(HEAD | {"name": "midsummer"}, RECORDS[:6])
    assert report.text([ONE, longer]).endswith(f"\n\n{TREND}")


def test_what_is_not_on_record_is_not_said() -> None:
    assert report.text([SurveyTally(head={"name": "x"})]).splitlines()[:4] == [
        "Survey x, begun -, form -",
        "Tested in 0.0 s",
        "",
        "Whom it is about",
    ]
    allowed = {"who": "Ann", "when": "", "what": "all", "source": "leave.toml"}
    assert report.authorized(tally({"authorization": allowed}, [])) == "Authorized by Ann: all (leave.toml)"


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
    assert found["trends"][0]["what"] == "open relays of all tested"
    assert found["trends"][0]["values"][0] == {"count": 2, "of": 11, "percent": "18.18"}
    assert "trends" not in report.document([ONE])


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
    assert found["targets"][0] == {"what": "targets", "count": 12}
    assert report.document([tally(HEAD, [Sat(seconds=1.23456, tested=1)])])["surveys"][0]["seconds"] == 1.235
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
    lines = report.sheet([ONE, TWO]).splitlines()
    assert lines[:2] == ["survey,table,figure,count,of,percent,whole", "autumn,targets,targets,12,,,"]
    assert "winter,letters,delivered,0,0,-,accepted" in lines


def test_csv_of_hosts_has_a_line_for_each() -> None:
    assert report.sheet([ONE], hosts=True).replace("\r\n", "\n") == HOSTS


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x"])
def test_a_cell_that_a_spreadsheet_would_take_for_a_formula_is_text(name: str) -> None:
    formulas = tally(HEAD | {"name": name}, RECORDS)
    assert {line.split(",")[0] for line in report.sheet([formulas]).splitlines()[1:]} == {f"'{name}"}


def test_nothing_that_a_terminal_acts_on_is_printed() -> None:
    odd = tally(HEAD | {"name": "\x1b[2J\u202e", "authorization": {**HEAD["authorization"], "who": "\x07"}}, RECORDS)  # type: ignore[dict-item]
    lines = report.text([odd], hosts=True).splitlines()
    assert lines[0].startswith("Survey ?[2J?, begun")
    assert all(line.isprintable() for line in lines)
    assert report.text([tally({"name": "\u00e9"}, [])]).startswith("Survey ?, begun")


def test_where_nothing_at_all_came_back_the_text_says_what_to_look_at() -> None:
    silent = [record for record in RECORDS if not isinstance(record, Back)]
    assert f"\n\n{report.NONE_BACK}\n\n{report.NO_LISTING}" in report.text([tally(HEAD, silent)])
    assert report.NONE_BACK not in report.text([ONE])
    assert report.NONE_BACK not in report.text([tally(HEAD, [*silent, back(7, "BOUNCED")])])
    assert report.NONE_BACK not in report.text([tally(HEAD, RECORDS[:5])]), "no letter was taken"
