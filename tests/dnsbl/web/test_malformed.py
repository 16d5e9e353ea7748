"""What is said of a request whose form is wrong: the field, what is needed there, and nothing of what was sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from dnsbl.web import malformed
from tests.dnsbl.web.asking import problem

SENT = "<b>sent\u00e9\x07"
#: Words by which pydantic, FastAPI and starlette speak.
THEIRS = ("Input ", "input ", "Value error", "Field required", "permitted", "validation", "parsing", "integer", "dict")
JSON = {"content-type": "application/json"}
DOORS = ["nominations", "removals", "watches", "remote-tests", "self-tests", "lookups"]
BODIES: list[Any] = [[], 7, SENT, None, {}, {SENT: SENT}, {"address": 7, "network": [SENT], "ports": SENT}]


def ours(detail: str) -> None:
    assert detail.endswith(".") and "\n" not in detail and detail.isascii()
    assert not [words for words in THEIRS if words in detail] and SENT not in detail


@pytest.mark.parametrize("door", DOORS)
def test_every_door_says_in_one_sentence_of_ours_what_is_needed(anyone: TestClient, door: str) -> None:
    for body in BODIES:
        answer = anyone.post(f"/api/v1/{door}", content=json.dumps(body), headers=JSON)
        if answer.status_code >= 400:
            ours(problem(answer, answer.status_code, answer.json()["reason"]))
    assert problem(anyone.post(f"/api/v1/{door}", json=[]), 422, "malformed-request")


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "body", [b"{", b"{" * 3000, b"[" * 100_000, b"\xff\xfe", b"", b'{"address": ' + b"9" * 9999 + b"}"]
)
def test_every_door_says_so_where_a_body_is_no_json(anyone: TestClient, door: str, body: bytes) -> None:
    answer = anyone.post(f"/api/v1/{door}", content=body, headers=JSON)
    assert answer.status_code in (400, 413, 422)
    ours(problem(answer, answer.status_code, answer.json()["reason"]))


@pytest.mark.parametrize(
    ("door", "body", "said"),
    [
        ("nominations", {"pick": "x"}, "pick: a whole number is needed."),
        ("nominations", {"pick": 1.5}, "pick: a whole number is needed."),
        ("nominations", {"encoding": SENT}, "encoding: one of text, base64 is needed."),
        ("nominations", {"reason": "x" * 2001}, "reason: at most 2000 characters are allowed."),
        ("nominations", {"colour": 1}, "colour: is no field of this request; leave it out."),
        ("removals", {}, "address: is needed, and is not there."),
        ("removals", {"address": 5}, "address: a text is needed."),
        (
            "removals",
            {"address": 5, "x": 1},
            "address: a text is needed; x: is no field of this request; leave it out.",
        ),
        ("self-tests", {"ports": "x"}, "ports: a list is needed, such as [25]."),
        ("self-tests", {"ports": [25, "x"]}, "ports.1: a whole number is needed."),
        ("self-tests", {"ports": [25] * 11}, "ports: at most 10 in the list are allowed."),
        ("watches", {"network": "192.0.2.0/24", "way": SENT}, "way: one of mail, webhook, feed is needed."),
        ("watches", [], "body: a JSON object is needed, such as {}, with Content-Type: application/json."),
    ],
)
def test_the_field_is_named_and_what_is_needed_there(anyone: TestClient, door: str, body: Any, said: str) -> None:
    assert problem(anyone.post(f"/api/v1/{door}", json=body), 422, "malformed-request") == said


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nominations?most=0", "most: at least 1 is needed."),
        ("nominations?before=x", "before: a whole number is needed."),
        ("statistics?days=367", "days: at most 366 is allowed."),
        ("hosts/198.18.1.1?others=perhaps", "others: true or false is needed."),
        (f"runs/{'a' * 65}", "run: at most 64 characters are allowed."),
    ],
)
def test_so_it_is_of_the_path_and_of_the_query(anyone: TestClient, path: str, said: str) -> None:
    assert problem(anyone.get(f"/api/v1/{path}"), 422, "malformed-request") == said


def test_half_a_character_is_told_in_our_words_alone(anyone: TestClient) -> None:
    answer = anyone.post("/api/v1/removals", content=b'{"address": "\\ud800"}', headers=JSON)
    said = problem(answer, 422, "malformed-request")
    assert said.startswith("address: this text holds half a character") and "Value error" not in said


def test_a_body_that_is_sent_as_no_json_is_told_how_it_is_sent(anyone: TestClient) -> None:
    answer = anyone.post(
        "/api/v1/removals", content=b'{"address": "198.18.1.1"}', headers={"content-type": "text/html"}
    )
    assert "Content-Type: application/json" in problem(answer, 422, "malformed-request")


def test_names_of_fields_are_bounded_and_escaped_and_few_are_told() -> None:
    errors = [{"type": "extra_forbidden", "loc": ("body", f"{n}\u00e9" * 50), "msg": ""} for n in range(9)]
    said = malformed.sentence(errors)
    assert said.isascii() and said.count(";") < 10 and len(said) < 600


def test_what_has_no_words_of_ours_is_told_without_theirs() -> None:
    assert malformed.sentence([{"type": "new_in_pydantic_9", "loc": ("body", "x"), "msg": "Input should be new"}]) == (
        "x: a value of another sort is needed."
    )
