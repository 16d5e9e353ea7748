"""What an operator orders, excludes, lists and drops by a word, with a journal entry, and what is read afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from ipaddress import ip_address, ip_network

import pytest
from sqlalchemy import text

from dnsbl.addresses import Network
from dnsbl.casework import operators, queueing
from dnsbl.dns.listed.table import Table
from dnsbl.dns.secondaries import export
from dnsbl.dns.zonefile import zones_from
from dnsbl.errors import BrokenOff, Damaged, Refused, StoreUnavailable
from dnsbl.vocabulary import DECLARED, Door, JobReason, Reason, Refusal, State
from tester.smtp import Outcome

HOST = "192.0.2.1"
ADDRESS = ip_address(HOST)
REFUSED = Outcome.RCPT_5XX


def refusal(verb: Callable[..., object], *arguments: object, **named: object) -> Refused:
    with pytest.raises(Refused) as caught:
        verb(*arguments, **named)
    assert str(caught.value).endswith(".")
    return caught.value


# -- order_test --------------------------------------------------------------------------------------------------------
def test_an_operators_test_needs_no_rest(office) -> None:
    office.nominate(HOST)
    office.test(REFUSED)
    job = office.casework.operators.order_test(ADDRESS, profile="full", actor="operator")
    assert (job.reason, job.profile, job.due) == (JobReason.OPERATOR, "full", office.clock.now())


def test_an_operators_test_pulls_a_queued_job_forward(office) -> None:
    office.list_open(HOST)
    retest = office.casework.views.look_up(ADDRESS).job
    job = office.casework.operators.order_test(ADDRESS, profile="standard", actor="operator")
    assert (job.id, job.reason, job.due) == (retest.id, JobReason.OPERATOR, office.clock.now())
    entry = office.casework.operators.journal(ADDRESS)[-1]
    assert (entry.actor, entry.verb, entry.before) == ("operator", "job", "queued for 2026-01-15T00:00:10Z, retest")


def test_an_operators_test_of_an_address_under_test_is_that_test(office) -> None:
    office.nominate(HOST)
    job = office.take().job
    assert office.casework.operators.order_test(ADDRESS, profile="full", actor="operator") == job


def test_an_operator_does_not_rush_a_greylisting_retry_nor_take_a_removal_over(office) -> None:
    office.nominate(HOST)
    office.test(Outcome.RCPT_4XX)
    due = office.casework.views.look_up(ADDRESS).next_test
    assert office.casework.operators.order_test(ADDRESS, profile="full", actor="operator").due == due
    office.list_open("192.0.2.2")
    asked = office.casework.doors.ask_removal(ip_address("192.0.2.2"), door=Door.WEB, actor="owner")
    assert office.casework.operators.order_test(ip_address("192.0.2.2"), profile="full", actor="operator") == asked


def test_an_excluded_network_is_not_tested_for_an_operator_either(office) -> None:
    office.casework.operators.exclude(ip_network(HOST), reason="owner", actor="operator")
    error = refusal(office.casework.operators.order_test, ADDRESS, profile="basic", actor="operator")
    assert error.reason == Refusal.EXCLUDED


# -- exclude -----------------------------------------------------------------------------------------------------------
def test_an_exclusion_drops_queued_tests_and_keeps_listings(office) -> None:
    office.list_open(HOST)
    office.nominate("192.0.2.2")
    office.nominate("198.51.100.1")
    exclusion = office.casework.operators.exclude(
        ip_network("192.0.2.0/24"), reason="asked by its owner", actor="operator"
    )
    assert exclusion.since == office.clock.now()
    standing = office.casework.views.look_up(ADDRESS)
    assert (standing.state, standing.job, standing.exclusion) == (State.LISTED, None, exclusion)
    assert office.casework.views.look_up(ip_address("192.0.2.2")).state is State.EXCLUDED
    assert office.casework.views.look_up(ip_address("198.51.100.1")).state is State.QUEUED
    assert office.verbs(HOST)[-1] == "job"
    (entry,) = office.casework.operators.journal(ip_network("192.0.2.0/24"))
    assert (entry.verb, entry.evidence) == ("excluded", "asked by its owner")


def test_an_exclusion_ends_a_run_that_waits_for_a_retry(office) -> None:
    office.nominate(HOST)
    office.test(Outcome.RCPT_4XX)
    office.casework.operators.exclude(ip_network(HOST), reason="owner", actor="operator")
    standing = office.casework.views.look_up(ADDRESS)
    assert standing.runs[0].verdict is not None
    assert standing.state is State.EXCLUDED


def test_no_listing_and_no_further_test_comes_out_of_a_run_that_an_exclusion_overtook(office) -> None:
    office.nominate(HOST)
    assignment = office.take()
    office.issue(assignment)
    office.talk(assignment, Outcome.ACCEPTED)
    office.casework.operators.exclude(ip_network("192.0.2.0/24"), reason="owner", actor="operator")
    office.casework.assignments.file_run(assignment)
    office.come_back(assignment.job.run, HOST)
    standing = office.casework.views.look_up(ADDRESS)
    assert (standing.listings, standing.job) == ((), None)
    entry = office.casework.operators.journal(ADDRESS)[-1]
    assert (entry.verb, entry.reason) == ("not-listed", Reason.EXCLUDED)


# -- an operator's listings --------------------------------------------------------------------------------------------
def nets(*texts: str) -> list[Network]:
    return [ip_network(text) for text in texts]


def test_an_operators_networks_are_listed_once_and_dns_hears_of_each(office) -> None:
    listed = office.casework.operators.list_networks(
        nets("192.0.2.0/24", "192.0.2.0/24", "2001:db8::/32"), kind="spam", reason="a ring", actor="operator"
    )
    assert listed == 2
    again = office.casework.operators.list_networks(nets("192.0.2.0/24"), kind="spam", reason="again", actor="operator")
    assert again == 0
    assert [(str(c.network), c.kind, c.present) for c in office.casework.contents.changes(0)] == [
        ("192.0.2.0/24", "spam", True),
        ("2001:db8::/32", "spam", True),
    ]
    (entry,) = office.casework.operators.journal()
    assert (entry.subject, entry.after, entry.evidence) == ("list", "2 networks listed spam", "changes 1-2: a ring")


def test_the_one_network_that_is_new_in_a_batch_names_the_entry(office) -> None:
    office.casework.operators.list_networks(nets("192.0.2.7"), kind="spam", reason="x", actor="operator")
    office.casework.operators.list_networks(nets("192.0.2.7", "192.0.2.8"), kind="spam", reason="x", actor="operator")
    assert [entry.subject for entry in office.casework.operators.journal()] == ["192.0.2.7", "192.0.2.8"]


def test_one_network_is_journalled_under_its_own_name(office) -> None:
    office.casework.operators.list_networks(nets("192.0.2.7"), kind="spam", reason="x", actor="operator")
    office.casework.operators.drop_networks(nets("192.0.2.7"), kind="spam", reason="y", actor="operator")
    listed, dropped = office.casework.operators.journal(ip_address("192.0.2.7"))
    assert (listed.verb, listed.after) == ("listed", "listed spam")
    assert (dropped.verb, dropped.before, dropped.after) == ("dropped", "listed spam", "not listed")
    assert dropped.evidence == "changes 2-2: y"


@pytest.mark.parametrize("kind", ["relay", "multihop", "", "Spam", "a b", "9", "x" * 33, "x\n"])
def test_an_operator_lists_under_no_kind_that_proof_fills_nor_under_a_malformed_one(office, kind: str) -> None:
    error = refusal(
        office.casework.operators.list_networks, nets("192.0.2.0/24"), kind=kind, reason="x", actor="operator"
    )
    assert error.reason == Refusal.WRONG_KIND
    assert office.casework.contents.changes(0) == []


@pytest.mark.parametrize("wide", ["0.0.0.0/0", "10.0.0.0/15", "::/0", "2001:db8::/31"])
def test_a_network_that_is_too_wide_takes_the_whole_batch_down(office, wide: str) -> None:
    batch = nets("192.0.2.0/24", wide, "198.51.100.0/24")
    error = refusal(office.casework.operators.list_networks, batch, kind="spam", reason="x", actor="operator")
    assert error.reason == Refusal.TOO_WIDE
    assert office.casework.views.look_up(ADDRESS).listings == ()
    assert office.casework.operators.journal() == []


def test_a_batch_that_breaks_off_in_the_middle_lists_nothing(office) -> None:
    def broken() -> Iterator[Network]:
        yield from (ip_network(f"10.{n >> 8}.{n & 255}.0/24") for n in range(5500))
        raise ValueError("line 5501 is no network")

    with pytest.raises(ValueError, match="line 5501"):
        office.casework.operators.list_networks(broken(), kind="spam", reason="x", actor="operator")
    assert office.casework.contents.changes(0) == []
    assert list(office.casework.contents.snapshot()[1]) == []


def test_six_thousand_networks_stream_through_in_slices_each_with_its_entry(office) -> None:
    networks = [ip_network((0x0A000000 + n * 256, 24)) for n in range(6000)]
    assert office.casework.operators.list_networks(iter(networks), kind="spam", reason="x", actor="operator") == 6000
    assert [change.seq for change in office.casework.contents.changes(5990)] == list(range(5991, 6001))
    number, rows, *_ = office.casework.contents.snapshot()
    assert number == 6000
    assert list(Table.of(rows).rows()) == [(network, "spam") for network in networks]
    assert [entry.evidence for entry in office.casework.operators.journal()] == [
        "changes 1-2500: x",
        "changes 2501-6000: x",
    ]
    assert office.casework.operators.drop_networks(iter(networks), kind="spam", reason="x", actor="operator") == 6000
    assert list(office.casework.contents.snapshot()[1]) == []


def test_dropping_what_is_not_listed_drops_nothing(office) -> None:
    office.casework.operators.list_networks(nets("192.0.2.0/24"), kind="spam", reason="x", actor="operator")
    batch = nets("192.0.2.0/24", "192.0.2.0/25")
    error = refusal(office.casework.operators.drop_networks, batch, kind="spam", reason="x", actor="operator")
    assert error.reason == Refusal.NOT_LISTED
    assert "192.0.2.0/25 is not listed as spam" in str(error)
    assert office.casework.views.look_up(ADDRESS).state is State.LISTED


def test_an_operator_may_take_any_address_off_and_its_retest_goes_too(office) -> None:
    office.list_open(HOST)
    assert office.casework.operators.drop_networks(nets(HOST), kind="relay", reason="mistake", actor="operator") == 1
    standing = office.casework.views.look_up(ADDRESS)
    assert (standing.listings, standing.job) == ((), None)
    assert standing.past[0].end_reason is Reason.OPERATOR
    assert office.casework.contents.changes(1)[0].present is False


def test_listing_or_dropping_nothing_is_done_in_silence(office) -> None:
    assert office.casework.operators.list_networks([], kind="spam", reason="x", actor="operator") == 0
    assert office.casework.operators.drop_networks([], kind="spam", reason="x", actor="operator") == 0
    assert office.casework.operators.journal() == []


# -- the journal -------------------------------------------------------------------------------------------------------
def test_the_journal_tells_the_last_entries_oldest_first(office) -> None:
    office.nominate(HOST)
    office.nominate("192.0.2.2")
    assert [entry.seq for entry in office.casework.operators.journal()] == [1, 2, 3, 4]
    assert [entry.seq for entry in office.casework.operators.journal(most=2)] == [3, 4]
    assert [entry.seq for entry in office.casework.operators.journal(ip_address("192.0.2.2"))] == [3, 4]
    assert office.casework.operators.journal(ip_network("192.0.2.2/32")) == office.casework.operators.journal(
        ip_address("192.0.2.2")
    )
    assert office.casework.operators.verify_journal() == 4


def test_a_changed_past_shows(office) -> None:
    office.nominate(HOST)
    with office.store.write() as tx:
        if office.store.engine.dialect.name == "sqlite":
            tx.connection.execute(text("DROP TRIGGER journal_keeps_update"))
        else:
            tx.connection.execute(text("DROP TRIGGER journal_keeps ON journal"))
        tx.connection.execute(text("UPDATE journal SET actor = 'nobody' WHERE seq = 2"))
    with pytest.raises(Damaged, match="Entry 2"):
        office.casework.operators.verify_journal()


# -- exceptions --------------------------------------------------------------------------------------------------------
WIDE, HOLE, IN_IT, BESIDE = ip_network("8.8.8.0/24"), ip_network("8.8.8.128/28"), "8.8.8.130", "8.8.8.120"
[ZONE] = zones_from(
    {
        "bl": 'origin = "bl.test"\nns = ["ns.example.net"]\n[soa]\nmname = "ns.example.net"\n'
        'rname = "hostmaster.example.net"\n[kinds.manual]\ncode = "127.0.0.9"\ntxt = "by hand"\n'
        '[kinds.relay]\ncode = "127.0.0.2"\ntxt = "relay"\n'
    },
    site="https://list.example",
)


def doors(office, address: str) -> set[str]:
    """The doors that say of an address that it is listed, all from the store of now."""
    number, rows, *_ = office.casework.contents.snapshot()
    table = Table.of(rows, serial=number)
    assert Table.of([]).changed(office.casework.contents.changes(0)).same_rows(table)
    name = ".".join(reversed(address.split(".")))
    master = "".join(export.bind(ZONE, table, expand=True))
    maps = [ip_network(line.split()[0]) for line in export.cidr(ZONE, table) if line[0] != "#" and "REJECT" in line]
    dunno = [ip_network(line.split()[0]) for line in export.cidr(ZONE, table) if "DUNNO" in line]
    held = max((net.prefixlen for net in maps if ip_address(address) in net), default=-1)
    freed = max((net.prefixlen for net in dunno if ip_address(address) in net), default=-1)
    found = {
        "dns": bool(set(table.kinds(ip_address(address))) - DECLARED),
        "secondaries": f"\n{name} " in master,
        "postfix": held > freed,
        "look-up": bool(office.casework.views.look_up(ip_address(address)).listings),
        "look-up of many": bool(office.casework.views.listed_among([ip_address(address)])[ip_address(address)]),
    }
    return {door for door, listed in found.items() if listed}


ALL = {"dns", "secondaries", "postfix", "look-up", "look-up of many"}


def test_an_exception_takes_a_network_out_of_wider_listings_at_every_door_until_it_ends(office) -> None:
    operators = office.casework.operators
    operators.list_networks([WIDE], kind="manual", reason="x", actor="operator")
    assert doors(office, IN_IT) == doors(office, BESIDE) == ALL
    [around] = operators.leave_out(HOLE, reason="a good one", public="asked for", actor="operator")
    assert (around.network, around.kind) == (WIDE, "manual")
    assert doors(office, IN_IT) == set() and doors(office, BESIDE) == ALL
    standing = office.casework.views.look_up(ip_address(IN_IT))
    assert (standing.state, standing.exception.network, standing.exception.public) == (State.UNKNOWN, HOLE, "asked for")
    operators.list_networks([ip_network("8.8.8.0/23")], kind="manual", reason="later, and wider", actor="operator")
    assert doors(office, IN_IT) == set()
    assert [each.network for each in operators.exceptions()] == [HOLE]
    operators.leave_in(HOLE, reason="no more", actor="operator")
    assert doors(office, IN_IT) == ALL and operators.exceptions() == []
    entries = operators.journal(HOLE)
    assert [(e.verb, e.evidence) for e in entries] == [("excepted", "a good one"), ("exception-ended", "no more")]
    assert entries[0].before == "listed manual by 8.8.8.0/24"
    assert operators.verify_journal() >= 4


def test_a_narrower_listing_counts_inside_an_exception_and_a_network_shows_what_lies_around_it(office) -> None:
    operators, views = office.casework.operators, office.casework.views
    operators.list_networks([WIDE], kind="manual", reason="x", actor="operator")
    operators.leave_out(HOLE, reason="x", actor="operator")
    operators.list_networks([ip_network("8.8.8.130/32")], kind="manual", reason="bad", actor="operator")
    assert doors(office, IN_IT) == ALL and doors(office, "8.8.8.131") == set()
    assert [str(each.network) for each in views.look_up(ip_address(IN_IT)).listings] == ["8.8.8.130/32"]
    shown = views.listed_in(ip_network("8.8.8.128/25"), most=9)
    assert [str(each.network) for each in shown] == ["8.8.8.0/24", "8.8.8.130/32"], "only half of it is left out"
    assert [str(each.network) for each in views.listed_in(HOLE, most=9)] == ["8.8.8.130/32"]


def test_an_exception_that_could_not_work_is_refused(office) -> None:
    operators = office.casework.operators
    operators.list_networks([WIDE], kind="manual", reason="x", actor="operator")
    refused = refusal(operators.leave_out, WIDE, reason="x", actor="operator")
    assert refused.reason is Refusal.NOT_EXCEPTED and "`dnsbl listing drop`" in str(refused)
    refusal(operators.leave_in, HOLE, reason="x", actor="operator")
    operators.leave_out(HOLE, reason="x", actor="operator")
    assert "already" in str(refusal(operators.leave_out, HOLE, reason="x", actor="operator"))
    for barred in ("0.0.0.0/0", "100.64.0.0/24"):
        refusal(operators.leave_out, ip_network(barred), reason="x", actor="operator")


def test_a_relay_that_is_proven_stays_listed_whatever_is_left_out_around_it(office) -> None:
    office.casework.operators.leave_out(ip_network("192.0.2.0/24"), reason="x", actor="operator")
    office.list_open(HOST)
    assert office.casework.views.look_up(ADDRESS).state is State.LISTED


# -- what is excluded, told and published -----------------------------------------------------------------------------
def test_to_exclude_a_network_again_keeps_what_everybody_was_told(office) -> None:
    operators, network = office.casework.operators, ip_network("192.0.2.0/24")
    operators.exclude(network, reason="asked", actor="operator", public="At its owner's wish.")
    operators.exclude(network, reason="asked again", actor="operator")
    (kept,) = operators.exclusions()
    assert (kept.reason, kept.public) == ("asked again", "At its owner's wish.")
    operators.exclude(network, reason="x", actor="operator", public="Other words.")
    assert operators.exclusions()[0].public == "Other words."


def test_a_refusal_for_an_excluded_network_says_whom_to_write_to(office) -> None:
    office.casework.operators.exclude(ip_network("192.0.2.0/24"), reason="asked", actor="operator")
    contact = office.settings.service.contact
    assert contact in str(refusal(office.nominate, HOST))
    assert "`dnsbl exclude 192.0.2.0/24 --end --reason TEXT` ends that." in str(refusal(order, office))


def test_when_an_exclusion_ends_what_is_listed_there_is_retested_as_planned_and_else_nobody(office) -> None:
    operators, look_up = office.casework.operators, office.casework.views.look_up
    office.list_open(HOST)
    office.list_open("192.0.2.2")
    planned = look_up(ADDRESS).next_test
    office.nominate("192.0.2.3")
    operators.exclude(ip_network("192.0.2.0/24"), reason="asked", actor="operator")
    operators.exclude(ip_network("192.0.2.2/32"), reason="asked", actor="operator")
    assert look_up(ADDRESS).next_test is None
    operators.end_exclusion(ip_network("192.0.2.0/24"), reason="x", actor="operator")
    assert (look_up(ADDRESS).job.reason, look_up(ADDRESS).next_test) == (JobReason.RETEST, planned)
    assert look_up(ip_address("192.0.2.2")).next_test is None, "excluded by another"
    assert look_up(ip_address("192.0.2.3")).next_test is None, "not listed"
    assert operators.journal(ADDRESS)[-1].evidence == "retest of a listed address"


def test_when_an_exclusion_ends_a_test_that_waits_already_stays_as_it_is(office) -> None:
    operators = office.casework.operators
    office.list_open(HOST)
    operators.exclude(ip_network("192.0.2.0/24"), reason="asked", actor="operator")
    asked = office.casework.doors.ask_removal(ADDRESS, door=Door.WEB, actor="owner", control=True)
    operators.end_exclusion(ip_network("192.0.2.0/24"), reason="x", actor="operator")
    assert office.casework.views.look_up(ADDRESS).job == asked


def live(office, address: str = HOST):
    with office.store.read() as tx:
        return tx.jobs.live(ip_address(address))


def get_off(office) -> None:
    office.casework.doors.ask_removal(ADDRESS, door=Door.WEB, actor="owner", control=True)
    office.test(REFUSED)


def exclude_and_end(office) -> None:
    operators, network = office.casework.operators, ip_network("192.0.2.0/24")
    operators.exclude(network, reason="asked", actor="operator")
    assert live(office) is None
    operators.end_exclusion(network, reason="x", actor="operator")


def test_when_an_exclusion_ends_what_got_off_the_list_has_its_surprise_retests_again(office) -> None:
    office.list_open(HOST)
    office.later(days=1)
    get_off(office)
    exclude_and_end(office)
    job = live(office)
    assert job.reason is JobReason.PROBATION
    assert 1 <= (job.due - office.clock.now()).total_seconds() / 86400 <= 3, "the first step, moved by up to half"


def test_surprise_retests_that_were_made_before_an_exclusion_are_not_made_again(office) -> None:
    office.list_open(HOST)
    office.later(days=1)
    get_off(office)
    office.later(days=4)
    assert office.test(REFUSED).reason is JobReason.PROBATION
    exclude_and_end(office)
    assert live(office).due - office.clock.now() > timedelta(days=0.9), "the second one, at 5 to 15 days"
    for _ in range(2):
        office.later(days=46)
        office.test(REFUSED)
    exclude_and_end(office)
    assert live(office) is None, "these are over"


def listed_and_excluded(office, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Five addresses on the list in an excluded network, whose tests are planned in slices of two."""
    monkeypatch.setattr(queueing, "SLICE", 2)
    hosts = [f"192.0.2.{n}" for n in range(1, 6)]
    for host in hosts:
        office.list_open(host)
    office.casework.operators.exclude(ip_network("192.0.2.0/24"), reason="asked", actor="operator")
    return hosts


