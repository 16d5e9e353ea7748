"""A test may have a name in our own DNS, whose mail servers are our collector and the host under test."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """One row a name."""
    op.create_table(
        "pairs",
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("label", name="pk_pairs"),
        sqlite_strict=True,
    )
