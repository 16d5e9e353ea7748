"""Whom strangers keep waiting: not an owner who asks for his retest, however many tarpits they have nominated."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from email.utils import formatdate
from typing import Any

import pytest
from house import PATIENCE, House

from dnsbl.demo.neighbourhood import Neighbourhood

OWNER, NEXT_DOOR = "127.77.0.10", "127.77.0.200"
#: Nominated servers that take minutes for a greeting: each in a network of its own, and one beside the owner.
TARPITS = (NEXT_DOOR, *(f"127.78.{n}.1" for n in range(79)))
LISTED = "127.0.0.2"


class Street:
    """The demo's mail servers and the tarpits, in a thread; `held` counts the connections that the tarpits keep."""

    def __init__(self) -> None:
        self.collector = 0
        self.neighbours = Neighbourhood(lambda: ("127.0.0.1", self.collector), time.time)
        self.held = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._servers: list[asyncio.Server] = []
        self.port = self._call(self._open())

    def _call(self, wanted: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(wanted, self._loop).result(30)

    async def _open(self) -> int:
        port = await self.neighbours.start()
        for address in TARPITS:
            self._servers.append(await asyncio.start_server(self._dribble, address, port))
        return port

    async def _dribble(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.held += 1
        try:
            with suppress(OSError):
                while not reader.at_eof():
                    writer.write(b"220-one moment\r\n")
                    await writer.drain()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(reader.read(1), 5)
        finally:
            self.held -= 1
            writer.close()

    def close(self) -> None:
        async def shut() -> None:
            for server in self._servers:
                server.close()
            await self.neighbours.stop()
            rest = asyncio.all_tasks() - {asyncio.current_task()}
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

        self._call(shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture
def street() -> Iterator[Street]:
    made = Street()
    yield made
    made.close()


def post(house: House, path: str, document: dict[str, str], *, by: str) -> tuple[int, dict[str, Any]]:
    """Status and document of a request to the API from this address."""
    wire = http.client.HTTPConnection("127.0.0.1", house.web, timeout=PATIENCE, source_address=(by, 0))
    try:
        wire.request("POST", f"/api/v1/{path}", json.dumps(document), {"Content-Type": "application/json"})
        reply = wire.getresponse()
        return reply.status, json.loads(reply.read())
    finally:
        wire.close()


def spam(address: str) -> str:
    """Spam that came from there."""
    return (
        f"Received: from x.example (x.example [{address}]) by mx.example.com with ESMTP; {formatdate()}\r\n"
        "From: <a@x.example>\r\nSubject: buy\r\n\r\nbuy\r\n"
    )


def test_an_owners_retest_starts_at_once_whatever_strangers_nominate_and_ask_for(
    houses: Callable[..., House], street: Street
) -> None:
    pace = {"attempt_gap": 0, "connection_gap": 0.1, "grace": 1, "lease": 30}
    house = houses(tester={"port": street.port, "concurrency": 20, **pace}, web={"posts_per_hour": 1000})
    street.collector = house.collector
    process = house.serve()
    house.until("all to be up", lambda: house.ready()[0] == 200)
    assert post(house, "nominations", {"address": OWNER, "evidence": spam(OWNER)}, by="127.0.0.1")[0] == 202
    house.until("the relay to be listed", lambda: house.ask(OWNER) == LISTED)

    def waits() -> bool:
        status, said = post(house, "removals", {"address": OWNER}, by="127.0.0.1")
        return status == 429 and "that you asked for did not find it closed" in said["detail"]

    house.until("a stranger's request to have failed", waits)
    for address in TARPITS:
        assert post(house, "nominations", {"address": address, "evidence": spam(address)}, by="127.0.0.9")[0] == 202
    house.until("the tarpits to hold all places that are nobody's by right", lambda: street.held >= 15)

    street.neighbours.close_relay(OWNER)
    began = time.monotonic()
    assert post(house, "removals", {"address": OWNER}, by=OWNER)[0] == 202
    house.until("the retest to start", lambda: "is running now" in house.page(f"/ip/{OWNER}")[1] or gone(house), 5)
    started = time.monotonic()
    house.until("the listing to end", lambda: gone(house))
    print(f"started after {started - began:.1f} s, unlisted after {time.monotonic() - began:.1f} s")
    assert street.held >= 15, "the tarpits are where they were"
    assert house.stop(process) == 0


def gone(house: House) -> bool:
    """Whether the owner's address is listed no longer."""
    return house.ask(OWNER) == "NXDOMAIN"
