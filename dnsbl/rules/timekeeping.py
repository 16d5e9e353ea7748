"""Whether a clock can be believed: it is held against whatever else there is that knows the time.

Pure. What depends on time (windows that close, listings that end, tests that are due, letters that are late) is done
only while the clock is believed: one that jumps ahead would end the whole list, and one that is behind would keep what
has had its time. The witnesses: the database's own clock, where it has one; what should have passed since the clock was
last believed; and the newest entry of the journal or sign of life of a node, which lies neither in the future nor,
unless the list has stood still for long, far in the past.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from tester.records import dataclass

#: For how long a sign of life shows that its process is at work; a process leaves one every few seconds.
FRESH = timedelta(minutes=1)
#: A process that has left none for so long has missed several.
LATE = timedelta(seconds=30)
#: What an operator does about it.
_WAITS = (
    "what depends on time waits until the clock is set right, or until an operator says that it is: "
    "dnsbl clock --trust --reason TEXT"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """How far a clock may be off."""

    tolerance: timedelta  #: between two clocks, and in a jump
    gap: timedelta  #: without an entry or a sign of life


@dataclass(frozen=True, kw_only=True, slots=True)
class Witnesses:
    """What a clock is held against; None where there is no such witness."""

    store: datetime | None = None  #: the database's own clock
    expected: datetime | None = None  #: what the clock should say, by what has passed since it was last believed
    newest: datetime | None = None  #: the newest entry or sign of life in the store


def strange(now: datetime, witnesses: Witnesses, terms: Terms) -> str:
    """Why this clock is not believed, in one sentence, or "" when it is.

    The database's clock settles what a jump of our own leaves open: where both agree it was a correction.
    """
    store, expected, newest = witnesses.store, witnesses.expected, witnesses.newest
    if store is not None and abs(now - store) > terms.tolerance:
        return (
            f"The clock here says {_shown(now)} and the database's own clock says {_shown(store)}; "
            "what depends on time waits until both are set right."
        )
    if store is None and expected is not None and abs(now - expected) > terms.tolerance:
        return f"The clock says {_shown(now)}, and a moment ago it was to say {_shown(expected)} by now; {_WAITS}."
    if newest is not None and newest - now > terms.tolerance:
        return f"The clock says {_shown(now)}, and what the store knows last is of {_shown(newest)}; {_WAITS}."
    if newest is not None and now - newest > terms.gap:
        days = (now - newest) // timedelta(days=1)
        return (
            f"The clock says {_shown(now)}, and what the store knows last is of {_shown(newest)}, {days} days before; "
            f"{_WAITS}."
        )
    return ""


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
