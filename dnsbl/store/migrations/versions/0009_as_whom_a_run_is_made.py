"""As whom a run is made is kept beside it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """One row a run that begins from now on."""
    op.create_table(
        "guises",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_guises_run"),
        sa.PrimaryKeyConstraint("run", name="pk_guises"),
        sqlite_strict=True,
    )
