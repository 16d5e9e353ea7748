"""Records as the store would give them, and a whole list on SQLite behind the web application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, partial
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI
from starlette.testclient import TestClient

from dnsbl.addresses import network_of, parse_address
from dnsbl.casework import Casework
from dnsbl.clock import HandClock
from dnsbl.dns.zonefile import zones_from
from dnsbl.dns.zones import Zone
from dnsbl.health import Board
from dnsbl.model import Job, Listing, Return, Run, RunReport, Standing
from dnsbl.settings import Settings
from dnsbl.store import Store
from dnsbl.vocabulary import JobReason, JobState, Reason, RunState, State
from dnsbl.web.api import Others
from dnsbl.web.app import create_app
from dnsbl.web.events import Events
from dnsbl.web.shapes import Codes
from tester import letter
from tester.crowd import Tally
from tester.fate import Fate
from tester.letter import Keyring, Letter
from tester.smtp import Control, Event, Outcome, Result, Transcript
from tester.verdict import Finding, Verdict
from tests.waiting import never

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


#: The zones that these codes are of.
ORIGINS = ("relays.example.org",)


@pytest.fixture(scope="session")
def codes() -> Codes:
    return zones_from({"relays.toml": ZONE}, site="https://relays.example.org").codes_of


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
            "public": "",
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
            "rank": 1,
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
            "exception": None,
            "removal_after": None,
        }
        return Standing(**fields | given)

    def letter(self, vector: str = "S01", **given: Any) -> Fate:
        issued = Letter(
            recipient="r" * 34,
            sender="s" * 34,
            address=parse_address(TARGET),
            port=25,
            vector=vector,
            run="aaaaaaaaaaaaaaaa",
            not_before=0,
            not_after=1,
            proof_hash=bytes(32),
        )
        fields: dict[str, Any] = {"outcome": Outcome.RCPT_5XX, "reply": "550 5.7.1 no"}
        return Fate(letter=issued, **fields | given)

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


@dataclass
class House:
    """A whole list behind the web; `office` plays the tester and the host."""

    office: Any
    built: Callable[[], FastAPI]
    portal: BlockingPortal
    board: Board
    events: Events
    refused: Tally
    hosts: list[Any]  #: what mail.example.com leads to

    @cached_property
    def app(self) -> FastAPI:
        """Pages and API; built when somebody comes, since that costs more than a request. Another one may be set."""
        return self.built()

    def watching(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        """What happens between two looks of who watches a test."""
        self.events._sleep = sleep

    @property
    def casework(self) -> Casework:
        found: Casework = self.office.casework
        return found

    def visitor(self, address: str = VISITOR) -> TestClient:
        """A browser or program at this address."""
        client = TestClient(self.app, client=(address, 40000), follow_redirects=False)
        client.portal = self.portal
        return client

    def spam(self, address: str = TARGET, text: str = "buy now") -> str:
        """Spam that came from there."""
        date = f"{self.office.clock.now():%a, %d %b %Y %H:%M:%S} +0000"
        return (
            f"Received: from relay.example.net (relay.example.net [{address}])\r\n"
            f"\tby mx.example.com with ESMTP; {date}\r\n"
            f"From: <a@example.net>\r\nSubject: {text}\r\n\r\n{text}\r\n"
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
        office, assignment = self.office, self.office.take()
        job = assignment.job
        office.issue(assignment)
        first = office.issued(job.run)
        said = ((0.0, "<", banner), (0.5, ">", office.message(first)), (0.7, "<", reply.encode()))
        self.casework.assignments.file_session(
            assignment,
            Transcript(
                target=str(job.address),
                port=job.port,
                source="198.18.0.1:4000",
                started=office.clock.now().timestamp(),
                events=tuple(Event(at, kind, data + b"\r\n") for at, kind, data in said),
                results=tuple(
                    Result(
                        vector=fate.letter.vector,
                        token=fate.letter.recipient,
                        outcome=outcome,
                        stage="OK",
                        reply=reply,
                        dot_at=0.6 if outcome is Outcome.ACCEPTED else None,
                    )
                    for fate in office.letters(job.run)
                ),
                control=Control.ACCEPTED,
            ),
        )
        self.casework.assignments.file_run(assignment)
        if proven:
            office.clock.turn(seconds=2)
            path = b"Received: from <b>x</b> (joe@victim.example [198.18.0.1]) by relay.example.net; now\r\n"
            found = office.come_back(job.run, str(job.address), message=path + office.message(first))
            assert found is Finding.DELIVERED_SAME
        run: str = job.run
        return run

    def list(self, address: str = TARGET, **conversation: Any) -> str:
        """Prove this address an open relay; returns the run's id."""
        self.office.nominate(address)
        return self.test(proven=True, **conversation)

    def proof(self, run: str) -> str:
        """The secret of the run's first letter."""
        return letter.proof(self.office.keyring, self.office.issued(run))


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    """One event loop for all clients, since each of its own costs more than the request."""
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture
def house(make_office: Callable[..., Any], codes: Codes, portal: BlockingPortal) -> Callable[..., House]:
    """Builds a list, which may test in networks that are nobody's; sections of the settings can be given by name."""

    def build(elsewhere: Others | None = None, trials: Sequence[Zone] = (), **sections: dict[str, Any]) -> House:
        sections["tester"] = {"lab_networks": ["198.18.0.0/15", "2001:db8::/32"]} | sections.get("tester", {})
        office = make_office(**sections)
        board = Board(office.clock)
        events = Events(office.settings.web, office.clock, never)
        hosts: list[Any] = []
        refused = Tally()
        app = partial(
            create_app,
            office.casework.doors,
            office.casework.views,
            office.settings,
            clock=office.clock,
            briefing=office.casework.briefing,
            see=office.casework.counting.see,
            self_tests=office.casework.self_tests,
            proving=office.casework.proving if office.casework.proving.on else None,
            remote=office.casework.remote,
            withdrawing=office.casework.withdrawing,
            proofs=office.casework.proofs,
            others=elsewhere,
            hosts=lambda names: [{"mail.example.com": hosts, "slow.example.com": None}.get(name, []) for name in names],
            events=events,
            codes=codes,
            origins=lambda: ORIGINS,
            zones=lambda: zones_from({"relays.toml": ZONE}, site="https://relays.example.org"),
            health=board.all,
            trials=lambda: trials,
            tally=refused,
        )
        return House(office, app, portal, board, events, refused, hosts)

    return build


@pytest.fixture(scope="session")
def anyone(tmp_path_factory: pytest.TempPathFactory, codes: Codes) -> Iterator[TestClient]:
    """A visitor of a list without facts, for tests that leave it so."""
    store, clock = Store.open(f"sqlite:///{tmp_path_factory.mktemp('anyone') / 'list.db'}"), HandClock()
    store.upgrade()
    web = {"posts_per_hour": 100_000, "gets_per_minute": 100_000, "base_url": "https://list.example.org"}
    settings = Settings.model_validate({"web": web})
    casework = Casework(store, settings, Keyring.generate(bytes, 0), clock=clock)
    with TestClient(
        create_app(
            casework.doors,
            casework.views,
            settings,
            clock=clock,
            briefing=casework.briefing,
            see=casework.counting.see,
            self_tests=casework.self_tests,
            remote=casework.remote,
            withdrawing=casework.withdrawing,
            watching=casework.watching,
            codes=codes,
            origins=lambda: ORIGINS,
        ),
        client=(VISITOR, 40000),
        follow_redirects=False,
    ) as client:
        yield client
    store.close()
