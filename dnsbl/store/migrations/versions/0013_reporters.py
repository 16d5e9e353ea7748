"""Accounts of reporters, and which of them a nomination is from; which test a nomination led to."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """What was nominated before is from nobody who has an account."""
    op.create_table(
        "reporters",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("trust", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("made", _NUMBER, nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("suspended", _NUMBER, nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("hits", _NUMBER, nullable=False),
        sa.Column("misses", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_reporters"),
        sa.UniqueConstraint("key", name="uq_reporters_key"),
        sqlite_strict=True,
    )
    op.add_column("nominations", sa.Column("reporter", sa.Text(), nullable=False, server_default=""))
    op.add_column("nominations", sa.Column("run", sa.Text(), nullable=True))
    op.create_index("ix_nominations_run", "nominations", ["run"])
    named = sa.text("reporter != ''")
    op.create_index("ix_nominations_reporter", "nominations", ["reporter"], sqlite_where=named, postgresql_where=named)
