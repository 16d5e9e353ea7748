"""What stands before every route: headers, same-site posts, pace, size, and the bland last resort."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from dnsbl.errors import StoreUnavailable, Trouble
from dnsbl.web.guards import HEADERS, most_bytes

TARGET = "198.18.7.9"
Build = Callable[..., Any]
FORM = {"address": TARGET}


def failing(error: Exception) -> Callable[..., Any]:
    def fail(*args: object, **named: object) -> None:
        raise error

    return fail


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
    assert answer.headers["cache-control"] == "no-store"


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
        {"sec-fetch-site": "same-origin", "origin": "null"},
        {"origin": "http://testserver"},
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
    assert home.visitor().post("/nominate", data={"evidence": spam}).status_code == 202


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%ff%00&&=&address=%ed%a0%80", "application/x-www-form-urlencoded"),
        (b"&".join(b"a=1" for _ in range(50)), "application/x-www-form-urlencoded"),
        (b"--x\r\nrubbish", "multipart/form-data; boundary=x"),
        (b"--x\r\n\r\n--x--", "multipart/form-data"),
        (b"address=1.1.1.1", "text/plain"),
        (
            b'--x\r\nContent-Disposition: form-data; name="evidence"; filename="<script>"\r\n\r\nx\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
        ),
    ],
)
def test_a_strange_form_is_refused_and_not_repeated(anyone: TestClient, content: bytes, kind: str) -> None:
    answer = anyone.post("/nominate", content=content, headers={"content-type": kind})
    assert answer.status_code in (400, 422)
    assert "<script" not in answer.text and "Traceback" not in answer.text


def test_an_unforeseen_error_is_bland_for_the_visitor_and_whole_in_the_log(
    house: Build, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    home = house()
    monkeypatch.setattr(home.casework.views, "look_up", failing(RuntimeError("inner secret")))
    with caplog.at_level(logging.ERROR):
        page = home.visitor().get("/ip/198.18.1.1")
        document = home.visitor().get("/api/v1/hosts/198.18.1.1")
    for answer in (page, document):
        assert answer.status_code == 500 and "Something went wrong on our side." in answer.text
        assert "secret" not in answer.text and answer.headers["content-security-policy"]
    assert document.json()["reason"] == "internal"
    assert "GET '/ip/198.18.1.1' failed" in caplog.text and "inner secret" in caplog.text


def test_a_silent_store_is_said_and_worth_a_retry(house: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    home = house()
    visitor = home.visitor()
    assert (visitor.get("/healthz").text, visitor.get("/readyz").json()["ready"]) == ("ok\n", True)
    monkeypatch.setattr(home.casework.views, "look_up", failing(StoreUnavailable("at postgresql://secret")))
    for path in ("/ip/198.18.1.1", "/api/v1/hosts/198.18.1.1"):
        answer = visitor.get(path)
        assert answer.status_code == 503 and answer.headers["retry-after"] == "30"
        assert "database does not answer" in answer.text and "secret" not in answer.text
    assert (visitor.get("/readyz").status_code, visitor.get("/healthz").status_code) == (503, 200)
    assert visitor.get("/readyz").json() == {"ready": False, "reason": "the store does not answer"}


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (Trouble.FULL, "The disk of the database is full, so nothing can be filed at the moment; DNS is not affected."),
        (Trouble.READ_ONLY, "The database takes no changes at the moment; DNS is not affected."),
        (Trouble.DAMAGED, "The database is damaged and must be mended first; DNS is not affected."),
        (Trouble.REFUSED, "The database does not answer at the moment; DNS is not affected."),
    ],
)
def test_whoever_brings_something_is_told_what_ails_the_database(
    house: Build, monkeypatch: pytest.MonkeyPatch, trouble: Trouble, words: str
) -> None:
    home = house()
    monkeypatch.setattr(home.casework.doors, "ask_removal", failing(StoreUnavailable("a secret", trouble=trouble)))
    answer = home.visitor().post("/api/v1/removals", json={"address": "198.18.1.1"})
    assert (answer.status_code, answer.json()["detail"]) == (503, words)
    assert answer.headers["retry-after"] == "30"


def test_a_stop_is_told_and_makes_no_node_unready(house: Build) -> None:
    home = house()
    visitor = home.visitor()

    def told() -> Any:
        answer = visitor.get("/readyz")
        assert answer.status_code == 200
        return answer.json()

    assert told() == {"ready": True, "testing": "goes on"}
    home.casework.operators.stop(reason="complaint of one@example.net", actor="operator joe")
    since = home.casework.views.stopped().at
    assert told() == {"ready": True, "testing": "stopped", "since": f"{since:%Y-%m-%dT%H:%M:%SZ}"}
    home.casework.operators.resume(reason="", actor="operator joe")
    assert told() == {"ready": True, "testing": "goes on"}
    by_setting = house(tester={"stop": True}).visitor().get("/readyz")
    assert (by_setting.status_code, by_setting.json()) == (200, {"ready": True, "testing": "stopped"})


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
