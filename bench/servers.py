"""The servers that the DNS bench compares, with the same list in each, started on one core and watched from outside.

Every server of ours is `dnsbl serve --only dns` on a table made beforehand. Listed addresses lie where a list may hold
them, so that nothing is left out. Talks to loopback only.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.figures import ECHO, GUARDS_OFF, GUARDS_ON, MIDDLE, NSD, OURS, PLAIN, RBLDNSD, TWO, Row
from bench.processors import TICKS, family, fields
from dnsbl.demo.neighbourhood import free_port
from dnsbl.dns.listed.table import Table
from dnsbl.rules.bounds import Bounds
from dnsbl.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
ORIGIN = "bl.bench.test"
SOA = "ns.bench.example hostmaster.bench.example 1 3600 600 604800 300"
TEXT = "Open relay, see https://bl.bench.test/"
#: NSD's memory for more would be gigabytes.
MOST_FOR_NSD = 20_000
QUESTIONS = 200_000
#: Of a server to start, at 10,000,000 entries and on a busy machine.
PATIENCE = 120.0
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
[kinds.manual]
code = "127.0.0.3"
txt = "{TEXT}"
"""
#: Every guard that a query passes, none of them stopping it; and none at all.
RULES = ", ".join(f'"10.{n}.0.0/{16 + n % 9} refuse"' for n in range(20))
GUARDED = (
    f'acl = [{RULES}]\nrate_allow = []\nrate_answers = 1e7\nrate_negatives = 1e7\nrate_errors = 1e7\ncookies = "on"\n'
)
UNGUARDED = 'rate_answers = 0\nrate_negatives = 0\nrate_errors = 0\ncookies = "off"\n'
#: dnsperf: EDNS with a client's cookie (RFC 7873).
COOKIE = ("-e", "-E", "10:0123456789abcdef")


@dataclass
class Server:
    """One server at one size."""

    row: Row
    command: list[str]
    port: int
    questions: Path
    known: str = ""  #: a listed name, whose answer shows that the list is there; "" for the echo
    environment: dict[str, str] = field(default_factory=dict)
    asks: tuple[str, ...] = ()  #: further options of dnsperf
    threads: int = 1
    pid: int = 0


