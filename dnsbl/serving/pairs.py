"""Feeds the names of tests to what answers: the store's pairs of mail servers become a zone beside the others.

A shell around `dns.pairs`. Nothing is asked of the store on the way of an answer: every second the pairs that there are
are read, in a thread, and a changed zone is swapped in. While the store does not answer, the last pairs stay.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from dnsbl.dns.pairs import paired
from dnsbl.dns.respond import Serving
from dnsbl.dns.zones import Zones
from dnsbl.errors import DnsblError
from dnsbl.model import MxPair

#: Seconds between two looks.
EVERY = 1.0

_log = logging.getLogger(__name__)


class Pairs:
    """The zone of tests of one process. `look` gives the pairs that there are; `origin` is the zone's, `collector` the
    name of our own mail server."""

    def __init__(
        self, look: Callable[[], list[MxPair]], serving: Serving, zones: Zones, *, origin: str, collector: str
    ) -> None:
        self._look = look
        self._serving = serving
        self._zones = zones
        self._origin = origin
        self._collector = collector
        self._pairs: list[MxPair] = []
        self.problem = ""  #: one sentence while the store does not answer, or ""

    def rezone(self, zones: Zones) -> None:
        """These are the zones beside it from now on."""
        self._zones = zones
        own = [paired(self._origin, self._pairs, collector=self._collector, like=like) for like in (*zones,)[:1]]
        self._serving.change(zones=Zones((*zones, *own), zones.digest))

    async def run(self, stop: asyncio.Event) -> None:
        """Look again and again until `stop` is set."""
        self.rezone(self._zones)
        while not stop.is_set():
            await self.step()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), EVERY)

    async def step(self) -> None:
        """Look once. Never raises."""
        try:
            found = await asyncio.to_thread(self._look)
        except DnsblError as error:
            if str(error) != self.problem:
                _log.warning("the names of tests stay as they are: %s", error)
            self.problem = str(error)
            return
        self.problem = ""
        if found != self._pairs:
            self._pairs = found
            self.rezone(self._zones)
