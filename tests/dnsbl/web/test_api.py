"""The interface for programs, on a whole list with SQLite."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from typing import Any

import pytest
from starlette.testclient import TestClient

from dnsbl.addresses import parse_address, parse_network
from dnsbl.rules.others import Opinion, opinion
from dnsbl.settings import OtherList
from dnsbl.vocabulary import State, Tier
from tester.smtp import Outcome
from tests.dnsbl.web.asking import Build, doubtful, problem

TARGET = "198.18.7.9"


def test_an_unknown_address_is_an_answer(anyone: TestClient) -> None:
    answer = anyone.get("/api/v1/hosts/::ffff:198.18.1.1")
    assert answer.status_code == 200
    assert answer.json() == {
        "address": "198.18.1.1",
        "state": "unknown",
        "listings": [],
        "forthcoming": [],
        "inputs": [],
        "last_verdict": None,
        "next_test": None,
        "ahead": 0,
        "waits": "",
        "removal_after": None,
        "clears_by": None,
        "zones": {"relays.example.org": []},
        "exception": None,
        "proof": None,
        "paths": [],
        "others": None,
    }


def test_other_lists_are_asked_for_who_asks_and_not_without_end(house: Build) -> None:
    asked: list[str] = []

    def elsewhere(address: Any) -> list[Opinion]:
        asked.append(str(address))
        return [opinion(OtherList("good.test"), ("127.0.0.2",), "see <b>")]

    visitor = house(elsewhere, others={"visitors_hour": 1}).visitor()
    url = f"/api/v1/hosts/{TARGET}"
    assert visitor.get(url).json()["others"] is None and asked == []
    found = visitor.get(url, params={"others": True}).json()
    assert asked == [TARGET] and found["state"] == "unknown"
    assert found["others"] == [
        {
            "zone": "good.test",
            "listed": True,
            "codes": ["127.0.0.2"],
            "text": "see <b>",
            "trouble": None,
            "sentence": "good.test lists it (127.0.0.2).",
        }
    ]
    answer = visitor.get(url, params={"others": True})
    assert (answer.status_code, answer.json()["reason"], asked) == (429, "too-many", [TARGET])


def test_no_visitor_has_other_lists_asked_where_that_is_for_operators(house: Build) -> None:
    visitor = house(lambda address: pytest.fail("asked"), others={"visitors_hour": 0}).visitor()
    assert visitor.get(f"/api/v1/hosts/{TARGET}", params={"others": True}).json()["others"] is None


def test_a_published_reply_keeps_secrets_and_other_peoples_addresses(house: Build) -> None:
    home = house()
    run = home.list(reply="250 queued for joe@victim.example, abcdefghijklmnopqrstuvwxy2")
    (reply,) = {a["reply"] for a in home.visitor().get(f"/api/v1/runs/{run}").json()["attempts"]}
    assert reply.startswith("250 queued for [address withheld], [proof withheld, SHA-256 ")


def test_of_a_forgotten_test_page_and_document_say_when_and_bear_the_hash(house: Build) -> None:
    home = house()
    proving = home.list()
    home.casework.operators.order_test(parse_address(TARGET), profile="standard", actor="operator")
    run = home.test()
    home.office.later(days=8)
    assert home.casework.upkeep.settle() == 1
    visitor = home.visitor()
    assert visitor.get(f"/api/v1/runs/{run}").json()["forgotten"] is None
    home.office.later(days=32)
    assert home.casework.forgetting.forget(actor="operator").tests == 1
    told = visitor.get(f"/api/v1/runs/{run}").json()
    assert (told["verdict"], told["attempts"], len(told["forgotten"]["sha256"])) == ("ACCEPTS_LOSES", [], 64)
    assert visitor.get(f"/api/v1/runs/{proving}").json()["forgotten"] is None
    page = visitor.get(f"/ip/{TARGET}").text
    assert "The transcript was deleted on" in page and "40 days after the test" in page
    assert told["forgotten"]["sha256"] in page
    home.casework.operators.drop_networks([parse_network(TARGET)], kind="relay", reason="x", actor="operator")
    assert told["forgotten"]["sha256"] not in visitor.get(f"/ip/{TARGET}").text
    assert told["forgotten"]["sha256"] in visitor.get(f"/ip/{TARGET}?test={run}").text, "the link that names the test"


def test_a_listed_address_leads_to_its_run(house: Build) -> None:
    home = house()
    run = home.list()
    visitor = home.visitor()
    host = visitor.get(f"/api/v1/hosts/{TARGET}").json()
    assert (host["state"], host["last_verdict"]) == ("listed", "OPEN")
    assert host["zones"] == {"relays.example.org": ["127.0.0.2"]}
    assert host["listings"][0]["run"] == run and host["listings"][0]["since"].endswith("Z")
    answer = visitor.get(f"/api/v1/runs/{run}")
    assert answer.json()["attempts"][0] == {
        "vector": "S01",
        "address": TARGET,
        "port": 25,
        "outcome": "DELIVERED_SAME",
        "reply": "250 ok",
    }
    [way] = host["paths"]
    assert (way["address"], way["port"], way["tls"], way["verdict"]) == (TARGET, 25, "starttls", "OPEN")
    assert answer.json()["paths"] == [way | {"certificate": None}]
    assert answer.json()["output_addresses"] == [TARGET]
    assert home.proof(run) not in answer.text


@pytest.mark.parametrize("address", ["example.org", "1.2.3", "%20", "x" * 200])
def test_a_malformed_address_is_a_problem(anyone: TestClient, address: str) -> None:
    problem(anyone.get(f"/api/v1/hosts/{address}"), 400, "malformed-address")


@pytest.mark.parametrize("address", ["8.8.8.0/24", "8.8.8.0%2F24", "http://8.8.8.8/", ""])
def test_a_network_or_a_link_in_the_place_of_an_address_is_told_from_a_page_that_there_is_not(
    anyone: TestClient, address: str
) -> None:
    said = problem(anyone.get(f"/api/v1/hosts/{address}"), 400, "malformed-address")
    assert "address is needed" in said or "it is a link; give 8.8.8.8 alone" in said
    assert anyone.get("/api/v1/hosts/8.8.8.8/32").json()["address"] == "8.8.8.8"
    problem(anyone.get("/api/v1/hosts/8.8.8.8/proof"), 404, "not-found")


def test_a_malformed_address_is_quoted_as_it_was_typed(anyone: TestClient) -> None:
    said = '"nonsense" is not an IPv4 or IPv6 address; one is written 192.0.2.1 or 2001:db8::1.'
    assert problem(anyone.get("/api/v1/hosts/nonsense"), 400, "malformed-address") == said
    for door in ("nominations", "removals"):
        assert problem(anyone.post(f"/api/v1/{door}", json={"address": "nonsense"}), 400, "malformed-address") == said


def test_an_unknown_run_is_not_found(anyone: TestClient) -> None:
    problem(anyone.get("/api/v1/runs/aaaaaaaaaaaaaaaa"), 404, "not-found")
    assert "64" in problem(anyone.get(f"/api/v1/runs/{'a' * 65}"), 422, "malformed-request")


def test_a_nomination_is_queued_and_names_no_run(house: Build) -> None:
    home = house()
    answer = home.visitor().post(
        "/api/v1/nominations", json={"address": TARGET, "evidence": home.spam(), "reason": "seen\x1b today"}
    )
    assert answer.status_code == 202
    assert answer.json() == {
        "address": TARGET,
        "state": "queued",
        "status_url": f"http://127.0.0.1:8053/api/v1/hosts/{TARGET}",
        "page_url": f"http://127.0.0.1:8053/ip/{TARGET}",
        "messages": 1,
        "nominations": [
            {
                "message": "",
                "address": TARGET,
                "result": "queued",
                "detail": "",
                "report": "",
                "source": None,
                "trace": {
                    "line": 1,
                    "sure": True,
                    "lines": [
                        {
                            "number": 1,
                            "reading": "used",
                            "why": "handed in from outside",
                            "address": TARGET,
                            "name": "relay.example.net",
                            "helo": "relay.example.net",
                            "by": "mx.example.com",
                            "protocol": "ESMTP",
                            "possible": True,
                            "trusted": True,
                        }
                    ],
                },
                "hint": None,
            }
        ],
    }
    assert answer.headers["location"] == answer.json()["status_url"]
    assert home.casework.views.look_up(parse_address(TARGET)).state is State.QUEUED
    assert home.casework.operators.journal()[0].actor == "api 198.51.100.0/24"


def test_nominations_are_refused_with_the_doors_reason(house: Build) -> None:
    home = house()
    visitor = home.visitor()

    def refused(status: int, reason: str, **wish: str) -> Any:
        answer = visitor.post("/api/v1/nominations", json=wish)
        problem(answer, status, reason)
        return answer

    refused(422, "no-evidence")
    refused(400, "malformed-address", address="zz")
    refused(422, "no-evidence", address=TARGET)
    refused(422, "special-purpose", address="127.0.0.1")
    refused(422, "not-mail", evidence="hello there")
    refused(422, "not-in-evidence", address="8.8.8.8", evidence=home.spam())
    refused(422, "not-mail", evidence="a", encoding="base64")
    home.office.nominate(TARGET)
    home.test(outcome=Outcome.RCPT_5XX, reply="550 no")
    assert int(refused(429, "resting", evidence=home.spam()).headers["retry-after"]) > 600000
    home.list("198.18.7.10")
    refused(409, "already-listed", evidence=home.spam("198.18.7.10"))
    home.casework.operators.exclude(parse_network("198.18.8.0/24"), reason="asked", actor="operator")
    refused(403, "excluded", evidence=home.spam("198.18.8.1"))


def test_where_more_than_one_line_could_be_meant_the_problem_asks_and_takes_the_answer(house: Build) -> None:
    home = house()
    visitor = home.visitor()
    asked = visitor.post("/api/v1/nominations", json={"evidence": doubtful(home)})
    assert "say which is meant" in problem(asked, 422, "which-line")
    (row,) = asked.json()["nominations"]
    assert (row["address"], row["result"], row["trace"]["line"], row["trace"]["sure"]) == (
        "198.18.1.1",
        "which-line",
        1,
        False,
    )
    assert [line["number"] for line in row["trace"]["lines"] if line["possible"]] == [1, 2]
    assert home.casework.views.look_up(parse_address(TARGET)).state is State.UNKNOWN
    answer = visitor.post("/api/v1/nominations", json={"evidence": doubtful(home), "pick": 2})
    assert (answer.status_code, answer.json()["address"]) == (202, TARGET)
    assert answer.json()["nominations"][0]["trace"]["line"] == 2
    wrong = visitor.post("/api/v1/nominations", json={"evidence": doubtful(home), "pick": 2, "address": "198.18.1.1"})
    assert "leave one of the two out" in problem(wrong, 422, "which-line")


def test_a_reporter_who_has_registered_his_servers_is_not_asked(house: Build) -> None:
    home = house(policy={"reporters": ["198.51.100.0/24 198.18.1.1"]})
    for visitor, status in (("198.51.100.23", 202), ("192.0.2.1", 422)):
        wish = {"evidence": doubtful(home)}
        assert home.visitor(visitor).post("/api/v1/nominations", json=wish).status_code == status


@pytest.mark.parametrize("kind", ["message/rfc822", "Message/RFC822; charset=utf-8", "message/global"])
def test_a_message_may_be_the_body_itself_octet_by_octet(house: Build, kind: str) -> None:
    home = house()
    message = home.spam().encode() + b"caf\xe9 \x80\r\n"
    answer = home.visitor().post("/api/v1/nominations", content=message, headers={"content-type": kind})
    assert (answer.status_code, answer.json()["address"]) == (202, TARGET)
    with home.office.store.read() as tx:
        assert [tx.evidence.read(name) for name in tx.evidence.oldest(most=9)] == [message]


def test_beside_a_message_as_the_body_the_rest_stands_in_the_query(house: Build) -> None:
    home = house()

    def sent(query: str, body: str = doubtful(home)) -> Any:
        return home.visitor().post(
            f"/api/v1/nominations{query}", content=body, headers={"content-type": "message/rfc822"}
        )

    assert problem(sent(""), 422, "which-line")
    assert problem(sent("?pick=x"), 422, "malformed-request").startswith("pick: ")
    assert problem(sent("?colour=red"), 422, "malformed-request").startswith("colour: ")
    assert problem(sent("?evidence=x", body=""), 422, "no-evidence")
    assert sent("?pick=2&reason=seen").json()["address"] == TARGET


def test_a_body_of_another_kind_is_told_which_ones_are_taken(anyone: TestClient) -> None:
    answer = anyone.post("/api/v1/nominations", content=b"x", headers={"content-type": "text/html"})
    assert "message/rfc822" in problem(answer, 422, "malformed-request")


def test_base64_keeps_every_octet(house: Build) -> None:
    home = house()
    octets = home.spam(text="caf\xe9").encode("latin-1")
    wish = {"evidence": base64.b64encode(octets).decode(), "encoding": "base64"}
    assert home.visitor().post("/api/v1/nominations", json=wish).status_code == 202
    name = home.casework.operators.journal()[0].evidence.rpartition(":")[2]
    assert name == sha256(octets).hexdigest()


def test_of_a_mailbox_each_message_is_told_about(house: Build) -> None:
    home = house()
    separator = "From a@example.net Wed Nov 25 15:14:13 2026\r\n"
    box = "".join(separator + each + "\r\n" for each in (doubtful(home), home.spam(), home.spam("127.0.0.1")))
    answer = home.visitor().post("/api/v1/nominations", json={"evidence": box})
    assert (answer.status_code, answer.json()["address"], answer.json()["messages"]) == (202, TARGET, 3)
    assert [row["result"] for row in answer.json()["nominations"]] == ["which-line", "queued", "not-in-evidence"]


def test_removal_queues_the_retest(house: Build) -> None:
    home = house()
    home.list()
    visitor = home.visitor()
    answer = visitor.post("/api/v1/removals", json={"address": TARGET})
    assert answer.status_code == 202 and answer.json()["address"] == TARGET
    home.test(proven=True)
    test = visitor.get("/api" + answer.json()["run_url"].partition("/api")[2]).json()
    assert (test["reason"], test["verdict"]) == ("removal", "OPEN")
    answer = visitor.post("/api/v1/removals", json={"address": TARGET})
    problem(answer, 429, "resting")
    assert 0 < int(answer.headers["retry-after"]) <= 3600
    refused = visitor.post("/api/v1/removals", json={"address": "198.18.1.1"})
    assert "nothing that you need to do" in problem(refused, 409, "not-listed")
    problem(visitor.post("/api/v1/removals", json={"address": "zz"}), 400, "malformed-address")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"address":7}', b'{"address":"1.1.1.1","x":1}', b'{"address":"\\ud800"}', b"\xff"],
)
def test_a_body_of_another_form_is_a_problem(anyone: TestClient, body: bytes) -> None:
    answer = anyone.post("/api/v1/removals", content=body, headers={"content-type": "application/json"})
    problem(answer, 400 if body == b"\xff" else 422, "malformed-request")
    assert "1.1.1.1" not in answer.text


@pytest.mark.parametrize("door", ["nominations", "removals"])
@pytest.mark.parametrize("value", [b"9" * 10_000, b"[" * 3000 + b"]" * 3000])
def test_a_number_or_a_depth_that_is_too_much_is_a_problem_too(anyone: TestClient, door: str, value: bytes) -> None:
    body = b'{"address":%b}' % value
    answer = anyone.post(f"/api/v1/{door}", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
    problem(answer, answer.status_code, "malformed-request")


@pytest.mark.parametrize("path", ["nominations", "removals"])
@pytest.mark.parametrize("body", [b"{", b'{"address": "198.18.7.9",}'])
def test_broken_json_is_told_in_one_sentence(anyone: TestClient, path: str, body: bytes) -> None:
    answer = anyone.post(f"/api/v1/{path}", content=body, headers={"content-type": "application/json"})
    assert problem(answer, 422, "malformed-request") == "The body is not JSON."


def test_a_form_is_not_taken_for_json(anyone: TestClient) -> None:
    answer = anyone.post("/api/v1/removals", data={"address": TARGET})
    problem(answer, 422, "malformed-request")


def test_who_watches_a_run_gets_each_change_and_its_result(house: Build) -> None:
    home = house()
    home.office.nominate(TARGET)
    run = home.office.casework.views.look_up(parse_address(TARGET)).job.run
    watcher = home.visitor()
    assert watcher.get(f"/api/v1/runs/{run}/events").status_code == 404, "it has not begun"
    home.test()
    pending = [lambda: home.office.come_back(run, TARGET)]

    async def sleep(seconds: float) -> None:
        if pending:
            pending.pop()()

    home.watching(sleep)
    answer = watcher.get(f"/api/v1/runs/{run}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    told = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
    assert [json.loads(one)["verdict"] for one in told] == [None, "OPEN"]
    assert json.loads(told[-1]) == watcher.get(f"/api/v1/runs/{run}").json()
    assert answer.text.splitlines()[-3] == "event: result"


# -- reporters ---------------------------------------------------------------------------------------------------------
def test_who_nominates_with_a_key_is_counted_and_journalled_by_his_account_and_never_published(house: Build) -> None:
    home = house(reporters={"new_day": 1})
    home.casework.reporters.add("ann", tier=Tier.NEW, contact="ann@example.org", actor="operator me")
    bearer = {"Authorization": f"Bearer {home.casework.reporters.key('ann', actor='operator me')}"}
    first = home.visitor().post("/api/v1/nominations", json={"evidence": home.spam()}, headers=bearer)
    assert first.status_code == 202, first.text
    actor = home.casework.operators.journal(parse_address(TARGET))[0].actor
    assert actor == "api reporter ann"
    second = home.visitor("203.0.113.7").post(
        "/api/v1/nominations", json={"evidence": home.spam("198.18.9.9")}, headers=bearer
    )
    assert second.status_code == 429 and "Retry-After" in second.headers
    home.test()
    for path in (f"/ip/{TARGET}", f"/api/v1/hosts/{TARGET}", "/api/v1/openapi.json"):
        assert "ann" not in home.visitor().get(path).text.replace("cannot", "").replace("channel", "").split()


def test_a_key_that_is_none_is_refused_and_not_taken_for_a_stranger(house: Build) -> None:
    home = house()
    home.casework.reporters.add("ann", tier=Tier.NEW, contact="", actor="operator me")
    key = home.casework.reporters.key("ann", actor="operator me")
    wrong = home.visitor().post(
        "/api/v1/nominations", json={"evidence": home.spam()}, headers={"Authorization": "Bearer nonsense"}
    )
    assert (wrong.status_code, wrong.json()["reason"]) == (401, "unknown-key")
    assert wrong.headers["WWW-Authenticate"] == "Bearer"
    home.casework.reporters.suspend("ann", reason="lies", actor="operator me")
    off = home.visitor().post(
        "/api/v1/nominations", json={"evidence": home.spam()}, headers={"Authorization": f"Bearer {key}"}
    )
    assert (off.status_code, off.json()["reason"]) == (403, "suspended")
    assert "lies" not in off.text
    assert home.casework.views.look_up(parse_address(TARGET)).state is State.UNKNOWN


def test_a_trusted_reporters_word_stands_for_evidence_and_nobody_elses_does(house: Build) -> None:
    home = house()
    for name, tier in (("ann", Tier.TRUSTED), ("bob", Tier.KNOWN)):
        home.casework.reporters.add(name, tier=tier, contact="", actor="operator me")
        bearer = {"Authorization": f"Bearer {home.casework.reporters.key(name, actor='operator me')}"}
        bare = home.visitor().post("/api/v1/nominations", json={"address": TARGET}, headers=bearer)
        assert (bare.status_code, bare.json()["reason"]) == (422, "no-evidence")
        wish = {"address": TARGET, "reason": "sent spam to our traps"}
        said = home.visitor().post("/api/v1/nominations", json=wish, headers=bearer)
        assert said.status_code == (202 if tier is Tier.TRUSTED else 422)


def test_what_a_trace_looks_like_is_a_hint_beside_the_nomination_and_no_verdict(house: Build) -> None:
    home = house()
    evidence = home.spam().replace(
        "From: <a@example.net>",
        "Received: from PC ([10.0.0.26]) by relay.example.net with ESMTP; x\r\nFrom: <a@example.net>",
    )
    answer = home.visitor().post("/api/v1/nominations", json={"evidence": evidence}).json()
    [row] = answer["nominations"]
    assert (row["result"], row["hint"]["name"], row["hint"]["sure"]) == ("queued", "client-address-lost", "guess")
    assert [line["trusted"] for line in row["trace"]["lines"]] == [True, False]
    host = home.visitor().get(f"/api/v1/hosts/{TARGET}").json()
    assert (host["state"], host["last_verdict"]) == ("queued", None)
    page = home.visitor().post("/nominate", data={"evidence": evidence.replace(TARGET, "198.18.7.10")})
    assert "It looks like client-address-lost." in page.text


def test_where_a_request_is_enough_there_is_no_test_to_follow(house: Build) -> None:
    home = house(policy={"removal": "request"})
    home.list()
    answer = home.visitor().post("/api/v1/removals", json={"address": TARGET})
    assert (answer.status_code, answer.json()["run_url"]) == (202, None)
    assert home.visitor().get(f"/api/v1/hosts/{TARGET}").json()["listings"] == []


def test_who_has_not_shown_that_the_address_is_his_is_told_where_to(house: Build) -> None:
    home = house(policy={"removal": "owner"})
    home.list()
    answer = home.visitor().post("/api/v1/removals", json={"address": TARGET})
    assert f"/control?address={TARGET}" in problem(answer, 422, "not-shown")
