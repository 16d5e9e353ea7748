"""Tests that strangers ask for wait for their share of the hour; nothing is lost, and no owner waits with them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address, ip_network

import pytest

from dnsbl.casework.assignments import Leave
from dnsbl.errors import PutOff
from dnsbl.model import Job, Nomination
from dnsbl.rules.sending import CONNECTION, Sent
from dnsbl.vocabulary import Door, JobReason, JobState
from tester.smtp import Event, Outcome, Transcript

TERMS = {"lab_networks": [], "source_addresses": ["192.0.2.200"], "connections": 4}


@pytest.fixture
def busy(make_office: Callable[..., object]):
    """An office with room for twelve connections an hour, six of them in one network."""
    return make_office(tester=TERMS | {"hour_connections": 12, "target_part": 3, "network_part": 2})


def nominate(office, address: str, *, by: str = "203.0.113.0/24", door: Door = Door.WEB) -> Job:
    nomination = Nomination(
        address=office.at(address), door=door, nominator=by, reason="", evidence=b"spam of " + address.encode()
    )
    return office.casework.doors.nominate(nomination)


def dial(office, assignment, times: int = 1) -> list:
    return [office.casework.assignments.dial(assignment, assignment.job.address) for _ in range(times)]


@pytest.mark.parametrize("door", [Door.WEB, Door.CLI])
def test_no_leave_is_given_and_nothing_counted_while_nobody_may_be_dialled(office, door: Door) -> None:
    nominate(office, "198.51.100.1", door=door)
    assignment, twin = office.take(), ip_address("2001:db8::1")
    leave, everything = office.casework.assignments.dial, lambda: office.casework.views.usage().everything.connections
    office.casework.operators.exclude(ip_network("2001:db8::1/128"), reason="asked", actor="operator")
    assert leave(assignment, twin) is None
    assert everything() == 0
    [given] = dial(office, assignment)
    assert (given.counted is not None) is (door is Door.WEB)
    counted = everything()
    office.casework.operators.stop(actor="operator", reason="a fire")
    assert dial(office, assignment) == [None]
    assert everything() == counted


def close(office, assignment) -> None:
    office.issue(assignment)
    office.talk(assignment, Outcome.RCPT_5XX)
    office.casework.assignments.file_run(assignment)


def take(office):
    return office.casework.assignments.take_job("w1")


def seen(office, address: str):
    return office.casework.views.look_up(ip_address(address))


def test_a_network_that_has_had_its_share_waits_and_is_told_so_and_others_do_not_wait(busy) -> None:
    for host in (1, 2, 3):
        nominate(busy, f"198.51.100.{host}", by=f"203.{host}.0.0/24")
    assignment = busy.take()
    dial(busy, assignment, 4)
    close(busy, assignment)
    assert take(busy) is None, "two more connections is less than a test"
    waiting = seen(busy, "198.51.100.2")
    assert waiting.waits == "its network 198.51.100.0/24 has had its share of this hour"
    assert waiting.next_test is not None
    assert waiting.next_test > busy.clock.now()
    nominate(busy, "192.0.2.9", by="201.9.9.0/24")
    assert busy.take().job.address == ip_address("192.0.2.9")


def test_who_nominates_has_a_share_as_well(busy) -> None:
    for net in (50, 90):
        nominate(busy, f"{net}.1.1.1")
    assignment = busy.take()
    dial(busy, assignment, 4)
    close(busy, assignment)
    assert take(busy) is None
    assert seen(busy, "90.1.1.1").waits == "whoever asked for it has had the share of this hour"


def test_what_was_put_off_is_tested_when_its_share_is_free_again_and_the_journal_says_it_once(busy) -> None:
    for host in (1, 2):
        nominate(busy, f"198.51.100.{host}")
    assignment = busy.take()
    dial(busy, assignment, 4)
    close(busy, assignment)
    assert take(busy) is None
    for _ in range(5):
        busy.later(minutes=10)
        assert take(busy) is None
    said = [e for e in busy.casework.operators.journal(ip_address("198.51.100.2")) if "share" in e.evidence]
    assert len(said) == 1
    busy.later(minutes=21)
    assert busy.take().job.address == ip_address("198.51.100.2")
    assert seen(busy, "198.51.100.2").waits == ""


def test_where_all_is_used_up_no_further_nomination_is_taken_and_all_of_them_are_later(make_office) -> None:
    office = make_office(tester=TERMS | {"hour_connections": 8, "target_part": 1, "network_part": 1})
    nets = [f"{net}.1.1.1" for net in (20, 60, 100, 140)]
    for address in nets:
        nominate(office, address, by=address.replace(".1.1.1", ".9.9.0/24"))
    for _ in range(2):
        assignment = office.take()
        dial(office, assignment, 4)
        close(office, assignment)
    assert take(office) is None
    last = seen(office, nets[-1])
    assert last.waits == "strangers have had as many tests as may be in this hour"
    assert last.job is not None
    assert last.job.state is JobState.QUEUED
    office.later(minutes=71)
    assert {office.take().job.address for _ in range(2)} == {ip_address(address) for address in nets[2:]}


def test_a_test_that_runs_out_of_its_share_goes_on_later_with_the_same_letters(busy) -> None:
    nominate(busy, "198.51.100.1")
    assignment = busy.take()
    busy.issue(assignment)
    dial(busy, assignment, 4)
    with pytest.raises(PutOff, match="this address has had its share"):
        dial(busy, assignment, 1)
    assert take(busy) is None
    letters = busy.letters(assignment.job.run)
    busy.later(minutes=71)
    again = busy.take()
    assert again.job.run == assignment.job.run
    assert [fate.letter for fate in again.letters] == [fate.letter for fate in letters]
    assert dial(busy, again)


def test_a_connection_that_is_over_counts_for_what_it_came_to(busy) -> None:
    nominate(busy, "198.51.100.1")
    assignment = busy.take()
    [at] = dial(busy, assignment)
    assert busy.casework.views.usage().used["nominations"] == CONNECTION
    transcript = Transcript(
        target="198.51.100.1", port=25, source="", started=0, events=(Event(0, ">", b"EHLO x\r\n"),)
    )
    busy.later(minutes=20)
    busy.casework.assignments.file_session(assignment, transcript, dialled=at.counted)
    usage = busy.casework.views.usage()
    assert usage.used["nominations"] == usage.everything == Sent(1, 0, 8)
    busy.later(minutes=51)
    assert busy.casework.views.usage().everything == Sent(0, 0, 0), "it is counted where the connection was made"


def test_the_next_connection_is_counted_with_the_last_one_and_dialled_without_a_turn(busy) -> None:
    nominate(busy, "198.51.100.1")
    assignment, said = busy.take(), Transcript(target="198.51.100.1", port=25, source="", started=0)
    verbs, used = busy.casework.assignments, lambda: busy.casework.views.usage().used["nominations"]
    counted = verbs.file_letters(assignment, [], ahead=True)
    assert used() == CONNECTION
    before = busy.store.times.cumulative()["write"][0][-1]
    assert verbs.dial(assignment, assignment.job.address, counted) == Leave(counted=counted)
    assert busy.store.times.cumulative()["write"][0][-1] == before
    again = verbs.file_session(assignment, said, dialled=counted, ahead=True)
    assert used() == Sent(1 + CONNECTION.connections, CONNECTION.letters, CONNECTION.octets)
    verbs.file_session(assignment, said, dialled=again)
    assert used() == busy.casework.views.usage().everything == Sent(2, 0, 0)


def test_a_connection_that_was_counted_ahead_counts_when_it_is_made_and_not_at_all_where_it_is_not(busy) -> None:
    nominate(busy, "198.51.100.1")
    assignment = busy.take()
    verbs, address = busy.casework.assignments, assignment.job.address
    counted = verbs.file_letters(assignment, [], ahead=True)
    busy.later(minutes=10)
    leave = verbs.dial(assignment, address, counted)
    assert leave == Leave(counted=busy.clock.now())
    busy.later(minutes=61)
    assert busy.casework.views.usage().everything == CONNECTION, "of this slot, and not of the one before"
    verbs.forgo(assignment, address, leave.counted)
    assert busy.casework.views.usage().everything == Sent(0, 0, 0)
    counted = verbs.file_letters(assignment, [], ahead=True)
    busy.casework.operators.stop(actor="operator", reason="a fire")
    assert verbs.dial(assignment, address, counted) is None
    assert busy.casework.views.usage().everything == Sent(0, 0, 0)


def test_nothing_is_counted_ahead_where_the_share_is_used_up_or_no_stranger_asks(busy) -> None:
    nominate(busy, "198.51.100.1")
    assignment, said = busy.take(), Transcript(target="198.51.100.1", port=25, source="", started=0)
    dial(busy, assignment, 4)
    assert busy.casework.assignments.file_session(assignment, said, ahead=True) is None
    assert busy.casework.assignments.file_letters(assignment, [], ahead=True) is None
    busy.casework.operators.order_test(ip_address("192.0.2.9"), profile="standard", actor="operator")
    ordered, said = busy.take(), Transcript(target="192.0.2.9", port=25, source="", started=0)
    assert busy.casework.assignments.file_letters(ordered, [], ahead=True) is None
    assert busy.casework.assignments.file_session(ordered, said, ahead=True) is None


def use_up(office, address: str, by: str) -> None:
    """Strangers' nominations have used up everything."""
    nominate(office, address, by=by)
    assignment = office.take()
    dial(office, assignment, 4)
    close(office, assignment)


