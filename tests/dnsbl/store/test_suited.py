"""A database whose locks or moments are not PostgreSQL's, or whose encoding has no place for all text, is refused in
one sentence, before anything is written."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, text

from dnsbl.errors import StoreUnavailable, Trouble
from dnsbl.store import Store, suited
from dnsbl.store.connecting import Way
from dnsbl.store.suited import Conduct, objection
from tests.dnsbl.offices import Files, PostgreSQL

POSTGRESQL = "PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64-pc-linux-gnu"
SOUND = Conduct(exclusive=True, current=True, skips=True)


@pytest.mark.parametrize(
    ("shown", "version", "begin"),
    [
        (SOUND, POSTGRESQL, ""),
        (Conduct(exclusive=True, current=True, skips=None), POSTGRESQL, ""),
        (Conduct(exclusive=False, current=True, skips=True), POSTGRESQL, "The database gives a lock that is held"),
        (Conduct(exclusive=True, current=False, skips=True), POSTGRESQL, "The database hides from a transaction"),
        (Conduct(exclusive=True, current=True, skips=False), POSTGRESQL, "The database gives a row that is locked"),
        (
            Conduct(exclusive=False, current=True, skips=None),
            "CockroachDB CCL v23.1.11",
            "The database (CockroachDB) gives",
        ),
        (SOUND, "PostgreSQL 15.2-YB-2025.1.0.0-b0 on x86_64", ""),
        (
            Conduct(exclusive=True, current=False, skips=True),
            "PostgreSQL 11.2-YB-2.18",
            "The database (YugabyteDB) hides",
        ),
    ],
)
def test_what_a_database_has_shown_decides_and_its_name_is_only_told(shown: Conduct, version: str, begin: str) -> None:
    why = objection(shown, version)
    assert why.startswith(begin) and bool(why) == bool(begin)
    assert not why or why.endswith("PostgreSQL is needed.")


#: A stub of each function that is asked, and what is said of a database that has it.
STUBS = {
    "pg_try_advisory_xact_lock(bigint) RETURNS boolean LANGUAGE sql AS 'SELECT true'": "gives a lock that is held",
    "pg_visible_in_snapshot(xid8, pg_snapshot) RETURNS boolean LANGUAGE sql AS 'SELECT false'": "hides from a",
    "pg_try_advisory_xact_lock(bigint) RETURNS boolean LANGUAGE plpgsql AS "
    "'BEGIN RAISE EXCEPTION ''not here'' USING ERRCODE = ''0A000''; END'": "refuses what PostgreSQL does",
}


def test_a_store_is_proven_before_the_first_write_and_one_of_stubs_is_neither_written_nor_served(
    store: Store, url: str
) -> None:
    proven = Store(url, patient=True)
    with proven.read():
        assert proven._proven
    proven.close()
    if proven.is_a_file:
        return
    for stub, sentence in STUBS.items():
        with store.write() as tx:
            tx.connection.execute(text("DROP SCHEMA IF EXISTS stubs CASCADE"))
            tx.connection.execute(text("CREATE SCHEMA stubs"))
            tx.connection.execute(text(f"CREATE FUNCTION stubs.{stub}"))
            tx.connection.execute(text("ALTER DATABASE with_tables SET search_path = public, stubs, pg_catalog"))
        for patient in (True, False):
            refused = Store(url, patient=patient)
            with pytest.raises(StoreUnavailable, match=sentence) as told, refused.write():
                pass
            assert told.value.trouble is Trouble.REFUSED
            if patient:
                with pytest.raises(StoreUnavailable, match=sentence), refused.read():
                    pass
            refused.close()


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_has_no_place_for_all_text_is_refused_with_its_encoding_before_anything_is_written(
    server: PostgreSQL | Files, encoding: str
) -> None:
    if not isinstance(server, PostgreSQL):
        return
    server.tell(f"CREATE DATABASE narrow TEMPLATE template0 ENCODING '{encoding}'")
    patient, other = Store(server.url("narrow"), patient=True), Store.open(server.url("narrow"))
    sentence = f"^The database's encoding is {encoding}, and a list needs UTF8; make one by CREATE DATABASE"
    for enter in (patient.read, patient.write, other.write):
        with pytest.raises(StoreUnavailable, match=sentence) as told, enter():
            pass
        assert told.value.trouble is Trouble.REFUSED
    with pytest.raises(StoreUnavailable, match=sentence):
        other.upgrade()
    assert other.is_empty()
    for store in (patient, other):
        store.close()
    server.drop("narrow")


def test_what_is_set_in_the_database_or_said_in_the_url_narrows_no_text(store: Store, url: str) -> None:
    if store.is_a_file:
        return
    with store.write() as tx:
        tx.connection.execute(text("ALTER DATABASE with_tables SET client_encoding = 'SQL_ASCII'"))
    for asked in ("", "&client_encoding=LATIN1"):
        narrowed = Store(url + asked, patient=True)
        with narrowed.read() as tx:
            assert tx.connection.execute(text("SELECT 'Ж€' || :more"), {"more": "字"}).scalar_one() == "Ж€字"
        narrowed.close()


def test_a_row_that_one_has_locked_is_passed_over_and_a_store_without_tables_is_asked_again(
    store: Store, empty_url: str
) -> None:
    if store.is_a_file:
        return
    bare = Store(empty_url)
    assert suited.prove(bare._by[Way.ROW]) is False
    bare.upgrade()
    assert suited.prove(bare._by[Way.ROW]) is True
    with bare.read() as tx:
        locks = tx.connection.execute(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")).scalar_one()
    assert locks == 0, "nothing is left behind"
    with bare._by[Way.ROW].begin() as other:
        other.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": suited.TRIED})
        assert suited.prove(bare._by[Way.ROW]) is False, "another node tries it now, and nobody waits for him"
    for goes in (False, True):  # whoever tried it before is about to let the row go
        with bare._by[Way.ROW].connect() as other:
            other.execute(suited._ROW)

            def ended(_connection: Any, _cursor: Any, sql: str, *_: Any, other: Any = other, goes: bool = goes) -> None:
                if goes and "SKIP LOCKED" in sql:
                    other.rollback()

            event.listen(bare.engine, "after_cursor_execute", ended)
            assert suited.prove(bare._by[Way.ROW]) is False, "a third one has the row, so nothing is shown"
            event.remove(bare.engine, "after_cursor_execute", ended)
    assert suited.prove(bare._by[Way.ROW]) is True
    bare.close()
