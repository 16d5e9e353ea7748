"""The policy: the whole state table, and law 1."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest

from dnsbl.errors import Damaged
from dnsbl.model import Case, FollowUp, Listing
from dnsbl.rules import policy
from dnsbl.rules.policy import Footing, decide
from dnsbl.settings import Policy
from dnsbl.vocabulary import Action, JobReason, Reason
from tester.verdict import Verdict
from tests.rows import rows

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TERMS = Policy()

LISTING = Listing(
    id=1,
    network=ip_network("203.0.113.9/32"),
    kind="relay",
    since=NOW - timedelta(days=5),
    expires=NOW + timedelta(days=85),
    reason=Reason.LETTER_RETURNED,
    note="",
    public="",
    run="r0",
    confirmed=NOW - timedelta(days=5),
    ended=None,
    end_reason=None,
)


def case(verdict: Verdict, footing: Footing = Footing.CLEAR, **changes: object) -> Case:
    base = Case(
        listing=LISTING if footing is Footing.LISTED else None,
        verdict=verdict,
        run="r1",
        reason=JobReason.NOMINATION,
        proof=("token",) if verdict in (Verdict.OPEN, Verdict.OPEN_MULTIHOP) else (),
        loses_before=None,
        delisted=NOW - timedelta(days=1) if footing is Footing.PROBATION else None,
        probations=0,
        tries=0,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "action"), [("unconfirmed", Action.DELIST), ("relay", Action.KEEP)])
def test_where_nobody_is_only_a_listing_ends_that_none_of_our_tests_has_shown(kind: str, action: Action) -> None:
    listed = replace(LISTING, kind=kind)
    decision = decide(case(Verdict.UNREACHABLE, Footing.LISTED, listing=listed, tries=3), TERMS, NOW, half)
    assert decision.action is action
    if kind == "unconfirmed":
        assert (decision.reason, decision.follow_up) == (Reason.NOBODY_THERE, None), "there is nobody to surprise"
    once = decide(case(Verdict.INCONCLUSIVE, Footing.LISTED, listing=listed, tries=1), TERMS, NOW, half)
    assert once.action is Action.KEEP and once.follow_up is not None
    assert (once.follow_up.reason is JobReason.UNREACHABLE) is (kind == "unconfirmed")


def half() -> float:
    return 0.5


def follow_up(reason: JobReason, **after: float) -> FollowUp:
    """The standard test that follows so long after now."""
    return FollowUp(reason=reason, due=NOW + timedelta(**after), profile="standard")


#: verdict: of an address that is not listed; of one that is (the runs that lose are told apart by the time between)
TABLE = """
OPEN:            list letter-returned,           renew still-open
OPEN_MULTIHOP:   list letter-returned-elsewhere, renew still-open
ACCEPTS_BOUNCES: nothing not-open,               delist retest-bounces
ACCEPTS_LOSES:   nothing not-open,               delist retest-loses
CLOSED:          nothing not-open,               delist retest-closed
REFUSES_TESTER:  nothing cannot-test,            keep cannot-test
UNREACHABLE:     nothing cannot-test,            keep cannot-test
INCONCLUSIVE:    nothing cannot-test,            keep cannot-test
"""


def test_the_state_table_says_what_a_verdict_means_and_probation_changes_nothing_of_it() -> None:
    said = {}
    for line in TABLE.strip().splitlines():
        verdict, rows = line.split(":")
        for footing, row in zip((Footing.CLEAR, Footing.LISTED), rows.split(","), strict=True):
            said[footing, Verdict(verdict)] = tuple(row.split())
        said[Footing.PROBATION, Verdict(verdict)] = said[Footing.CLEAR, Verdict(verdict)]
    assert said.keys() == set(itertools.product(Footing, Verdict))
    assert said == policy.TABLE


def test_the_verdicts_that_supersede_an_older_test_are_those_of_a_server_that_could_be_tested() -> None:
    untested = {verdict for verdict in Verdict if decide(case(verdict), TERMS, NOW, half).reason is Reason.CANNOT_TEST}
    assert untested == policy.CANNOT_TEST
    assert set(Verdict) - untested == policy.SUPERSEDES


@pytest.mark.parametrize("footing", list(Footing))
@pytest.mark.parametrize("verdict", list(Verdict))
def test_only_a_returned_letter_ever_lists(footing: Footing, verdict: Verdict) -> None:
    decision = decide(case(verdict, footing), TERMS, NOW, half)
    lists = decision.action in (Action.LIST, Action.RENEW)
    assert lists == (verdict in (Verdict.OPEN, Verdict.OPEN_MULTIHOP))
    assert (decision.kind is not None) == lists
    assert (decision.expires is not None) == lists
    assert decision.explanation.endswith(".")


@pytest.mark.parametrize("verdict", [Verdict.OPEN, Verdict.OPEN_MULTIHOP])
@pytest.mark.parametrize("footing", list(Footing))
def test_an_open_verdict_without_a_returned_letter_is_an_error_not_a_listing(
    verdict: Verdict, footing: Footing
) -> None:
    with pytest.raises(Damaged, match="without a returned letter"):
        decide(case(verdict, footing, proof=()), TERMS, NOW, half)


def test_open_lists_as_relay_for_90_days_and_is_retested_after_14() -> None:
    decision = decide(case(Verdict.OPEN), TERMS, NOW, half)
    assert (decision.action, decision.kind, decision.reason) == (Action.LIST, "relay", Reason.LETTER_RETURNED)
    assert decision.expires == NOW + timedelta(days=90)
    assert decision.follow_up == follow_up(JobReason.RETEST, days=14)


def test_multihop_lists_the_input_under_a_kind_of_its_own() -> None:
    decision = decide(case(Verdict.OPEN_MULTIHOP), TERMS, NOW, half)
    assert (decision.action, decision.kind) == (Action.LIST, "multihop")


@pytest.mark.parametrize("verdict", [Verdict.CLOSED, Verdict.ACCEPTS_BOUNCES])
def test_a_closed_or_bouncing_retest_delists_at_once_and_starts_probation(verdict: Verdict) -> None:
    decision = decide(case(verdict, Footing.LISTED, reason=JobReason.REMOVAL), TERMS, NOW, half)
    assert decision.action is Action.DELIST
    assert decision.follow_up == follow_up(JobReason.PROBATION, days=2)


def test_each_delisting_starts_a_probation_of_its_own() -> None:
    again = case(Verdict.CLOSED, Footing.LISTED, delisted=NOW - timedelta(days=20), probations=3)
    assert decide(again, TERMS, NOW, half).follow_up == follow_up(JobReason.PROBATION, days=2)


@pytest.mark.parametrize("verdict", [Verdict.REFUSES_TESTER, Verdict.UNREACHABLE, Verdict.INCONCLUSIVE])
def test_blocking_our_tester_neither_lists_nor_delists(verdict: Verdict) -> None:
    clear = decide(case(verdict), TERMS, NOW, half)
    listed = decide(case(verdict, Footing.LISTED), TERMS, NOW, half)
    assert (clear.action, listed.action) == (Action.NOTHING, Action.KEEP)
    assert clear.reason is listed.reason is Reason.CANNOT_TEST
    assert listed.expires is None  # not renewed: it dies by itself
    assert listed.follow_up == follow_up(JobReason.RETEST, days=9)


def test_accepting_and_losing_delists_only_after_two_runs_a_day_apart() -> None:
    first = decide(case(Verdict.ACCEPTS_LOSES, Footing.LISTED), TERMS, NOW, half)
    assert (first.action, first.reason) == (Action.KEEP, Reason.LOSES_ONCE)
    assert first.follow_up == follow_up(JobReason.RETEST, hours=24)
    hour = timedelta(hours=1)
    soon = decide(case(Verdict.ACCEPTS_LOSES, Footing.LISTED, loses_before=NOW - hour), TERMS, NOW, half)
    assert soon.action is Action.KEEP
    later = decide(case(Verdict.ACCEPTS_LOSES, Footing.LISTED, loses_before=NOW - 24 * hour), TERMS, NOW, half)
    assert (later.action, later.reason) == (Action.DELIST, Reason.RETEST_LOSES)


def test_refusals_that_may_be_meant_for_us_alone_keep_the_listing_until_a_second_look_has_found_the_same() -> None:
    first = decide(case(Verdict.CLOSED, Footing.LISTED, second_look=True), TERMS, NOW, half)
    assert (first.action, first.reason) == (Action.KEEP, Reason.SECOND_LOOK)
    assert "second look" in first.explanation
    for verdict, action in ((Verdict.ACCEPTS_BOUNCES, Action.DELIST), (Verdict.OPEN, Action.RENEW)):
        shown = decide(case(verdict, Footing.LISTED, second_look=True), TERMS, NOW, half)
        assert shown.action is action, "a letter that came back says more than any words"
    unlisted = decide(case(Verdict.CLOSED, second_look=True), TERMS, NOW, half)
    assert (unlisted.action, unlisted.reason) == (Action.NOTHING, Reason.NOT_OPEN)


def test_a_renewal_moves_the_expiry_and_keeps_the_schedule_of_the_listing() -> None:
    decision = decide(case(Verdict.OPEN, Footing.LISTED, reason=JobReason.RETEST), TERMS, NOW, half)
    assert decision.action is Action.RENEW
    assert decision.follow_up == follow_up(JobReason.RETEST, days=14 - 5)


def test_surprise_retests_follow_one_another_until_probation_is_over() -> None:
    delisted = NOW - timedelta(days=12)
    second = decide(
        case(Verdict.CLOSED, Footing.PROBATION, reason=JobReason.PROBATION, delisted=delisted, probations=1),
        TERMS,
        NOW,
        half,
    )
    assert second.action is Action.NOTHING
    assert second.follow_up == follow_up(JobReason.PROBATION, days=30 - 12)
    last = decide(
        case(Verdict.CLOSED, Footing.PROBATION, reason=JobReason.PROBATION, delisted=delisted, probations=2),
        TERMS,
        NOW,
        half,
    )
    assert last.follow_up is None


def test_a_test_that_somebody_else_asked_for_uses_no_surprise_up() -> None:
    asked = case(Verdict.CLOSED, Footing.PROBATION, reason=JobReason.NOMINATION, delisted=NOW, probations=1)
    assert decide(asked, TERMS, NOW, half).follow_up == follow_up(JobReason.PROBATION, days=10), (
        "what was next still is"
    )


def test_probation_is_over_with_the_last_of_its_surprises() -> None:
    def footing(probations: int) -> Footing:
        return policy.footing(case(Verdict.CLOSED, Footing.PROBATION, probations=probations), TERMS)

    assert [footing(n) for n in range(4)] == [Footing.PROBATION] * 3 + [Footing.CLEAR]
    assert policy.footing(case(Verdict.CLOSED), TERMS) is Footing.CLEAR, "it was never on the list"


def test_after_its_probation_an_address_that_does_not_answer_is_tried_again_as_any_other() -> None:
    old = case(Verdict.INCONCLUSIVE, delisted=NOW - timedelta(days=100), probations=3, tries=1)
    assert decide(old, TERMS, NOW, half).follow_up == follow_up(JobReason.UNREACHABLE, hours=1)


def test_a_letter_that_comes_back_in_probation_lists_again_at_once() -> None:
    decision = decide(case(Verdict.OPEN, Footing.PROBATION, reason=JobReason.PROBATION), TERMS, NOW, half)
    assert decision.action is Action.LIST


def test_an_address_that_does_not_answer_is_tried_again_after_an_hour_and_a_day_and_then_left_alone() -> None:
    tries = [decide(case(Verdict.INCONCLUSIVE, tries=n), TERMS, NOW, half).follow_up for n in range(4)]
    hour, day = follow_up(JobReason.UNREACHABLE, hours=1), follow_up(JobReason.UNREACHABLE, days=1)
    assert tries == [None, hour, day, None]


@pytest.mark.parametrize("reason", list(JobReason))
def test_a_run_that_our_own_fault_spoilt_is_repeated_once_a_day_later(reason: JobReason) -> None:
    further = policy.repeat(reason, "full", NOW)
    if reason in (JobReason.REPEAT, JobReason.PROBATION):
        assert further is None
    else:
        assert further == FollowUp(reason=JobReason.REPEAT, due=NOW + timedelta(days=1), profile="full")


def test_a_closed_nomination_is_the_end_of_our_interest() -> None:
    decision = decide(case(Verdict.CLOSED), TERMS, NOW, half)
    assert (decision.action, decision.follow_up) == (Action.NOTHING, None)


@pytest.mark.parametrize("footing", list(Footing))
@pytest.mark.parametrize("verdict", list(Verdict))
def test_one_way_in_that_is_closed_ends_no_listing_and_changes_nothing_else(verdict: Verdict, footing: Footing) -> None:
    for terms in (TERMS, Policy(kinds=EVERY)):
        usual = decide(case(verdict, footing, loses_before=NOW - timedelta(days=2)), TERMS, NOW, half)
        said = decide(case(verdict, footing, loses_before=NOW - timedelta(days=2), whole=False), terms, NOW, half)
        if usual.action is Action.DELIST:
            assert (said.action, said.reason) == (Action.KEEP, Reason.ONE_WAY_IN)
            assert said.follow_up is not None and said.follow_up.reason is JobReason.RETEST
        elif (terms, verdict) == (TERMS, Verdict.ACCEPTS_BOUNCES) or verdict is not Verdict.ACCEPTS_BOUNCES:
            assert said == usual


@pytest.mark.parametrize("verdict", [Verdict.OPEN, Verdict.OPEN_MULTIHOP])
@pytest.mark.parametrize(
    ("footing", "action", "follows"),
    [
        (Footing.CLEAR, Action.NOTHING, None),
        (Footing.PROBATION, Action.NOTHING, JobReason.PROBATION),
        (Footing.LISTED, Action.DELIST, JobReason.PROBATION),
    ],
)
def test_an_address_whose_twin_relays_and_delivers_by_itself_is_not_held_on_the_list(
    verdict: Verdict, footing: Footing, action: Action, follows: JobReason | None
) -> None:
    said = decide(case(verdict, footing, elsewhere=True), TERMS, NOW, half)
    assert (said.action, said.reason, said.kind, said.expires) == (action, Reason.TWIN_RELAYS, None, None)
    assert (said.follow_up.reason if said.follow_up else None) is follows
    assert said.exits == ("over" if footing is Footing.LISTED else "stay")


@pytest.mark.parametrize("footing", list(Footing))
@pytest.mark.parametrize("verdict", sorted(set(Verdict) - {Verdict.OPEN, Verdict.OPEN_MULTIHOP}))
def test_of_another_address_nothing_is_said_where_nothing_relays(verdict: Verdict, footing: Footing) -> None:
    usual = decide(case(verdict, footing), TERMS, NOW, half)
    assert decide(case(verdict, footing, elsewhere=True), TERMS, NOW, half) == usual


# -- outputs -----------------------------------------------------------------------------------------------------------
#: verdict: what is shown of the outputs of one that is not listed; of one that is
EXITS = """
OPEN:            narrowed, narrowed
OPEN_MULTIHOP:   shown,    shown
ACCEPTS_BOUNCES: over,     over
ACCEPTS_LOSES:   over,     stay
CLOSED:          over,     over
REFUSES_TESTER:  stay,     stay
UNREACHABLE:     stay,     stay
INCONCLUSIVE:    stay,     stay
"""
OUTPUTS_TOO = Policy(kinds=("relay", "multihop", "relay-output", "delayed-output"))


def test_the_table_says_of_every_verdict_what_it_shows_of_outputs_whatever_kinds_are_on() -> None:
    said = {}
    for line in EXITS.strip().splitlines():
        verdict, rows = line.split(":")
        for footing, row in zip((Footing.CLEAR, Footing.LISTED), rows.split(","), strict=True):
            said[footing, Verdict(verdict)] = row.strip()
        said[Footing.PROBATION, Verdict(verdict)] = said[Footing.CLEAR, Verdict(verdict)]
    assert said.keys() == set(itertools.product(Footing, Verdict))
    assert set(policy.EXITS) == set(Verdict)
    for terms in (TERMS, OUTPUTS_TOO, Policy(kinds=())):
        assert said == {
            (where, verdict): decide(case(verdict, where), terms, NOW, half).exits for where, verdict in said
        }


def test_what_ends_a_listing_ends_its_outputs_and_what_leaves_a_doubt_does_not() -> None:
    def exits(verdict: Verdict, **more: object) -> str:
        return decide(case(verdict, Footing.LISTED, **more), TERMS, NOW, half).exits

    assert exits(Verdict.ACCEPTS_LOSES, loses_before=NOW - timedelta(days=1)) == "over"
    assert exits(Verdict.UNREACHABLE, controlled=True, tries=3) == "over", "the input is gone"
    assert exits(Verdict.OPEN_MULTIHOP, elsewhere=True) == "over", "it is not the input"
    assert exits(Verdict.CLOSED, whole=False) == exits(Verdict.CLOSED, second_look=True) == "stay"
    on = Policy(kinds=(*EVERY, "relay-output"))
    bounced = decide(case(Verdict.ACCEPTS_BOUNCES, Footing.LISTED), on, NOW, half)
    assert (bounced.action, bounced.exits) == (Action.RENEW, "over"), "backscatter comes out of nobody else"


def test_before_an_output_is_listed_its_input_is_tested_once_more() -> None:
    def retest(verdict: Verdict = Verdict.OPEN_MULTIHOP, **terms: object) -> timedelta:
        follow = decide(case(verdict), OUTPUTS_TOO.model_copy(update=terms), NOW, half).follow_up
        assert follow is not None and follow.reason is JobReason.RETEST
        return follow.due - NOW

    assert retest() == timedelta(days=4)
    assert retest(output_days=0) == timedelta(days=14), "for one listed at once there is nothing to look at before"
    assert retest(output_days=3.5) == timedelta(days=14), "nobody is tested again within a day (RFC 6471 3.6.2)"
    assert retest(output_days=4) == timedelta(days=14), "nor after just one"
    assert retest(output_days=4.5) == timedelta(days=1.5)
    assert retest(output_days=100, delayed_output_days=10) == timedelta(days=7)
    assert retest(retest_days=()) == timedelta(days=4), "also where no listed address is retested by itself"
    assert retest(Verdict.OPEN) == timedelta(days=14)


def test_each_kind_of_outputs_has_a_delay_of_its_own_where_it_is_on() -> None:
    assert policy.delays(TERMS) == {}
    assert policy.delays(OUTPUTS_TOO) == {"relay-output": timedelta(days=7), "delayed-output": timedelta(days=30)}
    some = Policy(kinds=("multihop", "relay-output"), output_days=0.5)
    assert policy.delays(some) == {"relay-output": timedelta(hours=12)}
    with pytest.raises(ValueError, match="need multihop"):
        Policy(kinds=("relay", "delayed-output"))


# -- kinds that settings turn on and off, and the whole table ----------------------------------------------------------
EVERY = ("relay", "multihop", "backscatter", "untestable")


@rows("kinds", [(), ("relay",), ("relay", "multihop"), EVERY, ("backscatter",)])
@rows("where", list(policy.Footing))
@rows("verdict", list(Verdict))
def test_every_verdict_at_every_footing_under_every_choice_of_kinds_has_one_decision(
    verdict: Verdict, where: policy.Footing, kinds: tuple[str, ...]
) -> None:
    terms = Policy(kinds=kinds)
    given = case(verdict, where)
    assert policy.footing(given, terms) is where
    decision = policy.decide(given, terms, NOW, lambda: 0.5)
    listed = where is policy.Footing.LISTED
    assert decision.action in ({Action.RENEW, Action.KEEP, Action.DELIST} if listed else {Action.LIST, Action.NOTHING})
    assert (decision.kind is not None) == (decision.action in (Action.LIST, Action.RENEW))
    assert decision.kind is None or decision.kind in kinds
    assert (decision.expires is not None) == (decision.kind is not None)
    assert decision.explanation.endswith(".")
    if verdict in policy.CANNOT_TEST:
        assert decision.action in (Action.KEEP, Action.NOTHING), "cannot test is not open, and no way out"


def test_backscatter_lists_only_where_settings_say_so() -> None:
    on, off = Policy(kinds=EVERY), Policy()
    bounced = case(Verdict.ACCEPTS_BOUNCES)
    assert policy.decide(bounced, off, NOW, lambda: 0.5).action is Action.NOTHING
    decision = policy.decide(bounced, on, NOW, lambda: 0.5)
    assert (decision.action, decision.kind, decision.reason) == (Action.LIST, "backscatter", Reason.BACKSCATTER)
    kept = policy.decide(case(Verdict.ACCEPTS_BOUNCES, Footing.LISTED), on, NOW, lambda: 0.5)
    assert (kept.action, kept.kind) == (Action.RENEW, "backscatter")
    closed = policy.decide(case(Verdict.CLOSED, Footing.LISTED), on, NOW, lambda: 0.5)
    assert closed.action is Action.DELIST


def test_what_is_switched_off_lists_nobody_and_takes_nobody_off() -> None:
    terms = Policy(kinds=("relay",))
    decision = policy.decide(case(Verdict.OPEN_MULTIHOP), terms, NOW, lambda: 0.5)
    assert (decision.action, decision.reason) == (Action.NOTHING, Reason.KIND_OFF)
    kept = policy.decide(case(Verdict.OPEN_MULTIHOP, Footing.LISTED), terms, NOW, lambda: 0.5)
    assert (kept.action, kept.reason) == (Action.KEEP, Reason.KIND_OFF)


# -- what settings add -------------------------------------------------------------------------------------------------
@rows("shown", [True, False])
@rows("approved", [True, False])
@rows("footing", list(Footing))
@rows("verdict", list(Verdict))
def test_spam_that_must_be_seen_and_a_word_that_is_needed_stand_before_a_listing_and_before_nothing_else(
    verdict: Verdict, footing: Footing, approved: bool, shown: bool
) -> None:
    terms = Policy(spam_seen=True, approval=True)
    usual = decide(case(verdict, footing), TERMS, NOW, half)
    assert decide(case(verdict, footing, shown=shown, approved=approved), TERMS, NOW, half) == usual
    said = decide(case(verdict, footing, shown=shown, approved=approved), terms, NOW, half)
    if usual.action is not Action.LIST or (shown and approved):
        assert said == usual
    elif not shown:
        assert (said.action, said.reason, said.kind) == (Action.NOTHING, Reason.NO_SPAM_SEEN, None)
    else:
        assert (said.action, said.reason, said.kind) == (Action.PROPOSE, Reason.AWAITS_OPERATOR, usual.kind)
    assert said.explanation.endswith(".")


def test_what_this_list_does_not_list_for_waits_for_no_word() -> None:
    terms = Policy(approval=True, kinds=())
    assert decide(case(Verdict.OPEN), terms, NOW, half).reason is Reason.KIND_OFF


def test_without_days_for_retests_nothing_follows_a_listing() -> None:
    terms = Policy(retest_days=(), probation_days=())
    assert decide(case(Verdict.OPEN), terms, NOW, half).follow_up is None
    assert decide(case(Verdict.OPEN, Footing.LISTED), terms, NOW, half).follow_up is None
    assert decide(case(Verdict.CLOSED, Footing.LISTED), terms, NOW, half).follow_up is None


def test_what_a_tester_brought_who_is_not_believed_alone_lists_under_its_own_kind_or_nowhere() -> None:
    on = Policy(kinds=("relay", "unconfirmed"))
    clear = case(Verdict.OPEN, unconfirmed=True)
    decision = decide(clear, on, NOW, half)
    assert (decision.action, decision.kind, decision.reason) == (Action.LIST, "unconfirmed", Reason.UNCONFIRMED)
    decision = decide(clear, TERMS, NOW, half)
    assert (decision.action, decision.kind, decision.reason) == (Action.NOTHING, None, Reason.KIND_OFF)
    unseen = decide(replace(clear, shown=False), on.model_copy(update={"spam_seen": True}), NOW, half)
    assert (unseen.action, unseen.kind, unseen.reason) == (Action.NOTHING, None, Reason.NO_SPAM_SEEN)
    listed = replace(case(Verdict.OPEN, Footing.LISTED, unconfirmed=True))
    decision = decide(listed, on, NOW, half)
    assert (decision.action, decision.kind) == (Action.KEEP, None), "a doubtful proof takes the place of a good one"
    again = replace(listed, listing=replace(LISTING, kind="unconfirmed"))
    assert decide(again, on, NOW, half).kind == "unconfirmed"
    assert decide(replace(again, unconfirmed=False), on, NOW, half).kind == "relay"


def test_a_word_that_is_needed_is_asked_for_what_our_own_test_shows_and_not_for_what_a_tester_brought() -> None:
    terms = Policy(kinds=("relay", "unconfirmed"), approval=True)
    for unconfirmed, action in ((True, Action.NOTHING), (False, Action.PROPOSE)):
        said = decide(case(Verdict.OPEN, unconfirmed=unconfirmed), terms, NOW, half)
        assert (said.action, said.reason) == (action, Reason.AWAITS_OPERATOR)


# -- an owner whose server is gone -------------------------------------------------------------------------------------
@rows("released", [True, False])
@rows("controlled", [True, False])
@rows("footing", list(Footing))
@rows("verdict", list(Verdict))
def test_who_has_shown_that_an_address_is_his_ends_a_listing_where_nobody_is_once_a_month_and_nothing_else(
    verdict: Verdict, footing: Footing, controlled: bool, released: bool
) -> None:
    usual = decide(case(verdict, footing), TERMS, NOW, half)
    said = decide(case(verdict, footing, controlled=controlled, released=released), TERMS, NOW, half)
    if verdict is Verdict.UNREACHABLE and footing is Footing.LISTED and controlled and not released:
        assert (said.action, said.reason, said.exits) == (Action.DELIST, Reason.OWNER_GONE, "over")
        assert said.follow_up == follow_up(JobReason.PROBATION, days=2), "whether it stays away is looked at as ever"
    else:
        assert said == usual


def test_who_has_shown_that_an_address_is_his_waits_a_day_and_not_for_the_next_retest_until_nobody_is_found() -> None:
    def follows(controlled: bool, tries: int) -> FollowUp | None:
        given = case(Verdict.INCONCLUSIVE, Footing.LISTED, controlled=controlled, tries=tries)
        return decide(given, TERMS, NOW, half).follow_up

    hour, day = follow_up(JobReason.UNREACHABLE, hours=1), follow_up(JobReason.UNREACHABLE, days=1)
    retest = follow_up(JobReason.RETEST, days=9)
    assert [follows(True, tries) for tries in range(4)] == [retest, hour, day, retest]
    assert [follows(False, tries) for tries in range(4)] == [retest] * 4
