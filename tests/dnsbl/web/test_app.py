"""The web put together: health, metrics, and the document that describes the interface."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from dnsbl.dns.zones import Zones
from dnsbl.errors import StoreUnavailable, Trouble
from dnsbl.web.server import WebServer
from tests.dnsbl.web.asking import Build, ask, failing


@pytest.mark.parametrize("web", [{"base_url": "https://relays.example.org"}, {"base_url": "http://relays.example.org"}])
def test_behind_a_proxy_that_nobody_named_metrics_are_shown_to_nobody(house: Build, web: dict[str, Any]) -> None:
    answer = house(web=web).visitor("127.0.0.1").get("/metrics")
    assert answer.status_code == 403 and "web.trusted_proxies names none" in answer.text
    named = house(web=web | {"trusted_proxies": ["127.0.0.1/32"]}).visitor("127.0.0.1")
    assert named.get("/metrics").status_code == 200
    assert named.get("/metrics", headers={"x-forwarded-for": "203.0.113.9"}).status_code == 403


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
def test_what_was_forwarded_by_somebody_unnamed_sees_no_metrics(
    house: Build, header: str, caplog: pytest.LogCaptureFixture
) -> None:
    local = house().visitor("127.0.0.1")
    assert local.get("/metrics").status_code == 200
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            assert local.get("/metrics", headers={header: "127.0.0.1"}).status_code == 403
    [said] = [record.getMessage() for record in caplog.records]
    assert said == "requests forwarded by 127.0.0.1, which web.trusted_proxies does not name: 1"


def test_clients_keys_are_for_operators_alone(house: Build) -> None:
    home = house(web={"metrics_from": ["198.51.100.0/24"]})
    assert home.visitor("198.51.100.7").get("/api/v1/keys").json()["reason"] == "no-keys"
    refused = home.visitor("203.0.113.9").get("/api/v1/keys")
    assert (refused.status_code, refused.json()["reason"]) == (403, "not-for-you")
    behind = house(web={"base_url": "https://relays.example.org"}).visitor("127.0.0.1").get("/api/v1/keys")
    assert behind.status_code == 403 and "web.trusted_proxies names none" in behind.text


def test_a_stop_is_told_and_makes_no_node_unready(house: Build) -> None:
    home = house()
    visitor = home.visitor()

    def told() -> Any:
        answer = visitor.get("/readyz")
        assert answer.status_code == 200
        return answer.json()

    assert told() == {"ready": True, "testing": "waits for a worker"}
    home.office.casework.presence.beat("here", ("worker",))
    assert told() == {"ready": True, "testing": "goes on"}
    home.casework.operators.stop(reason="complaint of one@example.net", actor="operator joe")
    since = home.casework.views.stopped().at
    assert told() == {"ready": True, "testing": "stopped", "since": f"{since:%Y-%m-%dT%H:%M:%SZ}"}
    home.casework.operators.resume(reason="", actor="operator joe")
    assert told() == {"ready": True, "testing": "goes on"}
    by_setting = house(tester={"stop": True}).visitor().get("/readyz")
    assert (by_setting.status_code, by_setting.json()) == (200, {"ready": True, "testing": "stopped"})


def test_why_nobody_is_dialled_is_told_to_those_who_may_see_metrics_whatever_the_store_does(
    house: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terms: dict[str, Any] = {"service": {"state_dir": tmp_path}, "web": {"metrics_from": ["198.51.100.0/24"]}}
    home = house(**terms)
    ours, stranger = home.visitor("198.51.100.7"), home.visitor("203.0.113.9")
    home.office.casework.presence.beat("here:1:ab", ("worker",), {"worker": "It has no keys."})
    told = {"ready": True, "testing": "waits for a worker"}
    assert (ours.get("/readyz").json(), stranger.get("/readyz").json()) == (
        told | {"why": "On here, it has no keys."},
        told,
    )
    (tmp_path / "stop").touch()
    why = f"An operator has stopped testing on this machine: {tmp_path / 'stop'} is there, until `dnsbl resume`."
    told = {"ready": True, "testing": "stopped"}
    assert (ours.get("/readyz").json(), stranger.get("/readyz").json()) == (told | {"why": why}, told)
    monkeypatch.setattr(home.casework.views, "look_up", failing(StoreUnavailable("It does not answer.")))
    answer = ours.get("/readyz")
    assert answer.status_code == 503 and answer.json()["why"] == why and answer.json()["testing"] == "stopped"
    home.office.casework.presence.leave("here:1:ab")
    quiet = house(tester={"quiet_hours": [0]}, **terms)
    (tmp_path / "stop").unlink()
    assert quiet.visitor("203.0.113.9").get("/readyz").json() == {
        "ready": True,
        "testing": "waits for the end of quiet hours",
    }


def test_what_is_down_is_told_with_its_reason_to_those_who_may_see_metrics_and_by_name_to_others(house: Build) -> None:
    home = house(web={"metrics_from": ["198.51.100.0/24"]})
    home.board.begun("web")
    home.board.begun("worker")
    home.office.casework.presence.beat("here", ("worker",))
    ours, stranger = home.visitor("198.51.100.7"), home.visitor("203.0.113.9")
    assert ours.get("/readyz").json() == {"ready": True, "testing": "goes on"}
    home.board.down("worker", "a secret path cannot be read")
    told = ours.get("/readyz")
    why = "worker is down since 2026-01-01 00:00:00 UTC: a secret path cannot be read"
    assert told.status_code == 503
    assert told.json() == {
        "ready": False,
        "testing": "goes on",
        "reason": why,
        "down": [
            {
                "part": "worker",
                "up": False,
                "since": "2026-01-01T00:00:00Z",
                "why": "a secret path cannot be read",
                "begun": 1,
            }
        ],
    }
    assert stranger.get("/readyz").json() == {
        "ready": False,
        "testing": "goes on",
        "reason": "worker is down",
        "down": [{"part": "worker"}],
    }
    home.board.well("worker", "somebody must say so")
    assert ours.get("/readyz").json() == {"ready": True, "testing": "goes on", "held": ["somebody must say so"]}
    assert stranger.get("/readyz").json() == {"ready": True, "testing": "goes on"}


def test_a_store_that_is_in_trouble_makes_the_node_unready_and_is_named(
    house: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = house()
    for trouble, words in (
        (Trouble.FULL, "the disk of the store is full"),
        (Trouble.DAMAGED, "the store is damaged"),
        (Trouble.READ_ONLY, "the store is read-only"),
        (Trouble.VERSION, "the store is of another version than this program"),
        (Trouble.REFUSED, "the store refuses what it is asked; the log says more"),
        (Trouble.AWAY, "the store does not answer"),
    ):
        monkeypatch.setattr(home.casework.views, "look_up", failing(StoreUnavailable("a secret", trouble=trouble)))
        answer = home.visitor().get("/readyz")
        assert (answer.status_code, answer.json()) == (503, {"ready": False, "reason": words})


def test_operators_are_told_what_to_do_where_the_store_is_of_another_version(
    house: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = house(web={"metrics_from": ["198.51.100.0/24"]})
    sentence = "The database has schema 0001 and this program needs 0030; run `dnsbl db upgrade`."
    monkeypatch.setattr(home.casework.views, "look_up", failing(StoreUnavailable(sentence, trouble=Trouble.VERSION)))
    assert home.visitor("198.51.100.7").get("/readyz").json() == {"ready": False, "reason": sentence}
    assert "schema" not in home.visitor("203.0.113.9").get("/readyz").text


async def test_b53_metrics_are_shown_to_those_who_may_see_them(house: Build) -> None:
    home = house(web={"listen": "127.0.0.1:0", "metrics_from": ["127.0.0.1/32"], "trusted_proxies": ["127.0.0.1/32"]})
    office = home.office
    server = WebServer(
        home.casework.doors,
        home.casework.views,
        office.settings,
        clock=office.clock,
        zones=Zones(()),
        metrics=lambda: b"dnsbl_up 1\n",
    )
    host, port = await server.start()
    stop = asyncio.Event()
    running = asyncio.create_task(server.run(stop))
    request = "GET /metrics HTTP/1.1\r\nHost: x\r\n{}Connection: close\r\n\r\n"
    mine = await ask(host, port, request.format("").encode())
    assert mine.startswith(b"HTTP/1.1 200") and mine.endswith(b"\r\n\r\ndnsbl_up 1\n")
    assert b"content-type: text/plain; version=0.0.4; charset=utf-8" in mine.lower()
    for visitor in ("203.0.113.1", "2001:db8::1"):
        others = await ask(host, port, request.format(f"X-Forwarded-For: {visitor}\r\n").encode())
        assert others.startswith(b"HTTP/1.1 403") and b"dnsbl_up" not in others
    stop.set()
    await asyncio.wait_for(running, 10)


def test_openapi_describes_every_route_and_status(anyone: TestClient) -> None:
    document = anyone.get("/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    rows = {
        f"{method} {path}": set(row["responses"])
        for path, methods in document["paths"].items()
        for method, row in methods.items()
    }
    assert rows == {
        "get /api/v1/hosts/{address}": {"200", "400", "422", "429", "500", "503"},
        "get /api/v1/runs/{run}": {"200", "404", "422", "429", "500", "503"},
        "get /api/v1/runs/{run}/events": {"200", "404", "422", "429", "500", "503"},
        "get /api/v1/statistics": {"200", "422", "429", "500", "503"},
        "get /api/v1/zones": {"200", "429", "500", "503"},
        "post /api/v1/lookups": {"200", "400", "403", "413", "415", "422", "429", "500", "503"},
        "get /api/v1/nominations": {"200", "401", "403", "422", "429", "500", "503"},
        "post /api/v1/nominations": {"202", "400", "401", "403", "409", "413", "422", "429", "500", "503"},
        "delete /api/v1/nominations/{number}": {"204", "401", "403", "404", "409", "422", "429", "500", "503"},
        "post /api/v1/removals": {"202", "400", "403", "409", "413", "422", "429", "500", "503"},
        "post /api/v1/remote-tests": {"201", "400", "401", "403", "409", "413", "422", "429", "500", "503"},
        "get /api/v1/remote-tests/{run}": {"200", "401", "403", "404", "422", "429", "500", "503"},
        "post /api/v1/self-tests": {"200", "202", "403", "413", "422", "429", "500", "503"},
        "put /api/v1/self-tests": {"200", "403", "413", "422", "429", "500", "503"},
        "get /api/v1/self-tests/token": {"200", "422", "429", "500", "503"},
        "get /api/v1/self-tests/{run}": {"200", "404", "422", "429", "500", "503"},
        "get /api/v1/self-tests/{run}/events": {"200", "404", "422", "429", "500", "503"},
        "post /api/v1/watches": {"200", "400", "404", "409", "422", "429", "500", "503"},
        "get /api/v1/watches/{token}": {"200", "400", "404", "409", "422", "429", "500", "503"},
        "delete /api/v1/watches/{token}": {"204", "400", "404", "409", "422", "429", "500", "503"},
    }
    in_lines = {"get /api/v1/self-tests/token", "put /api/v1/self-tests"}
    for path, methods in document["paths"].items():
        for method, row in methods.items():
            for status, response in row["responses"].items():
                if status == "204":
                    assert "content" not in response
                    continue
                form, *more = response["content"]
                assert more == (["text/plain"] if status > "4" and path.endswith("/self-tests") else [])
                good = "text/event-stream" if path.endswith("/events") else "application/json"
                good = (
                    "text/plain"
                    if f"{method} {path}" in in_lines
                    or (method == "post" and status == "200" and path.endswith("/self-tests"))
                    else good
                )
                assert form == (good if status < "3" else "application/problem+json")
    for reference in references(document):
        where: Any = document
        for step in reference.removeprefix("#/").split("/"):
            where = where[step]
        assert where["type"] in ("object", "string")


def references(part: Any) -> Iterator[str]:
    """All $ref in a document."""
    if isinstance(part, dict):
        yield from (value for key, value in part.items() if key == "$ref")
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)
