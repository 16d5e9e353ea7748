"""Who has asked that which address be retested, and what came of it: each one's waits are his own."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, func, insert, literal, select

from dnsbl.addresses import Address
from dnsbl.store.clerk import prepared
from dnsbl.store.columns import YesNo
from dnsbl.store.schema.tested import removals, runs
from dnsbl.store.shelf import Shelf
from dnsbl.vocabulary import JobReason, RunState

_OF_ASKER = (removals.c.address == bindparam("address"), removals.c.asker == bindparam("asker"))
_KNOWN = prepared(select(removals.c.id).where(*_OF_ASKER, removals.c.run == bindparam("run")).limit(1))
_ADD = prepared(insert(removals))
_LAST_ASKED = prepared(select(func.max(removals.c.at)).where(*_OF_ASKER))


class Removals(Shelf):
    """Requests, one row for each asker and run."""

    def add(self, address: Address, run: str, *, asker: str, counted: bool, at: datetime) -> bool:
        """Remember a request; `counted` says whether it is one of those
        whose number a day is bounded. False: it was known already."""
        if self._sql.execute(_KNOWN, {"address": address, "run": run, "asker": asker}).first() is not None:
            return False
        values = {"address": address, "run": run, "asker": asker, "counted": counted, "at": at}
        self._sql.later(_ADD, values)
        return True

    def failed(self, address: Address, since: datetime, asker: str) -> list[datetime]:
        """When the removal runs begun since then that this one asked for ended, or began if they still wait for
        letters; oldest first."""
        when = func.coalesce(runs.c.settled, runs.c.started)
        wanted = (
            select(when)
            .join(removals, removals.c.run == runs.c.id)
            .where(
                removals.c.address == address,
                removals.c.asker == asker,
                runs.c.reason == JobReason.REMOVAL,
                runs.c.started >= since,
                runs.c.state != RunState.OPEN,
            )
        )
        return list(self._sql.execute(wanted.order_by(when)).scalars())

    def askers(self, run: str) -> list[str]:
        """Who has asked for this very retest."""
        return list(self._sql.execute(select(removals.c.asker).where(removals.c.run == run)).scalars())

    def last_asked(self, address: Address, asker: str) -> datetime | None:
        """When this one last asked for the removal of an address."""
        asked: datetime | None = self._sql.execute(_LAST_ASKED, {"address": address, "asker": asker}).scalar()
        return asked

    def counted(self, address: Address, since: datetime) -> list[tuple[str, datetime]]:
        """Who has asked since then, and when, of those whose number a day is bounded; oldest first."""
        wanted = select(removals.c.asker, removals.c.at).where(
            removals.c.address == address, removals.c.at > since, removals.c.counted == literal(True, YesNo())
        )
        return [(row.asker, row.at) for row in self._sql.execute(wanted.order_by(removals.c.at))]
