"""The clock that tests turn."""

from datetime import UTC, timedelta

import pytest

from dnsbl.clock import HandClock, SystemClock


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
