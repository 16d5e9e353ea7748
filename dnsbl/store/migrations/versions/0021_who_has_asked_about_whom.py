"""Whose mail servers have asked a watched zone about whom."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Nobody has asked yet."""
    op.create_table(
        "lookups",
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("last", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("client", "address", name="pk_lookups"),
        sqlite_strict=True,
    )
    op.create_index("ix_lookups_address", "lookups", ["address"])
    op.create_index("ix_lookups_last", "lookups", ["last"])
