"""The transparency log: its state, keys, tree, leaves and checkpoints."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """No leaf is there yet: the whole journal becomes leaves when the log is first kept."""
    op.create_table(
        "log_state",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("salts", sa.LargeBinary(), nullable=False),
        sa.Column("size", _number(), nullable=False),
        sa.Column("entry", _number(), nullable=False),
        sa.Column("change", _number(), nullable=False),
        sa.Column("begun", _number(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_log_state"),
        sqlite_strict=True,
    )
    op.create_table(
        "log_keys",
        sa.Column("vkey", sa.Text(), nullable=False),
        sa.Column("since", _number(), nullable=False),
        sa.Column("ended", _number()),
        sa.PrimaryKeyConstraint("vkey", name="pk_log_keys"),
        sqlite_strict=True,
    )
    op.create_table(
        "log_tiles",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", _number(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "number", name="pk_log_tiles"),
        sqlite_strict=True,
    )
    op.create_table(
        "log_bundles",
        sa.Column("number", _number(), autoincrement=False, nullable=False),
        sa.Column("entry", _number(), nullable=False),
        sa.Column("change", _number(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_log_bundles"),
        sqlite_strict=True,
    )
    op.create_index("ix_log_bundles_entry", "log_bundles", ["entry"])
    op.create_index("ix_log_bundles_change", "log_bundles", ["change"])
    op.create_table(
        "log_checkpoints",
        sa.Column("size", _number(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", _number(), nullable=False),
        sa.PrimaryKeyConstraint("size", name="pk_log_checkpoints"),
        sqlite_strict=True,
    )
