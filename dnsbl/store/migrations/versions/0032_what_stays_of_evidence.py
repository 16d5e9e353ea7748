"""Of evidence that was forgotten nothing stays but its hash with the nominations; hashes there, and those of deleted
transcripts, are octets.
"""

import re
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"

_HASHES = (("nominations", "evidence"), ("evidence", "sha256"), ("runs", "digest"))


def upgrade() -> None:
    """What is no hash in hexadecimal stays as it was written."""
    op.drop_index("ix_evidence_received", "evidence")
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("fk_nominations_evidence", "nominations")
        op.alter_column("runs", "digest", nullable=True, server_default=None)
        for table, column in _HASHES:
            hexed = f"CASE WHEN {column} ~ '^([0-9a-f]{{2}})+$' THEN decode({column}, 'hex')"
            octets = f"{hexed} ELSE convert_to(nullif({column}, ''), 'UTF8') END"
            op.alter_column(table, column, type_=sa.LargeBinary(), postgresql_using=octets)
    else:
        _copy()
    op.execute("DELETE FROM evidence WHERE length(message) = 0")
    op.create_index("ix_evidence_received", "evidence", ["received"])


def _copy() -> None:
    """As SQLite alters tables; the runs, to which others refer, keep theirs."""
    driver: Any = op.get_bind().connection.dbapi_connection
    driver.create_function("octets_of", 1, _octets, deterministic=True)
    for table, column in _HASHES[:2]:
        with op.batch_alter_table(table, table_kwargs={"sqlite_strict": True}) as batch:
            if table == "nominations":
                batch.drop_constraint("fk_nominations_evidence", type_="foreignkey")
            batch.alter_column(column, type_=sa.LargeBinary())
        op.execute(f"UPDATE {table} SET {column} = octets_of(CAST({column} AS TEXT))")
    op.add_column("runs", sa.Column("octets", sa.LargeBinary()))
    op.execute("UPDATE runs SET octets = octets_of(digest) WHERE digest != ''")
    op.drop_column("runs", "digest")
    op.execute("ALTER TABLE runs RENAME COLUMN octets TO digest")


def _octets(told: str | None) -> bytes | None:
    if told is None:
        return None
    return bytes.fromhex(told) if re.fullmatch("([0-9a-f]{2})+", told) else told.encode()
