"""The tables of who does the work: nodes with their keys, operators; and of what is counted against bounds."""

from __future__ import annotations

from sqlalchemy import Column, Integer, LargeBinary

from dnsbl.store.columns import Moment, Named, Number, Words, YesNo
from dnsbl.store.schema import table
from dnsbl.vocabulary import Role

#: Of what stands here nothing is a fact about a host: signs of life come and go.
nodes = table(
    "nodes",
    Column("name", Words, primary_key=True),
    Column("seen", Moment, nullable=False),
    Column("roles", Words, nullable=False),
    Column("down", Words, nullable=False, server_default=""),
)

signing_keys = table(
    "signing_keys",
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("kid", Words, nullable=False),
    Column("fingerprint", Words, nullable=False),
    Column("created", Number, nullable=False),
    Column("sealed", LargeBinary),
    Column("entered", Moment, nullable=False),
)

kept = table(
    "kept",
    Column("holder", Words, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("messages", Number, nullable=False),
    Column("octets", Number, nullable=False),
)

sent = table(
    "sent",
    Column("holder", Words, primary_key=True),
    Column("slot", Integer, primary_key=True),
    Column("connections", Number, nullable=False),
    Column("letters", Number, nullable=False),
    Column("octets", Number, nullable=False),
)

#: Who may do what on the operators' side of the site.
operators = table(
    "operators",
    Column("name", Words, primary_key=True),
    Column("role", Named(Role), nullable=False),
    Column("password", Words, nullable=False),
    Column("totp", Words, nullable=False),
    Column("step", Number, nullable=False),
    Column("recovery", Words, nullable=False),
    Column("disabled", YesNo, nullable=False),
    Column("made", Moment, nullable=False),
)

#: Who is signed in there; a row goes when that is over.
sign_ins = table(
    "sign_ins",
    Column("token", Words, primary_key=True),
    Column("name", Words, nullable=False),
    Column("place", Words, nullable=False),
    Column("begun", Moment, nullable=False),
    Column("seen", Moment, nullable=False),
)

#: Who has tried to sign in of late and failed, by what is counted as one; and from where somebody has come in before.
sign_in_tries = table(
    "sign_in_tries",
    Column("holder", Words, primary_key=True),
    Column("failed", Number, nullable=False),
    Column("last", Moment, nullable=False),
)
