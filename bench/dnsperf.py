"""dnsperf, the load: how it is called and what it tells. It runs on the last core; loopback only."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass

from bench.figures import Load
from bench.servers import Server, cpu

#: Queries outstanding.
OUTSTANDING = 100
#: Source ports; more for servers of several threads, between which the kernel parts them.
CLIENTS, CLIENTS_OF_MANY = 8, 32


@dataclass(frozen=True)
class Told:
    """What dnsperf says at the end."""

    sent: int
    completed: int
    lost: int
    rate: float  #: completed, a second


def command(server: Server, cores: list[int], seconds: float, *more: str) -> list[str]:
    """The command line that loads a server for so many seconds; one of several threads shares all cores with it."""
    many = server.threads > 1
    where = ",".join(map(str, cores if many else cores[-1:]))
    called = ["taskset", "-c", where, "dnsperf", "-s", "127.0.0.1", "-p", str(server.port)]
    called += ["-d", str(server.questions), "-l", str(seconds), "-q", str(OUTSTANDING)]
    called += ["-c", str(CLIENTS_OF_MANY if many else CLIENTS), "-T", str(server.threads)]
    return [*called, *server.asks, *more]


def told(said: str) -> Told:
    """Read dnsperf's statistics. Raises ValueError when they are not there, or nothing was answered."""
    found = {
        word: re.search(rf"^\s*Queries {word}:\s+([\d.]+)", said, re.M)
        for word in ("sent", "completed", "lost", "per second")
    }
    sent, completed, lost, rate = (match[1] if match else "" for match in found.values())
    if not (sent and completed and lost and rate) or not int(completed):
        raise ValueError(f"dnsperf told no figures: {said[-300:]}")
    return Told(int(sent), int(completed), int(lost), float(rate))


def percentiles(said: str) -> tuple[float, float]:
    """p50 and p99 in microseconds from the lines that `-v` prints, one a query. Raises ValueError for none."""
    found = sorted(float(seconds) for seconds in re.findall(r"^> [A-Z]+ \S+ \S+ ([\d.]+)$", said, re.M))
    if not found:
        raise ValueError(f"dnsperf told no latencies: {said[:300]}")
    return 1e6 * found[len(found) // 2], 1e6 * found[len(found) * 99 // 100]


def load(server: Server, cores: list[int], seconds: float) -> Load:
    """As many queries as server and dnsperf manage."""
    before = cpu(server)
    said = subprocess.run(command(server, cores, seconds), check=True, capture_output=True, text=True).stdout
    user, system = (after - start for start, after in zip(before, cpu(server), strict=True))
    found = told(said)
    return Load(found.rate, 1e6 * user / found.completed, 1e6 * system / found.completed, found.lost)


def latency(server: Server, cores: list[int], seconds: float, rate: float) -> tuple[float, float]:
    """p50 and p99 in microseconds at so many queries a second. Nobody reads along: dnsperf writes into a file."""
    with tempfile.TemporaryFile("w+") as file:
        subprocess.run(command(server, cores, seconds, "-Q", str(int(rate)), "-v"), check=True, stdout=file)
        file.seek(0)
        return percentiles(file.read())
