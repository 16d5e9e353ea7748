"""The epochs of the zones' serials, which all nodes share."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """None yet: the first node that answers asks for one, above all serials that it has shown."""
    op.create_table(
        "epochs",
        sa.Column("base", _number(), nullable=False, autoincrement=False),
        sa.Column("since", _number(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("made", _number(), nullable=False),
        sa.PrimaryKeyConstraint("base", name="pk_epochs"),
        sqlite_strict=True,
    )
