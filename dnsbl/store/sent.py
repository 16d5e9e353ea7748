"""What was sent, for whom it is counted and when: slots of ten minutes, of which those of the last hour are kept."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam, delete, select

from dnsbl.rules.sending import Sent
from dnsbl.store.clerk import counting, prepared
from dnsbl.store.schema.manned import sent
from dnsbl.store.shelf import Shelf

_OF = prepared(
    select(sent).where(sent.c.holder.in_(bindparam("holders", expanding=True)), sent.c.slot >= bindparam("since"))
)
_STALE = sent.c.slot < bindparam("since")
_IS_STALE, _DROP = prepared(select(sent.c.holder).where(_STALE).limit(1)), prepared(delete(sent).where(_STALE))
_COUNT = counting(sent)


class SentShelf(Shelf):
    """One row a holder and slot."""

    def of(self, holders: Iterable[str], since: int) -> dict[str, dict[int, Sent]]:
        """What was sent for these from a slot on, by holder and slot."""
        wanted = list(holders)
        found = self._sql.execute(_OF, {"holders": wanted, "since": since})
        counts: dict[str, dict[int, Sent]] = {holder: {} for holder in wanted}
        for row in found:
            counts[row.holder][row.slot] = Sent(row.connections, row.letters, row.octets)
        return counts

    def add(self, holders: Iterable[str], slot: int, more: Sent) -> None:
        """Count so much more for each of these."""
        for holder in holders:
            self._sql.later(_COUNT, {"holder": holder, "slot": slot, **more._asdict()})

    def is_stale(self, since: int) -> bool:
        """Whether anything is older than this slot."""
        return self._sql.execute(_IS_STALE, {"since": since}).first() is not None

    def drop_stale(self, since: int) -> None:
        """Drop what is older than this slot."""
        self._sql.later(_DROP, {"since": since})
