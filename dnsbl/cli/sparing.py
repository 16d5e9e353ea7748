"""Keeps a flood of one complaint out of the log: the first of a kind pass, the others are counted and told each minute.

Pure, but for being a filter of `logging`. A stranger who can make us complain can do it a thousand times a second, and
a full disk ends everything; so nothing that we log as a warning or worse is written oftener than BURST times a minute,
and no traceback oftener than once. Events that strangers bring about at will (`logbook.events`) are held to the same.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator

from tester.records import dataclass

#: Seconds that are counted together.
WINDOW = 60.0
#: Complaints of one kind in that time that are written, without traceback; and with one.
BURST, TRACEBACKS = 10, 1
#: Kinds that are remembered.
KINDS = 1000

_Kind = tuple[str, int, str]


@dataclass(slots=True)
class _Count:
    since: float
    passed: int = 0
    held_back: int = 0


class Sparing(logging.Filter):
    """For a handler. `now` tells monotonic seconds; `rest`, called once a minute, what was held back."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__()
        self._now = now
        self._counts: OrderedDict[_Kind, _Count] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this one is written."""
        if record.levelno < logging.WARNING and not getattr(record, "spared", False):
            return True
        said: str = getattr(record, "event", "") or str(record.msg)
        kind = record.name, record.levelno, said.partition("\n")[0][:200]
        at = self._now()
        count = self._counts.setdefault(kind, _Count(at))
        if len(self._counts) > KINDS:
            self._counts.popitem(last=False)
        if at - count.since >= WINDOW:
            count.since, count.passed = at, 0
        if count.passed < (TRACEBACKS if record.exc_info else BURST):
            count.passed += 1
            return True
        count.held_back += 1
        return False

    def rest(self) -> Iterator[str]:
        """A line for each kind of which some were held back since the last time, and how many."""
        for (name, _, text), count in self._counts.items():
            if count.held_back:
                yield f"{count.held_back} more from {name}: {text}"
                count.held_back = 0
