"""What has become of a letter: a better word is never overwritten by a weaker one, in whatever order they come."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import LETTER, new

from tester.canary import FORM
from tester.fate import TELLING, Fate, delivered, on, outcomes, telling
from tester.paths import Path
from tester.smtp import DELIVERED, KEPT, PENDING, RETRY, Outcome, Result
from tester.verdict import Finding

FRESH = Fate(letter=LETTER)


def result(outcome: Outcome, *, reply: str = "", dot_at: float | None = None) -> Result:
    return Result(vector="S01", token=LETTER.recipient, outcome=outcome, stage="OK", reply=reply, dot_at=dot_at)


def found(*findings: Finding) -> Fate:
    fate = FRESH
    for finding in findings:
        fate = fate.found(finding)
    return fate


def test_a_letter_that_was_not_offered_has_no_reply_and_no_end() -> None:
    assert (FRESH.reply, FRESH.outcome, FRESH.folded, FRESH.dot_at, FRESH.finding) == (
        "",
        None,
        Outcome.UNTRIED,
        None,
        None,
    )


def test_the_letters_of_a_way_in_are_those_of_its_address_and_port_in_their_order() -> None:
    here = [new(), new(), new()]
    abroad = [new(port=587), new(address=ip_address("192.0.2.9"))]
    fates = [Fate(letter=letter) for letter in (here[0], abroad[0], here[1], abroad[1], here[2])]
    assert [fate.letter for fate in on(Path(address=LETTER.address, port=LETTER.port), fates)] == here
    assert [fate.letter for fate in on(Path(address=LETTER.address, port=587), fates)] == abroad[:1]
    assert [fate.letter for fate in on(Path(address=ip_address("192.0.2.9"), port=25), fates)] == abroad[1:]


@pytest.mark.parametrize(
    ("outcome", "dot_at", "finding", "shown"),
    [
        (Outcome.ACCEPTED, 5.0, Finding.DELIVERED_SAME, True),
        (Outcome.ACCEPTED, None, Finding.DELIVERED_SAME, True),
        (
            Outcome.DATA_END_5XX,
            5.0,
            Finding.DELIVERED_OTHER,
            True,
        ),  # refused, and delivered all the same
        (Outcome.DATA_END_4XX, 5.0, Finding.DELIVERED_SAME, False),
        (Outcome.RCPT_4XX, None, Finding.DELIVERED_SAME, False),
        (Outcome.RCPT_5XX, None, Finding.DELIVERED_SAME, False),
        (Outcome.RCPT_4XX, None, Finding.BOUNCED, True),
        (Outcome.RCPT_4XX, None, None, True),
    ],
)
def test_the_reply_is_shown_that_has_decided_and_none_beside_a_letter_that_came_back_before_it_was_said_to_be_taken(
    outcome: Outcome, dot_at: float | None, finding: Finding | None, shown: bool
) -> None:
    fate = replace(FRESH, outcome=outcome, reply="4 words", dot_at=dot_at, finding=finding)
    assert fate.answer == ("4 words" if shown else "")


def test_the_letter_with_canaries_shows_nothing_about_relaying() -> None:
    plain, canaries = FRESH, Fate(letter=replace(LETTER, vector=FORM))
    assert telling([canaries, plain]) == [plain]


BETTER = [
    (Finding.BOUNCED, Finding.BOUNCED_BY_US),
    (Finding.BOUNCED_BY_US, Finding.DELIVERED_OTHER_LATE),
    (Finding.DELIVERED_OTHER_LATE, Finding.DELIVERED_SAME_LATE),
    (Finding.DELIVERED_SAME_LATE, Finding.DELIVERED_OTHER),
    (Finding.DELIVERED_OTHER, Finding.DELIVERED_SAME),
    (Finding.DSN_DELAYED, Finding.HELD),
    (Finding.HELD, Finding.BOUNCED),
    (Finding.FORGED, Finding.TOKEN_SEEN),
    (Finding.TOKEN_SEEN, Finding.CALLBACK_SEEN),
    (Finding.CALLBACK_SEEN, Finding.AUTOMATIC),
    (Finding.AUTOMATIC, Finding.RECEIPT),
    (Finding.RECEIPT, Finding.UNPROVEN),
    (Finding.UNPROVEN, Finding.HUMAN),
    (Finding.HUMAN, Finding.COMPLAINT),
    (Finding.COMPLAINT, Finding.DSN_DELAYED),
]


@pytest.mark.parametrize(("weaker", "better"), BETTER)
def test_the_better_finding_stays_whichever_comes_first(weaker: Finding, better: Finding) -> None:
    assert found(weaker, better).finding is found(better, weaker).finding is better


@given(st.lists(st.sampled_from(Finding), max_size=4))
def test_the_order_in_which_messages_come_changes_nothing(findings: list[Finding]) -> None:
    assert len({found(*order).finding for order in permutations(findings)}) == 1


@pytest.mark.parametrize("finding", Finding)
def test_a_finding_that_says_nothing_more_leaves_the_very_same_fate(finding: Finding) -> None:
    once = FRESH.found(finding)
    assert once.found(finding) is once
    assert (once is FRESH) == (finding is Finding.REPEATED), "only a second copy is no news to a letter without any"


@pytest.mark.parametrize("finding", [None, *Finding])
def test_what_came_back_overrules_what_the_conversation_said_where_it_is_an_outcome(finding: Finding | None) -> None:
    outcomes = [None, *Outcome]
    folded = [Fate(letter=LETTER, outcome=outcome, finding=finding).folded for outcome in outcomes]
    if finding in TELLING:
        assert {outcome.value for outcome in folded} == {finding.value}
    else:
        assert folded == [outcome or Outcome.UNTRIED for outcome in outcomes]


def test_deliveries_bounces_and_what_the_server_has_still_are_outcomes_and_nothing_else_is() -> None:
    assert set(TELLING.values()) == DELIVERED | KEPT | {Outcome.BOUNCED, Outcome.BOUNCED_BY_US}


def test_a_conversation_leaves_outcome_reply_and_the_time_of_the_dot() -> None:
    fate = FRESH.told(result(Outcome.ACCEPTED, reply="250 ok", dot_at=2.5), 1000.0)
    assert (fate.outcome, fate.reply, fate.dot_at) == (Outcome.ACCEPTED, "250 ok", 1002.5)
    assert FRESH.told(result(Outcome.RCPT_5XX), 1000.0).dot_at is None


@pytest.mark.parametrize("accepted", sorted(PENDING))
def test_an_accepted_letter_stays_accepted(accepted: Outcome) -> None:
    fate = FRESH.told(result(accepted, dot_at=1.0), 0.0)
    assert [later for later in Outcome if fate.told(result(later), 100.0) is not fate] == []


def test_an_attempt_that_was_not_made_takes_nothing_back() -> None:
    refused = FRESH.told(result(Outcome.RCPT_5XX), 0.0)
    assert refused.told(result(Outcome.UNTRIED), 1.0) is refused
    assert FRESH.told(result(Outcome.UNTRIED), 1.0).outcome is Outcome.UNTRIED
    assert refused.told(result(Outcome.RCPT_4XX), 1.0).outcome is Outcome.RCPT_4XX


def test_what_the_conversation_says_leaves_the_finding_and_the_other_way_round() -> None:
    fate = FRESH.found(Finding.DELIVERED_SAME).told(result(Outcome.ACCEPTED), 0.0)
    assert fate == FRESH.told(result(Outcome.ACCEPTED), 0.0).found(Finding.DELIVERED_SAME)
    assert (fate.outcome, fate.finding) == (Outcome.ACCEPTED, Finding.DELIVERED_SAME)


def test_what_was_not_offered_or_put_off_is_still_to_be_offered() -> None:
    offered = {outcome for outcome in (None, *Outcome) if Fate(letter=LETTER, outcome=outcome).to_offer}
    assert offered == {None, Outcome.UNTRIED, *RETRY}


def test_many_are_told_by_vector_and_those_delivered_by_token() -> None:
    fates = [
        FRESH,
        FRESH.told(result(Outcome.ACCEPTED), 0.0),
        found(Finding.DELIVERED_OTHER_LATE),
        found(Finding.BOUNCED),
    ]
    assert outcomes(fates) == [
        ("S01", Outcome.UNTRIED),
        ("S01", Outcome.ACCEPTED),
        ("S01", Outcome.DELIVERED_OTHER_LATE),
        ("S01", Outcome.BOUNCED),
    ]
    assert delivered(fates) == (LETTER.recipient,)
