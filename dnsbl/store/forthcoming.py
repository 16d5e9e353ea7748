"""What outputs of relays will be listed as, when their delay is over."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, select

from dnsbl.addresses import Address, Network
from dnsbl.model import Forthcoming
from dnsbl.store.clerk import prepared
from dnsbl.store.columns import host_key, one_of
from dnsbl.store.schema.listed import forthcoming
from dnsbl.store.shelf import Shelf, columns, many

_ALL = columns(forthcoming, Forthcoming)
_OF = prepared(
    select(*_ALL).where(forthcoming.c.network == bindparam("network")).order_by(forthcoming.c.due, forthcoming.c.kind)
)


class ForthcomingShelf(Shelf):
    """One row a network and kind."""

    def add(self, coming: Forthcoming) -> None:
        """Store one that is not here yet."""
        self._sql.execute(insert(forthcoming).values({field.name: getattr(coming, field.name) for field in _ALL}))

    def of(self, network: Network) -> list[Forthcoming]:
        """Those of a network, the first to come first."""
        return many(Forthcoming, self._sql.execute(_OF, {"network": network}))

    def among(self, addresses: Iterable[Address]) -> set[Address]:
        """Those of at most 5000 addresses that something is to come for, each by itself."""
        wanted = select(forthcoming.c.network).where(one_of(forthcoming.c.network, map(host_key, addresses)))
        return {network.network_address for network in self._sql.execute(wanted.distinct()).scalars()}

    def due(self, now: datetime, *, most: int) -> list[Forthcoming]:
        """Those whose time has come, the longest due first."""
        wanted = select(*_ALL).where(forthcoming.c.due <= now)
        return many(
            Forthcoming, self._sql.execute(wanted.order_by(forthcoming.c.due, forthcoming.c.network).limit(most))
        )

    def drop(self, network: Network, kinds: Iterable[str]) -> None:
        """These of a network are listed, or will not be."""
        here = (forthcoming.c.network == network) & forthcoming.c.kind.in_(sorted(kinds))
        self._sql.execute(delete(forthcoming).where(here))

    def count(self) -> int:
        """How many wait."""
        return int(self._sql.execute(select(func.count()).select_from(forthcoming)).scalar_one())
