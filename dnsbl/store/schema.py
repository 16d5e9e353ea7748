"""The tables. What the newest migration makes, said once more as SQLAlchemy tables; a test holds the two equal.

What has happened is not deleted: runs are settled, listings ended. Only an exclusion gives way to a newer one of the
same network; a suspension or proposal that is over goes, so do counts of days that are past, mails that ended long
ago, epochs of serials that nobody may show any more, and what is old and no proof (`old`: transcripts, jobs, changes,
evidence), of which the hashes stay. The journal refuses UPDATE and DELETE by trigger (the first migration).

Over 400 lines, since every table stands here once; its indexes stand in `indexes`.
"""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ColumnElement,
    ForeignKey,
    FromClause,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    and_,
    func,
    literal,
    literal_column,
    or_,
    select,
)

from dnsbl.model import (
    LENT,
    Door,
    Extent,
    JobReason,
    JobState,
    Measure,
    NoticeState,
    Reason,
    Role,
    RunState,
    Trust,
    WatchWay,
)
from dnsbl.store.columns import AddressKey, Hexed, Moment, Named, NetworkKey, Number, Words, WordsAndHashes, YesNo
from tester.paths import Tls
from tester.smtp import Control, Outcome
from tester.verdict import Finding, Verdict

#: The hash before that of the journal's first entry.
START = "0" * 64

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _table(name: str, *columns: Column[object] | UniqueConstraint) -> Table:
    return Table(name, metadata, *columns, sqlite_strict=True)


evidence = _table(
    "evidence",
    Column("sha256", Hexed, primary_key=True),
    Column("message", LargeBinary, nullable=False),
    Column("received", Moment, nullable=False),
)

