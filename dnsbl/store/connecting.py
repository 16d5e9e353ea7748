"""Connections to the database, how each of them is set, and the words by which a transaction begins and ends. Knows no
table.

Both drivers leave transactions to us: what begins one, takes the turn and ends one goes out in as few messages as may
be, since each is a wait of its own. SQLite runs with synchronous=NORMAL: its log is synced behind each turn that has
written (see `turns`).

On PostgreSQL nothing is kept in a connection beyond its transaction (no setting, no lock, nothing that is listened
for), since a pooler may hand each transaction to another one. Statements are prepared, which halves what the server
does for them, only where its own process is at the other end. Of several hosts the first is taken that takes changes
(or what else the URL's `target_session_attrs` asks for) and is no old primary (see `fence`).
"""

from __future__ import annotations

import atexit
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import Enum, auto
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakSet

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from dnsbl.clock import Clock, SystemClock
from dnsbl.errors import StoreUnavailable
from dnsbl.files import hindrance, open_made, shut
from dnsbl.store import faults
from dnsbl.store.fence import Fence
from dnsbl.store.turns import Turns

#: Seconds that a writer waits for its turn on SQLite; a bulk change of a million networks must fit.
PATIENCE = 120.0
#: Statements that a connection to SQLite remembers.
STATEMENTS = 500
#: The advisory lock by which writers on PostgreSQL take turns: "dnsbl" in ASCII.
TURN = 0x646E73626C
#: How often a statement is sent before it is prepared, and how many a connection to PostgreSQL keeps prepared.
PREPARED_AFTER, PREPARED_MOST = 3, 500
#: How long PostgreSQL may be silent: seconds to connect to a host, and until a wire that swallows everything counts as
#: broken; and that no statement is prepared before it is known who answers. What the URL says of these counts more.
WIRE: Mapping[str, int | None] = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "prepare_threshold": None,
}


#: What was made here and is held by somebody.
_engines: WeakSet[Engine] = WeakSet()


@atexit.register
def _close_all() -> None:
    """At the end of the program, whoever has not done so himself: the last connection to SQLite clears its files away,
    and PostgreSQL hears that nobody comes again."""
    for engine in _engines:
        engine.dispose()


class LostBeforeError(Exception):
    """The connection led nowhere any more when a transaction was to begin on it; why is its cause."""


class Pool(QueuePool):
    """SQLAlchemy's, but a connection that was in use when all were given up (`Engine.dispose`) is closed as it comes
    back, and does not wait, open, until Python finds that nobody can reach it."""

    _sqla_logger_namespace = QueuePool.__module__  # what it says of itself is no news of ours
    _given_up = False

    def dispose(self) -> None:
        """Close what is idle now, and the rest when it comes back."""
        self._given_up = True
        super().dispose()

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        super()._do_return_conn(record)
        if self._given_up:  # asked last, so that nothing slips in beside `dispose`
            super().dispose()


class Way(Enum):
    """What a transaction is for."""

    READ = auto()  #: it sees one moment
    ROW = auto()  #: it writes, and on PostgreSQL it takes no turn
    TURN = auto()  #: it writes in its turn


# Whoever has waited for the turn must see what was written before, whatever the database's own default is; and nobody
# waits for the disk in his turn.
_BEGIN = {
    Way.READ: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    Way.ROW: "BEGIN ISOLATION LEVEL READ COMMITTED",
    Way.TURN: f"BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({TURN}), "
    "set_config('synchronous_commit', 'off', true)",
}
#: A record in PostgreSQL's log that nobody reads: as it is committed, all before it is on the disk. One flush of the
#: server's serves all who wait for one.
_FLUSH = "SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_logical_emit_message(true, 'dnsbl', '') END"
#: What ends a turn on PostgreSQL, so that nothing is left to end for a driver; and one that has written, which is on
#: the disk when this returns, though others may have seen it before.
END, END_SAFE = ("COMMIT",), ("COMMIT", _FLUSH)


def create(
    url: str,
    *,
    may_make: Callable[[], bool],
    replaced: Callable[[], None],
    fence: Fence | None = None,
    clock: Clock = SystemClock(),  # noqa: B008 (stateless)
) -> tuple[Engine, Turns | None]:
    """An engine with our own idea of transactions, and the turns at it where it is a file. Raises ArgumentError for a
    URL of another make.

    Statements are never shown with their values, which strangers have sent.
    """
    parsed = make_url(url)
    if parsed.drivername == "postgresql":  # as most people write it; of its drivers we have one
        parsed = parsed.set(drivername="postgresql+psycopg")
    pool = {"poolclass": Pool, "pool_size": 5, "max_overflow": 20, "hide_parameters": True}
    if parsed.get_backend_name() == "postgresql":
        wire: dict[str, Any] = {name: value for name, value in WIRE.items() if name not in parsed.query}
        wire["client_encoding"] = "UTF8"  # whatever is set there or in the URL: not all text goes through another one
        # hosts and ports that make no sense are named now
        _, words = parsed.get_dialect()().create_connect_args(parsed)
        if "," in str(words.get("host")) and "target_session_attrs" not in parsed.query:
            wire["target_session_attrs"] = "read-write"  # that of several which is the primary
        prepares = "prepare_threshold" not in parsed.query
        if not prepares:
            wire["prepare_threshold"] = _number(parsed.query["prepare_threshold"])
        engine = create_engine(parsed, isolation_level="AUTOCOMMIT", connect_args=wire, **pool)
        _engines.add(engine)
        event.listen(engine, "begin", _begins)
        event.listen(engine, "do_connect", partial(_first_of_several, fence or Fence(), prepares))
        return engine, None
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise ArgumentError("a file of SQLite or a database of PostgreSQL is needed")
    path = Path(parsed.database)
    turns = Turns(path, clock, PATIENCE)

    def connect() -> sqlite3.Connection:
        making = may_make()
        why = hindrance(path)
        if why and (making or os.path.isdir(path.parent)):
            raise StoreUnavailable(faults.away(str(path), why))
        if why or (not making and not path.exists()):
            raise StoreUnavailable(f"The database {path} is not there; restore it from a copy.")
        _keep_private(path, make=making)
        for each in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
            if strange := shut(each):
                raise StoreUnavailable(f"The database {each} cannot be opened: {strange}.")
        where = f"{path.absolute().as_uri()}?mode={'rwc' if making else 'rw'}"
        return sqlite3.connect(where, timeout=PATIENCE, uri=True, check_same_thread=False, cached_statements=STATEMENTS)

    def connected(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes too late: two readers would both write
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}").close()
        record.info["file"] = _identity(path)
        turns.look()

    def taken(_connection: Any, record: Any, _proxy: Any) -> None:
        if record.info["file"] != _identity(path):
            replaced()
            raise DisconnectionError("the file is another one now")

    def begins(connection: Connection) -> None:
        own: Any = connection.connection.dbapi_connection
        if connection.get_execution_options()["way"] is Way.READ:
            own.execute("BEGIN").close()
        else:
            turns.begin(own)

    engine = create_engine(parsed, creator=connect, **pool)
    _engines.add(engine)
    event.listen(engine, "connect", connected)
    event.listen(engine, "checkout", taken)
    event.listen(engine, "begin", begins)
    return engine, turns


