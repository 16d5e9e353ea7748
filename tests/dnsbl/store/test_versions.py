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
