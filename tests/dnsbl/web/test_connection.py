"""Connections of the web over real sockets, with a clock that is turned by hand."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from dnsbl.clock import HandClock
from dnsbl.dns.zones import Zones
from dnsbl.web.server import WebServer

Build = Callable[..., Any]
LIMITS = {"head_seconds": 10, "body_seconds": 60, "reading_seconds": 30, "idle_seconds": 600}


class Site:
    """A running web, its clock, and somebody who connects."""

    def __init__(self, server: WebServer, clock: HandClock, port: int) -> None:
        self.server, self.clock, self.port = server, clock, port
        self.writers: list[asyncio.StreamWriter] = []

    async def connect(self, said: bytes = b"", source: str = "127.0.0.1") -> asyncio.StreamReader:
        """A connection on which this was said, and taken in by the server."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(source, 0))
        self.writers.append(writer)
        if said:
            await self.say(said)
        await self.settle()
        return reader

    async def say(self, said: bytes) -> None:
        self.writers[-1].write(said)
        await self.writers[-1].drain()
        await self.settle()

    async def settle(self) -> None:
        """Let everything that has been sent arrive."""
        for _ in range(30):
            await asyncio.sleep(0)

    def pass_time(self, seconds: float) -> None:
        self.clock.turn(seconds=seconds)
        self.server.look()


@pytest.fixture
async def site(house: Build) -> AsyncIterator[Callable[..., Any]]:
    sites: list[tuple[Site, asyncio.Event, asyncio.Task[None]]] = []

    async def make(**web: Any) -> Site:
        home = house(web={"listen": "127.0.0.1:0"} | LIMITS | web)
        clock = home.office.clock
        server = WebServer(home.casework.doors, home.casework.views, home.office.settings, clock=clock, zones=Zones(()))
        _, port = await server.start()
        stop = asyncio.Event()
        sites.append((Site(server, clock, port), stop, asyncio.create_task(server.run(stop))))
        await asyncio.sleep(0)
        return sites[-1][0]

    yield make
    for one, stop, running in sites:
        for writer in one.writers:
            writer.transport.abort()
        stop.set()
        await asyncio.wait_for(running, 10)


async def rest(reader: asyncio.StreamReader) -> bytes:
    """All that still comes until the connection is closed."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while more := await asyncio.wait_for(reader.read(65536), 10):
            data += more
    return data


async def still_open(reader: asyncio.StreamReader) -> bool:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.05)
        return False
    return True


GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
POST = b"POST /remove HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n" + FORM + b"\r\n"


async def test_who_says_nothing_is_hung_up_on(site: Build) -> None:
    here = await site()
    silent = await here.connect()
    here.pass_time(9.9)
    assert await still_open(silent)
    here.pass_time(0.1)
    assert await rest(silent) == b""


async def test_half_a_head_is_answered_408_however_it_trickles(site: Build) -> None:
    here = await site()
    slow = await here.connect(b"GET / HTTP/1.1\r\nHost: x\r\nX-A: ")
    for _ in range(9):
        await here.say(b"a")
        here.pass_time(1)
    assert await still_open(slow)
    here.pass_time(1)
    assert (await rest(slow)).startswith(b"HTTP/1.1 408 ")


async def test_half_a_body_is_answered_408_however_it_trickles(site: Build) -> None:
    here = await site()
    slow = await here.connect(POST)
    for _ in range(59):
        await here.say(b"a")
        here.pass_time(1)
    assert await still_open(slow)
    here.pass_time(1)
    assert (await rest(slow)).startswith(b"HTTP/1.1 408 ")


async def test_the_head_of_a_further_request_has_the_same_time(site: Build) -> None:
    here = await site()
    reader = await here.connect(GET)
    assert (await asyncio.wait_for(reader.readuntil(b"ok\n"), 5)).startswith(b"HTTP/1.1 200")
    here.pass_time(100)
    assert await still_open(reader), "idle is not slow"
    await here.say(b"G")
    here.pass_time(9.9)
    assert await still_open(reader)
    here.pass_time(0.1)
    assert (await rest(reader)).startswith(b"HTTP/1.1 408 ")


async def test_who_does_not_read_is_hung_up_on(site: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    here = await site()

    async def big(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * 50_000_000})

    monkeypatch.setattr(here.server._server.config, "loaded_app", big)
    reader = await here.connect(GET)
    reader._transport.pause_reading()  # type: ignore[attr-defined]
    here.pass_time(29.9)
    await here.settle()
    assert len(here.server._server.server_state.connections) == 1
    here.pass_time(0.2)
    await here.settle()
    assert len(here.server._server.server_state.connections) == 0


async def test_our_own_slowness_is_not_held_against_the_client(site: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    here = await site(connections=10, per_peer=1)
    release = asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await release.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    monkeypatch.setattr(here.server._server.config, "loaded_app", slow)
    served = await here.connect(GET)
    here.pass_time(1000)
    refused = await here.connect(GET)
    assert await rest(refused) == b"", "who is being served does not yield"
    release.set()
    assert (await asyncio.wait_for(served.readuntil(b"\r\n\r\n"), 5)).startswith(b"HTTP/1.1 200")


async def test_who_has_gone_leaves_the_place_free(site: Build) -> None:
    here = await site()
    reader = await here.connect(GET[:-2] + b"Connection: close\r\n\r\n")
    assert (await rest(reader)).endswith(b"ok\n")
    await here.connect(b"GET /")
    here.writers[-1].transport.abort()
    await here.settle()
    assert len(here.server._server._crowd) == 0


async def test_half_open_requests_yield_to_a_new_one_of_their_network(site: Build) -> None:
    here = await site(connections=20, per_peer=5, per_network=10)
    halves = [await here.connect(b"GET / HTTP/1.1\r\n") for _ in range(30)]
    for source in ("127.0.0.1", "127.0.0.7", "127.9.9.9"):
        reader = await here.connect(GET, source)
        assert (await asyncio.wait_for(reader.readuntil(b"ok\n"), 5)).startswith(b"HTTP/1.1 200")
    assert len(here.server._server.server_state.connections) <= 20
    assert await rest(halves[0]) == b""


async def test_what_strangers_cause_is_counted_and_told_once(site: Build, caplog: pytest.LogCaptureFixture) -> None:
    here = await site()
    with caplog.at_level(logging.INFO):
        for _ in range(50):
            reader = await here.connect(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
            assert (await rest(reader)).startswith(b"HTTP/1.1 400 ")
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert told == ["web: requests that were no HTTP: 1"], "the rest is told in a minute"
    assert here.server._server.tally.counted["requests that were no HTTP"] == 50
