"""A list with one address in each state that a page can show, for the browser: its store is filled through the verbs of
casework, as of the last hours, and `dnsbl serve --only web` shows it on loopback.

Nothing is tested here and nobody is dialled: what servers would have said is made up, and the worst of it is hostile.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from urllib.error import URLError
from urllib.request import urlopen

from dnsbl.addresses import parse_address, parse_network
from dnsbl.casework import keyring
from dnsbl.clock import HandClock, day_of
from dnsbl.demo.neighbourhood import free_port
from dnsbl.opened import open_list
from dnsbl.settings import Settings
from dnsbl.store import Store
from dnsbl.vocabulary import Door, Role, Tier
from tester.smtp import Control, Event, Outcome, Result, Transcript
from tests.dnsbl.offices import Office

ROOT = Path(__file__).resolve().parents[2]
LONG = "2001:db8:1234:5678:9abc:def0:1234:"
#: An address in each state, by a name that tests and pictures use.
STATES = {
    "listed": "192.0.2.50",
    "multihop": "192.0.2.51",
    "failed": "192.0.2.52",
    "asked": "192.0.2.53",
    "manual": "192.0.2.54",
    "range": "203.0.113.9",
    "hostile": "192.0.2.55",
    "bounced": "192.0.2.56",  # whose owner asks for the retest in a test
    "barred": "192.0.2.93",
    "coming": "198.51.100.51",
    "queued": "192.0.2.99",
    "delisted": "192.0.2.98",
    "clear": "192.0.2.97",
    "untestable": "192.0.2.96",
    "never-heard-of": "192.0.2.95",
    "excluded": "192.0.2.94",
    "excepted": "203.0.113.77",
    "test-point": "127.0.0.2",
    "never": "127.0.0.1",
    "listed6": f"{LONG}5678",
    "failed6": f"{LONG}5679",
    "queued6": f"{LONG}567a",
    "delisted6": f"{LONG}567b",
}
#: What a server may say: markup, a terminal's escapes, text that runs backwards, one word without end, emoji.
HOSTILE = "<script>alert(1)</script>\x1b[31m\u202eevil\u202c :1234: \U0001f522 " + "W" * 4000
#: Who signs in on the operators' side, by role, and with which password.
OPERATORS = {"owner": "ada", "operator": "bob", "viewer": "eve"}
SECRET = "correct horse battery"
WORLD = ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"]


class Gallery:
    """The list, served; `url` is where."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{free_port()}"
        self.letter = 0  #: the number of a hostile letter in the inbox
        self.links: dict[str, str] = {}  #: the pages of those who asked for a removal, with their link

    def __enter__(self) -> Gallery:
        (self._folder / "zones").mkdir()
        zone = (ROOT / "zones" / "relays.example.org.toml").read_text(encoding="utf-8")
        (self._folder / "zones" / "relays.toml").write_text(zone, encoding="utf-8")
        config = self._folder / "config.toml"
        config.write_text(
            f'[service]\nname = "Example Relay List"\n[web]\nlisten = "{self.url.partition("//")[2]}"\n'
            f'base_url = "{self.url}"\nrequests = 100000\n[tester]\nlab_networks = {WORLD!r}\n'
            '[policy]\nkinds = ["relay", "multihop", "relay-output"]\n'.replace("'", '"').replace(
                "requests = 100000\n", ""
            ),
            encoding="utf-8",
        )
        url = f"sqlite:///{self._folder / 'state' / 'dnsbl.db'}"
        with config.open("a", encoding="utf-8") as more:
            more.write(f'[database]\nurl = "{url}"\n[tlog]\norigin = "relays.example.org/log"\n')
        (self._folder / "state").mkdir()
        store = Store.open(url)
        try:
            store.upgrade()
            self._fill(store)
        finally:
            store.close()
        opened = open_list(config)
        opened.casework.proving.keep()
        opened.store.close()
        argv = [sys.executable, "-m", "dnsbl", "serve", "--only", "web", "--config", str(config)]
        self._log = (self._folder / "log").open("wb")
        self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        self._wait()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
        self._log.close()

    def page(self, name: str) -> str:
        """The address of a state's page."""
        return f"{self.url}/ip/{STATES[name]}"

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """All testing is stopped meanwhile, as an operator would stop it."""
        store = Store.open(f"sqlite:///{self._folder / 'state' / 'dnsbl.db'}")
        operators = Office(store, Settings()).casework.operators
        operators.stop(reason="to see it", actor="op")
        try:
            yield
        finally:
            operators.resume(reason="it was seen", actor="op")
            store.close()

    def _wait(self) -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                with urlopen(f"{self.url}/healthz", timeout=5):
                    return
            except (URLError, OSError):
                assert self._process is not None and self._process.poll() is None, self._said()
                time.sleep(0.05)
        raise AssertionError(f"nothing is served: {self._said()}")

    def _said(self) -> str:
        return (self._folder / "log").read_text(encoding="utf-8", errors="replace")[-2000:]

    # ---------------------------------------------------------------------------------------------- what is there
    def _fill(self, store: Store) -> None:
        settings = Settings.model_validate(
            {"tester": {"lab_networks": WORLD}, "policy": {"kinds": ["relay", "multihop", "relay-output"]}}
        )
        self._clock = HandClock(datetime.now(UTC) - timedelta(hours=12))
        self._office = Office(store, settings, clock=self._clock)
        keyring.write(self._folder / "state" / "keys.json", self._office.keyring)
        operators = self._office.casework.operators
        self._listed("delisted")
        self._listed("delisted6")
        self._listed("failed")
        self._listed("failed6")
        self._listed("listed")
        self._listed("listed6")
        self._listed("asked")
        self._listed("barred")
        self._listed("bounced")
        self._listed("hostile", banner=HOSTILE, reply=f"250 {HOSTILE}")
        self._multihop("multihop", "coming")
        self._tested("clear", Outcome.RCPT_5XX, "554 5.7.1 Relay access denied")
        self._tested("untestable", Outcome.BANNER_5XX, "554 no", Control.NOT_RUN)
        operators.list_networks(
            [parse_network("192.0.2.54")], kind="manual", reason="r", public=HOSTILE[:200], actor="op"
        )
        operators.list_networks(
            [parse_network("203.0.113.0/24")], kind="manual", reason="r", public="A range.", actor="op"
        )
        operators.exclude(parse_network("192.0.2.93"), reason="r", public="Its owner asked.", actor="op")
        operators.exclude(parse_network("192.0.2.94"), reason="r", public="", actor="op")
        self._clock.turn(hours=max(0.0, (datetime.now(UTC) - self._clock.now()).total_seconds() / 3600 - 1))
        for name in ("delisted", "delisted6"):
            self._removal(name, Outcome.RCPT_5XX, "554 5.7.1 Relay access denied")
        for name in ("failed", "failed6"):
            self._removal(name, Outcome.ACCEPTED, "250 2.0.0 Ok: queued", back=True)
        self._ask("asked")
        for name in ("queued", "queued6"):
            self._office.nominate(STATES[name])
        self._staff()
        today = day_of(self._clock.now())
        self._office.casework.counting.file_answers("ns1", {today: {"": 1_234_567, "relay": 4321, "multihop": 17}})
        self._office.casework.counting.file_answers("ns1", {today - 1: {"": 2_345_678, "relay": 1234, "multihop": 21}})
        while self._office.casework.counting.count():
            pass

    def _staff(self) -> None:
        """Who runs the list, and what they find there: a hostile letter, nomination and exclusion, reporters."""
        work = self._office.casework
        for role, name in OPERATORS.items():
            work.accounts.add(name, SECRET, role=Role(role), actor="op")
        head = f"From: Joe <joe@mail.example>\r\nSubject: {HOSTILE[:300]}\r\n\r\n{HOSTILE}\r\n"
        self._office.arrive("postmaster", "192.0.2.9", head.encode())
        self.letter = work.correspondence.page(most=1)[0][0].id
        self._office.nominate("192.0.2.89", evidence=HOSTILE.encode(), reason=HOSTILE[:300])
        work.operators.exclude(parse_network("192.0.2.92"), reason=HOSTILE, public=HOSTILE[:300], actor="op")
        for name in ("ann", "mallory"):
            work.reporters.add(name, tier=Tier.NEW, contact="", actor="op")
        work.reporters.suspend("mallory", reason=HOSTILE[:300], actor="op")

    def _ask(self, name: str) -> None:
        doors = self._office.casework.doors
        job = doors.ask_removal(parse_address(STATES[name]), door=Door.WEB, actor="127.0.0.0/24")
        self.links[name] = f"{self.page(name)}?test={job.run}"

    def _removal(self, name: str, outcome: Outcome, reply: str, *, back: bool = False) -> None:
        self._ask(name)
        self._run(name, outcome, reply, STATES[name] if back else "")

    def _listed(self, name: str, *, banner: str = "", reply: str = "250 2.0.0 Ok: queued as 4FhQ2x1") -> None:
        self._office.nominate(STATES[name])
        self._run(name, Outcome.ACCEPTED, reply, STATES[name], banner=banner)

    def _tested(self, name: str, outcome: Outcome, reply: str, control: Control | None = None) -> None:
        self._office.nominate(STATES[name])
        self._run(name, outcome, reply, "", control=control)

    def _multihop(self, name: str, output: str) -> None:
        """The same came back by way of another machine, in two tests a while apart."""
        self._office.nominate(STATES[name])
        for _ in range(2):
            self._run(name, Outcome.ACCEPTED, "250 2.0.0 Ok: queued as 4FhQ2x1", STATES[output])
            self._clock.turn(hours=2)

    def _run(
        self, name: str, outcome: Outcome, reply: str, back: str, *, banner: str = "", control: Control | None = None
    ) -> None:
        office, target = self._office, STATES[name]
        assignment = office.take()
        job = assignment.job
        assert str(job.address) == target, f"{job.address} is due before {target}"
        office.issue(assignment)
        first = office.issued(job.run)
        said = (
            (0.04, "<", f"220 {banner or 'front.example.net ESMTP Postfix'}\r\n"),
            (0.05, ">", "EHLO tester.example.org\r\n"),
            (0.09, "<", "250-front.example.net\r\n250-PIPELINING\r\n250 8BITMIME\r\n"),
            (0.31, ">", f"MAIL FROM:<{first.sender}@b.example.org>\r\n"),
            (0.35, "<", "250 2.1.0 Ok\r\n"),
            (0.36, ">", f"RCPT TO:<{first.recipient}@c.example.org>\r\n"),
            (0.40, "<", "250 2.1.5 Ok\r\n" if outcome is Outcome.ACCEPTED else f"{reply}\r\n"),
        )
        if outcome is Outcome.ACCEPTED:
            said += ((0.41, ">", "DATA\r\n"), (0.45, "<", "354 go on\r\n"), (0.52, "<", f"{reply}\r\n"))
        office.casework.assignments.file_session(
            assignment,
            Transcript(
                target=target,
                port=25,
                source="203.0.113.10:41000",
                started=self._clock.now().timestamp(),
                events=tuple(Event(at, side, text.encode()) for at, side, text in said),
                results=tuple(
                    Result(
                        vector=fate.letter.vector,
                        token=fate.letter.recipient,
                        outcome=outcome if n == 0 or outcome is not Outcome.ACCEPTED else Outcome.UNTRIED,
                        stage="OK",
                        reply=reply.encode("ascii", "backslashreplace").decode()[:500],
                        dot_at=0.5 if outcome is Outcome.ACCEPTED and n == 0 else None,
                    )
                    for n, fate in enumerate(office.letters(job.run))
                ),
                control=control or Control.ACCEPTED,
            ),
        )
        if back:
            self._clock.turn(seconds=29)
            trace = (
                f"Received: from front.example.net (front.example.net [{target}])\r\n\tby mx.example.org; x\r\n"
                f"Received: from tester.example.org (unknown [172.18.0.1])\r\n\tby front.example.net (Postfix); x\r\n"
            )
            office.come_back(job.run, back, message=trace.encode() + office.message(first))
        office.casework.assignments.file_run(assignment)
        self._clock.turn(minutes=2)


if __name__ == "__main__":
    with Gallery(Path(sys.argv[1])) as gallery:
        print(gallery.url, flush=True)
        sys.stdin.read()
