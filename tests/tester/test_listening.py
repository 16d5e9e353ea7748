"""Accepting, over real sockets on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import logging
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tester.certificates import throwaway
from tester.crowd import Crowd, Place, Tally, widths
from tester.listening import PAUSE, REFUSED, YIELDED, Listener, bound, unheard

LOG = logging.getLogger("tester.listening.test")
GREETING = b"hello\n"


class Greeter(asyncio.Protocol):
    """Greets, and says nothing more."""

    made: ClassVar[list[asyncio.Transport]] = []

    def __init__(self, place: Place) -> None:
        self.place = place

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.made.append(transport)
        transport.write(GREETING)

    def connection_lost(self, exc: Exception | None) -> None:
        self.place.leave()


class Door:
    """A listener under test, and where it is."""

    def __init__(self, crowd: Crowd, now: Callable[[], float], host: str = "127.0.0.1", **more: Any) -> None:
        self.crowd, self.tally = crowd, Tally()
        listening = bound(host, 0)
        self.listener = Listener(listening, crowd, Greeter, who="greeter", tally=self.tally, log=LOG, now=now, **more)
        self.listener.start()
        self.port = listening.getsockname()[1]

    async def enter(self, source: str = "127.0.0.1", host: str = "127.0.0.1") -> tuple[bytes, asyncio.StreamWriter]:
        """Connect, and wait for the first line."""
        family_source = (source, 0) if ":" not in host else None
        reader, writer = await asyncio.open_connection(host, self.port, local_addr=family_source)
        with contextlib.suppress(ConnectionError):
            return await asyncio.wait_for(reader.readline(), 5), writer
        return b"", writer


@pytest.fixture
async def door() -> AsyncIterator[Callable[..., Door]]:
    doors: list[Door] = []
    clock = [0.0]

    def make(places: int = 10, **more: Any) -> Door:
        crowd = Crowd(places, more.pop("shares", ()), grace=more.pop("grace", 0.0))
        doors.append(Door(crowd, more.pop("now", lambda: clock[0]), **more))
        return doors[-1]

    yield make
    for one in doors:
        one.listener.close()
        await one.listener.wait_closed()


async def end(*writers: asyncio.StreamWriter) -> None:
    for writer in writers:
        writer.transport.abort()
    await asyncio.sleep(0)


async def test_a_place_is_free_again_when_its_guest_has_gone(door: Callable[..., Door]) -> None:
    here = door()
    line, writer = await here.enter()
    assert line == GREETING and len(here.crowd) == 1
    await end(writer)
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(here.crowd) == 0


async def test_what_is_written_leaves_at_once(door: Callable[..., Door]) -> None:
    """Else each answer on a connection that is kept waits some 40 ms for the client to acknowledge the one before."""
    _, writer = await door().enter()
    accepted = Greeter.made[-1].get_extra_info("socket")
    assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    await end(writer)


async def test_who_gets_no_place_is_told_and_costs_nothing(
    door: Callable[..., Door], caplog: pytest.LogCaptureFixture
) -> None:
    here = door(shares=widths(per_peer=1, per_network=10, per_region=10), grace=5.0, refusal=b"later\n")
    kept, writer = await here.enter("127.0.0.2")
    with caplog.at_level(logging.WARNING):
        refused = [await here.enter("127.0.0.2") for _ in range(5)]
    assert [line for line, _ in refused] == [b"later\n"] * 5
    other, neighbour = await here.enter("127.0.0.3")
    assert other == kept == GREETING
    assert here.tally.counted[REFUSED] == 5
    assert [record.getMessage() for record in caplog.records] == [f"greeter: {REFUSED}: 1"], "the others after a minute"
    await end(writer, neighbour, *[one for _, one in refused])


async def test_the_one_that_waits_longest_is_ended_for_a_new_one(door: Callable[..., Door]) -> None:
    here = door(places=1)
    _, first = await here.enter()
    line, second = await here.enter()
    assert line == GREETING
    assert here.tally.counted[YIELDED] == 1 and len(here.crowd) == 1
    with contextlib.suppress(ConnectionError):
        assert await asyncio.wait_for(first._reader.read(), 5) == b""  # type: ignore[attr-defined]
    await end(first, second)


async def test_a_thousand_at_once_leave_no_more_than_there_are_places(door: Callable[..., Door]) -> None:
    here = door(places=7)
    clients = [socket.socket() for _ in range(300)]
    for client in clients:
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", here.port))
    for _ in range(200):
        assert len(here.crowd) <= 7
        await asyncio.sleep(0)
    assert here.tally.counted[YIELDED] > 200
    line, writer = await here.enter()
    assert line == GREETING
    for client in clients:
        client.close()
    await end(writer)


@pytest.mark.parametrize("lacking", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
async def test_without_descriptors_it_makes_a_pause_and_says_so_once(
    door: Callable[..., Door], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, lacking: int
) -> None:
    here = door()
    [listening] = here.listener.sockets
    loop = asyncio.get_running_loop()
    later: list[tuple[float, Callable[..., object]]] = []
    asked = []

    class Short:
        """A socket of a process that has no descriptor left."""

        def fileno(self) -> int:
            return listening.fileno()

        def accept(self) -> None:
            asked.append(1)
            raise OSError(lacking, "Too many open files")

    with caplog.at_level(logging.WARNING), monkeypatch.context() as patch:
        patch.setattr(loop, "call_later", lambda wait, then, *args: later.append((wait, then)))
        here.listener._accept(Short())  # type: ignore[arg-type]
    assert asked == [1], "not once more"
    assert not loop.remove_reader(listening), "nobody is accepted during the pause"
    assert [wait for wait, _ in later] == [PAUSE]
    assert [record.getMessage() for record in caplog.records] == [
        "greeter: times without a descriptor for a new connection: 1"
    ]
    assert caplog.records[0].exc_info is None
    later[0][1]()
    line, writer = await here.enter()
    assert line == GREETING, "it goes on by itself"
    await end(writer)


async def test_a_connection_that_is_lost_as_it_is_accepted_keeps_no_other_one_waiting(
    door: Callable[..., Door], caplog: pytest.LogCaptureFixture
) -> None:
    here = door()
    [listening] = here.listener.sockets
    asyncio.get_running_loop().remove_reader(listening)
    faults = [ConnectionAbortedError(errno.ECONNABORTED, "gone"), OSError(errno.EPROTO, "gone"), None]

    class Lossy:
        def accept(self) -> Any:
            if (faults or [None])[0] is None:
                del faults[:]
                return listening.accept()
            raise faults.pop(0)  # type: ignore[misc]

    with socket.create_connection(("127.0.0.1", here.port)), caplog.at_level(logging.WARNING):
        here.listener._accept(Lossy())  # type: ignore[arg-type]
        assert faults == [] and len(here.crowd) == here.tally.connections == 1
    assert caplog.records == []


async def test_where_nobody_waits_the_system_is_not_asked_again(door: Callable[..., Door]) -> None:
    asked = []

    class Idle:
        def accept(self) -> None:
            asked.append(1)
            raise BlockingIOError(errno.EAGAIN, "nobody")

    door().listener._accept(Idle())  # type: ignore[arg-type]
    assert asked == [1]


async def test_who_had_to_yield_before_it_began_is_never_greeted(door: Callable[..., Door]) -> None:
    """Else more are served at once than there are places, as many as come within one turn of the loop."""
    here, before = door(places=1), len(Greeter.made)
    with socket.create_connection(("127.0.0.1", here.port)) as first:
        line, second = await here.enter()
        assert line == GREETING
        assert len(Greeter.made) == before + 1
        first.setblocking(False)
        assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(first, 100), 5) == b""
    await end(second)


async def test_what_happens_often_is_told_once_a_minute_and_anew_after_a_quiet_time(
    door: Callable[..., Door], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, later = [0.0], []
    here = door(now=lambda: clock[0])

    def call_later(wait: float, then: Callable[[], object]) -> asyncio.TimerHandle:
        later.append((wait, then))
        return asyncio.get_running_loop().call_at(float("inf"), then)

    monkeypatch.setattr(asyncio.get_running_loop(), "call_later", call_later)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            here.listener.note("something")
        assert [wait for wait, _ in later] == [60.0]
        clock[0] = 60.0
        later[0][1]()
        clock[0] = 500.0
        here.listener.note("something")
    assert [record.getMessage() for record in caplog.records] == [f"greeter: something: {count}" for count in (1, 2, 1)]
    assert len(later) == 1


async def test_when_it_is_closed_nothing_of_it_is_left_in_the_loop(door: Callable[..., Door]) -> None:
    """The system gives its number to the next socket, which would be taken for it."""
    here, loop = door(), asyncio.get_running_loop()
    number = here.listener.sockets[0].fileno()
    here.listener._pause = pause = loop.call_later(60, here.listener._go_on)
    for _ in range(2):
        here.listener.note("something")
    telling = here.listener._telling
    here.listener.close()
    assert telling is not None and telling.cancelled() and pause.cancelled()
    assert not loop.remove_reader(number)


def test_a_server_that_is_started_again_has_its_port_at_once_and_ipv6_is_asked_for_by_name() -> None:
    for host, alone in (("127.0.0.1", None), ("::1", 1), ("::", 0)):
        with contextlib.closing(bound(host, 0)) as made:
            assert made.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
            assert alone is None or made.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == alone


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (tmp_path / "pem").write_bytes(throwaway("greeter.test", time.time()))
    context.load_cert_chain(tmp_path / "pem")
    return context


async def secretly(here: Door) -> tuple[bytes, asyncio.StreamWriter]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection("127.0.0.1", here.port, ssl=context)
    return await asyncio.wait_for(reader.readline(), 5), writer


async def test_who_says_nothing_instead_of_a_handshake_yields_at_once(
    door: Callable[..., Door], tls: ssl.SSLContext
) -> None:
    """Else one stranger's silent connections hold every place for as long as a handshake may take."""
    here = door(places=1, tls=tls)
    with socket.create_connection(("127.0.0.1", here.port)) as silent:
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(here.crowd) == 1
        line, writer = await secretly(here)
        assert line == GREETING and len(here.crowd) == 1
        silent.setblocking(False)
        assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(silent, 100), 3) == b""
    await end(writer)


