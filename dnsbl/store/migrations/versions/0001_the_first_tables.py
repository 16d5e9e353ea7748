"""The first tables, and the triggers that make the journal append-only."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import SchemaItem

revision = "0001"
down_revision = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _table(name: str, *columns: SchemaItem) -> None:
    op.create_table(name, *columns, sqlite_strict=True)


def _text(name: str, *, null: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(), nullable=null)


def _number(name: str, *, null: bool = False) -> "sa.Column[int]":
    return sa.Column(name, _NUMBER, nullable=null)


def _small(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.Integer(), nullable=False)


def _bytes(name: str) -> "sa.Column[bytes]":
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def _key(table: str, column: str = "id") -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(column, name=f"pk_{table}")


def _to_run(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["run"], ["runs.id"], name=f"fk_{table}_run")


def _index(name: str, table: str, columns: list[str], *, unique: bool = False, where: str | None = None) -> None:
    condition = None if where is None else sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def upgrade() -> None:
    _table("evidence", _text("sha256"), _bytes("message"), _number("received"), _key("evidence", "sha256"))
    _table(
        "nominations",
        _number("id"),
        _bytes("address"),
        _text("door"),
        _text("nominator"),
        _text("reason"),
        _text("evidence", null=True),
        _number("received"),
        _key("nominations"),
        sa.ForeignKeyConstraint(["evidence"], ["evidence.sha256"], name="fk_nominations_evidence"),
    )
    _table(
        "jobs",
        _number("id"),
        _bytes("address"),
        _bytes("neighbourhood"),
        _small("port"),
        _text("reason"),
        _text("profile"),
        _number("due"),
        _text("state"),
        _text("run"),
        _small("takes"),
        _small("retries"),
        _text("provocation"),
        _text("worker", null=True),
        _number("lease_until", null=True),
        _key("jobs"),
    )
    _index("uq_jobs_live_address", "jobs", ["address"], unique=True, where="state != 'done'")
    _index("ix_jobs_live_due", "jobs", ["due", "id"], where="state != 'done'")
    _index("ix_jobs_run", "jobs", ["run"])
    _table(
        "runs",
        _text("id"),
        _bytes("address"),
        _small("port"),
        _text("reason"),
        _text("profile"),
        _text("provocation"),
        _text("state"),
        _number("started"),
        _number("ends", null=True),
        _number("settled", null=True),
        _text("verdict", null=True),
        _text("explanation"),
        _small("unreached"),
        _key("runs"),
    )
    _index("ix_runs_address_started", "runs", ["address", "started"])
    _index("ix_runs_waiting_ends", "runs", ["ends"], where="state = 'waiting'")
    _table(
        "letters",
        _number("id"),
        _text("recipient"),
        _text("sender"),
        _text("run"),
        _text("vector"),
        _number("not_before"),
        _number("not_after"),
        _bytes("proof_hash"),
        _text("outcome", null=True),
        _text("reply"),
        _number("dot_at", null=True),
        _text("finding", null=True),
        _key("letters"),
        _to_run("letters"),
        sa.UniqueConstraint("recipient", name="uq_letters_recipient"),
        sa.UniqueConstraint("sender", name="uq_letters_sender"),
    )
    _index("ix_letters_run", "letters", ["run"])
    _table(
        "sessions",
        _number("id"),
        _text("run"),
        _text("worker"),
        _number("filed"),
        _text("control"),
        _text("document"),
        _key("sessions"),
        _to_run("sessions"),
    )
    _index("ix_sessions_run", "sessions", ["run"])
    _table(
        "returns",
        _number("id"),
        _text("token"),
        _text("run", null=True),
        _number("received"),
        _bytes("peer"),
        _small("peer_port"),
        _text("local"),
        _small("tls"),
        _text("helo"),
        _bytes("mail_raw"),
        _bytes("rcpt_raw"),
        _text("finding"),
        _text("explanation"),
        _bytes("message"),
        _key("returns"),
        _to_run("returns"),
    )
    _index("ix_returns_run", "returns", ["run"])
    _index("ix_returns_token_received", "returns", ["token", "received"])
    _table(
        "listings",
        _number("id"),
        _bytes("network"),
        _text("kind"),
        _number("since"),
        _number("expires", null=True),
        _text("reason"),
        _text("note"),
        _text("run", null=True),
        _number("confirmed"),
        _number("ended", null=True),
        _text("end_reason", null=True),
        _key("listings"),
        _to_run("listings"),
    )
    _index("uq_listings_active", "listings", ["network", "kind"], unique=True, where="ended IS NULL")
    _index("ix_listings_network", "listings", ["network"])
    _index("ix_listings_active_expires", "listings", ["expires"], where="ended IS NULL")
    _table("exclusions", _bytes("network"), _text("reason"), _number("since"), _key("exclusions", "network"))
    _table(
        "journal",
        sa.Column("seq", _NUMBER, nullable=False, autoincrement=False),
        _number("at"),
        _text("actor"),
        _text("subject"),
        _text("verb"),
        _text("reason"),
        _text("before"),
        _text("after"),
        _text("evidence"),
        _text("previous"),
        _text("hash"),
        _key("journal", "seq"),
    )
    _index("ix_journal_subject", "journal", ["subject"])
    _table(
        "changes",
        sa.Column("seq", _NUMBER, nullable=False, autoincrement=False),
        _bytes("network"),
        _text("kind"),
        _small("present"),
        _key("changes", "seq"),
    )
    for statement in _APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


_APPEND_ONLY = {
    "sqlite": (
        """CREATE TRIGGER journal_keeps_update BEFORE UPDATE ON journal
           BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END""",
        """CREATE TRIGGER journal_keeps_delete BEFORE DELETE ON journal
           BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END""",
    ),
    "postgresql": (
        """CREATE FUNCTION journal_keeps() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN RAISE EXCEPTION 'the journal is append-only'; END $$""",
        """CREATE TRIGGER journal_keeps BEFORE UPDATE OR DELETE OR TRUNCATE ON journal
           FOR EACH STATEMENT EXECUTE FUNCTION journal_keeps()""",
    ),
}
