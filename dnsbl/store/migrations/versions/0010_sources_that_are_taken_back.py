"""A bad source can be suspended and what only it brought taken back; an operator's listing says whose word it is."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Nothing is void yet; whose word older listings are is in the journal alone."""
    op.create_table(
        "suspensions",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("public", sa.Text(), nullable=False),
        sa.Column("since", _NUMBER, nullable=False),
        sa.Column("retracted", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("source", name="pk_suspensions"),
        sqlite_strict=True,
    )
    op.add_column("nominations", sa.Column("void", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("listings", sa.Column("author", sa.Text(), nullable=False, server_default=""))
