"""What is known of each feed, and suspects that wait for their turn."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "feeds",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("due", _NUMBER, nullable=False),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.Column("modified", sa.Text(), nullable=False),
        sa.Column("asked", _NUMBER, nullable=True),
        sa.Column("said", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_feeds"),
        sqlite_strict=True,
    )
    op.create_table(
        "candidates",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("bringer", sa.Text(), nullable=False),
        sa.Column("door", sa.Text(), nullable=False),
        sa.Column("reporter", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("added", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_candidates"),
        sa.UniqueConstraint("address", "bringer", name="uq_candidates_address_bringer"),
        sqlite_strict=True,
    )
    op.create_index("ix_candidates_bringer", "candidates", ["bringer", "id"])
    op.create_index("ix_candidates_added", "candidates", ["added"])
