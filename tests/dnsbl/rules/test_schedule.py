"""When to test again."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dnsbl.rules import schedule
from dnsbl.settings import Policy

T0 = datetime(2026, 1, 1, tzinfo=UTC)
TERMS = Policy()


def days(n: float) -> timedelta:
    return timedelta(days=n)


def test_a_listed_address_is_retested_after_14_days_and_then_every_30() -> None:
    assert schedule.retest(TERMS, T0, T0) == T0 + days(14)
    assert schedule.retest(TERMS, T0, T0 + days(14)) == T0 + days(44)
    assert schedule.retest(TERMS, T0, T0 + days(50)) == T0 + days(74)


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
