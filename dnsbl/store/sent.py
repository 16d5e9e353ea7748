"""What was sent, for whom it is counted and when: slots of ten minutes, of which those of the last hour are kept."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, insert, select, update

from dnsbl.rules.sending import Sent
from dnsbl.store.schema import sent
from dnsbl.store.shelf import Shelf


class SentShelf(Shelf):
    """One row a holder and slot."""

    def of(self, holders: Iterable[str], since: int) -> dict[str, dict[int, Sent]]:
        """What was sent for these from a slot on, by holder and slot."""
        wanted = list(holders)
        found = self._sql.execute(select(sent).where(sent.c.holder.in_(wanted), sent.c.slot >= since))
        counts: dict[str, dict[int, Sent]] = {holder: {} for holder in wanted}
        for row in found:
            counts[row.holder][row.slot] = Sent(row.connections, row.letters, row.octets)
        return counts

    def add(self, holders: Iterable[str], slot: int, more: Sent, *, since: int) -> None:
        """Count so much more for each of these; what is older than the slot `since` is dropped."""
        self._sql.execute(delete(sent).where(sent.c.slot < since))
        for holder in holders:
            here = (sent.c.holder == holder) & (sent.c.slot == slot)
            grown = {name: sent.c[name] + count for name, count in more._asdict().items()}
            if not self._sql.execute(update(sent).where(here).values(grown)).rowcount:
                row = {"holder": holder, "slot": slot, **more._asdict()}
                self._sql.execute(insert(sent).values(row))
