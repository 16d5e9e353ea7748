"""What drivers complain of becomes one of the house's troubles; whatever they raise, none comes out as it is."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import exc

from dnsbl.errors import StoreUnavailable, Trouble
from dnsbl.store import Store
from dnsbl.store.faults import SENTENCES, told


def sqlite(code: int | None, kind: type[sqlite3.Error] = sqlite3.DatabaseError) -> sqlite3.Error:
    error = kind("whatever it says")
    if code is not None:
        error.sqlite_errorcode = code
    return error


class State(psycopg.Error):
    """An error with a state of our choice."""

    def __init__(self, state: str | None) -> None:
        super().__init__("whatever it says")
        self.sqlstate = state


@pytest.mark.parametrize(
    ("cause", "trouble"),
    [
        (sqlite(sqlite3.SQLITE_CORRUPT), Trouble.DAMAGED),
        (sqlite(sqlite3.SQLITE_CORRUPT_INDEX), Trouble.DAMAGED),
        (sqlite(sqlite3.SQLITE_NOTADB), Trouble.DAMAGED),
        (sqlite(None, sqlite3.OperationalError), Trouble.DAMAGED),  # "could not decode to UTF-8"
        (sqlite(sqlite3.SQLITE_FULL, sqlite3.OperationalError), Trouble.FULL),
        (sqlite(sqlite3.SQLITE_IOERR_READ, sqlite3.OperationalError), Trouble.FAILING),
        (sqlite(sqlite3.SQLITE_IOERR_SHMOPEN, sqlite3.OperationalError), Trouble.FAILING),
        (sqlite(sqlite3.SQLITE_READONLY_DBMOVED, sqlite3.OperationalError), Trouble.READ_ONLY),
        (sqlite(sqlite3.SQLITE_READONLY_DIRECTORY, sqlite3.OperationalError), Trouble.READ_ONLY),
        (sqlite(sqlite3.SQLITE_CANTOPEN, sqlite3.OperationalError), Trouble.AWAY),
        (sqlite(sqlite3.SQLITE_BUSY, sqlite3.OperationalError), Trouble.BUSY),
        (sqlite(sqlite3.SQLITE_BUSY_SNAPSHOT, sqlite3.OperationalError), Trouble.BUSY),
        (sqlite(sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.IntegrityError), Trouble.REFUSED),
        (sqlite(sqlite3.SQLITE_ERROR, sqlite3.OperationalError), Trouble.REFUSED),  # no such table
        (psycopg.errors.ReadOnlySqlTransaction(), Trouble.READ_ONLY),
        (psycopg.errors.DiskFull(), Trouble.FULL),
        (psycopg.errors.DataCorrupted(), Trouble.DAMAGED),
        (psycopg.errors.IndexCorrupted(), Trouble.DAMAGED),
        (psycopg.errors.IoError(), Trouble.FAILING),
        (psycopg.errors.UndefinedFile(), Trouble.FAILING),
        (psycopg.errors.AdminShutdown(), Trouble.AWAY),
        (psycopg.errors.CannotConnectNow(), Trouble.AWAY),
        (psycopg.errors.ConnectionFailure(), Trouble.AWAY),
        (psycopg.errors.InvalidPassword(), Trouble.AWAY),
        (psycopg.errors.TooManyConnections(), Trouble.BUSY),
        (psycopg.errors.SerializationFailure(), Trouble.BUSY),
        (psycopg.errors.DeadlockDetected(), Trouble.BUSY),
        (psycopg.errors.LockNotAvailable(), Trouble.BUSY),
        (psycopg.errors.QueryCanceled(), Trouble.BUSY),
        (psycopg.errors.UniqueViolation(), Trouble.REFUSED),
        (psycopg.errors.UndefinedTable(), Trouble.REFUSED),
        (State(None), Trouble.AWAY),  # the wire broke
    ],
    ids=lambda value: getattr(value, "sqlite_errorname", "") or type(value).__name__,
)
@pytest.mark.parametrize("wrapped", [True, False])
def test_codes_decide_what_ails_a_database(cause: Exception, trouble: Trouble, wrapped: bool) -> None:
    error = exc.OperationalError("SELECT secret", {"from": "a stranger"}, cause) if wrapped else cause
    ours = told(error)
    assert (ours.trouble, str(ours)) == (trouble, SENTENCES[trouble])


def test_every_trouble_has_a_sentence_of_its_own() -> None:
    assert set(SENTENCES) == set(Trouble)
    assert len(set(SENTENCES.values())) == len(Trouble)


KINDS = [
    exc.DBAPIError,
    exc.InterfaceError,
    exc.DatabaseError,
    exc.DataError,
    exc.OperationalError,
    exc.IntegrityError,
    exc.InternalError,
    exc.ProgrammingError,
    exc.NotSupportedError,
]


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_class_of_error_a_driver_has_it_comes_out_as_ours(tmp_path: Path, kind: type[exc.DBAPIError]) -> None:
    store = Store(f"sqlite:///{tmp_path}/facts.db")
    with pytest.raises(StoreUnavailable) as ours, store.read():
        raise kind("SELECT secret", {}, Exception("secret"))
    assert "secret" not in str(ours.value)
    with pytest.raises(StoreUnavailable), store.write():
        raise sqlite3.DatabaseError("bare, as from an event of the pool")
    with pytest.raises(StoreUnavailable, match="too busy"), store.read():
        raise exc.TimeoutError
    store.close()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ('connection failed: FATAL:  password authentication failed for user "u"', "user, password or its pg_hba.conf"),
        ("connection is bad: fe_sendauth: no password supplied", "user, password or its pg_hba.conf"),
        ('FATAL:  role "u" does not exist', "user, password or its pg_hba.conf"),
        ('FATAL:  database "x" does not exist', "there is no database of that name"),
        ("connection failed: Connection refused\n\tIs the server running?", "nobody listens there"),
        ("[Errno -2] Name or service not known", "the name of its host is not known"),
        ("FATAL:  the database system is starting up", "it is starting or being shut down"),
        ("connection timeout expired", "nothing came back in time"),
    ],
)
def test_why_no_connection_came_about_is_told_in_our_words_and_never_in_theirs(said: str, why: str) -> None:
    ours = told(psycopg.OperationalError(said), "x at h:5432")
    assert str(ours).startswith("The database x at h:5432 does not answer: ") and why in str(ours)
    assert said not in str(ours)
    assert str(told(psycopg.OperationalError("whatever"), "x at h")).startswith("The database x at h does not answer; ")
