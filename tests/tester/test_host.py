"""What a host is, from its ways in: a way in beside the mail port, when enough is known of one, and which judgement
counts."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from samples import LETTER

from tester.fate import Fate
from tester.host import JudgedPath, is_enough, is_silent, judge_host, judge_way, own_ways
from tester.paths import Path, path
from tester.smtp import Control, Outcome
from tester.verdict import Finding, Judgement, Verdict

O = Outcome  # noqa: E741
HERE, TWIN = ip_address("192.0.2.1"), ip_address("2001:db8::1")
MAIN = path(HERE, 25)
LOGIN = "530 5.7.0 Authentication required"
REJECTED = "554 5.7.1 <x>: Client host rejected: Access denied"


def letters(
    outcome: Outcome, reply: str = "550 5.7.1 relaying denied", *, finding: Finding | None = None
) -> list[Fate]:
    return [
        Fate(letter=replace(LETTER, vector=vector), outcome=outcome, reply=reply, finding=finding)
        for vector in ("S01", "S10")
    ]


def stranger(outcome: Outcome, vector: str = "S11", *, finding: Finding | None = None) -> list[Fate]:
    """One of the other stranger's letters."""
    return [replace(letters(outcome, finding=finding)[0], letter=replace(LETTER, vector=vector))]


def judged(way: Path, fates: list[Fate], *, first: bool = False, relayed: bool = False) -> JudgedPath:
    return judge_way(
        way,
        fates,
        first=first,
        relayed=relayed,
        control=Control.NOT_RUN,
        control_reply="",
        profile="standard",
        window_closed=True,
        retries_left=False,
        earlier_other=0,
        unreachable_before=0,
        us={"tester.test"},
        apart=True,
    )


MUTE = [O.CONN_REFUSED, O.CONN_TIMEOUT, O.CONN_UNREACH, O.BANNER_TIMEOUT, O.BANNER_GARBAGE]


@pytest.mark.parametrize("outcome", MUTE)
def test_a_port_without_a_mail_service_is_no_failure_beside_the_mail_port_alone(outcome: Outcome) -> None:
    beside = judged(path(HERE, 587), letters(outcome))
    assert (beside.silent, beside.judgement.verdict, beside.judgement.final) == (True, Verdict.UNREACHABLE, True)
    assert judged(path(TWIN, 25), letters(outcome)).silent
    assert not judged(MAIN, letters(outcome), first=True).silent


def test_a_port_that_has_relayed_is_not_left_by_blocking_us() -> None:
    way = judged(path(HERE, 587), letters(O.CONN_REFUSED), relayed=True)
    assert (way.silent, way.judgement.verdict) == (False, Verdict.INCONCLUSIVE)
    refuses = judged(path(HERE, 587), letters(O.RCPT_5XX, REJECTED), relayed=True)
    assert refuses.judgement.verdict is Verdict.REFUSES_TESTER


def test_a_failed_handshake_is_silence_only_where_tls_comes_first() -> None:
    assert is_silent(path(HERE, 465), {O.TLS_FAIL})
    assert not is_silent(path(HERE, 587), {O.TLS_FAIL})
    assert not is_silent(path(HERE, 465), set())
    assert not is_silent(path(HERE, 465), {O.CONN_REFUSED, O.RCPT_5XX})


@pytest.mark.parametrize(
    ("outcome", "reply"),
    [
        (O.MAIL_5XX, LOGIN),
        (O.RCPT_AUTH, LOGIN),
        (O.RCPT_5XX, REJECTED),
        (O.BANNER_5XX, "554 no"),
        (O.HELO_5XX, "550 no"),
    ],
)
def test_a_port_for_those_who_log_in_may_refuse_others_in_any_words(outcome: Outcome, reply: str) -> None:
    assert judged(path(HERE, 587), letters(outcome, reply)).judgement.verdict is Verdict.CLOSED
    assert judged(MAIN, letters(O.RCPT_5XX, REJECTED), first=True).judgement.verdict is Verdict.REFUSES_TESTER
    assert is_enough(path(HERE, 465), letters(outcome, reply))


def test_a_way_in_beside_the_mail_port_convicts_by_two_unlike_letters_as_well() -> None:
    came = letters(O.ACCEPTED, finding=Finding.DELIVERED_SAME)
    both = judged(SUBMISSION, [*came, *stranger(O.ACCEPTED, finding=Finding.DELIVERED_SAME)])
    assert both.judgement.verdict is Verdict.OPEN
    assert judged(SUBMISSION, [*came, *stranger(O.ACCEPTED)]).judgement.verdict is Verdict.INCONCLUSIVE
    one_domain = judged(SUBMISSION, [*came, *stranger(O.RCPT_5XX), *stranger(O.RCPT_5XX, "S12")])
    assert one_domain.judgement.verdict is Verdict.INCONCLUSIVE


