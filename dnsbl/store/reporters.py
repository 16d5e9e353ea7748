"""Who reports under a name of his own, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import insert, select, update

from dnsbl.model import ReporterAccount
from dnsbl.store.schema.nominated import reporters
from dnsbl.store.shelf import Shelf, columns, many, one
from dnsbl.vocabulary import Tier

_ALL = columns(reporters, ReporterAccount)


class ReporterShelf(Shelf):
    """One row an account; none is ever deleted, since nominations name it."""

    def add(self, account: ReporterAccount) -> None:
        """Store a new account."""
        self._sql.execute(insert(reporters).values({field.name: getattr(account, field.name) for field in _ALL}))

    def read(self, name: str) -> ReporterAccount | None:
        """The account of this name."""
        return one(ReporterAccount, self._sql.execute(select(*_ALL).where(reporters.c.name == name)).one_or_none())

    def by_key(self, key: str) -> ReporterAccount | None:
        """The account whose key has this hash."""
        return one(ReporterAccount, self._sql.execute(select(*_ALL).where(reporters.c.key == key)).one_or_none())

    def all(self) -> list[ReporterAccount]:
        """Every account, by name."""
        return many(ReporterAccount, self._sql.execute(select(*_ALL).order_by(reporters.c.name)))

    def suspend(self, name: str, at: datetime, why: str) -> None:
        """Take nothing more from it."""
        self._change(name, suspended=at, why=why)

    def resume(self, name: str) -> None:
        """Take its nominations again, and count anew."""
        self._change(name, suspended=None, why="", hits=0, misses=0)

    def tier(self, name: str, tier: Tier) -> None:
        """Another tier."""
        self._change(name, tier=tier)

    def rekey(self, name: str, key: str | None) -> None:
        """The hash of its only key, or none."""
        self._change(name, key=key)

    def score(self, names: Iterable[str], *, hits: int, misses: int) -> None:
        """Add to what tests have shown of their nominations."""
        more = {"hits": reporters.c.hits + hits, "misses": reporters.c.misses + misses}
        self._sql.execute(update(reporters).where(reporters.c.name.in_(list(names))).values(more))

    def _change(self, name: str, **values: object) -> None:
        self._sql.execute(update(reporters).where(reporters.c.name == name).values(values))
