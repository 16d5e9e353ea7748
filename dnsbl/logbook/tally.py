"""Counts what is told: events by those of their facts that have few values, how long tests took, and lines.

A handler of `logging`, so that counts and lines come of the same telling. It counts what was told, whether the log's
level lets it through or not.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections import Counter, OrderedDict, defaultdict
from threading import Lock

from dnsbl.logbook.events import EVENTS
from dnsbl.logbook.lines import part_of

#: Values of counted facts that are told apart, for each event on average; the rest is counted as one, "other".
MOST = 200
#: Tests whose begin is remembered until they are judged.
UNDER_WAY = 10_000
#: Upper bounds, in seconds and inclusive, of the times that are told apart: of tests, and of transactions.
TEST_BOUNDS = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 4 * 3600.0, 24 * 3600.0)
STORE_BOUNDS = (0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0)


class Durations:
    """Times by label, each counted by the bucket that it falls into. Any thread may add and look."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._lock = Lock()
        self._counts: dict[str, list[int]] = defaultdict(lambda: [0] * (len(bounds) + 1))
        self._sums: Counter[str] = Counter()

    def add(self, label: str, seconds: float) -> None:
        """One more time."""
        with self._lock:
            self._counts[label][bisect_left(self._bounds, seconds)] += 1
            self._sums[label] += seconds  # type: ignore[assignment]

    def cumulative(self) -> dict[str, tuple[list[tuple[str, int]], float]]:
        """By label: (upper bound, how many took no longer) in rising order, the last bound being +Inf, as Prometheus
        wants it, and the sum in seconds."""
        with self._lock:
            counts, sums = {label: row.copy() for label, row in self._counts.items()}, self._sums.copy()
        found = {}
        for label, row in sorted(counts.items()):
            so_far, rows = 0, []
            for bound, count in zip((*map(str, self._bounds), "+Inf"), row, strict=True):
                so_far += count
                rows.append((bound, so_far))
            found[label] = rows, float(sums[label])
        return found


class EventTally(logging.Handler):
    """`events` by name and the values of its counted facts; `lines` by part and level; `tests` by verdict, those that
    began while this tally was kept. All only grow."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.events: Counter[tuple[str, ...]] = Counter()
        self.lines: Counter[tuple[str, str]] = Counter()
        self.tests = Durations(TEST_BOUNDS)
        self._begun: OrderedDict[str, float] = OrderedDict()

    def emit(self, record: logging.LogRecord) -> None:
        """Count one (the handler's lock is held)."""
        self.lines[part_of(record.name), record.levelname.lower()] += 1
        name: str | None = getattr(record, "event", None)
        if name is None:
            return
        told, facts = EVENTS[name], record.__dict__["facts"]
        key = (name, *(str(facts.get(fact, "")) for fact in told.counted))
        if key not in self.events and len(self.events) >= MOST * len(EVENTS):
            key = (name, *("other" for _ in told.counted))
        self.events[key] += facts.get(told.amount, 1)
        if name == "test-begun":
            self._begun.setdefault(facts.get("run", ""), record.created)
            if len(self._begun) > UNDER_WAY:
                self._begun.popitem(last=False)
        elif name == "test-judged" and (at := self._begun.pop(facts.get("run", ""), None)) is not None:
            self.tests.add(facts["after"], max(0.0, record.created - at))

    def of(self, event: str) -> dict[tuple[str, ...], int]:
        """How often this one was told, by the values of its counted facts."""
        return {key[1:]: count for key, count in sorted(self.events.copy().items()) if key[0] == event}
