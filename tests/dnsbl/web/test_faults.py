"""What went wrong, as a problem for programs and a sentence for people."""

from __future__ import annotations

import logging

import pytest
from starlette.testclient import TestClient

from dnsbl.errors import StoreUnavailable, Trouble
from tests.dnsbl.web.asking import Build, failing, problem


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
        (Trouble.VERSION, "The database is being maintained at the moment; DNS is not affected."),
        (Trouble.REFUSED, "The database cannot be used at the moment; DNS is not affected."),
        (Trouble.AWAY, "The database does not answer at the moment; DNS is not affected."),
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


def test_a_wrong_method_names_the_right_one(anyone: TestClient) -> None:
    answer = anyone.post("/api/v1/hosts/198.18.1.1")
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET"


def test_an_unknown_path_is_a_problem(anyone: TestClient) -> None:
    problem(anyone.get("/api/v1/nothing"), 404, "not-found")
