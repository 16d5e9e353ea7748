"""The ways into one host, against mail servers on both families of loopback: which are tried, and how many at once."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from dnsbl.addresses import Address, network_of, parse_address
from dnsbl.casework import Casework
from dnsbl.clock import SystemClock
from dnsbl.daemons import rounds
from dnsbl.daemons.names import Lookups
from dnsbl.daemons.worker import Worker
from dnsbl.errors import NotFound
from dnsbl.model import Job, Nomination, Run
from dnsbl.rules import selftest
from dnsbl.settings import Settings
from dnsbl.store import Store
from dnsbl.vocabulary import Door, JobState, RunState
from tester.errors import Undialled
from tester.knocking import Knocker
from tester.letter import Keyring
from tester.verdict import Verdict
from tests.waiting import until

HERE, THERE = parse_address("127.0.0.1"), parse_address("::1")
NAME = "mx.host.test"


@dataclass
class Host:
    """One machine: a closed mail server at several ports of both families."""

    now: int = 0  #: connections that stand
    most: int = 0  #: that stood at once
    seen: dict[tuple[str, int], list[str]] = field(default_factory=dict)  #: what was said, by own address and port
    refusal: dict[int, str] = field(default_factory=dict)  #: by port, where it is no common one
    name: str = NAME

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        here = writer.get_extra_info("sockname")[:2]
        lines = self.seen.setdefault(here, [])
        lines.append("connected")
        writer.write(f"220 {self.name} ESMTP\r\n".encode())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while line := (await reader.readuntil(b"\r\n")).decode("latin-1"):
                lines.append(line.rstrip())
                refused = line.startswith("RCPT") and "postmaster" not in line
                said = self.refusal.get(here[1], "554 5.7.1 Relay access denied") if refused else "250 ok"
                if line[:4] not in ("EHLO", "HELO", "MAIL", "RCPT", "RSET", "QUIT"):
                    said = "500 5.5.2 What?"
                writer.write(f"{said}\r\n".encode())
                if line.startswith("QUIT"):
                    break
        self.now -= 1
        writer.close()

    def offered(self, address: Address, port: int) -> int:
        """How many letters were offered there."""
        lines = self.seen.get((str(address), port), ())
        return sum(line.startswith("RCPT") and "postmaster" not in line for line in lines)


@dataclass
class Names:
    """What DNS says, and what was asked."""

    shared_by: set[tuple[str, ...]] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    async def own_name(self, address: Address, names: tuple[str, ...]) -> str:
        return ""

    async def twins(self, address: Address, names: tuple[str, ...]) -> tuple[Address, ...]:
        self.asked.append(f"twins of {address} by {' '.join(names)}")
        return (THERE,)

    async def shared(self, address: Address, other: Address, names: tuple[str, ...]) -> str:
        self.asked.append(f"{address} and {other} by {' '.join(names)}")
        return NAME if names in self.shared_by else ""


@contextlib.asynccontextmanager
async def serving(host: Host, ports: int) -> AsyncIterator[list[int]]:
    """The host at so many ports, the same of both families; one more number has nobody behind it."""
    async with contextlib.AsyncExitStack() as stack:
        free: list[int] = []
        while len(free) < ports:
            first = await asyncio.start_server(host, "127.0.0.1", 0)
            port = first.sockets[0].getsockname()[1]
            try:
                second = await asyncio.start_server(host, "::1", port)
            except OSError:
                first.close()
                continue
            stack.callback(first.close)
            stack.callback(second.close)
            free.append(port)
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            yield [*free, nobody.getsockname()[1]]


class Shop:
    """A worker on a store of its own."""

    def __init__(self, store: Store, ports: list[int], names: Names) -> None:
        tester = {
            "port": ports[0],
            "owner_ports": [25, *ports[1:]],
            "lab_networks": ["127.0.0.0/8", "::1/128"],
            "attempt_gap": 0,
            "connection_gap": 0,
            "grace": 0,
        }
        self.settings = Settings.model_validate({"tester": tester})
        keyring, clock = Keyring.generate(lambda size: bytes(size), 0), SystemClock()
        self.casework = Casework(store, self.settings, keyring, clock=clock)
        lookups = Lookups(own_name=names.own_name, twins=names.twins, shared=names.shared)
        self.worker = Worker(self.casework.assignments, self.settings, keyring, clock, lookups=lookups)

    def order(self) -> Job:
        return self.casework.operators.order_test(HERE, profile="standard", actor="operator")

    def nominate(self) -> Job:
        return self.casework.doors.nominate(
            Nomination(address=HERE, door=Door.CLI, nominator="x", reason="", evidence=b"spam")
        )

    async def settled(self, job: Job) -> Run:
        return await self.settled_run(job.run)

    async def settled_run(self, wanted: str) -> Run:
        def found() -> Run | None:
            with contextlib.suppress(NotFound):
                run = self.casework.views.run_report(wanted).run
                return run if run.state is RunState.SETTLED else None
            return None

        stop = asyncio.Event()
        working = asyncio.create_task(self.worker.run(stop))
        try:
            return await until(found, within=60)
        finally:
            stop.set()
            await asyncio.wait_for(working, 5)


async def test_the_whole_host_is_tried_one_connection_at_a_time(store: Store) -> None:
    host, names = Host(), Names(shared_by={()})
    async with serving(host, 2) as ports:
        shop = Shop(store, ports, names)
        run = await shop.settled(shop.order())
    assert run.verdict is Verdict.CLOSED
    report = shop.casework.views.run_report(run.id)
    assert [(one.path.address, one.path.port, one.verdict) for one in report.paths] == [
        (address, port, verdict)
        for address in (HERE, THERE)
        for port, verdict in zip(ports, (Verdict.CLOSED, Verdict.CLOSED, Verdict.UNREACHABLE), strict=True)
    ]
    forms = {host.offered(address, port) for address in (HERE, THERE) for port in ports[:2]}
    assert len(forms) == 1 and forms.pop() > 10, "each way in is offered every form"
    assert host.most == 1
    assert names.asked == [f"twins of {HERE} by {NAME}", f"{THERE} and {HERE} by "]


async def test_a_nomination_has_one_door_tried_and_no_name_looked_up(store: Store) -> None:
    host, names = Host(), Names(shared_by={()})
    async with serving(host, 2) as ports:
        shop = Shop(store, ports, names)
        run = await shop.settled(shop.nominate())
    assert run.verdict is Verdict.CLOSED
    assert set(host.seen) == {(str(HERE), ports[0])}
    assert names.asked == []


async def test_an_address_that_a_name_only_points_at_is_greeted_once_and_offered_nothing(store: Store) -> None:
    host, names = Host(), Names()
    async with serving(host, 1) as ports:
        shop = Shop(store, ports, names)
        run = await shop.settled(shop.order())
    assert run.verdict is Verdict.CLOSED
    said = host.seen[str(THERE), ports[0]]
    assert said.count("connected") == 1
    assert not [line for line in said if line.startswith(("MAIL", "RCPT", "DATA"))]
    assert {one.path.address for one in shop.casework.views.run_report(run.id).paths} == {HERE}
    assert names.asked[-1] == f"{THERE} and {HERE} by {NAME}"


async def test_a_machine_that_greets_by_a_name_that_leads_to_both_is_the_same(store: Store) -> None:
    host, names = Host(), Names(shared_by={(NAME,)})
    async with serving(host, 1) as ports:
        shop = Shop(store, ports, names)
        run = await shop.settled(shop.order())
    assert {one.path.address for one in shop.casework.views.run_report(run.id).paths} == {HERE, THERE}


@dataclass
class Crowd(Names):
    """A name that leads to many strangers, and last to the machine itself."""

    own: set[Address] = field(default_factory=set)  #: those that have a reverse name of their own, and another one
    proven: set[Address] = field(default_factory=set)  #: those whose reverse name leads to the machine

    async def own_name(self, address: Address, names: tuple[str, ...]) -> str:
        return "victim.test" if address in self.own and not names else ""

    async def twins(self, address: Address, names: tuple[str, ...]) -> tuple[Address, ...]:
        return (*map(parse_address, (f"127.0.0.{n}" for n in range(2, 42))), THERE)

    async def shared(self, address: Address, other: Address, names: tuple[str, ...]) -> str:
        return NAME if address in self.proven and not names else ""


async def dialled(store: Store, names: Crowd) -> set[str]:
    """The addresses that a test of the whole host connects to."""
    host = Host()
    async with serving(host, 1) as ports:
        beyond = [await asyncio.start_server(host, f"127.0.0.{n}", ports[0]) for n in range(2, 42)]
        shop = Shop(store, ports, names)
        await shop.settled(shop.order())
        for server in beyond:
            server.close()
    return {address for address, _ in host.seen}


async def test_a_name_that_leads_to_many_has_few_of_them_dialled(store: Store) -> None:
    assert await dialled(store, Crowd()) == {str(HERE), "127.0.0.2", "127.0.0.3"}


async def test_what_has_a_name_of_its_own_is_not_dialled_and_what_dns_proves_comes_first(store: Store) -> None:
    own = {parse_address(f"127.0.0.{n}") for n in range(2, 41)}
    names = Crowd(own=own, proven={THERE})
    assert await dialled(store, names) == {str(HERE), "127.0.0.41", str(THERE)}


async def test_a_twin_that_has_opted_out_is_neither_greeted_nor_tested(store: Store) -> None:
    host, names = Host(), Names(shared_by={()})
    async with serving(host, 1) as ports:
        shop = Shop(store, ports, names)
        shop.casework.operators.exclude(network_of(THERE), reason="asked", actor="operator")
        run = await shop.settled(shop.order())
    assert run.verdict is Verdict.CLOSED
    assert {address for address, _ in host.seen} == {str(HERE)}


async def test_a_twin_of_a_family_that_our_machine_has_no_way_to_is_left_out(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counted as a way in at which nobody is."""
    monkeypatch.setattr(rounds, "no_way", lambda one: "Network is unreachable" if one == THERE else "")
    host, names = Host(), Names(shared_by={()})
    async with serving(host, 1) as ports:
        shop = Shop(store, ports, names)
        run = await shop.settled(shop.order())
        ways = shop.casework.views.run_report(run.id).paths
    assert (run.verdict, {one.path.address for one in ways}) == (Verdict.CLOSED, {HERE})
    assert {address for address, _ in host.seen} == {str(HERE)}


