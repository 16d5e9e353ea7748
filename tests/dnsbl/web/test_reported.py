"""What a reporter has nominated, and what became of it: told to who holds his key, and to nobody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dnsbl.model import Trust
from tester.smtp import Outcome
from tests.dnsbl.web.asking import problem

URL = "/api/v1/nominations"


class Reporter:
    """Somebody with a key."""

    def __init__(self, home: Any, name: str) -> None:
        self.home = home
        home.casework.reporters.add(name, trust=Trust.KNOWN, contact="", actor="operator")
        key = home.casework.reporters.key(name, actor="operator")
        self.headers = {"Authorization": f"Bearer {key}"}

    def nominate(self, address: str) -> None:
        body = {"address": address, "evidence": self.home.spam(address)}
        assert self.home.visitor().post(URL, json=body, headers=self.headers).status_code == 202

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
        tx.nominations.void(tx.nominations.nominators())
    assert [one["counts"] for one in ann.mine().json()["nominations"]] == [False]
