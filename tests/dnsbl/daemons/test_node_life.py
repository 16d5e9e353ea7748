"""One process, any of the roles: it starts, says where it listens, ends when told, and no part's fault is another's."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from dnslib import RCODE, DNSRecord

from dnsbl.addresses import parse_network
from dnsbl.casework import Casework
from dnsbl.config import read_zones
from dnsbl.daemons.answering import Bound
from dnsbl.daemons.mailroom import Mailroom
from dnsbl.daemons.node import Node
from dnsbl.daemons.scheduler import Scheduler
from dnsbl.daemons.worker import Worker
from dnsbl.demo.neighbourhood import free_port
from dnsbl.dns.listed.table import Table
from dnsbl.errors import DnsblError
from dnsbl.files import write_whole
from dnsbl.health import Health
from dnsbl.opened import OpenedList, open_patiently, open_with
from dnsbl.serving.feed import Feed
from dnsbl.settings import Settings
from dnsbl.store import Store
from tester.letter import Keyring
from tests.waiting import until

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
        with pytest.raises(DnsblError, match="another program listens there"):
            await second.run(asyncio.Event())

    await ended(first, asyncio.Event(), during)


async def test_a_responder_that_breaks_binds_anew_and_no_other_part_notices(
    opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    at = opened(listen=[f"127.0.0.1:{port}"])
    node = Node(at.casework, at.settings, at.zones, at.keyring, at.clock)
    assert node._front is not None
    responder = node._front.responder

    async def breaks(stop: asyncio.Event) -> None:
        monkeypatch.undo()
        await responder.close()
        raise OSError("the wire broke")

    monkeypatch.setattr(responder, "run", breaks)

    async def during(bound: Bound) -> None:
        await until(lambda: health(node)["dns"].begun == 2)
        assert await rcode(port) == "NXDOMAIN"
        assert [one.part for one in node.board.all() if not one.up or one.begun > 1] == ["dns"]
        await asyncio.to_thread(
            at.casework.operators.list_networks,
            [parse_network("8.8.8.0/24")],
            kind="manual",
            reason="x",
            actor="operator",
        )
        await until(lambda: listed(port))

    await ended(node, asyncio.Event(), during)


@pytest.mark.parametrize(
    ("shell", "part"), [(Worker, "worker"), (Scheduler, "scheduler"), (Mailroom, "collector"), (Feed, "feed")]
)
async def test_a_part_that_fails_takes_no_other_one_down_and_is_begun_again(
    opened: Any, monkeypatch: pytest.MonkeyPatch, shell: type[Any], part: str
) -> None:
    at = opened(listen=[f"127.0.0.1:{(port := free_port())}"])
    node = Node(at.casework, at.settings, at.zones, at.keyring, at.clock)
    mended = asyncio.Event()
    real = shell.run

    async def breaks(self: Any, stop: asyncio.Event) -> None:
        if mended.is_set():
            await real(self, stop)
        over = asyncio.Event()
        over.set()
        await real(self, over)
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(shell, "run", breaks)

    async def during(bound: Bound) -> None:
        await until(lambda: not health(node)[part].up)
        assert await rcode(port) == "NXDOMAIN"
        status, document = await readyz(bound)
        assert (status, document["ready"]) == (503, False)
        assert [one["part"] for one in document["down"]] == [part]
        assert f"{part} is down since 20" in document["reason"]
        assert document["reason"].endswith("UTC: RuntimeError; the log says more")
        mended.set()
        await until(lambda: all(one.up for one in node.board.all()))
        assert health(node)[part].begun > 1
        assert (await readyz(bound))[0] == 200

    await ended(node, asyncio.Event(), during)


async def test_a_node_with_other_keys_has_all_roles_but_two_and_alone_these_do_not_start(opened: Any) -> None:
    at = opened()
    at.keyring.ready()
    (at.settings.service.state_dir / "keys.json").write_text(Keyring.generate(os.urandom, 0).to_json())
    for roles in (("worker",), ("collector", "worker")):
        other = opened()
        node = Node(other.casework, at.settings, at.zones, other.keyring, at.clock, roles=roles)
        with pytest.raises(DnsblError, match="are not those of this list"):
            await node.run(asyncio.Event())
    other = opened()
    node = Node(other.casework, at.settings, at.zones, other.keyring, at.clock)

    async def during(bound: Bound) -> None:
        assert bound.dns
        assert not bound.collector
        document = (await readyz(bound))[1]
        assert {one["part"] for one in document["down"]} == {"worker", "collector"}
        assert all("are not those of this list" in one["why"] for one in document["down"])

    await ended(node, asyncio.Event(), during)


async def test_a_node_with_pages_alone_holds_the_lists_keys(tmp_path: Path) -> None:
    """It signs the tokens that visitors fetch."""
    settings = Settings.model_validate(
        {
            "service": {"state_dir": tmp_path / "state"},
            "database": {"url": f"sqlite:///{tmp_path}/facts/list.db"},
            "dns": {"zones_dir": ROOT / "zones"},
            "web": {"listen": "127.0.0.1:0"},
        }
    )
    _a_list_with(tmp_path / "facts", "8.8.8.0/24")
    zones = read_zones(settings)
    at = open_patiently(settings, zones)
    node = Node(at.casework, settings, zones, at.keyring, at.clock, roles=("web",))

    async def during(bound: Bound) -> None:
        await until(lambda: at.keyring.keys)

    await ended(node, asyncio.Event(), during)


async def test_without_a_store_the_list_answers_and_says_what_is_missing_until_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dnsbl.health.PAUSES", (0.1,))
    monkeypatch.setattr("dnsbl.daemons.pulse.EVERY", 0.1)
    settings = Settings.model_validate(
        {
            "service": {"state_dir": tmp_path / "state"},
            "database": {"url": f"sqlite:///{tmp_path}/facts/list.db"},
            "dns": {"listen": [f"127.0.0.1:{(port := free_port())}"], "zones_dir": ROOT / "zones", "poll": 0.05},
            "collector": {"listen": ["127.0.0.1:0"]},
            "web": {"listen": "127.0.0.1:0"},
        }
    )
    zones = read_zones(settings)
    (tmp_path / "state").mkdir()
    table = Table.of([(parse_network("8.8.8.0/24"), "manual")], serial=1)
    write_whole(tmp_path / "state" / "table", table.parts())
    at = open_patiently(settings, zones)
    node = Node(at.casework, settings, zones, at.keyring, at.clock)

    async def during(bound: Bound) -> None:
        assert await rcode(port) == "NOERROR"
        assert (await readyz(bound))[1]["reason"] == "the store does not answer"
        await until(lambda: not health(node)["feed"].up)
        assert "the store cannot be asked" in health(node)["feed"].why
        await asyncio.to_thread(_a_list_with, tmp_path / "facts", "8.8.8.0/24")
        await until(lambda: all(one.up for one in node.board.all()))
        assert (await readyz(bound))[0] == 200
        assert await rcode(port) == "NOERROR"

    await ended(node, asyncio.Event(), during)


def _a_list_with(folder: Path, network: str) -> None:
    """A database beside its place, put there whole."""
    made = folder.with_name("made")
    made.mkdir()
    store = Store.open(f"sqlite:///{made}/list.db")
    store.upgrade()
    casework = Casework(store, Settings(), Keyring.generate(bytes, 0))
    casework.operators.list_networks([parse_network(network)], kind="manual", reason="x", actor="operator")
    store.close()
    made.rename(folder)


def health(node: Node) -> dict[str, Health]:
    return {one.part: one for one in node.board.all()}


async def listed(port: int) -> bool:
    return await rcode(port) == "NOERROR"


async def rcode(port: int) -> str:
    wire = await asyncio.to_thread(DNSRecord.question("9.8.8.8.relays.example.org").send, "127.0.0.1", port, timeout=2)
    return str(RCODE[DNSRecord.parse(wire).header.rcode])


async def readyz(bound: Bound) -> tuple[int, dict[str, Any]]:
    def read() -> tuple[int, dict[str, Any]]:
        try:
            with urlopen("http://{}:{}/readyz".format(*bound.web[0]), timeout=5) as reply:
                return reply.status, json.loads(reply.read())
        except HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    return await asyncio.to_thread(read)


async def test_the_postman_is_a_part_like_any_other_where_a_smarthost_is_set(tmp_path: Path) -> None:
    port = free_port()
    settings = Settings.model_validate(
        {
            "service": {"state_dir": tmp_path / "state"},
            "dns": {"listen": ["127.0.0.1:0"], "zones_dir": ROOT / "zones"},
            "notices": {"smarthost": "localhost", "port": port, "tls": "none", "sender": "a@list.example"},
        }
    )
    at = open_with(settings, read_zones(settings))
    at.casework.dispatch.try_out("b@x.example", actor="operator")
    node = Node(at.casework, at.settings, at.zones, at.keyring, at.clock, roles=["notices"])

    async def during(bound: Bound) -> None:
        await until(lambda: any(one.part == "notices" and not one.up for one in node.board.all()))
        [health] = [one for one in node.board.all() if one.part == "notices"]
        assert f"The smarthost localhost port {port}" in health.why
        assert b'dnsbl_notices_total{what="away"} 0.0' not in node.metrics()

    await ended(node, asyncio.Event(), during)
