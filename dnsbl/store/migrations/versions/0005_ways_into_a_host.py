"""A test is of a host: its ways in stand beside the run, and each letter names its own."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """What was tested so far had one way in. Tests that were asked for, and those of listed addresses, become wide."""
    op.create_table(
        "paths",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("tls", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text()),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run", "number", name="pk_paths"),
        sqlite_strict=True,
    )
    op.create_index("ix_paths_address", "paths", ["address"])
    op.execute(
        "INSERT INTO paths (run, number, address, port, tls, verdict, explanation) "
        "SELECT id, 0, address, port, 'needed', verdict, explanation FROM runs"
    )
    op.add_column("letters", sa.Column("path", sa.Integer(), nullable=False, server_default="0"))
    for table in ("jobs", "runs"):
        op.add_column(table, sa.Column("extent", sa.Text(), nullable=False, server_default="nominated"))
    op.execute(
        "UPDATE jobs SET extent = 'host' WHERE takes = 0 AND reason IN ('removal', 'operator', 'retest', 'probation')"
    )
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("letters", "path", server_default=None)
        for table in ("jobs", "runs"):
            op.alter_column(table, "extent", server_default=None)
