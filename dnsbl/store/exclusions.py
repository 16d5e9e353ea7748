"""Networks that are not to be tested."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, select, type_coerce

from dnsbl.addresses import Address, Network
from dnsbl.model import Exclusion
from dnsbl.store.clerk import prepared
from dnsbl.store.columns import RawKey, covering
from dnsbl.store.schema.listed import exclusions
from dnsbl.store.shelf import Shelf, columns, many, one

_KEY = type_coerce(exclusions.c.network, RawKey())
_ALL = select(*columns(exclusions, Exclusion))
_COVERING = prepared(
    _ALL.where(_KEY.in_(bindparam("around", expanding=True))).order_by(exclusions.c.network.desc()).limit(1)
)

_MARK = prepared(
    select(func.count().label("many"), func.max(exclusions.c.since).label("newest")).select_from(exclusions)
)


class Exclusions(Shelf):
    """One row a network."""

    def put(self, exclusion: Exclusion) -> None:
        """Store an exclusion; it replaces the one of the same network."""
        self._sql.execute(delete(exclusions).where(exclusions.c.network == exclusion.network))
        self._sql.execute(
            insert(exclusions).values(
                network=exclusion.network, reason=exclusion.reason, public=exclusion.public, since=exclusion.since
            )
        )

    def end(self, network: Network) -> bool:
        """Forget the exclusion of exactly this network; whether there was one."""
        return bool(self._sql.execute(delete(exclusions).where(exclusions.c.network == network)).rowcount)

    def all(self) -> list[Exclusion]:
        """Every exclusion, in the order of networks."""
        return many(Exclusion, self._sql.execute(_ALL.order_by(exclusions.c.network)))

    def at(self, network: Network) -> Exclusion | None:
        """The exclusion of exactly this network."""
        return one(Exclusion, self._sql.execute(_ALL.where(exclusions.c.network == network)).one_or_none())

    def mark(self) -> tuple[int, datetime | None]:
        """What is another one as soon as an exclusion was added or replaced: how many there are, and since when the
        newest is."""
        count, newest = self._sql.execute(_MARK).one()
        return int(count), newest

    def present(self) -> Iterator[bytes]:
        """Every excluded network as its key (see `columns.network_key`), as a stream in the order of networks."""
        wanted = select(_KEY).order_by(exclusions.c.network)
        with self._sql.execute(wanted.execution_options(yield_per=10000)) as rows:
            yield from rows.scalars()

    def covering(self, address: Address) -> Exclusion | None:
        """The exclusion that covers this address, the narrowest if there are several."""
        return one(Exclusion, self._sql.execute(_COVERING, {"around": covering(address)}).one_or_none())
