"""The tables of what is listed, will be, may not be, or is proposed; and of its changes, as DNS has them."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, and_, literal_column

from dnsbl.store.columns import Moment, Named, NetworkKey, Number, Words, YesNo
from dnsbl.store.schema import table
from dnsbl.store.schema.tested import runs
from dnsbl.vocabulary import Reason

listings = table(
    "listings",
    Column("id", Number, primary_key=True),
    Column("network", NetworkKey, nullable=False),
    Column("kind", Words, nullable=False),
    Column("since", Moment, nullable=False),
    Column("expires", Moment),
    Column("reason", Named(Reason), nullable=False),
    Column("note", Words, nullable=False),
    Column("public", Words, nullable=False, server_default=""),
    Column("run", Words, ForeignKey(runs.c.id)),
    Column("confirmed", Moment, nullable=False),
    Column("ended", Moment),
    Column("end_reason", Named(Reason)),
    Column("author", Words, nullable=False, server_default=""),
)
ACTIVE = listings.c.ended.is_(None)
#: By an operator's word.
WORDED = and_(ACTIVE, listings.c.author != literal_column("''"))

#: Which relay's letters came out of which address; kept after its end.
outputs = table(
    "outputs",
    Column("id", Number, primary_key=True),
    Column("input", NetworkKey, nullable=False),
    Column("output", NetworkKey, nullable=False),
    Column("run", Words, ForeignKey(runs.c.id), nullable=False),
    Column("since", Moment, nullable=False),
    Column("confirmed", Moment, nullable=False),
    Column("ended", Moment),
    Column("end_reason", Named(Reason)),
)
COMES_OUT = outputs.c.ended.is_(None)

#: What outputs will be listed as; a row goes when that is so, or will not be.
forthcoming = table(
    "forthcoming",
    Column("network", NetworkKey, primary_key=True),
    Column("kind", Words, primary_key=True),
    Column("since", Moment, nullable=False),
    Column("due", Moment, nullable=False),
)

exclusions = table(
    "exclusions",
    Column("network", NetworkKey, primary_key=True),
    Column("reason", Words, nullable=False),
    Column("public", Words, nullable=False, server_default=""),
    Column("since", Moment, nullable=False),
)

proposals = table(
    "proposals",
    Column("network", NetworkKey, primary_key=True),
    Column("kind", Words, primary_key=True),
    Column("reason", Words, nullable=False),
    Column("public", Words, nullable=False),
    Column("author", Words, nullable=False),
    Column("at", Moment, nullable=False),
)

suspensions = table(
    "suspensions",
    Column("source", Words, primary_key=True),
    Column("reason", Words, nullable=False),
    Column("public", Words, nullable=False),
    Column("since", Moment, nullable=False),
    Column("retracted", Number, nullable=False),
)

changes = table(
    "changes",
    Column("seq", Number, primary_key=True, autoincrement=False),
    Column("network", NetworkKey, nullable=False),
    Column("kind", Words, nullable=False),
    Column("present", YesNo, nullable=False),
    Column("at", Moment),
)

#: The epochs of the zones' serials; those that are over go.
epochs = table(
    "epochs",
    Column("base", Number, primary_key=True, autoincrement=False),
    Column("since", Number, nullable=False),
    Column("digest", Words, nullable=False),
    Column("made", Moment, nullable=False),
)
