"""Where databases of tests are made, and an office that plays the shells around casework.

Every test gets a database of its own, copied from one that was migrated once. It is SQLite, unless the environment says
TEST_DATABASE=postgresql: then a server of one's own is started on a Unix socket in a temporary folder, and a machine
without PostgreSQL fails. `tests/strangers` runs the same tests that way.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path

import psycopg
import pytest

from dnsbl.addresses import Address, parse_address
from dnsbl.casework import Casework
from dnsbl.casework.assignments import Assignment
from dnsbl.clock import HandClock
from dnsbl.model import Job, Nomination, Run
from dnsbl.settings import Settings
from dnsbl.store import Store
from dnsbl.vocabulary import Door
from tester import letter, vectors
from tester.fate import Fate
from tester.letter import Keyring, Letter
from tester.returned import Collected
from tester.smtp import Control, Outcome, Result, Transcript
from tester.verdict import Finding

#: Where files are that no disk is waited for, which each transaction does; None where the system has no such folder.
IN_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
#: Bytes that a PostgreSQL server may come to there: a few databases of 8 MB each, and a log of what is written to them.
ROOM = 1 << 30
ON_POSTGRESQL = os.environ.get("TEST_DATABASE") == "postgresql"


class PostgreSQL:
    """A server that lives in a temporary folder, run by an unprivileged user, reached by a Unix socket only."""

    def __init__(self) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")) or [shutil.which("pg_ctl")]
        if found[-1] is None:
            pytest.fail("TEST_DATABASE=postgresql needs a PostgreSQL server on this machine", pytrace=False)
        self._bin = Path(found[-1]).parent
        roomy = IN_MEMORY and shutil.disk_usage(IN_MEMORY).free > ROOM
        self._folder = tempfile.mkdtemp(prefix="pg", dir=IN_MEMORY if roomy else None)
        self._as = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        if self._as:
            shutil.chown(self._folder, "nobody", "nogroup")
        self._run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        options = f"-k {self._folder} -c listen_addresses= -c fsync=off -c max_connections=60 -c max_wal_size=256MB"
        self._run("pg_ctl", "-w", "-l", f"{self._folder}/log", "-o", options, "start")
        self._connection = psycopg.connect(host=self._folder, user="postgres", autocommit=True)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), "-D", f"{self._folder}/data", *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self._folder, **self._as)

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@/{name}?host={self._folder}"

    def tell(self, statement: str) -> None:
        self._connection.execute(statement)

    def make(self, name: str, *, like: str | None) -> None:
        self.tell(f"CREATE DATABASE {name} TEMPLATE {like or 'template0'}")

    def drop(self, name: str) -> None:
        self.tell(f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        self._connection.close()
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")
        shutil.rmtree(self._folder)


class Files:
    """The same for SQLite: a folder of files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def file(self, name: str) -> Path:
        return self._folder / f"{name}.db"

    def url(self, name: str) -> str:
        return f"sqlite:///{self.file(name)}"

    def make(self, name: str, *, like: str | None) -> None:
        if like:
            shutil.copy(self.file(like), self.file(name))

    def drop(self, name: str) -> None:
        for file in self._folder.glob(f"{name}.db*"):
            file.unlink()

    def close(self) -> None:
        pass


