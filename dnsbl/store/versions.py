"""The schema's version: which one is there, which one this code needs, and the way up. Wraps Alembic."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, for this connection."""
    made = Config()
    made.set_main_option("script_location", "dnsbl.store:migrations")
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made


def upgrade(connection: Connection) -> None:
    """Bring the schema to the newest version, in the transaction of this connection."""
    command.upgrade(config(connection), "head")


def found(connection: Connection) -> str | None:
    """The version that this database has, or None."""
    return MigrationContext.configure(connection).get_current_revision()


def newest() -> str | None:
    """The version that this code needs."""
    return ScriptDirectory.from_config(config()).get_current_head()
