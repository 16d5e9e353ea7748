"""What drivers and databases complain of, in the house's own words: the one place where their errors become ours.

Pure. Looks at codes and classes, never at a message: that may hold statements and what strangers sent. Why a connection
could not be made has no code (libpq gives none), so the words of that are sorted, and never shown.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from dnsbl.errors import LOOK, StoreUnavailable, Trouble

SENTENCES: Mapping[Trouble, str] = {
    Trouble.AWAY: "The database does not answer.",
    Trouble.VERSION: "The database is of another version than this program.",
    Trouble.READ_ONLY: "The database takes no changes here: a hot standby, or a folder that cannot be written.",
    Trouble.FULL: "The disk of the database is full; make room on it.",
    Trouble.DAMAGED: "The database is damaged; restore it from a copy, as docs/recovery.md says.",
    Trouble.FAILING: "The disk of the database gives errors; the log of its system says which.",
    Trouble.BUSY: "The database is too busy; try again in a minute.",
    Trouble.CLOCK: "The clock of this machine is not believed.",
    Trouble.REFUSED: "The database refuses what it was asked; the log says more.",
}

#: Primary result codes of SQLite (sqlite.org/rescode.html).
_SQLITE: Mapping[int, Trouble] = {
    sqlite3.SQLITE_BUSY: Trouble.BUSY,
    sqlite3.SQLITE_LOCKED: Trouble.BUSY,
    sqlite3.SQLITE_PROTOCOL: Trouble.BUSY,
    sqlite3.SQLITE_READONLY: Trouble.READ_ONLY,
    sqlite3.SQLITE_IOERR: Trouble.FAILING,
    sqlite3.SQLITE_CORRUPT: Trouble.DAMAGED,
    sqlite3.SQLITE_NOTADB: Trouble.DAMAGED,
    sqlite3.SQLITE_FULL: Trouble.FULL,
    sqlite3.SQLITE_CANTOPEN: Trouble.AWAY,
    sqlite3.SQLITE_PERM: Trouble.AWAY,
    sqlite3.SQLITE_AUTH: Trouble.AWAY,
}
#: SQLSTATE of PostgreSQL, whole or its class (Appendix A of its manual); the longer one decides.
_POSTGRESQL: Mapping[str, Trouble] = {
    "08": Trouble.AWAY,  # connection exceptions
    "28": Trouble.AWAY,  # who we are is not believed
    "3D": Trouble.AWAY,  # no such database
    "57P": Trouble.AWAY,  # shut down, crashed, starting, dropped
    "25006": Trouble.READ_ONLY,
    "53100": Trouble.FULL,
    "53": Trouble.BUSY,  # connections, memory
    "40": Trouble.BUSY,  # serialisation, deadlock; on a standby: a conflict with recovery
    "55": Trouble.BUSY,  # locks, objects in use
    "57014": Trouble.BUSY,  # cancelled
    "58": Trouble.FAILING,  # the operating system's errors
    "XX001": Trouble.DAMAGED,
    "XX002": Trouble.DAMAGED,
}


_UNKNOWN_NAME = "the name of its host is not known"
_UNHEARD = "nobody listens there"
_NOT_BELIEVED = "it does not let this user in: user, password or its pg_hba.conf is wrong"
_NO_SUCH = "there is no database of that name"
_STATES = {"28": _NOT_BELIEVED, "3D": _NO_SUCH, "57P": "it is starting or being shut down"}
#: What libpq and its servers say, in English, of connections that could not be made; the first that is found decides.
_WORDS = (
    ("could not translate host name", _UNKNOWN_NAME),
    ("not known", _UNKNOWN_NAME),
    ("failed to resolve", _UNKNOWN_NAME),
    ("name resolution", _UNKNOWN_NAME),
    ("authentication failed", _NOT_BELIEVED),
    ("no password supplied", _NOT_BELIEVED),
    ("pg_hba.conf", _NOT_BELIEVED),
    ("role ", _NOT_BELIEVED),
    ("does not exist", _NO_SUCH),
    ("connection refused", _UNHEARD),
    ("no such file or directory", _UNHEARD),  # its socket
    ("starting up", _STATES["57P"]),
    ("shutting down", _STATES["57P"]),
    ("timeout", "nothing came back in time"),
    ("timed out", "nothing came back in time"),
    ("unreachable", "no way leads to its host"),
)


def away(place: str, why: str = "") -> str:
    """The sentence for a database at this place that does not answer, and perhaps why, with what to type next."""
    return f"The database {place} does not answer{f': {why}' if why else ''}{LOOK}"


def _why(error: BaseException) -> str:
    """Why a connection could not be made, in words of ours, or ""."""
    cause: Any = error.orig if isinstance(error, DBAPIError) else error
    if state := getattr(cause, "sqlstate", None):
        return next((says for begin, says in _STATES.items() if state.startswith(begin)), "")
    if getattr(cause, "sqlite_errorcode", None) is not None:
        return "its file cannot be opened"
    said = str(cause).lower() if isinstance(error, OperationalError) or not isinstance(error, DBAPIError) else ""
    return next((says for words, says in _WORDS if words in said), "")


def told(error: BaseException, place: str = "") -> StoreUnavailable:
    """This error of SQLAlchemy or of a driver as one of ours; `place` is where the database is, without a password."""
    trouble = _trouble(error)
    if place and trouble is Trouble.AWAY:
        return StoreUnavailable(away(place, _why(error)), trouble=trouble)
    return StoreUnavailable(SENTENCES[trouble], trouble=trouble)


def damaged() -> StoreUnavailable:
    """What is read from the database cannot be what was written."""
    return StoreUnavailable(SENTENCES[Trouble.DAMAGED], trouble=Trouble.DAMAGED)


def _trouble(error: BaseException) -> Trouble:
    if isinstance(error, PoolTimeout):
        return Trouble.BUSY
    cause: Any = error.orig if isinstance(error, DBAPIError) else error
    if (code := getattr(cause, "sqlite_errorcode", None)) is not None:
        return _SQLITE.get(code & 0xFF, Trouble.REFUSED)
    if state := getattr(cause, "sqlstate", None):
        known = (_POSTGRESQL.get(state[:length]) for length in (5, 3, 2))
        return next(filter(None, known), Trouble.REFUSED)
    if isinstance(cause, sqlite3.OperationalError):
        return Trouble.DAMAGED  # without a code it is the driver that complains: of text that is none
    unheard = isinstance(error, (OperationalError, InterfaceError)) or not isinstance(error, DBAPIError)
    return Trouble.AWAY if unheard else Trouble.REFUSED
