"""The journal keeps each hash once, and as octets: what an entry holds of the one before is the hash that stands there.

Nothing that a hash covers is changed, and nothing can be while it is done: PostgreSQL writes the table anew as it is
altered, without an UPDATE; in SQLite a new table takes the old one's name, all in one transaction. What is no hash in
hexadecimal stays as it was written, so that verification names the same entry as before.
"""

import re
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"

_COLUMNS = "seq, at, actor, subject, verb, reason, before, after"
_COPY = f"""
INSERT INTO journal_of_octets ({_COLUMNS}, evidence, hash)
SELECT {_COLUMNS}, CAST(evidence AS BLOB), octets_of(hash) FROM journal ORDER BY seq
"""
_POSTGRESQL = """
ALTER TABLE journal DROP COLUMN previous,
ALTER COLUMN evidence TYPE bytea USING convert_to(evidence, 'UTF8'),
ALTER COLUMN hash TYPE bytea USING
CASE WHEN hash ~ '^([0-9a-f]{2})*$' THEN decode(hash, 'hex') ELSE convert_to(hash, 'UTF8') END
"""
_KEEPS = """
CREATE TRIGGER journal_keeps_{what} BEFORE {what} ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END
"""


def upgrade() -> None:
    """Takes about as long as a copy of the journal, and until it is done the room of a second one. The hashes that
    older entries name as their evidence stay as they were written."""
    op.drop_index("ix_journal_subject", "journal")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_POSTGRESQL)
    else:
        _copy()
    op.create_index("ix_journal_subject", "journal", ["subject", sa.text("(seq >> 12)")])


def _copy() -> None:
    driver: Any = op.get_bind().connection.dbapi_connection
    driver.create_function("octets_of", 1, _octets, deterministic=True)
    op.create_table(
        "journal_of_octets",
        sa.Column("seq", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("at", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _COLUMNS.split(", ")[2:]),
        sa.Column("evidence", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_journal"),
        sqlite_strict=True,
    )
    op.execute(_COPY)
    op.drop_table("journal")
    op.rename_table("journal_of_octets", "journal")
    for what in ("update", "delete"):
        op.execute(_KEEPS.format(what=what))


def _octets(told: str) -> bytes:
    return bytes.fromhex(told) if re.fullmatch("([0-9a-f]{2})*", told) else told.encode()
