"""What one test costs, how many fit side by side, and how often the verdict is wrong, beside a stranger's.

    python -m bench.tester [--json]

1. **Range A**: the 2816 addresses of a relay study of 2002 (165 s with the tool of its day), all in flight at once in
   one process, tested with the standard profile by the real caller, the letters collected by the real collector in the
   same process and judged by the real verdict; pacing off, 3 s to connect. No store: that is what a list adds.
2. **Speakers**: four mail servers of every habit, among them those that accept and never relay.
3. Both again with nmap's `smtp-open-relay` script, given the same 3 s and every address at once.
4. **Scaling**: processor time and memory per test with 100, 1,000 and 10,000 in flight, against silence and against a
   server that thinks before each reply; each in a process of its own, so that memory is its own.
5. **Gate**: a million forged tokens at the collector's door.

Everything runs on 127.0.0.0/8 and ends within three minutes. Wall times mean little on a machine that is busy
otherwise; processor times suffer less.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import re
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from bench import fleet
from bench.fleet import MUTED, OPEN, ROOT, Habit
from bench.limits import raise_file_limit, within
from bench.tester_report import OURS, report, targets
from bench.trials import Trials, verdict
from tester import letter as letters
from tester import vectors
from tester.letter import Keyring
from tester.smtp import Limits, Outcome
from tester.trial import Trial
from tester.verdict import Verdict

PORT = 2600
LIMITS = Limits(
    connect=3.0, banner=5.0, command=5.0, final=5.0, connection=30.0, attempt_gap=0.0, connection_gap=0.0, grace=0.1
)
STRANGER_PATIENCE = 40.0  #: seconds that nmap may take for one fleet
FORGERIES = 1_000_000
BUDGET = 170.0  #: seconds for all of it
TIME_FOR_MOST = {fleet.MUTE: 30.0, fleet.SLOW: 85.0}  #: seconds that the largest number may need on a busy machine
IN_FLIGHT = (100, 1_000, 10_000)

#: What each habit deserves.
VERDICTS: Mapping[Habit, Verdict] = {
    **dict.fromkeys((*MUTED, Habit.REFUSING), Verdict.UNREACHABLE),
    **dict.fromkeys(OPEN, Verdict.OPEN),
    Habit.LOSES: Verdict.ACCEPTS_LOSES,
    Habit.BOUNCES: Verdict.ACCEPTS_BOUNCES,
    **dict.fromkeys((Habit.NO_DATA, Habit.NO_END, Habit.CLOSED, Habit.SOFT), Verdict.CLOSED),
    Habit.TURNS_AWAY: Verdict.REFUSES_TESTER,
    Habit.NO_MAIL: Verdict.INCONCLUSIVE,
}

Test = Callable[[], Coroutine[None, None, Trial]]


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
    strange: int  #: our own verdicts that are other than the habit's


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


async def _side_by_side(what: str, tests: Sequence[Test]) -> tuple[Cost, list[Trial]]:
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


#: Seconds without a letter after which none is waited for.
QUIET = 0.5


async def judge_all(trials: Trials, plan: Mapping[IPv4Address, Habit], name: str) -> tuple[Cost, Judged]:
    """Test a fleet, all addresses at once, and compare with the truth."""
    tests = [partial(trials.test, address, PORT, LIMITS, vectors.profile("standard")) for address in plan]
    cost, done = await _side_by_side(name, tests)
    began, cpu = time.perf_counter(), time.process_time()
    seen = -1
    for _ in range(10):  # the window closes when nothing has come in for so long
        if seen == trials.received:
            break
        seen = trials.received
        await asyncio.sleep(QUIET)
    verdicts = {address: verdict(trial) for address, trial in zip(plan, done, strict=True)}
    wall, cpu = cost.wall + time.perf_counter() - began, cost.cpu + time.process_time() - cpu
    opens = {a for a, given in verdicts.items() if given is Verdict.OPEN}
    truth = {a for a, habit in plan.items() if habit in OPEN}
    strange = sum(verdicts[a] is not VERDICTS[habit] for a, habit in plan.items())
    return (
        replace(cost, wall=wall, cpu=cpu),
        Judged(OURS, name, wall, cpu, len(plan), len(opens - truth), len(truth - opens), strange),
    )


def stranger(port: int, targets: str, number: int, patience: float) -> tuple[str, ...]:
    """nmap's smtp-open-relay script for the addresses in this file, so many, all at once; `patience` in seconds."""
    wait, each = f"{patience:.0f}s", str(number)
    return (
        *("nmap", "-n", "-Pn", "-sT", "-p", str(port), "--script", "+smtp-open-relay", "-iL", targets),
        *("--initial-rtt-timeout", wait, "--min-rtt-timeout", wait, "--max-rtt-timeout", wait),
        *("--min-hostgroup", each, "--min-parallelism", each, "--max-retries", "0", "-T5", "-oN", "-"),
    )