def test_an_owners_retest_waits_for_no_stranger(make_office) -> None:
    office = make_office(tester=TERMS | {"hour_connections": 4, "target_part": 1, "network_part": 1})
    host = "198.51.100.7"
    office.list_open(host)
    office.later(hours=2)
    use_up(office, "198.51.100.8", "203.0.113.0/24")
    nominate(office, "198.51.100.9")
    assert take(office) is None
    doors = office.casework.doors
    asked = doors.ask_removal(ip_address(host), door=Door.WEB, actor="203.0.113.0/24")
    assignment = take(office)
    assert assignment is not None, "nominations keep no retest waiting"
    assert assignment.job.run == asked.run
    dial(office, assignment, 4)
    with pytest.raises(PutOff):
        dial(office, assignment)
    doors.ask_removal(ip_address(host), door=Door.WEB, actor=host, control=True)
    office.casework.presence.beat("a:1", ("worker",))
    resumed = seen(office, host)
    assert resumed.job is not None
    assert (resumed.job.whose, resumed.waits) == ("", "")
    assert resumed.job.due <= office.clock.now(), "what strangers have used up is not his"
    again = office.take()
    assert again.job.run == asked.run
    assert dial(office, again, 9)


def test_what_operators_order_counts_for_nobody(make_office) -> None:
    office = make_office(tester=TERMS | {"hour_connections": 4, "target_part": 1, "network_part": 1})
    use_up(office, "198.51.100.8", "203.0.113.0/24")
    nominate(office, "198.51.100.9")
    assert take(office) is None
    office.casework.operators.order_test(ip_address("198.51.100.9"), profile="standard", actor="operator")
    assignment = office.take()
    assert assignment.job.reason is JobReason.OPERATOR
    assert dial(office, assignment, 9) == [Leave()] * 9
    office.talk(assignment, Outcome.RCPT_5XX)
    usage = office.casework.views.usage()
    assert usage.everything.connections == usage.used["nominations"].connections + 2, "beside the one before it"
    nominate(office, "198.51.100.10")
    nominate(office, "198.51.100.10", door=Door.CLI, by="operator")
    assert dial(office, office.take(), 9)


