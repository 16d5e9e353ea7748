"""Names of tests, brought to what answers: swapped in when they change, kept while the store is away."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address

from dnsbl.dns.respond import Serving
from dnsbl.dns.zonefile import zones_from
from dnsbl.errors import StoreUnavailable
from dnsbl.model import MxPair
from dnsbl.serving.pairs import Pairs
from tests.dnsbl.serving.served import ZONE

ONE = MxPair(label="t1", address=ip_address("192.0.2.25"), name="")


class Shelf:
    """A store's pairs, and whether it answers."""

    def __init__(self) -> None:
        self.there: list[MxPair] = []
        self.away = False

    def look(self) -> list[MxPair]:
        if self.away:
            raise StoreUnavailable("It is away.")
        return list(self.there)


def names(serving: Serving) -> set[tuple[bytes, ...]]:
    return {name for zone in serving.zones if zone.origin == "m.example" for name in zone.static}


def pairs(shelf: Shelf) -> tuple[Pairs, Serving]:
    zones = zones_from({"bl.toml": ZONE}, site="https://site.example")
    serving = Serving(zones=zones)
    return Pairs(shelf.look, serving, zones, origin="m.example", collector="in.example.net"), serving


async def test_a_name_is_answered_for_as_long_as_the_store_has_it() -> None:
    shelf = Shelf()
    feed, serving = pairs(shelf)
    shelf.there = [ONE]
    await feed.step()
    assert names(serving) == {(), (b"t1",), (b"host", b"t1")}
    before = serving.zones
    await feed.step()
    assert serving.zones is before  # nothing is swapped in for nothing
    shelf.there = []
    await feed.step()
    assert names(serving) == {()}


async def test_while_the_store_is_away_the_names_stay() -> None:
    shelf = Shelf()
    feed, serving = pairs(shelf)
    shelf.there = [ONE]
    await feed.step()
    shelf.away = True
    await feed.step()
    assert feed.problem == "It is away."
    assert (b"t1",) in names(serving)
    shelf.away = False
    await feed.step()
    assert feed.problem == ""


async def test_other_zones_come_and_the_names_stay() -> None:
    shelf = Shelf()
    feed, serving = pairs(shelf)
    shelf.there = [ONE]
    await feed.step()
    feed.rezone(zones_from({"bl.toml": ZONE.replace("bl.test", "rbl.test")}, site="https://site.example"))
    assert [zone.origin for zone in serving.zones] == ["rbl.test", "m.example"]
    assert (b"t1",) in names(serving)


async def test_it_looks_until_it_is_told() -> None:
    shelf, stop = Shelf(), asyncio.Event()
    feed, serving = pairs(shelf)
    shelf.there = [ONE]
    stop.set()
    await feed.run(stop)
    assert names(serving) == {()}  # the zone is there from the start
