"""Who holds a network may be told of new listings in it."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """One row a watch."""
    op.create_table(
        "watches",
        sa.Column("id", _number(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("network", sa.LargeBinary(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("told", _number(), nullable=False),
        sa.Column("since", _number(), nullable=False),
        sa.Column("ended", _number()),
        sa.PrimaryKeyConstraint("id", name="pk_watches"),
        sa.UniqueConstraint("token", name="uq_watches_token"),
        sqlite_strict=True,
    )
    watching = sa.text("ended IS NULL")
    op.create_index("ix_watches_network", "watches", ["network"], sqlite_where=watching, postgresql_where=watching)
