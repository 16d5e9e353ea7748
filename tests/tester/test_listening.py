"""Accepting, over real sockets on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import AsyncIterator, Callable
from ipaddress import ip_network
from typing import Any, ClassVar

import pytest

from tester.crowd import Crowd, Place, Tally, widths
from tester.listening import PAUSE, REFUSED, YIELDED, Listener, bound

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


async def test_without_descriptors_it_makes_a_pause_and_says_so_once(
    door: Callable[..., Door], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
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
            raise OSError(errno.EMFILE, "Too many open files")

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
