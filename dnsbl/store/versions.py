"""The schema's version: which one is there, which one this code needs, and the way up.

Alembic makes the way up, and is imported for that alone: every command asks for the version, few change it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

if TYPE_CHECKING:
    from alembic.config import Config

#: The version that this code needs; a test holds it equal to the newest migration.
NEWEST = "0036"


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, for this connection."""
    from alembic.config import Config

    made = Config(stdout=sys.stdout)  # as it is now, not as it was when alembic was imported
    made.set_main_option("script_location", "dnsbl.store:migrations")
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made


def upgrade(connection: Connection, to: str = "head") -> None:
    """Bring the schema to the newest version, or to this one, in the transaction of this connection."""
    from alembic import command

    command.upgrade(config(connection), to)


def objection(version: str | None) -> str:
    """Why this program cannot use a database of this version, and what to do; a sentence, or ""."""
    if version == NEWEST:
        return ""
    if version is None:
        return "The database has no tables yet; run `dnsbl db upgrade`."
    do = "install a program as new as it" if version > NEWEST else "run `dnsbl db upgrade`"
    return f"The database has schema {version} and this program needs {NEWEST}; {do}."


def found(connection: Connection) -> str | None:
    """The version that this database has, or None."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
