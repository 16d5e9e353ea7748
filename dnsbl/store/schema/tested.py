"""The tables of tests: those that are to be made, and of each run its ways in, letters, conversations and returns."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, and_, literal_column, or_

from dnsbl.store.columns import AddressKey, Hexed, Moment, Named, NetworkKey, Number, Words, YesNo
from dnsbl.store.schema import table
from dnsbl.vocabulary import LENT, Extent, JobReason, JobState, RunState
from tester.paths import Tls
from tester.smtp import Control, Outcome
from tester.verdict import Finding, Verdict

jobs = table(
    "jobs",
    Column("id", Number, primary_key=True),
    Column("address", AddressKey, nullable=False),
    Column("neighbourhood", NetworkKey, nullable=False),
    Column("port", Integer, nullable=False),
    Column("reason", Named(JobReason), nullable=False),
    Column("profile", Words, nullable=False),
    Column("due", Moment, nullable=False),
    Column("state", Named(JobState), nullable=False),
    Column("run", Words, nullable=False, index=True),
    Column("takes", Integer, nullable=False),
    Column("retries", Integer, nullable=False),
    Column("provocation", Words, nullable=False),
    Column("extent", Named(Extent), nullable=False),
    Column("worker", Words),
    Column("lease_until", Moment),
    Column("rank", Integer, nullable=False),
    Column("whose", Words, nullable=False, server_default=""),
)

#: As text and not as a parameter, so that both databases see that the index holds what a query asks.
LIVE = jobs.c.state != literal_column(f"'{JobState.DONE}'")

#: One live test per address, whatever two doors do at once. What an owner tests for himself is beside that and takes
#: nobody's place: else he could have the test that a nomination asked for be one that lists nobody.
OF_THE_LIST = and_(LIVE, jobs.c.reason != literal_column(f"'{JobReason.SELF_TEST}'"))
SELF_TESTS = jobs.c.reason == literal_column(f"'{JobReason.SELF_TEST}'")
OF_ITSELF = and_(LIVE, SELF_TESTS)

#: In a worker's hands: few, however many wait.
RUNNING = jobs.c.state == literal_column(f"'{JobState.RUNNING}'")

#: Nominated, and not taken by a worker yet.
NOMINATED = and_(
    jobs.c.state == literal_column(f"'{JobState.QUEUED}'"),
    jobs.c.reason == literal_column(f"'{JobReason.NOMINATION}'"),
)

#: Who has asked for which retest: what comes of it, a wait, is his alone.
removals = table(
    "removals",
    Column("id", Number, primary_key=True),
    Column("address", AddressKey, nullable=False),
    Column("run", Words, nullable=False),
    Column("asker", Words, nullable=False),
    Column("counted", YesNo, nullable=False),
    Column("at", Moment, nullable=False),
)

runs = table(
    "runs",
    Column("id", Words, primary_key=True),
    Column("address", AddressKey, nullable=False),
    Column("port", Integer, nullable=False),
    Column("reason", Named(JobReason), nullable=False),
    Column("profile", Words, nullable=False),
    Column("provocation", Words, nullable=False),
    Column("state", Named(RunState), nullable=False),
    Column("started", Moment, nullable=False),
    Column("ends", Moment),
    Column("settled", Moment),
    Column("verdict", Named(Verdict)),
    Column("explanation", Words, nullable=False),
    Column("unreached", YesNo, nullable=False),
    Column("extent", Named(Extent), nullable=False),
    Column("forgotten", Moment),
    Column("digest", Hexed),
)

#: Runs that still have all of theirs.
FORGETTABLE = runs.c.forgotten.is_(None)
WAITING = runs.c.state == literal_column(f"'{RunState.WAITING}'")

#: Runs that count for the list. What an owner tests for himself, on ports of his choice, shows nobody else anything,
#: nor do letters that a remote tester has, but where he is trusted and one has come back.
COUNTS = or_(
    runs.c.reason.not_in({JobReason.SELF_TEST, *LENT}),
    and_(runs.c.reason == JobReason.REMOTE_PROVEN, runs.c.verdict.is_not(None)),
)

#: No foreign key: the ways in of a test that is asked for with its own are filed with its job, before its run begins.
paths = table(
    "paths",
    Column("run", Words, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("address", AddressKey, nullable=False),
    Column("port", Integer, nullable=False),
    Column("tls", Named(Tls), nullable=False),
    Column("verdict", Named(Verdict)),
    Column("explanation", Words, nullable=False),
)

pairs = table(
    "pairs",
    Column("label", Words, primary_key=True),
    Column("address", AddressKey, nullable=False),
    Column("name", Words, nullable=False),
    Column("until", Moment, nullable=False),
)

guises = table(
    "guises",
    Column("run", Words, ForeignKey(runs.c.id), primary_key=True),
    Column("document", Words, nullable=False),
)

letters = table(
    "letters",
    Column("id", Number, primary_key=True),
    Column("recipient", Words, nullable=False, unique=True),
    Column("sender", Words, nullable=False, unique=True),
    Column("run", Words, ForeignKey(runs.c.id), nullable=False, index=True),
    Column("vector", Words, nullable=False),
    Column("not_before", Number, nullable=False),
    Column("not_after", Number, nullable=False),
    Column("proof_hash", LargeBinary, nullable=False),
    Column("outcome", Named(Outcome)),
    Column("reply", Words, nullable=False),
    Column("dot_at", Moment),
    Column("finding", Named(Finding)),
    Column("path", Integer, nullable=False),
)

sessions = table(
    "sessions",
    Column("id", Number, primary_key=True),
    Column("run", Words, ForeignKey(runs.c.id), nullable=False, index=True),
    Column("worker", Words, nullable=False),
    Column("filed", Moment, nullable=False),
    Column("control", Named(Control), nullable=False),
    Column("flags", Words, nullable=False),
    Column("document", Words, nullable=False),
)

returns = table(
    "returns",
    Column("id", Number, primary_key=True),
    Column("token", Words, nullable=False),
    Column("run", Words, ForeignKey(runs.c.id), index=True),
    Column("received", Moment, nullable=False),
    Column("peer", AddressKey, nullable=False),
    Column("peer_port", Integer, nullable=False),
    Column("local", Words, nullable=False),
    Column("tls", YesNo, nullable=False),
    Column("helo", Words, nullable=False),
    Column("mail_raw", LargeBinary, nullable=False),
    Column("rcpt_raw", LargeBinary, nullable=False),
    Column("finding", Named(Finding), nullable=False),
    Column("explanation", Words, nullable=False),
    Column("message", LargeBinary, nullable=False),
)
