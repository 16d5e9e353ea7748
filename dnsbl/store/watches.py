"""Who watches which network, and how far he was told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, false, func, insert, or_, select, update

from dnsbl.addresses import Network
from dnsbl.model import Watch
from dnsbl.store.schema.told import WATCHING, watches
from dnsbl.store.shelf import Shelf, columns, many, one
from dnsbl.vocabulary import WatchWay

_WATCH = columns(watches, Watch)


class Watches(Shelf):
    """One row a watch."""

    def add(
        self,
        *,
        token: str,
        secret: str,
        network: Network,
        way: WatchWay,
        target: str,
        how: str,
        told: int,
        at: datetime,
    ) -> Watch:
        """Begin one; listings up to the number `told` are no news."""
        values = {
            "token": token,
            "secret": secret,
            "network": network,
            "way": way,
            "target": target,
            "how": how,
            "told": told,
            "since": at,
        }
        return Watch(**self._sql.execute(insert(watches).values(values).returning(*_WATCH)).one()._mapping)

    def find(self, token: str) -> Watch | None:
        """The one with this token, while it has not ended."""
        return one(Watch, self._sql.execute(select(*_WATCH).where(watches.c.token == token, WATCHING)).one_or_none())

    def numbered(self, number: int) -> Watch | None:
        """The one of this number, while it has not ended."""
        return one(Watch, self._sql.execute(select(*_WATCH).where(watches.c.id == number, WATCHING)).one_or_none())

    def same(self, network: Network, way: WatchWay, target: str) -> Watch | None:
        """The one that tells this target of this network."""
        here = (watches.c.network == network, watches.c.way == way, watches.c.target == target, WATCHING)
        return one(Watch, self._sql.execute(select(*_WATCH).where(*here).limit(1)).one_or_none())

    def all(self, *, most: int) -> list[Watch]:
        """Those that have not ended."""
        return many(Watch, self._sql.execute(select(*_WATCH).where(WATCHING).order_by(watches.c.id).limit(most)))

    def behind(self, newest: int, *, most: int) -> list[Watch]:
        """Those that were not told of all listings up to this number, which somebody is to be told of."""
        wanted = select(*_WATCH).where(WATCHING, watches.c.told < newest, watches.c.way != WatchWay.FEED)
        return many(Watch, self._sql.execute(wanted.order_by(watches.c.id).limit(most)))

    def count(self, network: Network | None = None) -> int:
        """How many there are, of this network or of all."""
        wanted = select(func.count()).select_from(watches).where(WATCHING)
        if network is not None:
            wanted = wanted.where(watches.c.network == network)
        return int(self._sql.execute(wanted).scalar_one())

    def tell(self, whom: Sequence[Watch], upto: int) -> int:
        """These are told of the listings up to this number; returns how many that were: not who has ended, or was told
        by another process, since he was read."""
        same = or_(false(), *(and_(watches.c.id == each.id, watches.c.told == each.told) for each in whom))
        return self._sql.execute(update(watches).where(same, WATCHING).values(told=upto)).rowcount

    def end(self, watch: Watch, at: datetime) -> None:
        """It is over; whom it told is forgotten."""
        self._sql.execute(update(watches).where(watches.c.id == watch.id).values(ended=at, target="", secret=""))