async def judge_by_stranger(plan: Mapping[IPv4Address, Habit], name: str) -> Judged:
    """The same by nmap's smtp-open-relay script: every address at once, the same patience, no names looked up."""
    began = time.perf_counter()
    before = os.times()
    with tempfile.NamedTemporaryFile("w") as targets:
        targets.write("".join(f"{address}\n" for address in plan))
        targets.flush()
        process = await asyncio.create_subprocess_exec(
            *stranger(PORT, targets.name, len(plan), LIMITS.connect),
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
    truth = {a for a, habit in plan.items() if habit in OPEN}
    return Judged("nmap smtp-open-relay", name, wall, cpu, len(plan), len(opens - truth), len(truth - opens), 0)


async def scale(target: str, number: int) -> Cost:
    """So many tests of one address side by side, one letter each."""
    limits = replace(LIMITS, connect=LIMITS.connect if target == fleet.MUTE else 30.0, banner=60.0, command=60.0)
    limits = replace(limits, connection=120.0)
    test = partial(Trials().test, IPv4Address(target), PORT, limits, vectors.profile("basic")[:1])
    cost, done = await _side_by_side("silent" if target == fleet.MUTE else "slow", [test] * number)
    wanted = Outcome.CONN_TIMEOUT if target == fleet.MUTE else Outcome.RCPT_4XX
    if any(outcome is not wanted for trial in done for _vector, outcome in trial.outcomes):
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
    start = "r" + keyring.current.kid
    through, began = 0, time.perf_counter()
    for _ in range(number):
        raw = secrets.token_hex(16)  # 128 random bits, in letters that a token may hold
        through += letters.gate(keyring, start + raw.translate(_HEX))
    return time.perf_counter() - began, through


_HEX = str.maketrans("0189", "zyxw")


async def measure() -> dict[str, Any]:
    """All of it."""
    files, load, began = raise_file_limit(), os.getloadavg()[0], time.perf_counter()
    trials = Trials()
    _, collector_port = await trials.collector.start("127.0.0.1", 0)
    costs, judged = [], []
    for name, plan in {"range A": fleet.range_a(), "speakers": fleet.speakers(4)}.items():
        async with fleet.neighbourhood(plan, PORT, collector_port):
            cost, ours = await judge_all(trials, plan, name)
            costs.append(cost)
            judged.append(ours)
            if shutil.which("nmap"):
                judged.append(await judge_by_stranger(plan, name))
    await trials.collector.close()
    seconds, through = await asyncio.to_thread(forge, trials.keyring, FORGERIES)
    skipped = []
    async with fleet.neighbourhood({}, PORT, collector_port):
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


def main(arguments: Sequence[str]) -> int:
    match arguments:
        case ["--one", target, number]:
            raise_file_limit()
            print(json.dumps(asdict(asyncio.run(scale(target, int(number))))))
        case [] | ["--json"]:
            figures = asyncio.run(within(BUDGET, measure()))
            kept = targets(figures)
            print(json.dumps(figures | {"targets": kept}, indent=1) if arguments else report(figures))
            return 0 if all(list(kept.values())[:2]) else 1  # speed depends on the machine, rightness does not
        case _:
            print("usage: python -m bench.tester [--json]", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
