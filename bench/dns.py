"""Queries a second, CPU a query, latency, memory and time to load: this list beside rbldnsd, NSD and a bare echo.

Every server runs alone on one core (the others are idle then), dnsperf on another; all get the same zone and the same
questions, half of them listed, all at random addresses. They are loaded in turn, round after round, and what counts is
the ratio to rbldnsd within a round: its median is told, since a machine's mood changes from minute to minute. The echo
sends every packet back by recvmmsg and sendmmsg, which is what the kernel alone costs. Talks to loopback only.

NSD carries a zone with A and TXT for every address, which fits the small size only. Our own server is `dnsbl serve
--only dns` on a table made beforehand and an empty database.

    python bench/dns.py [--sizes 10000,1000000] [--rounds 5] [--seconds 2] [--json FILE] [--write FOLDER]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from dnsbl.dns import fast
from dnsbl.dns.table import Table

ROOT = Path(__file__).resolve().parents[1]
ORIGIN = "bl.bench.test"
SOA = "ns.bench.example hostmaster.bench.example 1 3600 600 604800 300"
TEXT = "Open relay, see https://bl.bench.test/"
#: NSD's memory for more would be gigabytes.
MOST_FOR_NSD = 20_000
QUESTIONS = 100_000
#: dnsperf: clients (source ports), and queries outstanding.
CLIENTS, OUTSTANDING = 8, 100
PACKAGES = {"dnsperf": "dnsperf", "rbldnsd": "rbldnsd", "nsd": "nsd"}
TICK = os.sysconf("SC_CLK_TCK")
WORDS = [str(n) for n in range(256)]

ZONE = f"""
origin = "{ORIGIN}"
ns = ["ns.bench.example"]
[soa]
mname = "ns.bench.example"
rname = "hostmaster.bench.example"
[kinds.relay]
code = "127.0.0.2"
txt = "{TEXT}"
"""


@dataclass
class Load:
    """One round of one server."""

    rate: float  #: queries a second
    user: float  #: microseconds of CPU a query
    system: float

    @property
    def cpu(self) -> float:
        return self.user + self.system


@dataclass
class Server:
    """One server at one size."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    port: int = 0
    pid: int = 0
    load_seconds: float = 0.0
    resident: float = 0.0  #: MB
    rounds: list[Load] = field(default_factory=list)
    latency: list[tuple[float, float]] = field(default_factory=list)  #: p50, p99 in microseconds, round by round


def install() -> None:
    """The Debian packages that are missing; as root only. Services are never started."""
    missing = [package for program, package in PACKAGES.items() if not shutil.which(program)]
    if not missing:
        return
    if os.geteuid() != 0:
        sys.exit(f"needed and not here: {', '.join(missing)}; run as root, or: apt-get install {' '.join(missing)}")
    policy = Path("/usr/sbin/policy-rc.d")
    made = not policy.exists()
    if made:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        quiet = {"env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}, "stdout": subprocess.DEVNULL, "check": True}
        subprocess.run(["apt-get", "update", "-qq"], **quiet)  # type: ignore[call-overload]
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], **quiet)  # type: ignore[call-overload]
    finally:
        if made:
            policy.unlink()


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        udp.bind(("127.0.0.1", 0))
        tcp.bind(udp.getsockname())
        return int(udp.getsockname()[1])