def test_what_follows_a_strangers_test_counts_for_him(make_office) -> None:
    office = make_office(tester=TERMS)
    nominate(office, "198.51.100.1", by="203.0.113.0/24")
    office.test(Outcome.CONN_REFUSED)
    followed = seen(office, "198.51.100.1").job
    assert followed is not None
    assert (followed.reason, followed.whose) == (JobReason.UNREACHABLE, "203.0.113.0/24")


def test_a_retest_on_schedule_counts_for_nobody(make_office) -> None:
    office = make_office(tester=TERMS)
    office.list_open("198.51.100.1")
    planned = seen(office, "198.51.100.1").job
    assert planned is not None
    assert (planned.reason, planned.whose) == (JobReason.RETEST, "")


def test_many_that_wait_are_put_off_a_bounded_number_at_a_time(make_office) -> None:
    office = make_office(tester=TERMS | {"hour_connections": 32, "per_network_day": 500})
    use_up(office, "198.51.100.250", "203.0.113.0/24")
    hosts = [f"198.51.{100 + number % 2}.{number}" for number in range(70)]
    for number, host in enumerate(hosts):
        nominate(office, host, by=f"203.{number}.113.0/24")
    assert office.casework.assignments.take_job("w1") is None
    now = office.clock.now()
    due = [seen(office, host).job.due for host in hosts]
    assert sum(at > now for at in due) == 50
    assert max(due) <= now + timedelta(minutes=70)


def test_how_much_waits_is_told(busy) -> None:
    nominate(busy, "198.51.100.1")
    nominate(busy, "198.51.100.2")
    usage = busy.casework.views.usage()
    assert usage.waiting == {"nominations": 2, "removals": 0}
    assert usage.most.connections == 12
