"""What is kept is counted, by whom it is counted for; and the flags of a conversation stand beside it."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
#: Conversations that are read at once.
_AT_ONCE = 100


def upgrade() -> None:
    """Count what is there by run; counts by day begin with this one. Drop the index that counted tokens."""
    op.create_table(
        "kept",
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("messages", _NUMBER, nullable=False),
        sa.Column("octets", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("holder", "day", name="pk_kept"),
        sqlite_strict=True,
    )
    op.create_index("ix_kept_day", "kept", ["day"])
    op.execute(
        "INSERT INTO kept (holder, day, messages, octets) SELECT 'run ' || run, 0, count(*), sum(length(message)) "
        "FROM returns WHERE run IS NOT NULL GROUP BY run"
    )
    op.drop_index("ix_returns_token_received", "returns")
    op.create_index("ix_returns_finding_id", "returns", ["finding", "id"])
    op.add_column("sessions", sa.Column("flags", sa.Text(), nullable=False, server_default=""))
    _copy_flags(op.get_bind())
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("sessions", "flags", server_default=None)


def _copy_flags(connection: sa.Connection) -> None:
    sessions = sa.table(
        "sessions", sa.column("id", _NUMBER), sa.column("flags", sa.Text), sa.column("document", sa.Text)
    )
    last = 0
    while True:
        wanted = sa.select(sessions.c.id, sessions.c.document).where(sessions.c.id > last).order_by(sessions.c.id)
        rows = connection.execute(wanted.limit(_AT_ONCE)).all()
        if not rows:
            return
        for row in rows:
            flags = " ".join(sorted(json.loads(row.document)["flags"]))
            if flags:
                connection.execute(sa.update(sessions).where(sessions.c.id == row.id).values(flags=flags))
        last = rows[-1].id
