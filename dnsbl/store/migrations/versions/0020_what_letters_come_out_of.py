"""The outputs of relays, and what they will be listed as when their delay is over."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """No outputs are known yet."""
    op.create_table(
        "outputs",
        sa.Column("id", _number(), nullable=False),
        sa.Column("input", sa.LargeBinary(), nullable=False),
        sa.Column("output", sa.LargeBinary(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("since", _number(), nullable=False),
        sa.Column("confirmed", _number(), nullable=False),
        sa.Column("ended", _number()),
        sa.Column("end_reason", sa.Text()),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_outputs_run_runs"),
        sa.PrimaryKeyConstraint("id", name="pk_outputs"),
        sqlite_strict=True,
    )
    comes_out = sa.text("ended IS NULL")
    for name, columns, unique in (
        ("uq_outputs_active", ["input", "output"], True),
        ("ix_outputs_output", ["output"], False),
    ):
        op.create_index(name, "outputs", columns, unique=unique, sqlite_where=comes_out, postgresql_where=comes_out)
    op.create_table(
        "forthcoming",
        sa.Column("network", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("since", _number(), nullable=False),
        sa.Column("due", _number(), nullable=False),
        sa.PrimaryKeyConstraint("network", "kind", name="pk_forthcoming"),
        sqlite_strict=True,
    )
    op.create_index("ix_forthcoming_due", "forthcoming", ["due"])
