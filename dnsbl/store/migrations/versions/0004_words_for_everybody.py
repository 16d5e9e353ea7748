"""An operator's words for everybody have their own column; what was written until now stays among operators."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for table in ("listings", "exclusions"):
        op.add_column(table, sa.Column("public", sa.Text(), nullable=False, server_default=""))
