"""Databases for the tests of store and casework, and an office. What they are made of (`offices`) is read when a test
asks for it: the rules need nothing of it, and their tests are held often (`make mutants`).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
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


def __getattr__(name: str) -> object:
    """What of `offices` is asked for by this module's name."""
    if name not in ("Office", "Files", "PostgreSQL"):
        raise AttributeError(name)
    from tests.dnsbl import offices

    return getattr(offices, name)
