"""Whether a database keeps what our transactions rest on: two connections try it, before anything is written.

Writers take turns by an advisory lock, and whoever has waited for it sees what the one before him wrote. Databases that
speak PostgreSQL's protocol and are none are known whose advisory locks are always granted, or not there, and whose
transactions see the moment at which they began. There a journal's chain would fork and change numbers would come twice.
And text is kept whatever it holds: what strangers send has no place in an encoding other than UTF8, or comes back as
something else.

What a database does counts, not its name: that is only told. Nothing is left in it.
"""

from __future__ import annotations

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from dnsbl.errors import StoreUnavailable, Trouble
from dnsbl.store import faults
from tester.records import dataclass

#: The advisory lock that is tried: "suited" in ASCII. It is not the writers' own, which may be held for long.
TRIED = 0x737569746564
#: The encoding of a database that keeps any text.
ENCODING = "UTF8"
#: Names of what says in its version that it is something else than PostgreSQL, and how that is recognised.
KNOWN = {"CockroachDB": "CockroachDB", "YugabyteDB": "-YB-", "Amazon Redshift": "Redshift"}

_WHAT = text("SELECT version(), current_setting('server_encoding')")
_TRY = text("SELECT pg_try_advisory_xact_lock(:key)")
_NUMBER = text("SELECT CAST(pg_current_xact_id() AS text)")
_SEES = text("SELECT pg_visible_in_snapshot(CAST(CAST(:number AS text) AS xid8), pg_current_snapshot())")
_HAS_ROWS = text("SELECT to_regclass('alembic_version') IS NOT NULL")
_ROW = text("SELECT version_num FROM alembic_version LIMIT 1 FOR UPDATE SKIP LOCKED")


@dataclass(frozen=True, slots=True)
class Conduct:
    """What two connections have seen of a database."""

    exclusive: bool  #: a lock that one holds was not given to the other
    current: bool  #: one whose transaction had begun saw what the other committed since
    skips: bool | None  #: a row that one holds was passed over by the other; None: there is no row to try it with


def objection(shown: Conduct, version: str) -> str:
    """Why no list can be kept in a database that has shown this and says this of its version; a sentence, or ""."""
    if not shown.exclusive:
        return f"{_who(version)} gives a lock that is held to another connection as well; {_NEEDED}"
    if not shown.current:
        return f"{_who(version)} hides from a transaction what was committed while it waited; {_NEEDED}"
    if shown.skips is False:
        return f"{_who(version)} gives a row that is locked to another connection as well; {_NEEDED}"
    return ""


_MAKE = f"make one by CREATE DATABASE dnsbl TEMPLATE template0 ENCODING '{ENCODING}' LOCALE 'C'."
_NEEDED = "a list would lose what it writes there, so PostgreSQL is needed."


def _who(version: str) -> str:
    name = next((name for name, mark in KNOWN.items() if mark in version), "")
    return f"The database ({name})" if name else "The database"


def prove(writer: Engine) -> bool:
    """Try the database that this engine leads to. Returns whether it has shown all; one that takes no changes (a hot
    standby), has no tables yet or is being tried by somebody else has not, and is to be tried again. Raises
    StoreUnavailable with one sentence where a list cannot be kept, and what the driver raises where it does not answer.

    Only who has the lock takes a second connection: a pooler may have as few as two, and all nodes may start together.
    """
    with writer.begin() as first:
        version, encoding = map(str, first.execute(_WHAT).one())
        if encoding != ENCODING:
            why = f"The database's encoding is {encoding}, and a list needs {ENCODING}; {_MAKE}"
            raise StoreUnavailable(why, trouble=Trouble.REFUSED)
        try:
            if first.execute(text("SELECT pg_is_in_recovery()")).scalar_one():
                return False
            if not first.execute(_TRY, {"key": TRIED}).scalar_one():
                return False
            with writer.connect() as second:
                shown = _tried(first, second)
        except DBAPIError as error:
            if faults.told(error).trouble is not Trouble.REFUSED:
                raise
            why = f"{_who(version)} refuses what PostgreSQL does, so no list can be kept there."
            raise StoreUnavailable(why, trouble=Trouble.REFUSED) from error
    if why := objection(shown, version):
        raise StoreUnavailable(why, trouble=Trouble.REFUSED)
    return shown.skips is not None


def _tried(first: Connection, second: Connection) -> Conduct:
    """What a first connection that was given the lock, and a second one, see. Ends the first one's transaction and
    leaves the second one's to be rolled back, so that neither waits for a disk: the row is locked by the second."""
    number = first.execute(_NUMBER).scalar_one()
    exclusive = not second.execute(_TRY, {"key": TRIED}).scalar_one()
    skips = None
    if second.execute(_HAS_ROWS).scalar_one() and second.execute(_ROW).all():  # else a third one has the row just now
        skips = not first.execute(_ROW).all()
    first.commit()
    current = bool(second.execute(_SEES, {"number": number}).scalar_one())
    second.rollback()
    return Conduct(exclusive, current, skips)
