"""Transactions: all or nothing, writers in turns, readers in one moment; and the schema's versions."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from dnsbl.errors import StoreUnavailable, Trouble
from dnsbl.store import Store, versions
from dnsbl.store.kept import EVER, Account
from dnsbl.store.schema.whole import metadata
from tests.dnsbl.store.samples import NOW
from tests.waiting import until

NETWORK = ip_network("192.0.2.1/32")


def test_an_empty_database_says_so_in_one_sentence(empty_url: str) -> None:
    store = Store.open(empty_url)
    assert store.is_empty()
    with pytest.raises(StoreUnavailable, match=r"no tables yet; run `dnsbl db upgrade`\.$") as caught:
        store.check()
    assert caught.value.trouble is Trouble.VERSION
    store.close()


@pytest.mark.parametrize(("version", "do"), [("9999", "install a program as new"), ("0001", "run `dnsbl db upgrade`")])
def test_a_database_of_another_version_is_refused_and_what_to_do_is_said(store: Store, version: str, do: str) -> None:
    with store.write() as tx:
        tx.connection.execute(text(f"UPDATE alembic_version SET version_num = '{version}'"))
    with pytest.raises(StoreUnavailable, match=f"has schema {version} and .* needs {versions.NEWEST}; {do}") as caught:
        store.check()
    assert caught.value.trouble is Trouble.VERSION


def test_a_database_that_is_newer_than_the_program_is_brought_to_no_version(store: Store) -> None:
    with store.write() as tx:
        tx.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreUnavailable, match=r"has schema 9999 and .* install a program as new") as caught:
        store.upgrade()
    assert caught.value.trouble is Trouble.VERSION


@pytest.mark.parametrize(
    "url", ["", "nonsense", "sqlite://", "sqlite:///:memory:", "mysql+pymysql://localhost/x", "postgresql+none://x/y"]
)
def test_a_url_that_names_no_database_of_ours_is_refused(url: str) -> None:
    with pytest.raises(StoreUnavailable, match="database URL"):
        Store(url)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            "sqlite:////nowhere/at/all/facts.db",
            "/nowhere/at/all/facts.db does not answer: there is no folder /nowhere/at/all",
        ),
        ("postgresql+psycopg://u:secret@/x?host=/nowhere", "x at /nowhere does not answer: nobody listens there"),
        ("postgresql://u:secret@127.0.0.1:9/x", "x at 127.0.0.1:9 does not answer: nobody listens there"),
    ],
)
def test_of_a_database_that_cannot_be_reached_place_reason_and_what_to_type_are_told(url: str, said: str) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        Store.open(url)
    assert said in str(caught.value) and "secret" not in str(caught.value)
    assert str(caught.value).endswith("; `dnsbl doctor` looks at it.")


def test_a_transaction_that_raises_changes_nothing(store: Store) -> None:
    def fail() -> None:
        with store.write() as tx:
            tx.changes.add([NETWORK], "spam", present=True, at=NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with store.read() as tx:
        assert tx.changes.last() == 0


def test_writers_take_turns_so_that_a_look_before_a_write_holds(store: Store) -> None:
    def write() -> None:
        for _ in range(25):
            with store.write() as tx:
                tx.changes.add([NETWORK], "spam", present=True, at=NOW)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as tx:
        assert [change.seq for change in tx.changes.after(0, most=1000)] == list(range(1, 101))


def test_writers_see_what_was_written_before_them_whatever_the_database_takes_as_its_own_default(
    store: Store, url: str
) -> None:
    if not store.is_a_file:
        with store.write() as tx:
            default = "ALTER DATABASE with_tables SET default_transaction_isolation = 'repeatable read'"
            tx.connection.execute(text(default))
        store.close()  # a connection has the default of the time when it was made
    waits = threading.Thread(target=lambda: one_step(store))
    in_line = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with store.write() as tx:
        waits.start()
        if not store.is_a_file:
            asyncio.run(until(lambda: tx.connection.execute(text(in_line)).scalar_one()))
        tx.changes.add([NETWORK], "spam", present=True, at=NOW)
    waits.join()
    with store.read() as tx:
        assert tx.changes.last() == 2


def one_step(store: Store) -> None:
    with store.write() as tx:
        tx.changes.add([NETWORK], "spam", present=True, at=NOW)


def test_a_reader_sees_one_moment(store: Store) -> None:
    with store.read() as before:
        assert before.changes.last() == 0
        with store.write() as tx:
            tx.changes.add([NETWORK], "spam", present=True, at=NOW)
        assert before.changes.last() == 0
    with store.read() as after:
        assert after.changes.last() == 1


def test_a_write_without_a_turn_waits_for_nobody_but_its_row(store: Store) -> None:
    if store.engine.dialect.name == "postgresql":  # SQLite has one writer at a time, always
        with store.write(), store.write(alone=False) as tx:
            tx.changes.add([NETWORK], "spam", present=True, at=NOW)
    else:
        with store.write(alone=False) as tx:
            tx.changes.add([NETWORK], "spam", present=True, at=NOW)
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
        assert asked == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1}
        assert len(strict.all()) == len(metadata.tables)


@pytest.mark.parametrize("told", [False, True])
def test_what_a_verb_has_written_is_on_the_disk_when_it_has_ended(
    store: Store, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    synced = list[int]()
    monkeypatch.setattr("dnsbl.store.turns.os.fdatasync", synced.append)
    with store.write() as tx:
        tx.kept.add([Account("a", 1)], 1)
        if told:
            tx.changes.add([NETWORK], "spam", present=True, at=NOW)
        tx.finish()
        if not store.is_a_file:
            in_log = tx.connection.execute(text("SELECT pg_current_wal_insert_lsn()::text")).scalar()
            assert tx.connection.execute(text("SHOW synchronous_commit")).scalar() == "off", "nobody waits in his turn"
        assert synced == []
    if store.is_a_file:
        assert len(synced) == 1
        return
    with store.read() as tx:
        safe = text("SELECT pg_current_wal_flush_lsn() > CAST(:in_log AS pg_lsn)")
        assert tx.connection.execute(safe, {"in_log": in_log}).scalar()


@contextmanager
def other_than(store: Store) -> Iterator[Store]:
    """Another one of the same database."""
    other = Store(store.engine.url.render_as_string(hide_password=False))
    try:
        yield other
    finally:
        other.close()


def end(store: Store, backends: Sequence[int]) -> None:
    """End processes of the server, and wait until they are gone."""
    for own in backends:
        with other_than(store) as other, other.read() as tx:
            tx.connection.execute(text("SELECT pg_terminate_backend(:own, 5000)"), {"own": own})


BACKEND = text("SELECT pg_backend_pid()")


def test_connections_that_the_server_has_ended_meanwhile_cost_nobody_his_verb(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    if store.is_a_file:
        return
    with store.read() as one, store.read() as tx:
        ended = [int(each.connection.execute(BACKEND).scalar_one()) for each in (one, tx)]
    before = dict(store.failures)
    end(store, ended)
    with store.read() as tx:
        assert tx.connection.execute(BACKEND).scalar_one() not in ended
    end(store, [backend(store)])
    one_step(store)
    assert store.failures == before and not store.troubles
    assert not [each for each in caplog.records if each.name.startswith("sqlalchemy")]


def backend(store: Store) -> int:
    """The process of the server behind the connection that is used next."""
    with store.read() as tx:
        return int(tx.connection.execute(BACKEND).scalar_one())


def test_a_connection_that_the_server_ends_under_a_transaction_fails_it_and_no_later_one(store: Store) -> None:
    if store.is_a_file:
        return

    def cut_off() -> None:
        with store.write() as tx:
            end(store, [int(tx.connection.execute(BACKEND).scalar_one())])
            tx.changes.add([NETWORK], "spam", present=True, at=NOW)

    with pytest.raises(StoreUnavailable, match="does not answer"):
        cut_off()
    one_step(store)
    with store.read() as tx:
        assert [change.present for change in tx.changes.after(0, most=5)] == [True]


def test_who_has_written_nothing_waits_for_no_disk(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("dnsbl.store.turns.os.fdatasync")
    monkeypatch.delattr("dnsbl.store.database.END_SAFE")
    with store.write() as tx:
        assert tx.kept.of([Account("a", 1)])[Account("a", 1)].messages == 0


def test_what_was_there_before_counts_began_is_counted_and_keeps_its_flags(empty_url: str) -> None:
    store = Store.open(empty_url)

    def put(table: str, **row: object) -> None:
        columns, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
        tx.connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({marks})"), row)

    with store.write() as tx:
        command.upgrade(versions.config(tx.connection), "0001")
        here, none = b"\4\1\1\1\1", {"profile": "", "provocation": "", "explanation": "", "unreached": 0}
        put("runs", id="r", address=here, port=25, reason="nomination", state="settled", started=1, **none)
        for number, flags in enumerate(([], ["TARPIT", "NUL"]), 1):
            document = json.dumps({"flags": flags})
            put("sessions", id=number, run="r", worker="", filed=1, control="NOT_RUN", document=document)
            ends = {"peer": here, "peer_port": 1, "local": "", "tls": 0, "helo": "", "mail_raw": b"", "rcpt_raw": b""}
            said = {"finding": "FORGED", "explanation": "", "message": b"\xff" * 50}
            put("returns", id=number, token="t", run="r", received=1, **ends, **said)
    store.upgrade()
    with store.read() as tx:
        assert tx.kept.of([Account("run r", EVER)]) == {Account("run r", EVER): (2, 100)}
        assert tx.connection.execute(text("SELECT flags FROM sessions ORDER BY id")).scalars().all() == [
            "",
            "NUL TARPIT",
        ]
    store.close()


# A store whose database is in trouble. What only SQLite has to show is shown on a file of its own.


def file_of_its_own(tmp_path: Path, *, rows: int = 400) -> Path:
    """A database with as many listings' changes as fill some pages."""
    path = tmp_path / "own.db"
    store = Store.open(f"sqlite:///{path}")
    store.upgrade()
    with store.write() as tx:
        tx.changes.add([NETWORK] * rows, "spam", present=True, at=NOW)
    store.close()
    return path


