"""Whose turn it is among the tests that are due, and who has asked for which retest; evidence is counted as a whole."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Tests that were asked for come first; of requests nothing is known, so nobody waits because of one."""
    op.add_column("jobs", sa.Column("rank", sa.Integer(), nullable=False, server_default="1"))
    op.execute("UPDATE jobs SET rank = 0 WHERE reason IN ('removal', 'operator') AND state != 'done'")
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("jobs", "rank", server_default=None)
    nominated = sa.text("state = 'queued' AND reason = 'nomination'")
    op.create_index(
        "ix_jobs_nominated_address", "jobs", ["address"], sqlite_where=nominated, postgresql_where=nominated
    )
    op.create_table(
        "removals",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("asker", sa.Text(), nullable=False),
        sa.Column("counted", sa.Integer(), nullable=False),
        sa.Column("at", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_removals"),
        sqlite_strict=True,
    )
    op.create_index("ix_removals_address_at", "removals", ["address", "at"])
    op.create_index("ix_nominations_address", "nominations", ["address"])
    op.create_index("ix_nominations_evidence", "nominations", ["evidence"])
    held = sa.text("length(message) > 0")
    op.create_index("ix_evidence_received", "evidence", ["received"], sqlite_where=held, postgresql_where=held)
    op.execute(
        "INSERT INTO kept (holder, day, messages, octets) "
        "SELECT 'evidence', 0, count(*), sum(length(message)) FROM evidence HAVING count(*) > 0"
    )
