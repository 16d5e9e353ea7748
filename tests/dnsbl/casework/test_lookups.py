"""Questions to a watched zone as nominations: when, whose, how many, and of whom never."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from dnsbl.errors import StoreUnavailable
from dnsbl.rules.lookups import Lookup
from dnsbl.vocabulary import JobReason, State, Tier
from tester.smtp import Outcome

CLIENTS = ["ann 192.0.2.0/24", "bob key:bobs"]
HOST = "198.51.100.7"


def asking(make_office: Any, **terms: object) -> Any:
    office = make_office(lookups={"clients": CLIENTS} | terms)
    for name in ("ann", "bob"):
        office.casework.reporters.add(name, tier=Tier.NEW, contact="", actor="operator me")
    return office


def ask(office: Any, *who: str, about: str = HOST, back: float = 0.0) -> int:
    last = office.clock.now().timestamp() - back
    found: int = office.casework.lookups.file([Lookup(client=w, address=ip_address(about), last=last) for w in who])
    return found


def job(office: Any, address: str = HOST) -> Any:
    with office.store.read() as tx:
        return tx.jobs.live(ip_address(address))


@pytest.mark.parametrize("about", [HOST, "2001:db8::7"])
def test_what_two_reporters_servers_have_asked_about_is_tested_in_its_turn_with_the_reason_on_record(
    make_office: Any, about: str
) -> None:
    office = asking(make_office)
    assert ask(office, "ann", "ann", about=about) == 0
    office.later(hours=23)
    assert ask(office, "bob", about=about) == 2, "a candidate of both who have asked"
    assert office.casework.feeding.waiting() == {"reporter ann": 1, "reporter bob": 1}
    assert job(office, about) is None
    assert office.casework.feeding.pace() == 2
    found = job(office, about)
    assert (found.reason, found.profile) == (JobReason.NOMINATION, "basic")
    named = [entry for entry in office.casework.operators.journal(ip_address(about)) if entry.verb == "nominated"]
    assert [entry.actor for entry in named] == ["lookup reporter ann", "lookup reporter bob"]
    (read,) = [entry for entry in office.casework.operators.journal() if entry.verb == "lookups-read"]
    assert (read.after, read.evidence) == ("2 new candidates", "questions of bob")
    office.test(Outcome.ACCEPTED, back=about)
    assert {account.name: account.hits for account in office.casework.reporters.all()} == {"ann": 1, "bob": 1}
    assert office.casework.operators.verify_journal()


def test_what_a_fault_has_kept_from_becoming_a_candidate_is_one_when_it_is_handed_in_again(
    make_office: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = asking(make_office)
    ask(office, "ann")
    with monkeypatch.context() as broken:
        broken.setattr(office.casework.feeding, "suspects", fail)
        with pytest.raises(StoreUnavailable):
            ask(office, "bob")
    assert ask(office, "bob") == 2
    assert [each.today for each in office.casework.lookups.standing()] == [1, 1]


def fail(*_: object, **__: object) -> int:
    raise StoreUnavailable("gone")


def test_one_alone_or_another_one_too_late_is_no_reason(make_office: Any) -> None:
    office = asking(make_office)
    ask(office, "ann")
    office.later(hours=25)
    assert ask(office, "bob") == 0
    assert ask(office, "ann", back=90000) == 0, "what was asked too long ago counts for nothing"
    assert office.casework.feeding.waiting() == {}


def test_who_asks_all_day_is_remembered_to_the_hour(make_office: Any) -> None:
    office = asking(make_office)
    for _ in range(30):
        ask(office, "ann")
        office.later(hours=1)
    assert ask(office, "bob") == 2, "ann has asked within the day"
    office.later(hours=24)
    assert ask(office, "bob") == 0


def test_one_is_enough_where_spam_was_shown_and_the_first_test_was_not_made(make_office: Any) -> None:
    office = asking(make_office, asked_by=0)
    office.nominate(HOST)
    with office.store.write() as tx:
        tx.jobs.finish(tx.jobs.live(ip_address(HOST)))
    assert ask(office, "ann") == 1
    assert ask(office, "bob", about="198.51.100.8") == 0


def test_settings_say_how_many_must_ask(make_office: Any) -> None:
    assert ask(asking(make_office, asked_by=1), "ann") == 1


def test_who_has_no_account_or_is_suspended_is_not_heard(make_office: Any) -> None:
    office = asking(make_office)
    office.casework.reporters.suspend("bob", reason="wrong", actor="operator me")
    assert ask(office, "ann", "bob", "nobody") == 0
    assert {each.client: (each.remembered, each.heard) for each in office.casework.lookups.standing()} == {
        "ann": (1, True),
        "bob": (0, False),
    }


@pytest.mark.parametrize("about", ["127.0.0.2", "224.0.0.1", "100.64.0.1", "::1", "172.16.0.1"])
def test_special_addresses_are_never_suspects(make_office: Any, about: str) -> None:
    assert ask(asking(make_office), "ann", "bob", about=about) == 0


def test_what_is_excluded_listed_or_rests_is_not_even_remembered(make_office: Any) -> None:
    office = asking(make_office)
    office.casework.operators.exclude(ip_network("198.51.100.0/24"), reason="asked", actor="operator me")
    office.list_open("203.0.113.1")
    office.nominate("203.0.113.2")
    office.test(Outcome.RCPT_5XX)
    for about in (HOST, "203.0.113.1", "203.0.113.2"):
        assert ask(office, "ann", "bob", about=about) == 0
    assert [each.remembered for each in office.casework.lookups.standing()] == [0, 0]


def test_one_that_is_excluded_while_it_waits_is_not_tested(make_office: Any) -> None:
    office = asking(make_office)
    ask(office, "ann", "bob")
    office.casework.operators.exclude(ip_network("198.51.100.0/24"), reason="asked", actor="operator me")
    assert office.casework.feeding.pace() == 0
    assert office.casework.views.look_up(ip_address(HOST)).state is State.EXCLUDED


def test_a_liar_brings_no_more_than_his_part(make_office: Any) -> None:
    office = asking(make_office, per_client_day=5, asked_by=1)
    made = sum(ask(office, "ann", about=f"198.51.100.{n}") for n in range(9))
    assert made == 5
    assert [each.today for each in office.casework.lookups.standing()] == [5, 0]
    office.later(days=1)
    assert ask(office, "ann", about="198.51.100.9") == 1, "tomorrow is another day"


def test_one_reporter_leaves_room_for_others(make_office: Any) -> None:
    office = asking(make_office, addresses=8)
    for n in range(9):
        ask(office, "ann", about=f"198.51.100.{n}")
    ask(office, "bob", about="198.51.100.200")
    assert [each.remembered for each in office.casework.lookups.standing()] == [3, 1]


def test_the_door_can_be_shut(make_office: Any) -> None:
    office = make_office(lookups={"clients": CLIENTS}, policy={"nominators": ["web"]})
    for name in ("ann", "bob"):
        office.casework.reporters.add(name, tier=Tier.NEW, contact="", actor="operator me")
    ask(office, "ann", "bob")
    assert office.casework.feeding.pace() == 0 and job(office) is None


def test_a_bad_source_takes_its_candidates_with_it(make_office: Any) -> None:
    from dnsbl.rules import bringers

    office = asking(make_office)
    ask(office, "ann", "bob")
    office.casework.purging.purge(bringers.read("lookup:"), reason="lies", actor="operator me")
    assert office.casework.feeding.waiting() == {}
