"""The clock that tests turn."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from dnsbl.clock import HandClock, SystemClock, day_of


def test_a_hand_clock_stands_still_until_it_is_turned() -> None:
    clock = HandClock()
    before, mono = clock.now(), clock.monotonic()
    assert clock.now() == before
    clock.turn(days=1, hours=2, minutes=3, seconds=4)
    assert clock.now() - before == timedelta(days=1, hours=2, minutes=3, seconds=4)
    assert clock.monotonic() - mono == 93784


def test_a_hand_clock_never_goes_back() -> None:
    with pytest.raises(ValueError):
        HandClock().turn(seconds=-1)


def test_the_system_clock_gives_aware_utc() -> None:
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert clock.monotonic() <= clock.monotonic()


def test_a_day_is_counted_in_utc_whatever_zone_a_moment_is_written_in() -> None:
    late = datetime(2026, 1, 2, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    assert day_of(late) == day_of(datetime(2026, 1, 1, tzinfo=UTC)) == 20454
