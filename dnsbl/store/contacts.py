"""Who answers for an address, as far as it was found out not long ago."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, select

from dnsbl.addresses import Address
from dnsbl.store.schema.told import contacts
from dnsbl.store.shelf import Shelf


class Contacts(Shelf):
    """One row an address."""

    def keep(self, address: Address, mailbox: str, *, at: datetime, until: datetime) -> None:
        """Remember whom to write to, "" for nobody, until then; what is past goes."""
        for past in (contacts.c.until < at, contacts.c.address == address):  # each by its index
            self._sql.execute(delete(contacts).where(past))
        self._sql.execute(insert(contacts).values(address=address, mailbox=mailbox, until=until))

    def known(self, address: Address, now: datetime) -> str | None:
        """Whom to write to; None where that is not known (any more)."""
        wanted = select(contacts.c.mailbox).where(contacts.c.address == address, contacts.c.until >= now)
        return self._sql.execute(wanted).scalar_one_or_none()
