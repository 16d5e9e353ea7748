"""A bad source: what only it has brought is taken back, what others brought too stays, and nothing of it is taken."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from dnsbl.casework import purging
from dnsbl.errors import BrokenOff, Refused, StoreUnavailable
from dnsbl.model import Nomination
from dnsbl.rules import bringers
from dnsbl.rules.feeds import batch
from dnsbl.vocabulary import Door, JobReason, Reason, Refusal, State
from tester.smtp import Outcome

ACCEPTED = Outcome.ACCEPTED
BAD = "feed:https://lists.example/relays"


def bring(office, address: str, *, door: Door = Door.FEED, name: str = "https://lists.example/relays"):
    return office.casework.doors.nominate(
        Nomination(address=ip_address(address), door=door, nominator=name, reason="", evidence=b"spam " + name.encode())
    )


def listed(office, address: str) -> bool:
    return bool(office.casework.views.look_up(ip_address(address)).listings)


def purge(office, source: str = BAD, **options):
    return office.casework.purging.purge(bringers.read(source), reason="forged mail", actor="operator alice", **options)


def found_open(office, address: str, **source) -> None:
    bring(office, address, **source)
    office.test(ACCEPTED, back=address)
    assert listed(office, address)


def test_a_purge_ends_what_only_the_source_brought_and_keeps_what_others_brought_too(office) -> None:
    bring(office, "192.0.2.1")
    bring(office, "192.0.2.1", door=Door.WEB, name="203.0.113.0/24")  # while its test waits
    office.test(ACCEPTED, back="192.0.2.1")
    found_open(office, "192.0.2.2")
    found_open(office, "192.0.2.3", door=Door.WEB, name="203.0.113.0/24")
    done = purge(office)
    assert [listed(office, f"192.0.2.{n}") for n in (1, 2, 3)] == [True, False, True]
    assert (done.nominations, done.retracted, done.kept) == (2, (ip_network("192.0.2.2/32"),), 1)
    entries = office.casework.operators.journal(ip_address("192.0.2.2"))
    entry = next(entry for entry in entries if entry.verb == "purged")
    assert (entry.actor, entry.verb, entry.reason, entry.before) == (
        "operator alice",
        "purged",
        "purged",
        "listed relay",
    )
    assert office.casework.operators.verify_journal()


def test_dns_follows_a_purge(office) -> None:
    found_open(office, "192.0.2.2")
    before = office.casework.contents.last_change()
    purge(office)
    (change,) = office.casework.contents.changes(before)
    assert (change.network, change.kind, change.present) == (ip_network("192.0.2.2/32"), "relay", False)
    assert list(office.casework.contents.snapshot()[1]) == []


def test_a_dry_run_says_the_same_and_changes_nothing(office) -> None:
    found_open(office, "192.0.2.2")
    bring(office, "192.0.2.9")
    entries = office.casework.operators.verify_journal()
    tried = purge(office, dry_run=True)
    assert listed(office, "192.0.2.2")
    assert office.casework.operators.verify_journal() == entries
    assert office.casework.purging.suspensions() == []
    done = purge(office)
    assert (tried.nominations, tried.retracted, tried.kept, tried.dropped) == (
        done.nominations,
        done.retracted,
        done.kept,
        done.dropped,
    )
    assert done.dropped == 2, "the test that waited, and the retest of the listing"


def test_a_purge_of_many_goes_in_slices_between_which_others_write_and_a_dry_run_counts_the_same(
    office, monkeypatch
) -> None:
    monkeypatch.setattr(purging, "SLICE", 2)
    monkeypatch.setattr(purging, "LOOKS", 3)
    hosts, seen = [f"192.0.2.{n}" for n in range(1, 6)], []
    for host in hosts:
        bring(office, host)
        bring(office, host, name="https://lists.example/more")
    bring(office, hosts[0], door=Door.WEB, name="203.0.113.0/24")
    source = "feed:"
    dry = purge(office, source, dry_run=True)
    monkeypatch.setattr(office.store, "give_way", lambda: seen.append(len(office.casework.purging.suspensions())))
    done = purge(office, source)
    assert (dry.nominations, dry.dropped, dry.kept) == (done.nominations, done.dropped, done.kept) == (10, 4, 0)
    assert len(seen) >= 3 and set(seen) == {1}, "nothing is taken from it from the first on"
    assert office.casework.operators.verify_journal() > 10


@pytest.mark.parametrize("error", [KeyboardInterrupt(), StoreUnavailable("It is away.")])
def test_a_purge_that_is_broken_off_is_done_by_the_same_again(office, monkeypatch, error) -> None:
    monkeypatch.setattr(purging, "SLICE", 2)
    for n in range(1, 6):
        bring(office, f"192.0.2.{n}")

    def give_way() -> None:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(office.store, "give_way", give_way)
        with pytest.raises((BrokenOff, StoreUnavailable), match="the same command again does the rest"):
            purge(office)
    with pytest.raises(Refused):
        bring(office, "192.0.2.9")
    assert (purge(office).nominations, purge(office).nominations) == (3, 0)


def test_nothing_is_taken_from_a_suspended_source_until_its_suspension_ends(office) -> None:
    purge(office)
    with pytest.raises(Refused) as refused:
        bring(office, "192.0.2.1")
    assert refused.value.reason == Refusal.SUSPENDED
    assert office.settings.service.contact in str(refused.value)
    bring(office, "192.0.2.5", name="https://other.example/relays")
    office.casework.purging.end(bringers.read(BAD), reason="mended", actor="operator")
    bring(office, "192.0.2.1")
    with pytest.raises(Refused):
        office.casework.purging.end(bringers.read(BAD), reason="again", actor="operator")


def test_a_test_that_is_under_way_lists_nobody_for_a_source_that_was_purged_meanwhile(office) -> None:
    bring(office, "192.0.2.1")
    assignment = office.take()
    office.issue(assignment)
    office.talk(assignment, ACCEPTED)
    assert office.casework.assignments.may_dial(assignment)
    purge(office)
    assert not office.casework.assignments.may_dial(assignment)
    office.come_back(assignment.job.run, "192.0.2.1")
    office.casework.assignments.file_run(assignment)
    assert not listed(office, "192.0.2.1")
    assert office.casework.operators.journal(ip_address("192.0.2.1"))[-1].reason == Reason.PURGED


def test_what_was_put_off_for_a_purged_source_is_not_tried_again(office) -> None:
    bring(office, "192.0.2.1")
    office.test(Outcome.RCPT_4XX)
    purge(office)
    found = office.casework.views.look_up(ip_address("192.0.2.1"))
    assert found.job is None
    office.later(days=2)
    assert office.casework.assignments.take_job("w") is None


def test_what_an_operator_had_tested_stays_and_is_retested(office) -> None:
    bring(office, "192.0.2.1")
    office.casework.operators.order_test(ip_address("192.0.2.1"), profile="standard", actor="operator")
    office.test(ACCEPTED, back="192.0.2.1")
    assert purge(office).kept == 1
    assert listed(office, "192.0.2.1")
    office.later(days=15)
    retest = office.take()
    assert retest.job.reason is JobReason.RETEST
    assert office.casework.assignments.may_dial(retest)


def test_an_address_that_was_purged_is_listed_again_when_somebody_else_shows_spam(office) -> None:
    found_open(office, "192.0.2.1")
    purge(office)
    assert not listed(office, "192.0.2.1")
    office.later(days=30)
    found_open(office, "192.0.2.1", door=Door.WEB, name="203.0.113.0/24")
    assert listed(office, "192.0.2.1")


def test_candidates_of_a_purged_source_are_gone_when_it_is_taken_again(office) -> None:
    feeding = office.casework.feeding
    for actor, row in (("operator carl", b"192.0.2.1\n192.0.2.2\n"), ("operator dan", b"192.0.2.3\n")):
        feeding.bring(batch(row, most=9, evidence_most=1), reporter="", reason="old list", actor=actor)
    assert purge(office, "operator carl", dry_run=True).dropped == 2
    assert purge(office, "operator carl").dropped == 2
    office.casework.purging.end(bringers.read("operator carl"), reason="mended", actor="operator alice")
    assert feeding.waiting() == {"operator dan": 1}
    entry = next(entry for entry in office.casework.operators.journal() if entry.verb == "candidates-dropped")
    assert (entry.reason, entry.before) == (Reason.PURGED, "2 candidates of operator carl")


def test_the_networks_of_nominators_are_a_source(office) -> None:
    found_open(office, "192.0.2.1", door=Door.WEB, name="203.0.113.0/24")
    found_open(office, "192.0.2.2", door=Door.API, name="198.51.100.0/24")
    assert purge(office, "203.0.0.0/16").retracted == (ip_network("192.0.2.1/32"),)
    assert listed(office, "192.0.2.2")
    with pytest.raises(Refused):
        bring(office, "192.0.2.7", door=Door.API, name="203.0.200.0/24")


def test_an_operators_listings_go_with_him_and_no_others(office) -> None:
    for actor, networks in (("operator alice", ("10.1.0.0/16", "10.2.0.0/16")), ("operator bob", ("10.3.0.0/16",))):
        office.casework.operators.list_networks(map(ip_network, networks), kind="manual", reason="spam", actor=actor)
    done = purge(office, "operator alice")
    assert done.suspension.retracted == 2
    assert office.casework.views.look_up(ip_address("10.1.1.1")).state is State.UNKNOWN
    assert listed(office, "10.3.1.1")
    assert [each.network for each in office.casework.views.listed_in(ip_network("10.0.0.0/8"), most=9)] == [
        ip_network("10.3.0.0/16")
    ]


def test_the_words_for_everybody_are_kept_apart_from_those_for_operators(office) -> None:
    purge(office, public="A feed was forged; what it brought is off the list.")
    (suspension,) = office.casework.purging.suspensions()
    assert (suspension.reason, suspension.public) == (
        "forged mail",
        "A feed was forged; what it brought is off the list.",
    )
