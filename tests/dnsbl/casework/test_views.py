"""Looking: one word for where an address stands, and whole reports."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from dnsbl.vocabulary import Door, State
from tester.smtp import Control, Outcome, Transcript
from tester.verdict import Finding, Verdict

HOST = "192.0.2.1"
ADDRESS = ip_address(HOST)


def test_an_unknown_address_is_a_standing_too(office) -> None:
    standing = office.casework.views.look_up(ip_address("2001:db8::1"))
    assert (standing.state, standing.listings, standing.past, standing.runs) == (State.UNKNOWN, (), (), ())
    assert (standing.last_verdict, standing.next_test, standing.job, standing.exclusion) == (None, None, None, None)
    assert standing.removal_after is None


def test_a_test_goes_through_all_its_states(office) -> None:
    def state() -> State:
        return office.casework.views.look_up(ADDRESS).state

    seen = [state()]
    office.nominate(HOST)
    seen.append(state())
    assignment = office.take()
    seen.append(state())
    office.issue(assignment)
    office.talk(assignment, Outcome.ACCEPTED)
    office.casework.assignments.file_run(assignment)
    seen.append(state())
    office.come_back(assignment.job.run, HOST)
    seen.append(state())
    office.casework.doors.ask_removal(ADDRESS, door=Door.WEB, actor="owner")
    office.later(seconds=1)
    office.test(Outcome.RCPT_5XX)
    seen.append(state())
    assert seen == [State.UNKNOWN, State.QUEUED, State.TESTING, State.PENDING, State.LISTED, State.CLEAR]


@pytest.mark.parametrize(
    ("says", "control", "state"),
    [
        (Outcome.RCPT_5XX, Control.ACCEPTED, State.CLEAR),
        (Outcome.RCPT_5XX, Control.REFUSED, State.UNTESTABLE),
        (Outcome.PROTOCOL, Control.ACCEPTED, State.UNTESTABLE),
    ],
)
def test_the_last_verdict_says_clear_or_untestable(office, says: Outcome, control: Control, state: State) -> None:
    office.nominate(HOST)
    run = office.test(says, control=control)
    standing = office.casework.views.look_up(ADDRESS)
    assert (standing.state, standing.last_verdict, standing.runs) == (state, run.verdict, (run,))


def test_listings_that_cover_come_narrowest_first(office) -> None:
    networks = [ip_network("192.0.2.0/24"), ip_network("192.0.2.0/30"), ip_network("192.0.2.4/30")]
    office.casework.operators.list_networks(networks, kind="spam", reason="x", actor="operator")
    office.list_open(HOST)
    found = [str(listing.network) for listing in office.casework.views.look_up(ADDRESS).listings]
    assert found == ["192.0.2.1/32", "192.0.2.0/30", "192.0.2.0/24"]


def test_past_listings_come_newest_first(office) -> None:
    network = [ip_network(HOST)]
    for kind in ("one", "two"):
        office.casework.operators.list_networks(network, kind=kind, reason="x", actor="operator")
        office.later(hours=1)
        office.casework.operators.drop_networks(network, kind=kind, reason="x", actor="operator")
    assert [listing.kind for listing in office.casework.views.look_up(ADDRESS).past] == ["two", "one"]


def test_a_report_has_all_that_belongs_to_a_run(office) -> None:
    run = office.list_open(HOST)
    report = office.casework.views.run_report(run.id)
    assert report.run.verdict is Verdict.OPEN
    assert [letter.finding for letter in report.letters][:2] == [Finding.DELIVERED_SAME, None]
    assert Transcript.from_json(report.transcripts[0]).target == HOST
    assert [item.finding for item in report.returns] == [Finding.DELIVERED_SAME]
    assert report.provocation == "nomination 1"


def test_what_waits_is_told_by_reason_with_the_age_of_the_oldest_that_is_due(office) -> None:
    assert office.casework.views.backlog().tests == ()
    office.nominate("192.0.2.1")
    office.later(seconds=60)
    office.nominate("192.0.2.2")
    office.nominate("192.0.2.3")
    office.later(seconds=30)
    office.take()
    office.casework.presence.beat("here", ["worker"])
    left = office.casework.views.backlog()
    [row] = left.tests
    assert (row.reason, row.due, row.later, row.running, row.oldest) == ("nomination", 2, 0, 1, 30.0)
    assert left.manned == {"worker": True, "collector": False, "scheduler": False}
    assert (left.believed, left.stopped, left.mails, left.oldest_mail) == (True, False, 0, 0.0)
    office.casework.operators.stop(actor="ann", reason="a fault")
    assert office.casework.views.backlog().stopped


def test_what_is_planned_for_later_is_not_overdue(office) -> None:
    office.list_open("192.0.2.1")
    [row] = office.casework.views.backlog().tests
    assert (row.reason, row.due, row.later, row.running, row.oldest) == ("retest", 0, 1, 0, 0.0)
