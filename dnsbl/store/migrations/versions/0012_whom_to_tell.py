"""Who answers for an address is remembered for a while; and who wants to know what comes of a test."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """One row an address, and one a test and reader."""
    op.create_table(
        "contacts",
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("address", name="pk_contacts"),
        sqlite_strict=True,
    )
    op.create_table(
        "hearers",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run", "recipient", name="pk_hearers"),
        sqlite_strict=True,
    )
