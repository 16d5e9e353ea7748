"""Mail that we send is queued with what it tells of; and who wants none is remembered."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

UNSENT = sa.text("state = 'queued'")


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """One row a mail, and one a silenced address."""
    op.create_table(
        "notices",
        sa.Column("id", _number(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("occasion", sa.Text()),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("answers", sa.Text(), nullable=False),
        sa.Column("queued", _number(), nullable=False),
        sa.Column("due", _number(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("takes", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("lease_until", _number()),
        sa.Column("ended", _number()),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
        sa.UniqueConstraint("token", name="uq_notices_token"),
        sa.UniqueConstraint("occasion", name="uq_notices_occasion"),
        sqlite_strict=True,
    )
    op.create_index("ix_notices_unsent_due", "notices", ["due"], sqlite_where=UNSENT, postgresql_where=UNSENT)
    op.create_index("ix_notices_ended", "notices", ["ended"])
    op.create_table(
        "silenced",
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("since", _number(), nullable=False),
        sa.PrimaryKeyConstraint("recipient", name="pk_silenced"),
        sqlite_strict=True,
    )