async def test_a_handshake_that_does_not_end_in_time_gives_its_place_up(
    door: Callable[..., Door], tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
    monkeypatch.setattr("tester.listening.HANDSHAKE", 0.05)
    here = door(tls=tls)
    with socket.create_connection(("127.0.0.1", here.port)) as silent:
        silent.setblocking(False)
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(silent, 100), 5) == b""
    with socket.create_connection(("127.0.0.1", here.port)):
        for _ in range(100):
            await asyncio.sleep(0)
        assert (here.tally.connections, len(here.crowd)) == (2, 1)
        await here.listener.wait_closed()
        assert len(here.crowd) == 0 and not here.listener._beginning
    gc.collect()
    assert faults == []


async def test_who_yields_in_the_middle_of_a_handshake_is_no_fault_of_the_server(
    door: Callable[..., Door], tls: ssl.SSLContext
) -> None:
    here = door(places=1, tls=tls)
    with socket.create_connection(("127.0.0.1", here.port)):
        for _ in range(100):
            await asyncio.sleep(0)
        closing = asyncio.create_task(here.listener.wait_closed())
        await asyncio.sleep(0)
        assert here.crowd.enter(ip_address("127.0.0.2"), 0.0) is not None
        await asyncio.wait_for(closing, 5)


async def test_who_yields_in_the_moment_in_which_it_begins_goes_as_well(door: Callable[..., Door]) -> None:
    """Else it stays for good beside the one that has its place."""
    here = door(places=1)
    [listening] = here.listener.sockets
    with socket.create_connection(("127.0.0.1", here.port)) as first:
        here.listener._accept(listening)
        await asyncio.sleep(0)
        assert here.crowd.enter(ip_address("127.0.0.2"), 0.0) is not None
        first.setblocking(False)
        loop, heard = asyncio.get_running_loop(), b""
        with contextlib.suppress(ConnectionError):
            while more := await asyncio.wait_for(loop.sock_recv(first, 100), 5):
                heard += more
        assert heard in (b"", GREETING)


