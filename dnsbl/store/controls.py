"""Who has shown that an address is his: the last time for each address, and how."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select

from dnsbl.addresses import Address
from dnsbl.store.clerk import prepared
from dnsbl.store.schema.told import controls
from dnsbl.store.shelf import Shelf

_SINCE = prepared(
    select(controls.c.how).where(controls.c.address == bindparam("address"), controls.c.shown >= bindparam("moment"))
)


class Controls(Shelf):
    """One row an address."""

    def keep(self, address: Address, how: str, *, at: datetime) -> None:
        """Somebody has shown it now."""
        self._sql.execute(delete(controls).where(controls.c.address == address))
        self._sql.execute(insert(controls).values(address=address, how=how, shown=at))

    def since(self, address: Address, moment: datetime) -> str:
        """How somebody has shown it since then, or ""."""
        return str(self._sql.execute(_SINCE, {"address": address, "moment": moment}).scalar() or "")
