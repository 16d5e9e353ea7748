"""The tables as the code knows them."""

from __future__ import annotations

from alembic import command

from dnsbl.store import Store, versions


def test_schema_and_migrations_agree(store: Store) -> None:
    with store.write() as tx:
        command.check(versions.config(tx.connection))
