"""Letters for remote testers over the API: who gets them, what an answer holds, and who is told what became of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from dnsbl.vocabulary import Tier
from tests.dnsbl.web.asking import problem

TARGET, URL = "198.18.7.9", "/api/v1/remote-tests"
Build = Callable[..., Any]
TRACE = b"Received: from t.example (t.example [198.51.100.23]) by relay.example.net with ESMTP; now\r\n"


class Client:
    """A list, and a reporter with a key."""

    def __init__(self, home: Any, tier: Tier = Tier.TRUSTED) -> None:
        self.home = home
        reporters = home.casework.reporters
        reporters.add("ann", tier=tier, contact="", actor="operator")
        self.headers = {"Authorization": f"Bearer {reporters.key('ann', actor='operator')}"}

    def ask(self, *, address: str = TARGET, **wish: Any) -> Any:
        body = {"address": address, "evidence": self.home.spam(address)} | wish
        return self.home.visitor().post(URL, json=body, headers=self.headers)

    def see(self, run: str) -> Any:
        return self.home.visitor().get(f"{URL}/{run}", headers=self.headers)


@pytest.fixture
def ann(house: Build) -> Client:
    return Client(house(remote={"on": True}))


def test_an_account_gets_letters_with_all_that_is_needed_to_send_them(ann: Client) -> None:
    answer = ann.ask()
    found = answer.json()
    assert answer.status_code == 201, found
    assert (found["address"], found["port"], found["profile"], found["grade"]) == (TARGET, 25, "standard", "proven")
    assert answer.headers["location"] == found["status_url"]
    assert answer.headers["cache-control"] == "no-store"
    assert [one["vector"] for one in found["letters"]][:2] == ["S01", "S10"]
    first = found["letters"][0]
    assert len(first["recipient"]) == len(first["sender"]) == 34 and len(first["proof"]) == 26
    assert found["sender"]["collector_domain"] == ann.home.office.settings.tester.collector_domain
    assert found["not_after"] - found["not_before"] == 24 * 3600
    assert "lists it, as a test of the list's own would" in found["shows"]


def test_what_came_back_is_told_to_its_tester_alone(ann: Client) -> None:
    found = ann.ask().json()
    assert ann.see(found["id"]).json() == {
        "id": found["id"],
        "address": TARGET,
        "state": "waiting",
        "explanation": "A remote tester has the letters.",
        "back": [],
        "listed": [],
    }
    office = ann.home.office
    office.clock.turn(seconds=2)
    office.come_back(found["id"], TARGET, message=TRACE + office.message(office.issued(found["id"])))
    told = ann.see(found["id"]).json()
    assert (told["state"], told["listed"]) == ("settled", ["relay"])
    [back] = told["back"]
    assert (back["recipient"], back["finding"], back["peer"]) == (
        found["letters"][0]["recipient"],
        "DELIVERED_SAME",
        TARGET,
    )
    problem(ann.home.visitor().get(f"{URL}/{found['id']}"), 401, "key-needed")
    problem(ann.see("a" * 16), 404, "not-found")


def test_no_page_and_no_other_answer_holds_a_proof_or_who_has_the_letters(ann: Client) -> None:
    found = ann.ask().json()
    office = ann.home.office
    office.clock.turn(seconds=2)
    office.come_back(found["id"], TARGET, message=TRACE + office.message(office.issued(found["id"])))
    visitor: TestClient = ann.home.visitor()
    for path in (f"/ip/{TARGET}", f"/api/v1/hosts/{TARGET}", f"/api/v1/runs/{found['id']}"):
        text = visitor.get(path).text
        assert "reporter ann" not in text and found["letters"][0]["proof"] not in text, path
    page = visitor.get(f"/ip/{TARGET}").text
    assert "remote tester" in page, "its owner is not told who talked to the server"


def test_who_has_no_key_or_a_wrong_one_gets_nothing(ann: Client) -> None:
    body = {"address": TARGET, "evidence": ann.home.spam()}
    visitor = ann.home.visitor()
    problem(visitor.post(URL, json=body), 401, "key-needed")
    problem(visitor.post(URL, json=body, headers={"Authorization": "Bearer dnsbl-key-x"}), 401, "unknown-key")


@pytest.mark.parametrize(
    ("wish", "status", "reason"),
    [
        ({"address": "10.0.0.1"}, 422, "special-purpose"),
        ({"address": "mail.example.net"}, 400, "malformed-address"),
        ({"evidence": ""}, 422, "no-evidence"),
        ({"evidence": "no mail"}, 422, "not-mail"),
        ({"address": "198.18.7.10"}, 422, "not-in-evidence"),
    ],
)
def test_the_rules_of_nominations_hold(house: Build, wish: dict[str, Any], status: int, reason: str) -> None:
    ann = Client(house(remote={"on": True, "known": "unconfirmed"}), Tier.KNOWN)
    problem(ann.ask(**{"evidence": ann.home.spam()} | wish), status, reason)


def test_a_trusted_account_may_give_a_reason(ann: Client) -> None:
    problem(ann.ask(evidence=""), 422, "no-evidence")
    assert ann.ask(evidence="", reason="it sent spam to our trap").json()["profile"] == "basic"


def test_whoever_is_not_believed_alone_is_told_so(house: Build) -> None:
    ann = Client(house(remote={"on": True}), Tier.KNOWN)
    found = ann.ask().json()
    assert found["grade"] == "unconfirmed" and "unconfirmed at most. The list then tests it itself." in found["shows"]


def test_nobody_gets_letters_by_default(house: Build) -> None:
    problem(Client(house()).ask(), 422, "off")


def test_nobody_gets_letters_for_where_he_comes_from(ann: Client) -> None:
    answer = ann.home.visitor("198.18.7.9").post(
        URL, json={"address": TARGET, "evidence": ann.home.spam()}, headers=ann.headers
    )
    problem(answer, 422, "own-address")


def test_a_mailbox_of_several_is_too_much(ann: Client) -> None:
    one = ann.home.spam()
    problem(ann.ask(evidence="".join(f"From a@b Thu Jan  1 00:00:00 2026\r\n{one}\r\n" for _ in "ab")), 422, "not-mail")
