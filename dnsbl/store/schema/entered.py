"""The tables of what has happened: the journal, the transparency log that is made of it, and counts by day."""

from __future__ import annotations

from sqlalchemy import Column, ColumnElement, FromClause, Integer, LargeBinary, func, literal, literal_column, select

from dnsbl.store.columns import Hexed, Moment, Named, Number, Words, WordsAndHashes
from dnsbl.store.schema import table
from dnsbl.vocabulary import Measure

#: The hash before that of the journal's first entry.
START = "0" * 64


journal = table(
    "journal",
    Column("seq", Number, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("actor", Words, nullable=False),
    Column("subject", Words, nullable=False),
    Column("verb", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("before", Words, nullable=False),
    Column("after", Words, nullable=False),
    Column("evidence", WordsAndHashes, nullable=False),
    Column("hash", Hexed, nullable=False),
)

#: Entries by a number of which the index of subjects knows no more than that they stand close together, as those of one
#: test do. PostgreSQL keeps equal keys of an index once, and their number would make each key another.
STRETCH = 12


def stretch(entries: FromClause) -> ColumnElement[int]:
    """Where about an entry stands, for that index; behind it the number itself puts them in order."""
    return entries.c.seq.op(">>")(literal_column(str(STRETCH)))


_EARLIER = journal.alias("earlier")

#: An entry, with the hash of the one before, which stands there and nowhere else; zeros before the first.
ENTRY = (
    *journal.columns,
    func.coalesce(
        select(_EARLIER.c.hash).where(_EARLIER.c.seq == journal.c.seq - literal_column("1")).scalar_subquery(),
        literal(START, Hexed()),
    ).label("previous"),
)

#: The transparency log: one row for what it is and how far it has come.
log_state = table(
    "log_state",
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("origin", Words, nullable=False),
    Column("salts", LargeBinary, nullable=False),
    Column("size", Number, nullable=False),
    Column("entry", Number, nullable=False),
    Column("change", Number, nullable=False),
    Column("begun", Moment, nullable=False),
)

#: Its keys: who checks an old checkpoint needs the one of then.
log_keys = table(
    "log_keys",
    Column("vkey", Words, primary_key=True),
    Column("since", Moment, nullable=False),
    Column("ended", Moment),
)

#: Its tree, and its leaves with the last entry and change before each bundle. A row grows until it is full.
log_tiles = table(
    "log_tiles",
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)

log_bundles = table(
    "log_bundles",
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("entry", Number, nullable=False),
    Column("change", Number, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

#: What it has signed, or is about to: of one size there is one root.
log_checkpoints = table(
    "log_checkpoints",
    Column("size", Number, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", Words, nullable=False),
    Column("at", Moment, nullable=False),
)

#: What happened by day, added up: no fact, but all that is left of changes that were forgotten. `source` is the process
#: that has counted, where one did; days are since the epoch (UTC).
statistics = table(
    "statistics",
    Column("what", Named(Measure), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("name", Words, primary_key=True),
    Column("source", Words, primary_key=True),
    Column("number", Number, nullable=False),
)

#: How far a log was counted: the number of its last line that is in, and the moment that the counts are of.
counted = table(
    "counted",
    Column("log", Words, primary_key=True),
    Column("upto", Number, nullable=False),
    Column("at", Moment, nullable=False),
)
