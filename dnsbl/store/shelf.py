"""What every shelf stands on: one clerk, and rows that become records.

What a verb asks at every turn is a statement that was built once, when its shelf was imported (`clerk.prepared`), and
is given its values: to build one costs several times what SQLite takes to answer it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any, TypeVar

from sqlalchemy import Column, Row, Table

from dnsbl.store.clerk import Clerk
from dnsbl.store.rows import Rows

R = TypeVar("R")


class Shelf:
    """Named queries on one table, inside one transaction."""

    def __init__(self, clerk: Clerk) -> None:
        self._sql = clerk


def columns(table: Table, record: type[Any]) -> list[Column[Any]]:
    """The columns that fill this record, by its field names."""
    return [table.c[field.name] for field in fields(record)]


def one(record: type[R], row: Any) -> R | None:
    """The record in this row, if there is a row."""
    return None if row is None else record(**row._asdict())


def many(record: type[R], rows: Rows | Iterable[Row[Any]]) -> list[R]:
    """The records in these rows."""
    return [record(**row._asdict()) for row in rows]
