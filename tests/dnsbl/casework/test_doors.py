"""What people ask for: taken with a journal entry, or refused with one sentence and a named reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_address, ip_network

import pytest
from sqlalchemy import text

from dnsbl.addresses import Network
from dnsbl.dns.listed.table import Table
from dnsbl.errors import Refused
from dnsbl.model import Door, JobReason, JobState, Reason, Refusal, State
from tester.smtp import Outcome

HOST = "192.0.2.1"
ADDRESS = ip_address(HOST)
REFUSED = Outcome.RCPT_5XX


def refusal(verb: Callable[..., object], *arguments: object, **named: object) -> Refused:
    with pytest.raises(Refused) as caught:
        verb(*arguments, **named)
    assert str(caught.value).endswith(".")
    return caught.value


# -- nominate ----------------------------------------------------------------------------------------------------------
def test_a_nomination_is_filed_with_its_evidence_and_its_test_queued_for_now(office) -> None:
    job = office.nominate(HOST)
    assert (job.reason, job.profile, job.due) == (JobReason.NOMINATION, "standard", office.clock.now())
    assert job.provocation == "nomination 1"
    assert len(job.run) == 16
    assert set(job.run) <= set("abcdefghijklmnopqrstuvwxyz234567")
    nominated, queued = office.casework.journal(ADDRESS)
    assert (nominated.actor, nominated.verb, nominated.after) == ("web somebody", "nominated", "queued")
    assert nominated.evidence.startswith("nomination 1, evidence sha256:")
    assert (queued.verb, queued.reason) == ("job", "nomination")
    name = nominated.evidence.rpartition(":")[2]
    with office.store.read() as tx:
        assert tx.evidence.read(name) == b"spam"


def test_without_evidence_the_basic_profile_is_enough(office) -> None:
    assert office.nominate(HOST, evidence=None, reason="seen by me").profile == "basic"


def test_a_second_nomination_shares_the_queued_test(office) -> None:
    first, second = office.nominate(HOST), office.nominate(HOST, evidence=b"other spam")
    assert second == first
    assert office.verbs(HOST) == ["nominated", "job", "nominated"]


def test_a_nomination_shares_the_test_that_is_under_way(office) -> None:
    office.nominate(HOST)
    job = office.take().job
    assert office.nominate(HOST) == job


def test_a_nomination_shares_a_test_that_waits_for_its_greylisting_retry(office) -> None:
    office.nominate(HOST)
    office.test(Outcome.RCPT_4XX)
    job = office.nominate(HOST)
    assert (job.state, job.retries) == (JobState.QUEUED, 1)
    assert job.due > office.clock.now()


def test_an_address_rests_after_a_test_and_the_refusal_says_until_when(office) -> None:
    office.nominate(HOST)
    office.test(REFUSED)
    office.later(days=6)
    error = refusal(office.nominate, HOST)
    assert (error.reason, error.retry_after) == (Refusal.RESTING, 86400)
    assert "2026-01-08 00:00:00 UTC" in str(error)
    office.later(days=1)
    assert office.nominate(HOST).reason is JobReason.NOMINATION


def test_fresh_evidence_pulls_a_surprise_retest_forward(office) -> None:
    office.list_open(HOST)
    office.casework.ask_removal(ADDRESS, door=Door.WEB, actor="owner")
    office.later(hours=1)
    office.test(REFUSED)
    office.later(days=7)
    with office.store.read() as tx:
        surprise = tx.jobs.live(ADDRESS)
    assert surprise.reason is JobReason.PROBATION
    if surprise.due > office.clock.now():
        job = office.nominate(HOST)
        assert (job.id, job.reason, job.due) == (surprise.id, JobReason.NOMINATION, office.clock.now())
    else:
        assert office.nominate(HOST).due == surprise.due


def test_a_listed_address_is_not_nominated_again(office) -> None:
    office.list_open(HOST)
    error = refusal(office.nominate, HOST)
    assert error.reason == Refusal.ALREADY_LISTED
    assert "since 2026-01-01 00:00 UTC" in str(error)


def test_an_operators_listing_of_another_kind_does_not_stop_a_nomination(office) -> None:
    office.casework.list_networks([ip_network(HOST)], kind="spam", reason="x", actor="operator")
    assert office.nominate(HOST).reason is JobReason.NOMINATION


def test_an_excluded_network_is_not_nominated_and_nothing_is_stored(office) -> None:
    office.casework.exclude(ip_network("192.0.2.0/24"), reason="owner", actor="operator")
    assert refusal(office.nominate, HOST).reason == Refusal.EXCLUDED
    with office.store.read() as tx:
        assert tx.connection.execute(text("SELECT count(*) FROM evidence")).scalar() == 0


def test_text_from_strangers_breaks_no_driver(office) -> None:
    job = office.nominate(HOST, reason="\0\udcff")
    assert job.id == 1


# -- order_test --------------------------------------------------------------------------------------------------------
def test_an_operators_test_needs_no_rest(office) -> None:
    office.nominate(HOST)
    office.test(REFUSED)
    job = office.casework.order_test(ADDRESS, profile="full", actor="operator")
    assert (job.reason, job.profile, job.due) == (JobReason.OPERATOR, "full", office.clock.now())


def test_an_operators_test_pulls_a_queued_job_forward(office) -> None:
    office.list_open(HOST)
    retest = office.casework.look_up(ADDRESS).job
    job = office.casework.order_test(ADDRESS, profile="standard", actor="operator")
    assert (job.id, job.reason, job.due) == (retest.id, JobReason.OPERATOR, office.clock.now())
    entry = office.casework.journal(ADDRESS)[-1]
    assert (entry.actor, entry.verb, entry.before) == ("operator", "job", "queued for 2026-01-15T00:00:10Z, retest")


def test_an_operators_test_of_an_address_under_test_is_that_test(office) -> None:
    office.nominate(HOST)
    job = office.take().job
    assert office.casework.order_test(ADDRESS, profile="full", actor="operator") == job


def test_an_operator_does_not_rush_a_greylisting_retry_nor_take_a_removal_over(office) -> None:
    office.nominate(HOST)
    office.test(Outcome.RCPT_4XX)
    due = office.casework.look_up(ADDRESS).next_test
    assert office.casework.order_test(ADDRESS, profile="full", actor="operator").due == due
    office.list_open("192.0.2.2")
    asked = office.casework.ask_removal(ip_address("192.0.2.2"), door=Door.WEB, actor="owner")
    assert office.casework.order_test(ip_address("192.0.2.2"), profile="full", actor="operator") == asked


def test_an_excluded_network_is_not_tested_for_an_operator_either(office) -> None:
    office.casework.exclude(ip_network(HOST), reason="owner", actor="operator")
    error = refusal(office.casework.order_test, ADDRESS, profile="basic", actor="operator")
    assert error.reason == Refusal.EXCLUDED


# -- ask_removal -------------------------------------------------------------------------------------------------------
def ask(office):
    return office.casework.ask_removal(ADDRESS, door=Door.WEB, actor="198.51.100.0/24")


def test_the_first_request_for_removal_pulls_the_retest_to_now(office) -> None:
    office.list_open(HOST)
    retest = office.casework.look_up(ADDRESS).job
    job = ask(office)
    assert (job.id, job.reason, job.profile) == (retest.id, JobReason.REMOVAL, "standard")
    assert job.due == office.clock.now()
    asked = office.casework.journal(ADDRESS)[-2]
    assert (asked.actor, asked.verb, asked.before) == ("web 198.51.100.0/24", "asked-removal", "listed relay")


def test_asking_again_while_the_test_is_queued_or_running_gives_the_same_test(office) -> None:
    office.list_open(HOST)
    first = ask(office)
    assert ask(office) == first
    running = office.take().job
    assert ask(office) == running


def test_an_address_that_is_not_listed_cannot_be_removed(office) -> None:
    error = refusal(ask, office)
    assert error.reason == Refusal.NOT_LISTED
    assert str(error) == (
        f"{HOST} is not listed for relaying: there is nothing to remove, and nothing that you need to do."
    )


def test_no_retest_ends_what_an_operator_has_listed(office) -> None:
    office.casework.list_networks([ip_network(HOST)], kind="spam", reason="x", actor="operator")
    error = refusal(ask, office)
    assert error.reason == Refusal.NOT_LISTED
    assert str(error) == (
        f"{HOST} is not listed for relaying; an operator has listed it as spam, which no retest ends: please write to "
        f"{office.settings.service.contact}."
    )


def test_an_excluded_address_cannot_be_removed_since_it_cannot_be_tested(office) -> None:
    office.list_open(HOST)
    office.casework.exclude(ip_network(HOST), reason="owner", actor="operator")
    assert refusal(ask, office).reason == Refusal.EXCLUDED


def test_each_failed_request_makes_the_next_wait_longer(office) -> None:
    office.list_open(HOST)
    waits = []
    for _ in range(5):
        ask(office)
        office.test(Outcome.ACCEPTED, back=HOST)
        error = refusal(ask, office)
        assert error.reason == Refusal.RESTING
        waits.append(error.retry_after)
        standing = office.casework.look_up(ADDRESS)
        assert (standing.removal_after - office.clock.now()).total_seconds() == error.retry_after
        office.later(seconds=error.retry_after)
        assert office.casework.look_up(ADDRESS).removal_after is None
    assert waits == [3600, 21600, 86400, 86400, 86400]


def test_a_removal_whose_letters_are_still_out_counts_until_they_are_judged(office) -> None:
    office.list_open(HOST)
    ask(office)
    office.test(Outcome.ACCEPTED)
    assert refusal(ask, office).retry_after == 3600


def test_a_full_test_stays_full(office) -> None:
    office.list_open(HOST)
    with office.store.write() as tx:
        job = tx.jobs.live(ADDRESS)
        tx.jobs.advance(job, reason=job.reason, profile="full", due=job.due, provocation="x")
    assert ask(office).profile == "full"


def test_a_listed_address_without_a_queued_test_gets_one(office) -> None:
    office.list_open(HOST)
    with office.store.write() as tx:
        tx.jobs.finish(tx.jobs.live(ADDRESS))
    assert ask(office).reason is JobReason.REMOVAL


# -- exclude -----------------------------------------------------------------------------------------------------------
def test_an_exclusion_drops_queued_tests_and_keeps_listings(office) -> None:
    office.list_open(HOST)
    office.nominate("192.0.2.2")
    office.nominate("198.51.100.1")
    exclusion = office.casework.exclude(ip_network("192.0.2.0/24"), reason="asked by its owner", actor="operator")
    assert exclusion.since == office.clock.now()
    standing = office.casework.look_up(ADDRESS)
    assert (standing.state, standing.job, standing.exclusion) == (State.LISTED, None, exclusion)
    assert office.casework.look_up(ip_address("192.0.2.2")).state is State.EXCLUDED
    assert office.casework.look_up(ip_address("198.51.100.1")).state is State.QUEUED
    assert office.verbs(HOST)[-1] == "job"
    (entry,) = office.casework.journal(ip_network("192.0.2.0/24"))
    assert (entry.verb, entry.evidence) == ("excluded", "asked by its owner")


def test_an_exclusion_ends_a_run_that_waits_for_a_retry(office) -> None:
    office.nominate(HOST)
    office.test(Outcome.RCPT_4XX)
    office.casework.exclude(ip_network(HOST), reason="owner", actor="operator")
    standing = office.casework.look_up(ADDRESS)
    assert standing.runs[0].verdict is not None
    assert standing.state is State.EXCLUDED


def test_no_listing_and_no_further_test_comes_out_of_a_run_that_an_exclusion_overtook(office) -> None:
    office.nominate(HOST)
    assignment = office.take()
    office.issue(assignment)
    office.talk(assignment, Outcome.ACCEPTED)
    office.casework.exclude(ip_network("192.0.2.0/24"), reason="owner", actor="operator")
    office.casework.file_run(assignment)
    office.come_back(assignment.job.run, HOST)
    standing = office.casework.look_up(ADDRESS)
    assert (standing.listings, standing.job) == ((), None)
    entry = office.casework.journal(ADDRESS)[-1]
    assert (entry.verb, entry.reason) == ("not-listed", Reason.EXCLUDED)


# -- an operator's listings --------------------------------------------------------------------------------------------
def nets(*texts: str) -> list[Network]:
    return [ip_network(text) for text in texts]


def test_an_operators_networks_are_listed_once_and_dns_hears_of_each(office) -> None:
    listed = office.casework.list_networks(
        nets("192.0.2.0/24", "192.0.2.0/24", "2001:db8::/32"), kind="spam", reason="a ring", actor="operator"
    )
    assert listed == 2
    again = office.casework.list_networks(nets("192.0.2.0/24"), kind="spam", reason="again", actor="operator")
    assert again == 0
    assert [(str(c.network), c.kind, c.present) for c in office.casework.changes(0)] == [
        ("192.0.2.0/24", "spam", True),
        ("2001:db8::/32", "spam", True),
    ]
    (entry,) = office.casework.journal()
    assert (entry.subject, entry.after, entry.evidence) == ("list", "2 networks listed spam", "changes 1-2: a ring")


def test_the_one_network_that_is_new_in_a_batch_names_the_entry(office) -> None:
    office.casework.list_networks(nets("192.0.2.7"), kind="spam", reason="x", actor="operator")
    office.casework.list_networks(nets("192.0.2.7", "192.0.2.8"), kind="spam", reason="x", actor="operator")
    assert [entry.subject for entry in office.casework.journal()] == ["192.0.2.7", "192.0.2.8"]


def test_one_network_is_journalled_under_its_own_name(office) -> None:
    office.casework.list_networks(nets("192.0.2.7"), kind="spam", reason="x", actor="operator")
    office.casework.drop_networks(nets("192.0.2.7"), kind="spam", reason="y", actor="operator")
    listed, dropped = office.casework.journal(ip_address("192.0.2.7"))
    assert (listed.verb, listed.after) == ("listed", "listed spam")
    assert (dropped.verb, dropped.before, dropped.after) == ("dropped", "listed spam", "not listed")
    assert dropped.evidence == "changes 2-2: y"


@pytest.mark.parametrize("kind", ["relay", "multihop", "", "Spam", "a b", "9", "x" * 33, "x\n"])
def test_an_operator_lists_under_no_kind_that_proof_fills_nor_under_a_malformed_one(office, kind: str) -> None:
    error = refusal(office.casework.list_networks, nets("192.0.2.0/24"), kind=kind, reason="x", actor="operator")
    assert error.reason == Refusal.WRONG_KIND
    assert office.casework.changes(0) == []


@pytest.mark.parametrize("wide", ["0.0.0.0/0", "10.0.0.0/15", "::/0", "2001:db8::/31"])
def test_a_network_that_is_too_wide_takes_the_whole_batch_down(office, wide: str) -> None:
    batch = nets("192.0.2.0/24", wide, "198.51.100.0/24")
    error = refusal(office.casework.list_networks, batch, kind="spam", reason="x", actor="operator")
    assert error.reason == Refusal.TOO_WIDE
    assert office.casework.look_up(ADDRESS).listings == ()
    assert office.casework.journal() == []


def test_a_batch_that_breaks_off_in_the_middle_lists_nothing(office) -> None:
    def broken() -> Iterator[Network]:
        yield from (ip_network(f"10.{n >> 8}.{n & 255}.0/24") for n in range(5500))
        raise ValueError("line 5501 is no network")

    with pytest.raises(ValueError, match="line 5501"):
        office.casework.list_networks(broken(), kind="spam", reason="x", actor="operator")
    assert office.casework.changes(0) == []
    assert list(office.casework.snapshot()[1]) == []


def test_six_thousand_networks_stream_through_in_one_transaction(office) -> None:
    networks = [ip_network((0x0A000000 + n * 256, 24)) for n in range(6000)]
    assert office.casework.list_networks(iter(networks), kind="spam", reason="x", actor="operator") == 6000
    assert [change.seq for change in office.casework.changes(5990)] == list(range(5991, 6001))
    number, rows = office.casework.snapshot()
    assert number == 6000
    assert list(Table.of(rows).rows()) == [(network, "spam") for network in networks]
    assert len(office.casework.journal()) == 1
    assert office.casework.drop_networks(iter(networks), kind="spam", reason="x", actor="operator") == 6000
    assert list(office.casework.snapshot()[1]) == []


def test_dropping_what_is_not_listed_drops_nothing(office) -> None:
    office.casework.list_networks(nets("192.0.2.0/24"), kind="spam", reason="x", actor="operator")
    batch = nets("192.0.2.0/24", "192.0.2.0/25")
    error = refusal(office.casework.drop_networks, batch, kind="spam", reason="x", actor="operator")
    assert error.reason == Refusal.NOT_LISTED
    assert "192.0.2.0/25 is not listed as spam" in str(error)
    assert office.casework.look_up(ADDRESS).state is State.LISTED


def test_an_operator_may_take_any_address_off_and_its_retest_goes_too(office) -> None:
    office.list_open(HOST)
    assert office.casework.drop_networks(nets(HOST), kind="relay", reason="mistake", actor="operator") == 1
    standing = office.casework.look_up(ADDRESS)
    assert (standing.listings, standing.job) == ((), None)
    assert standing.past[0].end_reason is Reason.OPERATOR
    assert office.casework.changes(1)[0].present is False


def test_listing_or_dropping_nothing_is_done_in_silence(office) -> None:
    assert office.casework.list_networks([], kind="spam", reason="x", actor="operator") == 0
    assert office.casework.drop_networks([], kind="spam", reason="x", actor="operator") == 0
    assert office.casework.journal() == []
