"""Holds the time that verbs are given against what the store knows, for one process.

Knows no SQL: the journal's shelf brings the witnesses. Remembers when the clock was last believed: so a jump shows.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from dnsbl.clock import Clock
from dnsbl.rules.timekeeping import Terms, Witnesses, strange


class Timekeeper:
    """One process's. Any thread may ask."""

    def __init__(self, clock: Clock, terms: Terms) -> None:
        self._clock = clock
        self._terms = terms
        self._believed: tuple[datetime, float, int] | None = None  # time, elapsed seconds, and the last word by then

    def judge(self, now: datetime, *, store: datetime | None, newest: datetime | None, word: int) -> str:
        """Why this time is not believed, or "". `word` numbers the last entry by which an operator trusted a clock: a
        new one lets a jump be a correction."""
        elapsed, believed, expected = self._clock.elapsed(), self._believed, None
        if believed is not None and believed[2] == word:
            expected = believed[0] + timedelta(seconds=elapsed - believed[1])
        why = strange(now, Witnesses(store=store, expected=expected, newest=newest), self._terms)
        if not why:
            self._believed = now, elapsed, word
        return why
