"""The sampled query log: one line for every so many queries, with the client's network (its address only where that is
asked for) and without keys.

`offer` stands on the answering path and only puts a record into a bounded queue, or counts it as lost when that is
full; `run` writes. A line is `CLIENT/24 udp NAME TYPE rcode=N`; names are escaped as in zone files, so that no control
byte of a stranger reaches the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from ipaddress import ip_address

from dnsbl.addresses import neighbourhood
from dnsbl.dns.respond import Replied, Serving, shown
from dnsbl.dns.wire import TYPES

#: Records that wait to be written at most.
MOST = 1000
#: Seconds between two looks at the queue.
EVERY = 0.5

_log = logging.getLogger(__name__)


class QueryLog:
    """Takes every `every`th query. `serving` says which labels are keys; `whole` names clients by their addresses."""

    def __init__(self, serving: Serving, *, every: int, whole: bool = False) -> None:
        self.lost = 0
        self._serving = serving
        self._every = every
        self._whole = whole
        self._count = 0
        self._waiting: deque[tuple[Replied, bytes, bool]] = deque()

    def offer(self, said: Replied, client: bytes, *, tcp: bool, sampled: bool | None = None) -> None:
        """Take it when it is its turn, which the lanes decide for UDP; never waits."""
        if sampled is None:
            self._count = (self._count + 1) % self._every
            sampled = not self._count
        if not sampled:
            return
        if len(self._waiting) < MOST:
            self._waiting.append((said, client, tcp))
        else:
            self.lost += 1

    async def run(self, stop: asyncio.Event) -> None:
        """Write until `stop` is set, and then what is left."""
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), EVERY)
            await asyncio.to_thread(self.write)

    def write(self) -> None:
        """Write all that waits."""
        while self._waiting:
            said, client, tcp = self._waiting.popleft()
            if said.query is not None:
                name, kind = (
                    shown(said.query, self._serving.zones),
                    TYPES.get(said.query.qtype, f"TYPE{said.query.qtype}"),
                )
                address = ip_address(client)
                who = address if self._whole else neighbourhood(address)
                outcome = said.why if said.packet is None else f"rcode={said.rcode}{' slip' if said.why else ''}"
                _log.info("%s %s %s %s %s", who, "tcp" if tcp else "udp", name, kind, outcome)
