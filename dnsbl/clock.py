"""The one place for time. Holds the system clock and a clock that tests turn by hand; nothing else asks for time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Linux has a clock that goes on while the machine sleeps.
_BOOT: int | None = getattr(time, "CLOCK_BOOTTIME", None)


def day_of(moment: datetime) -> int:
    """The day that counts of this moment belong to: whole days since the epoch, UTC."""
    return (moment - _EPOCH).days


def pause(seconds: float) -> None:
    """Let this thread do nothing for a while: for shells, where nothing tells when what they wait for is there."""
    time.sleep(seconds)


class Clock(Protocol):
    """What the shells ask."""

    def now(self) -> datetime:
        """The time of day, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow, for measuring."""
        ...

    def elapsed(self) -> float:
        """The same, with those in which the machine slept: what the time of day is held against."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def elapsed(self) -> float:
        return time.clock_gettime(_BOOT) if _BOOT is not None else time.monotonic()


class HandClock:
    """A clock that stands still until it is turned."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = start
        self._monotonic = 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def elapsed(self) -> float:
        return self._monotonic

    def jump(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Set the time of day, forward or back, while no time passes."""
        self._now += timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)

    def turn(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Let time pass."""
        step = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if step < timedelta(0):
            raise ValueError("time only goes forward")
        self._now += step
        self._monotonic += step.total_seconds()
