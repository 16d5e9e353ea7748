"""By when every cache has let go of a listing that has ended, by the zones as they were and are since a reload.

Pure; times are aware. What a cache was told before the zones changed it keeps by what they said then.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from dnsbl.dns.zones import Zones

#: Zones of before that are remembered; those of more reloads ago no cache knows any more, or nearly none.
MOST = 20


class Clearing:
    """Zones as they follow one another in one process. `refresh` says that there are secondaries."""

    def __init__(self, zones: Zones, *, refresh: bool) -> None:
        self._zones = zones
        self._refresh = refresh
        self._before: tuple[tuple[Zones, datetime], ...] = ()  # the newest last, each with when it was over

    def change(self, zones: Zones, now: datetime) -> None:
        """From now on these are served."""
        self._before = (*self._before, (self._zones, now))[-MOST:]
        self._zones = zones

    def __call__(self, kinds: Iterable[str], ended: datetime) -> timedelta:
        """How long after its end a listing under these kinds may still be in a cache."""
        names, began, longest = list(kinds), None, timedelta(0)
        for zones, over in (*self._before, (self._zones, None)):
            if began is None or began <= ended:
                last = ended if over is None else min(over, ended)
                longest = max(longest, last + zones.clears(names, refresh=self._refresh) - ended)
            began = over
        return longest
