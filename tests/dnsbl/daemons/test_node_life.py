"""One process, any of the roles: it starts, says where it listens, and ends when told or when a role cannot go on."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from dnslib import RCODE, DNSRecord

from dnsbl.addresses import parse_network
from dnsbl.config import read_zones
from dnsbl.daemons.node import Bound, Node
from dnsbl.errors import DnsblError
from dnsbl.opened import OpenedList, open_with
from dnsbl.settings import Settings

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def opened(tmp_path: Path) -> Any:
    def go(**dns: object) -> OpenedList:
        settings = Settings.model_validate(
            {
                "service": {"state_dir": tmp_path / "state"},
                "dns": {"listen": ["127.0.0.1:0"], "zones_dir": ROOT / "zones", "poll": 0.05} | dns,
                "collector": {"listen": ["127.0.0.1:0"]},
                "web": {"listen": "127.0.0.1:0"},
            }
        )
        return open_with(settings, read_zones(settings))

    return go


async def ended(node: Node, stop: asyncio.Event, during: Any) -> None:
    ready: asyncio.Future[Bound] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(node.run(stop, ready=ready.set_result))
    try:
        await asyncio.wait_for(during(await asyncio.wait_for(ready, 10)), 10)
    finally:
        stop.set()
        await asyncio.wait_for(running, 10)


async def test_all_roles_listen_and_an_operators_listing_is_answered_within_a_second(opened: Any) -> None:
    at = opened()
    node = Node(at.casework, at.settings, at.zones, at.keyring, at.clock)

    async def rcode(port: int) -> str:
        wire = await asyncio.to_thread(
            DNSRecord.question("9.8.8.8.relays.example.org").send, "127.0.0.1", port, timeout=2
        )
        return str(RCODE[DNSRecord.parse(wire).header.rcode])

    async def during(bound: Bound) -> None:
        assert bound.collector
        assert bound.web
        [(_, port)] = bound.dns
        assert await rcode(port) == "NXDOMAIN"
        await asyncio.to_thread(
            at.casework.operators.list_networks,
            [parse_network("8.8.8.0/24")],
            kind="manual",
            reason="x",
            actor="operator",
        )
        loop = asyncio.get_running_loop()
        began = loop.time()
        while await rcode(port) != "NOERROR":
            assert loop.time() - began < 1.0

    await ended(node, asyncio.Event(), during)


async def test_a_role_that_is_not_asked_for_does_not_listen(opened: Any) -> None:
    at = opened()
    node = Node(at.casework, at.settings, at.zones, at.keyring, at.clock, roles=["dns"])

    async def during(bound: Bound) -> None:
        assert bound.dns
        assert not bound.collector
        assert not bound.web

    await ended(node, asyncio.Event(), during)


async def test_a_taken_port_is_one_sentence(opened: Any) -> None:
    at = opened()
    first = Node(at.casework, at.settings, at.zones, at.keyring, at.clock, roles=["dns"])

    async def during(bound: Bound) -> None:
        taken = at.settings.dns.model_copy(update={"listen": (f"127.0.0.1:{bound.dns[0][1]}",)})
        second = Node(
            at.casework, at.settings.model_copy(update={"dns": taken}), at.zones, at.keyring, at.clock, roles=["dns"]
        )
        with pytest.raises(DnsblError, match="Address already in use"):
            await second.run(asyncio.Event())

    await ended(first, asyncio.Event(), during)


async def test_a_responder_that_breaks_takes_the_node_down(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened()
    node = Node(at.casework, at.settings, at.zones, at.keyring, at.clock, roles=["dns"])

    async def breaks(stop: asyncio.Event) -> None:
        await responder.close()
        raise OSError("the wire broke")

    responder = node._responder
    assert responder is not None
    monkeypatch.setattr(responder, "run", breaks)
    with pytest.raises((ExceptionGroup, OSError)):
        await asyncio.wait_for(node.run(asyncio.Event()), 10)
