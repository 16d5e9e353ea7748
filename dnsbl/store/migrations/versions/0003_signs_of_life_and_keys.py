"""Which node was last at work, and when: a clock is held against it. And which keys sign the letters of this list."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "nodes",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seen", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_nodes"),
        sqlite_strict=True,
    )
    op.create_table(
        "signing_keys",
        sa.Column("number", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("created", _NUMBER, nullable=False),
        sa.Column("sealed", sa.LargeBinary()),
        sa.Column("entered", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_signing_keys"),
        sqlite_strict=True,
    )
