"""Indexes for what is asked again and again: tests that are not done by their rank, and outputs by their last proof."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Two indexes."""
    live = sa.text("state != 'done'")
    op.create_index("ix_jobs_live_rank", "jobs", ["rank", "due", "id"], sqlite_where=live, postgresql_where=live)
    here = sa.text("ended IS NULL")
    op.create_index("ix_outputs_confirmed", "outputs", ["confirmed"], sqlite_where=here, postgresql_where=here)
