"""Sources from which nothing is taken."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func, insert, select

from dnsbl.model import Suspension
from dnsbl.store.clerk import prepared
from dnsbl.store.schema.listed import suspensions
from dnsbl.store.shelf import Shelf, columns, many

_ALL = prepared(select(*columns(suspensions, Suspension)).order_by(suspensions.c.since, suspensions.c.source))
_MARK = prepared(
    select(func.count().label("many"), func.max(suspensions.c.since).label("newest")).select_from(suspensions)
)


class Suspensions(Shelf):
    """One row a source."""

    def put(self, suspension: Suspension) -> None:
        """Store a suspension; it replaces the one of the same source."""
        self.end(suspension.source)
        values = {name: getattr(suspension, name) for name in Suspension.__slots__}
        self._sql.execute(insert(suspensions).values(values))

    def end(self, source: str) -> bool:
        """Forget the suspension of this source; whether there was one."""
        return bool(self._sql.execute(delete(suspensions).where(suspensions.c.source == source)).rowcount)

    def all(self) -> list[Suspension]:
        """Every suspension, the oldest first."""
        return many(Suspension, self._sql.execute(_ALL))

    def mark(self) -> tuple[int, datetime | None]:
        """What is another one as soon as a source was suspended: how many are, and since when the newest is."""
        count, newest = self._sql.execute(_MARK).one()
        return int(count), newest