def one_more(store: Store) -> None:
    with store.write() as tx:
        tx.changes.add([NETWORK] * 2000, "spam", present=True, at=NOW)


def all_changes(store: Store) -> int:
    with store.read() as tx:
        return len(tx.changes.after(0, most=100_000))


def damage(path: Path) -> None:
    """Overwrite everything behind the first page."""
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 4096))


def test_a_damaged_page_is_one_sentence_and_a_copy_in_its_place_heals_without_a_new_start(tmp_path: Path) -> None:
    path = file_of_its_own(tmp_path)
    copy = shutil.copy(path, tmp_path / "copy.db")
    store = Store(f"sqlite:///{path}", patient=True)
    assert all_changes(store) == 400
    store.close()
    damage(path)
    for use in (all_changes, one_more):
        with pytest.raises(StoreUnavailable, match=r"^The database is damaged; restore it from a copy") as told:
            use(store)
        assert told.value.trouble is Trouble.DAMAGED
    assert set(store.troubles) == {"read", "write"}
    os.replace(copy, path)
    assert all_changes(store) == 400
    one_more(store)
    assert store.troubles == {}
    store.close()


def test_a_copy_that_is_put_in_the_place_of_the_file_is_what_the_next_look_sees(tmp_path: Path) -> None:
    path = file_of_its_own(tmp_path)
    copy = shutil.copy(path, tmp_path / "copy.db")
    store = Store(f"sqlite:///{path}", patient=True)
    one_more(store)
    assert all_changes(store) == 2400
    for beside in tmp_path.glob("own.db-*"):
        beside.unlink()
    os.replace(copy, path)
    assert all_changes(store) == 400
    store.close()


