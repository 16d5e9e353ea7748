"""When who made a nomination took it back, which is no sign of a bad source."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    """Nobody has, so far."""
    moment = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("nominations", sa.Column("withdrawn", moment, nullable=True))
