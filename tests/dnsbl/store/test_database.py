"""Transactions: all or nothing, writers in turns, readers in one moment; and the schema's versions."""

from __future__ import annotations

import threading
from ipaddress import ip_network

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from dnsbl.errors import StoreUnavailable
from dnsbl.store import Store, versions

NETWORK = ip_network("192.0.2.1/32")


def test_an_empty_database_says_so_in_one_sentence(empty_url: str) -> None:
    store = Store.open(empty_url)
    assert store.is_empty()
    with pytest.raises(StoreUnavailable, match=r"no tables yet; run `dnsbl db upgrade`\.$"):
        store.check()
    store.close()


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


def test_a_database_of_another_version_is_refused(store: Store) -> None:
    with store.write() as tx:
        tx.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreUnavailable, match="has schema 9999 and this program needs 0001"):
        store.check()


def test_schema_and_migrations_agree(store: Store) -> None:
    with store.write() as tx:
        command.check(versions.config(tx.connection))


def test_a_migration_that_fails_leaves_nothing_behind(empty_url: str) -> None:
    store = Store.open(empty_url)
    with store.write() as tx:
        tx.connection.execute(text("CREATE TABLE letters (id INTEGER)"))
    with pytest.raises((StoreUnavailable, DBAPIError)):
        store.upgrade()
    assert store.is_empty()
    store.close()


@pytest.mark.parametrize(
    "url", ["", "nonsense", "sqlite://", "sqlite:///:memory:", "mysql+pymysql://localhost/x", "postgresql+none://x/y"]
)
def test_a_url_that_names_no_database_of_ours_is_refused(url: str) -> None:
    with pytest.raises(StoreUnavailable, match="database URL"):
        Store(url)


@pytest.mark.parametrize(
    "url", ["sqlite:////nowhere/at/all/facts.db", "postgresql+psycopg://postgres@/x?host=/nowhere&connect_timeout=1"]
)
def test_a_database_that_cannot_be_reached_is_unavailable(url: str) -> None:
    with pytest.raises(StoreUnavailable, match=r"^The database does not answer\.$"):
        Store.open(url)


def test_a_transaction_that_raises_changes_nothing(store: Store) -> None:
    def fail() -> None:
        with store.write() as tx:
            tx.changes.add([NETWORK], "spam", present=True)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with store.read() as tx:
        assert tx.changes.last() == 0


def test_writers_take_turns_so_that_a_look_before_a_write_holds(store: Store) -> None:
    def write() -> None:
        for _ in range(25):
            with store.write() as tx:
                tx.changes.add([NETWORK], "spam", present=True)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as tx:
        assert [change.seq for change in tx.changes.after(0, most=1000)] == list(range(1, 101))


def test_a_reader_sees_one_moment(store: Store) -> None:
    with store.read() as before:
        assert before.changes.last() == 0
        with store.write() as tx:
            tx.changes.add([NETWORK], "spam", present=True)
        assert before.changes.last() == 0
    with store.read() as after:
        assert after.changes.last() == 1


def test_a_write_without_a_turn_waits_for_nobody_but_its_row(store: Store) -> None:
    if store.engine.dialect.name == "postgresql":  # SQLite has one writer at a time, always
        with store.write(), store.write(alone=False) as tx:
            tx.changes.add([NETWORK], "spam", present=True)
    else:
        with store.write(alone=False) as tx:
            tx.changes.add([NETWORK], "spam", present=True)
    with store.read() as tx:
        assert tx.changes.last() == 1


def test_sqlite_is_set_to_survive_a_power_cut(store: Store) -> None:
    if store.engine.dialect.name != "sqlite":
        assert store.engine.dialect.driver == "psycopg"
        return
    with store.read() as tx:
        asked = {
            name: tx.connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
        strict = tx.connection.execute(text("SELECT name FROM pragma_table_list WHERE strict AND schema = 'main'"))
        assert asked == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
        assert len(strict.all()) == 11


def test_the_version_that_the_code_needs_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(versions.config()).get_current_head() == versions.NEWEST