def addresses(count: int) -> array[int]:
    """So many distinct addresses, sorted; none in 127.0.0.0/8."""
    drawn = array("I", random.Random(7).randbytes(4 * (count + count // 50 + 1000)))
    listed = sorted({number for number in drawn if number >> 24 != 127})
    return array("I", sorted(random.Random(8).sample(listed, count)) if len(listed) > count else listed)


def dotted(number: int) -> str:
    return f"{WORDS[number >> 24]}.{WORDS[number >> 16 & 255]}.{WORDS[number >> 8 & 255]}.{WORDS[number & 255]}"


def write_questions(path: Path, listed: array[int]) -> None:
    drawn = random.Random(9)
    with path.open("w") as file:
        for n in range(QUESTIONS):
            number = drawn.choice(listed) if n % 2 else drawn.getrandbits(32)
            octets = ".".join(reversed(dotted(number).split(".")))
            file.write(f"{octets}.{ORIGIN} A\n")


def servers(folder: Path, listed: array[int]) -> Iterator[Server]:
    """What is compared at this size, with all its files written."""
    state = folder / "state"
    (folder / "zones").mkdir()
    state.mkdir()
    (folder / "zones" / "bench.toml").write_text(ZONE)
    keys = (b"\4" + number.to_bytes(4) + b"\x20" for number in listed)
    with (state / "table").open("wb") as file:
        Table.of(((key, "relay") for key in keys), serial=1).write(file)
    ours = [sys.executable, "-m", "dnsbl", "serve", "--only", "dns", "--config"]
    for name, environment in (("dnsbl", {}), ("dnsbl, pure Python", {"DNSBL_PURE": "1"})):
        if name == "dnsbl" and fast.words() != "compiled":
            sys.exit(f"the compiled engine is not here: {fast.words()}")
        port = free_port()
        own = folder / str(port)
        own.mkdir()
        shutil.copyfile(state / "table", own / "table")
        (own / "config.toml").write_text(
            f'[service]\nstate_dir = "{own}"\n[database]\nurl = "sqlite:///{own}/bench.db"\n'
            f'[dns]\nlisten = ["127.0.0.1:{port}"]\nzones_dir = "{folder / "zones"}"\npoll = 60\n'
        )
        config = [*ours[:3], "db", "upgrade", "--config", str(own / "config.toml")]
        subprocess.run(config, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
        yield Server(name, [*ours, str(own / "config.toml")], environment, port)
    port = free_port()
    with (folder / "ip4set").open("w") as file:
        file.write(f"$SOA 3600 {SOA}\n$NS 2100 ns.bench.example\n")
        file.write(f":127.0.0.2:{TEXT}\n")
        for at in range(0, len(listed), 100_000):
            file.write("\n".join(map(dotted, listed[at : at + 100_000])) + "\n")
    program = [
        "rbldnsd",
        "-n",
        "-a",
        "-c",
        "0",
        "-w",
        str(folder),
        "-b",
        f"127.0.0.1/{port}",
        f"{ORIGIN}:ip4set:ip4set",
    ]
    yield Server("rbldnsd", [*program[:1], *(["-u", "nobody"] if os.geteuid() == 0 else []), *program[1:]], {}, port)
    if len(listed) <= MOST_FOR_NSD:
        yield nsd(folder, listed)
    port = free_port()
    yield Server("echo", [sys.executable, __file__, "--echo", str(port)], {}, port)


def nsd(folder: Path, listed: array[int]) -> Server:
    port = free_port()
    with (folder / "zone").open("w") as file:
        soa = SOA.replace("example ", "example. ")
        file.write(f"$ORIGIN {ORIGIN}.\n$TTL 2100\n@ 3600 SOA {soa}\n")
        file.write("@ NS ns.bench.example.\n")
        for number in listed:
            name = ".".join(reversed(dotted(number).split(".")))
            file.write(f'{name} A 127.0.0.2\n{name} TXT "{TEXT}"\n')
    (folder / "nsd.conf").write_text(
        f'server:\n  ip-address: 127.0.0.1\n  port: {port}\n  username: ""\n  server-count: 1\n  zonesdir: "{folder}"\n'
        f'  database: ""\n  pidfile: ""\n  xfrdfile: "{folder}/xfrd"\n  zonelistfile: "{folder}/list"\n'
        f'  xfrdir: "{folder}"\n'
        f"  rrl-ratelimit: 0\n  minimal-responses: yes\nremote-control:\n  control-enable: no\n"
        f'zone:\n  name: {ORIGIN}\n  zonefile: "zone"\n'
    )
    return Server("NSD", ["nsd", "-d", "-c", str(folder / "nsd.conf")], {}, port)


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            found += map(int, task.read_text().split())
    return found


def cpu(server: Server) -> tuple[float, float]:
    """Seconds of CPU that a server's processes have used, by themselves and in the kernel."""
    user = system = 0
    for pid in family(server.pid):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        user, system = user + int(fields[11]), system + int(fields[12])
    return user / TICK, system / TICK


def resident(server: Server) -> float:
    """MB in memory; what the processes of one server share counts once."""
    pids = family(server.pid)
    what = "Rss" if len(pids) == 1 else "Pss"
    rollups = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids]
    return sum(int(re.search(rf"^{what}:\s+(\d+)", rollup, re.M)[1]) for rollup in rollups) / 1024  # type: ignore[index]


def answers(port: int, name: str, timeout: float = 0.05) -> bytes:
    question = struct.pack("!HHHHHH", 1, 0, 1, 0, 0, 0)
    question += b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0\0\1\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(timeout)
        client.connect(("127.0.0.1", port))
        try:
            client.send(question)
            return client.recv(4096)
        except OSError:
            return b""


@contextmanager
def running(server: Server, core: int, listed: array[int]) -> Iterator[None]:
    """Start a server on one core and wait until it answers for a listed address."""
    name = ".".join(reversed(dotted(listed[len(listed) // 2]).split("."))) + f".{ORIGIN}"
    began = time.monotonic()
    process = subprocess.Popen(
        ["taskset", "-c", str(core), *server.command],
        env=os.environ | server.environment,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while True:
            said = answers(server.port, name)
            if said and (server.name == "echo" or said[7] == 1):
                break
            if process.poll() is not None or time.monotonic() - began > 120:
                sys.exit(f"{server.name} does not answer: {' '.join(server.command)}")
            time.sleep(0.01)
        server.load_seconds = time.monotonic() - began
        server.pid = process.pid
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def dnsperf(server: Server, core: int, questions: Path, seconds: float, *more: str) -> str:
    command = ["taskset", "-c", str(core), "dnsperf", "-s", "127.0.0.1", "-p", str(server.port), "-d", str(questions)]
    command += ["-l", str(seconds), "-c", str(CLIENTS), "-T", "1", *more]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def load(server: Server, core: int, questions: Path, seconds: float) -> Load:
    """As many queries as the two cores take."""
    before = cpu(server)
    said = dnsperf(server, core, questions, seconds, "-q", str(OUTSTANDING))
    user, system = (1e6 * (after - start) for start, after in zip(before, cpu(server), strict=True))
    completed = int(re.search(r"Queries completed:\s+(\d+)", said)[1])  # type: ignore[index]
    rate = float(re.search(r"Queries per second:\s+([\d.]+)", said)[1])  # type: ignore[index]
    return Load(rate, user / completed, system / completed)


def latency(server: Server, core: int, questions: Path, seconds: float, rate: float) -> tuple[float, float]:
    """p50 and p99 in microseconds at this rate."""
    said = dnsperf(server, core, questions, seconds, "-q", str(OUTSTANDING), "-Q", str(int(rate)), "-v")
    found = sorted(float(line.rpartition(" ")[2]) for line in said.splitlines() if line.startswith("> "))
    return 1e6 * found[len(found) // 2], 1e6 * found[len(found) * 99 // 100]


def compare(size: int, rounds: int, seconds: float, say: Callable[[str], None]) -> list[Server]:
    """All servers at one size, in turn, round after round."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("two cores are needed: one for the servers, one for the questions")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench")))
        folder.chmod(0o755)
        listed = addresses(size)
        write_questions(folder / "questions", listed)
        found = list(servers(folder, listed))
        for server in found:
            stack.enter_context(running(server, cores[0], listed))
            say(f"{size:>10,} {server.name}: answers after {server.load_seconds:.2f} s")
        for _ in range(rounds):
            for server in found:
                server.rounds.append(load(server, cores[1], folder / "questions", seconds))
        peak = min(statistics.median(r.rate for r in s.rounds) for s in found if s.name in ("dnsbl", "rbldnsd"))
        for _ in range(rounds):
            for server in found:
                half = min(peak, statistics.median(r.rate for r in server.rounds)) / 2
                server.latency.append(latency(server, cores[1], folder / "questions", seconds / 2, half))
        for server in found:
            server.resident = resident(server)
    return found


def ratio(one: Server, other: Server, of: Callable[[Server], list[float]]) -> float:
    """The median of the ratios of pairs, round by round."""
    return statistics.median(a / b for a, b in zip(of(one), of(other), strict=True))


def cpu_of(server: Server) -> list[float]:
    return [r.cpu for r in server.rounds]


def p99_of(server: Server) -> list[float]:
    return [p99 for _, p99 in server.latency]


def table_of(results: dict[int, list[Server]]) -> list[str]:
    """The results as a Markdown table."""
    lines = [
        "| entries | server | queries/s | CPU us/query | user | system | p50 us | p99 us | resident MB | loads in s "
        "| CPU / rbldnsd | CPU / echo | p99 / rbldnsd |",
        "|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    median = statistics.median
    for size, found in results.items():
        by_name = {server.name: server for server in found}
        for s in found:
            cells = [
                f"{size:,}",
                s.name,
                f"{median(r.rate for r in s.rounds):,.0f}",
                f"{median(cpu_of(s)):.2f}",
                f"{median(r.user for r in s.rounds):.2f}",
                f"{median(r.system for r in s.rounds):.2f}",
                f"{median(p50 for p50, _ in s.latency):.0f}",
                f"{median(p99_of(s)):.0f}",
                f"{s.resident:.0f}",
                f"{s.load_seconds:.2f}",
                f"{ratio(s, by_name['rbldnsd'], cpu_of):.2f}",
                f"{ratio(s, by_name['echo'], cpu_of):.2f}",
                f"{ratio(s, by_name['rbldnsd'], p99_of):.2f}",
            ]
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def growth_of(results: dict[int, list[Server]]) -> list[str]:
    """What grows with the list, smallest size to largest; CPU in echoes, for moods change between sizes."""

    def relative(server: Server, found: list[Server]) -> float:
        return ratio(server, next(s for s in found if s.name == "echo"), cpu_of)

    sizes = sorted(results)
    if len(sizes) < 2:
        return []
    lines = ["| server | memory, MB a million | CPU a query in echoes, largest / smallest |", "|---|---:|---:|"]
    for small in results[sizes[0]]:
        for large in (s for s in results[sizes[-1]] if s.name == small.name and s.name != "echo"):
            memory = (large.resident - small.resident) / (sizes[-1] - sizes[0]) * 1e6
            grown = relative(large, results[sizes[-1]]) / relative(small, results[sizes[0]])
            lines.append(f"| {small.name} | {memory:.1f} | {grown:.2f} |")
    return lines


def chart_of(results: dict[int, list[Server]]) -> str:
    """CPU a query as bars, in SVG; user below, system above it in a lighter shade."""
    bars = [(size, s) for size, found in results.items() for s in found]
    highest = max(statistics.median(cpu_of(s)) for _, s in bars)
    width, height, left = 760, 30 * len(bars) + 70, 230
    scale = (width - left - 90) / highest
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        'font-size="13">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        '<text x="12" y="24" font-size="15">Microseconds of CPU a query (dark: own code, light: kernel)</text>',
    ]
    for n, (size, server) in enumerate(bars):
        y = 44 + 30 * n
        user = statistics.median(r.user for r in server.rounds) * scale
        system = statistics.median(r.system for r in server.rounds) * scale
        dark, light = ("#0b6e4f", "#8fcfb4") if server.name.startswith("dnsbl") else ("#555", "#bbb")
        parts += [
            f'<text x="{left - 8}" y="{y + 15}" text-anchor="end">{server.name}, {size:,}</text>',
            f'<rect x="{left}" y="{y}" width="{user:.1f}" height="20" fill="{dark}"/>',
            f'<rect x="{left + user:.1f}" y="{y}" width="{system:.1f}" height="20" fill="{light}"/>',
            f'<text x="{left + user + system + 6:.1f}" y="{y + 15}">{statistics.median(cpu_of(server)):.2f}</text>',
        ]
    return "\n".join([*parts, "</svg>\n"])


def page_of(results: dict[int, list[Server]], rounds: int, seconds: float) -> str:
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return "\n".join(
        [
            "# DNS: CPU, latency and memory beside other servers",
            "",
            "Written by `make bench-dns WRITE=1`; run it on your own machine. `bench/dns.py` tells what it does.",
            "",
            f"Processor: {model[1] if model else 'unknown'}, {os.cpu_count()} cores; Linux {os.uname().release}; "
            f"Python {sys.version.split()[0]}; {rounds} rounds of {seconds} s each. Half the questions are listed.",
            "The machine may have been busy with other things: compare within it. Ratios are medians of pairs.",
            "",
            "![CPU a query](bench-dns.svg)",
            "",
            *table_of(results),
            "",
            *growth_of(results),
            "",
            "rbldnsd 1.0pre holds the list as `ip4set`; NSD 4.6 has A and TXT for every address, so it is asked at",
            "the smallest size only. `echo` sends packets back and looks nothing up: the floor that the kernel sets.",
            "Latency is at half the lower peak of dnsbl and rbldnsd (a slower server: half of its own).",
            "",
        ]
    )


def echo(port: int) -> None:
    """Send back whatever comes, marked as a response."""
    from dnsbl.dns import _fast

    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", port))
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _fast.Engine(_fast.Plan((), [])).run(udp.fileno(), -1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,1000000", help="entries, with commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of load in each round")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--write", type=Path, help="write bench-dns.md and bench-dns.svg into this folder")
    parser.add_argument("--echo", type=int, metavar="PORT", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.echo:
        echo(options.echo)
        return
    install()
    results = {
        size: compare(size, options.rounds, options.seconds, lambda line: print(line, file=sys.stderr))
        for size in map(int, options.sizes.split(","))
    }
    print("\n".join([*table_of(results), "", *growth_of(results)]))
    if options.json:
        figures = {size: [asdict(server) for server in found] for size, found in results.items()}
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    if options.write:
        (options.write / "bench-dns.md").write_text(page_of(results, options.rounds, options.seconds))
        (options.write / "bench-dns.svg").write_text(chart_of(results))


if __name__ == "__main__":
    main()
