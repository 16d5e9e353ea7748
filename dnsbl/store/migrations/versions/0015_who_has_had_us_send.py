"""Whose test it is, where a stranger has asked for it, and what was sent for whom within the hour."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Tests that are queued already count for nobody."""
    op.add_column("jobs", sa.Column("whose", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "sent",
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("connections", _NUMBER, nullable=False),
        sa.Column("letters", _NUMBER, nullable=False),
        sa.Column("octets", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("holder", "slot", name="pk_sent"),
        sqlite_strict=True,
    )
    op.create_index("ix_sent_slot", "sent", ["slot"])