async def test_a_known_twin_that_our_machine_cannot_dial_keeps_its_host_from_being_closed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = Knocker.connect

    async def one_family(self: Knocker, address: Address, *more: Any) -> object:
        if address == THERE:
            raise Undialled(f"This machine cannot dial {address}.", errno.ENETUNREACH)
        return await connect(self, address, *more)

    monkeypatch.setattr(Knocker, "connect", one_family)
    host, names = Host(), Names(shared_by={()})
    async with serving(host, 1) as ports:
        shop = Shop(store, ports, names)
        job = shop.order()
        ended = asyncio.Event()
        working = asyncio.create_task(shop.worker.run(ended))
        waits = await until(
            lambda: (
                (now := shop.casework.views.look_up(HERE).job) and now.state is JobState.QUEUED and now.takes and now
            )
        )
        ended.set()
        await working
    assert waits.run == job.run and waits.due > shop.casework.views.run_report(job.run).run.started


async def test_a_self_test_goes_every_way_in_that_was_chosen_and_no_other(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selftest, "PROFILE", "standard")
    host, names = Host(), Names(shared_by={()})
    async with serving(host, 3) as ports:
        shop = Shop(store, ports, names)
        self_tests = shop.casework.self_tests
        found = self_tests.ask(
            HERE, ports=f"25 {ports[1]}", token=self_tests.token(THERE), door=Door.API, actor="127.0.0.0/24"
        )
        run = await shop.settled_run(found.job.run)
    assert (run.verdict, selftest.result(self_tests.see(run.id))) == (Verdict.CLOSED, "closed")
    assert set(host.seen) == {(str(address), port) for address in (HERE, THERE) for port in ports[:2]}
    assert host.most == 1
    assert names.asked == [], "no name leads a self-test anywhere"


LOGIN = ["530 5.7.0 Authentication required", "554 5.7.1 Client host rejected: Access denied"]


@pytest.mark.parametrize("reply", LOGIN)
async def test_a_port_for_those_who_log_in_is_offered_the_plain_forms_alone(
    store: Store, monkeypatch: pytest.MonkeyPatch, reply: str
) -> None:
    host: Any = Host()
    async with serving(host, 2) as ports:
        monkeypatch.setattr("tester.host.SUBMISSION", frozenset({ports[1]}))
        host.refusal = {ports[1]: reply}
        shop = Shop(store, ports, Names())
        run = await shop.settled(shop.order())
    assert run.verdict is Verdict.CLOSED
    assert host.offered(HERE, ports[1]) == 4, "two by each stranger"
    assert host.offered(HERE, ports[0]) > 10
