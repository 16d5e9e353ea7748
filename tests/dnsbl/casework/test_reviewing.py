"""Operators' listings are looked at again, and listed by two where settings say so."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address, ip_network

import pytest

from dnsbl.errors import Refused
from dnsbl.vocabulary import Reason, Refusal, State
from tester.smtp import Control, Outcome
from tests.dnsbl.casework.test_arrivals import bounce

NET = ip_network("10.1.0.0/16")
INSIDE = ip_address("10.1.2.3")


def word(office, actor: str = "operator a") -> int:
    return office.casework.operators.list_networks([NET], kind="manual", reason="spam", actor=actor, public="Spam.")


def state(office) -> State:
    return office.casework.views.look_up(INSIDE).state


def test_a_manual_entry_lapses_on_its_review_date_unless_somebody_keeps_it(make_office) -> None:
    office = make_office(policy={"review_days": 100})
    word(office)
    office.later(days=75)
    (due,) = office.casework.reviewing.due(within_days=30)
    assert (due.network, due.author) == (NET, "operator a")
    until = office.casework.reviewing.keep(NET, kind="manual", reason="still spams", actor="operator b")
    assert until == office.clock.now() + timedelta(days=100)
    assert office.casework.reviewing.due(within_days=30) == []
    office.later(days=99)
    assert office.casework.upkeep.expire() == 0
    assert state(office) is State.LISTED
    office.later(days=1)
    assert office.casework.upkeep.expire() == 1
    found = office.casework.views.look_up(INSIDE)
    assert (found.listings, found.past[0].end_reason) == ((), Reason.EXPIRED)
    assert [e.verb for e in office.casework.operators.journal(NET)] == ["listed", "reviewed", "expired"]


def test_where_settings_ask_for_no_review_nothing_lapses(make_office) -> None:
    office = make_office(policy={"review_days": 0})
    word(office)
    assert office.casework.views.look_up(INSIDE).listings[0].expires is None
    assert office.casework.reviewing.keep(NET, kind="manual", reason="x", actor="operator") is None


def test_only_what_an_operator_has_listed_is_kept(office) -> None:
    office.list_open("192.0.2.1")
    for network, kind in ((NET, "manual"), (ip_network("192.0.2.1/32"), "relay")):
        with pytest.raises(Refused):
            office.casework.reviewing.keep(network, kind=kind, reason="x", actor="operator")
    assert office.casework.reviewing.due(within_days=1000) == []


def test_where_two_must_agree_the_second_is_another_one(make_office) -> None:
    office = make_office(policy={"two_persons": True})
    reviewing = office.casework.reviewing
    assert word(office) == 0
    assert state(office) is State.UNKNOWN
    assert list(office.casework.contents.snapshot()[1]) == []
    (proposal,) = reviewing.proposals()
    assert (proposal.network, proposal.author, proposal.public) == (NET, "operator a", "Spam.")
    with pytest.raises(Refused) as refused:
        reviewing.confirm(NET, kind="manual", reason="yes", actor="operator a")
    assert refused.value.reason == Refusal.SAME_PERSON
    reviewing.confirm(NET, kind="manual", reason="seen it too", actor="operator b")
    (listing,) = office.casework.views.look_up(INSIDE).listings
    assert (listing.author, listing.public) == ("operator a", "Spam.")
    assert "operator b: seen it too" in listing.note
    assert listing.expires is not None
    assert reviewing.proposals() == []
    with pytest.raises(Refused):
        reviewing.confirm(NET, kind="manual", reason="again", actor="operator b")


def test_a_proposal_may_be_withdrawn(make_office) -> None:
    office = make_office(policy={"two_persons": True})
    word(office)
    office.casework.reviewing.withdraw(NET, kind="manual", reason="mistake", actor="operator a")
    assert office.casework.reviewing.proposals() == []
    assert [e.verb for e in office.casework.operators.journal(NET)] == ["proposed", "withdrawn"]
    with pytest.raises(Refused):
        office.casework.reviewing.withdraw(NET, kind="manual", reason="x", actor="operator")


# -- what tests have shown, and an operator must confirm ---------------------------------------------------------------
ONE = ip_network("192.0.2.1/32")


def proposed(make_office, **policy: object):
    office = make_office(policy={"approval": True} | policy)
    office.nominate("192.0.2.1")
    office.test(Outcome.ACCEPTED, back="192.0.2.1")
    assert office.casework.contents.changes(0) == []
    return office


def test_what_a_test_has_shown_is_listed_by_an_operators_word_with_its_proof_and_its_retest(make_office) -> None:
    office = proposed(make_office)
    [waiting] = office.casework.reviewing.proposals()
    assert (waiting.network, waiting.kind, waiting.author) == (ONE, "relay", "policy")
    office.casework.reviewing.confirm(ONE, kind="relay", reason="looked at", actor="operator a")
    [listing] = office.casework.views.look_up(office.at("192.0.2.1")).listings
    assert (listing.run, listing.reason) == (waiting.reason.removeprefix("run "), Reason.LETTER_RETURNED)
    assert office.casework.reviewing.proposals() == []
    entry = next(e for e in office.casework.operators.journal(ONE) if e.verb == "listed")
    assert (entry.actor, entry.before) == ("operator a", "proposed by policy")
    assert entry.evidence.endswith(": looked at")
    with office.store.read() as tx:
        assert tx.jobs.live(office.at("192.0.2.1")).due == office.clock.now() + timedelta(days=14)


def test_where_nobody_is_tested_without_a_request_none_follows_an_operators_word(make_office) -> None:
    office = proposed(make_office, retest_days=[])
    office.casework.reviewing.confirm(ONE, kind="relay", reason="looked at", actor="operator a")
    with office.store.read() as tx:
        assert (tx.listings.proven(office.at("192.0.2.1")).kind, tx.jobs.live(office.at("192.0.2.1"))) == (
            "relay",
            None,
        )


def test_what_bounces_is_listed_by_an_operators_word_too(make_office) -> None:
    office = make_office(policy={"approval": True, "kinds": ["relay", "multihop", "backscatter"]})
    office.nominate("192.0.2.1")
    run = office.test(lambda vector: Outcome.ACCEPTED if vector == "S01" else Outcome.RCPT_5XX)
    bounce(office, run.id)
    office.casework.reviewing.confirm(ONE, kind="backscatter", reason="looked at", actor="operator a")
    assert [one.kind for one in office.casework.views.look_up(office.at("192.0.2.1")).listings] == ["backscatter"]


def test_no_word_lists_what_was_not_tested_or_is_listed_already(office) -> None:
    word = {"word": "x", "actor": "operator a", "now": office.clock.now()}
    run = office.list_open("192.0.2.1")
    before = office.verbs("192.0.2.1")
    judging = office.casework.assignments._judging
    with office.store.write() as tx:
        assert not judging.approve(tx, office.at("192.0.2.2"), "relay", **word)
        assert not judging.approve(tx, office.at("192.0.2.1"), "relay", **word)
    assert [one.run for one in office.casework.views.look_up(office.at("192.0.2.1")).listings] == [run.id]
    assert office.verbs("192.0.2.1") == before


def test_what_was_withdrawn_or_is_closed_since_is_not_listed(make_office) -> None:
    office = proposed(make_office)
    office.casework.reviewing.withdraw(ONE, kind="relay", reason="a mistake", actor="operator a")
    assert office.casework.reviewing.proposals() == []
    office.later(days=8)
    office.nominate("192.0.2.1")
    office.test(Outcome.ACCEPTED, back="192.0.2.1")
    office.casework.operators.order_test(office.at("192.0.2.1"), profile="standard", actor="operator b")
    office.test(Outcome.BANNER_5XX, control=Control.NOT_RUN)
    with pytest.raises(Refused) as caught:
        office.casework.reviewing.confirm(ONE, kind="relay", reason="x", actor="operator a")
    assert caught.value.reason is Refusal.NOT_SHOWN
    assert len(office.casework.reviewing.proposals()) == 1, "a refusal leaves all as it is"
    office.casework.operators.order_test(office.at("192.0.2.1"), profile="standard", actor="operator b")
    office.test(Outcome.RCPT_5XX)
    assert office.casework.reviewing.proposals() == []


def test_who_is_excluded_is_not_even_proposed(make_office) -> None:
    office = make_office(policy={"approval": True})
    office.nominate("192.0.2.1")
    assignment = office.take()
    office.issue(assignment)
    office.talk(assignment, Outcome.ACCEPTED)
    office.casework.operators.exclude(ONE, reason="x", actor="operator")
    office.come_back(assignment.job.run, "192.0.2.1")
    office.casework.assignments.file_run(assignment)
    assert office.casework.reviewing.proposals() == []
