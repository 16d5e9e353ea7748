"""Keeps the data files of the zones' sources in the answering process: read, followed, and swapped in whole.

A shell around `dns.sources`. Files are read in a thread beside, so that no question waits; what a zone answers changes
in one assignment, when all its files are there. Every `dns.sources_check` seconds the files are looked at: one whose
time, size or place on the disk has changed is read anew, with the others of its source. One that is written in its
place, and not renamed there, is read when it has lain still for STILL seconds, or has not for the time between two
looks: what is there of it meanwhile may be half a list. What cannot be read, is empty where something was, or changes
while it is read leaves the data in service as they are, with one sentence; data that have expired ($TIMESTAMP) are
taken out of service, and so their zone answers SERVFAIL. What several zones share is read once.
"""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import suppress
from threading import Lock
from typing import Any

from dnsbl.clock import Clock
from dnsbl.dns.respond import Serving
from dnsbl.dns.sourced import Sourced, gathered
from dnsbl.dns.sources.reading import Holding
from dnsbl.dns.zones import DataSource, Zone, Zones
from dnsbl.errors import DnsblError
from dnsbl.serving.datafiles import read_source
from tester.records import dataclass

_log = logging.getLogger(__name__)

#: Seconds after which a file that was written in place is taken to be whole.
STILL = 3.0
#: Refused lines of a source that the log shows each time.
MOST_SHOWN = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceState:
    """How one source of one zone does."""

    zone: str
    form: str
    files: tuple[str, ...]
    loaded: float  #: when it was read; Unix seconds, 0 before the first time
    newest: int  #: the time of its newest file
    lines: int
    refusals: int
    seconds: float  #: that the reading took
    expires: int  #: Unix seconds, 0 for never
    problem: str  #: one sentence while its files are not what is in service, or ""
    failures: int  #: readings that failed since the start
    failed: float  #: when the last of them did; Unix seconds, 0 for never


@dataclass(frozen=True, slots=True)
class _Held:
    """What was read of a source, and of which files."""

    contents: Holding
    signs: tuple[tuple[int, ...], ...]
    newest: int
    loaded: float
    seconds: float


@dataclass(frozen=True, slots=True)
class _InService:
    """What a zone answers from, and what that was made of."""

    zone: Zone
    held: tuple[_Held, ...]
    sourced: Sourced


