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


def judged(way: Path, fates: list[Fate], *, first: bool = False, relayed: bool = False, **more: object) -> JudgedPath:
    given = {
        "control": Control.NOT_RUN,
        "control_reply": "",
        "profile": "standard",
        "window_closed": True,
        "retries_left": False,
        "earlier_other": 0,
        "unreachable_before": 0,
        "us": {"tester.test"},
        "apart": True,
    }
    return judge_way(way, fates, first=first, relayed=relayed, **given | more)  # type: ignore[arg-type]


MUTE = [
    O.CONN_REFUSED,
    O.CONN_TIMEOUT,
    O.CONN_UNREACH,
    O.BANNER_TIMEOUT,
    O.BANNER_EOF,
    O.BANNER_GARBAGE,
    O.BANNER_OVERSIZE,
]


@pytest.mark.parametrize("outcome", MUTE)
def test_a_port_without_a_mail_service_is_no_failure_beside_the_mail_port_alone(outcome: Outcome) -> None:
    beside = judged(path(HERE, 587), letters(outcome))
    assert (beside.silent, beside.speaks) == (True, False)
    assert (beside.judgement.verdict, beside.judgement.final) == (Verdict.UNREACHABLE, True)
    assert not beside.judgement.confirm, "there is nothing to be confirmed"
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
    assert is_silent(MAIN, set(MUTE)), "however many ways there are of saying nothing"


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


def test_another_address_is_no_port_for_those_who_log_in_so_its_refusals_are_read_as_at_any_mail_port() -> None:
    assert judged(path(TWIN, 25), letters(O.RCPT_5XX, REJECTED)).judgement.verdict is Verdict.REFUSES_TESTER


def test_a_port_where_nothing_was_offered_or_a_letter_of_ours_did_not_get_through_is_not_called_closed() -> None:
    nothing = judged(SUBMISSION, letters(O.UNTRIED))
    assert (nothing.judgement.verdict, nothing.silent, nothing.speaks) == (Verdict.INCONCLUSIVE, False, False)
    one, other = letters(O.RCPT_5XX, LOGIN)
    half = judged(SUBMISSION, [one, replace(other, outcome=O.CONN_TIMEOUT, reply="")])
    assert half.judgement.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("fates", "without", "given", "verdict"),
    [
        (
            letters(O.CONN_TIMEOUT),
            Verdict.INCONCLUSIVE,
            {"unreachable_before": 2},
            Verdict.UNREACHABLE,
        ),
        (
            letters(O.ACCEPTED, finding=Finding.DELIVERED_OTHER),
            Verdict.INCONCLUSIVE,
            {"earlier_other": 1, "apart": False},
            Verdict.OPEN_MULTIHOP,
        ),
        (
            letters(O.RCPT_5XX, "550 5.7.1 tester.test is on our list"),
            Verdict.REFUSES_TESTER,
            {"us": ()},
            Verdict.INCONCLUSIVE,
        ),
    ],
)
def test_what_is_known_beside_the_letters_counts_at_each_way_in(
    fates: list[Fate], without: Verdict, given: dict[str, object], verdict: Verdict
) -> None:
    assert judged(MAIN, fates, first=True).judgement.verdict is without
    assert judged(MAIN, fates, first=True, **given).judgement.verdict is verdict


def test_how_mail_for_its_postmaster_was_refused_is_read_as_the_other_replies_are() -> None:
    no = "550 5.0.0 no"
    for reply, verdict in (("550 5.2.2 mailbox full", Verdict.CLOSED), (no, Verdict.REFUSES_TESTER)):
        way = judged(MAIN, letters(O.RCPT_5XX, no), first=True, control=Control.REFUSED, control_reply=reply)
        assert way.judgement.verdict is verdict


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


