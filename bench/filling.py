"""A store as it is after years: one host is nominated, tested, found open and listed by the real verbs, and its rows
are written again for other hosts, in bulk, under the real schema; with them operators' listings, tests that wait for a
worker, and a journal that is chained as it should be.

What is copied is what grows: a host's rows in `COPIED`. Addresses stand in blocks that no list bars.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network
from itertools import count, islice
from typing import Any

from sqlalchemy import Connection, Index, create_engine

from dnsbl.addresses import Address, neighbourhood, network_of
from dnsbl.casework import Casework
from dnsbl.casework.assignments import Assignment
from dnsbl.clock import Clock, SystemClock
from dnsbl.model import Job, Nomination
from dnsbl.settings import Settings
from dnsbl.store import Store
from dnsbl.store.columns import WordsAndHashes, address_key, network_key
from dnsbl.store.indexes import metadata
from dnsbl.store.statistics import CHANGES, Reach
from dnsbl.vocabulary import Door, Measure
from tester import letter, vectors
from tester.letter import Keyring
from tester.returned import Collected
from tester.smtp import Control, Outcome, Result, Transcript

#: The host whose rows are copied, and where the copies stand: far apart, so that hardly two share a network.
PATTERN = IPv4Address("20.0.0.1")
APART = 61
#: Where operators' listings stand, one address each, and a network that is listed as a whole.
SINGLE, RANGE = IPv4Address("60.0.0.1"), IPv4Network("58.7.0.0/16")
#: Tables whose rows are copied for each host, those that others refer to first.
COPIED = ("evidence", "runs", "nominations", "jobs", "paths", "guises", "letters", "sessions", "returns", "listings")
#: Rows that are written at once.
AT_ONCE = 20_000
SPAM = b"Received: from bench.example ([20.0.0.1]) by mx.example.org; Wed, 25 Nov 2026 10:00:00 +0000\r\n\r\nBuy.\r\n"

Row = tuple[Any, ...]


def host(number: int) -> IPv4Address:
    """The address of a copy."""
    return PATTERN + number * APART


@dataclass(frozen=True, slots=True)
class Filled:
    """What was written."""

    hosts: int  #: proven, with a history each
    listings: int  #: in all
    entries: int  #: of the journal


def lived(casework: Casework, keyring: Keyring, settings: Settings, address: IPv4Address, clock: Clock) -> None:
    """Have a host nominated with evidence, tested, and listed by a letter that comes back."""
    casework.doors.nominate(Nomination(address=address, door=Door.CLI, nominator="bench", reason="spam", evidence=SPAM))
    assignment = casework.assignments.take_job("bench")
    assert assignment is not None, "the nominated test is due at once"
    found_open(casework, keyring, settings, assignment, clock)


def found_open(casework: Casework, keyring: Keyring, settings: Settings, assignment: Assignment, clock: Clock) -> None:
    """Have a test that a worker holds come to a letter that is taken, and comes back."""
    address = assignment.job.address
    now = int(clock.now().timestamp())
    issued = issued_for(keyring, settings, assignment.job, now)
    casework.assignments.file_letters(assignment, issued)
    casework.assignments.file_session(assignment, talked(address, issued, Outcome.ACCEPTED, now))
    casework.assignments.file_run(assignment)
    casework.arrivals.file_return(come_back(issued[0], keyring, settings, address, now))


def issued_for(keyring: Keyring, settings: Settings, job: Job, now: int) -> list[letter.Letter]:
    """The letters of a job's profile, but for those of another stranger."""
    return [
        letter.issue(
            keyring,
            address=job.address,
            port=job.port,
            vector=vector.id,
            run=job.run,
            not_before=now,
            not_after=now + int(settings.tester.late_window),
            random=secrets.token_bytes,
        )
        for vector in vectors.profile(job.profile)
        if not vector.stranger
    ]