def place(url: URL) -> str:
    """Where a database is, for people: its file, or its name and hosts. Nothing of whom it lets in."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    given = url.query.get("host", ())
    hosts = [given] if isinstance(given, str) else list(given)
    port = f":{url.port}" if url.port else ""
    where = ", ".join(hosts) or f"{url.host or 'localhost'}{port}"
    return f"{url.database or 'without a name'} at {where}"


@contextmanager
def begun(engine: Engine) -> Iterator[Connection]:
    """A connection on which a transaction has begun, to its end. Where it was lost since its last use nothing has been
    said yet: all that wait with it are given up, and a new one is tried, once."""
    try:
        connection = _opened(engine)
    except LostBeforeError:
        engine.dispose()
        try:
            connection = _opened(engine)
        except LostBeforeError as again:
            raise (again.__cause__ or again) from None
    with connection:
        yield connection
        connection.commit()


def _opened(engine: Engine) -> Connection:
    connection = engine.connect()
    try:
        connection.begin()
    except BaseException:
        connection.close()
        raise
    return connection


def _first_of_several(
    fence: Fence, prepares: bool, dialect: Any, _record: Any, arguments: Any, words: dict[str, Any]
) -> Any:
    """A connection to the first host of those in the URL that may be had and is no old primary. Raises StoreUnavailable
    where only that stands against one, else what the driver raises of the last."""
    dbapi, failed = dialect.dbapi, []
    lists = {name: str(words[name]).split(",") for name in ("host", "hostaddr", "port") if words.get(name)}
    for number in range(max(map(len, lists.values()), default=1)):
        one = {name: values[number if len(values) > 1 else 0] for name, values in lists.items()}
        try:
            connection = dialect.connect(*arguments, **words | one)
        except dbapi.OperationalError as error:
            failed.append(error)
            continue
        try:
            fence.admit(connection, (dbapi.ProgrammingError, dbapi.NotSupportedError))
            if prepares and _is_direct(connection):
                connection.prepare_threshold, connection.prepared_max = PREPARED_AFTER, PREPARED_MOST
        except (StoreUnavailable, dbapi.Error) as error:
            connection.close()
            failed.append(error)
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise next((error for error in failed if isinstance(error, StoreUnavailable)), failed[-1])


def _is_direct(connection: Any) -> bool:
    """Whether the server's own process is at the other end. A pooler, which gives each transaction to whichever process
    is free, tells its clients numbers of its own (PostgreSQL's protocol, 55.2.1: BackendKeyData)."""
    (serving,) = connection.execute("SELECT pg_backend_pid()").fetchone()
    connection.rollback()
    return bool(serving == connection.info.backend_pid)


def _number(word: str | tuple[str, ...]) -> int:
    """A number of the URL, which the driver would take as text. Raises ArgumentError."""
    if not isinstance(word, str) or not word.isdecimal():
        raise ArgumentError("a number is needed")
    return int(word)


def _begins(connection: Connection) -> None:
    """Begin on PostgreSQL, in one message with what takes the turn. Raises LostBeforeError."""
    own: Any = connection.connection.dbapi_connection
    try:
        _say(connection, _BEGIN[connection.get_execution_options().get("way", Way.ROW)])
    except connection.dialect.loaded_dbapi.OperationalError as error:
        lost = own.closed
        connection.invalidate(error)  # nobody is to roll back what is gone
        if lost:
            raise LostBeforeError from error
        raise


def flush(connection: Connection) -> None:
    """Have what was committed on PostgreSQL's disk; raises what the driver does."""
    _say(connection, _FLUSH)


def _say(connection: Connection, words: str) -> None:
    """Statements in one message, which cannot be prepared."""
    own: Any = connection.connection.dbapi_connection
    own.execute(words, prepare=False).close()


def _keep_private(path: Path, *, make: bool) -> None:
    """A file that no stranger on this machine can read; what cannot be made or changed is said when it is opened.

    A file that is there is never opened here: closing it would take SQLite's locks off it (fcntl(2)).
    """
    with suppress(OSError):
        if make and not path.exists():
            os.close(open_made(path, os.O_EXCL | os.O_RDWR))  # what SQLite makes beside it gets the same owner
        else:
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & 0o007:
                path.chmod(mode & ~0o007)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
