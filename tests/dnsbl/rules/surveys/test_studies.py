"""What two papers printed: their slips, all of them and no other, and a survey beside them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from dnsbl.errors import DnsblError
from dnsbl.rules.surveys import studies
from dnsbl.rules.surveys.records import Host, ListedElsewhere, Record
from dnsbl.rules.surveys.studies import Beside, beside, papers, slips, unexplained
from dnsbl.rules.surveys.tally import SurveyTally, tally
from tests.dnsbl.rules.surveys.exhibits import back, host, letter

DOCUMENT = Path(__file__).resolve().parents[4] / "docs" / "studies.md"
#: The papers' own slips, by the figure that shows them. Nothing else in them contradicts itself.
KNOWN = {
    ("imc-1998-01", "lost"),
    ("imc-1998-01", "no connection"),
    ("imc-1998-07", "sum"),
    ("imc-1998-07", "lost"),
    ("imc-1998-07", "no connection"),
    ("imc-1998-07", "summary"),
    ("imc-1999-07", "sum"),
    ("imc-1999-07", "lost"),
    ("imc-1999-07", "summary"),
    ("imc", "twice"),
    ("m5-a", "scanned"),
    ("m5-a", "relays_of_hosts"),
    ("m5-b", "scanned"),
    ("m5-b", "successful"),
    ("m5-b", "relays_of_open"),
    ("m5-b", "conclusion"),
    ("m5-c", "open_of_hosts"),
    ("m5-c", "tested"),
    ("m5", "scanned together"),
}


def test_exactly_the_papers_own_slips_are_found() -> None:
    assert {(slip.study, slip.about) for slip in slips()} == KNOWN
    assert len(slips()) == len(KNOWN)


def test_each_slip_says_what_the_figure_should_be() -> None:
    words = {(slip.study, slip.about): slip.words for slip in slips()}
    assert "2816" in words["m5-a", "scanned"]
    assert words["m5-c", "open_of_hosts"].endswith("which is 24.76 %: the figure of M5, range A.")
    assert words["m5-a", "relays_of_hosts"].endswith("which is 1.98 %: cut, not rounded.")
    assert "TO in IMC, January 1998 and delivered in IMC, July 1998" in words["imc", "twice"]
    assert "190 hosts" in words["m5-c", "tested"]
    assert words["imc-1998-07", "sum"].endswith("the host that failed at QUIT stands in the text alone.")
    assert words["imc-1999-07", "sum"].endswith("of 1 nothing is said.")


def corrected() -> dict[str, Any]:
    """The papers as they should read, as far as reckoning can tell."""
    right: dict[str, Any] = {name: dict(copy.deepcopy(paper)) for name, paper in papers().items()}
    for name in ("imc-1998-01", "imc-1998-07", "imc-1999-07"):
        paper = right[name]
        paper["stages"]["OK"] = paper["delivered"] + paper["bounced"]
        paper["stages"]["CONNECT"] = 25
        paper["stages"]["TO"] = paper["sample"] - sum(paper["stages"].values()) + paper["stages"]["TO"]
        if "summary" in paper:
            paper["summary"] = studies.percent(paper["stages"]["OK"], paper["sample"], 0)
    right["m5-a"] |= {"scanned": 2816, "non_relays": 2810, "relays_of_hosts": "1.98"}
    right["m5-b"] |= {"scanned": 2816, "non_relays": 2806, "successful": 6, "relays_of_open": "23.08", "conclusion": 6}
    right["m5-c"] |= {"open_of_hosts": "24.76"}
    del right["m5-c"]["tested"]
    return right


def test_a_paper_without_slips_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studies, "together", lambda: {"scanned_together": 5632})
    assert slips(corrected()) == []


@pytest.mark.parametrize(
    ("study", "figure", "value", "about"),
    [
        ("m5-a", "open_relays", 7, {"non_relays", "open_relays"}),
        ("m5-a", "closed", 233, {"hosts"}),
        ("m5-a", "relays", [], {"relays"}),
        ("m5-b", "non_relays", 2805, {"non_relays"}),
        ("m5-c", "successful", 3, {"successful"}),
        ("m5-c", "relays_of_open", "1.57", {"relays_of_open"}),
        ("m5-c", "relays_of_open", "1.5", {"relays_of_open"}),
        ("imc-1998-01", "bounced", 20, {"lost"}),
        ("imc-1998-07", "summary", "99", {"summary"}),
        ("imc-1998-01", "sample", 501, {"sum"}),
        ("imc-1998-01", "no_connection", "6", {"no connection"}),
    ],
)
def test_other_slips_of_these_kinds_would_be_found_too(
    study: str, figure: str, value: Any, about: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studies, "together", lambda: {"scanned_together": 5632})
    wrong = corrected()
    wrong[study][figure] = value
    assert {slip.about for slip in slips(wrong)} == about


@pytest.mark.parametrize(("number", "twice"), [(99, False), (100, True)])
def test_figures_that_are_equal_by_accident_are_below_a_hundred(number: int, twice: bool) -> None:
    alike = corrected()
    alike["imc-1998-01"]["stages"]["TO"] = alike["imc-1998-07"]["delivered"] = number
    assert ("twice" in {slip.about for slip in slips(alike)}) is twice


def test_each_slip_says_which_figures_of_ours_it_explains() -> None:
    assert {(slip.study, slip.about): set(slip.explains) for slip in slips() if slip.explains} == {
        ("imc-1998-01", "lost"): {"lost"},
        ("imc-1998-07", "sum"): {"QUIT"},
        ("imc-1998-07", "lost"): {"lost"},
        ("imc-1999-07", "sum"): {"QUIT", "lost"},
        ("imc-1999-07", "lost"): {"lost"},
        ("m5-a", "scanned"): {"scanned", "non_relays"},
        ("m5-a", "relays_of_hosts"): {"relays_of_hosts"},
        ("m5-b", "scanned"): {"scanned", "non_relays"},
        ("m5-b", "successful"): {"successful"},
        ("m5-b", "relays_of_open"): {"relays_of_open"},
        ("m5-c", "open_of_hosts"): {"open_of_hosts"},
    }
    wrong = corrected()
    wrong["m5-a"] |= {"open_relays": 7, "closed": 233}
    assert [(slip.about, set(slip.explains)) for slip in slips(wrong) if slip.study == "m5-a"] == [
        (figure, {figure}) for figure in ("non_relays", "open_relays", "hosts")
    ]


def test_blind_relays_are_some_of_the_open_ones_and_a_range_alone_adds_up_to_nothing() -> None:
    paper = corrected()["m5-a"]
    blind = paper | {"blind": 1, "open_relays": paper["open_relays"] + 1, "non_relays": paper["non_relays"] - 1}
    assert slips({"m5-a": blind}) == []


def test_a_share_that_is_neither_cut_nor_lent_is_said_to_be_wrong_and_no_more() -> None:
    paper = corrected()["m5-c"] | {"relays_of_open": "1.57"}
    assert [slip.words for slip in slips({"m5-c": paper})] == ["1.57 % is printed for 2 of 128, which is 1.56 %."]


def test_what_a_survey_has_not_found_out_stands_beside_the_papers_figure_as_nothing() -> None:
    rows = beside("imc-1998-01", tally({"name": "imc-1998-01"}, []))
    assert {row.figure for row in rows if row.ours == "-"} == {
        "lists",
        "addresses",
        "domains",
        "with_address",
        "sample",
    }
    assert unexplained([Beside("x", "-", "6"), Beside("x", "6", "-")]) == []
    assert unexplained([Beside("x", "6", "7")]) == [Beside("x", "6", "7")]


def test_relays_of_either_side_stand_beside_each_other_on_no_list_where_none_was_asked() -> None:
    one = tally(
        {"name": "m5-a"}, [letter(1), host(1, "ACCEPTED", "OK", greeting="x Exim 4.96"), back(1, "DELIVERED_SAME")]
    )
    rows = {row.figure: (row.paper, row.ours) for row in beside("m5-a", one) if row.figure.startswith("relay: ")}
    assert rows.pop("relay: Exim 4.96, on no list") == ("0", "1")
    assert rows and all(paper != "0" and ours == "0" for paper, ours in rows.values())


def survey(study: str) -> SurveyTally:
    """What a survey finds in a town that is as the paper says."""
    paper, records = papers()[study], list[Record]()
    stages = {"TO": "RCPT_5XX", "DATA": "DATA_END_5XX", "CONNECT": "CONN_REFUSED", "OK": "ACCEPTED", "QUIT": "ACCEPTED"}

    def more(number: int, outcome: str, stage: str, **facts: Any) -> None:
        for _ in range(number):
            records.append(host(len(records), outcome, stage, **facts))

    if "stages" in paper:
        counts = paper["stages"] | {"QUIT": paper["sample"] - sum(paper["stages"].values())}
        for stage, number in counts.items():
            if number:
                more(number, stages[stage], stage)
        head = {"name": study, "population": paper, "targets": paper["sample"]}
        ends = ["DELIVERED_SAME"] * paper["delivered"] + ["BOUNCED"] * paper["bounced"] + ["HUMAN"] * paper["human"]
    else:
        more(paper["closed"], "CONN_REFUSED", "CONNECT")
        more(paper["filtered"], "CONN_TIMEOUT", "CONNECT")
        more(paper["open"] - paper["open_relays"], "RCPT_5XX", "TO")
        greetings = {
            "Exchange 5.5": "Microsoft Exchange Internet Mail Service 5.5.1",
            "Exchange 5.0": "Microsoft Exchange Internet Mail Service 5.0.1",
            "Netscape Mail Server 2.01": "Netscape Mail Server v2.01",
            "IMail 5.05 18710-1": "(IMail 5.05 18710-1)",
            "ArGoSoft 1.61": "ArGoSoft Mail Server, Version 1.61",
            "not named": "",
        }
        for name, _ in paper["relays"]:
            more(1, "ACCEPTED", "OK", greeting=greetings.get(name, name))
        more(paper["not_delivered"], "ACCEPTED", "OK")
        empty = 2816 - paper["hosts"] if "scanned" in paper else 0
        more(empty, "CONN_TIMEOUT", "CONNECT", there=False)
        head, ends = {"name": study, "targets": len(records)}, ["DELIVERED_SAME"] * paper["confirmed"]
    took = [one.target for one in records if isinstance(one, Host) and one.stage == "OK"]
    letters = [letter(number) for number in took]
    listed = [on for _, on in paper.get("relays", ())]
    asked = [ListedElsewhere(target=n, on=("x.test",) if on else ()) for n, on in zip(took, listed, strict=False)]
    returns = [back(number, end) for number, end in zip(took, ends, strict=False)]
    return tally(head, [*letters, *records, *returns, *asked])


@pytest.mark.parametrize("study", papers())
def test_what_differs_from_a_paper_is_explained_by_its_own_slip(study: str) -> None:
    rows = beside(study, survey(study))
    assert unexplained(rows) == []
    differing = {row.figure for row in rows if row.difference}
    assert (
        differing
        == {
            "imc-1998-01": set(),
            "imc-1998-07": set(),
            "imc-1999-07": {"QUIT"},
            "m5-a": {"scanned", "non_relays", "relays_of_hosts"},
            "m5-b": {"scanned", "non_relays", "successful", "relays_of_open"},
            "m5-c": {"open_of_hosts"},
        }[study]
    )


def test_what_no_slip_explains_is_said_to_be_unexplained() -> None:
    one = survey("m5-a")
    one.open -= 1
    one.closed += 1
    rows = unexplained(beside("m5-a", one))
    assert {row.figure for row in rows} == {"open", "closed", "open_of_hosts", "relays_of_open"}
    assert "| **nothing** |" in studies.page([one])


def test_a_difference_has_the_digits_of_the_papers_figure() -> None:
    assert Beside("x", "1.97", "1.98").difference == "+0.01"
    assert Beside("x", "5.53", "24.76").difference == "+19.23"
    assert Beside("x", "10", "6").difference == "-4"
    assert Beside("x", "-", "6").difference == Beside("x", "6", "-").difference == ""


def test_a_survey_of_another_name_stands_beside_no_study() -> None:
    with pytest.raises(DnsblError, match="There is no study 'x'"):
        studies.page([tally({"name": "x"}, [])])


def test_a_page_has_a_table_for_each_survey_and_all_slips() -> None:
    page = studies.page([survey(study) for study in papers()])
    assert page.count("| figure | paper | ours | difference | explained by |") == 6
    assert all(slip.words in page for slip in slips())
    assert "**nothing**" not in page
    assert page == DOCUMENT.read_text(), "the page of docs says something else"
