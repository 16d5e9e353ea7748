"""What a worker does: leases, letters before the dialling, transcripts, retries, and the end of a take."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address, ip_network

import pytest

from dnsbl.casework.assignments import MOST_LOST
from dnsbl.errors import Damaged, NotFound
from dnsbl.model import Crowded
from dnsbl.vocabulary import Door, JobReason, JobState, RunState, State
from tester import vectors
from tester.smtp import Control, Outcome, Result, Transcript
from tester.verdict import Finding, Verdict

HOST = "192.0.2.1"
ADDRESS = ip_address(HOST)


def test_no_job_is_taken_before_its_time(office) -> None:
    assert office.casework.assignments.take_job("w") is None
    office.list_open(HOST)
    assert office.casework.assignments.take_job("w") is None
    office.later(days=14)
    assert office.take().job.reason is JobReason.RETEST


def test_the_first_take_opens_the_run(office) -> None:
    job = office.nominate(HOST)
    assignment = office.take()
    assert (assignment.job.id, assignment.job.state, assignment.worker) == (job.id, JobState.RUNNING, "w1")
    assert assignment.letters == ()
    run = office.casework.views.run_report(job.run).run
    assert (run.state, run.reason, run.profile) == (RunState.OPEN, JobReason.NOMINATION, "standard")
    assert run.started == office.clock.now()
    entry = office.casework.operators.journal(ADDRESS)[-1]
    assert (entry.actor, entry.verb, entry.before, entry.after) == ("worker w1", "job", "queued", "running")
    assert entry.evidence == f"run {job.run}"


def test_a_full_neighbourhood_is_left_alone(office) -> None:
    def take(full: str):
        return office.casework.assignments.take_job("w", full=Crowded(networks=frozenset({ip_network(full)})))

    office.nominate(HOST)
    assert take("192.0.2.0/24") is None
    assert take("198.51.100.0/24") is not None


def test_who_has_found_all_that_is_due_to_be_full_takes_no_turn_to_find_it_once_more(
    office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take(*full: str):
        networks = frozenset(map(ip_network, full))
        return office.casework.assignments.take_job("w", full=Crowded(networks=networks))

    office.nominate(HOST)
    assert take("192.0.2.0/24") is None
    with monkeypatch.context() as still:
        still.setattr(type(office.store), "write", None)
        for _ in range(3):
            assert take("192.0.2.0/24") is None
    assert take() is not None, "as soon as there is room"


def test_a_killed_workers_job_comes_back_after_its_lease_with_the_same_letters(office) -> None:
    office.nominate(HOST)
    dead = office.take()
    office.issue(dead)
    office.later(seconds=299)
    assert office.casework.assignments.take_job("heir") is None
    office.later(seconds=2)
    heir = office.casework.assignments.take_job("heir")
    assert heir.job.run == dead.job.run
    assert [fate.letter.vector for fate in heir.letters] == [
        v.id for v in vectors.profile("standard") if not v.stranger
    ]
    assert heir.guises == dead.guises, "and as the same strangers"
    assert office.casework.operators.journal(ADDRESS)[-1].before == "interrupted"
    assert office.casework.views.run_report(dead.job.run).run.state is RunState.OPEN


def test_a_worker_that_lost_its_lease_files_no_letters_and_ends_nothing_but_its_transcript_is_kept(office) -> None:
    office.nominate(HOST)
    slow = office.take()
    office.issue(slow)
    office.later(seconds=301)
    office.casework.assignments.take_job("heir")
    assert not office.casework.assignments.renew_lease(slow)
    with pytest.raises(NotFound, match="gone to another worker"):
        office.issue(slow)
    office.talk(slow, Outcome.RCPT_5XX)
    assert office.casework.assignments.file_run(slow).state is RunState.OPEN
    assert len(office.casework.views.run_report(slow.job.run).transcripts) == 1
    assert office.casework.views.look_up(ADDRESS).state is State.TESTING


def test_a_renewed_lease_keeps_the_job(office) -> None:
    office.nominate(HOST)
    assignment = office.take()
    office.later(seconds=299)
    assert office.casework.assignments.renew_lease(assignment)
    office.later(seconds=299)
    assert office.casework.assignments.take_job("heir") is None


def test_a_job_that_takes_every_worker_down_is_given_up(office) -> None:
    office.nominate(HOST)
    for _ in range(MOST_LOST):
        office.take()
        office.later(seconds=301)
    assert office.casework.assignments.take_job("w") is None
    standing = office.casework.views.look_up(ADDRESS)
    assert (standing.last_verdict, standing.state) == (Verdict.INCONCLUSIVE, State.UNTESTABLE)
    assert [e.after for e in office.casework.operators.journal(ADDRESS) if e.verb == "job"][-1] == "given up"


def test_a_letter_for_anything_but_the_job_is_not_filed(office) -> None:
    office.nominate(HOST)
    assignment = office.take()
    office.issue(assignment)
    letter = office.issued(assignment.job.run)
    for wrong in (
        replace(letter, run="other"),
        replace(letter, address=ip_address("192.0.2.2")),
        replace(letter, port=26),
    ):
        with pytest.raises(ValueError, match="another run, address or port"):
            office.casework.assignments.file_letters(assignment, [wrong])


def test_a_session_tells_each_letter_what_was_said_and_when_its_dot_went_out(office) -> None:
    office.nominate(HOST)
    assignment = office.take()
    office.issue(assignment)
    office.talk(assignment, lambda vector: Outcome.ACCEPTED if vector == "S01" else Outcome.RCPT_5XX)
    first, second, *_ = office.letters(assignment.job.run)
    assert (first.outcome, first.reply) == (Outcome.ACCEPTED, "the answer to S01")
    assert first.dot_at == office.clock.now().timestamp() + 2.5
    assert (second.outcome, second.dot_at) == (Outcome.RCPT_5XX, None)
    entry = office.casework.operators.journal(ADDRESS)[-1]
    assert (entry.verb, entry.actor) == ("session", "worker w1")
    assert entry.after.startswith("S01:ACCEPTED S10:RCPT_5XX")


def test_a_later_session_takes_no_acceptance_back_and_an_attempt_not_made_takes_back_nothing(office) -> None:
    office.nominate(HOST)
    assignment = office.take()
    office.issue(assignment)
    office.talk(assignment, lambda vector: Outcome.ACCEPTED if vector == "S01" else Outcome.RCPT_4XX)
    office.talk(assignment, Outcome.UNTRIED)
    outcomes = {letter.outcome for letter in office.letters(assignment.job.run)}
    assert outcomes == {Outcome.ACCEPTED, Outcome.RCPT_4XX}
    office.talk(assignment, Outcome.CONN_TIMEOUT)
    outcomes = {letter.outcome for letter in office.letters(assignment.job.run)}
    assert outcomes == {Outcome.ACCEPTED, Outcome.CONN_TIMEOUT}


def test_a_session_without_attempts_is_kept_and_tokens_of_other_runs_are_passed_over(office) -> None:
    office.nominate(HOST)
    first = office.take()
    office.issue(first)
    stolen = office.letters(first.job.run)[0].letter.recipient
    office.nominate("192.0.2.2")
    second = office.take()
    result = Result(vector="S01", token=stolen, outcome=Outcome.ACCEPTED, stage="OK")
    for results in ((), (result,)):
        transcript = Transcript(target="192.0.2.2", port=25, source="", started=0.0, results=results)
        office.casework.assignments.file_session(second, transcript)
    assert office.letters(first.job.run)[0].outcome is None
    afters = [e.after for e in office.casework.operators.journal(ip_address("192.0.2.2")) if e.verb == "session"]
    assert afters == ["nothing tried", "S01:ACCEPTED"]


def test_the_last_conversation_of_a_take_can_be_filed_with_its_end(office) -> None:
    office.nominate(HOST)
    first = office.take()
    office.issue(first)
    results = [
        Result(vector=fate.letter.vector, token=fate.letter.recipient, outcome=Outcome.RCPT_4XX, stage="TO")
        for fate in office.letters(first.job.run)
    ]
    talk = Transcript(target=HOST, port=25, source="", started=0.0, results=tuple(results))
    office.casework.assignments.file_session(first, talk, over=True)
    assert office.casework.views.look_up(ADDRESS).state is State.QUEUED, "it was put off"
    office.later(seconds=360)
    second = office.take()
    refused = tuple(replace(result, outcome=Outcome.RCPT_5XX) for result in results)
    talk = replace(talk, results=refused, control=Control.ACCEPTED)
    office.casework.assignments.file_session(first, talk, over=True)
    assert run_state(office) is RunState.OPEN, "a take that was lost ends nothing"
    office.casework.assignments.file_session(second, talk, over=True)
    assert office.casework.views.look_up(ADDRESS).last_verdict is Verdict.CLOSED


def run_state(office) -> RunState:
    return office.casework.views.look_up(ADDRESS).runs[0].state


# -- retries -----------------------------------------------------------------------------------------------------------
def test_greylisting_is_retried_three_times_in_the_same_run_with_the_same_letters(office) -> None:
    office.nominate(HOST)
    tokens, waits = [], []
    for _ in range(3):
        run = office.test(Outcome.RCPT_4XX)
        assert run.state is RunState.OPEN
        standing = office.casework.views.look_up(ADDRESS)
        assert standing.state is State.QUEUED
        waits.append((standing.next_test - office.clock.now()).total_seconds())
        tokens.append([fate.letter.recipient for fate in office.letters(run.id)])
        office.clock.turn(seconds=waits[-1])
    run = office.test(Outcome.RCPT_4XX)
    assert waits == [360, 1800, 14400]
    assert tokens[0] == tokens[1] == tokens[2]
    assert (run.state, run.verdict) == (RunState.SETTLED, Verdict.CLOSED)


def test_a_soft_denial_is_retried_once_only(office) -> None:
    office.nominate(HOST)
    assert office.test(Outcome.RCPT_DENIED_SOFT).state is RunState.OPEN
    office.later(seconds=360)
    run = office.test(Outcome.RCPT_DENIED_SOFT)
    assert (run.state, run.verdict) == (RunState.SETTLED, Verdict.CLOSED)


def test_a_greylisting_relay_is_found_open_on_the_retry(office) -> None:
    office.nominate(HOST)
    office.test(Outcome.RCPT_4XX)
    office.later(seconds=360)
    run = office.test(Outcome.ACCEPTED, back=HOST)
    assert run.verdict is Verdict.OPEN
    assert office.casework.views.look_up(ADDRESS).state is State.LISTED


def test_nothing_is_retried_once_a_letter_has_come_back(office) -> None:
    office.nominate(HOST)
    run = office.test(
        lambda vector: Outcome.ACCEPTED if vector == "S01" else Outcome.RCPT_4XX,
        back="198.51.100.1",
    )
    assert run.state is RunState.SETTLED
    assert office.casework.views.look_up(ADDRESS).job.reason is JobReason.CONFIRM


def test_an_accepted_letter_is_waited_for_while_others_are_retried(office) -> None:
    office.nominate(HOST)
    run = office.test(lambda vector: Outcome.ACCEPTED if vector == "S01" else Outcome.RCPT_4XX)
    assert run.state is RunState.OPEN
    office.come_back(run.id, HOST)
    standing = office.casework.views.look_up(ADDRESS)
    assert (standing.state, standing.job.reason) == (State.LISTED, JobReason.RETEST)
    office.later(seconds=360)
    assert office.casework.assignments.take_job("w") is None


# -- the end of a take -------------------------------------------------------------------------------------------------
def test_a_run_with_accepted_letters_waits_for_them_and_its_address_is_free_again(office) -> None:
    office.nominate(HOST)
    started = office.clock.now()
    run = office.test(Outcome.ACCEPTED)
    assert (run.state, run.verdict) == (RunState.WAITING, None)
    assert run.ends == started + timedelta(seconds=2.5) + office.window
    standing = office.casework.views.look_up(ADDRESS)
    assert (standing.state, standing.job) == (State.PENDING, None)


def test_a_run_in_which_all_is_refused_is_settled_at_once(office) -> None:
    office.nominate(HOST)
    run = office.test(Outcome.RCPT_5XX)
    assert (run.state, run.verdict) == (RunState.SETTLED, Verdict.CLOSED)
    assert run.explanation
    assert office.casework.views.look_up(ADDRESS).state is State.CLEAR


def test_filing_the_end_twice_changes_nothing(office) -> None:
    office.nominate(HOST)
    assignment = office.take()
    office.issue(assignment)
    office.talk(assignment, Outcome.RCPT_5XX)
    first = office.casework.assignments.file_run(assignment)
    entries = len(office.casework.operators.journal())
    assert office.casework.assignments.file_run(assignment) == first
    assert len(office.casework.operators.journal()) == entries


def test_proven_tells_whether_a_letter_has_come_back(office) -> None:
    office.nominate(HOST)
    assignment = office.take()
    run = assignment.job.run
    office.issue(assignment)
    assert not office.casework.assignments.proven(run)
    office.come_back(run, HOST, message=b"Subject: no proof\r\n\r\n")
    assert not office.casework.assignments.proven(run)
    assert office.come_back(run, HOST) is Finding.DELIVERED_SAME
    assert office.casework.assignments.proven(run)
    assert not office.casework.assignments.proven("no such run")


def test_a_letter_that_comes_back_during_the_conversation_lists_at_once_and_the_worker_files_the_rest(office) -> None:
    office.nominate(HOST)
    assignment = office.take()
    run = assignment.job.run
    office.issue(assignment)
    assert office.come_back(run, HOST) is Finding.DELIVERED_SAME
    assert office.casework.views.look_up(ADDRESS).state is State.LISTED
    assert office.casework.assignments.renew_lease(assignment), "the transcript is still to be filed"
    office.talk(assignment, lambda vector: Outcome.ACCEPTED if vector == "S01" else Outcome.UNTRIED)
    assert office.casework.assignments.file_run(assignment).verdict is Verdict.OPEN
    report = office.casework.views.run_report(run)
    assert len(report.transcripts) == 1
    assert (report.letters[0].outcome, report.letters[0].finding) == (Outcome.ACCEPTED, Finding.DELIVERED_SAME)
    assert office.verbs(HOST).count("listed") == 1


def test_an_unknown_run_is_an_error_with_a_sentence(office) -> None:
    with pytest.raises(NotFound, match="There is no run 'nothing'"):
        office.casework.views.run_report("nothing")
    assert not issubclass(NotFound, Damaged)


def test_a_second_look_that_a_removal_waits_for_does_not_wait_for_the_networks_next_day(make_office) -> None:
    terms = {"lab_networks": [], "source_addresses": ["192.0.2.1", "192.0.2.2"], "per_network_day": 3}
    office = make_office(tester=terms)
    owner = ip_address("203.0.113.9")
    office.list_open(str(owner))
    office.later(days=8)
    for number in range(100, 103):
        office.nominate(f"203.0.113.{number}", evidence=b"spam%d" % number)
        office.test(Outcome.CONN_REFUSED)
    office.later(hours=1)
    office.casework.doors.ask_removal(owner, door=Door.WEB, actor="203.0.113.0/24", control=True)
    while (assignment := office.casework.assignments.take_job("w1")).job.address != owner:
        office.issue(assignment)
        office.talk(assignment, Outcome.CONN_REFUSED)
        office.casework.assignments.file_run(assignment)
    office.issue(assignment)
    office.talk(assignment, Outcome.RCPT_5XX, control=Control.ACCEPTED)
    office.casework.assignments.file_run(assignment)
    second = office.casework.assignments.take_job("w1")
    assert (second.job.address, second.job.reason) == (owner, JobReason.VANTAGE)


def test_an_address_that_names_lead_to_is_tested_only_where_it_may_be(make_office) -> None:
    office = make_office(tester={"source_addresses": ["2001:db8::2"]}, collector={"addresses": ["2001:db8::7"]})
    may_test = office.casework.assignments.may_test
    office.casework.operators.exclude(ip_network("2001:db8::5/128"), reason="asked", actor="operator")
    asked = {host: may_test(ip_address(host)) for host in ("2001:db8::1", "2001:db8::2", "2001:db8::5", "2001:db8::7")}
    assert list(asked.values()) == [True, False, False, False]
    assert not may_test(ip_address("fe80::1")) and not may_test(ip_address("::1"))


def test_an_address_is_under_test_while_a_worker_has_its_job(office) -> None:
    under_test = office.casework.assignments.under_test
    assert not under_test(ADDRESS)
    office.nominate(HOST)
    assert not under_test(ADDRESS), "it waits"
    office.take()
    assert under_test(ADDRESS)


def test_another_address_of_the_host_is_dialled_only_while_neither_has_opted_out(office) -> None:
    office.nominate(HOST)
    assignment = office.take()
    twin, may_dial = ip_address("2001:db8::1"), office.casework.assignments.may_dial
    assert may_dial(assignment, twin)
    office.casework.operators.exclude(ip_network("2001:db8::1/128"), reason="asked", actor="operator")
    assert not may_dial(assignment, twin) and may_dial(assignment)
    office.casework.operators.exclude(ip_network(f"{HOST}/32"), reason="asked", actor="operator")
    assert not may_dial(assignment, ip_address("2001:db8::9"))