def talked(address: Address, issued: Iterable[letter.Letter], came_to: Outcome, now: int) -> Transcript:
    """A conversation with a host that took all letters, or refused all."""
    taken = came_to is Outcome.ACCEPTED
    results = tuple(
        Result(
            vector=each.vector,
            token=each.recipient,
            outcome=came_to,
            stage="OK" if taken else "RCPT",
            reply="250 2.0.0 Ok" if taken else "554 5.7.1 Relay access denied",
            dot_at=1.0 if taken else None,
        )
        for each in issued
    )
    return Transcript(
        target=str(address),
        port=25,
        source="192.0.2.1:4711",
        started=float(now),
        results=results,
        control=Control.ACCEPTED,
    )


def come_back(issued: letter.Letter, keyring: Keyring, settings: Settings, peer: Address, now: int) -> Collected:
    """A letter, as its relay hands it to the collector."""
    tester = settings.tester
    sender = letter.Sender(
        service="List",
        website="https://list.example",
        contact="p@list.example",
        helo=tester.helo,
        collector_domain=tester.collector_domain,
        bounce_domain=tester.bounce_domain,
    )
    whither = f"{issued.recipient}@{tester.collector_domain}"
    proof = letter.proof(keyring, issued)
    message = letter.write(issued, proof=proof, sender=sender, nomination="nomination 1", date=now, mail_to=whither)
    return Collected(
        peer=peer,
        peer_port=1025,
        local="192.0.2.9:25",
        tls=False,
        helo="relay.example",
        mail_raw=b"FROM:<x@y>",
        rcpt_raw=b"TO:<token@c>",
        mail_from="x@y",
        recipient=issued.recipient,
        domain=tester.collector_domain,
        message=message,
        received_at=float(now),
    )


def fill(
    store: Store,
    settings: Settings,
    *,
    hosts: int,
    listings: int,
    entries: int,
    queued: int = 0,
    planned: int = 0,
    runs: int = 60,
) -> Filled:
    """Fill an empty store with its tables: `hosts` proven relays (the first of them with so many earlier `runs`), up to
    `listings` in all, so many nominated tests `queued` and due, so many retests `planned`, of which every second one is
    due, and a journal of `entries` at least. Statistics are gathered at the end, as the database does by itself in
    time."""
    clock = SystemClock()
    keyring = Keyring.generate(lambda size: bytes(size), int(clock.now().timestamp()))
    lived(Casework(store, settings, keyring, clock=clock), keyring, settings, PATTERN, clock)
    with store.write() as tx:
        writer = _Writer(tx.connection)
        copies = _copies(writer)
        for table in COPIED:
            writer.write(table, (row(number) for row in copies[table] for number in range(1, hosts)))
        for table in ("runs", "paths", "letters", "sessions"):  # a long past, of one host
            writer.write(table, (row(-number) for row in copies[table] for number in range(1, runs)))
        _queued(writer, hosts, queued)
        _planned(writer, hosts + queued, planned)
        single = max(0, listings - hosts - 1)
        _listed(writer, hosts, single)
        _entered(writer, hosts, entries)
        writer.counted()
        tx.statistics.add({(Measure.LISTED, 0, kind): count for kind, count in tx.listings.by_kind().items()})
        tx.statistics.put(CHANGES, Reach(tx.changes.last(), clock.now()))
        filled = Filled(hosts, hosts + single + 1, max(entries, writer.most("journal", "seq")))
    _bring_home(store)
    return filled


def _bring_home(store: Store) -> None:
    """What so much at once leaves behind in the database's log goes to its place, as in time it does by itself."""
    plain = create_engine(store.engine.url, isolation_level="AUTOCOMMIT")
    with plain.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)" if store.is_a_file else "CHECKPOINT")
    plain.dispose()


