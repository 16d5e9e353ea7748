"""Whose mail servers have asked a watched zone about whom, lately."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func, insert, select, update

from dnsbl.addresses import Address
from dnsbl.store.schema import lookups
from dnsbl.store.shelf import Shelf


class LookupShelf(Shelf):
    """One row a reporter and address."""

    def again(self, client: str, address: Address, last: datetime) -> bool:
        """Note that this one, who is here, has asked once more; False where he is not here."""
        here = (lookups.c.client == client) & (lookups.c.address == address)
        later = lookups.c.last < last
        if self._sql.execute(select(lookups.c.client).where(here)).one_or_none() is None:
            return False
        self._sql.execute(update(lookups).where(here & later).values(last=last))
        return True

    def add(self, client: str, address: Address, last: datetime) -> None:
        """Note one who is not here yet."""
        self._sql.execute(insert(lookups).values(client=client, address=address, last=last))

    def clients_of(self, address: Address, since: datetime) -> list[str]:
        """The reporters whose servers have asked about this address since then, in order."""
        wanted = select(lookups.c.client).where(lookups.c.address == address, lookups.c.last >= since)
        return list(self._sql.execute(wanted.order_by(lookups.c.client)).scalars())

    def counts(self) -> dict[str, int]:
        """How many addresses are remembered, by reporter."""
        wanted = select(lookups.c.client, func.count()).group_by(lookups.c.client).order_by(lookups.c.client)
        return {row.client: row[1] for row in self._sql.execute(wanted)}

    def forget(self, before: datetime) -> int:
        """Drop what is older; returns how many."""
        return self._sql.execute(delete(lookups).where(lookups.c.last < before)).rowcount
