"""When what a test does not need was deleted, with the SHA-256 of its transcripts; and what is asked before."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Nothing is forgotten yet."""
    op.add_column("runs", sa.Column("forgotten", sa.BigInteger().with_variant(sa.Integer(), "sqlite")))
    op.add_column("runs", sa.Column("digest", sa.Text(), nullable=False, server_default=""))
    whole = sa.text("forgotten IS NULL")
    op.create_index("ix_runs_forgettable", "runs", ["settled", "id"], sqlite_where=whole, postgresql_where=whole)
    proven = sa.text("run IS NOT NULL")
    op.create_index("ix_listings_run", "listings", ["run"], sqlite_where=proven, postgresql_where=proven)
    op.create_index("ix_outputs_run", "outputs", ["run"])