class _Writer:
    """Rows as the drivers take them, by the table."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection
        self._is_postgresql = connection.dialect.name == "postgresql"

    def columns(self, table: str) -> list[str]:
        return [column.name for column in metadata.tables[table].columns]

    def rows(self, table: str) -> list[Row]:
        """Everything that stands there, as it is stored."""
        found = self._sql.exec_driver_sql(f"SELECT {self._names(table)} FROM {table}")
        return [tuple(row) for row in found]

    def most(self, table: str, column: str) -> int:
        """The greatest number there."""
        wanted = f"SELECT coalesce(max({column}), 0) FROM {table}"
        return int(self._sql.exec_driver_sql(wanted).scalar_one())

    def write(self, table: str, rows: Iterable[Row]) -> None:
        """Add rows, by COPY where there is such a thing."""
        cursor: Any = self._sql.connection.cursor()
        names = self._names(table)
        if self._is_postgresql:
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            return
        places = ", ".join("?" for _ in self.columns(table))
        walk = iter(rows)
        while part := list(islice(walk, AT_ONCE)):
            cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", part)

    def without(self, index: Index) -> None:
        index.drop(self._sql)

    def again(self, index: Index) -> None:
        index.create(self._sql)

    def counted(self) -> None:
        """What PostgreSQL's own upkeep does in time: statistics, and numbers that go on behind the last one."""
        if not self._is_postgresql:
            return
        for table in metadata.tables.values():
            if "id" in table.c and not isinstance(table.c.id.type.python_type, str) and table.c.id.autoincrement:
                own = self._sql.exec_driver_sql(f"SELECT pg_get_serial_sequence('{table.name}', 'id')").scalar()
                if own:
                    self._sql.exec_driver_sql(
                        f"SELECT setval('{own}', (SELECT coalesce(max(id), 1) FROM {table.name}))"
                    )
        self._sql.exec_driver_sql("ANALYZE")

    def _names(self, table: str) -> str:
        return ", ".join(f'"{name}"' for name in self.columns(table))


def _copies(writer: _Writer) -> dict[str, list[Callable[[int], Row]]]:
    """For each row of the pattern what makes its copy: of another host, or below 0 of another run of the same one."""
    at = writer.columns("jobs").index("run")
    tokens = [value for row in writer.rows("letters") for value in row[1:3]]
    tokens += [row[at] for row in writer.rows("jobs")]  # of its tests, made and to be made, likewise
    shown = [row[0] for row in writer.rows("evidence")]

    def copier(table: str, row: Row) -> Callable[[int], Row]:
        names = writer.columns(table)
        most = writer.most(table, "id") if "id" in names and table != "runs" else 0
        step = [most if name == "id" and most else 0 for name in names]
        makers = [_maker(value, tokens, shown) if not by else None for value, by in zip(row, step, strict=True)]

        def made(number: int) -> Row:
            place = number if number > 0 else hosts_most - number
            return tuple(
                value + by * place if by else make(number) if make else value
                for value, by, make in zip(row, step, makers, strict=True)
            )

        return made

    hosts_most = 4_000_000  # numbers of further runs lie behind those of all hosts
    return {table: [copier(table, row) for row in writer.rows(table)] for table in COPIED}


def _maker(value: object, tokens: Sequence[str], shown: Sequence[bytes]) -> Callable[[int], object] | None:
    """What makes a value of a copy, or None where it is the same in all."""
    if isinstance(value, bytes):
        address = network_of(PATTERN)
        if value == address_key(PATTERN):
            return lambda number: address_key(host(max(number, 0)))
        if value == network_key(address):
            return lambda number: network_key(network_of(host(max(number, 0))))
        if value == network_key(neighbourhood(PATTERN)):
            return lambda number: network_key(neighbourhood(host(max(number, 0))))
        if value in shown:
            return lambda number: sha256(value + number.to_bytes(8, signed=True)).digest()
        return None
    if not isinstance(value, str):
        return None
    if value in tokens:
        return lambda number: f"{value[:-8]}{number & 0xFFFFFFFF:08x}"
    words = [word for word in (str(PATTERN), *tokens) if word in value]
    if not words:
        return None

    def told(number: int) -> str:
        text = value
        for word in words:
            new = str(host(max(number, 0))) if word == str(PATTERN) else f"{word[:-8]}{number & 0xFFFFFFFF:08x}"
            text = text.replace(word, new)
        return text

    return told


