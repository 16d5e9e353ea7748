"""Accounts on the operators' side of the site, who is signed in there, and who has tried in vain."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Nobody has an account yet."""
    op.create_table(
        "operators",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("totp", sa.Text(), nullable=False),
        sa.Column("step", _number(), nullable=False),
        sa.Column("recovery", sa.Text(), nullable=False),
        sa.Column("disabled", sa.Integer(), nullable=False),
        sa.Column("made", _number(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_operators"),
        sqlite_strict=True,
    )
    op.create_table(
        "sign_ins",
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("begun", _number(), nullable=False),
        sa.Column("seen", _number(), nullable=False),
        sa.PrimaryKeyConstraint("token", name="pk_sign_ins"),
        sqlite_strict=True,
    )
    op.create_index("ix_sign_ins_name", "sign_ins", ["name"])
    op.create_table(
        "sign_in_tries",
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("failed", _number(), nullable=False),
        sa.Column("last", _number(), nullable=False),
        sa.PrimaryKeyConstraint("holder", name="pk_sign_in_tries"),
        sqlite_strict=True,
    )
    op.create_index("ix_sign_in_tries_last", "sign_in_tries", ["last"])
