"""The version of the schema, and the way up."""

from __future__ import annotations

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text

from dnsbl.errors import StoreUnavailable
from dnsbl.store import Store, versions


def test_an_upgrade_makes_a_database_that_passes_the_check_and_can_be_repeated(
    empty_url: str,
) -> None:
    store = Store.open(empty_url)
    store.upgrade()
    store.check()
    store.upgrade()
    store.check()
    assert not store.is_empty()
    store.close()


def made_of(store: Store) -> list[tuple[object, ...]]:
    """Each table and index with the words that make it, as far as the database keeps them."""
    files = "SELECT name, sql FROM sqlite_master UNION ALL SELECT 'version', version_num FROM alembic_version"
    server = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
    with store.read() as tx:
        found = tx.connection.exec_driver_sql(files if store.engine.dialect.name == "sqlite" else server)
        return sorted(map(tuple, found.all()), key=repr)


def test_tables_that_tests_get_in_one_step_are_those_of_the_whole_way(
    store: Store, empty_url: str, one_step: None
) -> None:
    fresh = Store.open(empty_url)
    fresh.upgrade()
    assert made_of(fresh) == made_of(store) != []
    fresh.close()


def test_a_migration_that_fails_leaves_nothing_behind(empty_url: str) -> None:
    store = Store.open(empty_url)
    with store.write() as tx:
        tx.connection.execute(text("CREATE TABLE letters (id INTEGER)"))
    with pytest.raises(StoreUnavailable, match="refuses"):
        store.upgrade()
    assert store.is_empty()
    store.close()


def test_the_version_that_the_code_needs_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(versions.config()).get_current_head() == versions.NEWEST
