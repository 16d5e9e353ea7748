"""Shell: leaves a sign of life in the store every few seconds, and so knows whether it can be written, whether the
clock is believed, and whether there is room on the disk; and takes over the keys that other nodes hand round. Says what
ails; decides and mends nothing.

What a verb of another part has come upon since the last beat counts too: a full disk may still take so little.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from dnsbl.casework.presence import Presence
from dnsbl.daemons.keeper import told_within
from dnsbl.errors import DnsblError
from dnsbl.files import shortage
from dnsbl.health import Board

#: Seconds between two beats.
EVERY = 5.0

_log = logging.getLogger(__name__)


class Pulse:
    """Of one process, which has these roles, and tells of the one that answers beside it. `folder` is where its files
    are; `follow` takes over new keys, and says whether there were any."""

    def __init__(
        self,
        presence: Presence,
        board: Board,
        folder: Path,
        *,
        roles: Iterable[str] = (),
        follow: Callable[[], bool] | None = None,
    ) -> None:
        self.problem = ""  #: what ails the store, or keeps it from being used
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(2)}"
        self._presence = presence
        self._roles = tuple(sorted(roles))
        self._board = board
        self._folder = folder
        self._follow = follow

    async def run(self, stop: asyncio.Event) -> None:
        """Beat until `stop`, and then be gone at once, so that nobody counts on this process for longer."""
        while not stop.is_set():
            await self.step()
            await told_within(stop, EVERY)
        with suppress(DnsblError):
            await asyncio.to_thread(self._presence.leave, self.name)

    async def step(self) -> None:
        """Beat once. Never raises."""
        problem = self._presence.ails()
        try:
            parts = self._board.all()
            down = {part.trouble: part.why for part in parts if part.trouble}
            roles = tuple(sorted({*self._roles, *(part.part for part in parts if part.part == "dns")}))
            await asyncio.to_thread(self._presence.beat, self.name, roles, down)
            if self._follow is not None and await asyncio.to_thread(self._follow):
                _log.info("the letters' keys are new")
        except DnsblError as error:
            problem = str(error)
        if problem != self.problem:
            _log.warning("%s", problem or "the store is as it should be again")
        self.problem = problem
        if full := shortage(self._folder):
            self._board.down("disk", full)
        else:
            self._board.well("disk")
