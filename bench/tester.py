"""What one test costs, how many fit side by side, and how often the verdict is wrong, beside a stranger's.

    python -m bench.tester [--json]

1. **Range A**: the 2816 addresses of a relay study of 2002 (165 s with the tool of its day), all in flight at once in
   one process, tested with the standard profile by the real caller, the letters collected by the real collector in the
   same process and judged by the real verdict; pacing off, 3 s to connect. No store: that is what a list adds.
2. **Speakers**: four mail servers of every kind, among them those that accept and never relay.
3. Both again with nmap's `smtp-open-relay` script, given the same 3 s and every address at once.
4. **Scaling**: processor time and memory per test with 100, 1,000 and 10,000 in flight, against silence and against a
   server that thinks before each reply; each in a process of its own, so that memory is its own.
5. **Gate**: a million forged tokens at the collector's door.

Everything runs on 127.0.0.0/8 and ends within three minutes. Wall times mean little on a machine that is busy
otherwise; processor times suffer less.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import re
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

from bench import fleet
from bench.fleet import BOUNCE_DOMAIN, COLLECTOR_DOMAIN, MUTED, OPEN, Kind
from bench.limits import raise_file_limit
from tester import letter as letters
from tester import vectors
from tester.caller import call
from tester.collector import Bounds, Collected, Collector
from tester.letter import Keyring, Letter
from tester.smtp import PENDING, Attempt, Limits, Outcome, Transcript
from tester.vectors import Vector
from tester.verdict import Evidence, Finding, Verdict, judge, weigh

OURS = "this tester"
ROOT = Path(__file__).resolve().parents[1]
PORT = 2600
LIMITS = Limits(
    connect=3.0, banner=5.0, command=5.0, final=5.0, connection=30.0, attempt_gap=0.0, connection_gap=0.0, grace=0.1
)
IN_2002 = 165.0  #: seconds that the study's tool took for range A
STRANGER_PATIENCE = 40.0  #: seconds that nmap may take for one fleet
FORGERIES = 1_000_000
BUDGET = 170.0  #: seconds for all of it
TIME_FOR_MOST = {fleet.MUTE: 30.0, fleet.SLOW: 85.0}  #: seconds that the largest number may need on a busy machine
IN_FLIGHT = (100, 1_000, 10_000)

VERDICTS: Mapping[Kind, Verdict] = {
    **dict.fromkeys((*MUTED, Kind.REFUSING), Verdict.UNREACHABLE),
    **dict.fromkeys(OPEN, Verdict.OPEN),
    Kind.LOSES: Verdict.ACCEPTS_LOSES,
    Kind.BOUNCES: Verdict.ACCEPTS_BOUNCES,
    **dict.fromkeys((Kind.NO_DATA, Kind.NO_END, Kind.CLOSED, Kind.SOFT), Verdict.CLOSED),
    Kind.TURNS_AWAY: Verdict.REFUSES_TESTER,
    Kind.NO_MAIL: Verdict.INCONCLUSIVE,
}
US = letters.Sender(
    service="bench",
    website="https://bench.test/",
    contact="postmaster@b.test",
    helo="probe.b.test",
    collector_domain=COLLECTOR_DOMAIN,
    bounce_domain=BOUNCE_DOMAIN,
)


class Desk:
    """Issues letters, remembers them, weighs what comes back: the store's part, in memory."""

    def __init__(self) -> None:
        self.keyring = Keyring.generate(secrets.token_bytes, int(time.time()))
        self.letters: dict[str, Letter] = {}
        self.found: dict[str, Outcome] = {}  #: recipient token -> what came back
        self.back: dict[IPv4Address | IPv6Address, asyncio.Event] = {}
        self.collector = Collector(
            hostname="mx.c.test",
            domains=frozenset({COLLECTOR_DOMAIN, BOUNCE_DOMAIN}),
            gate=lambda token: letters.gate(self.keyring, token),
            deliver=self._deliver,
            now=time.time,
            bounds=Bounds(connections=2000, per_peer=100),
        )

    async def test(self, address: IPv4Address, limits: Limits, rows: Sequence[Vector]) -> tuple[Transcript, ...]:
        """One test, from issuing the letters to the end of the conversation."""
        now = int(time.time())
        issued = [
            letters.issue(
                self.keyring,
                address=address,
                port=PORT,
                vector=vector.id,
                run="bench",
                not_before=now,
                not_after=now + 3600,
                random=secrets.token_bytes,
            )
            for vector in rows
        ]
        for one in issued:
            self.letters[one.recipient] = self.letters[one.sender] = one
        back = self.back.setdefault(address, asyncio.Event())
        return await call(
            address,
            PORT,
            lambda said: self._attempts(address, issued, said.name),
            helo=US.helo,
            bounce_address=f"{issued[0].sender}@{BOUNCE_DOMAIN}",
            limits=limits,
            now=time.time,
            proven=lambda seconds: _within(back, seconds),
        )

    def verdict(self, transcripts: Sequence[Transcript]) -> Verdict:
        """The judgement of a finished test, its window closed, as if it had been the third try of an address."""
        outcomes = []
        for result in (result for transcript in transcripts for result in transcript.results):
            found = self.found.get(result.token)
            outcomes.append((result.vector, found if found and result.outcome in PENDING else result.outcome))
        return judge(
            outcomes,
            control=transcripts[-1].control,
            profile="standard",
            window_closed=True,
            retries_left=False,
            unreachable_before=2,
        ).verdict

    def _attempts(self, address: IPv4Address, issued: Sequence[Letter], name: str) -> list[Attempt]:
        names = vectors.Names(
            target=address, target_name=name, collector_domain=COLLECTOR_DOMAIN, bounce_domain=BOUNCE_DOMAIN
        )
        attempts = []
        for one in issued:
            vector = vectors.CATALOGUE[one.vector]
            envelope = vectors.envelope(vector, names, sender=one.sender, recipient=one.recipient)
            message = letters.write(
                one,
                proof=letters.proof(self.keyring, one),
                sender=US,
                nomination="bench",
                date=time.time(),
                mail_to=f"{one.recipient}@{COLLECTOR_DOMAIN}",
            )
            attempts.append(
                Attempt(
                    vector=vector.id,
                    token=one.recipient,
                    mail=envelope.mail,
                    rcpt=envelope.rcpt,
                    message=message,
                    odd=vector.odd,
                )
            )
        return attempts

    async def _deliver(self, message: Collected) -> None:
        letter = self.letters.get(message.recipient)
        if letter is None:
            return
        opened = letters.unwrap(message.message)
        weighed = weigh(
            Evidence(
                address=letter.address,
                peer=message.peer,
                to_sender_token=message.recipient == letter.sender,
                genuine=letters.genuine(self.keyring, letter),
                proof_ok=any(sha256(proof.encode()).digest() == letter.proof_hash for proof in opened.proofs),
                is_report=opened.is_report,
                action=opened.action,
                remote_mta_is_us=False,
                null_sender=not message.mail_from,
                outcome=None,
                already_delivered=False,
                received_at=message.received_at,
                not_before=letter.not_before,
                dot_at=None,
                late_after=letter.not_before + 1800,
                not_after=letter.not_after,
                peer_is_us=False,
            )
        )
        if weighed.counts or weighed.finding is Finding.BOUNCED:
            self.found[letter.recipient] = Outcome(weighed.finding)
        if weighed.counts:
            self.back[letter.address].set()


