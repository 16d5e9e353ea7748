"""How many questions a signed list still hears: Knot signs it, Unbound validates and uses its NSEC records again.

    python -m bench.nsec [--listings 5000,50000] [--questions 20000]

Loopback only; needs knotd, knotc, unbound and dnsperf, and no root. Listings and questions are IPv4 addresses at
random, the same in every run and no question twice: mail sites ask again about the same addresses, which spares
questions to a list that is not signed too. All questions are asked within one `minimum`. Counted is what arrives at
Knot, signed and unsigned, of questions that are new to a resolver with an empty cache, which goes down to the name one
label after the other (RFC 9156).
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_network
from pathlib import Path

import dns.exception
import dns.message
import dns.query

from bench.dnsperf import told
from dnsbl.dns.listed.table import Table
from dnsbl.dns.secondaries import export
from dnsbl.dns.zonefile import zones_from

ORIGIN = "list.test"
ZONE = f"""
origin = "{ORIGIN}"
ns = ["ns.{ORIGIN}"]
ttl = 3600
[soa]
mname = "ns.{ORIGIN}"
rname = "hostmaster.{ORIGIN}"
minimum = 3600
ttl = 3600
[kinds.relay]
code = "127.0.0.2"
txt = "relay {{address}}"
[[records]]
name = "ns"
type = "A"
data = "127.0.0.1"
"""
PROGRAMS = ("knotd", "knotc", "keymgr", "unbound", "dnsperf")
#: Questions under way at once.
OUTSTANDING = 20
#: Seconds to wait for a program.
PATIENCE = 300


@dataclass(frozen=True, kw_only=True)
class Spared:
    """What a resolver asked of a list while it answered a number of questions."""

    listings: int
    signed: bool
    questions: int  #: that the resolver was asked
    upstream: int  #: that the list heard

    @property
    def line(self) -> str:
        """For people: a row of a table."""
        kind = "signed" if self.signed else "unsigned"
        share = self.upstream / self.questions
        return f"| {self.listings:,} | {kind} | {self.questions:,} | {self.upstream:,} | {share:.2f} |"


def addresses(rng: random.Random, count: int) -> list[IPv4Address]:
    """Different addresses of the space that mail comes from."""
    found: set[int] = set()
    while len(found) < count:
        found.add(rng.randrange(1 << 24, 224 << 24))
    return [IPv4Address(number) for number in found]


def name_of(address: IPv4Address) -> str:
    """What is asked for an address."""
    return f"{'.'.join(reversed(str(address).split('.')))}.{ORIGIN}"


def free_port() -> int:
    """A port of loopback that is free for UDP and TCP."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def knot_config(folder: Path, port: int, *, signed: bool) -> str:
    """A configuration of Knot: one zone from a file, and counters."""
    lines = ["server:", f"  listen: 127.0.0.1@{port}", f"  rundir: {folder}", "database:", f"  storage: {folder}"]
    lines += ["policy:", "  - id: signed", "    algorithm: ecdsap256sha256", "    nsec3: off"]
    lines += ["template:", "  - id: default", "    global-module: mod-stats"]
    lines += ["zone:", f"  - domain: {ORIGIN}", f"    storage: {folder}", "    file: zone", "    zonefile-sync: -1"]
    lines += ["    dnssec-signing: on", "    dnssec-policy: signed"] if signed else []
    return "\n".join(lines) + "\n"


def unbound_config(folder: Path, port: int, knot: int, anchor: str) -> str:
    """A configuration of Unbound as Debian's is: it validates, minimises, and uses NSEC records again."""
    lines = ["server:", f'directory: "{folder}"', 'chroot: ""', 'username: ""', 'pidfile: ""', "use-syslog: no"]
    lines += ["do-ip6: no", "num-threads: 1", "interface: 127.0.0.1", f"port: {port}", "do-not-query-localhost: no"]
    lines += ['module-config: "validator iterator"', "msg-cache-size: 64m", "rrset-cache-size: 128m"]
    lines += ["aggressive-nsec: yes", "qname-minimisation: yes", "key-cache-size: 8m", "neg-cache-size: 64m"]
    lines += [f"trust-anchor: '{anchor}'"] if anchor else ["domain-insecure: test"]
    lines += ['local-zone: "test" nodefault', f'stub-zone:\n  name: "{ORIGIN}"\n  stub-addr: 127.0.0.1@{knot}']
    return "\n".join([*lines, "remote-control:", "  control-enable: no"]) + "\n"


