"""Whose mail servers have asked a watched zone about whom, lately."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, func, insert, select, update

from dnsbl.addresses import Address
from dnsbl.store.schema import lookups
from dnsbl.store.shelf import Shelf


class LookupShelf(Shelf):
    """One row a reporter and address."""

    def known(self, addresses: Iterable[Address]) -> dict[tuple[str, Address], datetime]:
        """Who has asked about each of at most 5000 addresses, and when last."""
        wanted = select(lookups).where(lookups.c.address.in_(list(addresses)))
        return {(row.client, row.address): row.last for row in self._sql.execute(wanted)}

    def again(self, client: str, address: Address, last: datetime) -> None:
        """Note that this one, who is here, has asked once more."""
        here = (lookups.c.client == client) & (lookups.c.address == address) & (lookups.c.last < last)
        self._sql.execute(update(lookups).where(here).values(last=last))

    def add(self, client: str, address: Address, last: datetime) -> None:
        """Note one who is not here yet."""
        self._sql.execute(insert(lookups).values(client=client, address=address, last=last))

    def counts(self) -> dict[str, int]:
        """How many addresses are remembered, by reporter."""
        wanted = select(lookups.c.client, func.count()).group_by(lookups.c.client).order_by(lookups.c.client)
        return {row.client: row[1] for row in self._sql.execute(wanted)}

    def forget(self, before: datetime) -> int:
        """Drop what is older; returns how many."""
        return self._sql.execute(delete(lookups).where(lookups.c.last < before)).rowcount