async def _within(event: asyncio.Event, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()


# ---------------------------------------------------------------------------------------------- the measurements


Test = Callable[[], Coroutine[None, None, tuple[Transcript, ...]]]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a number of tests side by side took."""

    what: str
    tests: int
    wall: float  #: seconds
    cpu: float  #: seconds of this process
    memory: int  #: octets of resident memory by which this process grew


@dataclass(frozen=True, slots=True)
class Judged:
    """How right a tester was about a number of addresses."""

    who: str
    fleet: str
    wall: float
    cpu: float
    addresses: int
    accused: int  #: called open relays, and are none
    missed: int  #: are open relays, and were not called so
    strange: int  #: our own verdicts that are other than the kind's


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


async def _side_by_side(what: str, tests: Sequence[Test]) -> tuple[Cost, list[tuple[Transcript, ...]]]:
    """Start all tests, let them run to their end and see what they take."""
    before, began, cpu = _resident(), time.perf_counter(), time.process_time()
    most, running = before, []
    for test in tests:
        running.append(asyncio.create_task(test()))
        await asyncio.sleep(0)  # those that run already must not wait for those that begin
    while not all(task.done() for task in running):
        most = max(most, _resident())
        await asyncio.wait(running, timeout=0.2)
    cost = Cost(what, len(tests), time.perf_counter() - began, time.process_time() - cpu, most - before)
    return cost, [task.result() for task in running]


@contextlib.asynccontextmanager
async def _neighbourhood(plan: Mapping[IPv4Address, Kind], collector_port: int) -> AsyncIterator[None]:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.fleet",
        str(PORT),
        str(collector_port),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(fleet.to_lines(dict(plan)).encode())
    try:
        ready = await asyncio.wait_for(child.stdout.readline(), 20)
        if ready != b"ready\n":
            raise SystemExit("bench: the simulated neighbourhood did not start")
        yield
    finally:
        child.stdin.close()
        await child.wait()


async def judge_all(desk: Desk, plan: Mapping[IPv4Address, Kind], name: str) -> tuple[Cost, Judged]:
    """Test a fleet, all addresses at once, and compare with the truth."""
    tests = [partial(desk.test, address, LIMITS, vectors.profile("standard")) for address in plan]
    cost, transcripts = await _side_by_side(name, tests)
    began, cpu = time.perf_counter(), time.process_time()
    seen = -1
    for _ in range(10):  # the window closes when nothing has come in for half a second
        if seen == len(desk.found):
            break
        seen = len(desk.found)
        await asyncio.sleep(0.5)
    verdicts = {address: desk.verdict(said) for address, said in zip(plan, transcripts, strict=True)}
    wall, cpu = cost.wall + time.perf_counter() - began, cost.cpu + time.process_time() - cpu
    opens = {a for a, verdict in verdicts.items() if verdict is Verdict.OPEN}
    truth = {a for a, kind in plan.items() if kind in OPEN}
    strange = sum(verdicts[a] is not VERDICTS[kind] for a, kind in plan.items())
    return (
        replace(cost, wall=wall, cpu=cpu),
        Judged(OURS, name, wall, cpu, len(plan), len(opens - truth), len(truth - opens), strange),
    )


async def judge_by_stranger(plan: Mapping[IPv4Address, Kind], name: str) -> Judged:
    """The same by nmap's smtp-open-relay script: every address at once, the same patience, no names looked up."""
    began = time.perf_counter()
    before = os.times()
    with tempfile.NamedTemporaryFile("w") as targets:
        targets.write("".join(f"{address}\n" for address in plan))
        targets.flush()
        patience = f"{LIMITS.connect:.0f}s"
        process = await asyncio.create_subprocess_exec(
            *("nmap", "-n", "-Pn", "-sT", "-p", str(PORT), "--script", "+smtp-open-relay", "-iL", targets.name),
            *("--initial-rtt-timeout", patience, "--min-rtt-timeout", patience, "--max-rtt-timeout", patience),
            *(
                "--min-hostgroup",
                str(len(plan)),
                "--min-parallelism",
                str(len(plan)),
                "--max-retries",
                "0",
                "-T5",
                "-oN",
                "-",
            ),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            said, _ = await asyncio.wait_for(process.communicate(), STRANGER_PATIENCE)
        except TimeoutError:
            raise SystemExit(f"bench: nmap took more than {STRANGER_PATIENCE:.0f} s for {name}") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    after, wall = os.times(), time.perf_counter() - began
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    opens = {
        IPv4Address(host[0])
        for report in said.decode("utf-8", "replace").split("Nmap scan report for ")[1:]
        if (host := re.match(r"[0-9.]+", report)) and "Server is an open relay" in report
    }
    truth = {a for a, kind in plan.items() if kind in OPEN}
    return Judged("nmap smtp-open-relay", name, wall, cpu, len(plan), len(opens - truth), len(truth - opens), 0)


async def scale(target: str, number: int) -> Cost:
    """So many tests of one address side by side, one letter each."""
    limits = replace(LIMITS, connect=LIMITS.connect if target == fleet.MUTE else 30.0, banner=60.0, command=60.0)
    limits = replace(limits, connection=120.0)
    test = partial(Desk().test, IPv4Address(target), limits, vectors.profile("basic")[:1])
    cost, transcripts = await _side_by_side("silent" if target == fleet.MUTE else "slow", [test] * number)
    wanted = Outcome.CONN_TIMEOUT if target == fleet.MUTE else Outcome.RCPT_4XX
    if any(result.outcome is not wanted for said in transcripts for t in said for result in t.results):
        raise SystemExit(f"bench: {number} tests of {target} did not all end in {wanted}")
    return cost


async def _scale_apart(target: str, number: int) -> Cost:
    """The same in a fresh process."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.tester", "--one", target, str(number)), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        raise SystemExit(f"bench: {number} tests of {target} side by side failed")
    return Cost(**json.loads(said))


def forge(keyring: Keyring, number: int) -> tuple[float, int]:
    """Seconds that so many well-formed forgeries take at the gate, and how many come through."""
    kind = "r" + keyring.current.kid
    through, began = 0, time.perf_counter()
    for _ in range(number):
        raw = secrets.token_hex(16)  # 128 random bits, in letters that a token may hold
        through += letters.gate(keyring, kind + raw.translate(_HEX))
    return time.perf_counter() - began, through


_HEX = str.maketrans("0189", "zyxw")


async def measure() -> dict[str, Any]:
    """All of it."""
    files, load, began = raise_file_limit(), os.getloadavg()[0], time.perf_counter()
    desk = Desk()
    _, collector_port = await desk.collector.start("127.0.0.1", 0)
    costs, judged = [], []
    for name, plan in {"range A": fleet.range_a(), "speakers": fleet.speakers(4)}.items():
        async with _neighbourhood(plan, collector_port):
            cost, ours = await judge_all(desk, plan, name)
            costs.append(cost)
            judged.append(ours)
            if shutil.which("nmap"):
                judged.append(await judge_by_stranger(plan, name))
    await desk.collector.close()
    seconds, through = await asyncio.to_thread(forge, desk.keyring, FORGERIES)
    skipped = []
    async with _neighbourhood({}, collector_port):
        for target in (fleet.MUTE, fleet.SLOW):
            for number in IN_FLIGHT:
                late = number == max(IN_FLIGHT) and time.perf_counter() - began > BUDGET - TIME_FOR_MOST[target]
                if late or number + 500 > files:
                    skipped.append(f"{number:,} tests of {target}: {'no time' if late else 'no files'} left")
                else:
                    costs.append(await _scale_apart(target, number))
    return {
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "load_before": load,
        "files": files,
        "costs": [asdict(c) | {"cpu_each": c.cpu / c.tests, "memory_each": c.memory / c.tests} for c in costs],
        "judged": [asdict(j) for j in judged],
        "skipped": skipped,
        "gate": {"forgeries": FORGERIES, "seconds": seconds, "through": through},
    }


def report(figures: Mapping[str, Any]) -> str:
    """The figures as people read them."""
    judged: list[Mapping[str, Any]] = figures["judged"]
    rows = [
        [
            "fleet",
            "tester",
            "addresses",
            "wall",
            "processor",
            "per address",
            "falsely accused",
            "missed",
            "verdicts off",
        ]
    ]
    for row in judged:
        ours = next(j for j in judged if j["fleet"] == row["fleet"])
        times = f" ({row['cpu'] / ours['cpu']:.2f} x)" if row is not ours else ""
        rows.append(
            [
                row["fleet"],
                row["who"],
                f"{row['addresses']:,}",
                f"{row['wall']:.2f} s",
                f"{row['cpu']:.2f} s{times}",
                f"{1000 * row['cpu'] / row['addresses']:.2f} ms",
                str(row["accused"]),
                str(row["missed"]),
                str(row["strange"]) if row is ours else "-",
            ]
        )
    costs = [["in flight", "servers", "wall", "processor per test", "memory per test"]]
    for cost in figures["costs"]:
        costs.append(
            [
                f"{cost['tests']:,}",
                cost["what"],
                f"{cost['wall']:.2f} s",
                f"{1000 * cost['cpu_each']:.2f} ms",
                f"{cost['memory_each'] / 1024:.1f} KiB",
            ]
        )
    gate, wall = figures["gate"], judged[0]["wall"]
    lines = [
        "Python {python}, {processors} processors, load {load_before:.1f} at the start".format_map(figures),
        "",
        _table(rows),
        "",
        f"Range A took {IN_2002:.0f} s in 2002: {IN_2002 / wall:.1f} times as long.",
        "",
        _table(costs),
        "",
        f"Gate: {gate['through']} of {gate['forgeries']:,} forged tokens came through, "
        f"{1e6 * gate['seconds'] / gate['forgeries']:.1f} us each.",
    ]
    lines += [f"{'kept  ' if kept else 'MISSED'}  {target}" for target, kept in targets(figures).items()]
    lines += [f"Not measured: {what}." for what in figures["skipped"]]
    if len(judged) == 2:
        lines.append("nmap is not installed, so nothing is compared; bench/install fetches it (as root, on Debian).")
    return "\n".join(lines)


def targets(figures: Mapping[str, Any]) -> dict[str, bool]:
    """What we ask of ourselves, and whether this run kept it."""
    ours = [row for row in figures["judged"] if row["who"] == OURS]
    each = {what: [c["cpu_each"] for c in figures["costs"] if c["what"] == what] for what in ("silent", "slow")}
    return {
        "no verdict is wrong": not any(row["accused"] + row["missed"] + row["strange"] for row in ours),
        "no forged token comes through": not figures["gate"]["through"],
        "range A takes 10 s at most": all(row["wall"] <= 10 for row in ours),
        "a test in flight takes 64 KiB at most": all(c["memory_each"] <= 64 * 1024 for c in figures["costs"]),
        "a test costs the same however many there are": all(max(c) <= 1.5 * min(c) for c in each.values() if c),
    }


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


async def _bounded() -> dict[str, Any]:
    try:
        async with asyncio.timeout(BUDGET):
            return await measure()
    except TimeoutError:
        raise SystemExit(f"bench: not done after {BUDGET:.0f} s; this machine has too much else to do") from None


def main(arguments: Sequence[str]) -> int:
    match arguments:
        case ["--one", target, number]:
            raise_file_limit()
            print(json.dumps(asdict(asyncio.run(scale(target, int(number))))))
        case [] | ["--json"]:
            figures = asyncio.run(_bounded())
            kept = targets(figures)
            print(json.dumps(figures | {"targets": kept}, indent=1) if arguments else report(figures))
            return 0 if all(list(kept.values())[:2]) else 1  # speed depends on the machine, rightness does not
        case _:
            print("usage: python -m bench.tester [--json]", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
