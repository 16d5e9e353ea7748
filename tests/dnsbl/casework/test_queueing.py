"""Which tests are to be made: queued for now, pulled forward, following a run, and dropped with their listing."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address, ip_network
from itertools import count

import pytest

from dnsbl.casework.queueing import Queueing, begun, refuse_excluded
from dnsbl.errors import Refused
from dnsbl.model import FollowUp, Job
from dnsbl.vocabulary import Extent, JobReason, Refusal
from tester.paths import path
from tester.smtp import Outcome

HOST = "192.0.2.1"
ADDRESS = ip_address(HOST)


@pytest.fixture
def queueing(office) -> Queueing:
    numbers = count(1)
    return Queueing(2525, lambda size: next(numbers).to_bytes(size, "big"))


def ask(office, queueing: Queueing, job: Job | None, reason: JobReason = JobReason.OPERATOR) -> Job:
    with office.store.write() as tx:
        return queueing.at_once(
            tx, job, ADDRESS, reason=reason, profile="full", provocation="why", actor="somebody", now=office.clock.now()
        )


def live(office, host: str = HOST) -> Job | None:
    with office.store.read() as tx:
        return tx.jobs.live(ip_address(host))


def test_a_new_test_is_due_now_at_the_port_of_the_settings_under_a_run_of_its_own(office, queueing: Queueing) -> None:
    job = ask(office, queueing, None)
    assert (job.port, job.due, job.profile, job.provocation) == (2525, office.clock.now(), "full", "why")
    assert (job.run, begun(job)) == ("aaaaaaaaaaaaaaab", False)
    (entry,) = office.casework.operators.journal(ADDRESS)
    assert (entry.actor, entry.verb, entry.reason, entry.evidence) == ("somebody", "job", "operator", "why")
    assert (entry.before, entry.after) == ("", "queued for 2026-01-01T00:00:00Z")


def test_a_queued_test_is_pulled_forward_and_says_what_it_was(office, queueing: Queueing) -> None:
    run = office.list_open(HOST)
    waits = live(office)
    assert waits is not None and waits.due > office.clock.now()
    pulled = ask(office, queueing, waits, JobReason.REMOVAL)
    assert pulled == live(office)
    assert (pulled.id, pulled.reason, pulled.due) == (waits.id, JobReason.REMOVAL, office.clock.now())
    assert pulled.run not in (run.id, "aaaaaaaaaaaaaaab"), "it keeps the run that it was queued for"
    entry = office.casework.operators.journal(ADDRESS)[-1]
    assert entry.before == f"queued for {waits.due:%Y-%m-%dT%H:%M:%SZ}, retest"
    assert entry.after == "queued for now"


@pytest.mark.parametrize("reason", JobReason)
def test_a_nominated_address_is_tested_at_one_door_and_who_asks_or_is_listed_as_a_whole_host(
    office, queueing: Queueing, reason: JobReason
) -> None:
    whole = {JobReason.REMOVAL, JobReason.OPERATOR, JobReason.RETEST, JobReason.PROBATION}
    wanted = Extent.HOST if reason in whole else Extent.NOMINATED
    job = ask(office, queueing, None, reason)
    assert job.extent is wanted
    assert ask(office, queueing, job, reason).extent is wanted


def test_what_follows_a_test_is_as_wide_as_it_was(office, queueing: Queueing) -> None:
    now = office.clock.now()
    for extent in Extent:
        with office.store.write() as tx:
            ways = [path(ADDRESS, 587)] if extent is Extent.CHOSEN else []
            job = queueing.add(
                tx,
                ADDRESS,
                port=2525,
                reason=JobReason.NOMINATION,
                profile="standard",
                due=now,
                provocation="x",
                actor="x",
                now=now,
                rank=1,
                extent=extent,
                paths=ways,
            )
            run = tx.runs.begin(job, now)
            tx.jobs.finish(job)
            queueing.follow(tx, run, FollowUp(reason=JobReason.REPEAT, due=now, profile="standard"), now)
            following = tx.jobs.live(ADDRESS)
            assert following is not None
            assert (following.extent, [one.path for one in tx.paths.of(following.run)]) == (extent, ways)
            tx.jobs.finish(following)


def test_a_test_of_chosen_ways_in_is_of_these_alone(office, queueing: Queueing) -> None:
    ways = [path(ADDRESS, 587), path(ADDRESS, 465)]
    with office.store.write() as tx:
        job = queueing.at_once(
            tx,
            None,
            ADDRESS,
            reason=JobReason.OPERATOR,
            profile="full",
            provocation="why",
            actor="somebody",
            now=office.clock.now(),
            paths=ways,
        )
    assert job.extent is Extent.CHOSEN
    assignment = office.take()
    assert assignment.paths == tuple(ways)
    with pytest.raises(ValueError, match="not of"):
        office.casework.assignments.file_letters(assignment, [], path(ADDRESS, 25))


def test_a_test_that_is_overdue_is_not_put_off_by_being_pulled(office, queueing: Queueing) -> None:
    due = office.nominate(HOST).due
    office.later(hours=1)
    assert ask(office, queueing, live(office)).due == due


def test_what_follows_a_run_waits_for_its_day_and_gives_way_to_a_test_or_a_wish(office, queueing: Queueing) -> None:
    run = office.list_open(HOST)
    further = FollowUp(reason=JobReason.RETEST, due=office.clock.now() + timedelta(days=3), profile="standard")
    planned = live(office)
    with office.store.write() as tx:
        queueing.follow(tx, run, further, office.clock.now())
        assert tx.jobs.live(ADDRESS) == planned, "one is queued already"
        tx.jobs.finish(planned)
        queueing.follow(tx, run, further, office.clock.now())
        queued = tx.jobs.live(ADDRESS)
        assert (queued.due, queued.provocation) == (further.due, "retest of a listed address")
    office.casework.operators.exclude(ip_network(HOST), reason="asked", actor="operator")
    with office.store.write() as tx:
        queueing.follow(tx, run, further, office.clock.now())
        assert tx.jobs.live(ADDRESS) is None, "its owner wants none"
        with pytest.raises(Refused, match="is not tested") as caught:
            refuse_excluded(tx, ADDRESS, "us@list.example")
    assert caught.value.reason is Refusal.EXCLUDED


def drop(office, queueing: Queueing, network: str) -> None:
    with office.store.write() as tx:
        queueing.drop_planned(tx, [ip_network(network)])


def test_a_planned_retest_goes_with_the_listing_of_its_very_address_alone(office, queueing: Queueing) -> None:
    office.list_open("192.0.2.0")
    drop(office, queueing, "192.0.2.0/24")
    assert office.casework.views.look_up(ip_address("192.0.2.0")).job.reason is JobReason.RETEST
    drop(office, queueing, "192.0.2.0/32")
    assert office.casework.views.look_up(ip_address("192.0.2.0")).job is None


def test_a_retest_that_has_begun_is_held_to_its_end_though_the_listing_is_gone(office, queueing: Queueing) -> None:
    office.list_open(HOST)
    office.later(days=14)
    run = office.test(Outcome.RCPT_4XX)
    assert live(office).takes == 1
    drop(office, queueing, HOST)
    assert live(office).run == run.id


def test_a_test_whose_letters_somebody_else_sends_is_in_no_queue(office, queueing: Queueing) -> None:
    now = office.clock.now()
    with office.store.write() as tx:
        run = queueing.elsewhere(
            tx,
            ADDRESS,
            reason=JobReason.REMOTE,
            profile="basic",
            provocation="nomination 7",
            whose="reporter ann",
            ends=now + timedelta(hours=1),
            now=now,
        )
        job = tx.jobs.of_run(run.id)
        assert job is not None and (job.whose, job.port) == ("reporter ann", 2525)
        assert [report.path.port for report in tx.paths.of(run.id)] == [2525]
        assert tx.runs.over(now + timedelta(hours=1), most=9) == [run.id]
    assert live(office) is None
