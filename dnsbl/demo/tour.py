"""The guided tour: a list is born on loopback, its neighbourhood is nominated, tested, listed; one owner gets off.

The same code as in production runs here; only `neighbourhood` pretends, and only the waits are short. Everything
lives in a temporary folder and on free ports, and is gone afterwards.

Over 400 lines, since a tour is read from its beginning to its end.
"""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import signal
import sys
import tempfile
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from dnslib import QTYPE, RCODE, DNSRecord
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from dnsbl.addresses import Address, parse_address, reversed_labels
from dnsbl.clock import SystemClock
from dnsbl.config import read_settings, read_zones
from dnsbl.daemons.answering import Bound
from dnsbl.daemons.node import Node
from dnsbl.demo.neighbourhood import NETWORK, PAPERS, READER, RESIDENTS, Neighbourhood, Resident, free_port
from dnsbl.log import note
from dnsbl.log.statements import statements
from dnsbl.model import Standing
from dnsbl.opened import OpenedList, open_with
from dnsbl.rules import intake
from dnsbl.vocabulary import Door, RunState, State
from tester.smtp import Transcript
from tester.smtp import escape as printable

ZONE = "relays.example.org"
#: The name of its transparency log.
LOG = f"{ZONE}/log"
#: Where the checker of proofs may be that needs nothing of ours: beside the source, or with a package's papers.
CHECKERS = (
    Path(__file__).parents[2] / "contrib" / "verify.py",
    Path("/usr/share/doc/dnsbl-relays/examples/verify.py"),
)
#: A survey's own: its collector domain and its bounce domain.
SURVEY_DOMAINS = ("s.demo", "sb.demo")
#: Seconds until the tour gives up.
PATIENCE = 58.0

ZONE_FILE = f"""\
origin = "{ZONE}"
ns = ["ns1.example.org"]
ttl = 60

[soa]
mname = "ns1.example.org"
rname = "hostmaster.example.org"
refresh = 3600
retry = 600
expire = 604800
minimum = 60
ttl = 60

[kinds.relay]
code = "127.0.0.2"
txt = "Open relay, proven by a returned letter: {{url}}"

[kinds.multihop]
code = "127.0.0.3"
txt = "Open relay (multi-hop input), proven by returned letters: {{url}}"

[kinds.manual]
code = "127.0.0.9"
txt = "Listed by the operator: {{url}}"
"""


def run_tour(*, keep: bool, as_json: bool) -> bool:
    """Hold the tour; True when every neighbour got the verdict it deserves and the owner got off."""
    logging.getLogger("dnsbl").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="dnsbl-demo-") as folder:
        return asyncio.run(Tour(Path(folder), keep=keep, as_json=as_json).run())


