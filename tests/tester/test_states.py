"""The states: each phase and what every class of reply does there, and the finer names of a refusal."""

from __future__ import annotations

import pytest

from tester import states
from tester.smtp import Outcome, Reply
from tester.states import TABLE, Phase, Scope

O = Outcome  # noqa: E741

#: phase: what the wanted reply begins with and leads to | 4xx | 5xx | 421
ROWS = """
BANNER          220 EHLO          | BANNER_4XX   | BANNER_5XX   | BANNER_4XX
EHLO            2   MAIL          | HELO_4XX     | HELO         | HELO_4XX
HELO            2   MAIL          | HELO_4XX     | HELO_5XX     | HELO_4XX
XCLIENT         220 EHLO          | HELO_4XX     | HELO_5XX     | HELO_4XX
STARTTLS        220 TLS           | TLS_FAIL     | TLS_FAIL     | TLS_FAIL
TLS             -   EHLO          | TLS_FAIL     | TLS_FAIL     | -
OFFERED_TLS     220 OFFERED_SHAKE | MAIL         | MAIL         | EARLY_421
OFFERED_SHAKE   -   EHLO          | MAIL         | MAIL         | -
NAME            -   MAIL          | MAIL         | MAIL         | -
MAIL            2   RCPT          | MAIL_4XX     | MAIL_5XX     | EARLY_421
RCPT            2   DATA          | RCPT_4XX     | RCPT_5XX     | EARLY_421
DATA            354 DOT           | DATA_CMD_4XX | DATA_CMD_5XX | EARLY_421
DOT             2   ASK           | DATA_END_4XX | DATA_END_5XX | DATA_END_4XX
ASK             -   GAP           | QUIT         | QUIT         | -
GAP             -   RSET          | QUIT         | QUIT         | -
RSET            2   MAIL          | QUIT         | QUIT         | -
CONTROL_MAIL    2   CONTROL_RCPT  | DEFERRED     | REFUSED      | DEFERRED
CONTROL_RCPT    2   CONTROL_RSET  | CONTROL_BARE | CONTROL_BARE | DEFERRED
CONTROL_BARE    2   CONTROL_RSET  | DEFERRED     | REFUSED      | DEFERRED
CONTROL_RSET    2   QUIT          | QUIT         | QUIT         | -
NONSENSE_MAIL   2   NONSENSE_RCPT | CONTROL_RSET | CONTROL_RSET | -
NONSENSE_RCPT   2   CONTROL_RSET  | CONTROL_RSET | CONTROL_RSET | -
QUIT            2   CLOSED        | CLOSED       | CLOSED       | -
CLOSED          -   CLOSED        | CLOSED       | CLOSED       | -
"""


def test_each_class_of_reply_leads_where_the_table_says() -> None:
    written = {}
    for line in ROWS.strip().splitlines():
        head, soft, hard, busy = (part.strip() for part in line.split("|"))
        phase, good, then = head.split()
        written[phase] = (good.strip("-"), then, soft, hard, busy.strip("-"))
    said = {p.value: (r.good, r.then, r.soft, r.hard, r.busy or "") for p, r in TABLE.items()}
    assert said == written
    assert written.keys() == {phase.value for phase in Phase}


@pytest.mark.parametrize(
    ("scope", "phases"),
    [
        (Scope.EVERY, "BANNER EHLO HELO XCLIENT OFFERED_TLS OFFERED_SHAKE"),
        (Scope.ONE, "STARTTLS TLS MAIL RCPT DATA DOT"),
    ],
)
def test_a_failure_concerns_every_attempt_until_the_greetings_are_over_and_then_the_one_in_hand(
    scope: Scope, phases: str
) -> None:
    assert {phase for phase, row in TABLE.items() if row.scope is scope} == set(phases.split())


@pytest.mark.parametrize(
    ("stage", "phases"),
    [
        ("CONNECT", "BANNER"),
        ("EHLO", "EHLO HELO XCLIENT STARTTLS TLS OFFERED_TLS OFFERED_SHAKE"),
        ("MAIL", "MAIL"),
        ("TO", "RCPT"),
        ("DATA", "DATA DOT"),
    ],
)
def test_the_stages_are_those_of_the_reports(stage: str, phases: str) -> None:
    assert {phase for phase, row in TABLE.items() if row.stage == stage} == set(phases.split())


def test_faults_have_a_name_of_their_own_in_the_greeting_in_starttls_and_after_the_dot() -> None:
    named = {phase: dict(row.faults) for phase, row in TABLE.items() if row.faults}
    injected = {O.UNSOLICITED: O.TLS_INJECT}
    assert named == {
        Phase.BANNER: {
            O.TIMEOUT: O.BANNER_TIMEOUT,
            O.DISCONNECTED: O.BANNER_EOF,
            O.PROTOCOL: O.BANNER_GARBAGE,
            O.OVERSIZE: O.BANNER_OVERSIZE,
        },
        Phase.STARTTLS: injected,
        Phase.OFFERED_TLS: injected,
    }
    assert {phase: row.any_fault for phase, row in TABLE.items() if row.any_fault} == {Phase.DOT: O.MAYBE_ACCEPTED}