def test_who_did_not_hear_the_other_stranger_is_judged_by_what_it_told_us() -> None:
    way = judged(SUBMISSION, [*letters(O.MAIL_5XX, LOGIN), *stranger(O.CONN_TIMEOUT), *stranger(O.UNTRIED, "S12")])
    assert way.judgement.verdict is Verdict.CLOSED
    assert judged(SUBMISSION, [*letters(O.CONN_REFUSED), *stranger(O.CONN_REFUSED)]).silent


def test_a_text_that_was_taken_and_then_refused_leaves_a_doubt_at_any_port() -> None:
    way = judged(path(HERE, 587), letters(O.DATA_END_5XX, "554 spam"))
    assert way.judgement.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("fates", "enough"),
    [
        (letters(O.CONN_REFUSED), True),
        (letters(O.ACCEPTED, finding=Finding.DELIVERED_SAME), True),
        (letters(O.ACCEPTED), False),
        (letters(O.RCPT_5XX), False),
        (letters(O.MAIL_5XX, "550 bad sender"), False),
        (letters(O.RCPT_4XX), False),
        ([*letters(O.RCPT_AUTH, LOGIN), *letters(O.RCPT_5XX)], False),
        ([*letters(O.RCPT_AUTH, LOGIN), *letters(O.SKIPPED, "switched off")], True),
        ([], True),
        (letters(O.UNTRIED), True),
        ([*letters(O.RCPT_AUTH, LOGIN), *stranger(O.CONN_TIMEOUT), *stranger(O.UNTRIED)], True),
        ([*letters(O.RCPT_AUTH, LOGIN), *stranger(O.RCPT_5XX)], False),
        ([*letters(O.ACCEPTED, finding=Finding.DELIVERED_SAME), *stranger(O.ACCEPTED)], True),
        # mail for one domain of ours may be all that it takes: the other forms have not been heard yet
        ([*letters(O.RCPT_5XX), *stranger(O.ACCEPTED, finding=Finding.DELIVERED_SAME)], False),
        (
            [
                *letters(O.RCPT_5XX),
                *stranger(O.ACCEPTED, finding=Finding.DELIVERED_SAME),
                *stranger(O.ACCEPTED, "S12", finding=Finding.DELIVERED_SAME),
            ],
            True,
        ),
    ],
)
def test_the_plain_forms_are_enough_where_no_other_could_tell_more(fates: list[Fate], enough: bool) -> None:
    assert is_enough(path(HERE, 587), fates) is enough


def test_a_refusal_for_want_of_a_login_is_not_enough_at_a_mail_port() -> None:
    assert not is_enough(path(TWIN, 25), letters(O.RCPT_AUTH, LOGIN))


# -- the host ----------------------------------------------------------------------------------------------------------
def way(where: Path, verdict: Verdict, *, silent: bool = False, final: bool = True, **marks: bool) -> JudgedPath:
    judgement = Judgement(verdict=verdict, final=final, confirm=marks.pop("confirm", False), reason="So.", **marks)
    return JudgedPath(path=where, judgement=judgement, silent=silent)


V = Verdict
SUBMISSION, SMTPS, BESIDE = path(HERE, 587), path(HERE, 465), path(TWIN, 25)