class Tour:
    """One tour."""

    def __init__(self, folder: Path, *, keep: bool, as_json: bool) -> None:
        self._folder = folder
        self._keep = keep
        self._as_json = as_json
        self._console = Console(stderr=as_json, highlight=False, emoji=False, soft_wrap=True)
        self._collector = ("127.0.0.1", 0)
        self._dns = ("127.0.0.1", 0)
        self._facts: dict[str, Any] = {}

    async def run(self) -> bool:
        """Build, show, tear down."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        survey = ("127.0.0.1", free_port())
        town = Neighbourhood(
            lambda: self._collector,
            lambda: SystemClock().now().timestamp(),
            mended=self._folder,
            routes=dict.fromkeys(SURVEY_DOMAINS, survey),  # as the MX of a survey's domains would have it
        )
        stop, ready = asyncio.Event(), asyncio.Event()
        try:
            at = self._open(await town.start(), survey[1])
            self._say(
                f"1. {len(RESIDENTS)} mail servers are up on {NETWORK}, port {town.port}; the list is in {self._folder}"
            )
            node = Node(at.casework, at.settings, at.zones, at.keyring, at.clock)

            def listening(bound: Bound) -> None:
                self._collector, self._dns = bound.collector[0], bound.dns[0]
                self._facts["listening"] = {"dns": bound.dns, "collector": bound.collector, "web": bound.web}
                ready.set()

            running = asyncio.create_task(node.run(stop, ready=listening))
            waiting = asyncio.create_task(ready.wait())
            await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                waiting.cancel()
                await running
            try:
                async with asyncio.timeout(PATIENCE):
                    good = await self._show(at, town)
            except TimeoutError:
                self._say(f"[red]The tour took longer than {PATIENCE:g} s.[/red]")
                good = False
            self._facts |= {"seconds": round(loop.time() - began, 1), "succeeded": good}
            self._say(f"\nThe tour took {self._facts['seconds']} s and {'succeeded' if good else '[red]failed[/red]'}.")
            if self._as_json:
                print(json.dumps(self._facts, indent=2))
            if self._keep:
                await self._stay(at)
            stop.set()
            await running
            return good
        finally:
            stop.set()
            await town.stop()

    def _open(self, port: int, survey: int) -> OpenedList:
        """A list of our own: the same settings as any, with short waits."""
        zones, web = self._folder / "zones", free_port()
        zones.mkdir()
        (zones / f"{ZONE}.toml").write_text(ZONE_FILE, encoding="utf-8")
        sections: dict[str, dict[str, Any]] = {
            "service": {"name": "Demo Relay List", "state_dir": "state"},
            "dns": {"listen": [f"127.0.0.1:{free_port()}"], "zones_dir": "zones", "poll": 0.1},
            "collector": {"listen": [f"127.0.0.1:{free_port()}"], "hostname": "mx.demo", "per_peer": 20},
            "web": {"listen": f"127.0.0.1:{web}", "base_url": f"http://127.0.0.1:{web}"},
            "tester": {
                "source_addresses": ["127.0.0.1"],
                "helo": "tester.demo",
                "collector_domain": "c.demo",
                "bounce_domain": "b.demo",
                "port": port,
                "owner_ports": [25],  # what else listens on this machine is not of the neighbourhood
                "lab_networks": ["127.0.0.0/8"],
                "per_network": len(RESIDENTS),
                "delivery_window": 4,
                "late_window": 600,
                "attempt_gap": 0.02,
                "connection_gap": 0.05,
                "grace": 0.4,
                "retry_after": [1.5, 2, 3],
            },
            "survey": {
                "authorized_networks": [NETWORK],
                "collector_domain": SURVEY_DOMAINS[0],
                "bounce_domain": SURVEY_DOMAINS[1],
                "listen": f"127.0.0.1:{survey}",
                "wait": 5,
            },
            "mail_door": {"address": "nominate@c.demo"},
            "notices": {"smarthost": READER, "port": port, "tls": "none", "sender": "list@relays.demo"},
            "watch": {"on": True},
            "tlog": {"origin": LOG},
            "policy": {"unreachable_retry": [1, 86400]},
        }
        config = self._folder / "config.toml"
        lines = (
            f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in section.items())
            for name, section in sections.items()
        )
        config.write_text("\n".join(lines), encoding="utf-8")
        settings = read_settings(config)
        return open_with(settings, read_zones(settings))

    async def _show(self, at: OpenedList, town: Neighbourhood) -> bool:
        watch = at.casework.watching.set_up
        await asyncio.to_thread(watch, NETWORK, "mail", "noc@demo.example", actor="the tour")
        await self._by_mail(at, town, RESIDENTS[0])
        await self._nominate(at)
        standings = await self._watch(at)
        good = self._verdicts(standings)
        good &= await self._answered(town)
        await self._answers()
        relay = RESIDENTS[0]
        await self._evidence(at, relay)
        good &= await self._watched(town)
        good &= await self._self_test(at, relay)
        good &= await self._removal(at, town, relay)
        verified = await asyncio.to_thread(at.casework.operators.verify_journal)
        self._say(f"\n8. The journal: {verified} entries, every hash holds.")
        self._facts["journal_entries"] = verified
        return good & await self._proven(at, RESIDENTS[4])

    async def _by_mail(self, at: OpenedList, town: Neighbourhood, relay: Resident) -> None:
        """Somebody forwards the spam that he got, as an attachment."""
        desk = at.settings.mail_door.address
        said = await town.forward(forward(spam_through(relay, at.clock.now()), desk), sender="ann@reader.demo", to=desk)
        told = escape(printable(said.encode()))
        self._say(f"2. A reader forwards spam that came through {relay.name} to {desk}: {told}")

    async def _answered(self, town: Neighbourhood) -> bool:
        """The answer to the mail that nominated."""
        await town.post.came.wait()
        mail = message_from_bytes(town.post.mails[0])
        text = mail.get_payload(decode=True)
        lines = text.decode("utf-8", "replace").splitlines() if isinstance(text, bytes) else []
        self._say(f"   What the reader was answered: {escape(str(mail['Subject']))}")
        told = [line for line in lines if " will be tested" in line or line.startswith(("How it stands", ">"))]
        for line in told:
            self._say(f"   | {escape(printable(line.encode()))}")
        self._facts["answer"] = told[:1]
        return bool(told)

    async def _nominate(self, at: OpenedList) -> None:
        for resident in RESIDENTS[1:]:
            nomination = intake.nomination(
                resident.address,
                door=Door.WEB,
                nominator="a neighbour",
                reason="spam",
                evidence=spam_through(resident, at.clock.now()),
                settings=at.settings,
                now=at.clock.now(),
            )
            await asyncio.to_thread(at.casework.doors.nominate, nomination)
        self._say(f"   The other {len(RESIDENTS) - 1} are nominated on the pages, each with its spam. Testing:")

    async def _watch(self, at: OpenedList) -> dict[str, Standing]:
        """Show the tests as they run, until all are judged."""
        standings = {}
        with Live(console=self._console, refresh_per_second=8, transient=True) as live:
            while True:
                for resident in RESIDENTS:
                    address = parse_address(resident.address)
                    standings[resident.address] = await asyncio.to_thread(at.casework.views.look_up, address)
                live.update(_progress(standings))
                if all(_done(r, standings[r.address]) for r in RESIDENTS):
                    return standings
                await asyncio.sleep(0.15)

    def _verdicts(self, standings: dict[str, Standing]) -> bool:
        self._say("3. The verdicts:")
        table = Table("server", "address", "what it does", "verdict", "listed as")
        good = True
        for resident in RESIDENTS:
            standing = standings[resident.address]
            verdict = standing.last_verdict.value if standing.last_verdict else "-"
            right = verdict == resident.expect and (standing.state is State.LISTED) == verdict.startswith("OPEN")
            good &= right
            kinds = ", ".join(entry.kind for entry in standing.listings) or "-"
            table.add_row(
                resident.name, resident.address, resident.story, verdict if right else f"[red]{verdict}[/red]", kinds
            )
            self._facts.setdefault("verdicts", {})[resident.address] = verdict
        self._console.print(table)
        return good

    async def _answers(self) -> None:
        self._say(f"\n4. What a mail server sees when it asks {self._dns[0]}:{self._dns[1]}:")
        for resident in RESIDENTS:
            rcode, codes, texts = await self._ask(parse_address(resident.address))
            name = f"{reversed_labels(parse_address(resident.address))}.{ZONE}"
            said = f"{', '.join(codes)}  {escape(' '.join(texts))}" if codes else rcode
            self._say(f"   {name:<36} {said}")

    async def _ask(self, address: Address) -> tuple[str, list[str], list[str]]:
        """(rcode, A values, TXT values) from our own responder, over UDP."""
        name = f"{reversed_labels(address)}.{ZONE}"
        values: dict[str, list[str]] = {}
        rcode = ""
        for kind in ("A", "TXT"):
            host, port = self._dns
            wire = await asyncio.to_thread(DNSRecord.question(name, kind).send, host, port, timeout=3)
            reply = DNSRecord.parse(wire)
            rcode = str(RCODE[reply.header.rcode])
            values[kind] = [str(rr.rdata).strip('"') for rr in reply.rr if QTYPE[rr.rtype] == kind]
        return rcode, values["A"], values["TXT"]

    async def _evidence(self, at: OpenedList, relay: Resident) -> None:
        standing = await asyncio.to_thread(at.casework.views.look_up, parse_address(relay.address))
        report = await asyncio.to_thread(at.casework.views.run_report, standing.runs[0].id)
        self._say(
            f"\n5. Why {relay.name} is listed: the conversation (run {report.run.id}), and the letter that came back:"
        )
        transcript = Transcript.from_json(report.transcripts[0])
        for event in transcript.events[:24]:
            for line in event.data.rstrip().split(b"\r\n")[:3]:
                text = printable(line)
                if event.kind != "!" and "Proof:" not in text:
                    self._say(f"   {event.at:6.2f} {event.kind} {escape(text[:96])}")
        for back in report.returns[:1]:
            self._say(f"   came back from {back.peer} at {back.received:%H:%M:%S} UTC: {back.finding.value}")
            for line in back.message.split(b"\r\n")[:3]:
                self._say(f"   | {escape(printable(line)[:96])}")

    async def _watched(self, town: Neighbourhood) -> bool:
        """Whoever holds the network has had it watched, and has mail."""
        self._say(f"\nWho holds {NETWORK} watches it, and has mail:")
        mail = await self._mail(town, "noc@demo.example", "new on")
        return mail is not None

    async def _mail(self, town: Neighbourhood, reader: str, about: str) -> EmailMessage | None:
        """The first mail to this reader with these words in its subject, shown, once it is there."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while loop.time() - began < 10:
            for octets in town.post.mails:
                mail = message_from_bytes(octets, policy=policy.default)
                if mail["To"] == reader and about in mail["Subject"]:
                    for line in [f"Subject: {mail['Subject']}", *mail.get_content().splitlines()[:6]]:
                        self._say(f"   | {escape(printable(line.encode()))}")
                    self._facts.setdefault("mail", []).append(mail["Subject"])
                    return mail
            await asyncio.sleep(0.05)
        self._say("   [red]nothing came[/red]")
        return None

    async def _self_test(self, at: OpenedList, relay: Resident) -> bool:
        """The owner has the server tested from its own shell; without curl on this machine it is only told how."""
        url = f"{at.settings.web.base_url}/api/v1/self-tests"
        self._say(f"\n6. The owner of {relay.name} asks from the server itself:\n   $ curl -T - {url} </dev/null")
        if shutil.which("curl") is None:
            self._say("   (there is no curl on this machine)")
            return True
        pipe = asyncio.subprocess.PIPE
        words = ("-sS", "-m", "15", "--interface", relay.address, "-T", "-", url)
        asking = await asyncio.create_subprocess_exec(
            "curl", *words, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
        )
        out, err = await asking.communicate()
        lines = printable(out or err).replace("\\n", "\n").splitlines()
        for line in lines:
            self._say(f"   {escape(line)}")
        result = lines[-1].removeprefix("result: ") if lines else ""
        self._facts["self_test"] = result
        return result == "open"

    async def _removal(self, at: OpenedList, town: Neighbourhood, relay: Resident) -> bool:
        """The owner mends the server, asks, and is off the list."""
        address = parse_address(relay.address)
        owner = "postmaster@open.example"
        self._say(f"\n7. The owner of {relay.name} closes the relay and writes to remove@mx.demo from it ...")
        town.close_relay(relay.address)
        message = f"From: <{owner}>\r\nTo: <remove@mx.demo>\r\nSubject: closed now\r\n\r\nPlease test it.\r\n"
        said = await town.forward(message.encode(), sender=owner, to="remove@mx.demo", source=relay.address)
        self._say(f"   the collector says: {escape(printable(said.encode())[:80])}; the answer:")
        answered = await self._mail(town, owner, "Removal of")
        loop = asyncio.get_running_loop()
        while (standing := await asyncio.to_thread(at.casework.views.look_up, address)).state is State.LISTED:
            if standing.runs and standing.runs[0].state is RunState.SETTLED and standing.job is None:
                break
            await asyncio.sleep(0.05)
        began = loop.time()
        rcode, codes, _ = await self._ask(address)
        while codes and loop.time() - began < 5:
            await asyncio.sleep(0.02)
            rcode, codes, _ = await self._ask(address)
        lag = loop.time() - began
        good = standing.state is not State.LISTED and not codes and lag <= 1.0 and answered is not None
        verdict = standing.last_verdict.value if standing.last_verdict else "-"
        self._say(f"   verdict {verdict}; state {standing.state.value}; DNS says {rcode} {lag:.2f} s later.")
        good &= await self._mail(town, owner, "is off the list") is not None
        self._facts["delisting"] = {"verdict": verdict, "state": standing.state.value, "dns": rcode, "seconds": lag}
        return good

    async def _proven(self, at: OpenedList, relay: Resident) -> bool:
        """A stranger with the log's key checks why this one is listed, by a program that asks nobody."""
        await asyncio.to_thread(at.casework.proving.keep)  # what the scheduler does twice a minute
        file = await asyncio.to_thread(at.casework.proofs.of, parse_address(relay.address))
        key = note.Verifier.read(at.casework.proving.verifiers()[-1].vkey)
        path, false = self._folder / f"{relay.name}.proof", self._folder / f"{relay.name}.false"
        path.write_text(file.text, encoding="utf-8")
        false.write_text(file.text.replace(relay.address, RESIDENTS[1].address), encoding="utf-8")
        self._say(f"\n9. A stranger checks why {relay.name} is listed: its proof, the key of {LOG}, and nobody asked:")
        holds, lines = await self._checked(path, key.vkey)
        for line in lines:
            self._say(f"   | {escape(line[:110])}")
        shown = statements(file, *file.check(LOG, [key])).shown
        proven = [line for line in shown if line.startswith("The letters of run ")][:1] if holds else []
        for line in proven:
            self._say(f"   Proven: {escape(printable(line.encode()))}")
        believed, lines = await self._checked(false, key.vkey)
        self._say(f"   With the address of {RESIDENTS[1].name} in its place: {escape(lines[-1]) if lines else ''}")
        good = bool(proven) and not believed
        self._facts["proof"] = {"address": relay.address, "holds": holds, "proven": proven, "false_holds": believed}
        return good

    async def _checked(self, path: Path, key: str) -> tuple[bool, list[str]]:
        """Whether a program of its own finds that a proof file holds, and what it says."""
        script = next((str(one) for one in CHECKERS if one.exists()), "")
        program = ("-I", script) if script else ("-m", "dnsbl", "verify")
        checking = await asyncio.create_subprocess_exec(
            *(sys.executable, *program, str(path), "--key", key),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await checking.communicate()
        return checking.returncode == 0, [printable(line) for line in out.splitlines()]

    async def _stay(self, at: OpenedList) -> None:
        web = "http://{}:{}".format(*self._facts["listening"]["web"][0])
        listed = parse_address(RESIDENTS[4].address)
        config = self._folder / "config.toml"
        self._say(
            f"\nIt goes on serving until Ctrl-C. Look further:\n"
            f"   dig @{self._dns[0]} -p {self._dns[1]} {reversed_labels(listed)}.{ZONE} TXT\n"
            f"   {web}/ip/{listed}\n   {web}/statistics\n   {web}/log\n"
            f"Every command works on it, such as:\n"
            f"   dnsbl status --config {config}\n   dnsbl journal {listed} --config {config}\n"
            f"Close that relay, and get it off the list:\n"
            f"   touch {self._folder / RESIDENTS[4].name}\n   dnsbl remove {listed} --wait --config {config}\n"
            f"Count the relays among these servers, which lists nobody:\n"
            f"   dnsbl survey run town --range 127.77.0.0/24 --config {config}\n"
            f"Servers as two old papers have them: {', '.join(f'{one.address} ({one.story})' for one in PAPERS)}"
        )
        told = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, told.set)
        await told.wait()

    def _say(self, text: str) -> None:
        self._console.print(text)


