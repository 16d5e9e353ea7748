"""Counts what is told: events by those of their facts that have few values, and lines by part and level.

A handler of `logging`, so that counts and lines come of the same telling. It counts what was told, whether the log's
level lets it through or not.
"""

from __future__ import annotations

import logging
from collections import Counter

from dnsbl.logbook.events import EVENTS
from dnsbl.logbook.lines import part_of

#: Values of counted facts that are told apart for one event; the rest is counted as one, "other".
MOST = 200


class EventTally(logging.Handler):
    """`events` by name and the values of its counted facts; `lines` by part and level. Both only grow."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.events: Counter[tuple[str, ...]] = Counter()
        self.lines: Counter[tuple[str, str]] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        """Count one (the handler's lock is held)."""
        self.lines[part_of(record.name), record.levelname.lower()] += 1
        name: str | None = getattr(record, "event", None)
        if name is None:
            return
        facts = record.__dict__["facts"]
        key = (name, *(str(facts.get(fact, "")) for fact in EVENTS[name].counted))
        if key not in self.events and len(self.events) >= MOST * len(EVENTS):
            key = (name, *("other" for _ in EVENTS[name].counted))
        self.events[key] += 1

    def of(self, event: str) -> dict[tuple[str, ...], int]:
        """How often this one was told, by the values of its counted facts."""
        return {key[1:]: count for key, count in self.events.copy().items() if key[0] == event}
