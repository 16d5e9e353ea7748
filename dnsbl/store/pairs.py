"""The names that stand for tests: pairs of mail servers, for as long as their test may last."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, select

from dnsbl.model import MxPair
from dnsbl.store.schema.tested import pairs
from dnsbl.store.shelf import Shelf


class PairShelf(Shelf):
    """One row a pair; those whose time is over go when the next one comes."""

    def add(self, pair: MxPair, *, now: datetime, until: datetime) -> None:
        """File a pair, in the place of one with the same label."""
        self._sql.execute(delete(pairs).where((pairs.c.until <= now) | (pairs.c.label == pair.label)))
        self._sql.execute(insert(pairs).values(label=pair.label, address=pair.address, name=pair.name, until=until))

    def at(self, now: datetime) -> list[MxPair]:
        """The pairs that there are, by label."""
        wanted = select(pairs).where(pairs.c.until > now).order_by(pairs.c.label)
        return [MxPair(label=row.label, address=row.address, name=row.name) for row in self._sql.execute(wanted)]
