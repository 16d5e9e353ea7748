"""All rows of all tables as text, and back: the same file for both databases, and across them.

A table is a line that names it and its columns, then a line a row, in the order in which rows may refer to others.
Values are those that the drivers see (see `columns`): numbers, texts, octets, nothing. Signs of life are left out, and
who is signed in.
Never judges what the rows mean; who restores them does.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, column, func, insert, select, table, text

from dnsbl.errors import Damaged
from dnsbl.store.schema.manned import nodes, sign_in_tries, sign_ins
from dnsbl.store.schema.whole import metadata

#: What is of the moment, and in no copy.
_FLEETING = (nodes, sign_ins, sign_in_tries)
#: Rows that go in at once.
_PART = 500


def lines(connection: Connection) -> Iterator[str]:
    """Every table, as lines without their ends; streams."""
    for kept in metadata.sorted_tables:
        if kept in _FLEETING:
            continue
        names = [each.name for each in kept.columns]
        yield json.dumps({"table": kept.name, "columns": names})
        bare = table(kept.name, *(column(name) for name in names))
        order = [bare.c[each.name] for each in kept.primary_key.columns]
        with connection.execute(select(bare).order_by(*order).execution_options(yield_per=1000)) as rows:
            for row in rows:
                yield json.dumps([_told(value) for value in row], separators=(",", ":"))


def fill(connection: Connection, given: Iterable[str]) -> int:
    """Put these lines' rows into tables that hold none; returns how many there were. Raises Damaged for what `lines`
    cannot have written."""
    count, name, names, part = 0, "", [""], list[dict[str, Any]]()
    filled = set[str]()

    def put() -> None:
        if part:
            connection.execute(insert(table(name, *(column(each) for each in names))), part)
            part.clear()

    for line in given:
        match _read(line):
            case {"table": str(said), "columns": list(columns)} if said in metadata.tables:
                put()
                name, names = said, columns
                filled.add(name)
            case list(values) if name and len(values) == len(names):
                part.append(dict(zip(names, map(_meant, values), strict=True)))
                count += 1
                if len(part) == _PART:
                    put()
            case _:
                raise Damaged(f"The copy has a line that is no row of {name or 'a table'}.")
    put()
    _number_on(connection, filled)
    return count


def _number_on(connection: Connection, filled: set[str]) -> None:
    """What a database numbers by itself goes on behind the rows that came with their numbers."""
    if connection.dialect.name != "postgresql":
        return
    for kept in metadata.sorted_tables:
        found = kept.autoincrement_column
        if found is None or kept.name not in filled:
            continue
        sequence = connection.execute(select(func.pg_get_serial_sequence(kept.name, found.name))).scalar()
        if sequence is not None:
            newest = select(func.coalesce(func.max(found), 0) + 1).scalar_subquery()
            connection.execute(select(func.setval(text(f"'{sequence}'"), newest, text("false"))))


def _read(line: str) -> object:
    try:
        found: object = json.loads(line)
    except ValueError:
        return None
    return found


def _told(value: Any) -> Any:
    return {"b64": b64encode(value).decode()} if isinstance(value, (bytes, memoryview)) else value


def _meant(value: Any) -> Any:
    if isinstance(value, dict):
        try:
            return b64decode(value["b64"], validate=True)
        except (KeyError, TypeError, ValueError):
            raise Damaged("The copy has a value of no known form.") from None
    return value