def test_which_outcomes_are_faults_and_which_are_put_off() -> None:
    assert {
        *(O.TIMEOUT, O.DISCONNECTED, O.PROTOCOL, O.OVERSIZE, O.UNSOLICITED),
        *(O.TLS_FAIL, O.TLS_INJECT, O.MAYBE_ACCEPTED),
    } == states.FAULTS
    assert {O.MAIL_4XX, O.RCPT_4XX, O.DATA_CMD_4XX, O.DATA_END_4XX} == states.DEFERRED


def test_what_a_second_connection_does_otherwise() -> None:
    assert {(p.value, o.value): how for (p, o), how in states.SECOND_TRY.items()} == {
        ("BANNER", "BANNER_TIMEOUT"): ("wrapped", "patience"),
        ("BANNER", "BANNER_EOF"): ("wrapped", "again"),
        ("BANNER", "TLS_FAIL"): ("unwrapped", "patience"),
        ("EHLO", "DISCONNECTED"): ("helo",),
        ("HELO", "DISCONNECTED"): ("helo",),
        ("OFFERED_TLS", "DISCONNECTED"): ("clear",),
        ("OFFERED_SHAKE", "TLS_FAIL"): ("clear",),
    }


@pytest.mark.parametrize(
    ("lines", "outcome"),
    [
        (b"454 4.7.1 <x>: Relay access denied", O.RCPT_DENIED_SOFT),
        (b"454 4.7.1 try again", O.RCPT_DENIED_SOFT),
        (b"454 4.7.0 try again", None),
        (b"450 4.7.1 greylisted", None),
        (b"451 relaying denied", O.RCPT_DENIED_SOFT),
        (b"451 Relay is prohibited", O.RCPT_DENIED_SOFT),
        (b"451 relay access not permitted", O.RCPT_DENIED_SOFT),
        (b"451 relaying not allowed", O.RCPT_DENIED_SOFT),
        (b"451 unable to relay for x", O.RCPT_DENIED_SOFT),
        (b"451 not permitted to relay", O.RCPT_DENIED_SOFT),
        (b"451 we relay nothing today", None),
        (b"530 5.7.0 who are you", O.RCPT_AUTH),
        (b"535 no", O.RCPT_AUTH),
        (b"530 5.7.1 your IP is blacklisted", None),
        (b"534 authentication mechanism too weak", None),
        (b"550 Authentication required", O.RCPT_AUTH),
        (b"553 please AUTH first", O.RCPT_AUTH),
        (b"554 you must authenticate", O.RCPT_AUTH),
        (b"550 not authenticated", O.RCPT_AUTH),
        (b"550 the author is unknown", None),
        (b"551 authentication required", None),
        (b"550 relaying denied", None),
    ],
)
def test_a_refusal_at_rcpt_has_a_finer_name_by_its_code_or_words(lines: bytes, outcome: O | None) -> None:
    reply = Reply(code=int(lines[:3]), lines=(lines[4:],), raw=lines + b"\r\n")
    assert states.refusal(Phase.RCPT, reply) == outcome
    assert states.refusal(Phase.MAIL, reply) is None


def test_where_an_attempt_can_end_there_is_a_label_for_it_and_elsewhere_none() -> None:
    assert all(bool(row.stage) == (row.scope is not Scope.NONE) for row in TABLE.values())


def test_nobody_is_shown_a_certificate_who_was_not_to_see_one() -> None:
    assert not states.StartTls(1.0).certificate


def test_a_denial_may_be_broken_over_lines_and_is_soft_below_500_alone() -> None:
    def named(code: int, *lines: bytes) -> Outcome | None:
        return states.refusal(Phase.RCPT, Reply(code=code, lines=lines, raw=b""))

    assert named(450, b"Relay access", b"denied") is O.RCPT_DENIED_SOFT
    assert named(499, b"relaying denied") is O.RCPT_DENIED_SOFT
    assert named(500, b"relaying denied") is None


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (550, b"5.7.26 All senders have to authenticate with either SPF or DKIM"),
        (550, b"SPF authentication of your domain failed"),
        (454, b"4.7.1 Client host blocked using relays.ordb.test; relay not permitted"),
        (451, b"your host is blacklisted as an open relay, relaying denied"),
    ],
)
def test_what_a_refusal_says_of_us_is_no_denial_of_relaying(code: int, text: bytes) -> None:
    assert states.refusal(Phase.RCPT, Reply(code=code, lines=(text,), raw=text)) is None
