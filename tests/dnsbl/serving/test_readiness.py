"""A node is fit to be asked while it answers from a table that is not stale, and says how far behind that is."""

from __future__ import annotations

import asyncio
import json
from http.client import HTTPConnection
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any

import pytest

from dnsbl.clock import HandClock
from dnsbl.dns.listed.table import Table
from dnsbl.dns.zonefile import zones_from
from dnsbl.health import Board
from dnsbl.serving.metrics import MetricsServer, Page, Parts
from dnsbl.serving.readiness import Readiness
from dnsbl.serving.responder import Responder
from dnsbl.settings import Dns
from tests.dnsbl.serving.served import ZONE


class House:
    def __init__(self) -> None:
        self.clock = HandClock()
        self.board = Board(self.clock)
        settings = Dns(stale_after=600)
        self.responder = Responder(settings, zones_from({"bl": ZONE}, site="https://s.example"), clock=self.clock)
        self.board.begun("dns")
        self.readiness = Readiness(self.responder, self.board, poll=2.0, clock=self.clock)

    def stood_by(self) -> None:
        """The feed has a table, and the store stands by it."""
        self.responder.table = Table.of([(ip_network("192.0.2.0/24"), "relay")], serial=5)
        self.responder.confirm(self.clock.now().timestamp())


@pytest.fixture
def house() -> House:
    return House()


def test_while_the_sources_of_a_zone_are_not_in_service_a_node_is_not_ready(house: House) -> None:
    house.stood_by()
    text = 'origin = "theirs.test"\n[[sources]]\ntype = "ip4set"\nfiles = ["f"]\n'
    house.responder.serving.change(zones=zones_from({"t.toml": text}, site="https://s.example"))
    assert house.readiness.document()["reason"] == "the sources of theirs.test are not in service"


def test_before_the_first_table_a_node_is_not_ready(house: House) -> None:
    assert house.readiness.document() == {"ready": False, "reason": "there is no table yet"}


def test_a_node_is_ready_until_its_table_is_stale_and_tells_how_far_it_lags(house: House) -> None:
    house.stood_by()
    fresh = house.readiness.document()
    assert fresh == {
        "ready": True,
        "table_age": 0.0,
        "follow_lag": 0.0,
        "stale": False,
        "change_number": 5,
        "serial": house.responder.table.soa_serial,
    }
    house.clock.turn(seconds=600)
    late = house.readiness.document()
    assert (late["ready"], late["table_age"], late["follow_lag"], late["stale"]) == (True, 600.0, 598.0, False)
    house.clock.turn(seconds=1)
    stale = house.readiness.document()
    assert (stale["ready"], stale["reason"], stale["stale"]) == (False, "the table is stale", True)
    house.stood_by()
    assert house.readiness.document()["ready"]


def test_a_store_that_is_away_withdraws_no_node_but_dns_that_is_down_does(house: House) -> None:
    house.stood_by()
    house.board.begun("feed")
    house.board.down("feed", "the store cannot be asked")
    document = house.readiness.document()
    assert document["ready"]
    assert [(row["part"], row["up"]) for row in document["down"]] == [("feed", False)]
    house.board.down("dns", "the port was taken")
    document = house.readiness.document()
    assert (document["ready"], document["reason"]) == (False, "DNS is not answered")


async def test_b49_a_node_without_the_web_role_answers_watchers_and_404_to_all_else(house: House) -> None:
    page = Page(Parts(house.board, house.clock))
    server = MetricsServer(page, "127.0.0.1:0", house.readiness.document)
    place = server.start()
    stop = asyncio.Event()
    running = asyncio.create_task(server.run(stop))

    def ask(path: str, method: str = "GET") -> Any:
        wire = HTTPConnection(*place, timeout=10)
        wire.request(method, path)
        reply = wire.getresponse()
        said = SimpleNamespace(status=reply.status, body=reply.read(), kind=reply.getheader("Content-Type"))
        wire.close()
        return said

    said = await asyncio.to_thread(ask, "/readyz")
    assert (said.status, said.kind, json.loads(said.body)["ready"]) == (503, "application/json", False)
    house.stood_by()
    said = await asyncio.to_thread(ask, "/readyz")
    assert (said.status, json.loads(said.body)["change_number"]) == (200, 5)
    assert (await asyncio.to_thread(ask, "/readyz", "HEAD")).body == b""
    assert (await asyncio.to_thread(ask, "/healthz")).body == b"ok\n"
    assert b"dnsbl_part_up" in (await asyncio.to_thread(ask, "/metrics")).body
    for path in ("/", "/metrics/", "/readyz/x", "/favicon.ico"):
        assert (await asyncio.to_thread(ask, path)).status == 404, path
    stop.set()
    await running
