"""How many messages were kept, and how many octets, for whoever is counted: a run, an address, a network, all together.

Counts stand beside what they count, so that asking how much a network has sent costs one row, not all its messages.
Counts by day are of UTC days; those of days before yesterday are dropped in time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import bindparam, delete, select, update

from dnsbl.store.clerk import counting, prepared
from dnsbl.store.schema.manned import kept
from dnsbl.store.shelf import Shelf

#: The day of what is counted for good.
EVER = 0

_OF = prepared(
    select(kept).where(
        kept.c.holder.in_(bindparam("holders", expanding=True)), kept.c.day.in_(bindparam("days", expanding=True))
    )
)
_STALE = (kept.c.day > EVER, kept.c.day < bindparam("since"))
_IS_STALE, _DROP = prepared(select(kept.c.holder).where(*_STALE).limit(1)), prepared(delete(kept).where(*_STALE))
_COUNT = counting(kept)
_ONE = (kept.c.holder == bindparam("for_holder"), kept.c.day == bindparam("of_day"))
_END = prepared(delete(kept).where(*_ONE))
_GROW = prepared(
    update(kept)
    .where(*_ONE)
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

    def add(self, accounts: Iterable[Account], octets: int, *, messages: int = 1) -> None:
        """Count one more message for each of these, or so many, of so many octets together."""
        for account in accounts:
            row = {"holder": account.holder, "day": account.day, "messages": messages, "octets": octets}
            self._sql.later(_COUNT, row)

    def is_stale(self, today: int) -> bool:
        """Whether anything is counted of days before yesterday."""
        return self._sql.execute(_IS_STALE, {"since": today - 1}).first() is not None

    def drop_stale(self, today: int) -> None:
        """Drop what is counted of days before yesterday."""
        self._sql.later(_DROP, {"since": today - 1})

    def take_off(self, account: Account, octets: int) -> None:
        """One message of so many octets is kept no longer."""
        here = {"for_holder": account.holder, "of_day": account.day}
        self._sql.later(_GROW, here | {"more_messages": -1, "more_octets": -octets})

    def drop(self, accounts: Iterable[Account]) -> None:
        """Nothing is counted for these any more."""
        self._sql.later(_END, *({"for_holder": account.holder, "of_day": account.day} for account in accounts))
