"""The zones as files that anybody may copy: JSON lines, made at most so often, and what has changed since a serial.

A shell around `dns.secondaries.export`: a file is made when somebody asks for it and it is out of date, one at a time,
and kept in the state folder, so that a thousand copies cost as much as one. A file that is out of date is handed out
while it cannot be renewed, until its own not-after; then none is.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from dnsbl.clock import Clock
from dnsbl.dns.listed.table import Table
from dnsbl.dns.secondaries import export
from dnsbl.dns.zones import Zone, Zones
from dnsbl.errors import StoreUnavailable
from dnsbl.files import EVERYBODYS, write_whole
from dnsbl.rules.bounds import Bounds
from dnsbl.serving.feed import Source
from dnsbl.serving.numbered import current_table
from dnsbl.settings import Settings
from tester.records import dataclass

#: Changes that are told as such; whoever is further behind gets the whole file.
MOST = 10000


@dataclass(frozen=True, kw_only=True, slots=True)
class ZoneFile:
    """One file, as it stands on the disk."""

    path: Path
    zone: str
    serial: int
    number: int  #: the change number that it holds
    since: int  #: the change number from which the log leads here
    made: datetime
    not_after: datetime
    digest: str  #: of the zones that it was made with

    @property
    def etag(self) -> str:
        """A strong validator: the file is another one whenever this is."""
        return f'"{self.serial}-{int(self.made.timestamp())}"'


class ZoneFiles:
    """One file a zone. Synchronous; called in threads."""

    def __init__(self, source: Source, settings: Settings, zones: Zones, clock: Clock) -> None:
        self.zones = zones
        self._source = source
        self._settings = settings
        self._clock = clock
        self._bounds = Bounds.of(settings)
        self._files: dict[str, ZoneFile] = {}
        self._making = threading.Lock()

    def names(self) -> list[str]:
        """The zones that there are files of: those that answer for our own listings alone."""
        return [zone.origin for zone in self.zones if not (zone.sources or zone.watched)]

    def whole(self, origin: str) -> ZoneFile | None:
        """The file of a zone, made anew where that is due; None for a zone that has none. Raises StoreUnavailable."""
        zone = self._zone(origin)
        if zone is None:
            return None
        with self._making:
            now, found = self._clock.now(), self._files.get(origin)
            try:
                if found is None or self._due(found, now):
                    found = self._files[origin] = self._made(zone, now)
            except StoreUnavailable:
                if found is None or found.not_after <= now:
                    raise
            return found

    def changed(self, origin: str, after: int) -> Iterator[str] | None:
        """Lines that bring a file of this serial up to the newest file; None where the log does not lead from there."""
        zone, found = self._zone(origin), self.whole(origin)
        if zone is None or found is None:
            return None
        behind = (found.serial - after) % 2**32
        number = found.number - behind
        if number < found.since or behind > MOST:
            return None
        changes = self._source.changes(number, most=behind) if behind else []
        # of old ones some are gone
        if [change.seq for change in changes] != list(range(number + 1, number + 1 + behind)):
            return None
        head = export.times(zone, made=found.made, not_after=found.not_after)
        table = Table({}, found.number, epoch=found.serial - found.number)
        permitted = (c for c in changes if not c.present or self._bounds.may_hold(c.network))
        return export.delta(zone, table, permitted, since=after, **head)

    def _zone(self, origin: str) -> Zone | None:
        return next((zone for zone in self.zones if zone.origin == origin and not zone.sources), None)

    def _due(self, found: ZoneFile, now: datetime) -> bool:
        age = now - found.made
        if found.digest != self.zones.digest or age >= (found.not_after - found.made) / 2 or not found.path.exists():
            return True
        if age < timedelta(seconds=self._settings.copies.feed_seconds):
            return False
        return bool(self._source.changes(found.number, most=1))

    def _made(self, zone: Zone, now: datetime) -> ZoneFile:
        table = current_table(self._source, self.zones.digest, self._bounds)
        not_after = now + timedelta(hours=self._settings.copies.valid_hours)
        path = self._settings.service.state_dir / "feeds" / f"{zone.origin}.jsonl"
        write_whole(
            path, export.encoded(export.written("jsonl", zone, table, made=now, not_after=not_after)), mode=EVERYBODYS
        )
        return ZoneFile(
            path=path,
            zone=zone.origin,
            serial=table.soa_serial,
            number=table.serial,
            since=table.since,
            made=now,
            not_after=not_after,
            digest=self.zones.digest,
        )