def test_what_is_planned_again_is_so_in_slices_between_which_others_write(office, monkeypatch) -> None:
    hosts, planned = listed_and_excluded(office, monkeypatch), []
    monkeypatch.setattr(
        office.store, "give_way", lambda: planned.append(sum(live(office, host) is not None for host in hosts))
    )
    office.casework.operators.end_exclusion(ip_network("192.0.2.0/24"), reason="x", actor="operator")
    assert planned == [2, 4]
    assert all(live(office, host).reason is JobReason.RETEST for host in hosts)


def test_tests_that_an_exclusion_drops_are_dropped_in_slices_between_which_others_write(office, monkeypatch) -> None:
    monkeypatch.setattr(operators, "SLICE", 2)
    hosts, waiting = [f"192.0.2.{n}" for n in range(1, 6)], []
    for host in hosts:
        office.nominate(host)
    monkeypatch.setattr(
        office.store, "give_way", lambda: waiting.append(sum(live(office, host) is not None for host in hosts))
    )
    office.casework.operators.exclude(ip_network("192.0.2.0/24"), reason="x", actor="operator")
    assert waiting == [3, 1]
    assert not any(live(office, host) for host in hosts)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), StoreUnavailable("It is away.")])
def test_what_breaks_off_between_two_slices_is_done_by_the_same_again(office, monkeypatch, error) -> None:
    hosts, network = listed_and_excluded(office, monkeypatch), ip_network("192.0.2.0/24")
    end = partial(office.casework.operators.end_exclusion, network, reason="x", actor="operator")

    def give_way() -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(office.store, "give_way", give_way)
        with pytest.raises((BrokenOff, StoreUnavailable)) as caught:
            end()
    assert "192.0.2.0/24 is not excluded" in str(caught.value)
    assert str(caught.value).endswith("the same command again does the rest.")
    assert [live(office, host) is not None for host in hosts] == [True, True, False, False, False]
    end()
    assert all(live(office, host) for host in hosts)
    assert refusal(end).reason == Refusal.NOT_EXCLUDED


