"""What every shelf stands on: one connection, and rows that become records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, Row, Table

R = TypeVar("R")


class Shelf:
    """Named queries on one table, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection


def columns(table: Table, record: type[Any]) -> list[Column[Any]]:
    """The columns that fill this record, by its field names."""
    return [table.c[field.name] for field in fields(record)]


def one(record: type[R], row: Row[Any] | None) -> R | None:
    """The record in this row, if there is a row."""
    return None if row is None else record(**row._mapping)


def many(record: type[R], rows: Iterable[Row[Any]]) -> list[R]:
    """The records in these rows."""
    return [record(**row._mapping) for row in rows]
