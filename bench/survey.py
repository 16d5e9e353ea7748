"""What a survey costs: time and processor for a range beside nmap's, and memory with few and many targets.

    python -m bench.survey [--json]

1. **Range A**: the 2,816 addresses of a relay study of 2002 (`bench.fleet`), surveyed by `dnsbl survey run` in its own
   process, pacing off, 3 s to connect; every address in flight at once, the letters collected and weighed in it.
2. **Silence**: as many addresses of which none answers: what silent hosts cost, beside nmap's `smtp-open-relay` script.
3. **Memory**: 100, 10,000 and 100,000 targets whose port is closed, on 127/8, 200 in flight; the most that is resident.

Processor time is the whole process's; what its start takes (a new list with its database, a survey of one closed port)
is measured beside it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from bench import fleet
from bench.fleet import ROOT, Habit
from bench.limits import raise_file_limit, within
from bench.studies import Ports
from bench.tester import stranger

PATIENCE = 3  #: seconds to connect
MEMORY = (100, 10_000, 100_000)
MANY = "127.128.0.0"  #: from here on nothing listens
BUDGET = 240.0


@dataclass(frozen=True, slots=True)
class Spent:
    """What one process took."""

    what: str
    who: str
    targets: int
    wall: float  #: seconds from its start to its end
    testing: float  #: seconds from the first target to the last, as it says itself; of another program the whole
    cpu: float  #: seconds
    memory: int  #: octets resident at most


async def spend(what: str, who: str, targets: int, *words: str) -> Spent:
    """Run a program to its end. Raises SystemExit where it fails."""
    return await asyncio.to_thread(_spent, what, who, targets, words)


def _spent(what: str, who: str, targets: int, words: Sequence[str]) -> Spent:
    began = time.perf_counter()
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode, wall = os.waitstatus_to_exitcode(status), time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"bench: {who} failed at {what}")
    return Spent(what, who, targets, wall, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def settle(place: Path, ports: Ports, concurrency: int) -> Path:
    """Settings for a survey without a pace; returns the configuration."""
    place.mkdir()
    shutil.copytree(ROOT / "zones", place / "zones", ignore=shutil.ignore_patterns("historic"))
    config = place / "config.toml"
    config.write_text(
        f'[tester]\nport = {ports.mail}\nlab_networks = ["127.0.0.0/8"]\nconcurrency = {concurrency}\n'
        f"per_network = {concurrency}\nconnect_timeout = {PATIENCE}\nbanner_timeout = 5\ncommand_timeout = 5\n"
        "attempt_gap = 0\nconnection_gap = 0\nreserved = 0\n"
        '[survey]\nauthorized_networks = ["127.0.0.0/8"]\ncollector_domain = "c.test"\nbounce_domain = "b.test"\n'
        f'listen = "127.0.0.1:{ports.collector}"\nwait = 1\n'
    )
    return config


def _command(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "dnsbl", *words)


async def surveyed(what: str, place: Path, ports: Ports, first: str, number: int, concurrency: int) -> Spent:
    """Survey so many addresses."""
    config = settle(place / what.replace(" ", "-"), ports, concurrency)
    last = IPv4Address(first) + number - 1
    spent = await spend(
        what, "survey", number, *_command("survey", "run", "one", "--range", f"{first}-{last}", "--config", str(config))
    )
    lines = (config.parent / "state" / "surveys" / "one" / "results.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines if '"sat"' in line or '"host"' in line]
    if sum("host" in record for record in records) != number:
        raise SystemExit(f"bench: {what}: not every target was tested")
    testing = sum(record.get("sat", 0.0) for record in records)
    return Spent(what, "survey", number, spent.wall, testing, spent.cpu, spent.memory)


async def nmapped(what: str, place: Path, ports: Ports, addresses: Sequence[IPv4Address]) -> Spent:
    """The same addresses by nmap's script, as `bench.tester` has it."""
    targets = place / "targets"
    targets.write_text("".join(f"{address}\n" for address in addresses))
    words = stranger(ports.mail, str(targets), len(addresses), PATIENCE)
    return await spend(what, "nmap", len(addresses), *words)


async def measure() -> dict[str, Any]:
    """All of it."""
    raise_file_limit()
    ports, load = Ports.free(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        place, found = Path(name), list[Spent]()
        found.append(await surveyed("start", place, ports, MANY, 1, 200))
        plans = {"range A": fleet.range_a(), "silence": dict.fromkeys(fleet.range_a(), Habit.SILENT)}
        for what, plan in plans.items():
            async with fleet.neighbourhood(plan, ports.mail, ports.collector):
                found.append(await surveyed(what, place, ports, str(min(plan)), len(plan), 4000))
                if shutil.which("nmap"):
                    found.append(await nmapped(what, place, ports, list(plan)))
        for number in MEMORY:
            found.append(await surveyed(f"{number} closed", place, ports, MANY, number, 200))
    return {"processors": os.cpu_count(), "load": load, "spent": [asdict(one) for one in found]}


def goals(spent: Sequence[Mapping[str, Any]]) -> dict[str, bool]:
    """What we ask of ourselves, and whether this run kept it."""
    by = {(one["what"], one["who"]): one for one in spent}
    start = by["start", "survey"]["cpu"]
    closed = [by[f"{number} closed", "survey"]["memory"] for number in MEMORY]
    kept = {
        "range A is tested in 7 s at most": by["range A", "survey"]["testing"] <= 7,
        "memory is the same for 100 and for 100,000 targets, to a tenth": closed[-1] <= 1.1 * closed[0],
    }
    if ("silence", "nmap") in by:
        ours = by["silence", "survey"]["cpu"] - start
        kept["silence costs three times nmap's processor time at most"] = ours <= 3 * by["silence", "nmap"]["cpu"]
    return kept


def told(figures: Mapping[str, Any]) -> str:
    """The figures as people read them."""
    lines = [f"{figures['processors']} processors, load {figures['load']:.1f} at the start", ""]
    for one in figures["spent"]:
        lines.append(
            f"{one['what']:16} {one['who']:7} {one['targets']:7,} targets  wall {one['wall']:6.2f} s  "
            f"testing {one['testing']:6.2f} s  processor {one['cpu']:6.2f} s  memory {one['memory'] / 2**20:6.1f} MiB"
        )
    lines += ["", *(f"{'kept  ' if kept else 'MISSED'}  {goal}" for goal, kept in goals(figures["spent"]).items())]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Measure, and say so."""
    figures = asyncio.run(within(BUDGET, measure()))
    print(json.dumps(figures | {"goals": goals(figures["spent"])}, indent=1) if arguments else told(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
