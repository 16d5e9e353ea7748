"""Operators' listings are looked at again, and listed by two where settings say so."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address, ip_network

import pytest

from dnsbl.errors import Refused
from dnsbl.model import Reason, Refusal, State

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
