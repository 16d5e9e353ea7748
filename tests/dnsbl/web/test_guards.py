"""What stands before every route: headers, same-site posts, pace, size, and the bland last resort."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from dnsbl.clock import HandClock
from dnsbl.settings import Settings
from dnsbl.vocabulary import Tier
from dnsbl.web.faults import Faults
from dnsbl.web.guards import HEADERS, Guards, cost, most_bytes
from dnsbl.web.render import Pages
from tests.dnsbl.web.asking import Build

TARGET = "198.18.7.9"
FORM = {"address": TARGET}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/ip/x"),
        ("GET", "/nothing"),
        ("GET", "/static/style.css"),
        ("GET", "/static/nothing"),
        ("GET", "/static/..%2fapp.py"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/api/v1/openapi.json"),
        ("GET", "/api/v1/hosts/x"),
        ("POST", "/remove"),
        ("POST", "/"),
        ("DELETE", "/"),
        ("OPTIONS", "/"),
    ],
)
def test_every_answer_carries_the_policy_headers(anyone: TestClient, method: str, path: str) -> None:
    answer = anyone.request(method, path)
    assert answer.status_code < 500
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    kept = {"/static/style.css": "no-cache", "/api/v1/openapi.json": "public, max-age=300"}
    assert answer.headers["cache-control"] == kept.get(path, "no-store")


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": "http://testserver"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://testserver.evil.example"},
        {"origin": "testserver"},
        {"origin": "http://testserver"},
        {"origin": "http://["},
        {"origin": "http://evil.example", "host": "evil.example"},
        {"origin": "http://evil.example", "host": "evil.example", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "same-origin", "origin": "null"},
    ],
)
def test_a_post_from_another_site_is_refused(anyone: TestClient, headers: dict[str, str]) -> None:
    answer = anyone.post("/remove", data=FORM, headers=headers)
    assert answer.status_code == 403 and "came from another site" in answer.text
    answer = anyone.post("/api/v1/removals", json=FORM, headers=headers)
    assert answer.status_code == 403 and answer.json()["reason"] == "cross-site"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "same-origin", "origin": "null", "host": "list.example.org"},
        {"origin": "http://192.0.2.1:8053", "host": "192.0.2.1:8053"},
        {"origin": "https://list.example.org"},
    ],
)
def test_a_post_from_our_own_pages_or_a_program_comes_to_the_door(anyone: TestClient, headers: dict[str, str]) -> None:
    assert anyone.post("/remove", data=FORM, headers=headers).status_code == 409


def test_a_link_from_another_site_may_be_followed(anyone: TestClient) -> None:
    assert anyone.get(f"/ip/{TARGET}", headers={"sec-fetch-site": "cross-site"}).status_code == 200


def test_posts_from_one_network_are_paced_until_time_passes(house: Build) -> None:
    home = house(web={"posts_per_hour": 2})
    one, neighbour, stranger = home.visitor("198.51.100.1"), home.visitor("198.51.100.200"), home.visitor("192.0.2.1")
    assert [client.post("/remove", data=FORM).status_code for client in (one, neighbour)] == [409, 409]
    answer = one.post("/remove", data=FORM)
    assert answer.status_code == 429 and answer.headers["retry-after"] == "1801" and "try again in" in answer.text
    answer = neighbour.post("/api/v1/removals", json=FORM)
    assert answer.json()["reason"] == "too-many" and answer.headers["retry-after"] == "1801"
    assert stranger.post("/remove", data=FORM).status_code == 409
    assert one.get("/").status_code == 200
    home.office.clock.turn(seconds=1801)
    assert one.post("/remove", data=FORM).status_code == 409


def test_ipv6_visitors_share_the_pace_of_their_48(house: Build) -> None:
    home = house(web={"posts_per_hour": 1})
    statuses = [
        home.visitor(a).post("/remove", data=FORM).status_code
        for a in ("2a00:1:2:3::1", "2a00:1:2:4::1", "2a00:1:3::1")
    ]
    assert statuses == [409, 429, 409]


def test_forwarded_visitors_are_told_apart_behind_a_trusted_proxy_only(house: Build) -> None:
    home = house(web={"posts_per_hour": 1, "trusted_proxies": ["10.0.0.0/8"]})

    def post(peer: str, forwarded: str) -> int:
        status: int = home.visitor(peer).post("/remove", data=FORM, headers={"x-forwarded-for": forwarded}).status_code
        return status

    assert [post("10.0.0.1", "192.0.2.1"), post("10.0.0.1", "198.51.100.1")] == [409, 409]
    assert [post("192.0.2.99", "203.0.113.1"), post("203.0.113.9", "192.0.2.1")] == [429, 409]
    page = home.visitor("10.0.0.1").get("/", headers={"x-forwarded-for": "203.0.113.77, 198.51.100.7"}).text
    assert "198.51.100.7" in page and "203.0.113.77" not in page


def test_visitors_without_an_address_share_one_pace(house: Build) -> None:
    home = house(web={"posts_per_hour": 1})
    assert [home.visitor("").post("/remove", data=FORM).status_code for _ in range(2)] == [409, 429]


def test_an_origin_that_no_server_can_read_is_refused_like_any_other(anyone: TestClient) -> None:
    for origin in (b"http://\xed\xa0\x80", b"\xff", b"http://[::1", b"http://a:b:c"):
        answer = anyone.post("/remove", data=FORM, headers={b"origin": origin})
        assert (answer.status_code, "came from another site" in answer.text) == (403, True)


HALF = "\\ud800"


@pytest.mark.parametrize(
    ("door", "body"),
    [
        ("nominations", f'{{"address": "192.0.2.1", "evidence": "{HALF}"}}'),
        ("nominations", f'{{"evidence": "Received: from x ([1.2.3.4]) {HALF}"}}'),
        ("nominations", f'{{"evidence": "x", "reason": "{HALF}"}}'),
        ("nominations", f'{{"{HALF}": 1}}'),
        ("removals", f'{{"address": "{HALF}"}}'),
    ],
)
def test_half_a_character_is_refused_and_never_our_mistake(anyone: TestClient, door: str, body: str) -> None:
    answer = anyone.post(f"/api/v1/{door}", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422 and answer.json()["reason"] == "malformed-request"


@pytest.mark.parametrize("field", ["address", "evidence"])
def test_half_a_character_in_a_form_is_refused(anyone: TestClient, field: str) -> None:
    content = f'--x\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n+2AA-\r\n--x--\r\n'.encode()
    kind = "multipart/form-data; boundary=x; charset=utf-7"
    answer = anyone.post("/nominate", content=content, headers={"content-type": kind})
    assert answer.status_code == 422


def test_pages_are_counted_by_network_and_region_and_the_limit_is_told(house: Build) -> None:
    home = house(web={"gets_per_minute": 3})
    one, neighbour = home.visitor("198.51.100.1"), home.visitor("198.51.100.200")
    told = [client.get("/") for client in (one, neighbour, one)]
    assert [answer.status_code for answer in told] == [200] * 3
    assert [answer.headers["ratelimit"] for answer in told] == ['"gets";r=2;t=20', '"gets";r=1;t=40', '"gets";r=0;t=60']
    assert {answer.headers["ratelimit-policy"] for answer in told} == {'"gets";q=3;w=60'}
    refused = neighbour.get("/api/v1/hosts/192.0.2.1")
    assert (refused.status_code, refused.json()["reason"], refused.headers["retry-after"]) == (429, "too-many", "21")
    assert refused.headers["ratelimit"] == '"gets";r=0;t=60'
    assert home.visitor("198.51.101.1").get("/").status_code == 200
    home.office.clock.turn(seconds=20)
    assert (one.get("/").status_code, one.get("/").status_code) == (200, 429)
    region = [home.visitor(f"203.0.{n}.1").get("/").status_code for n in range(30)]
    assert region == [200] * 24 + [429] * 6


def test_watchers_and_what_a_page_brings_along_are_not_counted(house: Build) -> None:
    visitor = house(web={"gets_per_minute": 1}).visitor()
    for path in ("/healthz", "/readyz", "/static/style.css") * 3:
        answer = visitor.get(path)
        assert answer.status_code == 200 and "ratelimit" not in answer.headers


def test_a_limit_of_posts_is_told_as_well(house: Build) -> None:
    answer = house(web={"posts_per_hour": 2}).visitor().post("/remove", data=FORM)
    assert (answer.headers["ratelimit-policy"], answer.headers["ratelimit"]) == (
        '"posts";q=2;w=3600',
        '"posts";r=1;t=1800',
    )


async def test_bodies_are_taken_in_a_few_at_a_time_from_one_visitor(house: Build) -> None:
    home = house()
    waiting, answers = asyncio.Event(), []

    async def post(address: str) -> None:
        async def receive() -> Any:
            await waiting.wait()
            return {"type": "http.request", "body": b"address=1.1.1.1", "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                answers.append(message["status"])

        headers = [(b"content-type", b"application/x-www-form-urlencoded")]
        scope = {"type": "http", "method": "POST", "path": "/remove", "raw_path": b"/remove", "headers": headers}
        await home.app(scope | {"query_string": b"", "root_path": "", "client": (address, 1)}, receive, send)

    tasks = [asyncio.create_task(post("192.0.2.1")) for _ in range(6)] + [asyncio.create_task(post("198.51.100.1"))]
    for _ in range(20):
        await asyncio.sleep(0)
    assert answers == [503, 503], "four wait for their bodies, and the neighbour too"
    waiting.set()
    await asyncio.gather(*tasks)
    assert sorted(answers) == [409] * 5 + [503] * 2


def test_only_the_header_that_the_proxy_writes_is_believed(house: Build) -> None:
    """Proxies that write one of the two pass the other on as the visitor sent it."""
    home = house(web={"trusted_proxies": ["10.0.0.0/8"], "forwarded_header": "Forwarded"})
    headers = {"forwarded": 'for="[2001:db8::7]:4711";proto=https', "x-forwarded-for": "203.0.113.66"}
    page = home.visitor("10.0.0.1").get("/", headers=headers).text
    assert "2001:db8::7" in page and "203.0.113.66" not in page


def pieces(total: int) -> Iterator[bytes]:
    yield b"evidence="
    while total > 0:
        yield b"x" * min(total, 4096)
        total -= 4096


@pytest.mark.parametrize("path", ["/nominate", "/remove", "/api/v1/nominations"])
def test_a_body_is_bounded_whether_its_length_is_declared_or_not(house: Build, path: str) -> None:
    home = house(policy={"evidence_bytes": 1024})
    most = most_bytes(home.office.settings)
    form = "application/json" if "api" in path else "application/x-www-form-urlencoded"
    for body in (b"x" * (most + 1), pieces(most)):
        answer = home.visitor().post(path, content=body, headers={"content-type": form})
        assert answer.status_code == 413
        assert "too large" in answer.text


@pytest.mark.parametrize("length", ["-1", "x", "9" * 30, "٣"])
def test_a_declared_length_that_is_none_is_refused(anyone: TestClient, length: str) -> None:
    answer = anyone.post("/remove", content=b"", headers={b"content-length": length.encode()})
    assert answer.status_code == 413


def test_the_largest_evidence_fits_however_it_is_written(house: Build) -> None:
    home = house(policy={"evidence_bytes": 4096})
    spam = home.spam()
    spam += "\u00e9" * ((4096 - len(spam)) // 2)
    assert home.visitor().post("/nominate", data={"evidence": spam, "send": "1"}).status_code == 303


async def test_an_answer_that_has_begun_is_not_begun_again(house: Build) -> None:
    home = house()

    async def breaks(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("late")

    home.app.mount("/breaks", breaks)
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    scope = {"type": "http", "method": "GET", "path": "/breaks/", "headers": [], "query_string": b"", "root_path": ""}
    with pytest.raises(RuntimeError, match="late"):
        await home.app(scope, receive, send)
    assert len(sent) == 1


async def test_other_protocols_are_not_ours(house: Build) -> None:
    async def receive() -> Any:
        return {"type": "websocket.connect"}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await house().app(
        {"type": "websocket", "path": "/", "headers": [], "query_string": b"", "root_path": ""}, receive, send
    )
    assert sent[0]["type"] == "websocket.close"


async def test_an_answer_that_goes_on_keeps_no_place_of_those_whose_bodies_are_read() -> None:
    settings, clock = Settings(), HandClock()
    begun, over = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        begun.set()
        await over.wait()
        await send({"type": "http.response.body", "body": b""})

    guards = Guards(app, settings=settings, clock=clock, faults=Faults(Pages(settings)))
    scope = {
        "type": "http",
        "method": "PUT",
        "path": "/",
        "headers": [],
        "client": ("192.0.2.1", 1),
        "query_string": b"",
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        pass

    going = asyncio.create_task(guards(scope, receive, send))
    await begun.wait()
    assert len(guards._bodies) == 0
    over.set()
    await going


def test_who_sends_a_key_has_a_share_of_his_own_from_anywhere(house: Build) -> None:
    home = house(web={"gets_per_minute": 1, "key_share": 3})
    home.casework.reporters.add("joe", tier=Tier.TRUSTED, contact="joe@example.com", actor="operator")
    key = home.casework.reporters.key("joe", actor="operator")
    asked = {"Authorization": f"Bearer {key}"}
    here, there = home.visitor("203.0.113.9"), home.visitor("2001:db8::1")
    assert [here.get("/about").status_code for _ in range(2)] == [200, 429]
    answers = [visitor.get("/about", headers=asked) for visitor in (here, there, here, there)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[0].headers["ratelimit-policy"] == '"gets";q=3;w=60'
    assert "with your key" in answers[3].text
    assert there.get("/about", headers={"Authorization": "Bearer wrong"}).status_code == 200
    assert there.get("/about", headers={"Authorization": "Bearer wrong"}).status_code == 429


def test_what_is_refused_is_counted_and_said_once_a_minute(house: Build, caplog: pytest.LogCaptureFixture) -> None:
    home = house(web={"gets_per_minute": 1})
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            home.visitor().get("/about")
    assert [record.getMessage() for record in caplog.records] == ["gets refused by the limit of a network: 1"]
    assert home.refused.counted == {"gets refused by the limit of a network": 2}


@pytest.mark.parametrize(
    ("method", "path", "turns"),
    [
        ("GET", "/api/v1/hosts/192.0.2.1", 1),
        ("GET", "/api/v1/runs/x/events", 5),
        ("HEAD", "/api/v1/self-tests/x/events", 5),
        ("POST", "/api/v1/lookups", 10),
        ("GET", "/events", 1),
    ],
)
def test_what_is_dear_costs_more_turns(method: str, path: str, turns: int) -> None:
    assert cost(method, path) == turns
