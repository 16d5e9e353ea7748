"""Who is signed in on the operators' side of the site, and who has tried to and failed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, insert, select, update

from dnsbl.model import SignIn
from dnsbl.store.schema.manned import sign_in_tries, sign_ins
from dnsbl.store.shelf import Shelf, columns, many, one

_SIGN_IN = columns(sign_ins, SignIn)


class Tries(NamedTuple):
    """What is remembered of who is counted: how often he has failed since he last came in, and when he last tried."""

    failed: int
    last: datetime


class SignIns(Shelf):
    """One row for each who is signed in, and one for each who is counted."""

    def begin(self, sign_in: SignIn) -> None:
        """Somebody has signed in."""
        values = {field.name: getattr(sign_in, field.name) for field in _SIGN_IN}
        self._sql.execute(insert(sign_ins).values(values))

    def read(self, token: str) -> SignIn | None:
        """Who is signed in with this."""
        return one(SignIn, self._sql.execute(select(*_SIGN_IN).where(sign_ins.c.token == token)).one_or_none())

    def of(self, name: str) -> list[SignIn]:
        """Where this account is signed in, the newest first."""
        wanted = select(*_SIGN_IN).where(sign_ins.c.name == name).order_by(sign_ins.c.begun.desc(), sign_ins.c.token)
        return many(SignIn, self._sql.execute(wanted))

    def seen(self, token: str, at: datetime) -> None:
        """He has asked for something now."""
        self._sql.execute(update(sign_ins).where(sign_ins.c.token == token).values(seen=at))

    def end(self, token: str) -> bool:
        """He is signed out; whether he was signed in."""
        return bool(self._sql.execute(delete(sign_ins).where(sign_ins.c.token == token)).rowcount)

    def end_all(self, name: str, *, but: str = "") -> int:
        """This account is signed out everywhere, `but` there; returns at how many places."""
        wanted = delete(sign_ins).where(sign_ins.c.name == name, sign_ins.c.token != but)
        return int(self._sql.execute(wanted).rowcount)

    def forget(self, *, begun: datetime, seen: datetime) -> None:
        """Drop who has signed in, or was seen, too long ago."""
        self._sql.execute(delete(sign_ins).where((sign_ins.c.begun < begun) | (sign_ins.c.seen < seen)))

    def tried(self, holders: Iterable[str]) -> dict[str, Tries]:
        """What is remembered of these; of who has not tried there is nothing."""
        wanted = select(sign_in_tries).where(sign_in_tries.c.holder.in_(list(holders)))
        return {row.holder: Tries(row.failed, row.last) for row in self._sql.execute(wanted)}

    def count(self, holder: str, failed: int, at: datetime) -> None:
        """So often this one has failed, with the try of now; 0: he has come in."""
        self._sql.execute(delete(sign_in_tries).where(sign_in_tries.c.holder == holder))
        self._sql.execute(insert(sign_in_tries).values(holder=holder, failed=failed, last=at))

    def forget_tries(self, before: datetime, *, known: datetime) -> None:
        """Drop who has tried last before that moment, or, where somebody has come in there, before `known`."""
        came_in = sign_in_tries.c.failed == 0
        old = sign_in_tries.c.last < before
        self._sql.execute(delete(sign_in_tries).where(old & (~came_in | (sign_in_tries.c.last < known))))