@pytest.mark.parametrize(
    ("pragma", "trouble", "sentence"),
    [
        ("max_page_count=1", Trouble.FULL, "The disk of the database is full."),
        ("query_only=ON", Trouble.READ_ONLY, "The database takes no changes here"),
    ],
)
def test_a_full_disk_and_a_read_only_one_are_told_until_they_are_not(
    tmp_path: Path, pragma: str, trouble: Trouble, sentence: str
) -> None:
    store = Store(f"sqlite:///{file_of_its_own(tmp_path)}", patient=True)

    def hindered() -> None:
        with store.write() as tx:
            tx.connection.exec_driver_sql(f"PRAGMA {pragma}").close()
            tx.changes.add([NETWORK] * 2000, "spam", present=True, at=NOW)

    with pytest.raises(StoreUnavailable, match=f"^{sentence}") as told:
        hindered()
    assert told.value.trouble is trouble
    assert list(store.troubles) == ["write"]
    assert all_changes(store) == 400
    assert list(store.troubles) == ["write"]
    one_more(store)
    assert store.troubles == {}
    store.close()


def test_a_patient_store_waits_for_its_database_and_makes_it_fit_when_it_comes(tmp_path: Path) -> None:
    place = tmp_path / "later"
    store = Store(f"sqlite:///{place}/facts.db", patient=True)
    with pytest.raises(StoreUnavailable, match="does not answer"):
        all_changes(store)
    place.mkdir()
    assert all_changes(store) == 0
    store.check()
    assert stat.S_IMODE((place / "facts.db").stat().st_mode) == 0o640
    store.close()