async def test_no_guest_who_does_not_read_stops_the_others(door: Callable[..., Door]) -> None:
    """A connection that blocks would, once its buffer is full."""
    _, writer = await door(now=None).enter()
    assert not os.get_blocking(Greeter.made[-1].get_extra_info("socket").fileno())
    await end(writer)


async def test_what_was_not_yet_said_is_said_at_the_end(
    door: Callable[..., Door], caplog: pytest.LogCaptureFixture
) -> None:
    here = door()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            here.listener.note("something")
        here.listener.close()
    assert [record.getMessage() for record in caplog.records] == ["greeter: something: 1", "greeter: something: 2"]


async def test_exempt_networks_have_all_places(door: Callable[..., Door]) -> None:
    here = door(shares=widths(per_peer=1, per_network=1, per_region=1), grace=5.0, exempt=(ip_network("127.0.0.9/32"),))
    lines = [await here.enter(source) for source in ("127.0.0.9", "127.0.0.9", "127.0.0.8", "127.0.0.8")]
    assert [line for line, _ in lines] == [GREETING, GREETING, GREETING, b""]
    await end(*[writer for _, writer in lines])


@pytest.mark.parametrize(("host", "also"), [("::", "127.0.0.1"), ("::1", None)])
async def test_the_ipv6_wildcard_takes_ipv4_as_well(door: Callable[..., Door], host: str, also: str | None) -> None:
    here = door(host=host)
    line, writer = await here.enter(host="::1")
    assert line == GREETING
    if also:
        more, other = await here.enter(host=also)
        assert more == GREETING
        await end(other)
    await end(writer)


def test_a_taken_port_raises() -> None:
    with contextlib.closing(bound("127.0.0.1", 0)) as taken:
        taken.listen()
        with pytest.raises(OSError):
            bound("127.0.0.1", taken.getsockname()[1])


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EADDRINUSE, "another program listens there (`ss -lntup` names it)"),
        (errno.EACCES, "this user may not (ports below 1024 need CAP_NET_BIND_SERVICE)"),
        (errno.EADDRNOTAVAIL, "this machine has no such address"),
        (errno.EMFILE, os.strerror(errno.EMFILE)),
    ],
)
def test_why_nobody_can_listen_there_is_said_with_what_helps(number: int, said: str) -> None:
    assert unheard(OSError(number, os.strerror(number))) == said
