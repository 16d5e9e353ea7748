"""When to test again. Pure arithmetic on times and settings that are handed in; holds no clock and no state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from dnsbl.settings import Policy, Tester
from tester.smtp import Outcome


def nth(steps: Sequence[float], n: int) -> float:
    """Step number `n` (from 0) of a series whose last step repeats for ever."""
    return steps[min(n, len(steps) - 1)]


def retest(terms: Policy, listed: datetime, now: datetime) -> datetime | None:
    """When a listed address is next tested: the first scheduled time after `now`, counted from the listing; None where
    nobody is without a request.

    With steps (14, 30): day 14, then day 44, 74, 104, ... after the listing.
    """
    if not terms.retest_days:
        return None
    due = listed
    for days in terms.retest_days:
        if due > now:
            return due
        due += timedelta(days=days)
    last = max(timedelta(days=terms.retest_days[-1]), timedelta.resolution)
    return due if due > now else due + ((now - due) // last + 1) * last


def expiry(terms: Policy, kind: str, proven: datetime) -> datetime | None:
    """When a listing of this kind ends by itself that was last proven then; None: never."""
    return _ends(_days(terms, kind, terms.expiry_days), proven)


def review(terms: Policy, kind: str, looked: datetime) -> datetime | None:
    """When an operator's listing of this kind lapses that somebody made, or looked at, then; None: never."""
    return _ends(_days(terms, kind, terms.review_days), looked)


def _days(terms: Policy, kind: str, usual: float) -> float:
    return next((each.days for each in terms.kind_days if each.kind == kind), usual)


def _ends(days: float, after: datetime) -> datetime | None:
    return after + timedelta(days=days) if days else None


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


def relapse_after(terms: Policy, listed: datetime, before: int) -> datetime:
    """From when requests for the removal of an address are taken that got off the list so often before."""
    return listed + timedelta(seconds=nth(terms.relapse_waits, before))


def removal_due(terms: Policy, asked: datetime, chance: float) -> datetime:
    """When the retest is held that was asked for then; `chance` in [0, 1) draws the moment, which nobody can know."""
    first, last = terms.removal_delay_days
    return asked + timedelta(days=first + (last - first) * chance)


def free_again(taken: Sequence[datetime], most: int, span: timedelta) -> datetime | None:
    """When one more fits where at most so many may lie within `span`; `taken` holds when the others were, oldest first.

    None: now.
    """
    return taken[-most] + span if len(taken) >= most else None


def retries(terms: Tester, outcome: Outcome | None) -> Sequence[float]:
    """The seconds until each further try of an attempt that ended so; none when what it came to stays.

    Greylisting is waited out, also where it answers at DATA alone. A soft "relay access denied" is Postfix's stock
    refusal and not greylisting: one try. A letter refused for now after its text was not kept: one try. A server that
    asks for patience before it greets gets it, and one that leaves in the middle of the conversation is left in peace
    for a day.
    """
    match outcome:
        case Outcome.RCPT_4XX | Outcome.MAIL_4XX | Outcome.DATA_CMD_4XX:
            return terms.retry_after
        case Outcome.RCPT_DENIED_SOFT:
            return terms.retry_after[:1]
        case Outcome.DATA_END_4XX:
            return terms.later_after[:1]
        case Outcome.BANNER_4XX | Outcome.HELO_4XX:
            return terms.later_after
        case Outcome.EARLY_421:
            return (terms.busy_after,)
    return ()


def retry_due(terms: Tester, outcomes: Iterable[Outcome | None], made: int, now: datetime) -> datetime | None:
    """When a run is taken up again after `made` retries, or None; of several reasons the one that asks for the most
    patience decides."""
    waits = [steps[made] for steps in (retries(terms, outcome) for outcome in outcomes) if made < len(steps)]
    return now + timedelta(seconds=max(waits)) if waits else None


def offered(terms: Tester, outcome: Outcome | None, made: int) -> bool:
    """Whether an attempt that ended so belongs to the take after `made` retries; one without an end always does."""
    if outcome is None or outcome is Outcome.UNTRIED:
        return True
    steps = retries(terms, outcome)
    return bool(steps) and made <= len(steps)
