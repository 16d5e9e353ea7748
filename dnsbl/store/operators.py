"""Who may sign in on the operators' side of the site, and what he may do there."""

from __future__ import annotations

from sqlalchemy import delete, func, insert, literal, select, update

from dnsbl.model import OperatorAccount
from dnsbl.store.columns import YesNo
from dnsbl.store.schema.manned import operators
from dnsbl.store.shelf import Shelf, columns, many, one
from dnsbl.vocabulary import Role

_ALL = columns(operators, OperatorAccount)
_LET_IN = operators.c.disabled == literal(False, YesNo())


class OperatorShelf(Shelf):
    """One row an account."""

    def add(self, account: OperatorAccount) -> None:
        """Store a new account."""
        self._sql.execute(insert(operators).values({field.name: getattr(account, field.name) for field in _ALL}))

    def read(self, name: str) -> OperatorAccount | None:
        """The account of this name."""
        return one(OperatorAccount, self._sql.execute(select(*_ALL).where(operators.c.name == name)).one_or_none())

    def all(self) -> list[OperatorAccount]:
        """Every account, by name."""
        return many(OperatorAccount, self._sql.execute(select(*_ALL).order_by(operators.c.name)))

    def any(self) -> bool:
        """Whether anybody is let in."""
        return self._sql.execute(select(operators.c.name).where(_LET_IN).limit(1)).first() is not None

    def owners(self) -> int:
        """How many owners are let in."""
        wanted = select(func.count()).select_from(operators).where(_LET_IN, operators.c.role == Role.OWNER)
        return int(self._sql.execute(wanted).scalar_one())

    def change(self, name: str, **values: object) -> None:
        """Put these fields of an account otherwise."""
        self._sql.execute(update(operators).where(operators.c.name == name).values(values))

    def remove(self, name: str) -> None:
        """Forget an account."""
        self._sql.execute(delete(operators).where(operators.c.name == name))
