"""Scores that tests move, and suspension by them."""

from __future__ import annotations

import pytest

from dnsbl.errors import Refused
from dnsbl.vocabulary import Refusal, Tier
from tester.smtp import Outcome
from tests.dnsbl.casework.test_reporters import account, bring, entries, reporter

CLOSED = Outcome.RCPT_5XX


def test_a_score_rises_with_what_is_found_open_and_falls_with_what_is_found_closed(office) -> None:
    reporter(office)
    reporter(office, "bob")
    bring(office, "192.0.2.1")
    bring(office, "192.0.2.1", "bob")
    bring(office, "192.0.2.1")
    office.test(Outcome.ACCEPTED, back="192.0.2.1")
    assert (account(office).hits, account(office).misses) == (1, 0), "once for a test"
    assert (account(office, "bob").hits, account(office, "bob").misses) == (1, 0)
    bring(office, "192.0.2.77")
    office.test(CLOSED)
    assert (account(office).hits, account(office).misses) == (1, 1)
    assert (account(office, "bob").hits, account(office, "bob").misses) == (1, 0)


def test_what_cannot_be_tested_says_nothing_of_who_nominated_it(office) -> None:
    reporter(office)
    bring(office, "192.0.2.1")
    office.test(Outcome.CONN_TIMEOUT)
    office.later(days=1)
    office.test(Outcome.CONN_TIMEOUT)
    office.later(days=2)
    office.test(Outcome.CONN_TIMEOUT)
    assert (account(office).hits, account(office).misses) == (0, 0)


def test_a_letter_that_comes_back_late_puts_the_score_right(make_office) -> None:
    office = make_office(policy={"unreachable_retry": ()})
    reporter(office)
    bring(office, "192.0.2.1")
    run = office.test(lambda vector: Outcome.ACCEPTED if vector == "S01" else CLOSED)
    office.later(seconds=office.window.total_seconds() + 1)
    office.casework.upkeep.settle()
    before = (account(office).hits, account(office).misses)
    office.come_back(run.id, "192.0.2.1")
    assert before[0] == 0
    assert (account(office).hits, account(office).misses) == (1, 0)


def test_what_a_further_test_completes_is_told_when_that_one_is_over(make_office) -> None:
    sources = ("192.0.2.250", "192.0.2.251")
    office = make_office(tester={"source_addresses": sources})
    reporter(office)
    bring(office, "192.0.2.1")
    office.test(CLOSED)
    assert (account(office).hits, account(office).misses) == (0, 0), "another stranger looks first"
    office.test(Outcome.ACCEPTED, back="192.0.2.1")
    assert (account(office).hits, account(office).misses) == (1, 0)


def test_who_brings_closed_hosts_alone_is_suspended_by_his_score_and_taken_back_by_an_operator(make_office) -> None:
    office = make_office(reporters={"suspend_after": 3, "suspend_below": 0.25})
    reporter(office)
    reporter(office, "bob", Tier.TRUSTED)
    key = office.casework.reporters.key("ann", actor="operator me")
    for n in range(3):
        bring(office, f"10.0.{n}.1")
        bring(office, f"10.0.{n}.1", "bob")
        office.test(CLOSED)
        assert bool(account(office).suspended) == (n == 2)
    assert account(office, "bob").suspended is None, "an operator's word"
    assert entries(office)[-1] == ("policy", "reporter-suspended", "new", "suspended")
    assert account(office).why == "3 tests found closed what it nominated, and 0 open"
    for verb in (lambda: bring(office, "10.0.9.1"), lambda: office.casework.doors.reporter_of(key)):
        with pytest.raises(Refused) as caught:
            verb()
        assert caught.value.reason == Refusal.SUSPENDED
    office.casework.reporters.resume("ann", reason="was our fault", actor="operator me")
    assert (account(office).suspended, account(office).misses) == (None, 0)
    bring(office, "10.0.9.1")
