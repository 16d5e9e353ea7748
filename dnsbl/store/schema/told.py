"""The tables of mail that we send, of whom to, and of who has shown what is his and is told of it."""

from __future__ import annotations

from sqlalchemy import Column, Integer, literal_column

from dnsbl.store.columns import AddressKey, Moment, Named, NetworkKey, Number, Words
from dnsbl.store.schema import table
from dnsbl.vocabulary import NoticeState, WatchWay

#: Mail that we send. No two are made for one `occasion`.
notices = table(
    "notices",
    Column("id", Number, primary_key=True),
    Column("token", Words, nullable=False, unique=True),
    Column("occasion", Words, unique=True),
    Column("template", Words, nullable=False),
    Column("recipient", Words, nullable=False),
    Column("subject", Words, nullable=False),
    Column("facts", Words, nullable=False),
    Column("answers", Words, nullable=False),
    Column("queued", Moment, nullable=False),
    Column("due", Moment, nullable=False),
    Column("state", Named(NoticeState), nullable=False),
    Column("takes", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("reply", Words, nullable=False),
    Column("lease_until", Moment),
    Column("ended", Moment),
)
UNSENT = notices.c.state == literal_column(f"'{NoticeState.QUEUED}'")

#: Mail addresses that get no mail of ours: what was sent there came back, or somebody there has said so.
silenced = table(
    "silenced",
    Column("recipient", Words, primary_key=True),
    Column("why", Words, nullable=False),
    Column("since", Moment, nullable=False),
)

#: Who answers for an address, "" where nobody does, until when that is believed.
contacts = table(
    "contacts",
    Column("address", AddressKey, primary_key=True),
    Column("mailbox", Words, nullable=False),
    Column("until", Moment, nullable=False),
)

#: Who has shown of late that an address is his, and how.
controls = table(
    "controls",
    Column("address", AddressKey, primary_key=True),
    Column("how", Words, nullable=False),
    Column("shown", Moment, nullable=False),
)

#: Who is told of new listings in a network of his.
watches = table(
    "watches",
    Column("id", Number, primary_key=True),
    Column("token", Words, nullable=False, unique=True),
    Column("secret", Words, nullable=False),
    Column("network", NetworkKey, nullable=False),
    Column("way", Named(WatchWay), nullable=False),
    Column("target", Words, nullable=False),
    Column("how", Words, nullable=False),
    Column("told", Number, nullable=False),
    Column("since", Moment, nullable=False),
    Column("ended", Moment),
)
WATCHING = watches.c.ended.is_(None)

#: Who wants to be told what comes of a test.
hearers = table(
    "hearers",
    Column("run", Words, primary_key=True),
    Column("recipient", Words, primary_key=True),
)
