"""Who is up, and who is down since when and why: what the parts of a node tell of themselves, and when they are tried
again.

Pure but for the clock that it is given. A part is a role or a piece of one. Starts and stops nothing, logs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from dnsbl.clock import Clock
from tester.records import dataclass

#: Seconds before a part is begun again: after its first end, its second one, and so on; the last one repeats.
PAUSES = (0.1, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
#: Seconds after which a part counts as steady: when it ends then, the pauses begin anew.
STEADY = 60.0
#: As what a worker's sign of life tells that an operator has stopped its machine, and all names under which one tells
#: that it dials nobody.
HALTED = "halted"
IDLE = frozenset({"worker", HALTED})
#: Characters of a reason that are kept: the longest sentence of ours, with the paths in it, and its remedy.
WHY_MOST = 800


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """How one part does."""

    part: str  #: dns, worker, collector, scheduler, notices, web, or a piece of one: feed, store, ...
    up: bool
    since: datetime  #: since when it is so
    why: str  #: one sentence, when it is down; when it is up, what waits for somebody's word, or ""
    begun: int  #: how often it was begun

    @property
    def trouble(self) -> str:
        """As what a sign of life tells it: by its part, or that an operator has stopped this machine; "" for none."""
        if self.part == "worker" and self.up and self.why:
            return HALTED
        return "" if self.up else self.part

    @property
    def sentence(self) -> str:
        """For people."""
        state = "up" if self.up else "down"
        return f"{self.part} is {state} since {self.since:%Y-%m-%d %H:%M:%S} UTC" + (
            f": {self.why}" if self.why else ""
        )

    def row(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "part": self.part,
            "up": self.up,
            "since": f"{self.since:%Y-%m-%dT%H:%M:%SZ}",
            "why": self.why,
            "begun": self.begun,
        }

    @classmethod
    def of(cls, row: dict[str, Any]) -> Health:
        """The inverse of `row`. Raises ValueError, KeyError or TypeError for anything else."""
        since = datetime.strptime(row["since"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        return cls(
            part=str(row["part"]), up=row["up"] is True, since=since, why=str(row["why"]), begun=int(row["begun"])
        )


class Board:
    """The health of this process's parts, and what is known of those in the processes beside it.

    Any thread may tell and look. `changed` is called, in the thread that told, when something of our own is otherwise.
    """

    def __init__(self, clock: Clock, *, changed: Callable[[], None] = lambda: None) -> None:
        self.changed = changed
        self._clock = clock
        self._lock = Lock()
        self._ours: dict[str, Health] = {}
        self._beside: list[Health] = []

    def begun(self, part: str) -> None:
        """It was begun, or begun again, and works."""
        self._tell(part, "", begun=1)

    def well(self, part: str, held: str = "") -> None:
        """It does its work (again); `held` is what waits for somebody's word, a sentence."""
        self._tell(part, held)

    def down(self, part: str, why: str) -> None:
        """It does not do its work; `why` is one sentence."""
        self._tell(part, why, up=False)

    def beside(self, others: Iterable[Health]) -> None:
        """What is known of the other processes now."""
        self._beside = list(others)

    def ours(self) -> list[Health]:
        """Of this process, in the order in which they first told."""
        with self._lock:
            return list(self._ours.values())

    def all(self) -> list[Health]:
        """Of all processes."""
        return self.ours() + self._beside

    def _tell(self, part: str, why: str, *, up: bool = True, begun: int = 0) -> None:
        why = " ".join(why.split())[:WHY_MOST]
        with self._lock:
            before = self._ours.get(part)
            if before is None:
                now = Health(part=part, up=up, since=self._clock.now(), why=why, begun=begun)
            elif before.up == up:
                now = replace(before, why=why, begun=before.begun + begun)
            else:
                now = replace(before, up=up, since=self._clock.now(), why=why, begun=before.begun + begun)
            self._ours[part] = now
        if now != before:
            self.changed()


class Backoff:
    """How long to wait before a part is begun again."""

    def __init__(self) -> None:
        self._ends = 0

    def after(self, lived: float) -> float:
        """It has ended after so many seconds; returns those until the next try."""
        if lived >= STEADY:
            self._ends = 0
        pause = PAUSES[min(self._ends, len(PAUSES) - 1)]
        self._ends += 1
        return pause
