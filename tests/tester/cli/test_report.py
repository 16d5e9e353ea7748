"""From what paths have shown to a host's judgement, its exit status and what is printed."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from samples import LETTER

from tester.cause import Cause, Explained, Software, Sure
from tester.cli import report
from tester.cli.report import CLOSED, OPEN, UNTOLD, HostFound, PathFound
from tester.fate import Fate
from tester.paths import path
from tester.smtp import Control, Outcome
from tester.verdict import Judgement, Verdict
from tests.tester.test_trial import PATH, opened, tell

HOST = ip_address("192.0.2.25")


def shown(
    verdict: Verdict, port: int = 25, *, final: bool = True, outcome: Outcome | None = None, tried: bool = True
) -> PathFound:
    return PathFound(
        path=path(HOST, port),
        judgement=Judgement(verdict=verdict, final=final, confirm=False, reason=f"It is {verdict}."),
        control=Control.ACCEPTED,
        fates=(Fate(letter=LETTER, outcome=outcome, reply="550 no"),) if outcome else (),
        outputs=frozenset({HOST} if verdict is Verdict.OPEN else ()),
        tried=tried,
    )


def host(*paths: PathFound, **more: object) -> HostFound:
    return HostFound(address=HOST, paths=paths, **more)  # type: ignore[arg-type]


STATUS = {
    Verdict.OPEN: OPEN,
    Verdict.OPEN_MULTIHOP: OPEN,
    Verdict.ACCEPTS_BOUNCES: CLOSED,
    Verdict.ACCEPTS_LOSES: UNTOLD,
    Verdict.CLOSED: CLOSED,
    Verdict.REFUSES_TESTER: UNTOLD,
    Verdict.UNREACHABLE: UNTOLD,
    Verdict.INCONCLUSIVE: UNTOLD,
}


@pytest.mark.parametrize("verdict", Verdict)
def test_each_verdict_has_its_exit_status(verdict: Verdict) -> None:
    assert host(shown(verdict)).status == STATUS[verdict]


def test_a_letter_that_came_back_makes_a_host_open_though_the_list_would_look_once_more() -> None:
    found = shown(Verdict.INCONCLUSIVE, final=False, outcome=Outcome.DELIVERED_OTHER)
    assert host(found).status == OPEN
    assert host(shown(Verdict.CLOSED), found).whole.reason == "192.0.2.25 port 25: It is INCONCLUSIVE."


def test_what_is_not_final_is_not_called_closed() -> None:
    assert host(shown(Verdict.CLOSED, final=False)).status == UNTOLD


def test_a_host_is_closed_only_when_no_path_relays() -> None:
    closed, bounces = shown(Verdict.CLOSED), shown(Verdict.ACCEPTS_BOUNCES, 587)
    nobody, doubt = shown(Verdict.UNREACHABLE, 465), shown(Verdict.INCONCLUSIVE, 2525)
    both = host(closed, nobody)
    assert (both.whole.verdict, both.status) == (Verdict.CLOSED, CLOSED)
    assert both.whole.reason == "No path relays: 1 of 2 were tried out; on 1 more nobody answers."
    assert host(closed, bounces).whole.verdict is Verdict.ACCEPTS_BOUNCES
    assert host(closed, bounces).status == CLOSED
    assert host(closed, doubt, nobody).status == UNTOLD
    assert host(closed, doubt).whole.reason == "192.0.2.25 port 2525: It is INCONCLUSIVE."
    assert host(closed, shown(Verdict.OPEN, 587), doubt).whole.reason == "192.0.2.25 port 587: It is OPEN."
    assert host(closed, shown(Verdict.OPEN, 587), doubt).status == OPEN


def test_a_host_that_answers_nowhere_could_not_be_told() -> None:
    nowhere = host(shown(Verdict.UNREACHABLE), shown(Verdict.UNREACHABLE, 587))
    assert (nowhere.whole.verdict, nowhere.status) == (Verdict.UNREACHABLE, UNTOLD)


def test_what_was_not_tried_says_nothing() -> None:
    found = host(shown(Verdict.OPEN), shown(Verdict.INCONCLUSIVE, 587, tried=False))
    assert found.status == OPEN
    document = report.document(found)
    assert [one["verdict"] for one in document["paths"]] == ["OPEN", None]
    assert "not tried" in report.text(found)


def test_of_several_hosts_one_open_one_decides() -> None:
    closed, opened, untold = (host(shown(v)) for v in (Verdict.CLOSED, Verdict.OPEN, Verdict.INCONCLUSIVE))
    assert report.overall([closed, closed]) == CLOSED
    assert report.overall([closed, untold]) == UNTOLD
    assert report.overall([closed, untold, opened]) == OPEN
    assert report.overall([]) == UNTOLD


def test_the_document_names_each_path_with_its_result() -> None:
    found = host(shown(Verdict.CLOSED, outcome=Outcome.RCPT_5XX), shown(Verdict.OPEN, 465))
    document = report.document(found)
    assert (document["address"], document["result"], document["verdict"]) == ("192.0.2.25", "open", "OPEN")
    assert [(one["port"], one["tls"], one["verdict"]) for one in document["paths"]] == [
        (25, "starttls", "CLOSED"),
        (465, "implicit", "OPEN"),
    ]
    assert document["attempts"][0] | {"vector": ""} == {
        "address": "192.0.2.25",
        "port": 25,
        "vector": "",
        "outcome": "RCPT_5XX",
        "reply": "550 no",
    }
    assert document["output_addresses"] == ["192.0.2.25"]
    assert document["cause"] is None


CAUSE = Explained(
    cause=Cause.SUBMISSION_OPEN, sure=Sure.SURE, reasons=("Port 587 took the letter.",), software=Software.POSTFIX
)


def test_the_cause_comes_with_what_closes_it() -> None:
    found = host(shown(Verdict.OPEN, 587), cause=CAUSE)
    told = report.document(found)["cause"]
    assert (told["name"], told["sure"], told["software"]) == ("submission-open", "sure", "postfix")
    assert told["reasons"] == ["Port 587 took the letter."]
    assert told["advice"]
    text = report.text(found)
    assert "Why (submission-open, sure):\n  Port 587 took the letter.\nWhat closes it:\n" in text
    assert "[postfix]" in text
    nothing = replace(CAUSE, cause=Cause.UNKNOWN)
    assert report.explained(nothing)[-1] or report.explained(None) == []


def test_the_table_has_a_line_for_each_host_and_for_its_doors() -> None:
    several = [
        host(shown(Verdict.CLOSED), shown(Verdict.OPEN, 587), shown(Verdict.UNREACHABLE, 465), cause=CAUSE),
        HostFound(address=ip_address("2001:db8::1"), paths=(), left_out="nmap found none of the ports open."),
    ]
    lines = report.table(several).splitlines()
    assert lines[0].split() == ["HOST", "RESULT", "VERDICT", "WHY"]
    assert lines[1].split(maxsplit=3) == [
        "192.0.2.25",
        "open",
        "OPEN",
        "192.0.2.25 port 587: It is OPEN. [submission-open]",
    ]
    assert [line.split()[:2] for line in lines[2:4]] == [["port", "25"], ["port", "587"]]
    assert lines[4].split(maxsplit=3) == ["2001:db8::1", "unknown", "-", "nmap found none of the ports open."]
    assert lines[5] == "1 open, 0 closed, 1 could not be told."


@pytest.mark.parametrize(
    ("outcome", "control", "judged"),
    [
        (Outcome.CONN_REFUSED, Control.NOT_RUN, (Verdict.UNREACHABLE, report.UNREACHED)),
        (Outcome.RCPT_4XX, Control.NOT_RUN, (Verdict.INCONCLUSIVE, None)),
        (Outcome.ACCEPTED, Control.NOT_RUN, (Verdict.INCONCLUSIVE, None)),
        (Outcome.RCPT_5XX, Control.ACCEPTED, (Verdict.CLOSED, None)),
    ],
)
def test_a_single_visit_waits_for_nobody_who_is_not_there_and_decides_nothing_that_may_still_change(
    outcome: Outcome, control: Control, judged: tuple[Verdict, str | None]
) -> None:
    trial = opened(PATH)
    tell(trial, outcome, control=control)
    found = report.visited(trial, PATH, profile="standard", tried=True)
    assert (found.path, found.control, found.fates, found.tried) == (PATH, control, tuple(trial.fates), True)
    assert found.judgement.verdict is judged[0]
    assert judged[1] in (None, found.judgement.reason)
    assert found.judgement.final is (judged[0] is not Verdict.INCONCLUSIVE)
