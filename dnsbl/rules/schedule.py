"""When to test again. Pure arithmetic on times and settings that are handed in; holds no clock and no state."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from dnsbl.settings import Policy


def nth(steps: Sequence[float], n: int) -> float:
    """Step number `n` (from 0) of a series whose last step repeats for ever."""
    return steps[min(n, len(steps) - 1)]


def retest(terms: Policy, listed: datetime, now: datetime) -> datetime:
    """When a listed address is next tested: the first scheduled time after `now`, counted from the listing.

    With steps (14, 30): day 14, then day 44, 74, 104, ... after the listing.
    """
    due, n = listed, 0
    while due <= now:
        due += timedelta(days=nth(terms.retest_days, n))
        n += 1
    return due


def probation(terms: Policy, delisted: datetime, made: int, now: datetime, surprise: float) -> datetime | None:
    """When a delisted address is next tested by surprise, or None when its probation is over.

    `made` counts the surprise retests so far; `surprise` in [0, 1) moves the step by up to half of it either way,
    so that a relay which is closed only for the test cannot know the day.
    """
    if made >= len(terms.probation_days):
        return None
    due = delisted + timedelta(days=terms.probation_days[made] * (0.5 + surprise))
    return max(due, now)


def again(steps: Sequence[float], made: int, now: datetime) -> datetime | None:
    """When a further try is due after `made` of them, `steps` in seconds; None when all are used up."""
    return now + timedelta(seconds=steps[made]) if made < len(steps) else None


def removal_after(terms: Policy, failed: Sequence[datetime]) -> datetime | None:
    """From when the next request for removal is taken; `failed` holds the times of the failed ones, oldest first.

    None: at once. The wait grows with every failed request (policy.removal_waits) and is counted from the last.
    """
    if not failed:
        return None
    return failed[-1] + timedelta(seconds=nth(terms.removal_waits, len(failed)))
