"""The shell: binds, answers over a real socket, stops when told, leaves signals alone."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dnsbl.clock import HandClock
from dnsbl.dns.zonefile import zones_from
from dnsbl.dns.zones import Zones
from dnsbl.errors import DnsblError
from dnsbl.web.server import TableServer, WebServer
from tests.dnsbl.web.asking import ask
from tests.dnsbl.web.conftest import TARGET, ZONE

Build = Callable[..., Any]


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "[::1]:0"])
async def test_it_serves_until_told_to_stop(house: Build, listen: str) -> None:
    home = house(web={"listen": listen})
    server = WebServer(
        home.casework.doors, home.casework.views, home.office.settings, clock=home.office.clock, zones=Zones(())
    )
    host, port = await server.start()
    assert port and host in listen
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    stop = asyncio.Event()
    running = asyncio.create_task(server.run(stop))
    answer = await ask(
        host, port, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1.1.1.1\r\nConnection: close\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"ok\n")
    assert b"server:" not in answer.lower()
    page = await ask(host, port, b"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1.1.1.1\r\nConnection: close\r\n\r\n")
    assert f"/ip/{host}".encode() in page and b"1.1.1.1" not in page
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    stop.set()
    await asyncio.wait_for(running, 10)
    with pytest.raises(OSError):
        await asyncio.open_connection(host, port)


async def test_running_binds_by_itself_and_a_stop_at_once_is_heard(house: Build) -> None:
    home = house(web={"listen": "127.0.0.1:0"})
    stop = asyncio.Event()
    stop.set()
    server = WebServer(
        home.casework.doors, home.casework.views, home.office.settings, clock=home.office.clock, zones=Zones(())
    )
    await asyncio.wait_for(server.run(stop), 10)


async def test_the_second_name_of_a_list_is_on_no_page_and_read_wherever_it_is_pasted(house: Build) -> None:
    home = house(web={"listen": "127.0.0.1:0"})
    second = ZONE.replace("ns = [", 'watched = "qw.example.org"\nns = [')
    server = WebServer(
        home.casework.doors,
        home.casework.views,
        home.office.settings,
        clock=home.office.clock,
        zones=zones_from({"relays.toml": second}, site="https://relays.example.org"),
    )
    host, port = await server.start()
    stop = asyncio.Event()
    running = asyncio.create_task(server.run(stop))

    async def get(path: str) -> bytes:
        return await ask(host, port, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())

    for path in ("/use", "/policy", f"/ip/{TARGET}"):
        page = await get(path)
        assert b"relays.example.org" in page and b"qw.example.org" not in page, path
    assert f"location: /ip/{TARGET}".encode() in await get("/?address=9.7.18.198.qw.example.org")
    stop.set()
    await asyncio.wait_for(running, 10)


async def test_a_taken_port_is_one_sentence(house: Build) -> None:
    taken = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    listen = f"127.0.0.1:{taken.sockets[0].getsockname()[1]}"
    home = house(web={"listen": listen})
    server = WebServer(
        home.casework.doors, home.casework.views, home.office.settings, clock=home.office.clock, zones=Zones(())
    )
    with pytest.raises(DnsblError, match=f"The web cannot listen on {listen}: .+\\."):
        await server.start()
    taken.close()
    await taken.wait_closed()


async def test_the_table_is_handed_out_by_itself_whatever_stands_in_front_of_the_pages(
    house: Build, tmp_path: Path
) -> None:
    publish = {"to": ["127.0.0.0/8"], "listen": "127.0.0.1:0"}
    settings = house(web={"base_url": "https://list.example.org"}, publish=publish).office.settings
    (tmp_path / "head").write_bytes(b"a head\n")
    server = TableServer(settings, tmp_path, clock=HandClock())
    host, port = await server.start()
    stop = asyncio.Event()
    running = asyncio.create_task(server.run(stop))
    head = await ask(host, port, b"GET /table/head HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200") and head.endswith(b"a head\n")
    page = await ask(host, port, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert page.startswith(b"HTTP/1.1 404")
    stop.set()
    await asyncio.wait_for(running, 10)
