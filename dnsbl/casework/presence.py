"""The verbs of a process at work: its signs of life, whether its clock is believed, and what ails the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from dnsbl.clock import Clock
from dnsbl.store import Store
from tester.records import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Reckoning:
    """How a clock stands."""

    now: datetime
    strange: str  #: why it is not believed, a sentence, or ""


class Presence:
    """Changes nothing that a decision depends on, but for what a clock is held against."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def beat(self, process: str, roles: Sequence[str] = (), down: Mapping[str, str] | None = None) -> None:
        """Leave a sign of life, which shows that the store can be written, what the process does, and which of its
        parts are down. Raises StoreUnavailable, also when the clock is not believed."""
        now = self._clock.now()
        with self._store.write(alone=False) as tx:
            tx.journal.hold(now)
            tx.nodes.beat(process, now, roles, down)

    def leave(self, process: str) -> None:
        """Take the sign of life back: the process ends by its own will. Raises StoreUnavailable."""
        with self._store.write(alone=False) as tx:
            tx.nodes.leave(process)

    def reckon(self) -> Reckoning:
        """Hold the clock against what the store knows."""
        now = self._clock.now()
        with self._store.read() as tx:
            return Reckoning(now=now, strange=tx.journal.strange(now))

    def ails(self) -> str:
        """What stood against the last transactions, a sentence, or "". Asks nobody."""
        return next((str(trouble) for trouble in self._store.troubles.values()), "")
