"""Whoever shows that an address is his gets off when nobody is there any more, once a month."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from dnsbl.addresses import network_of
from dnsbl.casework import Casework
from dnsbl.errors import Refused
from dnsbl.rules.control import DAYS
from dnsbl.vocabulary import Door, Reason, Refusal
from tester.smtp import Control, Outcome

HOST = "192.0.2.1"
WHO, STRANGER = "198.51.100.0/24", "203.0.113.0/24"
MAIL = {"smarthost": "mail.list.example", "sender": "relays@list.example"}


def gone(office, tries: int = 3) -> None:
    """Test it as often as it is due, while nothing answers there."""
    for _ in range(tries):
        office.test(Outcome.CONN_TIMEOUT, control=Control.NOT_RUN)
        office.later(days=1, hours=1)


def show(office) -> None:
    address = office.at(HOST)
    office.casework.ownership.show(address, how="by a record", door=Door.WEB, actor="somebody")
    office.casework.doors.ask_removal(address, door=Door.WEB, actor="somebody", control=True)


def listed(office) -> bool:
    return bool(office.casework.views.look_up(office.at(HOST)).listings)


def test_a_listing_ends_when_control_was_shown_and_nobody_was_there_three_times(office) -> None:
    office.list_open(HOST)
    office.later(days=1)
    show(office)
    gone(office, 2)
    assert listed(office)
    gone(office, 1)
    assert not listed(office)
    [past] = office.casework.views.look_up(office.at(HOST)).past
    assert past.end_reason is Reason.OWNER_GONE
    entry = next(e for e in office.casework.operators.journal(office.at(HOST)) if e.verb == "delisted")
    assert (entry.reason, "control shown: by a record" in entry.evidence) == ("owner-gone", True)
    assert office.take().job.reason == "probation", "and it is looked at again by surprise"


def test_without_control_nobody_there_ends_nothing(office) -> None:
    office.list_open(HOST)
    office.later(days=1)
    office.casework.doors.ask_removal(office.at(HOST), door=Door.WEB, actor="somebody")
    gone(office, 1)
    assert listed(office)
    assert office.casework.assignments.take_job("w") is None


def test_control_shown_long_ago_ends_nothing(office) -> None:
    office.list_open(HOST)
    office.casework.ownership.show(office.at(HOST), how="by a record", door=Door.WEB, actor="somebody")
    office.later(days=31)
    with office.store.read() as tx:
        assert tx.controls.since(office.at(HOST), office.clock.now() - timedelta(days=30)) == ""


def test_it_ends_one_listing_in_a_month(office) -> None:
    office.list_open(HOST)
    office.later(days=1)
    show(office)
    gone(office)
    assert not listed(office)
    office.later(days=7)
    with office.store.read() as tx:
        assert tx.listings.released(office.at(HOST), office.clock.now() - timedelta(days=30))
        assert not tx.listings.released(office.at(HOST), office.clock.now())


def test_a_record_shows_it_for_this_address_alone(office) -> None:
    ownership = office.casework.ownership
    with pytest.raises(Refused, match="not listed"):
        ownership.record(office.at(HOST), who=WHO)
    office.list_open(HOST)
    name, content = ownership.record(office.at(HOST), who=WHO)
    assert name == "_dnsbl.1.2.0.192.in-addr.arpa"
    ownership.shown_by_record(office.at(HOST), ["other", content], who=WHO)
    for texts in ([], ["dnsbl-control="], [content + "x"]):
        with pytest.raises(Refused, match="no such record at _dnsbl"):
            ownership.shown_by_record(office.at(HOST), texts, who=WHO)
    with pytest.raises(Refused):
        ownership.shown_by_record(office.at("192.0.2.2"), [content], who=WHO)
    with pytest.raises(Refused):
        ownership.shown_by_code(office.at(HOST), content)


def test_a_record_that_is_published_says_nothing_for_who_asks_from_elsewhere(office) -> None:
    office.list_open(HOST)
    ownership, address = office.casework.ownership, office.at(HOST)
    _, content = ownership.record(address, who=WHO)
    assert ownership.record(address, who=STRANGER)[1] != content
    with pytest.raises(Refused, match="no such record"):
        ownership.shown_by_record(address, [content], who=STRANGER)
    ownership.shown_by_record(address, [content], who=WHO)


def test_who_shows_control_from_elsewhere_waits_apart_from_who_comes_from_the_address(office) -> None:
    office.list_open(HOST)
    doors, address = office.casework.doors, office.at(HOST)

    def ask(*, shown: bool) -> str:
        return doors.ask_removal(address, door=Door.WEB, actor=WHO, control=True, shown=shown).reason

    ask(shown=True)
    office.test(Outcome.ACCEPTED, back=HOST)
    with pytest.raises(Refused, match="The last retest") as error:
        ask(shown=True)
    assert (error.value.reason, error.value.retry_after) == (Refusal.RESTING, 3600)
    assert ask(shown=False) == "removal"
    office.test(Outcome.ACCEPTED, back=HOST)
    office.casework.operators.exclude(network_of(address), reason="asked", actor="operator")
    office.later(days=1)
    with pytest.raises(Refused) as error:
        ask(shown=True)
    assert error.value.reason is Refusal.EXCLUDED, "consent is given from the address itself"
    assert ask(shown=False) == "removal"


def test_a_code_is_mailed_once_a_day_and_holds_for_a_week(make_office) -> None:
    office = make_office(notices=MAIL)
    office.list_open(HOST)
    ownership, address = office.casework.ownership, office.at(HOST)
    ownership.mail_code(address, door=Door.WEB, actor="somebody")
    with pytest.raises(Refused, match="tomorrow"):
        ownership.mail_code(address, door=Door.WEB, actor="somebody")
    [notice] = [one for one in office.casework.dispatch.newest(most=9) if one.template == "control"]
    assert notice.recipient == "", "who answers for it is found out when the mail is due"
    [entry] = [
        one for one in office.casework.operators.journal(address) if one.verb == "notice" and one.reason == "control"
    ]
    assert entry.actor == "web somebody"
    code = json.loads(notice.facts)["code"]
    office.later(days=DAYS)
    ownership.shown_by_code(address, f" {code.upper()} ")
    with pytest.raises(Refused, match="not the code"):
        ownership.shown_by_code(address, "guess")
    office.later(days=1)
    with pytest.raises(Refused, match="too long ago"):
        ownership.shown_by_code(address, code)


def test_without_a_smarthost_no_code_is_promised(office) -> None:
    office.list_open(HOST)
    with pytest.raises(Refused, match="sends no mail"):
        office.casework.ownership.mail_code(office.at(HOST), door=Door.WEB, actor="somebody")


def clearing(office):
    """The same, of whose relays caches let go five minutes after the end."""
    office.casework = Casework(
        office.store,
        office.settings,
        office.keyring,
        clock=office.clock,
        random=office.random,
        clears=lambda kinds, ended: timedelta(minutes=5) if list(kinds) == ["relay"] else timedelta(0),
    )
    return office


def test_a_listing_that_has_ended_says_by_when_every_cache_has_let_go(make_office) -> None:
    office = clearing(make_office())
    office.list_open(HOST)
    assert office.casework.views.look_up(office.at(HOST)).clears_by is None
    office.casework.doors.ask_removal(office.at(HOST), door=Door.WEB, actor="somebody")
    office.test(Outcome.RCPT_5XX)
    ended = office.clock.now()
    assert office.casework.views.look_up(office.at(HOST)).clears_by == ended + timedelta(minutes=5)
    entry = next(e for e in office.casework.operators.journal(office.at(HOST)) if e.verb == "delisted")
    assert entry.evidence.endswith(f", clears by {ended + timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}")


@pytest.mark.parametrize("how", ["expired", "dropped"])
def test_so_does_one_that_ended_by_its_age_or_by_an_operators_word(make_office, how: str) -> None:
    office = clearing(make_office(policy={"retest_days": [1000]}))
    office.list_open(HOST)
    if how == "expired":
        office.later(days=91)
        office.casework.upkeep.expire()
    else:
        networks = [network_of(office.at(HOST))]
        office.casework.operators.drop_networks(networks, kind="relay", reason="an error", actor="operator a")
    by = office.clock.now() + timedelta(minutes=5)
    assert office.casework.views.look_up(office.at(HOST)).clears_by == by
    entry = next(e for e in office.casework.operators.journal(office.at(HOST)) if e.verb == how)
    assert entry.evidence.endswith(f"clears by {by:%Y-%m-%dT%H:%M:%SZ}")
    assert not entry.evidence.startswith(",")