class Sources:
    """The keeper of one process."""

    def __init__(self, zones: Zones, serving: Serving, *, check: float, clock: Clock) -> None:
        self.zones = zones
        self._serving = serving
        self._check = check
        self._clock = clock
        self._held: dict[DataSource, _Held] = {}
        self._problems: dict[DataSource, str] = {}
        self._in_service: dict[str, _InService] = {}
        self._failed: dict[DataSource, tuple[int, float]] = {}  # how often, and when last
        self._written: dict[DataSource, float] = {}  # since when a file is being written in place; monotonic
        self._looking = Lock()

    async def run(self, stop: asyncio.Event) -> None:
        """Read what is there, then look again and again until `stop` is set."""
        while not stop.is_set():
            await self.step()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), min(self._check, STILL) if self._written else self._check)

    async def step(self) -> None:
        """Look once. Never raises."""
        await asyncio.to_thread(self.look)

    def look(self) -> None:
        """Look once, in this thread: read what has changed, and put into service what is whole."""
        with self._looking:
            self._look()

    def _look(self) -> None:
        sources = dict.fromkeys(source for zone in self.zones for source in zone.sources)
        for source in sources:
            self._look_at(source)
        self._held = {source: held for source, held in self._held.items() if source in sources}
        self._problems = {source: why for source, why in self._problems.items() if source in sources}
        self._written = {source: since for source, since in self._written.items() if source in sources}
        self._serve()

    @property
    def held(self) -> str:
        """Which files are not what is in service, a sentence; "" for none."""
        return next(iter(list(self._problems.values())), "")

    @property
    def states(self) -> list[SourceState]:
        """How the sources do, in the order of the zones."""
        return [self._state(zone, source) for zone in self.zones for source in zone.sources]

    def _state(self, zone: Zone, source: DataSource) -> SourceState:
        held, problem = self._held.get(source), self._problems.get(source, "")
        failures, failed = self._failed.get(source, (0, 0.0))
        base: dict[str, Any] = {"zone": zone.origin, "form": source.form, "files": source.files, "problem": problem}
        base |= {"failures": failures, "failed": failed}
        if held is None:
            return SourceState(loaded=0, newest=0, lines=0, refusals=0, seconds=0, expires=0, **base)
        contents = held.contents
        return SourceState(
            loaded=held.loaded,
            newest=held.newest,
            lines=contents.lines,
            refusals=contents.refusals,
            seconds=held.seconds,
            expires=contents.expires,
            **base,
        )

    def _look_at(self, source: DataSource) -> None:
        held = self._held.get(source)
        try:
            signs = _signs(source)
            if held is not None and held.signs == signs:
                self._problems.pop(source, None)
                self._written.pop(source, None)
                return
            if held is not None and self._unfinished(source, held, signs):
                return
            self._written.pop(source, None)
            began = self._clock.monotonic()
            contents = read_source(source, now=int(self._clock.now().timestamp()))
            if _signs(source) != signs:
                raise DnsblError(f"{source.files[0]}: a file has changed while it was read; rename files into place.")
            if held is not None and held.contents.lines and not contents.lines:
                raise DnsblError(f"{source.files[0]}: the files are empty; what was read before stays in service.")
        except DnsblError as error:
            if self._problems.get(source) != str(error):
                _log.error("%s", error)
            self._problems[source] = str(error)
            self._failed[source] = self._failed.get(source, (0, 0.0))[0] + 1, self._clock.now().timestamp()
            return
        self._problems.pop(source, None)
        seconds = self._clock.monotonic() - began
        newest = max((sign[0] for sign in signs), default=0) // 10**9
        self._held[source] = _Held(contents, signs, newest, self._clock.now().timestamp(), seconds)
        _log.info("%s: %d lines read in %.2f s", ", ".join(source.files), contents.lines, seconds)
        for line in contents.refused[:MOST_SHOWN]:
            _log.warning("%s", line)
        if contents.refusals > MOST_SHOWN:
            _log.warning("%s: %d lines refused in all", source.files[0], contents.refusals)

    def _unfinished(self, source: DataSource, held: _Held, signs: tuple[tuple[int, ...], ...]) -> bool:
        """Whether a file that was read before seems to be written in its place just now, and not for too long yet."""
        now, here = self._clock.now().timestamp(), self._clock.monotonic()
        pairs = zip(signs, held.signs, strict=True)
        if not any(new != old and new[2] == old[2] and 0 <= now - new[0] / 10**9 < STILL for new, old in pairs):
            return False
        return here - self._written.setdefault(source, here) < self._check

    def _serve(self) -> None:
        """Put into service what is whole and has not expired. A zone whose file names sources that are not there yet
        goes on with those of before."""
        now = self._clock.now().timestamp()
        fresh: dict[str, _InService] = {}
        for zone in self.zones:
            before = self._in_service.get(zone.origin)
            held = tuple(self._held[source] for source in zone.sources if source in self._held)
            if len(held) < len(zone.sources):
                held = before.held if before is not None else ()
            if not held:
                continue
            if any(0 < one.contents.expires <= now for one in held):
                if before is not None:
                    _log.error("%s: the data have expired; the zone is out of service.", zone.origin)
                continue
            if before is not None and (before.zone, before.held) == (zone, held):
                fresh[zone.origin] = before
                continue
            newest = max(one.newest for one in held)
            fresh[zone.origin] = _InService(zone, held, gathered(zone, [one.contents for one in held], newest))
        if fresh != self._in_service:
            self._in_service = fresh
            self._serving.change(sourced={origin: one.sourced for origin, one in fresh.items()})


def _signs(source: DataSource) -> tuple[tuple[int, ...], ...]:
    """What tells whether a file is the one that was read. Raises DnsblError."""
    signs = []
    for name in source.files:
        try:
            found = os.stat(name)
        except OSError as error:
            raise DnsblError(f"{name}: cannot be read: {error.strerror}") from None
        signs.append((found.st_mtime_ns, found.st_size, found.st_ino))
    return tuple(signs)
