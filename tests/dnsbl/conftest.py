"""Databases for the tests of store and casework, and an office. What they are made of (`offices`) is read when a test
asks for it: the rules need nothing of it, and their tests are held often (`make mutants`).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dnsbl.store import Store
    from tests.dnsbl.offices import Files, Office, PostgreSQL


@pytest.fixture(scope="session")
def server() -> Iterator[PostgreSQL | Files]:
    """Where databases are made, with one called `migrated` that has its tables: a copy of the file in the environment's
    MIGRATED, which is made where there is none, for whoever holds tests in many processes (`make mutants`).
    """
    from dnsbl.store import Store
    from tests.dnsbl.offices import IN_MEMORY, ON_POSTGRESQL, Files, PostgreSQL

    with tempfile.TemporaryDirectory(prefix="databases", dir=IN_MEMORY) as folder:
        made = PostgreSQL() if ON_POSTGRESQL else Files(Path(folder))
        made.make("migrated", like=None)
        kept = os.environ.get("MIGRATED", "") if not ON_POSTGRESQL else ""
        if os.path.isfile(kept):
            shutil.copy(kept, f"{folder}/migrated.db")
        else:
            migrated = Store(made.url("migrated"))
            migrated.upgrade()
            migrated.close()
        if kept and not os.path.isfile(kept):
            os.replace(shutil.copy(f"{folder}/migrated.db", f"{kept}.{os.getpid()}"), kept)
        yield made
        made.close()


@pytest.fixture
def url(server: PostgreSQL | Files) -> Iterator[str]:
    """The URL of a fresh database with its tables."""
    server.make("with_tables", like="migrated")
    yield server.url("with_tables")
    server.drop("with_tables")


@pytest.fixture
def empty_url(server: PostgreSQL | Files) -> Iterator[str]:
    """The URL of a fresh database without any."""
    server.make("without_tables", like=None)
    yield server.url("without_tables")
    server.drop("without_tables")


@pytest.fixture(scope="session")
def statements(server: PostgreSQL | Files) -> Sequence[str]:
    """What makes a file with the newest tables, read off one that went the whole way up; nothing on PostgreSQL."""
    from tests.dnsbl.offices import Files

    if not isinstance(server, Files):
        return ()
    server.make("dumped", like="migrated")
    with contextlib.closing(sqlite3.connect(server.file("dumped"))) as made:
        found = list(made.iterdump())
    server.drop("dumped")
    return [each for each in found if each not in ("BEGIN TRANSACTION;", "COMMIT;")]


@pytest.fixture
def one_step(statements: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without tables is given the newest ones in one step, for tests that are not about the way there: the many
    steps took more than half of what a short command is."""
    from sqlalchemy import inspect

    from dnsbl.store import versions

    every_step = versions.upgrade

    def upgrade(connection: Connection, to: str = "head") -> None:
        fresh = connection.dialect.name == "sqlite" and not inspect(connection).get_table_names()
        if statements and fresh and to in ("head", versions.NEWEST):
            for statement in statements:
                connection.exec_driver_sql(statement)
        else:
            every_step(connection, to)

    monkeypatch.setattr(versions, "upgrade", upgrade)


@pytest.fixture(scope="session")
def opened(server: PostgreSQL | Files) -> Store:
    """One store for all tests, whose database changes below it: so each statement is compiled once."""
    from dnsbl.store import Store

    return Store(server.url("with_tables"))


@pytest.fixture
def store(url: str, opened: Store) -> Iterator[Store]:
    yield opened
    opened.close()


@pytest.fixture
def other(server: PostgreSQL | Files) -> Iterator[Store]:
    """A second one, to hold against the first."""
    from dnsbl.store import Store

    server.make("beside", like="migrated")
    made = Store(server.url("beside"))
    yield made
    made.close()
    server.drop("beside")


@pytest.fixture
def make_office(store: Store) -> Callable[..., Office]:
    """An office with these settings, by section; documentation addresses are its world."""
    from dnsbl.settings import Settings
    from tests.dnsbl.offices import Office

    numbers = count(1)  # no run has another's id
    world = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "10.0.0.0/8", "2001:db8::/32")

    def make(**sections: dict[str, object]) -> Office:
        tester = {"lab_networks": world} | sections.pop("tester", {})
        return Office(store, Settings.model_validate(sections | {"tester": tester}), numbers=numbers)

    return make


@pytest.fixture
def office(make_office: Callable[..., Office]) -> Office:
    return make_office()


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same hash of passwords at next to no cost, for tests that are not about that."""
    from argon2 import PasswordHasher

    from dnsbl.casework import credentials

    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(credentials, "_HASHER", hasher)
    monkeypatch.setattr(credentials, "_NOBODY", hasher.hash("nobody's"))


def __getattr__(name: str) -> object:
    """What of `offices` is asked for by this module's name."""
    if name not in ("Office", "Files", "PostgreSQL"):
        raise AttributeError(name)
    from tests.dnsbl import offices

    return getattr(offices, name)
