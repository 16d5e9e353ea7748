"""Weighing a message and judging a run."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tester.smtp import DELIVERED, KEPT, PENDING, REFUSED, RETRY, Control, Outcome
from tester.vectors import CATALOGUE
from tester.verdict import (
    ELSEWHERE,
    NEVER_SENT,
    NO_POSTMASTER,
    Circumstances,
    Finding,
    Judgement,
    Verdict,
    Weighed,
    judge,
    weigh,
)

O = Outcome  # noqa: E741
V = Verdict

GOOD = Circumstances(
    address=ip_address("192.0.2.1"),
    peer=ip_address("192.0.2.1"),
    answer=None,
    genuine=True,
    proof_ok=True,
    is_report=False,
    outcome=O.ACCEPTED,
    already_delivered=False,
    received_at=1100.0,
    not_before=1000,
    dot_at=1050.0,
    late_after=2000.0,
    not_after=3000,
    peer_is_us=False,
)


def said(finding: Finding) -> Weighed:
    """What a message to the sender token was read as."""
    return Weighed(finding=finding, counts=False, reason="It says so.")


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({}, "DELIVERED_SAME"),
        ({"peer": ip_address("::ffff:192.0.2.1")}, "DELIVERED_SAME"),
        ({"address": ip_address("::ffff:192.0.2.1")}, "DELIVERED_SAME"),
        ({"peer": ip_address("192.0.2.2")}, "DELIVERED_OTHER"),
        ({"peer": ip_address("2001:db8::1")}, "DELIVERED_OTHER"),
        ({"received_at": 2000.0}, "DELIVERED_SAME"),
        ({"received_at": 2000.5}, "DELIVERED_SAME_LATE"),
        ({"received_at": 3000.0, "peer": ip_address("192.0.2.2")}, "DELIVERED_OTHER_LATE"),
        ({"outcome": None, "dot_at": None}, "DELIVERED_SAME"),
        ({"outcome": O.MAYBE_ACCEPTED}, "DELIVERED_SAME"),
        ({"outcome": O.DATA_END_4XX}, "DELIVERED_SAME"),
        ({"outcome": O.DATA_END_5XX}, "DELIVERED_SAME"),
        ({"outcome": O.TIMEOUT}, "DELIVERED_SAME"),
        ({"outcome": O.DISCONNECTED}, "DELIVERED_SAME"),
        ({"outcome": O.LOST, "received_at": 2500.0}, "DELIVERED_SAME_LATE"),
        ({"outcome": O.BOUNCED}, "DELIVERED_SAME"),
        ({"received_at": 1045.0}, "DELIVERED_SAME"),  # five seconds before the dot: what our clocks may disagree
        ({"received_at": 995.0, "dot_at": None}, "DELIVERED_SAME"),
    ],
)
def test_a_letter_that_came_back_convicts(change: dict[str, object], finding: str) -> None:
    weighed = weigh(replace(GOOD, **change))  # type: ignore[arg-type]
    assert weighed.finding == finding
    assert weighed.counts
    assert (weighed.finding in ELSEWHERE) == finding.startswith("DELIVERED_OTHER")


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"genuine": False}, "FORGED"),
        ({"peer_is_us": True}, "FORGED"),
        ({"received_at": 994.9, "dot_at": None}, "FORGED"),
        ({"received_at": 3000.5}, "FORGED"),
        ({"received_at": 1044.9}, "FORGED"),  # before the dot
        ({"is_report": True}, "TOKEN_SEEN"),
        ({"is_answer": True}, "TOKEN_SEEN"),
        ({"proof_ok": False}, "TOKEN_SEEN"),
        ({"already_delivered": True}, "REPEATED"),
        ({"already_delivered": True, "outcome": O.DELIVERED_SAME}, "REPEATED"),
        ({"already_delivered": True, "proof_ok": False}, "TOKEN_SEEN"),
        ({"answer": said(Finding.BOUNCED)}, "BOUNCED"),
        ({"answer": said(Finding.BOUNCED), "genuine": False}, "FORGED"),
        ({"answer": said(Finding.BOUNCED), "received_at": 3000.5}, "FORGED"),
        ({"answer": said(Finding.BOUNCED), "outcome": None}, "BOUNCED"),
        ({"answer": said(Finding.BOUNCED), "outcome": O.RCPT_5XX}, "UNPROVEN"),
        ({"answer": said(Finding.HELD), "outcome": O.RCPT_5XX}, "HELD"),
    ],
)
def test_anything_less_does_not_count(change: dict[str, object], finding: str) -> None:
    weighed = weigh(replace(GOOD, **change))  # type: ignore[arg-type]
    assert weighed.finding == finding
    assert not weighed.counts
    assert weighed.reason.endswith(".")


@pytest.mark.parametrize("outcome", sorted(NEVER_SENT))
def test_a_letter_whose_body_never_went_out_cannot_come_back(outcome: Outcome) -> None:
    weighed = weigh(replace(GOOD, outcome=outcome))
    assert (weighed.finding, weighed.counts) == (Finding.FORGED, False)


def test_every_outcome_either_may_have_been_sent_or_never_was() -> None:
    sent = PENDING | DELIVERED | RETRY | {O.DATA_END_5XX, O.TIMEOUT, O.DISCONNECTED, O.UNTRIED}
    assert set(Outcome) - NEVER_SENT == sent | {O.LOST, O.BOUNCED, O.BOUNCED_BY_US}


FLAGS = ("genuine", "proof_ok", "is_report", "already_delivered", "peer_is_us")
ANSWERS = [None, *(said(finding) for finding in Finding if not finding.value.startswith("DELIVERED"))]


def test_only_one_way_leads_to_a_conviction() -> None:
    for answer, *values in product(ANSWERS, *[[False, True]] * len(FLAGS)):
        given = dict(zip(FLAGS, values, strict=True))
        weighed = weigh(replace(GOOD, answer=answer, **given))  # type: ignore[arg-type]
        harmless = answer is None and not any(given[f] for f in ("is_report", "already_delivered", "peer_is_us"))
        assert weighed.counts == (harmless and given["genuine"] and given["proof_ok"])
        assert weighed.counts == weighed.finding.value.startswith("DELIVERED")


def run(
    *outcomes: Outcome,
    control: Control = Control.NOT_RUN,
    profile: str = "standard",
    window_closed: bool = False,
    retries_left: bool = False,
    earlier_other: int = 0,
    unreachable_before: int = 0,
    backwards: bool = False,
) -> Judgement:
    pairs = [(f"S{n:02}", outcome) for n, outcome in enumerate(outcomes, 1)]
    return judge(
        reversed(pairs) if backwards else pairs,
        control=control,
        profile=profile,
        window_closed=window_closed,
        retries_left=retries_left,
        earlier_other=earlier_other,
        unreachable_before=unreachable_before,
    )


YES, NO, LATER = Control.ACCEPTED, Control.REFUSED, Control.DEFERRED
CASES: list[tuple[tuple[Outcome, ...], dict[str, object], Verdict, bool]] = [
    # one letter back from the tested address is enough, whatever else happened or is outstanding
    ((O.DELIVERED_SAME, O.UNTRIED), {}, V.OPEN, True),
    ((O.DELIVERED_SAME_LATE,), {}, V.OPEN, True),
    ((O.DELIVERED_SAME, O.ACCEPTED, O.RCPT_4XX), {"retries_left": True}, V.OPEN, True),
    ((O.DELIVERED_OTHER, O.DELIVERED_SAME), {}, V.OPEN, True),
    ((O.BOUNCED, O.DELIVERED_SAME, O.LOST), {}, V.OPEN, True),
    # from another address: only with a second run
    ((O.DELIVERED_OTHER,), {}, V.INCONCLUSIVE, True),
    ((O.DELIVERED_OTHER,), {"earlier_other": 1}, V.OPEN_MULTIHOP, True),
    ((O.DELIVERED_OTHER_LATE, O.BOUNCED), {"earlier_other": 2}, V.OPEN_MULTIHOP, True),
    ((O.DELIVERED_OTHER, O.ACCEPTED), {}, V.INCONCLUSIVE, False),
    ((O.DELIVERED_OTHER, O.ACCEPTED), {"earlier_other": 1}, V.OPEN_MULTIHOP, True),
    ((O.LOST,), {"earlier_other": 5}, V.ACCEPTS_LOSES, True),  # earlier runs alone convict nobody
    # accepted, and then
    ((O.ACCEPTED,), {}, V.INCONCLUSIVE, False),
    ((O.MAYBE_ACCEPTED, O.UNTRIED), {}, V.INCONCLUSIVE, False),
    ((O.ACCEPTED,), {"window_closed": True}, V.ACCEPTS_LOSES, True),
    ((O.LOST, O.RCPT_5XX), {"control": YES}, V.ACCEPTS_LOSES, True),
    ((O.BOUNCED, O.LOST), {}, V.ACCEPTS_BOUNCES, True),
    # S01 was swallowed: that a later form was bounced does not make the server one that bounces
    ((O.LOST, O.BOUNCED), {}, V.ACCEPTS_LOSES, True),
    ((O.ACCEPTED, O.BOUNCED), {"window_closed": True}, V.ACCEPTS_LOSES, True),
    ((O.LOST, O.BOUNCED, *[O.RCPT_5XX] * 7, O.BOUNCED), {}, V.ACCEPTS_LOSES, True),
    # those whose bounce cannot reach us need none: from no sender, from one there, from one at the domain it denies
    ((O.BOUNCED, O.LOST, O.LOST, O.LOST, *[O.RCPT_5XX] * 5, O.LOST), {}, V.ACCEPTS_BOUNCES, True),
    # what the server says that it has still is neither lost nor bounced, even when its time is over
    ((O.HELD,), {}, V.INCONCLUSIVE, False),
    ((O.HELD,), {"window_closed": True}, V.INCONCLUSIVE, True),
    ((O.DSN_DELAYED, O.LOST), {"window_closed": True}, V.INCONCLUSIVE, True),
    ((O.DSN_DELAYED, O.DELIVERED_SAME), {}, V.OPEN, True),
    ((O.RCPT_5XX, O.BOUNCED), {}, V.ACCEPTS_BOUNCES, True),
    ((O.BOUNCED, O.ACCEPTED), {}, V.ACCEPTS_BOUNCES, False),
    ((O.BOUNCED, O.ACCEPTED), {"window_closed": True}, V.ACCEPTS_BOUNCES, True),
    ((O.BOUNCED_BY_US, O.BOUNCED), {}, V.INCONCLUSIVE, True),
    ((O.LOST, O.RCPT_4XX), {"retries_left": True}, V.ACCEPTS_LOSES, False),
    # all refused
    ((O.RCPT_5XX, O.RCPT_AUTH, O.RCPT_DENIED_SOFT), {"control": YES}, V.CLOSED, True),
    ((O.RCPT_5XX, O.DATA_CMD_5XX), {"control": YES}, V.CLOSED, True),
    # its text alone was refused, and another text might have passed
    ((O.RCPT_5XX, O.DATA_CMD_5XX, O.DATA_END_5XX), {"control": YES}, V.INCONCLUSIVE, True),
    ((O.RCPT_5XX, O.RCPT_4XX), {"control": YES}, V.CLOSED, True),  # deferred for ever
    ((O.RCPT_5XX, O.DEFERRED_FOREVER), {"control": YES}, V.CLOSED, True),
    ((O.RCPT_5XX, O.MAIL_5XX), {"control": YES}, V.CLOSED, True),
    ((O.MAIL_5XX, O.RCPT_5XX), {"control": YES}, V.CLOSED, True),
    ((O.MAIL_5XX, O.RCPT_5XX), {"control": NO}, V.REFUSES_TESTER, True),
    ((O.RCPT_5XX,), {"control": YES, "profile": "full"}, V.CLOSED, True),
    ((O.RCPT_5XX,), {"control": YES, "profile": "basic"}, V.INCONCLUSIVE, True),
    ((O.RCPT_5XX,), {"control": NO}, V.REFUSES_TESTER, True),
    ((O.RCPT_5XX,), {"control": NO, "profile": "basic"}, V.REFUSES_TESTER, True),
    ((O.RCPT_5XX,), {"control": LATER}, V.INCONCLUSIVE, True),
    ((O.RCPT_5XX,), {}, V.INCONCLUSIVE, True),
    ((O.RCPT_DENIED_SOFT,), {"control": YES, "retries_left": True}, V.CLOSED, False),
    # left out on purpose
    ((O.RCPT_5XX, O.SKIPPED), {"control": YES}, V.CLOSED, True),
    ((O.RCPT_5XX, O.SKIPPED, O.SKIPPED), {"control": YES}, V.INCONCLUSIVE, True),
    ((O.SKIPPED,), {"control": YES}, V.INCONCLUSIVE, True),
    ((O.SKIPPED, O.CONN_REFUSED), {"unreachable_before": 2}, V.UNREACHABLE, True),
    ((O.SKIPPED, O.BANNER_5XX), {}, V.REFUSES_TESTER, True),
    ((O.SKIPPED, O.LOST), {}, V.ACCEPTS_LOSES, True),
    # not all refused
    ((O.RCPT_5XX, O.UNTRIED), {"control": YES}, V.INCONCLUSIVE, True),
    ((O.RCPT_5XX, O.EARLY_421), {"control": YES}, V.INCONCLUSIVE, True),
    ((O.RCPT_5XX, O.EARLY_421), {"control": YES, "retries_left": True}, V.INCONCLUSIVE, False),
    ((O.BANNER_4XX,), {"retries_left": True}, V.INCONCLUSIVE, False),
    ((O.HELO_4XX,), {"retries_left": True}, V.INCONCLUSIVE, False),
    ((O.RCPT_5XX, O.UNSOLICITED), {"control": YES}, V.INCONCLUSIVE, True),
    ((O.RCPT_5XX, O.TIMEOUT), {"control": YES}, V.INCONCLUSIVE, True),
    ((O.RCPT_5XX, O.MAIL_4XX), {"control": YES}, V.INCONCLUSIVE, True),
    ((O.RCPT_5XX, O.DATA_END_4XX), {"control": YES}, V.INCONCLUSIVE, True),
    ((O.RCPT_5XX, O.RCPT_4XX), {"control": YES, "retries_left": True}, V.INCONCLUSIVE, False),
    ((O.RCPT_4XX,), {"retries_left": True}, V.INCONCLUSIVE, False),
    ((O.RCPT_5XX, O.BANNER_5XX), {"control": NO}, V.INCONCLUSIVE, True),
    # turned away, or nobody there
    ((O.BANNER_5XX, O.BANNER_5XX), {}, V.REFUSES_TESTER, True),
    ((O.HELO_5XX,), {}, V.REFUSES_TESTER, True),
    ((O.BANNER_4XX,), {}, V.INCONCLUSIVE, True),
    ((O.BANNER_TIMEOUT,), {"unreachable_before": 5}, V.INCONCLUSIVE, True),
    ((O.CONN_REFUSED, O.CONN_TIMEOUT), {}, V.INCONCLUSIVE, True),
    ((O.CONN_UNREACH,), {"unreachable_before": 1}, V.INCONCLUSIVE, True),
    ((O.CONN_REFUSED,), {"unreachable_before": 2}, V.UNREACHABLE, True),
    ((O.CONN_REFUSED, O.RCPT_5XX), {"unreachable_before": 2, "control": YES}, V.INCONCLUSIVE, True),
    ((), {"control": YES}, V.INCONCLUSIVE, True),
]


@pytest.mark.parametrize(("outcomes", "terms", "verdict", "final"), CASES)
def test_the_table_of_verdicts(
    outcomes: tuple[Outcome, ...], terms: dict[str, object], verdict: Verdict, final: bool
) -> None:
    judgement = run(*outcomes, **terms)  # type: ignore[arg-type]
    assert (judgement.verdict, judgement.final) == (verdict, final)


@pytest.mark.parametrize(
    ("other", "terms", "verdict", "final"),
    [
        (O.BOUNCED, {}, V.ACCEPTS_BOUNCES, True),
        (O.RCPT_5XX, {}, V.ACCEPTS_BOUNCES, True),
        (O.ACCEPTED, {}, V.INCONCLUSIVE, False),
        (O.MAYBE_ACCEPTED, {}, V.INCONCLUSIVE, False),
        (O.ACCEPTED, {"window_closed": True}, V.ACCEPTS_LOSES, True),
        (O.LOST, {}, V.ACCEPTS_LOSES, True),
        (O.HELD, {"window_closed": True}, V.INCONCLUSIVE, True),
        (O.DSN_DELAYED, {}, V.INCONCLUSIVE, False),
    ],
)
def test_every_letter_whose_bounce_can_reach_us_must_have_bounced(
    other: Outcome, terms: dict[str, bool], verdict: Verdict, final: bool
) -> None:
    for pairs in ([("S01", O.BOUNCED), ("R06", other)], [("R06", other), ("S01", O.BOUNCED)]):
        judgement = judge(
            pairs,
            control=YES,
            profile="standard",
            window_closed=terms.get("window_closed", False),
            retries_left=False,
        )
        assert (judgement.verdict, judgement.final) == (verdict, final)


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("450 4.7.1 Error: too many recipients from 192.0.2.1", V.INCONCLUSIVE),
        ("451 4.3.2 System too busy, try again later", V.INCONCLUSIVE),
        ("421 4.7.0 Rate limit exceeded", V.INCONCLUSIVE),
        ("450 4.7.1 Relaying denied, too many attempts", V.CLOSED),
        ("451 4.7.1 Greylisted, you come too fast", V.CLOSED),
        ("452 4.2.2 Mailbox full", V.CLOSED),
        ("451 4.7.1 Please try again later", V.CLOSED),
    ],
)
def test_who_took_no_more_at_the_last_try_has_refused_nothing(reply: str, verdict: Verdict) -> None:
    forms = [form for form in CATALOGUE if form not in ("S11", "S12")]
    denied = dict.fromkeys(forms, "550 5.7.1 Relaying denied") | {"S03": reply}
    pairs = [(form, O.RCPT_4XX if form == "S03" else O.RCPT_5XX) for form in forms]
    told = {"control": YES, "profile": "standard", "window_closed": True, "replies": denied}
    assert judge(pairs, **told, retries_left=False).verdict is verdict
    assert not judge(pairs, **told, retries_left=True).final


def test_only_our_own_fault_asks_for_a_repetition() -> None:
    asking = [outcomes for outcomes, terms, *_ in CASES if run(*outcomes, **terms).repeat]  # type: ignore[arg-type]
    assert asking == [outcomes for outcomes, *_ in CASES if O.BOUNCED_BY_US in outcomes]
    assert asking
    assert not run(O.BOUNCED_BY_US, O.DELIVERED_SAME).repeat, "a proof is a proof"


def test_verdicts_and_findings_are_called_by_their_names() -> None:
    assert [each.value for each in (*Verdict, *Finding)] == [each.name for each in (*Verdict, *Finding)]


def test_every_verdict_stands_in_the_table() -> None:
    assert {verdict for _, _, verdict, _ in CASES} == set(Verdict)


ANY = {
    "control": st.sampled_from(Control),
    "profile": st.sampled_from(["basic", "standard", "full"]),
    "window_closed": st.booleans(),
    "retries_left": st.booleans(),
    "earlier_other": st.integers(0, 3),
    "unreachable_before": st.integers(0, 3),
}
NOT_DELIVERED = [o for o in Outcome if o not in DELIVERED]


@given(st.lists(st.sampled_from(NOT_DELIVERED)), st.fixed_dictionaries(ANY))
def test_no_delivery_no_conviction(outcomes: list[Outcome], terms: dict[str, object]) -> None:
    judgement = run(*outcomes, **terms)  # type: ignore[arg-type]
    assert judgement.verdict not in (V.OPEN, V.OPEN_MULTIHOP)
    assert not judgement.confirm


@given(st.lists(st.sampled_from(list(Outcome))), st.fixed_dictionaries(ANY))
def test_the_laws_of_judging(outcomes: list[Outcome], terms: dict[str, object]) -> None:
    judgement = run(*outcomes, **terms)  # type: ignore[arg-type]
    kinds = set(outcomes)
    assert run(*outcomes, **terms, backwards=True) == judgement  # type: ignore[arg-type]
    if judgement.verdict is V.OPEN:
        assert judgement.final
    if judgement.confirm:
        assert judgement.verdict is V.INCONCLUSIVE
        assert kinds & {O.DELIVERED_OTHER, O.DELIVERED_OTHER_LATE}
    if judgement.verdict is V.ACCEPTS_BOUNCES:
        assert O.BOUNCED in kinds
        answered = {o for n, o in enumerate(outcomes, 1) if n > 10 or CATALOGUE[f"S{n:02}"].answered}
        assert not answered & (PENDING | {O.LOST})
    if judgement.verdict is V.ACCEPTS_LOSES:
        assert not kinds & KEPT
    if judgement.verdict is V.CLOSED:
        assert kinds <= REFUSED | {O.RCPT_4XX, O.SKIPPED}
        assert outcomes.count(O.SKIPPED) * 2 <= len(outcomes)
        assert terms["control"] is Control.ACCEPTED
        assert terms["profile"] != "basic"
    if judgement.verdict not in (V.OPEN, V.OPEN_MULTIHOP):
        pending = bool(kinds & PENDING) and not terms["window_closed"]
        retry = bool(kinds & RETRY) and bool(terms["retries_left"])
        assert judgement.final == (not pending and not retry)


def test_a_closed_server_is_told_what_was_left_out() -> None:
    judgement = run(O.RCPT_5XX, O.RCPT_5XX, O.SKIPPED, control=YES)
    assert judgement.reason == (
        "Every form (1 left out on purpose) was refused, while mail for its own postmaster was accepted."
    )
    assert "left out" not in run(O.RCPT_5XX, control=YES).reason


# ------------------------------------------------------------------------------------ what refusals speak of

US = {"198.51.100.9", "probe.b.test", "b.test"}
RELAYING = "550 5.7.1 <r@c.test>: Relay access denied"
CLIENT = "554 5.7.1 <unknown[198.51.100.9]>: Client host rejected: Access denied"
UNTOLD = "550 5.7.1 rejected"
BARE = Control.ACCEPTED_BARE


def refused(
    plain: str,
    other: str,
    control: Control,
    postmaster: str = "",
    outcome: Outcome = O.RCPT_5XX,
    profile: str = "standard",
) -> Judgement:
    replies = {"S01": plain, "S10": plain, "S03": other, "R06": other}
    return judge(
        [(vector, outcome) for vector in replies],
        control=control,
        profile=profile,
        window_closed=False,
        retries_left=False,
        replies=replies,
        control_reply=postmaster,
        us=US,
    )


@pytest.mark.parametrize(
    ("plain", "other", "control", "postmaster", "verdict"),
    [
        # relaying is refused: nothing about its postmaster can change that
        (RELAYING, RELAYING, YES, "", V.CLOSED),
        (RELAYING, RELAYING, NO, "550 5.1.1 User unknown", V.CLOSED),
        (RELAYING, RELAYING, NO, RELAYING, V.CLOSED),
        (RELAYING, "553 5.1.3 bad syntax", BARE, "550 5.1.1 User unknown", V.CLOSED),
        (RELAYING, CLIENT, NO, CLIENT, V.CLOSED),
        (RELAYING, RELAYING, LATER, "", V.CLOSED),
        (RELAYING, RELAYING, Control.NOT_RUN, "", V.CLOSED),
        # we are refused: neither closed nor a way out, whatever is taken for a bare postmaster
        (CLIENT, CLIENT, BARE, CLIENT, V.REFUSES_TESTER),
        (CLIENT, CLIENT, NO, CLIENT, V.REFUSES_TESTER),
        (CLIENT, CLIENT, YES, "", V.REFUSES_TESTER),
        ("550 probe.b.test go home", UNTOLD, YES, "", V.REFUSES_TESTER),
        # the words speak of nothing: the control dialogue decides
        (UNTOLD, UNTOLD, YES, "", V.CLOSED),
        (UNTOLD, UNTOLD, NO, UNTOLD, V.REFUSES_TESTER),
        (UNTOLD, UNTOLD, BARE, UNTOLD, V.REFUSES_TESTER),
        (UNTOLD, UNTOLD, NO, "550 5.1.1 User unknown", V.CLOSED),
        (UNTOLD, UNTOLD, BARE, "", V.INCONCLUSIVE),
        (UNTOLD, UNTOLD, LATER, "", V.INCONCLUSIVE),
        (UNTOLD, UNTOLD, Control.NOT_RUN, "", V.INCONCLUSIVE),
        # each form has a word of its own: that is a judgement of forms
        (UNTOLD, "553 5.1.3 bad syntax", NO, "550 no such thing", V.CLOSED),
    ],
)
def test_of_refusals_the_words_count(
    plain: str, other: str, control: Control, postmaster: str, verdict: Verdict
) -> None:
    judgement = refused(plain, other, control, postmaster)
    assert judgement.verdict is verdict
    if judgement.verdict is V.CLOSED:
        assert judgement.no_postmaster == (control not in (YES, Control.NOT_RUN))
        assert judgement.no_postmaster == ("5321" in judgement.reason)


def test_a_postmaster_that_takes_no_mail_is_flagged() -> None:
    """Flag.NO_POSTMASTER"""
    judgement = refused(RELAYING, RELAYING, NO, "550 5.1.1 User unknown")
    assert (judgement.verdict, judgement.no_postmaster) == (V.CLOSED, True)
    assert judgement.reason.endswith(NO_POSTMASTER)


def test_refusals_that_may_mean_us_alone_want_a_second_look_before_anything_rests_on_them() -> None:
    assert refused(UNTOLD, UNTOLD, YES).second_look
    assert not refused(RELAYING, RELAYING, YES).second_look
    assert not refused(UNTOLD, "553 bad syntax", YES).second_look


def test_a_server_that_refuses_our_text_alone_has_not_refused_relaying() -> None:
    judgement = refused("554 5.7.1 message rejected", "550 5.7.1 no", YES, outcome=O.DATA_END_5XX)
    assert (judgement.verdict, judgement.second_look) == (V.INCONCLUSIVE, True)
    assert refused(RELAYING, RELAYING, YES, outcome=O.DATA_END_5XX).verdict is V.CLOSED


def test_our_sender_refused_everywhere_is_a_refusal_of_us() -> None:
    assert refused("550 no", "550 no", NO, "550 no", outcome=O.MAIL_5XX).verdict is V.REFUSES_TESTER
    assert refused(RELAYING, RELAYING, NO, RELAYING, outcome=O.MAIL_5XX).verdict is V.CLOSED
    unknown = "550 5.1.1 User unknown"  # of our sender, whom it looked up before anybody else was named
    assert refused(unknown, unknown, NO, unknown, outcome=O.MAIL_5XX).verdict is V.REFUSES_TESTER
    assert refused(unknown, unknown, NO, unknown).verdict is V.CLOSED


def test_a_narrow_profile_is_still_too_narrow() -> None:
    assert refused(RELAYING, RELAYING, YES, profile="basic").verdict is V.INCONCLUSIVE


# ------------------------------------------------------------------------------------ one form by itself


def told(
    forms: dict[str, tuple[Outcome, str]], control: Control = Control.NOT_RUN, postmaster: str = ""
) -> tuple[Verdict, bool]:
    """The verdict on forms with their replies, and whether a second look is wanted."""
    judgement = judge(
        [(vector, outcome) for vector, (outcome, _) in forms.items()],
        control=control,
        profile="standard",
        window_closed=False,
        retries_left=False,
        replies={vector: reply for vector, (_, reply) in forms.items()},
        control_reply=postmaster,
        us=US,
    )
    return judgement.verdict, judgement.second_look


RCPT, MAIL, WORDS, UNKNOWN = O.RCPT_5XX, O.MAIL_5XX, "553 5.1.3 bad syntax", "550 5.1.1 User unknown"


@pytest.mark.parametrize("plain", ["S01", "S10"])
def test_one_plain_form_that_is_refused_as_relaying_is_enough_and_no_other_form_is(plain: str) -> None:
    assert told({plain: (RCPT, RELAYING), "S03": (RCPT, UNTOLD)}) == (V.CLOSED, False)
    assert told({plain: (RCPT, UNTOLD), "S03": (RCPT, RELAYING)}) == (V.INCONCLUSIVE, False)
    both = {"S01": (RCPT, UNTOLD), "S10": (RCPT, UNTOLD)} | {plain: (RCPT, RELAYING)}
    assert told(both) == (V.CLOSED, False)


@pytest.mark.parametrize("outcome", [O.RCPT_AUTH, O.RCPT_DENIED_SOFT])
def test_a_code_that_speaks_of_relaying_needs_no_words(outcome: Outcome) -> None:
    assert told({"S01": (outcome, UNTOLD)}) == (V.CLOSED, False)


def test_every_plain_form_must_be_stopped_at_our_sender_to_be_a_refusal_of_us() -> None:
    assert (
        told({"S01": (MAIL, UNTOLD), "S10": (MAIL, UNTOLD), "S03": (RCPT, WORDS)}, NO, UNKNOWN)[0] is V.REFUSES_TESTER
    )
    assert told({"S01": (MAIL, UNTOLD), "S10": (RCPT, UNTOLD), "S03": (RCPT, WORDS)}, NO, UNKNOWN)[0] is V.CLOSED
    assert told({"S01": (RCPT, UNTOLD), "S03": (MAIL, WORDS)}, NO, UNKNOWN)[0] is V.CLOSED
    assert told({"S03": (RCPT, WORDS), "R06": (RCPT, UNTOLD)}, NO, UNKNOWN)[0] is V.CLOSED, "no plain form was tried"
    assert told({"S01": (MAIL, UNTOLD), "S03": (RCPT, WORDS)}, YES)[0] is V.CLOSED, "its postmaster takes our mail"


def test_a_postmaster_refused_in_words_that_name_us_is_a_refusal_of_us() -> None:
    assert refused(UNTOLD, UNTOLD, NO, "550 probe.b.test go home").verdict is V.REFUSES_TESTER


def test_a_postmaster_refused_as_one_form_among_different_ones_shows_nothing() -> None:
    assert refused(UNTOLD, WORDS, NO, UNTOLD).verdict is V.CLOSED


def test_a_postmaster_that_was_put_off_shows_nothing_whatever_the_words() -> None:
    assert refused(UNTOLD, UNTOLD, LATER, "450 4.7.0 patience").verdict is V.INCONCLUSIVE


def test_a_postmaster_that_takes_mail_is_no_refusal_of_us_in_any_words() -> None:
    assert refused(UNTOLD, UNTOLD, YES, UNTOLD).verdict is V.CLOSED


@pytest.mark.parametrize("control", [NO, BARE, Control.NOT_RUN])
def test_the_same_words_for_every_form_want_a_second_look_whatever_the_postmaster_was_told(control: Control) -> None:
    judgement = refused(UNTOLD, UNTOLD, control, UNKNOWN)
    assert (judgement.verdict, judgement.second_look) == (V.CLOSED, True)


def test_a_reply_that_is_not_known_speaks_of_nothing_as_an_empty_one_does() -> None:
    pairs = [("S01", RCPT), ("S10", RCPT)]
    judgement = judge(
        pairs, control=NO, profile="standard", window_closed=False, retries_left=False, control_reply="550"
    )
    assert judgement.verdict is V.REFUSES_TESTER


def test_whole_kinds_of_failure_are_judged_as_one_of_them_is() -> None:
    assert run(O.CONN_UNREACH, unreachable_before=2).verdict is V.UNREACHABLE
    assert run(O.CONN_REFUSED, O.CONN_TIMEOUT, O.CONN_UNREACH, unreachable_before=2).verdict is V.UNREACHABLE
    assert run(O.BANNER_5XX, O.HELO_5XX).verdict is V.REFUSES_TESTER
    assert run(*REFUSED, control=YES).second_look, "its text was refused at the end"


def test_without_an_earlier_run_one_letter_from_elsewhere_is_not_enough() -> None:
    judgement = judge(
        [("S01", O.DELIVERED_OTHER)], control=NO, profile="standard", window_closed=False, retries_left=False
    )
    assert (judgement.verdict, judgement.confirm) == (V.INCONCLUSIVE, True)


@pytest.mark.parametrize(
    ("outcomes", "terms", "reason"),
    [
        ((O.HELD,), {}, "The server says that it has our letter still: it may yet pass it on."),
        ((O.ACCEPTED,), {}, "The server accepted our letter; it has not come back yet."),
        ((O.SKIPPED,), {}, "Nothing was tried."),
        ((O.RCPT_5XX, O.EARLY_421), {"retries_left": True}, "The server asked us to come back later."),
        ((O.RCPT_5XX, O.TIMEOUT), {}, "Not every attempt came to a clear answer."),
        ((O.BANNER_GARBAGE, O.BANNER_EOF), {}, "A connection came about, but no greeting of a mail server."),
        ((O.BANNER_TIMEOUT, O.BANNER_OVERSIZE), {}, "A connection came about, but no greeting of a mail server."),
        ((O.RCPT_AUTH,), {}, "Every form was refused, for relaying."),
        ((O.RCPT_AUTH,), {"control": NO}, f"Every form was refused, for relaying. {NO_POSTMASTER}"),
        ((O.RCPT_5XX,), {"control": YES}, "Every form was refused, while mail for its own postmaster was accepted."),
    ],
)
def test_what_people_are_told_is_what_it_was(
    outcomes: tuple[Outcome, ...], terms: dict[str, object], reason: str
) -> None:
    judgement = run(*outcomes, **terms)  # type: ignore[arg-type]
    assert (judgement.reason, judgement.second_look) == (reason, outcomes == (O.RCPT_5XX,))


def test_what_was_refused_in_words_of_its_own_is_not_said_to_be_for_relaying() -> None:
    assert refused(UNTOLD, WORDS, NO, UNKNOWN).reason == f"Every form was refused. {NO_POSTMASTER}"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, "from the tested address."),
        ({"received_at": 2500.0}, "from the tested address, late."),
        ({"peer": ip_address("192.0.2.2")}, "from another address than the tested one."),
        ({"peer": ip_address("192.0.2.2"), "received_at": 2500.0}, "from another address than the tested one, late."),
    ],
)
def test_a_letter_that_came_back_says_from_where_and_when(change: dict[str, object], reason: str) -> None:
    assert weigh(replace(GOOD, **change)).reason == f"The letter came back with its proof {reason}"  # type: ignore[arg-type]


def test_a_letter_by_another_address_of_the_same_machine_came_straight_back() -> None:
    elsewhere = replace(GOOD, peer=ip_address("2001:db8::9"))
    assert weigh(elsewhere).finding is Finding.DELIVERED_OTHER
    twin = weigh(replace(elsewhere, twin="mx.host.test"))
    assert (twin.finding, twin.counts) == (Finding.DELIVERED_SAME, True)
    assert "2001:db8::9 (mx.host.test leads to both)" in twin.reason
    assert weigh(replace(elsewhere, twin="mx.host.test", proof_ok=False)).finding is Finding.TOKEN_SEEN
    by_itself = weigh(replace(GOOD, twin="mx.host.test"))
    assert by_itself.reason == "The letter came back with its proof from the tested address."


# ---------------------------------------------------------------------------------------- another stranger


def of_strangers(plain: Outcome, second: Outcome, third: Outcome = O.UNTRIED, **changed: Any) -> Judgement:
    facts: dict[str, Any] = {"control": YES, "profile": "standard", "window_closed": True, "retries_left": False}
    replies = dict.fromkeys(("S01", "S10", "S11", "S12"), RELAYING)
    pairs = [("S01", plain), ("S10", plain), ("R01", O.RCPT_5XX), ("S11", second), ("S12", third)]
    return judge(pairs, replies=replies, us=US, **facts | changed)


CAME, REFUSED_AT_RCPT = O.DELIVERED_SAME, O.RCPT_5XX


@pytest.mark.parametrize(
    ("plain", "second", "third", "apart", "verdict"),
    [
        (CAME, CAME, O.UNTRIED, True, V.OPEN),
        (CAME, O.UNTRIED, O.UNTRIED, True, V.OPEN),  # nothing speaks against the one
        (CAME, O.LOST, O.UNTRIED, False, V.INCONCLUSIVE),  # a honeypot that passes on probes
        (CAME, O.BOUNCED, O.UNTRIED, False, V.INCONCLUSIVE),
        (CAME, O.ACCEPTED, O.UNTRIED, False, V.INCONCLUSIVE),  # as lost: its time is over
        (CAME, O.HELD, O.UNTRIED, False, V.INCONCLUSIVE),
        (CAME, REFUSED_AT_RCPT, O.LOST, False, V.INCONCLUSIVE),
        (CAME, O.TIMEOUT, O.UNTRIED, True, V.OPEN),  # he was told nothing
        (CAME, O.DATA_END_5XX, REFUSED_AT_RCPT, False, V.INCONCLUSIVE),
        (CAME, REFUSED_AT_RCPT, REFUSED_AT_RCPT, True, V.INCONCLUSIVE),  # it serves a domain of ours
        (CAME, REFUSED_AT_RCPT, REFUSED_AT_RCPT, False, V.OPEN),  # it refuses the other stranger
        (CAME, REFUSED_AT_RCPT, CAME, True, V.OPEN),
        (CAME, O.CONN_TIMEOUT, O.CONN_TIMEOUT, True, V.OPEN),
        (REFUSED_AT_RCPT, CAME, CAME, True, V.OPEN),
        (REFUSED_AT_RCPT, CAME, O.UNTRIED, False, V.OPEN),
        (REFUSED_AT_RCPT, CAME, REFUSED_AT_RCPT, False, V.OPEN),  # the same domain is served to him, and refused to us
        (REFUSED_AT_RCPT, CAME, O.UNTRIED, True, V.OPEN),  # the third letter was never offered
        (REFUSED_AT_RCPT, CAME, REFUSED_AT_RCPT, True, V.INCONCLUSIVE),  # it serves a domain of ours
        (REFUSED_AT_RCPT, REFUSED_AT_RCPT, CAME, False, V.INCONCLUSIVE),
        (O.LOST, CAME, O.UNTRIED, True, V.OPEN),  # our first text is thrown away
        (REFUSED_AT_RCPT, REFUSED_AT_RCPT, REFUSED_AT_RCPT, True, V.CLOSED),
        (REFUSED_AT_RCPT, O.BANNER_5XX, O.BANNER_5XX, True, V.CLOSED),  # he has seen nothing
        (REFUSED_AT_RCPT, O.LOST, O.LOST, True, V.ACCEPTS_LOSES),
        (O.DATA_END_5XX, O.DATA_END_5XX, O.RCPT_5XX, True, V.CLOSED),  # two texts, and words for relaying
    ],
)
def test_a_plain_letter_convicts_where_another_stranger_does_not_speak_against_it(
    plain: Outcome, second: Outcome, third: Outcome, apart: bool, verdict: Verdict
) -> None:
    judgement = of_strangers(plain, second, third, apart=apart)
    assert (judgement.verdict, judgement.final) == (verdict, True), judgement.reason
    specific = verdict is V.OPEN and plain is REFUSED_AT_RCPT
    assert judgement.singled_out is specific


def test_the_other_letter_is_waited_for_and_then_the_first_one_convicts() -> None:
    waiting = of_strangers(CAME, O.ACCEPTED, window_closed=False)
    assert (waiting.verdict, waiting.final) == (V.INCONCLUSIVE, False)
    to_be_offered = of_strangers(CAME, O.UNTRIED, window_closed=False, retries_left=True)
    assert (to_be_offered.verdict, to_be_offered.final) == (V.INCONCLUSIVE, False)
    assert of_strangers(CAME, CAME, window_closed=False, retries_left=True).verdict is V.OPEN
    third = of_strangers(REFUSED_AT_RCPT, CAME, O.ACCEPTED, apart=True, window_closed=False)
    assert (third.verdict, third.final) == (V.INCONCLUSIVE, False)


@pytest.mark.parametrize(
    ("plain", "second", "third", "apart", "waited_for"),
    [
        # what came first was ours: the other stranger's letters are under way, or are to be offered again
        (CAME, REFUSED_AT_RCPT, O.ACCEPTED, False, True),
        (CAME, O.RCPT_4XX, O.UNTRIED, False, True),
        (CAME, REFUSED_AT_RCPT, O.UNTRIED, False, False),
        # what came first was his, for his own domain: the one for a third domain tells
        (REFUSED_AT_RCPT, CAME, O.UNTRIED, True, True),
        (REFUSED_AT_RCPT, CAME, O.RCPT_4XX, True, True),
        (O.ACCEPTED, CAME, O.ACCEPTED, True, False),
        # what came first was that one
        (O.ACCEPTED, REFUSED_AT_RCPT, CAME, True, True),
        (REFUSED_AT_RCPT, O.ACCEPTED, CAME, True, True),
        (REFUSED_AT_RCPT, O.RCPT_4XX, CAME, True, True),
    ],
)
def test_a_letter_that_may_still_speak_for_or_against_the_first_is_waited_for(
    plain: Outcome, second: Outcome, third: Outcome, apart: bool, waited_for: bool
) -> None:
    judgement = of_strangers(plain, second, third, apart=apart, window_closed=False, retries_left=True)
    assert (judgement.verdict, judgement.final) == ((V.INCONCLUSIVE, False) if waited_for else (V.OPEN, True))
    over = of_strangers(plain, second, third, apart=apart, window_closed=True, retries_left=False)
    assert over.final


def test_who_puts_us_off_when_he_has_the_whole_envelope_is_waited_for() -> None:
    """Greylisting that looks at sender and recipients together answers at DATA."""
    terms: dict[str, Any] = {"control": Control.NOT_RUN, "profile": "standard", "window_closed": False}
    waiting = judge([("S01", O.DATA_CMD_4XX), ("S11", O.DATA_CMD_4XX)], retries_left=True, **terms)
    assert (waiting.verdict, waiting.final) == (V.INCONCLUSIVE, False)
    assert waiting.reason == "The server asked us to come back later."


def test_a_form_that_is_not_plain_needs_no_second_letter() -> None:
    pairs = [("S01", O.RCPT_5XX), ("S03", CAME), ("S11", O.RCPT_5XX), ("S12", O.RCPT_5XX)]
    judgement = judge(pairs, control=YES, profile="standard", window_closed=False, retries_left=True)
    assert (judgement.verdict, judgement.singled_out) == (V.OPEN, False), "nobody was singled out: it has another hole"


@pytest.mark.parametrize("plain", [O.LOST, O.BOUNCED, O.RCPT_5XX])
def test_a_form_that_is_not_plain_convicts_whatever_became_of_the_other_stranger_s(plain: Outcome) -> None:
    pairs = [("S01", plain), ("S03", CAME), ("R01", O.RCPT_5XX), ("S11", O.LOST), ("S12", O.LOST)]
    judgement = judge(pairs, control=YES, profile="standard", window_closed=True, retries_left=False)
    assert judgement.verdict is V.OPEN


@pytest.mark.parametrize(
    ("second", "verdict"), [(O.LOST, V.INCONCLUSIVE), (O.RCPT_5XX, V.INCONCLUSIVE), (CAME, V.OPEN)]
)
@pytest.mark.parametrize("other", ["S02", "S03", "R01", "R10", "X01"])
def test_where_the_plain_form_came_back_no_other_one_speaks_for_a_relay(
    other: str, second: Outcome, verdict: Verdict
) -> None:
    """A slow honeypot, or a slow server of one domain of ours, has every form before the first comes back."""
    pairs = [("S01", CAME), (other, CAME), ("S11", second), ("S12", O.RCPT_5XX)]
    judgement = judge(pairs, control=YES, profile="standard", window_closed=True, retries_left=False, apart=True)
    assert judgement.verdict is verdict


def test_the_tester_is_singled_out_where_the_other_stranger_s_letter_hops_too_and_not_where_ours_were_never_told() -> (
    None
):
    hops = of_strangers(REFUSED_AT_RCPT, O.DELIVERED_OTHER, O.DELIVERED_OTHER, apart=True, earlier_other=1)
    assert (hops.verdict, hops.singled_out) == (V.OPEN_MULTIHOP, True)
    alone = judge([("S11", CAME)], control=YES, profile="standard", window_closed=True, retries_left=False)
    assert (alone.verdict, alone.singled_out) == (V.OPEN, False)


@pytest.mark.parametrize("vector", ["S11", "S12"])
def test_relaying_that_is_refused_to_the_other_stranger_is_refused_to_everybody(vector: str) -> None:
    assert told({"S01": (RCPT, UNTOLD), vector: (RCPT, RELAYING)}) == (V.CLOSED, False)


def test_where_no_text_was_taken_none_was_judged_whatever_the_other_stranger_was_told() -> None:
    assert told({"S01": (RCPT, RELAYING), "S11": (RCPT, UNTOLD)}) == (V.CLOSED, False)


@pytest.mark.parametrize(("vector", "outcome"), [("S11", O.RCPT_AUTH), ("S12", RCPT)])
def test_a_text_refused_for_relaying_is_a_refusal_where_the_other_text_met_a_code_for_that(
    vector: str, outcome: Outcome
) -> None:
    assert told({"S01": (O.DATA_END_5XX, RELAYING), vector: (outcome, UNTOLD)}) == (V.CLOSED, False)


def test_to_say_the_domain_of_the_third_letter_again_which_is_a_name_of_ours_is_not_to_refuse_us() -> None:
    abroad = "550 Annahme verweigert: {} ist uns fremd"
    forms = {"S01": "c.test", "S10": "c.test", "S11": "letters.test", "S12": "b.test"}
    assert told({vector: (RCPT, abroad.format(domain)) for vector, domain in forms.items()}, YES)[0] is V.CLOSED
    named = {"S01": (RCPT, abroad.format("b.test")), "S12": (RCPT, abroad.format("b.test"))}
    assert told(named, YES)[0] is V.REFUSES_TESTER


def test_all_letters_went_to_one_domain_unless_it_is_said_that_they_did_not() -> None:
    pairs = [("S01", CAME), ("S11", O.RCPT_5XX)]
    judgement = judge(pairs, control=YES, profile="standard", window_closed=True, retries_left=False)
    assert judgement.verdict is V.OPEN


def test_another_stranger_whose_letter_was_left_out_is_not_counted_among_the_forms() -> None:
    pairs = [("S01", O.RCPT_AUTH), ("S11", O.SKIPPED)]
    judgement = judge(pairs, control=Control.NOT_RUN, profile="standard", window_closed=True, retries_left=False)
    assert judgement.reason == "Every form was refused, for relaying."


def test_one_domain_of_ours_asks_for_a_second_look() -> None:
    assert of_strangers(REFUSED_AT_RCPT, CAME, REFUSED_AT_RCPT, apart=True).second_look
    assert not of_strangers(CAME, O.LOST).second_look


def test_a_text_that_is_refused_in_words_for_relaying_is_a_refusal_only_where_another_one_meets_the_same() -> None:
    replies = {"S01": RELAYING, "S10": RELAYING, "S11": "550 no such luck"}
    outcomes = {"S01": O.DATA_END_5XX, "S10": O.DATA_END_5XX, "S11": O.RCPT_5XX}
    judgement = judge(
        outcomes.items(), control=YES, profile="standard", window_closed=True, retries_left=False, replies=replies
    )
    assert (judgement.verdict, judgement.second_look) == (V.INCONCLUSIVE, True)
