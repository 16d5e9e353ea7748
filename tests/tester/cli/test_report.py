"""From what paths have shown to a host's judgement, its exit status and what is printed."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from samples import LETTER

from tester.cause import Cause, Explained, Software, Sure
from tester.cause.advice import Advice
from tester.cli import report
from tester.cli.report import CLOSED, OPEN, UNTOLD, HostFound, PathFound
from tester.fate import Fate
from tester.paths import path
from tester.smtp import Control, Flag, Outcome
from tester.verdict import Judgement, Verdict
from tests.tester.test_trial import PATH, opened, tell

HOST = ip_address("192.0.2.25")


def shown(
    verdict: Verdict,
    port: int = 25,
    *,
    final: bool = True,
    outcome: Outcome | None = None,
    tried: bool = True,
    confirm: bool = False,
) -> PathFound:
    return PathFound(
        path=path(HOST, port),
        judgement=Judgement(verdict=verdict, final=final, confirm=confirm, reason=f"It is {verdict}."),
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
    found = shown(Verdict.INCONCLUSIVE, final=False, outcome=Outcome.DELIVERED_OTHER, confirm=True)
    assert host(found).status == OPEN
    assert host(shown(Verdict.CLOSED), found).whole.reason == "192.0.2.25 port 25: It is INCONCLUSIVE."


def test_a_letter_that_came_back_alone_where_another_did_not_makes_no_host_open() -> None:
    """A honeypot passes on what looks like a test."""
    found = shown(Verdict.INCONCLUSIVE, outcome=Outcome.DELIVERED_SAME)
    assert host(found).status == UNTOLD
    assert host(shown(Verdict.CLOSED), found).whole.reason == "192.0.2.25 port 25: It is INCONCLUSIVE."


def test_who_relays_is_named_before_who_may_relay_in_whatever_order_they_were_tried() -> None:
    """The sentence sends an administrator to one port of his."""
    doubt, proven = (
        shown(Verdict.INCONCLUSIVE),
        shown(Verdict.INCONCLUSIVE, 2525, outcome=Outcome.DELIVERED_OTHER, confirm=True),
    )
    assert host(doubt, proven, shown(Verdict.OPEN, 587)).whole.reason == "192.0.2.25 port 587: It is OPEN."
    assert host(doubt, proven).whole.reason == "192.0.2.25 port 2525: It is INCONCLUSIVE."
    assert host(doubt, shown(Verdict.OPEN, 2525)).whole.reason == "192.0.2.25 port 2525: It is OPEN."


def test_what_is_not_final_is_not_called_closed() -> None:
    assert host(shown(Verdict.CLOSED, final=False)).status == UNTOLD
    assert host(shown(Verdict.CLOSED), shown(Verdict.CLOSED, 587, final=False)).status == UNTOLD


def test_scripts_may_rely_on_the_exit_statuses() -> None:
    """They stand in the README."""
    assert (CLOSED, OPEN, UNTOLD) == (0, 1, 2)


@pytest.mark.parametrize("verdict", Verdict)
def test_a_host_with_one_path_is_judged_as_that_path_is_in_its_words(verdict: Verdict) -> None:
    for final in (True, False):
        one = shown(verdict, final=final)
        assert host(one).whole == one.judgement


def test_a_host_of_which_nothing_was_tried_is_told_from_a_closed_one() -> None:
    untold = Judgement(verdict=Verdict.INCONCLUSIVE, final=False, confirm=False, reason="Nothing was tested.")
    assert host().whole == host(shown(Verdict.CLOSED, tried=False)).whole == untold
    assert host(left_out="It is shut.").whole == replace(untold, reason="It is shut.")
    assert host(shown(Verdict.CLOSED), shown(Verdict.INCONCLUSIVE, 587, tried=False)).status == CLOSED


def test_several_closed_paths_are_one_closed_host() -> None:
    assert host(shown(Verdict.CLOSED), shown(Verdict.CLOSED, 587)).whole == Judgement(
        verdict=Verdict.CLOSED, final=True, confirm=False, reason="No path relays: 2 of 2 were tried out."
    )


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
    assert [(one["verdict"], one["reason"]) for one in document["paths"]] == [
        ("OPEN", "It is OPEN."),
        (None, "Not tried: a letter had come back before."),
    ]
    assert report.text(found).splitlines() == [
        "192.0.2.25 port 25: OPEN",
        "      control: ACCEPTED",
        "192.0.2.25 port 587: not tried",
        "OPEN: 192.0.2.25 port 25: It is OPEN.",
    ]
    assert len(report.table([found]).splitlines()) == 4, "no line for what says nothing"


def test_a_program_finds_everything_in_the_document_under_its_name() -> None:
    """Names that the README promises; a script that asks for one must not find it gone."""
    found = host(shown(Verdict.CLOSED, outcome=Outcome.RCPT_5XX), flags=frozenset({Flag.TLS_USED, Flag.QUIT_ERR}))
    assert report.document(found) == {
        "address": "192.0.2.25",
        "result": "closed",
        "verdict": "CLOSED",
        "final": True,
        "confirm": False,
        "reason": "It is CLOSED.",
        "control": "ACCEPTED",
        "attempts": [{"address": "192.0.2.25", "port": 25, "vector": "S01", "outcome": "RCPT_5XX", "reply": "550 no"}],
        "paths": [
            {"address": "192.0.2.25", "port": 25, "tls": "starttls", "verdict": "CLOSED", "reason": "It is CLOSED."}
        ],
        "output_addresses": [],
        "flags": ["QUIT_ERR", "TLS_USED"],
        "cause": None,
    }
    nothing = report.document(host(left_out="No port is open."))
    assert (nothing["control"], nothing["paths"], nothing["reason"]) == ("NOT_RUN", [], "No port is open.")


def test_people_read_each_attempt_then_the_judgement_then_what_is_outstanding_and_remarkable() -> None:
    alone = shown(Verdict.INCONCLUSIVE, final=False, outcome=Outcome.RCPT_4XX)
    assert report.text(host(alone, flags=frozenset({Flag.TLS_USED, Flag.QUIT_ERR}))).splitlines() == [
        "S01   RCPT_4XX              550 no",
        "      control: ACCEPTED",
        "INCONCLUSIVE: It is INCONCLUSIVE.",
        "This is not final: letters or later tries are outstanding.",
        "flags: QUIT_ERR, TLS_USED",
    ]
    both = host(shown(Verdict.CLOSED, outcome=Outcome.RCPT_5XX), shown(Verdict.CLOSED, 587))
    assert report.text(both).splitlines() == [
        "192.0.2.25 port 25: CLOSED",
        "S01   RCPT_5XX              550 no",
        "      control: ACCEPTED",
        "192.0.2.25 port 587: CLOSED",
        "      control: ACCEPTED",
        "CLOSED: No path relays: 2 of 2 were tried out.",
    ]


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
    assert report.explained(None) == []


def test_advice_is_printed_so_that_it_can_be_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where, the lines as the program reads them, and the command that makes them count; no empty label besides."""
    general = Advice(cause=CAUSE.cause, setup="", change="Close it.")
    mine = Advice(
        cause=CAUSE.cause,
        setup="postfix",
        change="Ask for a login.",
        file="/etc/postfix/master.cf",
        lines=("submission inet n - y - - smtpd", " -o smtpd_sasl_auth_enable=yes"),
        then="postfix reload",
    )
    monkeypatch.setattr(report, "advice", lambda *_: (general, mine))
    assert report.explained(CAUSE) == [
        "",
        "Why (submission-open, sure):",
        "  Port 587 took the letter.",
        "What closes it:",
        "  Close it.",
        "  [postfix] Ask for a login.",
        "    /etc/postfix/master.cf:",
        "      submission inet n - y - - smtpd",
        "       -o smtpd_sasl_auth_enable=yes",
        "    then: postfix reload",
    ]


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