def spam_through(resident: Resident, now: datetime) -> bytes:
    """A spam message as somebody received it through this server."""
    stamp = format_datetime(now - timedelta(hours=1))
    return (
        f"Received: from {resident.name} ({resident.name} [{resident.address}])\r\n"
        f"\tby mx.reporter.example with ESMTP id 1; {stamp}\r\n"
        f'From: "Lucky" <lucky@spam.example>\r\nTo: you@reporter.example\r\nSubject: You have won\r\nDate: {stamp}\r\n'
        "\r\nSend money.\r\n"
    ).encode()


def forward(spam: bytes, to: str) -> bytes:
    """A mail with this spam attached, as mail programs forward it."""
    return (
        (
            f"From: Ann <ann@reader.demo>\r\nTo: {to}\r\nSubject: Fwd: You have won\r\nMessage-ID: <1@reader.demo>\r\n"
            "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
            "--b\r\nContent-Type: text/plain\r\n\r\nThis came today.\r\n"
            "--b\r\nContent-Type: message/rfc822\r\n\r\n"
        ).encode()
        + spam
        + b"\r\n--b--\r\n"
    )


def _done(resident: Resident, standing: Standing) -> bool:
    """Judged for good: nothing queued that is due soon, nothing pending."""
    settled = bool(standing.runs) and standing.runs[0].state is RunState.SETTLED
    if resident.expect == "OPEN_MULTIHOP":
        return settled and standing.state is State.LISTED
    return settled


def _progress(standings: dict[str, Standing]) -> Table:
    table = Table("server", "address", "state", "verdict so far")
    for resident in RESIDENTS:
        standing = standings[resident.address]
        verdict = standing.last_verdict.value if standing.last_verdict else ""
        table.add_row(resident.name, resident.address, standing.state.value, verdict)
    return table
