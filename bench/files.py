"""Data files of one million lines, a list of each form, in us and in rbldnsd: CPU a query, CPU of reading, memory.

Lines are in no order, as lists come. Our reading is measured inside (`bench.inside read`), from the open file to the
engine that answers from it; rbldnsd's is all the CPU that it has used when it first answers, at one start after the
other.
"""

from __future__ import annotations

import os
import sys
from array import array
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import IPv6Address
from pathlib import Path
from random import Random
from statistics import median

from bench.dnsperf import load
from bench.figures import OURS, RBLDNSD, Filed, Row
from bench.servers import (
    ORIGIN,
    SOA,
    TEXT,
    Server,
    World,
    addresses,
    config,
    cpu,
    dotted,
    name_of,
    resident,
    running,
)
from dnsbl.demo.neighbourhood import free_port

#: Every form of which each line is of its own; a combined file is made of these.
FORMS = ("ip4set", "ip4trie", "ip4tset", "ip6trie", "ip6tset", "dnset", "generic")
#: Half of them listed.
QUESTIONS = 100_000
TLDS = ("com", "net", "org", "info", "co.uk", "com.br", "ru", "xyz")
SIGNS = "abcdefghijklmnopqrstuvwxyz0123456789"
ZONE = f"""
origin = "{ORIGIN}"
ns = ["ns.bench.example"]
[soa]
mname = "ns.bench.example"
rname = "hostmaster.bench.example"
[[sources]]
type = "{{form}}"
files = ["{{file}}"]
"""

Line = tuple[str, str]  # as it stands in the file, and a name below the origin that it lists


@dataclass
class _Pair:
    """Ours and rbldnsd on one file, and both on a file of one line."""

    ours: Server
    rbldnsd: Server
    few: tuple[Server, Server]
    config: Path


def lines(form: str, size: int) -> Iterator[Line]:
    """So many lines; the same ones each time."""
    rng = Random(form)
    if form.startswith("ip4"):
        numbers = addresses(size)
        rng.shuffle(numbers)
        for number in numbers:
            name = name_of(number).removesuffix(f".{ORIGIN}")
            wide = form == "ip4trie" and rng.random() < 0.3
            yield (f"{dotted(number & 0xFFFFFF00)}/24" if wide else dotted(number)), name
    elif form.startswith("ip6"):
        for _ in range(size):
            half = 0x2001 << 112 | rng.getrandbits(48) << 64
            whole = half | rng.getrandbits(32)
            name = ".".join(reversed(f"{whole:032x}"))
            if form == "ip6tset":
                yield str(IPv6Address(half)).removesuffix("::"), name
            else:
                yield (f"{IPv6Address(half)}/64" if rng.random() < 0.5 else str(IPv6Address(whole))), name
    else:
        for _ in range(size):
            word = "".join(rng.choices(SIGNS, k=rng.randrange(5, 16)))
            name = f"{word}.{rng.choice(TLDS)}"
            if form == "generic":
                yield f"{name} A 127.0.0.2", name
            else:
                yield ("." if rng.random() < 0.5 else "") + name, name


def made(folder: Path, form: str, size: int) -> World:
    """A list of this form, its questions, and the folder of its zone."""
    folder.mkdir()
    known, head = [], f"$SOA 3600 {SOA}\n$NS 2100 ns.bench.example\n"
    with (folder / "list").open("w") as file:
        file.write(head if form == "generic" else f"{head}:127.0.0.2:{TEXT}\n")
        for n, (line, name) in enumerate(lines(form, size)):
            file.write(f"{line}\n")
            if n % max(1, 2 * size // QUESTIONS) == 0:
                known.append(name)
    rng = Random(9)
    with (folder / "questions").open("w") as questions:
        for name in rng.choices(known, k=QUESTIONS // 2):
            other = "".join(rng.choices(SIGNS, k=12)) + ".com"
            if form.startswith("ip4"):
                other = dotted(rng.getrandbits(32))
            elif form.startswith("ip6"):
                other = ".".join(f"{0x2001 << 112 | rng.getrandbits(112):032x}"[::-1])
            questions.write(f"{name}.{ORIGIN} A\n{other}.{ORIGIN} A\n")
    (folder / "zones").mkdir()
    (folder / "zones" / "bench.toml").write_text(ZONE.format(form=form, file=folder / "list"))
    (folder / "known").write_text(f"{known[len(known) // 2]}.{ORIGIN}")
    return World(folder, array("I"))


def pair(folder: Path, form: str, size: int) -> _Pair:
    """All that is compared for one form, with all its files written."""
    full, few = made(folder / form, form, size), made(folder / f"{form}-few", form, 1)
    (ours, path), (small, _) = _ours(full, size), _ours(few, 1)
    return _Pair(ours, _rbldnsd(full, form, size), (small, _rbldnsd(few, form, 1)), path)


def _ours(here: World, size: int) -> tuple[Server, Path]:
    port = free_port()
    path = config(here, "state", port=port, table=False)
    command = [sys.executable, "-m", "dnsbl", "serve", "--only", "dns", "--config", str(path)]
    return Server(Row(OURS, size), command, port, here.questions, (here.folder / "known").read_text()), path


def _rbldnsd(here: World, form: str, size: int) -> Server:
    port = free_port()
    command = ["rbldnsd", *(["-u", "nobody"] if os.geteuid() == 0 else []), "-n", "-a", "-c", "0"]
    command += ["-w", str(here.folder), "-b", f"127.0.0.1/{port}", f"{ORIGIN}:{form}:list"]
    return Server(Row(RBLDNSD, size), command, port, here.questions, (here.folder / "known").read_text())


def compare(
    folder: Path,
    size: int,
    cores: list[int],
    rounds: int,
    seconds: float,
    read: Callable[[Path], list[float]],
    say: Callable[[str], None],
) -> list[Filed]:
    """Each form in turn, ours and rbldnsd round after round. `read` gives the seconds of CPU of our readings."""
    found = []
    for form in FORMS:
        here = pair(folder, form, size)
        loads, grown = [], []
        for _ in range(rounds):
            with running(here.rbldnsd, cores):
                loads.append(sum(cpu(here.rbldnsd)))
        for server in here.few:
            with running(server, cores):
                grown.append(resident(server))
        with ExitStack() as stack:
            both = [here.ours, here.rbldnsd]
            for server in both:
                stack.enter_context(running(server, cores))
            for n in range(rounds):
                for server in both[:: -1 if n % 2 else 1]:
                    server.row.rounds.append(load(server, cores, seconds))
            for server in both:
                server.row.resident = resident(server)
        rows = here.ours.row, here.rbldnsd.row
        found.append(
            Filed(form, *rows, read(here.config), loads, rows[0].resident - grown[0], rows[1].resident - grown[1])
        )
        say(f"{form}: read in {median(found[-1].reads):.3f} s of CPU, rbldnsd in {median(loads):.3f} s")
    return found
