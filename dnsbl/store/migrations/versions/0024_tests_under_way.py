"""Tests that are in workers' hands, by network and address, so that no claim walks through those that wait."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Nothing changes but how fast they are found."""
    running = sa.text("state = 'running'")
    op.create_index(
        "ix_jobs_running", "jobs", ["neighbourhood", "address"], sqlite_where=running, postgresql_where=running
    )
