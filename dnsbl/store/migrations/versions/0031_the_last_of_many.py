"""The last entry about somebody and the last end of a listing are found by indexes that lead to them."""

from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    """PostgreSQL would rather walk back from the newest of all, for one that may be nowhere."""
    op.drop_index("ix_journal_subject", "journal")
    op.create_index("ix_journal_subject", "journal", ["subject", "seq"])
    op.drop_index("ix_listings_network", "listings")
    op.create_index("ix_listings_network", "listings", ["network", "ended"])
