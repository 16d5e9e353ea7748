"""Records as the store would give them, and a whole list on SQLite behind the web application."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI
from starlette.testclient import TestClient

from dnsbl.addresses import Address, network_of, parse_address
from dnsbl.casework import Arrived, Casework
from dnsbl.clock import HandClock
from dnsbl.dns.zones import zones_from
from dnsbl.model import (
    Door,
    FiledLetter,
    Job,
    JobReason,
    JobState,
    Listing,
    Nomination,
    Reason,
    Return,
    Run,
    RunReport,
    RunState,
    Standing,
    State,
)
from dnsbl.settings import Settings
from dnsbl.store import Store
from dnsbl.web.app import create_app
from dnsbl.web.shapes import Codes, zone_codes
from tester import letter
from tester.letter import Keyring
from tester.smtp import Control, Event, Outcome, Result, Transcript
from tester.verdict import Finding, Verdict

TARGET = "198.18.7.9"
VISITOR = "198.51.100.23"
ZONE = """
origin = "relays.example.org"
ns = ["ns1.example.net"]
[soa]
mname = "ns1.example.net"
rname = "hostmaster.example.org"
[kinds.relay]
code = "127.0.0.2"
txt = "Open relay {address}, see {url}"
[kinds.multihop]
code = "127.0.0.3"
txt = "Open relay {address}, see {url}"
"""


def random(count: int) -> bytes:
    """Repeatable, and different on every call."""
    random.calls += 1  # type: ignore[attr-defined]
    return hashlib.shake_128(b"%d" % random.calls).digest(count)  # type: ignore[attr-defined]


random.calls = 0  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def codes() -> Codes:
    return zone_codes(zones_from({"relays.toml": ZONE}, site="https://relays.example.org"))


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@dataclass(slots=True)
class Records:
    """Builders; every field can be given by name."""

    clock: HandClock

    def listing(self, **given: Any) -> Listing:
        now = self.clock.now()
        fields: dict[str, Any] = {
            "id": 1,
            "network": network_of(parse_address(TARGET)),
            "kind": "relay",
            "since": now,
            "expires": now + timedelta(days=90),
            "reason": Reason.LETTER_RETURNED,
            "note": "",
            "run": "aaaaaaaaaaaaaaaa",
            "confirmed": now,
            "ended": None,
            "end_reason": None,
        }
        return Listing(**fields | given)

    def run(self, **given: Any) -> Run:
        now = self.clock.now()
        fields: dict[str, Any] = {
            "id": "aaaaaaaaaaaaaaaa",
            "address": parse_address(TARGET),
            "port": 25,
            "reason": JobReason.NOMINATION,
            "profile": "standard",
            "state": RunState.SETTLED,
            "started": now,
            "ends": now,
            "verdict": Verdict.OPEN,
            "explanation": "Our letter came back.",
        }
        return Run(**fields | given)

    def job(self, **given: Any) -> Job:
        fields: dict[str, Any] = {
            "id": 1,
            "address": parse_address(TARGET),
            "port": 25,
            "reason": JobReason.NOMINATION,
            "profile": "standard",
            "due": self.clock.now(),
            "state": JobState.QUEUED,
            "run": "bbbbbbbbbbbbbbbb",
            "takes": 0,
            "retries": 0,
            "provocation": "nomination 1",
        }
        return Job(**fields | given)

    def standing(self, **given: Any) -> Standing:
        fields: dict[str, Any] = {
            "address": parse_address(TARGET),
            "state": State.UNKNOWN,
            "listings": (),
            "past": (),
            "runs": (),
            "last_verdict": None,
            "next_test": None,
            "job": None,
            "exclusion": None,
            "removal_after": None,
        }
        return Standing(**fields | given)

    def letter(self, **given: Any) -> FiledLetter:
        fields: dict[str, Any] = {
            "recipient": "r" * 34,
            "sender": "s" * 34,
            "run": "aaaaaaaaaaaaaaaa",
            "vector": "S01",
            "outcome": Outcome.RCPT_5XX,
            "reply": "550 5.7.1 no",
            "dot_at": None,
            "not_before": 0,
            "not_after": 1,
            "finding": None,
        }
        return FiledLetter(**fields | given)

    def back(self, **given: Any) -> Return:
        fields: dict[str, Any] = {
            "id": 1,
            "token": "r" * 34,
            "run": "aaaaaaaaaaaaaaaa",
            "received": self.clock.now(),
            "peer": parse_address(TARGET),
            "helo": "relay.example.net",
            "finding": Finding.DELIVERED_SAME,
            "explanation": "",
            "message": b"Received: from x ([198.18.7.9]) by y\r\n\r\n",
        }
        return Return(**fields | given)

    def transcript(self, *events: tuple[str, bytes]) -> str:
        return Transcript(
            target=TARGET,
            port=25,
            source="198.18.0.1:4000",
            started=0.0,
            events=tuple(Event(n / 2, kind, data) for n, (kind, data) in enumerate(events)),
        ).to_json()

    def report(self, **given: Any) -> RunReport:
        fields: dict[str, Any] = {
            "run": self.run(),
            "letters": (),
            "transcripts": (),
            "returns": (),
            "provocation": "nomination 1",
        }
        return RunReport(**fields | given)


@pytest.fixture
def records(clock: HandClock) -> Records:
    return Records(clock)


@dataclass(slots=True)
class House:
    """A whole list, with a tester that is played by hand."""

    settings: Settings
    clock: HandClock
    keyring: Keyring
    casework: Casework
    app: FastAPI
    portal: BlockingPortal

    def visitor(self, address: str = VISITOR) -> TestClient:
        """A browser or program at this address."""
        client = TestClient(self.app, client=(address, 40000), follow_redirects=False)
        client.portal = self.portal
        return client

    def spam(self, address: str = TARGET, text: str = "buy now") -> str:
        """Spam that came from there."""
        date = f"{self.clock.now():%a, %d %b %Y %H:%M:%S} +0000"
        return (
            f"Received: from relay.example.net (relay.example.net [{address}])\r\n"
            f"\tby mx.example.com with ESMTP; {date}\r\n"
            f"From: <a@example.net>\r\nSubject: {text}\r\n\r\n{text}\r\n"
        )

    def nominate(self, address: str = TARGET) -> Job:
        return self.casework.nominate(
            Nomination(
                address=parse_address(address),
                door=Door.CLI,
                nominator="operator",
                reason="seen",
                evidence=self.spam(address).encode(),
            )
        )

    def test(
        self,
        *,
        outcome: Outcome = Outcome.ACCEPTED,
        reply: str = "250 ok",
        banner: bytes = b"220 mx",
        proven: bool = False,
    ) -> str:
        """Take the due job and hold a conversation in which each form ends so; returns the run's id."""
        assignment = self.casework.take_job("worker")
        assert assignment is not None
        job, now = assignment.job, int(self.clock.now().timestamp())
        issued = letter.issue(
            self.keyring,
            address=job.address,
            port=job.port,
            vector="S01",
            run=job.run,
            not_before=now - 1,
            not_after=now + 604800,
            random=random,
        )
        self.casework.file_letters(assignment, [issued])
        accepted = outcome is Outcome.ACCEPTED
        self.casework.file_session(
            assignment,
            Transcript(
                target=str(job.address),
                port=job.port,
                source="198.18.0.1:4000",
                started=float(now),
                target_name="mx",
                events=(
                    Event(0.0, "<", banner + b"\r\n"),
                    Event(0.5, ">", self._written(issued)),
                    Event(0.7, "<", reply.encode() + b"\r\n"),
                ),
                results=(
                    Result(
                        vector="S01",
                        token=issued.recipient,
                        outcome=outcome,
                        stage="OK" if accepted else "TO",
                        reply=reply,
                        dot_at=0.6 if accepted else None,
                    ),
                ),
                control=Control.ACCEPTED,
            ),
        )
        self.casework.file_run(assignment)
        if proven:
            self.clock.turn(seconds=2)
            self._deliver(issued, job.address)
        return job.run

    def list(self, address: str = TARGET, **conversation: Any) -> str:
        """Prove this address an open relay; returns the run's id."""
        self.nominate(address)
        return self.test(proven=True, **conversation)

    def proof(self, run: str) -> str:
        """The secret of the run's first letter."""
        filed = self.casework.run_report(run).letters[0]
        return letter.proof(self.keyring, self._issued[filed.recipient])

    _issued: dict[str, letter.Letter]

    def _written(self, issued: letter.Letter) -> bytes:
        self._issued[issued.recipient] = issued
        tester, service = self.settings.tester, self.settings.service
        return letter.write(
            issued,
            proof=letter.proof(self.keyring, issued),
            sender=letter.Sender(
                service=service.name,
                website=service.website,
                contact=service.contact,
                helo=tester.helo,
                collector_domain=tester.collector_domain,
                bounce_domain=tester.bounce_domain,
            ),
            nomination="nomination 1",
            date=self.clock.now().timestamp(),
            mail_to=f"{issued.recipient}@{tester.collector_domain}",
        )

    def _deliver(self, issued: letter.Letter, peer: Address) -> None:
        domain = self.settings.tester.collector_domain
        received = b"Received: from <b>x</b> (joe@victim.example [198.18.0.1]) by relay.example.net; now\r\n"
        finding = self.casework.file_return(
            Arrived(
                peer=peer,
                peer_port=5000,
                local="198.18.0.2",
                tls=False,
                helo="relay.example.net",
                mail_raw=f"<{issued.sender}@{self.settings.tester.bounce_domain}>".encode(),
                rcpt_raw=f"<{issued.recipient}@{domain}>".encode(),
                null_sender=False,
                recipient=issued.recipient,
                domain=domain,
                message=received + self._written(issued),
                received_at=self.clock.now().timestamp(),
            )
        )
        assert finding is Finding.DELIVERED_SAME


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    """One event loop for all clients, since each of its own costs more than the request."""
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of this version without facts."""
    path = tmp_path_factory.mktemp("empty") / "list.db"
    store = Store.open(f"sqlite:///{path}")
    store.upgrade()
    store.close()
    return path


@pytest.fixture
def house(
    tmp_path: Path, clock: HandClock, codes: Codes, portal: BlockingPortal, empty: Path
) -> Iterator[Callable[..., House]]:
    """Builds a list; sections of the settings can be given by name."""
    stores: list[Store] = []

    def build(**sections: dict[str, Any]) -> House:
        sections["tester"] = {"lab_networks": ["198.18.0.0/15", "2001:db8::/32"]} | sections.get("tester", {})
        settings = Settings.model_validate(sections)
        store = Store.open(f"sqlite:///{shutil.copy(empty, tmp_path / 'list.db')}")
        stores.append(store)
        keyring = Keyring.generate(random, int(clock.now().timestamp()))
        casework = Casework(store, settings, keyring, clock=clock, random=random)
        app = create_app(casework, settings, clock=clock, codes=codes)
        return House(settings, clock, keyring, casework, app, portal, {})

    yield build
    for store in stores:
        store.close()