def test_the_columns_of_a_table_stand_below_each_other() -> None:
    two = host(shown(Verdict.CLOSED), shown(Verdict.INCONCLUSIVE, 587))
    assert report.table([two]).splitlines() == [
        "HOST        RESULT   VERDICT       WHY",
        "192.0.2.25  unknown  INCONCLUSIVE  192.0.2.25 port 587: It is INCONCLUSIVE.",
        "  port 25            CLOSED        It is CLOSED.",
        "  port 587           INCONCLUSIVE  It is INCONCLUSIVE.",
        "0 open, 0 closed, 1 could not be told.",
    ]


@pytest.mark.parametrize(
    ("outcome", "control", "judged"),
    [
        (Outcome.CONN_REFUSED, Control.NOT_RUN, Verdict.UNREACHABLE),
        (Outcome.RCPT_4XX, Control.NOT_RUN, Verdict.INCONCLUSIVE),
        (Outcome.ACCEPTED, Control.NOT_RUN, Verdict.INCONCLUSIVE),
        (Outcome.RCPT_5XX, Control.ACCEPTED, Verdict.CLOSED),
    ],
)
def test_a_single_visit_waits_for_nobody_who_is_not_there_and_decides_nothing_that_may_still_change(
    outcome: Outcome, control: Control, judged: Verdict
) -> None:
    trial = opened(PATH)
    tell(trial, outcome, control=control)
    found = report.visited(trial, PATH, profile="standard", tried=True)
    assert (found.path, found.control, found.fates, found.tried) == (PATH, control, tuple(trial.fates), True)
    assert found.judgement.verdict is judged
    assert (found.judgement.reason == report.UNREACHED) == (judged is Verdict.UNREACHABLE)
    assert found.judgement.final is (judged is not Verdict.INCONCLUSIVE)
