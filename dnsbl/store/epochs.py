"""The epochs of the zones' serials, in their order; which there must be is `dns.listed.series`'s to say."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from dnsbl.model import Epoch
from dnsbl.store.clerk import prepared
from dnsbl.store.schema.listed import epochs
from dnsbl.store.shelf import Shelf, columns, many

_ALL = prepared(select(*columns(epochs, Epoch)).order_by(epochs.c.base))


class EpochShelf(Shelf):
    """One row an epoch."""

    def all(self) -> tuple[Epoch, ...]:
        """All of them, the newest last."""
        return tuple(many(Epoch, self._sql.execute(_ALL)))

    def add(self, epoch: Epoch) -> None:
        """One more."""
        self._sql.execute(
            insert(epochs).values(base=epoch.base, since=epoch.since, digest=epoch.digest, made=epoch.made)
        )

    def end(self) -> None:
        """Every one that there is, is over."""
        self._sql.execute(delete(epochs))
