"""As whom each run was made, in the order of its strangers."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, insert, select

from dnsbl.addresses import Address
from dnsbl.store.clerk import prepared
from dnsbl.store.faults import damaged
from dnsbl.store.schema.tested import guises, runs
from dnsbl.store.shelf import Shelf
from tester.guises import Guise, from_json, to_json

_ADD = prepared(insert(guises))
_NEWEST = prepared(
    select(guises.c.document)
    .join(runs, runs.c.id == guises.c.run)
    .where(runs.c.address == bindparam("address"))
    .order_by(runs.c.started.desc(), runs.c.id)
    .limit(1)
)
_OF = prepared(select(guises.c.document).where(guises.c.run == bindparam("run")))


class Guises(Shelf):
    """One row a run; runs from before there were guises have none."""

    def add(self, run: str, worn: Sequence[Guise]) -> None:
        """Keep as whom a run that has begun is made."""
        self._sql.later(_ADD, {"run": run, "document": to_json(worn)})

    def of(self, run: str) -> tuple[Guise, ...]:
        """The strangers of a run, who offers most of it first; none for a run that has none."""
        return _read(self._sql.execute(_OF, {"run": run}).scalar())

    def last(self, address: Address) -> Guise | None:
        """Who offered most of the newest run of an address, or None."""
        return next(iter(_read(self._sql.execute(_NEWEST, {"address": address}).scalar())), None)


def _read(document: str | None) -> tuple[Guise, ...]:
    try:
        return from_json(document or "")
    except (ValueError, TypeError) as error:
        raise damaged() from error