def order(office) -> object:
    return office.casework.operators.order_test(ADDRESS, profile="full", actor="operator")


def published(office) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    keys = []
    for key, kind in office.casework.contents.snapshot()[1]:
        keys.append((key, kind))
        found.setdefault(kind, set()).add(str(ip_network((key[1:-1], key[-1]))))
    assert keys == sorted(keys)
    return found


def test_exclusions_and_exceptions_have_kinds_that_a_zone_can_publish_and_dns_follows(office) -> None:
    operators, contents = office.casework.operators, office.casework.contents
    table = Table.of(contents.snapshot()[1], serial=contents.last_change())
    operators.list_networks([ip_network("10.1.0.0/16")], kind="manual", reason="spam", actor="operator")
    operators.exclude(ip_network("192.0.2.0/24"), reason="asked", actor="operator")
    operators.exclude(ip_network("192.0.2.0/24"), reason="again", actor="operator")
    operators.leave_out(ip_network("10.1.1.1/32"), reason="good", actor="operator")
    expected = {
        "manual": {"10.1.0.0/16"},
        "do-not-test": {"192.0.2.0/24"},
        "": {"10.1.1.1/32"},
        "exempt": {"10.1.1.1/32"},
    }
    assert published(office) == expected
    table = table.changed(contents.changes(0))
    assert table.same_rows(Table.of(contents.snapshot()[1]))
    assert table.kinds(ip_address("192.0.2.9")) == ("do-not-test",)
    operators.end_exclusion(ip_network("192.0.2.0/24"), reason="x", actor="operator")
    operators.leave_in(ip_network("10.1.1.1/32"), reason="x", actor="operator")
    assert published(office) == {"manual": {"10.1.0.0/16"}}
    assert table.changed(contents.changes(table.serial)).same_rows(Table.of(contents.snapshot()[1]))
    assert office.casework.views.look_up(ip_address("192.0.2.9")).listings == ()


@pytest.mark.parametrize("kind", ["do-not-test", "exempt"])
def test_nobody_lists_under_what_says_the_opposite(office, kind: str) -> None:
    error = refusal(
        office.casework.operators.list_networks, [ip_network("10.1.0.0/16")], kind=kind, reason="x", actor="operator"
    )
    assert error.reason == Refusal.WRONG_KIND
