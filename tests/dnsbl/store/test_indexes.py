from __future__ import annotations

from dnsbl.store.indexes import metadata


def test_an_index_of_some_rows_holds_the_same_ones_on_both_databases() -> None:
    told = [
        (index.name, *(index.dialect_options[name]["where"] for name in ("sqlite", "postgresql")))
        for table in metadata.tables.values()
        for index in table.indexes
    ]
    assert len(told) > 40
    assert [name for name, sqlite, postgresql in told if sqlite is not postgresql] == []
    assert [name for name, sqlite, _ in told if sqlite is not None]
