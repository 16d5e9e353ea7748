"""A sign of life says what its process does, so that a list without a worker can say so."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Whoever beats next says his roles."""
    op.execute("DELETE FROM nodes")
    op.add_column("nodes", sa.Column("roles", sa.Text(), nullable=False, server_default=""))
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("nodes", "roles", server_default=None)
