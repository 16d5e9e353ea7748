"""Indexes for what those who run the list look at: what came, began and ended of late."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Only questions get faster."""
    op.create_index("ix_returns_received", "returns", ["received"])
    op.create_index("ix_listings_since", "listings", ["since"])
    ended = sa.text("ended IS NOT NULL")
    op.create_index("ix_listings_ended", "listings", ["ended"], sqlite_where=ended, postgresql_where=ended)
    op.create_index("ix_runs_settled", "runs", ["settled"])
    op.create_index("ix_nominations_door_id", "nominations", ["door", "id"])
