"""Many addresses at once: the same as one by one, at every moment, whatever has happened to the list in between."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

import pytest

from dnsbl.addresses import Address
from dnsbl.casework import briefing
from dnsbl.casework.briefing import MOST, Briefing
from dnsbl.vocabulary import DO_NOT_TEST, Door, State
from tester.smtp import Control, Outcome

HOST = "192.0.2.1"
#: In and around all that these tests do; IPv4 and IPv6.
ASKED = [ip_address(f"192.0.2.{n}") for n in (1, 2, 9, 77, 200)] + [
    ip_address(text) for text in ("198.51.100.1", "2001:db8::1", "2001:db8:1::1", "::", "255.255.255.255", "127.0.0.2")
]


def one_by_one(office, addresses: list[Address]) -> list[tuple[State, list[str]]]:
    found = [office.casework.views.look_up(address) for address in addresses]
    return [(one.state, [f"{each.kind} {each.network}" for each in one.listings]) for one in found]


def at_once(office, addresses: list[Address]) -> list[tuple[State, list[str]]]:
    found = office.casework.briefing.each(addresses)
    assert [one.address for one in found] == addresses
    return [(one.state, [f"{kind} {network}" for network, kind in one.listings]) for one in found]


def moments(office) -> Iterator[str]:
    """The life of a list, step by step."""
    yield "nothing is known"
    operators = office.casework.operators

    def listed(*networks: str, kind: str = "spam") -> None:
        operators.list_networks(map(ip_network, networks), kind=kind, reason="x", actor="operator")

    office.nominate(HOST)
    yield "queued"
    assignment = office.take()
    yield "testing"
    office.issue(assignment)
    office.talk(assignment, Outcome.ACCEPTED)
    office.casework.assignments.file_run(assignment)
    yield "pending"
    office.come_back(assignment.job.run, HOST)
    yield "listed by a letter"
    listed("192.0.2.0/24", "192.0.2.0/30", "2001:db8::/32", "192.0.2.9/32")
    listed("192.0.2.0/30", kind="manual")
    yield "listed by operators, wider"
    operators.exclude(ip_network("192.0.2.0/25"), reason="x", actor="operator")
    operators.exclude(ip_network("198.51.100.0/24"), reason="x", actor="operator")
    yield "excluded"
    for network in ("192.0.2.8/29", "2001:db8:1::/48"):
        operators.leave_out(ip_network(network), reason="x", actor="operator")
    yield "left out of wider listings"
    operators.leave_in(ip_network("192.0.2.8/29"), reason="x", actor="operator")
    operators.end_exclusion(ip_network("192.0.2.0/25"), reason="x", actor="operator")
    operators.drop_networks([ip_network("192.0.2.0/24")], kind="spam", reason="x", actor="operator")
    yield "let in again, tested again, dropped"
    office.casework.doors.ask_removal(ip_address(HOST), door=Door.WEB, actor="owner")
    office.later(seconds=1)
    office.test(Outcome.RCPT_5XX)
    operators.drop_networks([ip_network("192.0.2.0/30")], kind="spam", reason="x", actor="operator")
    operators.drop_networks([ip_network("192.0.2.0/30")], kind="manual", reason="x", actor="operator")
    yield "delisted, a surprise retest queued"
    office.nominate("192.0.2.77")
    office.test(Outcome.RCPT_5XX, control=Control.REFUSED)
    yield "untestable"


def test_at_every_moment_it_says_what_one_look_up_says(office) -> None:
    states: set[State] = set()
    for moment in moments(office):
        told = at_once(office, ASKED)
        assert told == one_by_one(office, ASKED), moment
        states |= {state for state, _ in told}
    assert states == set(State)


def test_who_asks_late_reads_the_whole_list_and_finds_the_same(office) -> None:
    for moment in moments(office):
        late = Briefing(office.store)
        assert late.each(ASKED) == office.casework.briefing.each(ASKED), moment


def test_an_address_may_be_asked_twice_and_none_may_be_asked(office) -> None:
    assert office.casework.briefing.each([]) == []
    first, second = office.casework.briefing.each([ASKED[0]] * 2)
    assert first == second
    with pytest.raises(AssertionError):
        office.casework.briefing.each([ASKED[0]] * (MOST + 1))


def test_more_changes_than_are_followed_are_read_with_the_whole_list(office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(briefing, "MOST_CHANGES", 3)
    at_once(office, ASKED)
    read: list[object] = []
    present = briefing.present
    monkeypatch.setattr(briefing, "present", lambda tx: read.append(tx) or present(tx))
    for number, count in enumerate((3, 4)):
        networks = [ip_network(f"203.0.113.{8 * number + n}") for n in range(count)]
        office.casework.operators.list_networks(networks, kind="spam", reason="x", actor="operator")
        assert {state for state, _ in at_once(office, [one.network_address for one in networks])} == {State.LISTED}
        assert len(read) == number


def test_another_store_in_the_place_of_the_first_is_noticed(office) -> None:
    """As a copy that is put back: its numbers go on from an earlier one, with other changes."""
    listed = office.casework.operators.list_networks
    listed([ip_network("192.0.2.1"), ip_network("192.0.2.2")], kind="spam", reason="x", actor="operator")
    assert [state for state, _ in at_once(office, ASKED[:2])] == [State.LISTED] * 2
    with office.store.write() as tx:
        tx.connection.exec_driver_sql("DELETE FROM changes WHERE seq = 2")
        number = tx.listings.active([ip_network("192.0.2.2")], "spam")
        tx.listings.end(number.values(), at=office.clock.now(), reason="operator")
    listed([ip_network("192.0.2.9")], kind="spam", reason="x", actor="operator")
    assert at_once(office, ASKED) == one_by_one(office, ASKED)


def test_what_is_excluded_is_no_listing(office) -> None:
    office.casework.operators.exclude(ip_network("192.0.2.0/24"), reason="x", actor="operator")
    (brief,) = office.casework.briefing.each([ASKED[0]])
    assert (brief.state, brief.kinds) == (State.EXCLUDED, frozenset()) and DO_NOT_TEST not in brief.kinds
