"""The database and its transactions. Synchronous and short; async shells call in a thread.

Writers take turns on both databases: SQLite by BEGIN IMMEDIATE, PostgreSQL by one advisory lock that lives as long
as the transaction. So a verb may look before it writes, the journal's chain has one end, and change numbers have no
gaps and grow in commit order. Readers see one moment and wait for nobody.

SQLite runs with synchronous=FULL: with NORMAL a power cut may take back the last commits, and a letter that was
offered but is no longer in the store would be an orphan (law 2). A test takes minutes; the sync is not felt.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from dnsbl.errors import StoreUnavailable
from dnsbl.store import versions
from dnsbl.store.changes import Changes
from dnsbl.store.evidence import EvidenceShelf
from dnsbl.store.exclusions import Exclusions
from dnsbl.store.jobs import Jobs
from dnsbl.store.journal import Journal
from dnsbl.store.letters import Letters
from dnsbl.store.listings import Listings
from dnsbl.store.nominations import Nominations
from dnsbl.store.returns import Returns
from dnsbl.store.runs import Runs
from dnsbl.store.sessions import Sessions

#: The advisory lock by which writers on PostgreSQL take turns: "dnsbl" in ASCII.
TURN = 0x646E73626C
#: Seconds that a writer waits for its turn on SQLite; a bulk change of a million networks must fit.
PATIENCE = 120


class Transaction:
    """All shelves, seen and changed together."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection  #: for migrations only
        self.jobs = Jobs(connection)
        self.runs = Runs(connection)
        self.letters = Letters(connection)
        self.sessions = Sessions(connection)
        self.returns = Returns(connection)
        self.listings = Listings(connection)
        self.nominations = Nominations(connection)
        self.evidence = EvidenceShelf(connection)
        self.exclusions = Exclusions(connection)
        self.journal = Journal(connection)
        self.changes = Changes(connection)


class Store:
    """A database, by SQLAlchemy URL: `sqlite:////var/lib/dnsbl/facts.db` or `postgresql+psycopg://user@host/name`."""

    def __init__(self, url: str) -> None:
        """Make ready to connect; nothing is opened yet. Raises StoreUnavailable for a URL that names no database."""
        try:
            self.engine = _engine(url)
        except (ArgumentError, ImportError) as error:
            raise StoreUnavailable(
                "The database URL is not one that SQLite or PostgreSQL can be reached by."
            ) from error
        options: dict[str, Any] = {"write": True}
        self._writer = self.engine.execution_options(**options)
        if self.engine.dialect.name == "postgresql":
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        else:
            options = {"write": False}
        self._reader = self.engine.execution_options(**options)

    @classmethod
    def open(cls, url: str) -> Store:
        """A store that answers, whatever its schema. Raises StoreUnavailable."""
        store = cls(url)
        with store.read() as tx:
            tx.connection.execute(text("SELECT 1"))
        return store

    def is_empty(self) -> bool:
        """Whether no schema was ever made here. Raises StoreUnavailable."""
        with self.read() as tx:
            return versions.found(tx.connection) is None

    def upgrade(self) -> None:
        """Bring the schema to the version that this program needs, all or nothing. Raises StoreUnavailable."""
        with self.write() as tx:
            versions.upgrade(tx.connection)

    def check(self) -> None:
        """Raise StoreUnavailable, with one sentence, when the schema is missing or of another version."""
        with self.read() as tx:
            found = versions.found(tx.connection)
        if found is None:
            raise StoreUnavailable("The database has no tables yet; run `dnsbl db upgrade`.")
        if found != versions.NEWEST:
            raise StoreUnavailable(
                f"The database has schema {found} and this program needs {versions.NEWEST}; run `dnsbl db upgrade`."
            )

    @contextmanager
    def write(self, *, alone: bool = True) -> Iterator[Transaction]:
        """One transaction that may change things, all or nothing. Raises StoreUnavailable.

        `alone=False` does without the turn on PostgreSQL, for a change of one row that no rule depends on.
        """
        with _told(), self._writer.begin() as connection:
            if alone and connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": TURN})
            yield Transaction(connection)

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """One transaction that sees one moment and changes nothing. Raises StoreUnavailable."""
        with _told(), self._reader.begin() as connection:
            yield Transaction(connection)

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


@contextmanager
def _told() -> Iterator[None]:
    """Errors of the driver, in our own words."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        raise StoreUnavailable("The database does not answer.") from error


def _engine(url: str) -> Engine:
    """An engine with our own idea of transactions. Raises ArgumentError for a URL of another make."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        return create_engine(
            parsed, pool_pre_ping=True, pool_size=5, max_overflow=20, connect_args={"connect_timeout": 10}
        )
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise ArgumentError("a file of SQLite or a database of PostgreSQL is needed")
    engine = create_engine(parsed, pool_size=5, max_overflow=20, connect_args={"timeout": PATIENCE})
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begun)
    return engine


def _connected(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver's own BEGIN comes too late: two readers would both go on to write
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begun(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options()["write"] else "BEGIN")
