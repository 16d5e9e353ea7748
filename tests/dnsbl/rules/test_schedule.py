"""When to test again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.rules import schedule
from dnsbl.settings import Policy, Settings
from tester.smtp import RETRY, Outcome

T0 = datetime(2026, 1, 1, tzinfo=UTC)
TERMS = Policy()


def days(n: float) -> timedelta:
    return timedelta(days=n)


def test_a_listed_address_is_retested_after_14_days_and_then_every_30() -> None:
    assert schedule.retest(TERMS, T0, T0) == T0 + days(14)
    assert schedule.retest(TERMS, T0, T0 + days(14)) == T0 + days(44)
    assert schedule.retest(TERMS, T0, T0 + days(50)) == T0 + days(74)


def test_each_step_of_the_retests_is_taken_in_its_turn_and_the_last_one_for_ever() -> None:
    terms = Policy(retest_days=(1, 10, 100))
    listed = [schedule.retest(terms, T0, T0 + days(passed)) - T0 for passed in (0, 1, 11, 111)]
    assert listed == [days(1), days(11), days(111), days(211)]


@pytest.mark.parametrize("step", [0.0, 1e-300, -5.0, 1e-9])
def test_a_next_retest_is_found_at_once_whatever_the_steps_are(step: float) -> None:
    terms = Policy.model_construct(retest_days=(14, step))
    due = schedule.retest(terms, T0, T0 + days(36500))
    assert T0 + days(36500) < due <= T0 + days(36501)


@given(st.floats(0, 400))
def test_a_retest_is_always_ahead_and_never_sooner_than_planned(passed: float) -> None:
    now = T0 + days(passed)
    due = schedule.retest(TERMS, T0, now)
    assert now < due <= now + days(30)


@given(st.floats(0, 0.999))
def test_a_surprise_retest_moves_by_at_most_half_its_step(surprise: float) -> None:
    due = schedule.probation(TERMS, T0, 1, T0, surprise)
    assert due is not None
    assert T0 + days(5) <= due <= T0 + days(15)


def test_a_surprise_that_lies_behind_us_is_due_now() -> None:
    assert schedule.probation(TERMS, T0, 0, T0 + days(9), 0.5) == T0 + days(9)


def test_probation_ends() -> None:
    assert schedule.probation(TERMS, T0, len(TERMS.probation_days), T0, 0.5) is None


def test_further_tries_are_used_up() -> None:
    assert schedule.again((60, 120), 1, T0) == T0 + timedelta(seconds=120)
    assert schedule.again((60, 120), 2, T0) is None


def test_the_wait_for_a_removal_grows_only_with_failed_requests() -> None:
    assert schedule.removal_after(TERMS, []) is None
    assert schedule.removal_after(TERMS, [T0]) == T0 + timedelta(hours=1)
    assert schedule.removal_after(TERMS, [T0, T0 + days(1)]) == T0 + days(1) + timedelta(hours=6)
    assert schedule.removal_after(TERMS, [T0] * 9) == T0 + timedelta(hours=24)


# ------------------------------------------------------------------------------------- tries of one attempt

TESTER = Settings().tester
O = Outcome  # noqa: E741


@pytest.mark.parametrize(
    ("outcome", "waits"),
    [
        (O.RCPT_4XX, [360, 1800, 14400]),
        (O.MAIL_4XX, [360, 1800, 14400]),
        (O.DATA_CMD_4XX, [360, 1800, 14400]),
        (O.RCPT_DENIED_SOFT, [360]),
        (O.DATA_END_4XX, [3600]),
        (O.BANNER_4XX, [3600, 21600]),
        (O.HELO_4XX, [3600, 21600]),
        (O.EARLY_421, [86400]),
        (O.RCPT_5XX, []),
        (O.BANNER_TIMEOUT, []),
        (O.UNTRIED, []),
        (O.SKIPPED, []),
        (None, []),
    ],
)
def test_each_way_of_being_put_off_has_its_own_schedule(outcome: Outcome | None, waits: list[float]) -> None:
    assert list(schedule.retries(TESTER, outcome)) == waits
    for made in range(len(waits) + 1):
        due = schedule.retry_due(TESTER, [outcome], made, T0)
        assert due == (T0 + timedelta(seconds=waits[made]) if made < len(waits) else None)


def test_exactly_what_waits_for_a_retry_has_a_schedule() -> None:
    assert {outcome for outcome in Outcome if schedule.retries(TESTER, outcome)} == RETRY


def test_of_several_reasons_to_come_back_the_most_patient_decides() -> None:
    assert schedule.retry_due(TESTER, [O.RCPT_4XX, O.EARLY_421, O.RCPT_5XX], 0, T0) == T0 + days(1)
    assert schedule.retry_due(TESTER, [O.RCPT_4XX, O.EARLY_421], 1, T0) == T0 + timedelta(seconds=1800)
    assert schedule.retry_due(TESTER, [], 0, T0) is None


def test_a_retry_offers_only_what_is_still_to_be_tried() -> None:
    assert schedule.offered(TESTER, None, 2)
    assert schedule.offered(TESTER, O.UNTRIED, 1)
    assert schedule.offered(TESTER, O.RCPT_DENIED_SOFT, 1)
    assert not schedule.offered(TESTER, O.RCPT_DENIED_SOFT, 2)
    assert not schedule.offered(TESTER, O.RCPT_5XX, 0)
    assert not schedule.offered(TESTER, O.SKIPPED, 1)


def test_a_limit_is_free_again_when_the_oldest_of_its_day_is_over() -> None:
    now, day = datetime(2026, 1, 2, tzinfo=UTC), timedelta(days=1)
    times = [now - timedelta(hours=20), now - timedelta(hours=10)]
    assert schedule.free_again(times, 3, day) is None
    assert schedule.free_again(times, 2, day) == now + timedelta(hours=4)
    assert schedule.free_again(times, 1, day) == now + timedelta(hours=14)


def test_where_settings_name_no_days_nobody_is_retested_without_a_request() -> None:
    assert schedule.retest(Policy(retest_days=()), T0, T0) is None


def test_a_kind_may_end_sooner_or_never_by_its_own_days_whoever_listed_it() -> None:
    terms = Policy.model_validate({"kind_days": ["provisional 14", "relay 0.5", "netblock 0"], "review_days": 100})
    assert schedule.expiry(terms, "relay", T0) == T0 + days(0.5)
    assert schedule.expiry(terms, "multihop", T0) == T0 + days(90)
    assert schedule.review(terms, "provisional", T0) == T0 + days(14)
    assert schedule.review(terms, "netblock", T0) is None
    assert schedule.review(terms, "manual", T0) == T0 + days(100)


def test_who_keeps_coming_back_waits_longer_each_time_and_the_last_wait_repeats() -> None:
    terms = Policy(relapse_waits=(0, 60, 3600))
    waits = [(schedule.relapse_after(terms, T0, before) - T0).total_seconds() for before in range(5)]
    assert waits == [0, 60, 3600, 3600, 3600]


@given(st.floats(0, 1, exclude_max=True))
def test_a_retest_on_a_day_that_is_drawn_lies_between_its_bounds(chance: float) -> None:
    terms = Policy(removal_delay_days=(1, 5))
    assert T0 + days(1) <= schedule.removal_due(terms, T0, chance) <= T0 + days(5)
    assert schedule.removal_due(Policy(), T0, chance) == T0
