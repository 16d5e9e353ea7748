"""What each way into a host costs a list: connections, letters, octets, seconds and processor time.

    python -m bench.paths [--json]

A worker and a collector, the store on SQLite, as a list runs them; the hosts are in a process of their own, on
127.62.0.0 and up. An operator orders a test of the whole of each of ten hosts alike, one after another, with pacing
off; each row is a kind of host. What the first way in costs is read off hosts that have no other; what a further one
costs is the difference. Processor time is that of worker, store and collector together. Wall times mean little on a
machine that is busy otherwise. Ends within two minutes; nothing leaves loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address
from typing import Any

from bench.fleet import BOUNCE_DOMAIN, COLLECTOR_DOMAIN, Habit, MailServer, apart
from bench.limits import within
from dnsbl.casework import Casework
from dnsbl.clock import SystemClock
from dnsbl.daemons.mailroom import Mailroom
from dnsbl.daemons.worker import Worker
from dnsbl.settings import Settings
from dnsbl.store import Store
from dnsbl.vocabulary import RunState
from tester.letter import Keyring
from tester.smtp import Outcome, Transcript
from tester.verdict import UNCONNECTED, Verdict

FIRST = IPv4Address("127.62.0.1")
MAIL, BESIDE, LOGIN = 2600, 2601, 2525  #: the mail port; one beside it; one where people log in (RFC 6409)
HOSTS = 10
BUDGET = 120.0  #: seconds for all of it
PAUSE = 0.1  #: seconds between two looks whether a test is over
ASKS_FOR_LOGIN = "asks for a login"

#: The hosts: what is at their ports, beside the mail port at one other at most.
KINDS: Mapping[str, Mapping[int, str]] = {
    "closed": {MAIL: Habit.CLOSED.name},
    "closed; nobody at another port": {MAIL: Habit.CLOSED.name, BESIDE: ""},
    "closed; a login wanted at another port": {MAIL: Habit.CLOSED.name, LOGIN: ASKS_FOR_LOGIN},
    "closed; closed at another port": {MAIL: Habit.CLOSED.name, BESIDE: Habit.CLOSED.name},
    "closed; open at another port": {MAIL: Habit.CLOSED.name, BESIDE: Habit.ANY.name},
    "open": {MAIL: Habit.ANY.name},
    "open; open at another port": {MAIL: Habit.ANY.name, BESIDE: Habit.ANY.name},
}
#: What each deserves.
VERDICTS = {kind: Verdict.OPEN if Habit.ANY.name in ports.values() else Verdict.CLOSED for kind, ports in KINDS.items()}


#: How a letter ends that nobody was there for, or that was left out.
_NOT_OFFERED = UNCONNECTED | {Outcome.SKIPPED, Outcome.UNTRIED}


class Cautious(MailServer):
    """One that takes mail only from those who log in (RFC 4954 6)."""

    def _recipient(self, mail: bytes, rcpt: bytes) -> bytes:
        return b"530 5.7.0 Authentication required\r\n"


@dataclass(frozen=True, slots=True)
class Price:
    """What the last way into a host of one kind costs, on average; the first, where it has no other."""

    kind: str
    connections: float
    letters: float  #: that were offered
    sent: float  #: octets
    seconds: float  #: that its conversations took
    paced: float  #: the same with the pauses of the settings' defaults between letters and connections
    cpu: float  #: seconds
    right: int  #: hosts that were given the verdict that they deserve, of `HOSTS`


def _hosts(ports: Mapping[int, str], collector: int, number: int) -> contextlib.AbstractAsyncContextManager[None]:
    words = [f"{port}={habit}" for port, habit in ports.items() if habit]
    return apart("bench.paths", "--serve", str(collector), str(number), *words)


async def listening(ports: Mapping[int, str], collector: int, number: int) -> list[asyncio.Server]:
    """The hosts, in this process."""
    servers = []
    for address in (FIRST + offset for offset in range(number)):
        for port, habit in ports.items():
            if habit:
                kind = Cautious if habit == ASKS_FOR_LOGIN else MailServer
                server = kind(address, Habit.CLOSED if habit == ASKS_FOR_LOGIN else Habit[habit], collector)
                servers.append(await asyncio.start_server(server, str(address), port))
    return servers


async def serve(collector: int, number: int, ports: Mapping[int, str]) -> None:
    """Be the hosts until standard input ends."""
    await listening(ports, collector, number)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)


def _settings(ports: Mapping[int, str], folder: str) -> Settings:
    tester = {
        "source_addresses": ["127.0.0.1"],
        "collector_domain": COLLECTOR_DOMAIN,
        "bounce_domain": BOUNCE_DOMAIN,
        "lab_networks": ["127.0.0.0/8"],
        "port": MAIL,
        "owner_ports": [25, *(port for port in ports if port != MAIL)],
        "attempt_gap": 0,
        "connection_gap": 0,
    }
    return Settings.model_validate(
        {"tester": tester, "collector": {"listen": ["127.0.0.1:0"]}, "service": {"state_dir": folder}}
    )


async def _settled(casework: Casework, address: IPv4Address) -> None:
    """Wait for the end of the test of an address."""
    for _ in range(int(BUDGET / PAUSE)):
        if any(run.state is RunState.SETTLED for run in casework.views.look_up(address).runs):
            return
        await asyncio.sleep(PAUSE)


async def _tested(kind: str, ports: Mapping[int, str], number: int, folder: str) -> tuple[list[Price], float]:
    """The prices of the ways in, in order, and the processor time of a test."""
    settings, clock = _settings(ports, folder), SystemClock()
    store = Store.open(f"sqlite:///{folder}/{secrets.token_hex(4)}.db")
    store.upgrade()
    keyring = Keyring.generate(secrets.token_bytes, int(time.time()) - 600)
    casework = Casework(store, settings, keyring, clock=clock)
    mailroom = Mailroom(casework.arrivals, settings, keyring, clock)
    [(_, collector)] = await mailroom.start()
    stop = asyncio.Event()
    daemons = [
        asyncio.create_task(mailroom.run(stop)),
        asyncio.create_task(Worker(casework.assignments, settings, keyring, clock).run(stop)),
    ]
    reports = []
    try:
        async with _hosts(ports, collector, number):
            cpu = time.process_time()
            for address in (FIRST + offset for offset in range(number)):
                job = casework.operators.order_test(address, profile="standard", actor="bench")
                await _settled(casework, address)
                reports.append(casework.views.run_report(job.run))
            cpu = time.process_time() - cpu
    finally:
        stop.set()
        await asyncio.gather(*daemons)
        store.close()
    right = sum(report.run.verdict is VERDICTS[kind] for report in reports)
    held = [Transcript.from_json(document) for report in reports for document in report.transcripts]
    usual = Settings().tester
    prices = []
    for port in ports:
        here = [one for one in held if one.port == port]
        letters = sum(result.outcome not in _NOT_OFFERED for one in here for result in one.results)
        seconds = sum(one.events[-1].at for one in here if one.events)
        pauses = letters * usual.attempt_gap + max(0, len(here) - number) * usual.connection_gap
        prices.append(
            Price(
                kind=kind,
                connections=len(here) / number,
                letters=letters / number,
                sent=sum(len(event.data) for one in here for event in one.events if event.kind == ">") / number,
                seconds=seconds / number,
                paced=(seconds + pauses) / number,
                cpu=0.0,
                right=right,
            )
        )
    return prices, cpu / number


async def measure(number: int = HOSTS) -> dict[str, Any]:
    """All of it."""
    load, rows, alone = os.getloadavg()[0], [], {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, ports in KINDS.items():
            prices, cpu = await _tested(kind, ports, number, folder)
            if len(ports) == 1:
                alone[ports[MAIL]] = cpu
            cpu -= alone[ports[MAIL]] if len(ports) > 1 else 0.0
            rows.append(asdict(prices[-1]) | {"cpu": cpu})
    return {"load_before": load, "hosts": number, "prices": rows}


def report(figures: Mapping[str, Any]) -> str:
    """The figures as people read them."""
    head = "host; the way in that is counted is the last"
    lines = [f"{head:<46}connections  letters    octets  seconds  at usual pace  processor   right"]
    for row in figures["prices"]:
        lines.append(
            f"{row['kind']:<46}{row['connections']:>11.1f}{row['letters']:>9.1f}{row['sent']:>10,.0f}"
            f"{row['seconds']:>9.2f}{row['paced']:>13.0f} s{1000 * row['cpu']:>8.0f} ms"
            f"{row['right']:>4} of {figures['hosts']}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    match arguments:
        case ["--serve", collector, number, *words]:
            ports = {int(port): habit for port, _, habit in (word.partition("=") for word in words)}
            asyncio.run(serve(int(collector), int(number), ports))
        case [] | ["--json"]:
            figures = asyncio.run(within(BUDGET, measure()))
            print(json.dumps(figures, indent=1) if arguments else report(figures))
            return 0 if all(row["right"] == figures["hosts"] for row in figures["prices"]) else 1
        case _:
            print("usage: python -m bench.paths [--json]", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
