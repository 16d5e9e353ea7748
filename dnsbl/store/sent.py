"""What was sent, for whom it is counted and when: slots of ten minutes, of which those of the last hour are kept."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam, delete, insert, select, update

from dnsbl.rules.sending import Sent
from dnsbl.store.schema import sent
from dnsbl.store.shelf import Shelf

_OF = select(sent).where(sent.c.holder.in_(bindparam("holders", expanding=True)), sent.c.slot >= bindparam("since"))
_DROP = delete(sent).where(sent.c.slot < bindparam("since"))
_INSERT = insert(sent)
_GROW = (
    update(sent)
    .where(sent.c.holder == bindparam("for_holder"), sent.c.slot == bindparam("of_slot"))
    .values({name: sent.c[name] + bindparam(f"more_{name}") for name in Sent._fields})
)


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

    def add(self, holders: Iterable[str], slot: int, more: Sent, *, since: int) -> None:
        """Count so much more for each of these; what is older than the slot `since` is dropped."""
        self._sql.execute(_DROP, {"since": since})
        grown = {f"more_{name}": count for name, count in more._asdict().items()}
        for holder in holders:
            if not self._sql.execute(_GROW, {"for_holder": holder, "of_slot": slot, **grown}).rowcount:
                self._sql.execute(_INSERT, {"holder": holder, "slot": slot, **more._asdict()})
