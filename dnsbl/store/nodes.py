"""Signs of life: which process of which node was last at work, when, and as what. What is older than a month is
forgotten."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update

from dnsbl.model import SignOfLife
from dnsbl.store.schema.manned import nodes
from dnsbl.store.shelf import Shelf

#: For how long a sign of life is kept.
KEPT = timedelta(days=30)


class Nodes(Shelf):
    """One row a process."""

    def beat(self, name: str, at: datetime, roles: Sequence[str] = (), down: Mapping[str, str] | None = None) -> None:
        """It is at work now, as these; parts that are `down` are told with the reason."""
        facts = {"seen": at, "roles": " ".join(roles), "down": json.dumps(dict(down)) if down else ""}
        if not self._sql.execute(update(nodes).where(nodes.c.name == name).values(**facts)).rowcount:
            self._sql.execute(delete(nodes).where(nodes.c.seen < at - KEPT))
            self._sql.execute(insert(nodes).values(name=name, **facts))

    def since(self, moment: datetime) -> list[SignOfLife]:
        """Who was seen then or later, by name."""
        wanted = select(nodes).where(nodes.c.seen >= moment).order_by(nodes.c.name)
        return [
            SignOfLife(
                process=row.name,
                roles=tuple(row.roles.split()),
                seen=row.seen,
                down=json.loads(row.down) if row.down else {},
            )
            for row in self._sql.execute(wanted)
        ]

    def leave(self, name: str) -> None:
        """It is at work no more, by its own word."""
        self._sql.execute(delete(nodes).where(nodes.c.name == name))

    def forget_after(self, moment: datetime) -> None:
        """Drop what a clock that was ahead has left."""
        self._sql.execute(delete(nodes).where(nodes.c.seen > moment))