#: No foreign key: a nomination keeps the hash of what was shown with it longer than we keep that.
nominations = _table(
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

reporters = _table(
    "reporters",
    Column("name", Words, primary_key=True),
    Column("trust", Named(Trust), nullable=False),
    Column("contact", Words, nullable=False),
    Column("made", Moment, nullable=False),
    Column("key", Words, unique=True),
    Column("suspended", Moment),
    Column("why", Words, nullable=False),
    Column("hits", Number, nullable=False),
    Column("misses", Number, nullable=False),
)

feeds = _table(
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
candidates = _table(
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
lookups = _table(
    "lookups",
    Column("client", Words, primary_key=True),
    Column("address", AddressKey, primary_key=True),
    Column("last", Moment, nullable=False),
)

jobs = _table(
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
OF_ITSELF = and_(LIVE, jobs.c.reason == literal_column(f"'{JobReason.SELF_TEST}'"))
#: In a worker's hands: few, however many wait.
RUNNING = jobs.c.state == literal_column(f"'{JobState.RUNNING}'")
#: Nominated, and not taken by a worker yet.
NOMINATED = and_(
    jobs.c.state == literal_column(f"'{JobState.QUEUED}'"),
    jobs.c.reason == literal_column(f"'{JobReason.NOMINATION}'"),
)

#: Who has asked for which retest: what comes of it, a wait, is his alone.
removals = _table(
    "removals",
    Column("id", Number, primary_key=True),
    Column("address", AddressKey, nullable=False),
    Column("run", Words, nullable=False),
    Column("asker", Words, nullable=False),
    Column("counted", YesNo, nullable=False),
    Column("at", Moment, nullable=False),
)

runs = _table(
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
paths = _table(
    "paths",
    Column("run", Words, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("address", AddressKey, nullable=False),
    Column("port", Integer, nullable=False),
    Column("tls", Named(Tls), nullable=False),
    Column("verdict", Named(Verdict)),
    Column("explanation", Words, nullable=False),
)

pairs = _table(
    "pairs",
    Column("label", Words, primary_key=True),
    Column("address", AddressKey, nullable=False),
    Column("name", Words, nullable=False),
    Column("until", Moment, nullable=False),
)

guises = _table(
    "guises",
    Column("run", Words, ForeignKey("runs.id"), primary_key=True),
    Column("document", Words, nullable=False),
)

letters = _table(
    "letters",
    Column("id", Number, primary_key=True),
    Column("recipient", Words, nullable=False, unique=True),
    Column("sender", Words, nullable=False, unique=True),
    Column("run", Words, ForeignKey("runs.id"), nullable=False, index=True),
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

sessions = _table(
    "sessions",
    Column("id", Number, primary_key=True),
    Column("run", Words, ForeignKey("runs.id"), nullable=False, index=True),
    Column("worker", Words, nullable=False),
    Column("filed", Moment, nullable=False),
    Column("control", Named(Control), nullable=False),
    Column("flags", Words, nullable=False),
    Column("document", Words, nullable=False),
)

returns = _table(
    "returns",
    Column("id", Number, primary_key=True),
    Column("token", Words, nullable=False),
    Column("run", Words, ForeignKey("runs.id"), index=True),
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

#: Of what stands here nothing is a fact about a host: signs of life come and go.
nodes = _table(
    "nodes",
    Column("name", Words, primary_key=True),
    Column("seen", Moment, nullable=False),
    Column("roles", Words, nullable=False),
    Column("down", Words, nullable=False, server_default=""),
)

signing_keys = _table(
    "signing_keys",
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("kid", Words, nullable=False),
    Column("fingerprint", Words, nullable=False),
    Column("created", Number, nullable=False),
    Column("sealed", LargeBinary),
    Column("entered", Moment, nullable=False),
)

kept = _table(
    "kept",
    Column("holder", Words, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("messages", Number, nullable=False),
    Column("octets", Number, nullable=False),
)

sent = _table(
    "sent",
    Column("holder", Words, primary_key=True),
    Column("slot", Integer, primary_key=True),
    Column("connections", Number, nullable=False),
    Column("letters", Number, nullable=False),
    Column("octets", Number, nullable=False),
)

listings = _table(
    "listings",
    Column("id", Number, primary_key=True),
    Column("network", NetworkKey, nullable=False),
    Column("kind", Words, nullable=False),
    Column("since", Moment, nullable=False),
    Column("expires", Moment),
    Column("reason", Named(Reason), nullable=False),
    Column("note", Words, nullable=False),
    Column("public", Words, nullable=False, server_default=""),
    Column("run", Words, ForeignKey("runs.id")),
    Column("confirmed", Moment, nullable=False),
    Column("ended", Moment),
    Column("end_reason", Named(Reason)),
    Column("author", Words, nullable=False, server_default=""),
)
ACTIVE = listings.c.ended.is_(None)

#: Which relay's letters came out of which address; kept after its end.
outputs = _table(
    "outputs",
    Column("id", Number, primary_key=True),
    Column("input", NetworkKey, nullable=False),
    Column("output", NetworkKey, nullable=False),
    Column("run", Words, ForeignKey("runs.id"), nullable=False),
    Column("since", Moment, nullable=False),
    Column("confirmed", Moment, nullable=False),
    Column("ended", Moment),
    Column("end_reason", Named(Reason)),
)
COMES_OUT = outputs.c.ended.is_(None)

#: What outputs will be listed as; a row goes when that is so, or will not be.
forthcoming = _table(
    "forthcoming",
    Column("network", NetworkKey, primary_key=True),
    Column("kind", Words, primary_key=True),
    Column("since", Moment, nullable=False),
    Column("due", Moment, nullable=False),
)

exclusions = _table(
    "exclusions",
    Column("network", NetworkKey, primary_key=True),
    Column("reason", Words, nullable=False),
    Column("public", Words, nullable=False, server_default=""),
    Column("since", Moment, nullable=False),
)

proposals = _table(
    "proposals",
    Column("network", NetworkKey, primary_key=True),
    Column("kind", Words, primary_key=True),
    Column("reason", Words, nullable=False),
    Column("public", Words, nullable=False),
    Column("author", Words, nullable=False),
    Column("at", Moment, nullable=False),
)

suspensions = _table(
    "suspensions",
    Column("source", Words, primary_key=True),
    Column("reason", Words, nullable=False),
    Column("public", Words, nullable=False),
    Column("since", Moment, nullable=False),
    Column("retracted", Number, nullable=False),
)

#: Mail that we send. No two are made for one `occasion`.
notices = _table(
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
silenced = _table(
    "silenced",
    Column("recipient", Words, primary_key=True),
    Column("why", Words, nullable=False),
    Column("since", Moment, nullable=False),
)

#: Who answers for an address, "" where nobody does, until when that is believed.
contacts = _table(
    "contacts",
    Column("address", AddressKey, primary_key=True),
    Column("mailbox", Words, nullable=False),
    Column("until", Moment, nullable=False),
)

#: Who has shown of late that an address is his, and how.
controls = _table(
    "controls",
    Column("address", AddressKey, primary_key=True),
    Column("how", Words, nullable=False),
    Column("shown", Moment, nullable=False),
)

#: Who is told of new listings in a network of his.
watches = _table(
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
hearers = _table(
    "hearers",
    Column("run", Words, primary_key=True),
    Column("recipient", Words, primary_key=True),
)

#: Who may do what on the operators' side of the site.
operators = _table(
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
sign_ins = _table(
    "sign_ins",
    Column("token", Words, primary_key=True),
    Column("name", Words, nullable=False),
    Column("place", Words, nullable=False),
    Column("begun", Moment, nullable=False),
    Column("seen", Moment, nullable=False),
)

#: Who has tried to sign in of late and failed, by what is counted as one; and from where somebody has come in before.
sign_in_tries = _table(
    "sign_in_tries",
    Column("holder", Words, primary_key=True),
    Column("failed", Number, nullable=False),
    Column("last", Moment, nullable=False),
)

journal = _table(
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

changes = _table(
    "changes",
    Column("seq", Number, primary_key=True, autoincrement=False),
    Column("network", NetworkKey, nullable=False),
    Column("kind", Words, nullable=False),
    Column("present", YesNo, nullable=False),
    Column("at", Moment),
)

#: The transparency log: one row for what it is and how far it has come.
log_state = _table(
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
log_keys = _table(
    "log_keys",
    Column("vkey", Words, primary_key=True),
    Column("since", Moment, nullable=False),
    Column("ended", Moment),
)

#: Its tree, and its leaves with the last entry and change before each bundle. A row grows until it is full.
log_tiles = _table(
    "log_tiles",
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)
log_bundles = _table(
    "log_bundles",
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("entry", Number, nullable=False),
    Column("change", Number, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

#: What it has signed, or is about to: of one size there is one root.
log_checkpoints = _table(
    "log_checkpoints",
    Column("size", Number, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", Words, nullable=False),
    Column("at", Moment, nullable=False),
)

#: The epochs of the zones' serials; those that are over go.
epochs = _table(
    "epochs",
    Column("base", Number, primary_key=True, autoincrement=False),
    Column("since", Number, nullable=False),
    Column("digest", Words, nullable=False),
    Column("made", Moment, nullable=False),
)

#: What happened by day, added up: no fact, but all that is left of changes that were forgotten. `source` is the process
#: that has counted, where one did; days are since the epoch (UTC).
statistics = _table(
    "statistics",
    Column("what", Named(Measure), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("name", Words, primary_key=True),
    Column("source", Words, primary_key=True),
    Column("number", Number, nullable=False),
)

#: How far a log was counted: the number of its last line that is in, and the moment that the counts are of.
counted = _table(
    "counted",
    Column("log", Words, primary_key=True),
    Column("upto", Number, nullable=False),
    Column("at", Moment, nullable=False),
)
