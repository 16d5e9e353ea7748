"""When each change was made; and what is counted by day, with how far it was counted."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


#: The n-th time that something was listed is the n-th listing of it, and likewise its end.
_TIMES = """
UPDATE changes SET at = told.at FROM (
    SELECT steps.seq AS seq, CASE WHEN steps.present = 1 THEN facts.since ELSE facts.ended END AS at
    FROM (
        SELECT seq, network, kind, present, row_number() OVER (PARTITION BY network, kind, present ORDER BY seq) AS n
        FROM changes
    ) AS steps
    JOIN (
        SELECT network, kind, since, ended, row_number() OVER (PARTITION BY network, kind ORDER BY id) AS n
        FROM listings
    ) AS facts ON facts.network = steps.network AND facts.kind = steps.kind AND facts.n = steps.n
) AS told WHERE told.seq = changes.seq
"""


def upgrade() -> None:
    """What was listed before has the times of its listings, as far as these tell; nothing is counted yet."""
    op.add_column("changes", sa.Column("at", _number()))
    op.execute(_TIMES)
    op.create_table(
        "statistics",
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("number", _number(), nullable=False),
        sa.PrimaryKeyConstraint("what", "day", "name", "source", name="pk_statistics"),
        sqlite_strict=True,
    )
    op.create_table(
        "counted",
        sa.Column("log", sa.Text(), nullable=False),
        sa.Column("upto", _number(), nullable=False),
        sa.Column("at", _number(), nullable=False),
        sa.PrimaryKeyConstraint("log", name="pk_counted"),
        sqlite_strict=True,
    )