@pytest.mark.parametrize("ours", [O.UNTRIED, O.SKIPPED])
def test_where_the_other_stranger_alone_was_sent_what_he_met_counts(ours: Outcome) -> None:
    assert judged(SUBMISSION, [*letters(ours), *stranger(O.CONN_REFUSED)]).silent
    assert not judged(SUBMISSION, [*letters(ours), *stranger(O.BANNER_5XX)]).silent
    assert not judged(SUBMISSION, [*letters(ours), *stranger(O.SKIPPED)]).silent, "nobody was sent"


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
        (letters(O.ACCEPTED, finding=Finding.DELIVERED_SAME)[:1], True),
        (letters(O.RCPT_AUTH, "530 5.7.0 no"), True),
        (letters(O.RCPT_4XX, LOGIN), False),
        (letters(O.ACCEPTED, "250 authenticated or not"), False),
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
    assert is_enough(path(TWIN, 25), letters(O.UNTRIED)), "what was not tried now is not tried with more"


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
    for only in (way(MAIN, V.CLOSED, second_look=True), way(MAIN, V.OPEN), way(MAIN, V.UNREACHABLE, silent=True)):
        assert judge_host([only]) == only.judgement


def test_nothing_is_final_while_a_letter_may_still_show_more_but_an_own_way_in_that_relays() -> None:
    pending = way(MAIN, V.INCONCLUSIVE, final=False)
    assert not judge_host([pending, way(SUBMISSION, V.CLOSED)]).final
    assert not judge_host([pending, way(BESIDE, V.OPEN)]).final, "whether the address itself relays is still open"
    assert judge_host([pending, way(SUBMISSION, V.OPEN)]).final
    assert not judge_host([pending, way(SUBMISSION, V.OPEN_MULTIHOP)]).final, "it may still be found open by itself"
    assert judge_host([way(MAIN, V.CLOSED), way(BESIDE, V.OPEN)]).final, "nothing is waited for"
    late = way(SUBMISSION, V.CLOSED, final=False)
    assert not judge_host([way(MAIN, V.INCONCLUSIVE), late]).final
    assert not judge_host([way(MAIN, V.CLOSED), late]).final


def test_the_sentence_names_the_ways_in() -> None:
    ways = [way(MAIN, V.CLOSED), way(SUBMISSION, V.OPEN), way(SMTPS, V.OPEN), way(BESIDE, V.OPEN)]
    assert judge_host(ways).reason.endswith("The host relays at 192.0.2.1 port 587, 465 (TLS); 2001:db8::1 port 25.")


@pytest.mark.parametrize(
    ("ways", "reason"),
    [
        ([way(MAIN, V.CLOSED), way(SUBMISSION, V.INCONCLUSIVE)], "At 192.0.2.1 port 587: So."),
        ([way(MAIN, V.INCONCLUSIVE), way(SUBMISSION, V.CLOSED)], "So."),
        (
            [way(MAIN, V.CLOSED), way(BESIDE, V.CLOSED), way(SMTPS, V.UNREACHABLE, silent=True)],
            "So. So it is at 2001:db8::1 port 25. No mail service answers at 192.0.2.1 port 465 (TLS).",
        ),
        ([way(MAIN, V.CLOSED), way(BESIDE, V.CLOSED)], "So. So it is at 2001:db8::1 port 25."),
        (
            [way(MAIN, V.CLOSED), way(SMTPS, V.UNREACHABLE, silent=True)],
            "So. No mail service answers at 192.0.2.1 port 465 (TLS).",
        ),
        # each way in is told as it is: the others are not called what the worst one is
        ([way(MAIN, V.ACCEPTS_LOSES), way(SUBMISSION, V.CLOSED)], "So."),
        ([way(MAIN, V.CLOSED), way(SUBMISSION, V.ACCEPTS_BOUNCES)], "At 192.0.2.1 port 587: So."),
        (
            [way(MAIN, V.CLOSED), way(SUBMISSION, V.ACCEPTS_LOSES), way(BESIDE, V.ACCEPTS_LOSES)],
            "At 192.0.2.1 port 587: So. So it is at 2001:db8::1 port 25.",
        ),
    ],
)
def test_the_sentence_names_the_way_in_that_it_is_about(ways: list[JudgedPath], reason: str) -> None:
    assert judge_host(ways).reason == reason


@pytest.mark.parametrize("mark", ["second_look", "repeat", "confirm", "no_postmaster"])
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
    assert judge_host([shut, way(path(HERE, 465), Verdict.REFUSES_TESTER)]).verdict is Verdict.INCONCLUSIVE
    assert judge_host([gone, way(path(TWIN, 25), Verdict.REFUSES_TESTER)]).verdict is Verdict.UNREACHABLE
    assert judged(path(HERE, 587), letters(O.BANNER_5XX), relayed=True).speaks
    assert not judged(path(HERE, 587), letters(O.CONN_REFUSED), relayed=True).speaks