@pytest.mark.parametrize(
    ("ways", "verdict"),
    [
        ([way(MAIN, V.CLOSED), way(SUBMISSION, V.OPEN)], V.OPEN),
        ([way(MAIN, V.CLOSED), way(SUBMISSION, V.OPEN_MULTIHOP)], V.OPEN_MULTIHOP),
        ([way(MAIN, V.CLOSED), way(BESIDE, V.OPEN)], V.OPEN),
        ([way(MAIN, V.OPEN_MULTIHOP), way(BESIDE, V.OPEN)], V.OPEN_MULTIHOP),
        ([way(MAIN, V.OPEN_MULTIHOP), way(SUBMISSION, V.OPEN)], V.OPEN),
        ([way(MAIN, V.CLOSED), way(SUBMISSION, V.CLOSED), way(SMTPS, V.UNREACHABLE, silent=True)], V.CLOSED),
        ([way(MAIN, V.CLOSED), way(SUBMISSION, V.REFUSES_TESTER)], V.REFUSES_TESTER),
        ([way(MAIN, V.UNREACHABLE), way(SUBMISSION, V.CLOSED)], V.UNREACHABLE),
        ([way(MAIN, V.INCONCLUSIVE), way(SUBMISSION, V.CLOSED)], V.INCONCLUSIVE),
        ([way(MAIN, V.CLOSED), way(SUBMISSION, V.ACCEPTS_BOUNCES)], V.ACCEPTS_BOUNCES),
        ([way(MAIN, V.ACCEPTS_BOUNCES), way(SUBMISSION, V.ACCEPTS_LOSES)], V.ACCEPTS_LOSES),
        ([way(SUBMISSION, V.UNREACHABLE, silent=True), way(SMTPS, V.UNREACHABLE, silent=True)], V.UNREACHABLE),
        ([way(SUBMISSION, V.UNREACHABLE, silent=True), way(SMTPS, V.CLOSED)], V.CLOSED),
    ],
)
def test_of_several_ways_in_the_one_that_relays_counts_then_any_doubt(ways: list[JudgedPath], verdict: Verdict) -> None:
    assert judge_host(ways).verdict is verdict


def test_a_host_of_one_way_in_is_what_that_is() -> None:
    only = way(MAIN, V.CLOSED, second_look=True)
    assert judge_host([only]) == only.judgement


def test_nothing_is_final_while_a_letter_may_still_show_more_but_an_own_way_in_that_relays() -> None:
    pending = way(MAIN, V.INCONCLUSIVE, final=False)
    assert not judge_host([pending, way(SUBMISSION, V.CLOSED)]).final
    assert not judge_host([pending, way(BESIDE, V.OPEN)]).final, "whether the address itself relays is still open"
    assert judge_host([pending, way(SUBMISSION, V.OPEN)]).final


def test_the_sentence_names_the_ways_in() -> None:
    ways = [way(MAIN, V.CLOSED), way(SUBMISSION, V.OPEN), way(SMTPS, V.OPEN), way(BESIDE, V.OPEN)]
    assert judge_host(ways).reason.endswith("The host relays at 192.0.2.1 port 587, 465 (TLS); 2001:db8::1 port 25.")
    doubt = [way(MAIN, V.CLOSED), way(SUBMISSION, V.INCONCLUSIVE)]
    assert judge_host(doubt).reason == "At 192.0.2.1 port 587: So."
    closed = [way(MAIN, V.CLOSED), way(BESIDE, V.CLOSED), way(SMTPS, V.UNREACHABLE, silent=True)]
    assert judge_host(closed).reason == (
        "So. So it is at 2001:db8::1 port 25. No mail service answers at 192.0.2.1 port 465 (TLS)."
    )


@pytest.mark.parametrize("mark", ["second_look", "repeat", "confirm"])
def test_what_one_way_in_asks_for_is_asked_for_the_host(mark: str) -> None:
    ways = [way(MAIN, V.INCONCLUSIVE), way(SUBMISSION, V.INCONCLUSIVE, **{mark: True})]
    assert getattr(judge_host(ways), mark)
    assert not getattr(judge_host([way(MAIN, V.INCONCLUSIVE), way(SUBMISSION, V.CLOSED)]), mark)


def test_the_own_ways_in_are_those_of_the_address_that_relay() -> None:
    ways = [way(MAIN, V.CLOSED), way(SUBMISSION, V.OPEN), way(BESIDE, V.OPEN)]
    assert own_ways(ways, HERE) == [ways[1]]


def test_an_address_that_speaks_at_another_port_is_not_called_unreachable() -> None:
    gone = replace(way(MAIN, Verdict.UNREACHABLE), speaks=False)
    shut = replace(way(path(HERE, 587), Verdict.INCONCLUSIVE), speaks=False)
    assert judge_host([gone, shut, way(path(HERE, 465), Verdict.REFUSES_TESTER)]).verdict is Verdict.REFUSES_TESTER
    assert judge_host([gone, shut]).verdict is Verdict.UNREACHABLE
    assert judge_host([gone, way(path(TWIN, 25), Verdict.REFUSES_TESTER)]).verdict is Verdict.UNREACHABLE
    assert judged(path(HERE, 587), letters(O.BANNER_5XX), relayed=True).speaks
    assert not judged(path(HERE, 587), letters(O.CONN_REFUSED), relayed=True).speaks
