"""How many messages were kept, and how many octets, for whoever is counted: a run, an address, a network, all together.

Counts stand beside what they count, so that asking how much a network has sent costs one row, not all its messages.
Counts by day are of UTC days; those of days before yesterday are dropped.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import bindparam, delete, insert, select, tuple_, update

from dnsbl.store.schema import kept
from dnsbl.store.shelf import Shelf

#: The day of what is counted for good.
EVER = 0

_OF = select(kept).where(
    kept.c.holder.in_(bindparam("holders", expanding=True)), kept.c.day.in_(bindparam("days", expanding=True))
)
_DROP = delete(kept).where(kept.c.day > EVER, kept.c.day < bindparam("since"))
_INSERT = insert(kept)
_GROW = (
    update(kept)
    .where(kept.c.holder == bindparam("for_holder"), kept.c.day == bindparam("of_day"))
    .values(messages=kept.c.messages + bindparam("more_messages"), octets=kept.c.octets + bindparam("more_octets"))
)


class Account(NamedTuple):
    """Whom a count is for, in our own words, and of which day: days since the epoch, or EVER."""

    holder: str
    day: int


class Count(NamedTuple):
    """What was kept."""

    messages: int
    octets: int


class Kept(Shelf):
    """One row an account."""

    def of(self, accounts: Iterable[Account]) -> dict[Account, Count]:
        """What is counted for these."""
        wanted = list(accounts)
        holders, days = {account.holder for account in wanted}, {account.day for account in wanted}
        found = self._sql.execute(_OF, {"holders": list(holders), "days": list(days)})
        counts = {Account(row.holder, row.day): Count(row.messages, row.octets) for row in found}
        return {account: counts.get(account, Count(0, 0)) for account in wanted}

    def add(self, accounts: Iterable[Account], octets: int, *, today: int, messages: int = 1) -> None:
        """Count one more message for each of these, or so many, of so many octets together."""
        self._sql.execute(_DROP, {"since": today - 1})
        for account in accounts:
            if not self._grow(account, messages, octets):
                row = {"holder": account.holder, "day": account.day, "messages": messages, "octets": octets}
                self._sql.execute(_INSERT, row)

    def take_off(self, account: Account, octets: int) -> None:
        """One message of so many octets is kept no longer."""
        self._grow(account, -1, -octets)

    def drop(self, accounts: Iterable[Account]) -> None:
        """Nothing is counted for these any more."""
        here = [(account.holder, account.day) for account in accounts]
        self._sql.execute(delete(kept).where(tuple_(kept.c.holder, kept.c.day).in_(here)))

    def _grow(self, account: Account, messages: int, octets: int) -> bool:
        """Whether there was anything to grow."""
        here = {"for_holder": account.holder, "of_day": account.day}
        return bool(self._sql.execute(_GROW, here | {"more_messages": messages, "more_octets": octets}).rowcount)
