"""Who has shown that an address is his is remembered with the time."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """One row an address."""
    op.create_table(
        "controls",
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("shown", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("address", name="pk_controls"),
        sqlite_strict=True,
    )
