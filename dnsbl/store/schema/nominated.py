"""The tables of what was nominated, by whom and with what; and of who reports, or would be nominated next."""

from __future__ import annotations

from sqlalchemy import Column, LargeBinary, UniqueConstraint, literal_column

from dnsbl.store.columns import AddressKey, Hexed, Moment, Named, Number, Words, YesNo
from dnsbl.store.schema import table
from dnsbl.vocabulary import Door, Tier

evidence = table(
    "evidence",
    Column("sha256", Hexed, primary_key=True),
    Column("message", LargeBinary, nullable=False),
    Column("received", Moment, nullable=False),
)

#: No foreign key: a nomination keeps the hash of what was shown with it longer than we keep that.
nominations = table(
    "nominations",
    Column("id", Number, primary_key=True),
    Column("address", AddressKey, nullable=False),
    Column("door", Named(Door), nullable=False),
    Column("nominator", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("evidence", Hexed),
    Column("received", Moment, nullable=False),
    Column("void", YesNo, nullable=False),
    Column("reporter", Words, nullable=False, server_default=""),
    Column("run", Words),
    Column("withdrawn", Moment),
)
REPORTED = nominations.c.reporter != literal_column("''")

reporters = table(
    "reporters",
    Column("name", Words, primary_key=True),
    Column("tier", Named(Tier), nullable=False),
    Column("contact", Words, nullable=False),
    Column("made", Moment, nullable=False),
    Column("key", Words, unique=True),
    Column("suspended", Moment),
    Column("why", Words, nullable=False),
    Column("hits", Number, nullable=False),
    Column("misses", Number, nullable=False),
)

feeds = table(
    "feeds",
    Column("name", Words, primary_key=True),
    Column("place", Words, nullable=False),
    Column("due", Moment, nullable=False),
    Column("etag", Words, nullable=False),
    Column("modified", Words, nullable=False),
    Column("asked", Moment),
    Column("said", Words, nullable=False),
)

#: No facts about hosts: who waits here goes when his turn comes.
candidates = table(
    "candidates",
    Column("id", Number, primary_key=True),
    Column("address", AddressKey, nullable=False),
    Column("bringer", Words, nullable=False),
    Column("door", Named(Door), nullable=False),
    Column("reporter", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("added", Moment, nullable=False),
    UniqueConstraint("address", "bringer"),
)

#: Whose mail servers have asked a watched zone about whom; goes when it is too long ago to count.
lookups = table(
    "lookups",
    Column("client", Words, primary_key=True),
    Column("address", AddressKey, primary_key=True),
    Column("last", Moment, nullable=False),
)
