"""Rows that become records."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column, Integer, MetaData, Table, create_engine, insert, select

from dnsbl.store.shelf import columns, many, one

TABLE = Table("things", MetaData(), Column("name", Integer), Column("more", Integer), Column("id", Integer))


@dataclass(frozen=True, kw_only=True, slots=True)
class Thing:
    id: int
    name: int


def test_a_record_takes_the_columns_of_its_fields_and_no_others() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        TABLE.create(connection)
        connection.execute(insert(TABLE), [{"id": n, "name": 10 * n, "more": 0} for n in (1, 2)])
        rows = connection.execute(select(*columns(TABLE, Thing)).order_by(TABLE.c.id)).all()
    engine.dispose()
    assert many(Thing, rows) == [Thing(id=1, name=10), Thing(id=2, name=20)]
    assert one(Thing, rows[0]) == Thing(id=1, name=10)
    assert one(Thing, None) is None
