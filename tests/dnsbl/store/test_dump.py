"""Rows as text and back."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import func, select

from dnsbl.errors import Damaged
from dnsbl.store import Store, dump
from dnsbl.store.schema.manned import nodes
from dnsbl.store.schema.whole import metadata


def rows(store: Store) -> dict[str, list[tuple[object, ...]]]:
    with store.read() as tx:
        return {
            table.name: sorted(map(tuple, tx.connection.execute(select(table))), key=repr)
            for table in metadata.sorted_tables
            if table is not nodes
        }


def test_every_row_of_every_table_comes_back_as_it_was(office, empty_url: str) -> None:
    office.list_open("192.0.2.1")
    office.nominate("2001:db8::1", evidence=bytes(range(256)))
    with office.store.read() as tx:
        lines = list(dump.lines(tx.connection))
    other = Store(empty_url)
    other.upgrade()
    with other.write() as tx:
        assert dump.fill(tx.connection, lines) == sum(line.startswith("[") for line in lines)
    assert rows(other) == rows(office.store)
    with other.write() as tx:  # numbers that the database gives go on
        newest = tx.connection.execute(select(func.max(metadata.tables["nominations"].c.id))).scalar()
        assert tx.nominations.against([office.at("192.0.2.1")])
        assert newest == 2
    other.close()


@pytest.mark.parametrize(
    "line",
    ["nonsense", "{}", "[1]", '{"table": "strange", "columns": ["a"]}', '{"table": "kept", "columns": 5}'],
)
def test_what_was_never_written_is_damage(store: Store, line: str) -> None:
    with pytest.raises(Damaged), store.write() as tx:
        dump.fill(tx.connection, [line])


@pytest.mark.parametrize("value", [{"b64": "?"}, {"b64": 5}, {"x": 1}])
def test_a_value_of_no_known_form_is_damage(store: Store, value: object) -> None:
    head = {"table": "suspensions", "columns": ["source"]}
    with pytest.raises(Damaged), store.write() as tx:
        dump.fill(tx.connection, [json.dumps(head), json.dumps([value])])
