"""A clock is believed unless something else that knows the time says otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.rules.timekeeping import FRESH, Terms, Witnesses, strange

NOW = datetime(2026, 4, 1, tzinfo=UTC)
TERMS = Terms(tolerance=timedelta(minutes=10), gap=timedelta(days=7))


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


@pytest.mark.parametrize(
    "witnesses",
    [
        Witnesses(),
        Witnesses(store=ago(minutes=10), expected=ago(minutes=-10), newest=ago(days=7)),
        Witnesses(newest=ago(minutes=-10)),
        Witnesses(expected=ago(minutes=10)),
        Witnesses(expected=ago(minutes=-10)),
        Witnesses(store=NOW, expected=ago(days=400)),  # the database agrees: it was a correction
    ],
)
def test_a_clock_that_nobody_contradicts_is_believed(witnesses: Witnesses) -> None:
    assert strange(NOW, witnesses, TERMS) == ""


@pytest.mark.parametrize(
    ("witnesses", "said"),
    [
        (Witnesses(store=ago(minutes=11)), "the database's own clock says 2026-03-31 23:49:00 UTC"),
        (Witnesses(store=ago(minutes=-11), newest=NOW), "the database's own clock says 2026-04-01 00:11:00 UTC"),
        (Witnesses(expected=ago(days=90)), "a moment ago it was to say 2026-01-01 00:00:00 UTC by now"),
        (Witnesses(expected=ago(hours=-1)), "a moment ago it was to say 2026-04-01 01:00:00 UTC by now"),
        (Witnesses(newest=ago(minutes=-11)), "what the store knows last is of 2026-04-01 00:11:00 UTC"),
        (Witnesses(newest=ago(days=91)), "what the store knows last is of 2025-12-31 00:00:00 UTC, 91 days before"),
        (Witnesses(store=NOW, newest=ago(days=91)), "91 days before"),
    ],
)
def test_a_clock_that_is_contradicted_is_told_by_whom_and_what_to_do(witnesses: Witnesses, said: str) -> None:
    sentence = strange(NOW, witnesses, TERMS)
    assert said in sentence
    assert "2026-04-01 00:00:00 UTC" in sentence
    assert "set right" in sentence
    assert ("--trust" in sentence) == ("database's own" not in said), "two clocks are set right, and not believed"


@given(st.timedeltas(timedelta(0), timedelta(minutes=10)), st.booleans())
def test_what_is_within_the_tolerance_of_all_is_believed(off: timedelta, ahead: bool) -> None:
    other = NOW + off if ahead else NOW - off
    assert strange(NOW, Witnesses(store=other, expected=other, newest=other), TERMS) == ""


@given(st.timedeltas(timedelta(days=7, seconds=1), timedelta(days=4000)))
def test_a_leap_over_the_gap_is_not_believed(leap: timedelta) -> None:
    assert strange(NOW, Witnesses(newest=NOW - leap), TERMS)


def test_a_process_that_has_left_no_sign_of_life_for_a_minute_is_not_at_work() -> None:
    assert timedelta(minutes=1) == FRESH
