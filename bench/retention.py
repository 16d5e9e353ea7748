"""What a test takes in the store, by part, as it is made and when what is old was forgotten; and what a year of tests
comes to.

    python -m bench.retention [--tests 1000] [--a-day 10000] [--url URL] [--json FILE]

A day is simulated by the real verbs, on SQLite in a temporary folder or in the empty database at URL, with a clock that
is turned: of a hundred nominated hosts 88 are closed (17 forms in five connections), 7 cannot be reached, and 5 are
open and listed. Conversations are as long as those of a real test of such a server. Then the clock is turned on and
`dnsbl forget` runs. Sizes are those of the database's own counting, without the pages that stand free. PostgreSQL's are
whole pages, of which each table and index has some: with fewer than a thousand tests they look like more a test.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address
from pathlib import Path

from sqlalchemy import text

from bench.filling import SPAM, come_back
from dnsbl.casework import Casework
from dnsbl.casework.assignments import Assignment
from dnsbl.clock import HandClock
from dnsbl.model import Nomination
from dnsbl.settings import Settings
from dnsbl.store import Store
from dnsbl.store.database import Transaction
from dnsbl.vocabulary import Door
from tester import letter, vectors
from tester.letter import Keyring
from tester.smtp import Control, Event, Outcome, Result, Transcript

#: Of a hundred tests: how many find an open relay, and how many nobody.
OPEN, NOBODY = 5, 7
#: Connections of a test of a closed server, and what one form costs in it, as lines.
TALKS = 5
_LINES = (
    (">", b"MAIL FROM:<sawzst4xidv6daahr3zrdigcbrm5tic37g@bounce.example.org>\r\n"),
    ("<", b"250 2.1.0 Ok\r\n"),
    (">", b"RCPT TO:<ra5it5tpoypzoi2zpmcorhgshncokop6tp@collector.example.org>\r\n"),
    ("<", b"554 5.7.1 <ra5it5tpoypzoi2zpmcorhgshncokop6tp@collector.example.org>: Relay access denied\r\n"),
    (">", b"RSET\r\n"),
    ("<", b"250 2.0.0 Ok\r\n"),
)
_BEGIN = (
    ("<", b"220 mx.example.net ESMTP Postfix (Debian/GNU)\r\n"),
    (">", b"EHLO tester.example.org\r\n"),
    ("<", b"250-mx.example.net\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-STARTTLS\r\n250 8BITMIME\r\n"),
)
#: Evidence of the usual size: headers, and some lines of text.
_SPAM = SPAM + b"".join(b"An offer that is as long as such offers are, in line %d of it.\r\n" % n for n in range(40))
GIGABYTE = 1e9


@dataclass(frozen=True, slots=True)
class RetentionCost:
    """One run."""

    database: str
    tests: int
    made: dict[str, float]  #: octets a test, by table with its indexes
    left: dict[str, float]  #: the same, when what is old was forgotten
    seconds: float  #: that forgetting took
    longest: float  #: seconds of its longest transaction
    days: float  #: that a test keeps all of its own
    evidence_days: float  #: that its nomination keeps what was shown
    file: tuple[int, int]  #: octets of the whole database before and after

    def year(self, a_day: int) -> tuple[float, float]:
        """Octets of a year with so many tests a day: as they are made, and with what is old forgotten."""
        made, left = sum(self.made.values()), sum(self.left.values())
        shown = self.made["evidence"] - self.left["evidence"]
        own = made - left - shown
        return a_day * 365 * made, a_day * (365 * left + self.days * own + self.evidence_days * shown)


class _Day:
    """A list that makes tests all day."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.clock = HandClock()
        self._settings = settings
        self._keyring = Keyring.generate(secrets.token_bytes, int(self.clock.now().timestamp()))
        self.casework = Casework(store, settings, self._keyring, clock=self.clock)

    def live(self, tests: int) -> None:
        """So many tests, spread over a day; then the windows of the last ones close."""
        for number in range(tests):
            self.clock.turn(seconds=86400 / tests)
            self._one(IPv4Address("20.0.0.1") + number * 61, number % 100)
        self.clock.turn(days=8)
        while self.casework.upkeep.settle():
            pass
        self.casework.counting.count()

    def _one(self, address: IPv4Address, place: int) -> None:
        shown = _SPAM.replace(b"20.0.0.1", str(address).encode())
        casework = self.casework
        casework.doors.nominate(
            Nomination(address=address, door=Door.CLI, nominator="bench", reason="spam", evidence=shown)
        )
        assignment = casework.assignments.take_job("bench")
        while assignment is not None:  # further tries at hosts that nobody has reached are due as well
            nobody = assignment.job.address != address or OPEN <= place < OPEN + NOBODY
            self._test(assignment, "nobody" if nobody else "open" if place < OPEN else "closed")
            assignment = casework.assignments.take_job("bench")

    def _test(self, assignment: Assignment, what: str) -> None:
        """What a worker does with a job."""
        now, job, verbs = int(self.clock.now().timestamp()), assignment.job, self.casework.assignments
        issued = [
            letter.issue(
                self._keyring,
                address=job.address,
                port=25,
                vector=vector.id,
                run=job.run,
                not_before=now,
                not_after=now + int(self._settings.tester.late_window),
                random=secrets.token_bytes,
            )
            for vector in vectors.profile(job.profile)
            if not vector.stranger
        ]
        if not assignment.letters:
            verbs.file_letters(assignment, issued)
        else:
            issued = [fate.letter for fate in assignment.letters]
        size = -(-len(issued) // TALKS) if what == "closed" else len(issued)
        for first in range(0, len(issued), size):
            verbs.file_session(assignment, _talk(issued[first : first + size], str(job.address), float(now), what))
        if what == "open":
            assert isinstance(job.address, IPv4Address)
            collected = come_back(issued[0], self._keyring, self._settings, job.address, now)
            self.casework.arrivals.file_return(collected)
        verbs.file_run(assignment)


def _talk(issued: list[letter.Letter], target: str, now: float, what: str) -> Transcript:
    outcome = {"open": Outcome.ACCEPTED, "nobody": Outcome.CONN_TIMEOUT, "closed": Outcome.RCPT_5XX}[what]
    reply = "554 5.7.1 Relay access denied" if what == "closed" else "250 2.0.0 Ok" if what == "open" else ""
    lines = [] if what == "nobody" else [*_BEGIN, *(_LINES * len(issued if what == "closed" else issued[:1]))]
    return Transcript(
        target=target,
        port=25,
        source="" if what == "nobody" else "192.0.2.1:4711",
        started=now,
        target_name="" if what == "nobody" else "mx.example.net",
        events=tuple(Event(0.01 * at, kind, data) for at, (kind, data) in enumerate(lines)),
        results=tuple(
            Result(
                vector=one.vector,
                token=one.recipient,
                outcome=outcome,
                stage="RCPT",
                reply=reply,
                dot_at=1.0 if what == "open" else None,
            )
            for one in issued
        ),
        control=Control.NOT_RUN if what == "nobody" else Control.ACCEPTED,
    )


def sizes(store: Store) -> tuple[dict[str, int], int]:
    """Octets of each table with its indexes, and of the whole database."""
    with store.read() as tx:
        if store.is_a_file:
            return _of_file(tx)
        names = [str(row[0]) for row in tx.connection.execute(text("SELECT relname FROM pg_stat_user_tables"))]
        found = {
            name: int(tx.connection.execute(text(f"SELECT pg_total_relation_size('{name}')")).scalar_one())
            for name in names
        }
        whole = tx.connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
        return found, int(whole)


def _of_file(tx: Transaction) -> tuple[dict[str, int], int]:
    found = Counter[str]()
    each = "SELECT m.tbl_name, sum(s.pgsize - s.unused) FROM dbstat s"
    asked = f"{each} JOIN sqlite_schema m ON m.name = s.name GROUP BY 1"
    for name, octets in tx.connection.execute(text(asked)):
        found[name] += int(octets)
    pages = tx.connection.execute(text("PRAGMA page_count")).scalar_one()
    return dict(found), int(pages) * int(tx.connection.execute(text("PRAGMA page_size")).scalar_one())


def measured(store: Store, settings: Settings, *, tests: int) -> RetentionCost:
    """Live a day in this empty store, and forget it."""
    empty, _ = sizes(store)
    day = _Day(store, settings)
    day.live(tests)
    made, before = sizes(store)
    days = settings.retention.tests_days
    for term in (days, settings.retention.evidence_days, settings.retention.changes_days):
        day.clock.turn(days=max(0.0, term + 1))
    longest, began = 0.0, time.perf_counter()
    last = began
    for _ in day.casework.forgetting.slices(actor="bench"):
        longest, last = max(longest, time.perf_counter() - last), time.perf_counter()
    seconds = time.perf_counter() - began
    if not store.is_a_file:
        connection = store.engine.raw_connection()  # the store's own begin a transaction, in which none can be had
        try:
            connection.cursor().execute("VACUUM FULL")
        finally:
            connection.close()
    left, after = sizes(store)
    return RetentionCost(
        database=store.engine.dialect.name,
        tests=tests,
        made={name: max(0, octets - empty.get(name, 0)) / tests for name, octets in made.items()},
        left={name: max(0, octets - empty.get(name, 0)) / tests for name, octets in left.items()},
        seconds=seconds,
        longest=longest,
        days=days,
        evidence_days=settings.retention.evidence_days,
        file=(before, after),
    )


def told(cost: RetentionCost, a_day: int) -> str:
    """A table in Markdown."""
    rows = sorted(cost.made.items(), key=lambda each: -each[1])
    shown = [(name, octets, cost.left.get(name, 0.0)) for name, octets in rows if octets >= 20]
    rest = [(octets, cost.left.get(name, 0.0)) for name, octets in rows if octets < 20]
    made, left = (sum(part.values()) for part in (cost.made, cost.left))
    year, kept = cost.year(a_day)
    lines = [
        f"{cost.database}, {cost.tests:,} tests; forgetting took {cost.seconds:.1f} s, the longest slice "
        f"{1000 * cost.longest:.0f} ms; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}.",
        "",
        "| octets a test, with indexes | as it is made | when it is old |",
        "|---|---:|---:|",
        *(f"| {name} | {octets:,.0f} | {old:,.0f} |" for name, octets, old in shown),
        f"| all others | {sum(each for each, _ in rest):,.0f} | {sum(old for _, old in rest):,.0f} |",
        f"| **together** | **{made:,.0f}** | **{left:,.0f}** |",
        "",
        f"A year of {a_day:,} tests a day: {year / GIGABYTE:.0f} GB when nothing is forgotten, "
        f"{kept / GIGABYTE:.1f} GB with the terms of `[retention]` "
        f"({cost.days:g} days, of evidence {cost.evidence_days:g}).",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, and tell."""
    words = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    words.add_argument("--tests", type=int, default=1000)
    words.add_argument("--a-day", type=int, default=10_000)
    words.add_argument("--url", default="")
    words.add_argument("--json", type=Path)
    given = words.parse_args()
    settings = Settings()
    with tempfile.TemporaryDirectory(prefix="retention") as folder:
        store = Store.open(given.url or f"sqlite:///{folder}/facts.db")
        store.upgrade()
        cost = measured(store, settings, tests=given.tests)
        store.close()
    print(told(cost, given.a_day))
    if given.json:
        given.json.write_text(json.dumps(asdict(cost), indent=2) + "\n")


if __name__ == "__main__":
    main()
