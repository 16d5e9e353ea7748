"""Which parts of a process are down, beside its sign of life."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    """Nothing is, until a process says so at its next beat."""
    op.add_column("nodes", sa.Column("down", sa.Text(), nullable=False, server_default=""))
