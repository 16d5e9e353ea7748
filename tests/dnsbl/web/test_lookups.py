"""A thousand addresses in one request, and nothing that is not bounded."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from dnsbl.rules import asking
from dnsbl.web.briefs import BriefShape
from dnsbl.web.lookups import AT_ONCE, MOST_OCTETS, PATH, LookupsDoor
from tests.dnsbl.web.asking import problem

TARGET = "198.18.7.9"
Build = Callable[..., Any]


def lines(visitor: TestClient, text: str | bytes) -> Any:
    return visitor.post(PATH, content=text, headers={"Content-Type": "text/plain; charset=utf-8"})


def test_json_and_lines_are_answered_alike_and_as_one_look_up_answers(house: Build) -> None:
    home = house()
    home.list()
    visitor = home.visitor()
    asked = [TARGET, "198.18.7.10", "2001:db8::1", "no address", f"[{TARGET}]:25"]
    answer = visitor.post(PATH, json={"addresses": asked})
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/json"
    rows = answer.json()["rows"]
    assert [row["asked"] for row in rows] == asked
    assert [row["state"] for row in rows] == ["listed", "unknown", "unknown", None, "listed"]
    for row in rows:
        assert BriefShape.model_validate(row)
        if row["address"]:
            host = visitor.get(f"/api/v1/hosts/{row['address']}").json()
            assert (row["state"], row["zones"]) == (host["state"], host["zones"])
            kinds = [{"kind": one["kind"], "network": one["network"]} for one in host["listings"]]
            assert row["listings"] == kinds
    assert lines(visitor, "\n".join([*asked, "", "# a remark"])).json() == {"rows": rows}


def test_hostile_rows_are_mistakes_of_their_own(anyone: TestClient) -> None:
    hostile = ["<script>", "\x1b[2J", "\x00", "\ud800", "\u202e1.2.3.4", "x" * 10_000, ":1234:", "[/bold]", "' OR 1"]
    answer = anyone.post(PATH, content=json.dumps({"addresses": [*hostile, "192.0.2.1"]}), headers=JSON)
    assert answer.status_code == 200 and answer.text.isascii() and answer.text.isprintable()
    rows = answer.json()["rows"]
    assert [row["address"] for row in rows] == [None] * len(hostile) + ["192.0.2.1"]
    assert all(row["mistake"] for row in rows[:-1])
    assert [
        row["address"] for row in lines(anyone, b"\xff\xfe\r\n\x00\r192.0.2.1\r\n192.0.2.2\r\n").json()["rows"]
    ] == [
        None,
        None,
        "192.0.2.2",
    ]


def test_rows_of_running_text_are_refused_each_before_its_words_are_tried(
    house: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "read", lambda *_: pytest.fail("a row of many words was read"))
    texts = ["[" * 250, "1.1 1.2 " * 30, f"{TARGET}\n" * 20]
    rows = house().visitor().post(PATH, json={"addresses": texts}).json()["rows"]
    assert [row["state"] for row in rows] == [None] * 3
    assert {row["mistake"] for row in rows} == {"One address is needed, and this has more than 8 words."}


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[" * 100_000, 400),
        (b'{"addresses": ' + b"9" * 5000 + b"}", 400),
        (b"\xff", 400),
        (b"{}", 422),
        (b"[]", 422),
        (b'{"addresses": []}', 422),
        (b'{"addresses": "192.0.2.1"}', 422),
        (b'{"addresses": [1]}', 422),
        (b'{"addresses": ["192.0.2.1"], "more": 1}', 422),
        (json.dumps({"addresses": ["192.0.2.1"] * 1001}).encode(), 413),
        (b" " * (MOST_OCTETS + 1), 413),
    ],
)
def test_what_is_no_list_of_addresses_is_refused_whole(anyone: TestClient, body: bytes, status: int) -> None:
    reasons = {400: "malformed-request", 422: "malformed-request", 413: "too-large"}
    problem(anyone.post(PATH, content=body, headers=JSON), status, reasons[status])


@pytest.mark.parametrize(
    ("text", "status"), [("", 422), ("#\n\n", 422), ("192.0.2.1\n" * 1001, 413), ("\n" * 9999, 413)]
)
def test_neither_is_a_text_of_none_or_too_many(anyone: TestClient, text: str, status: int) -> None:
    assert lines(anyone, text).status_code == status


def test_another_type_is_told_which_would_do(anyone: TestClient) -> None:
    for kind in ("", "application/x-www-form-urlencoded", "multipart/form-data", "text/html"):
        answer = anyone.post(PATH, content=b"192.0.2.1", headers={"Content-Type": kind})
        assert "text/plain" in problem(answer, 415, "media-type")


def test_a_thousand_addresses_are_answered_and_no_more_than_two_lists_at_once(house: Build) -> None:
    home = house()
    visitor = home.visitor()
    asked = [f"198.18.{n // 250}.{n % 250}" for n in range(1000)]
    assert len(visitor.post(PATH, json={"addresses": asked}).json()["rows"]) == 1000
    (door,) = (route.endpoint.__self__ for route in _routes(home.app) if route.path == PATH)
    assert isinstance(door, LookupsDoor)
    for _ in range(AT_ONCE):
        door._places.acquire()
    answer = visitor.post(PATH, json={"addresses": asked[:1]})
    problem(answer, 429, "too-many")
    assert answer.headers["retry-after"] == "1"
    door._places.release()
    assert visitor.post(PATH, json={"addresses": asked[:1]}).status_code == 200


def _routes(app: Any) -> Any:
    for route in app.routes:
        inner = getattr(route, "original_router", None)
        yield from inner.routes if inner is not None else [route]


def test_it_is_paced_as_what_looks_and_costs_ten_turns(house: Build) -> None:
    visitor = house(web={"gets_per_minute": 25, "posts_per_hour": 1}).visitor()
    answers = [visitor.post(PATH, json={"addresses": [TARGET]}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0].headers["ratelimit"].startswith('"gets";r=15')
    assert visitor.get(f"/api/v1/hosts/{TARGET}").status_code == 200
