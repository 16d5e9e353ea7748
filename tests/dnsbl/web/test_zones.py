"""/zones and /feeds: what this list really has and offers."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from dnsbl.dns.zonefile import zones_from
from dnsbl.serving.copies import ZoneFiles
from dnsbl.settings import Settings
from dnsbl.web.render import Pages
from dnsbl.web.zones import ZonesDoor
from tests.dnsbl.web.asking import Build
from tests.dnsbl.web.conftest import ZONE

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def door(zone: str = ZONE, files: ZoneFiles | None = None, **sections: object) -> TestClient:
    settings = Settings.model_validate(sections)
    zones = zones_from({"relays.toml": zone}, site="https://relays.example.org")
    served = ZonesDoor(lambda: zones, settings, Pages(settings), None, files)
    app = FastAPI()
    app.include_router(served.api)
    app.include_router(served.pages)
    return TestClient(app)


def test_each_zone_is_told_with_what_it_says_and_holds(house: Build) -> None:
    home = house()
    home.list()
    home.casework.counting.count()
    page = home.visitor().get("/zones").text
    for told in ("relays.example.org", "127.0.0.2", "127.0.0.3", "Open relay 192.0.2.99", "2.0.0.127.relays"):
        assert told in page, told
    assert "<dt>Entries</dt><dd>1, at <time" in page
    told = home.visitor().get("/api/v1/zones").json()
    [zone] = told["zones"]
    assert told["at"] == "2026-01-01T00:00:02Z"
    assert (zone["origin"], zone["entries"], zone["listed"], zone["never"]) == (
        "relays.example.org",
        1,
        "127.0.0.2",
        "127.0.0.1",
    )
    assert "relay.relays.example.org" in zone["sublists"]
    assert all(f"<code>{name}</code>" in page for name in zone["sublists"])
    assert {"origin": "relays.example.org", "kind": "relay", "code": "127.0.0.2", "ttl": 2100} in zone["answers"]


def test_what_nobody_has_counted_has_no_size(house: Build) -> None:
    visitor = house().visitor()
    assert "<dt>Entries</dt>" not in visitor.get("/zones").text
    assert visitor.get("/api/v1/zones").json()["zones"][0]["entries"] is None


def test_a_list_that_offers_no_copies_says_so_and_names_none() -> None:
    page = door().get("/feeds", headers=BROWSER).text
    assert "This list offers no copies at present." in page
    for other in ("AXFR", "signed table", "jsonl"):
        assert other not in page
    zones = door().get("/zones").text
    assert "<dt>Copy</dt>" not in zones and "<dt>Serial</dt>" not in zones


def test_transfers_and_the_table_are_told_where_somebody_may_have_them() -> None:
    page = door(dns={"transfer": ["127.0.0.1"]}).get("/feeds", headers=BROWSER).text
    assert "AXFR and IXFR" in page and "signed table" not in page
    page = door(publish={"to": ["192.0.2.0/24"]}).get("/feeds", headers=BROWSER).text
    assert "signed table" in page and "AXFR" not in page


def test_a_zone_that_has_ended_says_that_one_should_stop_asking() -> None:
    client = door("retires = 2020-01-01\n" + ZONE)
    page = client.get("/zones").text
    assert "This zone has ended" in page or "This zone ends on 2020-01-01" in page


@pytest.mark.parametrize("path", ["/zones", "/feeds"])
def test_the_pages_answer_head_too(house: Build, path: str) -> None:
    assert house().visitor().head(path).status_code == 200