def test_a_database_that_was_there_is_never_made_anew(tmp_path: Path) -> None:
    path = file_of_its_own(tmp_path)
    for store in (Store(f"sqlite:///{path}", patient=True), Store(f"sqlite:///{path}", patient=True, make=False)):
        assert all_changes(store) == 400
        store.close()
        path.rename(tmp_path / "away.db")
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match=r"own\.db is not there; restore it from a copy\.$"):
                all_changes(store)
        assert not path.exists()
        (tmp_path / "away.db").rename(path)
        assert all_changes(store) == 400
        store.close()


def test_an_older_copy_in_the_place_of_the_file_is_refused_for_its_version(tmp_path: Path) -> None:
    path = file_of_its_own(tmp_path)
    store = Store(f"sqlite:///{path}", patient=True)
    assert all_changes(store) == 400
    older = Path(shutil.copy(path, tmp_path / "copy.db"))
    changed = Store.open(f"sqlite:///{older}")
    with changed.write() as tx:
        tx.connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    changed.close()
    os.replace(older, path)
    with pytest.raises(StoreUnavailable, match="has schema 0000"):
        all_changes(store)
    store.close()


def test_what_cannot_have_been_written_is_damage(store: Store) -> None:
    with store.write() as tx:
        tx.changes.add([NETWORK], "spam", present=True, at=NOW)
        tx.connection.execute(text("UPDATE changes SET network = :odd"), {"odd": b"\x04\x01"})
    with pytest.raises(StoreUnavailable, match="is damaged"):
        all_changes(store)


def test_a_file_that_strangers_could_read_is_theirs_no_longer(tmp_path: Path) -> None:
    path = file_of_its_own(tmp_path)
    path.chmod(0o664)
    store = Store(f"sqlite:///{path}", patient=True)
    assert all_changes(store) == 400
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    store.close()


def test_transactions_are_timed_and_those_that_fail_are_counted_by_what_ailed(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/facts.db", make=False)
    with pytest.raises(StoreUnavailable), store.read():
        pass
    assert store.failures == {"away": 1}
    assert list(store.times.cumulative()) == ["read"]
    made = Store(f"sqlite:///{tmp_path}/facts.db")
    made.upgrade()
    with made.write(), made.read():
        pass
    assert made.failures == {}
    counts = {way: rows[-1][1] for way, (rows, _) in made.times.cumulative().items()}
    assert counts["read"] == 1 and counts["write"] >= 1


def test_entries_are_handed_on_when_they_are_committed_and_not_before(store: Store, monkeypatch) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(store, "entered", lambda entries: seen.append([entry.verb for entry in entries]))
    with store.write() as tx:
        for verb in ("one", "two"):
            tx.journal.append(at=datetime(2026, 1, 1, tzinfo=UTC), actor="a", subject="list", verb=verb, reason="r")
        assert seen == []
    assert seen == [["one", "two"]]
    with store.write():
        pass
    assert seen == [["one", "two"]]
