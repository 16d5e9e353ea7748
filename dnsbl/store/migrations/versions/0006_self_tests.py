"""What an owner tests for himself stands beside the list's own test of his address."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    live = "state != 'done'"
    op.drop_index("uq_jobs_live_address", "jobs")
    for name, sign in (("uq_jobs_live_address", "!="), ("uq_jobs_live_self_test", "=")):
        where = sa.text(f"{live} AND reason {sign} 'self-test'")
        op.create_index(name, "jobs", ["address"], unique=True, sqlite_where=where, postgresql_where=where)
