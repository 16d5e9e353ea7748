"""Who wants to be told what comes of a test that he has asked for."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, insert, select

from dnsbl.store.clerk import prepared
from dnsbl.store.schema.told import hearers
from dnsbl.store.shelf import Shelf

#: Hearers of one test.
MOST = 5

_OF = prepared(select(hearers.c.recipient).where(hearers.c.run == bindparam("run")).order_by(hearers.c.recipient))


class Hearers(Shelf):
    """Mail addresses, by run."""

    def add(self, run: str, recipient: str) -> None:
        """Tell this one too; once, and not more than a few."""
        known = self.of(run)
        if recipient.lower() not in known and len(known) < MOST:
            self._sql.execute(insert(hearers).values(run=run, recipient=recipient.lower()))

    def of(self, run: str) -> list[str]:
        """Who is to be told."""
        return self._sql.execute(_OF, {"run": run}).scalars()

    def told(self, run: str) -> None:
        """All have been."""
        self._sql.execute(delete(hearers).where(hearers.c.run == run))
