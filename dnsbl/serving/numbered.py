"""A table of what the store lists now, for files that are made of it: with the serial that nodes give the same zones.

A shell around `dns.listed.series`. Asks for an epoch only where none is of these zones at all, so that whoever makes
files again and again from zone files that are older than others' begins no epoch each time.
"""

from __future__ import annotations

from dnsbl.dns.listed import series
from dnsbl.dns.listed.series import Wanted
from dnsbl.dns.listed.table import Table
from dnsbl.errors import StoreUnavailable
from dnsbl.rules.bounds import Bounds
from dnsbl.serving.feed import Source

#: Looks at most, where the list changes between a look and the epoch that it needs; and what that is begun for.
TRIES = 5
WHY = "a file is made of zones that had none"


def current_table(source: Source, digest: str, bounds: Bounds) -> Table:
    """What the source lists, as far as the list may hold it; `digest` is `Zones.digest`. Raises StoreUnavailable."""
    for _ in range(TRIES):
        snapshot = source.snapshot()
        number, newest = snapshot.number, snapshot.epochs[-1].base if snapshot.epochs else None
        epoch = series.in_force(snapshot.epochs, number, digest)
        if epoch is None:
            epoch = source.epoch(Wanted(digest=digest, newest=newest, above=0, breaks=False, why=WHY))
        if epoch.since <= number:
            table, _ = Table.of(snapshot.rows, serial=number).without(bounds.barred)
            return table.numbered(epoch.base, since=epoch.since, zones_digest=digest)
    raise StoreUnavailable("The list changes faster than a serial can be had for a file of it; try again.")
