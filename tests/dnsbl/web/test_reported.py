"""What a reporter has nominated, and what became of it: told to who holds his key, and to nobody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dnsbl.vocabulary import Tier
from tester.smtp import Outcome
from tests.dnsbl.web.asking import problem

URL = "/api/v1/nominations"


class Reporter:
    """Somebody with a key."""

    def __init__(self, home: Any, name: str) -> None:
        self.home = home
        home.casework.reporters.add(name, tier=Tier.KNOWN, contact="", actor="operator")
        key = home.casework.reporters.key(name, actor="operator")
        self.headers = {"Authorization": f"Bearer {key}"}

    def nominate(self, address: str) -> None:
        body = {"address": address, "evidence": self.home.spam(address)}
        assert self.home.visitor().post(URL, json=body, headers=self.headers).status_code == 202

    def withdraw(self, number: object) -> Any:
        return self.home.visitor().delete(f"{URL}/{number}", headers=self.headers)

    def mine(self, **asked: Any) -> Any:
        return self.home.visitor().get(URL, params=asked, headers=self.headers)


@pytest.fixture
def ann(house: Callable[..., Any]) -> Reporter:
    return Reporter(house(), "ann")


def test_a_reporter_follows_what_became_of_each_of_his_nominations(ann: Reporter) -> None:
    assert ann.mine().json() == {"nominations": [], "before": None}
    ann.nominate("198.18.7.9")
    [waits] = ann.mine().json()["nominations"]
    assert (waits["address"], waits["door"], waits["counts"]) == ("198.18.7.9", "api", True)
    assert (waits["state"], waits["verdict"]) == (None, None) and waits["run_id"] and len(waits["evidence"]) == 64
    ann.home.office.test(Outcome.RCPT_5XX)
    answer = ann.mine()
    [judged] = answer.json()["nominations"]
    assert judged == waits | {"state": "settled", "verdict": "CLOSED"}
    assert answer.headers["cache-control"] == "private, no-cache"


def test_many_are_told_a_page_at_a_time_the_newest_first(ann: Reporter) -> None:
    for last in (1, 2, 3):
        ann.nominate(f"198.18.7.{last}")
    first = ann.mine(most=2).json()
    assert [one["address"] for one in first["nominations"]] == ["198.18.7.3", "198.18.7.2"]
    rest = ann.mine(most=2, before=first["before"]).json()
    assert ([one["address"] for one in rest["nominations"]], rest["before"]) == (["198.18.7.1"], None)
    for wrong in ({"most": 0}, {"most": 101}, {"before": 0}, {"before": 2**63}):
        assert ann.mine(**wrong).status_code == 422


def test_nobody_sees_those_of_anybody_else(ann: Reporter) -> None:
    ann.nominate("198.18.7.9")
    assert Reporter(ann.home, "bob").mine().json()["nominations"] == []
    without = ann.home.visitor().get(URL)
    problem(without, 401, "key-needed")
    assert "no key" not in without.json()["expected"], "that would be what it is refused for"
    problem(ann.home.visitor().get(URL, headers={"Authorization": "Bearer dnsbl-key-x"}), 401, "unknown-key")
    ann.home.casework.reporters.suspend("ann", reason="x", actor="operator")
    problem(ann.mine(), 403, "suspended")


def test_what_was_taken_back_with_a_bad_source_is_shown_as_that(ann: Reporter) -> None:
    ann.nominate("198.18.7.9")
    with ann.home.office.store.write() as tx:
        tx.nominations.void(range(1, tx.nominations.last() + 1))
    assert [one["counts"] for one in ann.mine().json()["nominations"]] == [False]


def test_a_mistake_is_taken_back_while_its_test_has_not_begun(ann: Reporter) -> None:
    ann.nominate("198.18.7.9")
    [before] = ann.mine().json()["nominations"]
    answer = ann.withdraw(before["number"])
    assert (answer.status_code, answer.content) == (204, b"")
    [after] = ann.mine().json()["nominations"]
    assert (after["counts"], after["run_id"], after["state"]) == (False, None, None) and after["withdrawn"]
    assert ann.withdraw(before["number"]).status_code == 204, "once more is no mistake"
    assert ann.home.visitor().get("/api/v1/hosts/198.18.7.9").json()["state"] == "unknown"


def test_what_cannot_be_taken_back_is_said_in_a_sentence(ann: Reporter) -> None:
    ann.nominate("198.18.7.9")
    [mine] = ann.mine().json()["nominations"]
    bob = Reporter(ann.home, "bob")
    assert problem(bob.withdraw(mine["number"]), 404, "not-found") == f"You have no nomination {mine['number']}."
    problem(bob.withdraw(2**62), 404, "not-found")
    assert problem(bob.withdraw("x"), 422, "malformed-request") == "number: a whole number is needed."
    assert problem(bob.withdraw(0), 422, "malformed-request") == "number: at least 1 is needed."
    problem(ann.home.visitor().delete(f"{URL}/{mine['number']}"), 401, "key-needed")
    ann.home.office.test(Outcome.RCPT_5XX)
    problem(ann.withdraw(mine["number"]), 409, "test-begun")
    evil = {"Origin": "https://evil.example"} | ann.headers
    problem(ann.home.visitor().delete(f"{URL}/1", headers=evil), 403, "cross-site")
