"""Signs of life: which process of which node was last at work, and when. What is older than a month is forgotten."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, insert, update

from dnsbl.store.schema import nodes
from dnsbl.store.shelf import Shelf

#: For how long a sign of life is kept.
KEPT = timedelta(days=30)


class Nodes(Shelf):
    """One row a process."""

    def beat(self, name: str, at: datetime) -> None:
        """It is at work now."""
        if not self._sql.execute(update(nodes).where(nodes.c.name == name).values(seen=at)).rowcount:
            self._sql.execute(delete(nodes).where(nodes.c.seen < at - KEPT))
            self._sql.execute(insert(nodes).values(name=name, seen=at))

    def forget_after(self, moment: datetime) -> None:
        """Drop what a clock that was ahead has left."""
        self._sql.execute(delete(nodes).where(nodes.c.seen > moment))
