"""What strangers ask for: taken with a journal entry, or refused with one sentence and a named reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address, ip_network

import pytest
from sqlalchemy import text

from dnsbl.casework.base import Asker
from dnsbl.casework.queueing import OWNER
from dnsbl.errors import Refused
from dnsbl.model import ASKED, Job, Nomination
from dnsbl.vocabulary import Door, JobReason, JobState, Reason, Refusal
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
    nominated, queued = office.casework.operators.journal(ADDRESS)
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
    office.casework.doors.ask_removal(ADDRESS, door=Door.WEB, actor="owner")
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
    office.casework.operators.list_networks([ip_network(HOST)], kind="spam", reason="x", actor="operator")
    assert office.nominate(HOST).reason is JobReason.NOMINATION


def test_an_excluded_network_is_not_nominated_and_nothing_is_stored(office) -> None:
    office.casework.operators.exclude(ip_network("192.0.2.0/24"), reason="owner", actor="operator")
    assert refusal(office.nominate, HOST).reason == Refusal.EXCLUDED
    with office.store.read() as tx:
        assert tx.connection.execute(text("SELECT count(*) FROM evidence")).scalar() == 0


def test_text_from_strangers_breaks_no_driver(office) -> None:
    job = office.nominate(HOST, reason="\0\udcff")
    assert job.id == 1


# -- ask_removal -------------------------------------------------------------------------------------------------------
def ask(office):
    return office.casework.doors.ask_removal(ADDRESS, door=Door.WEB, actor="198.51.100.0/24")


def test_the_first_request_for_removal_pulls_the_retest_to_now(office) -> None:
    office.list_open(HOST)
    retest = office.casework.views.look_up(ADDRESS).job
    job = ask(office)
    assert (job.id, job.reason, job.profile) == (retest.id, JobReason.REMOVAL, "standard")
    assert job.due == office.clock.now()
    asked = office.casework.operators.journal(ADDRESS)[-2]
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
    office.casework.operators.list_networks([ip_network(HOST)], kind="spam", reason="x", actor="operator")
    error = refusal(ask, office)
    assert error.reason == Refusal.NOT_LISTED
    assert str(error) == (
        f"{HOST} is not listed for relaying; an operator has listed it as spam, which no retest ends: please write to "
        f"{office.settings.service.contact}."
    )


def test_an_excluded_address_cannot_be_removed_since_it_cannot_be_tested(office) -> None:
    office.list_open(HOST)
    office.casework.operators.exclude(ip_network(HOST), reason="owner", actor="operator")
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
        asker = Asker.of(Door.WEB, "198.51.100.0/24", control=False)
        standing = office.casework.views.look_up(ADDRESS, asker=asker)
        assert (standing.removal_after - office.clock.now()).total_seconds() == error.retry_after
        office.later(seconds=error.retry_after)
        assert office.casework.views.look_up(ADDRESS, asker=asker).removal_after is None
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
        tx.jobs.advance(job, reason=job.reason, profile="full", due=job.due, provocation="x", extent=job.extent)
    assert ask(office).profile == "full"


def test_a_listed_address_without_a_queued_test_gets_one(office) -> None:
    office.list_open(HOST)
    with office.store.write() as tx:
        tx.jobs.finish(tx.jobs.live(ADDRESS))
    assert ask(office).reason is JobReason.REMOVAL


def asks(office, network: str, *, control: bool = False, door: Door = Door.WEB):
    return office.casework.doors.ask_removal(ADDRESS, door=door, actor=network, control=control)


def fail(office, network: str, **words: object) -> None:
    asks(office, network, **words)
    assert office.test(Outcome.ACCEPTED, back=HOST).verdict == "OPEN"


def test_one_strangers_failed_request_makes_nobody_else_wait(office) -> None:
    office.list_open(HOST)
    fail(office, "198.51.100.0/24")
    assert refusal(asks, office, "198.51.100.0/24").retry_after == 3600
    assert asks(office, "203.0.113.0/24").reason is JobReason.REMOVAL
    office.test(REFUSED)
    assert office.casework.views.look_up(ADDRESS).listings == ()


def test_who_asks_from_the_address_waits_for_his_own_requests_alone(office) -> None:
    office.list_open(HOST)
    for n in range(office.settings.policy.removals_day):
        fail(office, f"{n + 1}.0.0.0/24")
    error = refusal(asks, office, "99.0.0.0/24")
    assert (error.reason, error.retry_after) == (Refusal.RESTING, 86400 - 80)
    assert "Strangers have had 192.0.2.1 retested as often as they may in a day" in str(error)
    fail(office, "192.0.2.0/24", control=True)
    assert refusal(asks, office, "192.0.2.0/24", control=True).retry_after == 3600
    fail(office, "operator", door=Door.CLI)
    office.later(hours=1)
    assert asks(office, "192.0.2.0/24", control=True).rank == ASKED
    with office.store.read() as tx:
        assert tx.removals.failed(ADDRESS, office.clock.now() - timedelta(days=1), OWNER)


def test_a_region_has_a_part_of_a_days_requests(office) -> None:
    office.list_open(HOST)
    for n in range(2):
        fail(office, f"2a00:0:{n}::/48")
    assert "as often as they may" in str(refusal(asks, office, "2a00:0:3::/48"))
    assert asks(office, "2a01::/48").reason is JobReason.REMOVAL


def test_who_joins_a_retest_that_has_not_begun_has_asked_for_it_once(office) -> None:
    office.list_open(HOST)
    first = asks(office, "198.51.100.0/24")
    for _ in range(3):
        assert asks(office, "203.0.113.0/24") == first
    assert office.verbs(HOST).count("asked-removal") == 2
    office.test(Outcome.ACCEPTED, back=HOST)
    assert refusal(asks, office, "203.0.113.0/24").retry_after == 3600


def test_a_retest_that_had_begun_before_he_asked_is_not_his(office) -> None:
    office.list_open(HOST)
    asks(office, "198.51.100.0/24")
    assignment = office.take()
    office.issue(assignment)
    asks(office, "203.0.113.0/24")
    office.talk(assignment, Outcome.ACCEPTED)
    office.come_back(assignment.job.run, HOST)
    assert office.casework.assignments.file_run(assignment).verdict == "OPEN"
    assert asks(office, "203.0.113.0/24").reason is JobReason.REMOVAL


# -- what is too much --------------------------------------------------------------------------------------------------
def test_what_is_refused_as_too_much_leaves_nothing_in_the_store(make_office) -> None:
    office = make_office(policy={"nominations_queued": 90})
    for n in range(2):
        office.nominate(f"192.0.2.{n}", evidence=b"%d" % n)
    error = refusal(office.nominate, "192.0.2.9", evidence=b"unseen")
    assert (error.reason, error.retry_after) == (Refusal.TOO_MANY, 3600)
    assert "tests wait in 192.0.2.0/24" in str(error)
    assert office.verbs("192.0.2.9") == []
    with office.store.read() as tx:
        assert tx.connection.execute(text("SELECT count(*) FROM evidence")).scalar() == 2


def test_a_removal_is_taken_whatever_waits(make_office) -> None:
    office = make_office(policy={"nominations_queued": 1})
    office.list_open(HOST)
    office.nominate("192.0.2.7")
    assert refusal(office.nominate, "198.51.100.7").reason == Refusal.TOO_MANY
    assert office.take().job.rank > ASKED
    office.nominate("198.51.100.7")
    job = asks(office, "203.0.113.0/24")
    assert job.rank == ASKED
    assert office.take().job.id == job.id, "it comes before what has waited longer"


def test_what_the_server_put_off_for_somebody_elses_request_goes_on_soon_when_its_owner_asks(office) -> None:
    office.list_open(HOST)
    office.later(days=1)
    doors, address = office.casework.doors, ADDRESS
    doors.ask_removal(address, door=Door.WEB, actor="198.51.100.0/24")
    assignment = office.casework.assignments.take_job("w1")
    office.issue(assignment)
    office.talk(assignment, Outcome.EARLY_421)
    office.casework.assignments.file_run(assignment)
    put_off = doors.ask_removal(address, door=Door.WEB, actor="198.51.100.0/24").due - office.clock.now()
    assert put_off > timedelta(hours=20)
    job = doors.ask_removal(address, door=Door.WEB, actor="192.0.2.0/24", control=True)
    assert job.due - office.clock.now() == timedelta(minutes=6)
    assert [entry.after for entry in office.casework.operators.journal(ADDRESS) if entry.verb == "job"][-1].startswith(
        "queued for"
    )
    office.later(minutes=6)
    assert office.casework.assignments.take_job("w1") is not None


# -- listed, and excluded from tests ----------------------------------------------------------------------------------
def listed_and_excluded(office) -> None:
    office.list_open(HOST)
    office.later(hours=1)
    office.casework.operators.exclude(ip_network(f"{HOST}/32"), reason="asked", actor="operator")
    office.later(hours=1)


def test_a_stranger_is_told_the_truth_about_a_listed_address_that_is_not_tested_and_the_ways_off(office) -> None:
    listed_and_excluded(office)
    error = refusal(ask, office)
    assert error.reason == Refusal.EXCLUDED
    for word in ("is listed", f"{HOST}/32 is not tested", "from the address itself", office.settings.service.contact):
        assert word in str(error)
    assert "ends by itself at 2026-" in str(error)


def owner(office) -> Job:
    return office.casework.doors.ask_removal(ip_address(HOST), door=Door.WEB, actor=HOST, control=True)


def test_whoever_asks_from_an_excluded_address_has_it_retested_once_and_removed(office) -> None:
    listed_and_excluded(office)
    owner(office)
    assignment = office.take()
    assert office.casework.assignments.may_dial(assignment)
    assert office.casework.assignments.may_dial(assignment, ip_address(HOST))
    assert office.casework.assignments.opted_out([ip_address(HOST)]) == []
    office.issue(assignment)
    office.talk(assignment, Outcome.RCPT_5XX)
    office.casework.assignments.file_run(assignment)
    found = office.casework.views.look_up(ip_address(HOST))
    assert (found.listings, found.job) == ((), None), "removed, and no surprise follows where tests are not wanted"
    office.later(days=40)
    assert office.casework.assignments.take_job("w") is None


def test_an_excluded_relay_that_is_still_open_stays_listed_and_is_not_tested_again(office) -> None:
    listed_and_excluded(office)
    owner(office)
    office.test(Outcome.ACCEPTED, back=HOST)
    found = office.casework.views.look_up(ip_address(HOST))
    assert found.listings
    assert found.job is None


def test_an_exclusion_that_comes_after_the_request_ends_the_test(office) -> None:
    office.list_open(HOST)
    office.later(hours=1)
    owner(office)
    assignment = office.take()
    office.later(seconds=1)
    office.casework.operators.exclude(ip_network(f"{HOST}/32"), reason="asked", actor="operator")
    assert not office.casework.assignments.may_dial(assignment)
    assert office.casework.assignments.opted_out([ip_address(HOST)]) == [ip_address(HOST)]


def test_a_door_that_settings_close_takes_no_nomination_and_operators_always_may(make_office) -> None:
    office = make_office(policy={"nominators": ["mail"]})
    error = refusal(office.nominate, HOST)
    assert (error.reason, "the ways are: mail" in str(error)) == (Refusal.OFF, True)
    nomination = Nomination(address=ip_address(HOST), door=Door.CLI, nominator="operator", reason="x", evidence=None)
    assert office.casework.doors.nominate(nomination)


# -- other ways off the list -------------------------------------------------------------------------------------------
def ask_off(office, *, door: Door = Door.WEB, **how: bool) -> Job | None:
    return office.casework.doors.ask_removal(ADDRESS, door=door, actor="somebody", **how)


def listed(office) -> bool:
    return bool(office.casework.views.look_up(ADDRESS).listings)


def test_a_request_alone_ends_a_listing_where_settings_say_so_and_we_come_back_by_surprise(make_office) -> None:
    office = make_office(policy={"removal": "request"})
    office.list_open(HOST)
    assert ask_off(office) is None
    assert not listed(office)
    entry = next(e for e in office.casework.operators.journal(ADDRESS) if e.verb == "delisted")
    assert (entry.actor, entry.reason, entry.before) == ("web somebody", Reason.REMOVED, "listed relay")
    assert [change.present for change in office.casework.contents.changes(0)] == [True, False]
    office.later(days=4)
    assert office.take().job.reason is JobReason.PROBATION
    assert refusal(ask_off, office).reason is Refusal.NOT_LISTED


def test_the_owners_word_ends_it_and_nobody_elses_is_taken(make_office) -> None:
    office = make_office(policy={"removal": "owner"})
    office.list_open(HOST)
    for door in (Door.WEB, Door.API, Door.MAIL):
        refused = refusal(ask_off, office, door=door)
        assert refused.reason is Refusal.NOT_SHOWN
        assert f"/control?address={HOST}" in str(refused)
    assert listed(office)
    assert ask_off(office, control=True, shown=True) is None
    assert not listed(office)


def test_an_owners_retest_is_his_to_ask_for_and_an_operators(make_office) -> None:
    office = make_office(policy={"removal": "owner-retest"})
    office.list_open(HOST)
    assert refusal(ask_off, office).reason is Refusal.NOT_SHOWN
    assert listed(office)
    assert ask_off(office, door=Door.CLI).reason is JobReason.REMOVAL


def test_a_request_that_ends_a_listing_needs_no_test_so_that_who_is_excluded_gets_off_too(make_office) -> None:
    office = make_office(policy={"removal": "request"})
    office.list_open(HOST)
    office.casework.operators.exclude(ip_network("192.0.2.0/24"), reason="x", actor="operator")
    assert ask_off(office) is None
    assert not listed(office)
    with office.store.read() as tx:
        assert tx.jobs.live(ADDRESS) is None, "and is not tested afterwards"


@pytest.mark.parametrize("removal", ["request", "retest"])
def test_who_keeps_coming_back_waits_longer_each_time_but_for_operators(make_office, removal: str) -> None:
    office = make_office(policy={"removal": removal, "relapse_waits": [0, 3600, 86400], "rest_days": 0})

    def off(**how: object) -> None:
        if ask_off(office, **how) is not None:
            office.test(REFUSED)

    office.list_open(HOST)
    off()
    for wait in (3600, 86400, 86400):
        office.later(days=1)
        office.list_open(HOST)
        refused = refusal(ask_off, office, control=True)
        assert (refused.reason, refused.retry_after) == (Refusal.RESTING, wait)
        assert "before" in str(refused)
        assert office.casework.views.look_up(ADDRESS).removal_after is not None
        office.later(seconds=wait)
        off()
        assert not listed(office)
    office.later(days=1)
    office.list_open(HOST)
    off(door=Door.CLI)
    assert not listed(office)


def test_a_retest_is_held_on_a_day_that_is_drawn_and_that_asking_again_does_not_move(make_office) -> None:
    office = make_office(policy={"removal_delay_days": [1, 5]})
    office.list_open(HOST)
    job = ask_off(office)
    assert timedelta(days=1) <= job.due - office.clock.now() <= timedelta(days=5)
    office.later(hours=1)
    assert ask_off(office).due == ask_off(office, control=True).due == job.due
    standing = office.casework.views.look_up(ADDRESS)
    assert (standing.next_test, standing.job.reason) == (None, JobReason.REMOVAL)
    office.later(days=5)
    assert office.take().job.run == job.run


def test_in_one_queue_who_nominates_a_listed_address_asks_for_its_retest(make_office) -> None:
    office = make_office(policy={"one_queue": True})
    office.list_open(HOST)
    office.later(days=8)
    first, again = office.nominate("192.0.2.2"), office.nominate(HOST)
    assert (again.reason, again.rank) == (JobReason.REMOVAL, first.rank)
    assert again.rank > ASKED
    assert office.nominate(HOST).run == again.run


def test_in_one_queue_a_closed_door_is_closed_for_those_on_the_list_too(make_office) -> None:
    office = make_office(policy={"one_queue": True, "nominators": ["mail"]})
    nomination = Nomination(address=ADDRESS, door=Door.MAIL, nominator="x", reason="", evidence=b"spam")
    office.casework.doors.nominate(nomination)
    office.test(Outcome.ACCEPTED, back=HOST)
    assert refusal(office.nominate, HOST).reason is Refusal.OFF


def test_an_operator_at_his_shell_is_told_that_a_test_needs_no_rest_and_a_stranger_is_not(office) -> None:
    office.nominate(HOST)
    office.test(Outcome.RCPT_5XX)
    for door, told in ((Door.CLI, True), (Door.WEB, False)):
        again = Nomination(address=ADDRESS, door=door, nominator="somebody", reason="x", evidence=b"spam")
        error = refusal(office.casework.doors.nominate, again)
        assert error.reason == Refusal.RESTING
        assert (f"; `dnsbl test {HOST}` tests it now." in str(error)) is told