@contextmanager
def running(folder: Path, argv: Sequence[str]) -> Iterator[None]:
    """A program, until the block ends."""
    with (folder / f"{argv[0]}.log").open("wb") as log:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


def said(argv: Sequence[str]) -> str:
    """What a command prints, or "" when it fails."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=2 * PATIENCE)
    return done.stdout if done.returncode == 0 else ""


def waited(what: str, condition: Callable[[], bool]) -> None:
    """Until it holds. Raises TimeoutError."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.1)


def answers(port: int, kind: str) -> bool:
    """Whether the server there has such records of the zone's origin."""
    with suppress(dns.exception.DNSException, OSError):
        return bool(dns.query.udp(dns.message.make_query(ORIGIN, kind), "127.0.0.1", port=port, timeout=2).answer)
    return False


def heard(listings: int, steps: Sequence[int], *, signed: bool) -> list[Spared]:
    """What a list of so many addresses hears until so many questions were asked, for each of the steps.

    Raises ValueError when a question stayed unanswered, and TimeoutError.
    """
    listed = addresses(random.Random(1), listings)
    asked = addresses(random.Random(2), max(steps))
    (zone,) = zones_from({"list.toml": ZONE}, site="https://list.test")
    with tempfile.TemporaryDirectory(prefix="dnsbl-nsec-") as name:
        folder = Path(name)
        table = Table.of(((ip_network(address), "relay") for address in listed), serial=1)
        with (folder / "zone").open("w") as file:
            file.writelines(export.bind(zone, table))
        port, resolver = free_port(), free_port()
        (folder / "knot.conf").write_text(knot_config(folder, port, signed=signed))
        control = ["knotc", "-s", str(folder / "knot.sock"), "-t", "30"]
        with running(folder, ["knotd", "-c", str(folder / "knot.conf")]):
            anchor = ""
            waited("Knot", lambda: answers(port, "DNSKEY" if signed else "SOA"))
            if signed:
                ds = said(["keymgr", "-c", str(folder / "knot.conf"), ORIGIN, "ds"])
                anchor = next(line for line in ds.splitlines() if " 13 2 " in line)
            (folder / "unbound.conf").write_text(unbound_config(folder, resolver, port, anchor))
            with running(folder, ["unbound", "-d", "-p", "-c", str(folder / "unbound.conf")]):
                waited("Unbound", lambda: answers(resolver, "SOA"))
                found, before, start = [], counted(control), 0
                for step in steps:
                    questions = folder / f"questions{step}"
                    questions.write_text("".join(f"{name_of(address)} A\n" for address in asked[start:step]))
                    perf = ["dnsperf", "-s", "127.0.0.1", "-p", str(resolver), "-d", str(questions), "-n", "1"]
                    answered = told(said([*perf, "-q", str(OUTSTANDING), "-c", "1", "-t", "10"]))
                    if answered.lost or answered.completed != step - start:
                        raise ValueError(f"{answered.lost} of {step - start} questions stayed unanswered")
                    upstream = counted(control) - before
                    found.append(Spared(listings=listings, signed=signed, questions=step, upstream=upstream))
                    start = step
                return found


def counted(control: Sequence[str]) -> int:
    """How many questions Knot has heard."""
    found = re.findall(r"mod-stats\.request-protocol\[\w+\] = (\d+)", said([*control, "stats"]))
    return sum(map(int, found))


def main() -> None:
    """Print a table for docs/dnssec.md."""
    parser = argparse.ArgumentParser(prog="python -m bench.nsec", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--listings", default="500,5000,50000", help="sizes of the list")
    parser.add_argument("--questions", default="5000,20000,100000", help="questions in one lifetime, in growing order")
    chosen = parser.parse_args()
    if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
        sys.exit(f"{', '.join(missing)} missing: install knot, unbound and dnsperf")
    steps = [int(text) for text in chosen.questions.split(",")]
    print("| listings | zone | questions | the list hears | a question |\n|---:|---|---:|---:|---:|")
    for listings in map(int, chosen.listings.split(",")):
        for signed in (False, True):
            for one in heard(listings, steps, signed=signed):
                print(one.line, flush=True)


if __name__ == "__main__":
    main()
