"""A reporter's tier is called that in the store too."""

from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    """What was there stays, under its new name."""
    op.execute("ALTER TABLE reporters RENAME COLUMN trust TO tier")