@dataclass
class Office:
    """Casework with a hand clock, and what worker, host and collector would do around it."""

    store: Store
    settings: Settings
    clock: HandClock = field(default_factory=HandClock)
    worker: str = "w1"
    numbers: Iterator[int] = field(default_factory=lambda: count(1))  #: that are drawn; of two over one store the same

    def __post_init__(self) -> None:
        def random(size: int) -> bytes:
            return next(self.numbers).to_bytes(size, "big")

        self.random = random
        self.keyring = Keyring.generate(lambda size: bytes(size), int(self.clock.now().timestamp()))
        self.casework = Casework(self.store, self.settings, self.keyring, clock=self.clock, random=random)

    def nominate(self, address: str, *, evidence: bytes | None = b"spam", reason: str = "") -> Job:
        nomination = Nomination(
            address=parse_address(address), door=Door.WEB, nominator="somebody", reason=reason, evidence=evidence
        )
        return self.casework.doors.nominate(nomination)

    def take(self) -> Assignment:
        assignment = self.casework.assignments.take_job(self.worker)
        assert assignment is not None, "a job should have been due"
        return assignment

    def issue(self, assignment: Assignment, *, strangers: bool = False) -> None:
        """File the letters of the job's profile, as a worker does before it dials; those of another stranger, who would
        have to be believed before anything is open, only where a test is about him."""
        job, now = assignment.job, int(self.clock.now().timestamp())
        self.casework.assignments.file_letters(
            assignment,
            [
                letter.issue(
                    self.keyring,
                    address=job.address,
                    port=job.port,
                    vector=vector.id,
                    run=job.run,
                    not_before=now,
                    not_after=now + int(self.settings.tester.late_window),
                    random=self.random,
                )
                for vector in vectors.profile(job.profile)
                if strangers or not vector.stranger
            ],
        )

    def letters(self, run: str) -> list[Fate]:
        with self.store.read() as tx:
            return tx.letters.of(run)

    def talk(
        self,
        assignment: Assignment,
        says: Callable[[str], Outcome] | Outcome,
        *,
        control: Control = Control.ACCEPTED,
        reply: str = "",
    ) -> None:
        """One connection in which every open letter is offered; `says` gives the outcome by vector, `reply` the words
        that all are answered in."""
        results = tuple(
            Result(
                vector=fate.letter.vector,
                token=fate.letter.recipient,
                outcome=(outcome := says if isinstance(says, Outcome) else says(fate.letter.vector)),
                stage="OK",
                reply=reply or f"the answer to {fate.letter.vector}",
                dot_at=2.5 if outcome in (Outcome.ACCEPTED, Outcome.DATA_END_5XX) else None,
            )
            for fate in self.letters(assignment.job.run)
        )
        transcript = Transcript(
            target=str(assignment.job.address),
            port=25,
            source="192.0.2.1:4711",
            started=self.clock.now().timestamp(),
            results=results,
            control=control,
        )
        self.casework.assignments.file_session(assignment, transcript)

    def test(
        self, says: Callable[[str], Outcome] | Outcome, *, control: Control = Control.ACCEPTED, back: str = ""
    ) -> Run:
        """Take the job that is due, hold its conversation, and end it; `back` names the peer of a letter's return."""
        assignment = self.take()
        if not assignment.letters:
            self.issue(assignment)
        self.talk(assignment, says, control=control)
        if back:
            self.clock.turn(seconds=10)
            self.come_back(assignment.job.run, back)
        return self.casework.assignments.file_run(assignment)

    def issued(self, run: str, number: int = 0) -> Letter:
        return self.letters(run)[number].letter

    def come_back(
        self,
        run: str,
        peer: str,
        *,
        number: int = 0,
        message: bytes | None = None,
        to_sender: bool = False,
        null_sender: bool = False,
    ) -> Finding:
        """A message for a letter's token comes to the collector; by default the letter itself."""
        issued = self.issued(run, number)
        return self.arrive(
            issued.sender if to_sender else issued.recipient,
            peer,
            self.message(issued) if message is None else message,
            null_sender=null_sender,
        )

    def message(self, issued: Letter) -> bytes:
        tester = self.settings.tester
        return letter.write(
            issued,
            proof=letter.proof(self.keyring, issued),
            sender=letter.Sender(
                service="List",
                website="https://list.example",
                contact="p@list.example",
                helo=tester.helo,
                collector_domain=tester.collector_domain,
                bounce_domain=tester.bounce_domain,
            ),
            nomination="nomination 1",
            date=self.clock.now().timestamp(),
            mail_to=f"{issued.recipient}@{tester.collector_domain}",
        )

    def arrive(self, recipient: str, peer: str, message: bytes, *, null_sender: bool = False) -> Finding:
        return self.casework.arrivals.file_return(self.arrived(recipient, peer, message, null_sender=null_sender))

    def probe(self, recipient: str, peer: str) -> Finding | None:
        """Somebody names a recipient and brings no message."""
        return self.casework.arrivals.file_probe(self.arrived(recipient, peer, b"", null_sender=True))

    def arrived(self, recipient: str, peer: str, message: bytes, *, null_sender: bool = False) -> Collected:
        return Collected(
            peer=parse_address(peer),
            peer_port=1025,
            local="192.0.2.9:25",
            tls=False,
            helo="relay.example",
            mail_raw=b"FROM:<x@y>",
            rcpt_raw=b"TO:<token@c>",
            mail_from="" if null_sender else "x@y",
            recipient=recipient,
            domain=self.settings.tester.collector_domain,
            message=message,
            received_at=self.clock.now().timestamp(),
        )

    def verbs(self, address: str) -> list[str]:
        """What the journal says was done to an address."""
        return [entry.verb for entry in self.casework.operators.journal(parse_address(address))]

    def list_open(self, address: str) -> Run:
        """Nominate an address and find it open."""
        self.nominate(address)
        run = self.test(Outcome.ACCEPTED, back=address)
        assert self.casework.views.look_up(parse_address(address)).listings, "the address should be listed now"
        return run

    def later(self, **step: float) -> None:
        self.clock.turn(**step)

    @property
    def window(self) -> timedelta:
        return timedelta(seconds=self.settings.tester.delivery_window)

    def at(self, address: str) -> Address:
        return parse_address(address)