def _queued(writer: _Writer, hosts: int, queued: int) -> None:
    """Nominated tests of other hosts, which have waited for a worker for a while."""
    _waiting(writer, hosts, queued, lambda number: {"reason": "nomination", "rank": 1 + number % 40})


def _planned(writer: _Writer, hosts: int, planned: int) -> None:
    """Retests, a part of a second after one another: as many are due as are not yet."""
    half = planned // 2
    _waiting(writer, hosts, planned, lambda number: {"reason": "retest", "rank": 1, "later": (number - half) * 250_000})


def _waiting(writer: _Writer, hosts: int, how_many: int, of: Callable[[int], dict[str, Any]]) -> None:
    """Tests of hosts behind so many, in no worker's hands; `of` says what is different in each."""
    names = writer.columns("jobs")
    pattern = dict(zip(names, writer.rows("jobs")[0], strict=True))
    first = writer.most("jobs", "id") + 1
    fresh = {"state": "queued", "takes": 0, "worker": None, "lease_until": None}

    def rows() -> Iterator[Row]:
        for number in range(how_many):
            address = host(hosts + number)
            own = of(number)
            due = pattern["due"] + own.pop("later", 0)
            told = pattern | fresh | {"id": first + number, "run": f"{hosts + number:032x}", "due": due} | own
            told |= {"address": address_key(address), "neighbourhood": network_key(neighbourhood(address))}
            yield tuple(told[name] for name in names)

    writer.write("jobs", rows())


def _listed(writer: _Writer, hosts: int, single: int) -> None:
    """Operators' listings, and the steps by which DNS learns of all."""
    names = writer.columns("listings")
    pattern = dict(zip(names, writer.rows("listings")[0], strict=True))
    first, step = writer.most("listings", "id") + 1, writer.most("changes", "seq") + 1
    common = pattern | {"kind": "manual", "reason": "operator", "note": "bench", "run": None, "expires": None}

    def networks() -> Iterator[bytes]:
        yield network_key(RANGE)
        yield from (network_key(network_of(SINGLE + number * 3)) for number in range(single))

    def rows() -> Iterator[Row]:
        for number, key in enumerate(networks(), first):
            told = common | {"id": number, "network": key}
            yield tuple(told[name] for name in names)

    writer.write("listings", rows())
    proven = (network_key(network_of(host(number))) for number in range(1, hosts))
    every = [(key, pattern["kind"]) for key in proven] + [(key, "manual") for key in networks()]
    steps = writer.columns("changes")
    made = dict(zip(steps, writer.rows("changes")[0], strict=True))
    told = (made | {"seq": seq, "network": key, "kind": kind} for seq, (key, kind) in enumerate(every, step))
    writer.write("changes", (tuple(each[name] for name in steps) for each in told))


def _entered(writer: _Writer, hosts: int, entries: int) -> None:
    """Entries as the pattern's, about one host after the other, behind its own."""
    names = writer.columns("journal")
    pattern = [dict(zip(names, row, strict=True)) for row in writer.rows("journal")]
    last = max(pattern, key=lambda entry: entry["seq"])
    by_subject = next(index for index in metadata.tables["journal"].indexes if "subject" in index.columns)
    own = [(entry, WordsAndHashes().read(entry["evidence"])) for entry in pattern if entry["subject"] == str(PATTERN)]

    def rows() -> Iterator[Row]:
        seq, previous, at = last["seq"], last["hash"].hex(), last["at"]
        for number in count(1):
            subject = str(host(number % hosts))
            for entry, proof in own:
                if seq >= entries:
                    return
                seq += 1
                row = entry | {"seq": seq, "subject": subject, "at": at + seq}
                told = row | {"evidence": proof, "previous": previous}
                del told["hash"]
                text = json.dumps(told, sort_keys=True, separators=(",", ":"))
                row["hash"] = sha256(text.encode()).digest()
                previous = row["hash"].hex()
                yield tuple(row[name] for name in names)

    writer.without(by_subject)
    writer.write("journal", rows())
    writer.again(by_subject)
