"""Shell: keeps one part of a node at work. One that fails is begun anew after a pause that grows, and no other part
notices; who looks at the board sees since when it is down and why.

Holds no rule of the list. A part is begun by a function, so that a new start has nothing of the old one. What a part
says while it works is put on the board as well: `problem`, why it does not do what it is for, and `held`, what waits
for somebody's word; sentences, or "".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib.metadata import version
from typing import Protocol

from dnsbl import DISTRIBUTION
from dnsbl.clock import Clock
from dnsbl.errors import DnsblError, StoreUnavailable, Withheld
from dnsbl.health import Backoff, Board
from dnsbl.logbook.events import tell

#: Seconds between two looks at what a part has to complain of.
EVERY = 0.5

#: Of this program, as a line about a part names it.
VERSION = version(DISTRIBUTION)

_log = logging.getLogger(__name__)


class Shell(Protocol):
    """A part at work."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`; closes all that it has opened."""
        ...


async def told_within(stop: asyncio.Event, seconds: float) -> None:
    """Wait for `stop`, but no longer than so many seconds."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


class Keeper:
    """One part. `begin` makes it and has it listen; `wait` makes the pauses."""

    def __init__(
        self,
        part: str,
        begin: Callable[[], Awaitable[Shell]],
        board: Board,
        clock: Clock,
        *,
        wait: Callable[[asyncio.Event, float], Awaitable[None]] = told_within,
    ) -> None:
        self.part = part
        self.withheld: Withheld | None = None  #: why it may not work at all, as things stand
        self._begin = begin
        self._board = board
        self._clock = clock
        self._wait = wait
        self._shell: Shell | None = None
        self._fell = False  # whether it has failed and not worked for a while since
        self._backoff = Backoff()

    async def start(self, *, again: bool = False) -> None:
        """Begin it for the first time. Raises DnsblError when it cannot, unless time may mend that, or the process is
        begun `again`: then it is tried later, and no other part waits for it."""
        try:
            await self._begun()
        except (StoreUnavailable, Withheld) as error:
            self._fallen(str(error), 0.0)
            self.withheld = error if isinstance(error, Withheld) else None
        except Exception as error:
            if not again:
                raise
            self._fallen(self._why(error), 0.0)

    async def abandon(self) -> None:
        """Close what was begun, since the node does not come to work."""
        if self._shell is not None:
            over = asyncio.Event()
            over.set()
            await self._shell.run(over)

    async def run(self, stop: asyncio.Event) -> None:
        """Keep it at work until `stop`; what was begun is closed then, however early that comes. Never raises."""
        while self._shell is not None or not stop.is_set():
            began = self._clock.monotonic()
            try:
                if self._shell is None:
                    await self._begun()
                await self._watched(stop)
                why = "it has ended by itself"
            except Exception as error:
                why = self._why(error)
            if stop.is_set():
                tell(_log, "part-stopped", name=self.part, version=VERSION)
                return
            await self._wait(stop, self._fallen(why, self._clock.monotonic() - began))

    async def _begun(self) -> None:
        self._shell = await self._begin()
        tell(_log, "part-started", name=self.part, version=VERSION)
        if not self._fell:
            self._board.begun(self.part)

    async def _watched(self, stop: asyncio.Event) -> None:
        """Run it, and put on the board what it complains of."""
        assert self._shell is not None
        running = asyncio.ensure_future(self._shell.run(stop))
        try:
            while not running.done():
                await asyncio.wait({running}, timeout=EVERY)
                if self._fell and not running.done():  # only what works for a while is up again
                    self._fell = False
                    self._board.begun(self.part)
                if problem := getattr(self._shell, "problem", ""):
                    self._board.down(self.part, problem)
                elif not running.done():
                    self._board.well(self.part, getattr(self._shell, "held", ""))
            if running.cancelled():  # by something within: nobody has told this keeper to end
                raise DnsblError("it was broken off from within")
            running.result()
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await running

    def _why(self, error: Exception) -> str:
        """For the board; of what nobody has foreseen, the log has the rest."""
        if isinstance(error, DnsblError):
            return str(error)
        _log.error("%s has failed", self.part, exc_info=error)
        return f"{type(error).__name__}; the log says more"

    def _fallen(self, why: str, lived: float) -> float:
        """It is down; returns the seconds until the next try."""
        self._shell, self._fell = None, True
        self._board.down(self.part, why)
        pause = self._backoff.after(lived)
        tell(_log, "part-down", name=self.part, pause=f"{pause:g}", why=why)
        return pause
