"""Whose mail servers have asked a watched zone about whom, lately."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, select, tuple_, update

from dnsbl.addresses import Address
from dnsbl.store.clerk import prepared
from dnsbl.store.schema.nominated import lookups
from dnsbl.store.shelf import Shelf

_OLD = prepared(select(lookups.c.client).where(lookups.c.last < bindparam("before")).limit(1))


class LookupShelf(Shelf):
    """One row a reporter and address."""

    def known(self, addresses: Iterable[Address]) -> dict[tuple[str, Address], datetime]:
        """Who has asked about each of at most 5000 addresses, and when last."""
        wanted = select(lookups).where(lookups.c.address.in_(list(addresses)))
        return {(row.client, row.address): row.last for row in self._sql.execute(wanted)}

    def again(self, asked: Mapping[tuple[str, Address], datetime]) -> None:
        """Note that these, who are here, have asked once more, each when."""
        if asked:
            here = (lookups.c.client == bindparam("who")) & (lookups.c.address == bindparam("whom"))
            later = update(lookups).where(here, lookups.c.last < bindparam("then")).values(last=bindparam("then"))
            self._sql.execute(later, [{"who": who, "whom": whom, "then": then} for (who, whom), then in asked.items()])

    def add(self, asked: Mapping[tuple[str, Address], datetime]) -> None:
        """Note these, who are not here yet, each with when."""
        if asked:
            rows = [{"client": who, "address": whom, "last": last} for (who, whom), last in asked.items()]
            self._sql.execute(insert(lookups), rows)

    def counts(self) -> dict[str, int]:
        """How many addresses are remembered, by reporter."""
        wanted = select(lookups.c.client, func.count()).group_by(lookups.c.client).order_by(lookups.c.client)
        return {row.client: row[1] for row in self._sql.execute(wanted)}

    def is_old(self, before: datetime) -> bool:
        """Whether anything is older."""
        return self._sql.execute(_OLD, {"before": before}).first() is not None

    def forget(self, before: datetime, *, most: int) -> int:
        """Drop what is older, at most so much; returns how many."""
        key = (lookups.c.client, lookups.c.address)
        old = select(*key).where(lookups.c.last < before).limit(most)
        return self._sql.execute(delete(lookups).where(tuple_(*key).in_(old))).rowcount
