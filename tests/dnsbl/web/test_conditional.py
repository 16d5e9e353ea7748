"""What somebody has is not sent again, and HEAD is what GET is without its body."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from dnsbl.web.conditional import holds

TARGET = "198.18.7.9"
HOST = f"/api/v1/hosts/{TARGET}"
Build = Callable[..., Any]


@pytest.mark.parametrize(
    ("tags", "known"),
    [
        (None, False),
        ("", False),
        ('"a"', True),
        ('W/"a"', True),
        ('"b", "a"', True),
        ('"b",W/"a" ', True),
        ("*", True),
        ('"ab"', False),
        ("a", False),
    ],
)
def test_a_tag_is_known_however_it_is_named(tags: str | None, known: bool) -> None:
    assert holds(tags, '"a"') is known
    assert holds(tags, 'W/"a"') is known


def test_an_answer_is_sent_again_only_when_it_is_another(house: Build) -> None:
    home = house()
    visitor = home.visitor()
    first = visitor.get(HOST)
    etag = first.headers["etag"]
    assert etag.startswith('"') and first.headers["cache-control"] == "private, no-cache"
    again = visitor.get(HOST, headers={"If-None-Match": f'"other", {etag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert "content-type" not in again.headers and again.headers["cache-control"] == "private, no-cache"
    run = home.list()
    listed = visitor.get(HOST, headers={"If-None-Match": etag})
    assert (listed.status_code, listed.json()["state"]) == (200, "listed") and listed.headers["etag"] != etag
    shown = visitor.get(f"/api/v1/runs/{run}")
    assert shown.headers["cache-control"] == "private, max-age=60"
    known = {"If-None-Match": shown.headers["etag"]}
    assert visitor.get(f"/api/v1/runs/{run}", headers=known).status_code == 304


def test_a_test_that_goes_on_is_asked_for_each_time(house: Build) -> None:
    home = house()
    home.office.nominate(TARGET)
    run = home.test()
    shown = home.visitor().get(f"/api/v1/runs/{run}")
    assert (shown.json()["state"], shown.headers["cache-control"]) == ("waiting", "private, no-cache")


def test_what_is_refused_is_kept_by_nobody(anyone: TestClient) -> None:
    for path in ("/api/v1/hosts/nonsense", "/api/v1/runs/aaaaaaaaaaaaaaaa", "/api/v1/nothing"):
        answer = anyone.get(path, headers={"If-None-Match": "*"})
        assert answer.status_code in (400, 404)
        assert "etag" not in answer.headers and answer.headers["cache-control"] == "no-store"


def test_every_route_of_get_answers_head_alike_and_with_no_body(anyone: TestClient) -> None:
    routes = [
        route
        for each in anyone.app.routes  # type: ignore[attr-defined]
        for route in (each.original_router.routes if hasattr(each, "original_router") else [each])
        if isinstance(route, APIRoute) and "GET" in route.methods
    ]
    assert len(routes) > 15
    for route in routes:
        path = route.path.replace("{address}", "192.0.2.1").replace("{address:path}", "192.0.2.1")
        path = path.replace("{run}", "aaaaaaaaaaaaaaaa").replace("{token}", "x").replace("{zone}", "x")
        head, got = anyone.head(path), anyone.get(path)
        assert (head.status_code, head.content) == (got.status_code, b""), path
        assert head.status_code != 405, path
        for name in ("content-type", "content-length", "etag", "cache-control"):
            assert head.headers.get(name) == got.headers.get(name), (path, name)


def test_head_of_what_goes_on_ends_at_once_and_takes_no_place(house: Build) -> None:
    home = house()
    run = home.list()
    answer = home.visitor().head(f"/api/v1/runs/{run}/events")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream") and len(home.events) == 0


def test_static_files_are_kept_for_a_year_by_who_asked_for_this_very_file(anyone: TestClient) -> None:
    page = anyone.get("/").text
    start = page.index('"/static/style.css?v=') + 1
    named = page[start : page.index('"', start)]
    assert '"/static/style.css"' not in page
    answer = anyone.get(named)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert anyone.get("/static/style.css?v=old").headers["cache-control"] == "no-cache"
    etag = anyone.get("/static/style.css").headers["etag"]
    assert anyone.get("/static/style.css", headers={"If-None-Match": etag}).status_code == 304
