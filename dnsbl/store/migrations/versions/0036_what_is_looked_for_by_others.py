"""Retests by their run, self-tests by their time, listings by kind and by who wrote them, and owners' mailboxes by how
long they are known are found by indexes, and no longer by reading all there is."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"

_SOME = {
    "ix_jobs_self_test_due": ("jobs", ["due"], "reason = 'self-test'"),
    "ix_listings_active_kind": ("listings", ["kind", "id"], "ended IS NULL"),
    "ix_listings_author": ("listings", ["author", "id"], "ended IS NULL AND author != ''"),
}


def upgrade() -> None:
    """They are made of what is there."""
    op.create_index("ix_removals_run", "removals", ["run"])
    op.create_index("ix_contacts_until", "contacts", ["until"])
    for name, (table, columns, rows) in _SOME.items():
        op.create_index(name, table, columns, sqlite_where=sa.text(rows), postgresql_where=sa.text(rows))