@dataclass
class World:
    """One list: its folder, its addresses and its questions."""

    folder: Path
    listed: array[int]

    @property
    def questions(self) -> Path:
        return self.folder / "questions"

    @property
    def table(self) -> Path:
        return self.folder / "table"

    @property
    def numbers(self) -> Path:
        """The addresses as 32-bit numbers."""
        return self.folder / "numbers"

    @property
    def known(self) -> str:
        """The name of a listed address."""
        return name_of(self.listed[len(self.listed) // 2])


def addresses(count: int) -> array[int]:
    """So many distinct addresses that a list may hold, sorted; the same ones each time."""
    drawn = array("I", sorted(set(array("I", random.Random(7).randbytes(4 * (count + count // 5 + 1000))))))
    for first, last in reversed(Bounds.of(Settings()).barred(4, 32)):
        del drawn[bisect_left(drawn, first) : bisect_left(drawn, last + 1)]
    left_out = set(random.Random(8).sample(range(len(drawn)), len(drawn) - count))
    return array("I", (number for at, number in enumerate(drawn) if at not in left_out))


def dotted(number: int) -> str:
    """An address as people write it."""
    return f"{WORDS[number >> 24]}.{WORDS[number >> 16 & 255]}.{WORDS[number >> 8 & 255]}.{WORDS[number & 255]}"


def name_of(number: int) -> str:
    """The name by which the list is asked about an address."""
    reverse = int.from_bytes(number.to_bytes(4, "little"))
    return f"{dotted(reverse)}.{ORIGIN}"


def world(folder: Path, size: int) -> World:
    """Make a list: table, questions (every other one listed), and the folder of zones."""
    folder.mkdir()
    made = World(folder, addresses(size))
    (folder / "zones").mkdir()
    (folder / "zones" / "bench.toml").write_text(ZONE)
    with made.numbers.open("wb") as file:
        made.listed.tofile(file)
    keys = (b"\4" + number.to_bytes(4) + b"\x20" for number in made.listed)
    with made.table.open("wb") as file:
        file.writelines(Table.of(((key, "relay") for key in keys), serial=1).parts())
    drawn = random.Random(9)
    with made.questions.open("w") as file:
        for n in range(QUESTIONS):
            number = drawn.choice(made.listed) if n % 2 else drawn.getrandbits(32)
            file.write(f"{name_of(number)} A\n")
    return made


def config(here: World, name: str, *, port: int, dns: str = "poll = 60\n", table: bool = True) -> Path:
    """A configuration of our own server in a folder of its own, with the list's table; the database is made by itself.

    One that is there already gets another port and other settings.
    """
    own = here.folder / name
    own.mkdir(exist_ok=True)
    if table and not (own / "table").exists():
        os.link(here.table, own / "table")
    (own / "config.toml").write_text(
        f'[service]\nstate_dir = "{own}"\n'
        f'[dns]\nlisten = ["127.0.0.1:{port}"]\nzones_dir = "{here.folder / "zones"}"\n{dns}'
    )
    return own / "config.toml"


def ours(
    here: World,
    name: str,
    *,
    dns: str = "poll = 60\n",
    environment: dict[str, str] | None = None,
    asks: tuple[str, ...] = (),
    threads: int = 1,
    folder: str = "",
) -> Server:
    """One of our own servers, in a folder of its own or in this one."""
    port = free_port()
    path = config(here, folder or f"state-{port}", port=port, dns=f"{dns}threads = {threads}\n")
    command = [sys.executable, "-m", "dnsbl", "serve", "--only", "dns", "--config", str(path)]
    row = Row(name, len(here.listed))
    return Server(row, command, port, here.questions, here.known, environment or {}, asks, threads)


def servers(here: World) -> Iterator[Server]:
    """What is compared at this size, with all its files written; those that are compared most are neighbours."""
    yield ours(here, PLAIN, environment={"DNSBL_PURE": "1"})
    yield rbldnsd(here)
    yield ours(here, OURS)
    if len(here.listed) == MIDDLE:
        yield ours(here, GUARDS_OFF, dns=f"poll = 60\n{UNGUARDED}", asks=COOKIE)
        yield ours(here, GUARDS_ON, dns=f"poll = 60\n{GUARDED}", asks=COOKIE)
    if len(here.listed) <= MOST_FOR_NSD and shutil.which("nsd"):
        yield nsd(here)
    yield ours(here, TWO, threads=2)


def rbldnsd(here: World) -> Server:
    """rbldnsd with the list as `ip4set`. It has no threads."""
    with (here.folder / "ip4set").open("w") as file:
        file.write(f"$SOA 3600 {SOA}\n$NS 2100 ns.bench.example\n:127.0.0.2:{TEXT}\n")
        for at in range(0, len(here.listed), 100_000):
            file.write("\n".join(map(dotted, here.listed[at : at + 100_000])) + "\n")
    port = free_port()
    command = ["rbldnsd", *(["-u", "nobody"] if os.geteuid() == 0 else []), "-n", "-a", "-c", "0"]
    command += ["-w", str(here.folder), "-b", f"127.0.0.1/{port}", f"{ORIGIN}:ip4set:ip4set"]
    return Server(Row(RBLDNSD, len(here.listed)), command, port, here.questions, here.known)


def nsd(here: World) -> Server:
    """NSD with one process that answers, and A and TXT for every address."""
    port, folder = free_port(), here.folder
    with (folder / "zone").open("w") as file:
        file.write(f"$ORIGIN {ORIGIN}.\n$TTL 2100\n@ 3600 SOA {SOA.replace('example ', 'example. ')}\n")
        file.write("@ NS ns.bench.example.\n")
        for number in here.listed:
            name = name_of(number).removesuffix(f".{ORIGIN}")
            file.write(f'{name} A 127.0.0.2\n{name} TXT "{TEXT}"\n')
    (folder / "nsd.conf").write_text(
        f'server:\n  ip-address: 127.0.0.1\n  port: {port}\n  username: ""\n  server-count: 1\n  zonesdir: "{folder}"\n'
        f'  database: ""\n  pidfile: ""\n  xfrdfile: "{folder}/xfrd"\n  zonelistfile: "{folder}/list"\n'
        f'  xfrdir: "{folder}"\n  rrl-ratelimit: 0\n  minimal-responses: yes\nremote-control:\n  control-enable: no\n'
        f'zone:\n  name: {ORIGIN}\n  zonefile: "zone"\n'
    )
    command = ["nsd", "-d", "-c", str(folder / "nsd.conf")]
    return Server(Row(NSD, len(here.listed)), command, port, here.questions, here.known)


def echo(here: World) -> Server:
    """What the kernel alone costs: every packet goes back by recvmmsg and sendmmsg."""
    port = free_port()
    return Server(Row(ECHO, 0), [sys.executable, "-m", "bench.inside", "echo", str(port)], port, here.questions)


def asked(port: int, name: str, timeout: float = 0.05) -> bytes:
    """What a server on loopback answers about the A records of a name; b"" for nothing in time (seconds)."""
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


def says_listed(reply: bytes) -> bool:
    """Whether this is a reply with an answer in it."""
    return len(reply) > 12 and reply[3] & 15 == 0 and reply[6:8] != b"\0\0"


@contextmanager
def running(server: Server, cores: list[int]) -> Iterator[None]:
    """Start a server on the first core, one of several threads on all, and wait until it answers from its list."""
    where = ",".join(map(str, cores if server.threads > 1 else cores[:1]))
    began = time.monotonic()
    process = subprocess.Popen(
        ["taskset", "-c", where, *server.command],
        env=os.environ | server.environment,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while True:
            said = asked(server.port, server.known or ORIGIN)
            if says_listed(said) or (said and not server.known):
                break
            if process.poll() is not None or time.monotonic() - began > PATIENCE:
                sys.exit(f"{server.row.name} does not answer: {' '.join(server.command)}")
            time.sleep(0.005)
        server.row.loads_in = time.monotonic() - began
        server.pid = process.pid
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def cpu(server: Server) -> tuple[float, float]:
    """Seconds of CPU that a server's processes have used, by themselves and in the kernel.

    The sum is exact to the microsecond; how it parts is as exact as the kernel's ticks.
    """
    user = system = total = 0.0
    for pid in family(server.pid):
        told = fields(f"/proc/{pid}/stat")
        user, system = user + int(told[11]) / TICKS, system + int(told[12]) / TICKS
        total += time.clock_gettime(~pid << 3 | 2)  # the process's own clock, as clock_getcpuclockid(3) names it
    return (total - system, system) if total > system else (user, system)


def resident(server: Server) -> float:
    """MB in memory; what the processes of one server share counts once."""
    pids = family(server.pid)
    what = "Rss" if len(pids) == 1 else "Pss"
    rollups = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids]
    return sum(int(found) for rollup in rollups for found in re.findall(rf"^{what}:\s+(\d+)", rollup, re.M)) / 1024
