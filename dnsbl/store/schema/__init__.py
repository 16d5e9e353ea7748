"""The tables. What the newest migration makes, said once more as SQLAlchemy tables; a test holds the two equal. A
module a subject, since a command asks of few; `whole` has all of them, and beside this `indexes` has their indexes.

What has happened is not deleted: runs are settled, listings ended. Only an exclusion gives way to a newer one of the
same network; a suspension or proposal that is over goes, so do counts of days that are past, mails that ended long
ago, epochs of serials that nobody may show any more, and what is old and no proof (`old`: transcripts, jobs, changes,
evidence), of which the hashes stay. The journal refuses UPDATE and DELETE by trigger (the first migration).
"""

from __future__ import annotations

from sqlalchemy import Column, MetaData, Table, UniqueConstraint

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def table(name: str, *columns: Column[object] | UniqueConstraint) -> Table:
    """A table of the schema."""
    return Table(name, metadata, *columns, sqlite_strict=True)
