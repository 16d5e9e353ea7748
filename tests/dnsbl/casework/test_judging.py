"""From verdict to list: listing, renewing, keeping, delisting, and the test that follows."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address, ip_network

import pytest

from dnsbl.casework.base import SPECIFIC
from dnsbl.casework.queueing import Queueing
from dnsbl.dns.listed.table import Table
from dnsbl.errors import Damaged, Refused
from dnsbl.vocabulary import Door, JobReason, Reason, Refusal, RunState, State
from tester.smtp import Control, Flag, Outcome
from tester.verdict import Verdict
from tests.dnsbl.casework.test_arrivals import bounce
from tests.dnsbl.casework.test_reporters import account, bring, reporter

HOST = "192.0.2.1"
ADDRESS = ip_address(HOST)
CLOSED = Outcome.RCPT_5XX


def removal(office, says, **how):
    """The owner asks, and the test is held."""
    office.casework.doors.ask_removal(ADDRESS, door=Door.WEB, actor="owner")
    return office.test(says, **how)


def standing(office):
    return office.casework.views.look_up(ADDRESS)


def live(office):
    with office.store.read() as tx:
        return tx.jobs.live(ADDRESS)


def test_an_open_relay_is_listed_with_an_expiry_and_a_retest(office) -> None:
    office.list_open(HOST)
    now = standing(office)
    (listing,) = now.listings
    assert (str(listing.network), listing.kind, listing.reason) == ("192.0.2.1/32", "relay", Reason.LETTER_RETURNED)
    assert listing.expires == listing.since + timedelta(days=90)
    assert (now.job.reason, now.next_test) == (JobReason.RETEST, listing.since + timedelta(days=14))
    entry = next(entry for entry in office.casework.operators.journal(ADDRESS) if entry.verb == "listed")
    assert (entry.actor, entry.before, entry.after) == ("policy", "not listed", "listed relay")
    assert entry.evidence == f"run {listing.run}"


def test_a_retest_that_finds_it_open_renews_and_dns_hears_nothing(office) -> None:
    office.list_open(HOST)
    office.later(days=14)
    office.test(Outcome.ACCEPTED, back=HOST)
    (listing,) = standing(office).listings
    assert listing.confirmed == office.clock.now()
    assert listing.expires == office.clock.now() + timedelta(days=90)
    assert len(office.casework.contents.changes(0)) == 1
    assert "renewed" in office.verbs(HOST)
    assert live(office).reason is JobReason.RETEST


def test_a_closed_relay_is_delisted_at_once_and_watched_by_surprise(office) -> None:
    office.list_open(HOST)
    run = removal(office, CLOSED)
    assert run.verdict is Verdict.CLOSED
    now = standing(office)
    assert (now.state, now.listings, now.past[0].end_reason) == (State.CLEAR, (), Reason.RETEST_CLOSED)
    assert [c.present for c in office.casework.contents.changes(0)] == [True, False]
    assert live(office).reason is JobReason.PROBATION
    assert (now.job, now.next_test) == (None, None), "a surprise stays a surprise"


def test_surprise_retests_come_to_an_end_and_a_running_one_shows(office) -> None:
    office.list_open(HOST)
    removal(office, CLOSED)
    surprises = 0
    while (job := live(office)) is not None:
        assert job.reason is JobReason.PROBATION
        office.clock.turn(seconds=max(0.0, (job.due - office.clock.now()).total_seconds()))
        assignment = office.take()
        assert standing(office).state is State.TESTING
        office.issue(assignment)
        office.talk(assignment, CLOSED)
        office.casework.assignments.file_run(assignment)
        surprises += 1
    assert surprises == 3


def test_a_relay_that_opens_again_is_listed_again(office) -> None:
    office.list_open(HOST)
    removal(office, CLOSED)
    office.later(days=4)
    office.test(Outcome.ACCEPTED, back=HOST)
    assert standing(office).state is State.LISTED
    assert [c.present for c in office.casework.contents.changes(0)] == [True, False, True]


@pytest.mark.parametrize(
    ("says", "control", "verdict"),
    [
        (Outcome.BANNER_5XX, Control.NOT_RUN, Verdict.REFUSES_TESTER),
        (CLOSED, Control.REFUSED, Verdict.REFUSES_TESTER),
        (CLOSED, Control.NOT_RUN, Verdict.INCONCLUSIVE),
        (Outcome.CONN_REFUSED, Control.NOT_RUN, Verdict.INCONCLUSIVE),
        (Outcome.PROTOCOL, Control.ACCEPTED, Verdict.INCONCLUSIVE),
    ],
)
def test_blocking_the_tester_neither_lists_nor_delists(office, says: Outcome, control: Control, verdict) -> None:
    office.nominate(HOST)
    assert office.test(says, control=control).verdict is verdict
    assert standing(office).listings == ()
    office.list_open("192.0.2.2")
    office.casework.doors.ask_removal(ip_address("192.0.2.2"), door=Door.WEB, actor="owner")
    assert office.test(says, control=control).verdict is verdict
    kept = office.casework.views.look_up(ip_address("192.0.2.2"))
    assert (kept.state, kept.job.reason) == (State.LISTED, JobReason.RETEST)
    assert office.verbs("192.0.2.2")[-2:] == ["kept", "job"]


NAMES = {
    "tester": {
        "source_addresses": ["203.0.113.1", "2001:db8::7"],
        "helo": "Tester.list.test",
        "more_helos": ["t2.test"],
        "more_collector_domains": ["c2.test"],
        "bounce_domain": "b.list.test",
        "more_bounce_domains": ["B2.test"],
    },
    "service": {"name": "The Relay Watch"},
}


@pytest.mark.parametrize(
    ("named", "us"),
    [
        ("TESTER.LIST.TEST", True),
        ("t2.test", True),
        ("B.list.test", True),
        ("b2.test", True),
        ("the relay watch", True),
        ("[203.0.113.1]", True),
        ("2001:DB8::7", True),
        ("t3.test", False),
        ("203.0.113.9", False),
    ],
)
def test_a_refusal_that_bears_one_of_our_names_is_meant_for_us(make_office, named: str, us: bool) -> None:
    office = make_office(**NAMES)
    office.nominate(HOST, evidence=None)
    assignment = office.take()
    office.issue(assignment)
    office.talk(assignment, CLOSED, reply=f"550 5.7.1 no mail of {named}, sorry")
    verdict = office.casework.assignments.file_run(assignment).verdict
    assert (verdict is Verdict.REFUSES_TESTER) is us


def test_what_accepts_and_loses_is_delisted_after_two_runs_a_day_apart(office) -> None:
    office.list_open(HOST)
    run = removal(office, Outcome.ACCEPTED)
    office.later(days=2, seconds=3)
    office.casework.upkeep.settle()
    assert office.casework.views.run_report(run.id).run.verdict is Verdict.ACCEPTS_LOSES
    assert standing(office).state is State.LISTED
    assert live(office).due == office.clock.now() + timedelta(days=1)
    office.later(days=1)
    office.test(Outcome.ACCEPTED)
    office.later(days=2, seconds=3)
    office.casework.upkeep.settle()
    assert standing(office).state is State.CLEAR
    assert standing(office).past[0].end_reason is Reason.RETEST_LOSES


# -- multi-hop ---------------------------------------------------------------------------------------------------------
def test_a_letter_from_elsewhere_is_confirmed_by_a_second_run_and_only_the_input_is_listed(office) -> None:
    office.nominate(HOST)
    first = office.test(lambda vector: Outcome.ACCEPTED if vector == "S01" else Outcome.UNTRIED, back="198.51.100.1")
    assert (first.state, first.verdict) == (RunState.SETTLED, Verdict.INCONCLUSIVE)
    job = live(office)
    assert (job.reason, job.profile) == (JobReason.CONFIRM, "standard")
    assert job.due == office.clock.now() + timedelta(hours=1)
    assert standing(office).state is State.QUEUED
    office.later(hours=1)
    second = office.test(lambda vector: Outcome.ACCEPTED if vector == "S01" else Outcome.UNTRIED, back="198.51.100.1")
    assert second.verdict is Verdict.OPEN_MULTIHOP
    (listing,) = standing(office).listings
    assert (listing.kind, listing.reason) == ("multihop", Reason.LETTER_RETURNED_ELSEWHERE)
    assert office.casework.views.look_up(ip_address("198.51.100.1")).state is State.UNKNOWN


def test_a_confirmation_that_finds_nothing_lists_nobody(office) -> None:
    office.nominate(HOST)
    office.test(lambda vector: Outcome.ACCEPTED if vector == "S01" else Outcome.UNTRIED, back="198.51.100.1")
    office.later(hours=1)
    office.test(CLOSED)
    assert standing(office).state is State.CLEAR
    assert live(office) is None


def test_an_unconfirmed_finding_is_confirmed_by_the_hour_even_without_steps(make_office) -> None:
    office = make_office(policy={"unreachable_retry": ()})
    office.nominate(HOST)
    office.test(lambda vector: Outcome.ACCEPTED if vector == "S01" else Outcome.UNTRIED, back="198.51.100.1")
    assert live(office).due == office.clock.now() + timedelta(hours=1)


def test_the_kind_follows_the_proof(office) -> None:
    for _ in range(2):
        if live(office) is None:
            office.nominate(HOST)
        office.test(lambda vector: Outcome.ACCEPTED if vector == "S01" else Outcome.UNTRIED, back="198.51.100.1")
        office.later(hours=1)
    assert standing(office).listings[0].kind == "multihop"
    office.later(days=14)
    office.test(Outcome.ACCEPTED, back=HOST)
    (listing,) = standing(office).listings
    assert listing.kind == "relay"
    assert [(c.kind, c.present) for c in office.casework.contents.changes(1)] == [("multihop", False), ("relay", True)]
    assert list(Table.of(office.casework.contents.snapshot()[1]).rows()) == [(ip_network(HOST), "relay")]


def test_a_letter_from_elsewhere_counts_for_thirty_days_and_no_longer(office) -> None:
    def elsewhere(vector: str) -> Outcome:
        return Outcome.ACCEPTED if vector == "S01" else Outcome.UNTRIED

    verdicts = []
    for passed in (30, 31):
        host = f"192.0.2.{passed}"
        office.nominate(host)
        office.test(elsewhere, back="198.51.100.1")
        office.clock.turn(days=passed, seconds=-20)  # either letter took ten seconds to come back
        verdicts.append(office.test(elsewhere, back="198.51.100.1").verdict)
    assert verdicts == [Verdict.OPEN_MULTIHOP, Verdict.INCONCLUSIVE]


# -- no answer ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("says", [Outcome.CONN_TIMEOUT, Outcome.CONN_UNREACH])
def test_an_address_that_does_not_answer_is_tried_three_times_over_a_day(office, says: Outcome) -> None:
    office.nominate(HOST)
    verdicts, waits = [], []
    while True:
        verdicts.append(office.test(says, control=Control.NOT_RUN).verdict)
        job = live(office)
        if job is None:
            break
        assert job.reason is JobReason.UNREACHABLE
        waits.append((job.due - office.clock.now()).total_seconds())
        office.clock.turn(seconds=waits[-1])
    assert verdicts == [Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE, Verdict.UNREACHABLE]
    assert waits == [3600, 86400]
    assert standing(office).state is State.UNTESTABLE


def test_nobody_was_there_also_where_the_first_refusal_spared_the_other_forms(office) -> None:
    office.nominate(HOST)
    office.test(lambda vector: Outcome.CONN_REFUSED if vector == "S01" else Outcome.UNTRIED, control=Control.NOT_RUN)
    assert (live(office).reason, live(office).due) == (JobReason.UNREACHABLE, office.clock.now() + timedelta(hours=1))


def test_what_was_left_out_does_not_make_it_that_somebody_was_there(office) -> None:
    office.nominate(HOST)
    office.test(lambda vector: Outcome.CONN_REFUSED if vector == "S01" else Outcome.SKIPPED, control=Control.NOT_RUN)
    assert live(office).reason is JobReason.UNREACHABLE


def test_an_address_that_answers_at_last_is_tested(office) -> None:
    office.nominate(HOST)
    office.test(Outcome.CONN_REFUSED, control=Control.NOT_RUN)
    office.later(hours=1)
    assert office.test(CLOSED).verdict is Verdict.CLOSED
    assert live(office) is None


# -- letters that take their time --------------------------------------------------------------------------------------
def test_a_letter_is_waited_for_from_the_last_dot_of_a_run_that_took_several_conversations(office) -> None:
    office.nominate(HOST)
    office.test(lambda vector: Outcome.ACCEPTED if vector == "S01" else Outcome.RCPT_4XX)
    office.later(seconds=360)
    last = office.clock.now()
    run = office.test(Outcome.ACCEPTED)
    assert run.state is RunState.WAITING
    assert run.ends == last + timedelta(seconds=2.5) + office.window


def test_no_letter_is_waited_for_longer_since_the_text_of_another_was_refused_later(office) -> None:
    office.nominate(HOST)
    first = office.clock.now()
    office.test(lambda vector: Outcome.ACCEPTED if vector == "S01" else Outcome.RCPT_4XX)
    office.later(seconds=360)
    run = office.test(Outcome.DATA_END_5XX)
    assert (run.state, run.ends) == (RunState.WAITING, first + timedelta(seconds=2.5) + office.window)


def test_a_letter_within_its_window_convicts_whatever_a_later_run_has_found(office) -> None:
    office.nominate(HOST)
    first = office.test(Outcome.ACCEPTED)
    office.later(hours=1)
    office.casework.operators.order_test(ADDRESS, profile="standard", actor="operator")
    assert office.test(CLOSED).verdict is Verdict.CLOSED
    office.later(hours=1)
    office.come_back(first.id, HOST)
    assert standing(office).state is State.LISTED


def test_a_letter_after_its_window_convicts_nobody_whom_a_later_run_has_found_closed(office) -> None:
    office.nominate(HOST)
    first = office.test(Outcome.ACCEPTED)
    office.later(hours=1)
    office.casework.operators.order_test(ADDRESS, profile="standard", actor="operator")
    assert office.test(CLOSED).verdict is Verdict.CLOSED
    office.later(days=3)
    office.casework.upkeep.settle()
    office.come_back(first.id, HOST)
    assert office.casework.views.run_report(first.id).run.verdict is Verdict.OPEN, (
        "it still shows what the server did then"
    )
    assert standing(office).listings == ()


def test_the_chance_of_a_surprise_lies_between_nought_and_one() -> None:
    draws = [Queueing(25, lambda n, byte=byte: bytes([byte]) * n).chance() for byte in (0, 255)]
    assert draws[0] == 0.0
    assert 0.999 < draws[1] < 1.0


def test_no_backscatter_is_listed_without_a_proven_bounce(office) -> None:
    with pytest.raises(Damaged), office.store.write() as tx:
        tx.listings.add(
            [ip_network(HOST)],
            kind="backscatter",
            since=office.clock.now(),
            expires=None,
            reason=Reason.BACKSCATTER,
            run="nothing",
        )


# -- who else has tested, and an operator's word ----------------------------------------------------------------------
MORE = {"more_helos": ["t2.test"], "more_bounce_domains": ["b2.test"]}


@pytest.mark.parametrize(
    ("domains", "verdict"), [({}, Verdict.OPEN), (MORE | {"more_collector_domains": ["c2.test"]}, Verdict.INCONCLUSIVE)]
)
def test_what_takes_mail_for_one_domain_of_ours_is_doubted_where_the_other_stranger_wrote_to_another(
    make_office, domains: dict[str, list[str]], verdict: Verdict
) -> None:
    office = make_office(tester=domains)
    office.nominate(HOST, evidence=None)
    assignment = office.take()
    office.issue(assignment, strangers=True)
    office.talk(assignment, lambda vector: Outcome.ACCEPTED if vector == "S01" else CLOSED)
    office.later(seconds=10)
    office.come_back(assignment.job.run, HOST)
    assert office.casework.assignments.file_run(assignment).verdict is verdict


def test_what_takes_mail_for_one_domain_of_ours_is_seen_once_as_another_stranger_sees_it(make_office) -> None:
    office = make_office(tester=MORE | {"more_collector_domains": ["c2.test"]})
    office.nominate(HOST, evidence=None)
    for number in range(2):
        assignment = office.take()
        assert (assignment.job.reason is JobReason.VANTAGE) is bool(number)
        office.issue(assignment, strangers=True)
        office.talk(assignment, lambda vector: Outcome.ACCEPTED if vector == "S01" else CLOSED)
        office.later(seconds=10)
        office.come_back(assignment.job.run, HOST)
        office.casework.assignments.file_run(assignment)
    assert live(office) is None


@pytest.mark.parametrize("sources", [["203.0.113.1"], ["203.0.113.1", "203.0.113.2"]])
@pytest.mark.parametrize("evidence", [b"spam", None])
@pytest.mark.parametrize(
    ("says", "control", "again"),
    [
        (CLOSED, Control.ACCEPTED, True),
        (CLOSED, Control.REFUSED, True),
        (Outcome.PROTOCOL, Control.ACCEPTED, False),
    ],
)
def test_who_refuses_us_and_has_been_shown_to_send_spam_is_seen_from_another_address_of_ours(
    make_office, says: Outcome, control: Control, again: bool, evidence: bytes | None, sources: list[str]
) -> None:
    office = make_office(tester={"source_addresses": sources})
    office.nominate(HOST, evidence=evidence)
    office.test(says, control=control)
    job = live(office)
    other = job is not None and job.reason is JobReason.VANTAGE
    assert other is (again and evidence is not None and len(sources) > 1)


@pytest.mark.parametrize(("listed", "evidence", "reply"), [(True, None, "554 no"), (False, b"spam", "554 no relaying")])
def test_so_is_a_listed_one_that_may_refuse_us_alone_and_one_that_refuses_all_who_relay(
    make_office, listed: bool, evidence: bytes | None, reply: str
) -> None:
    office = make_office(tester={"source_addresses": ["203.0.113.1", "203.0.113.2"]})
    office.nominate(HOST, evidence=evidence)
    if listed:
        office.test(Outcome.ACCEPTED, back=HOST)
        office.casework.doors.ask_removal(ADDRESS, door=Door.WEB, actor="owner")
    assignment = office.take()
    office.issue(assignment)
    office.talk(assignment, CLOSED, reply=reply)
    assert office.casework.assignments.file_run(assignment).verdict is Verdict.CLOSED
    assert live(office).reason is JobReason.VANTAGE


@pytest.mark.parametrize(
    ("retries", "state", "after"),
    [((), RunState.OPEN, State.QUEUED), ((360, 1800, 14400), RunState.WAITING, State.LISTED)],
)
def test_the_other_strangers_letter_is_waited_for_as_long_as_it_will_be_offered_again(
    office, retries: tuple[int, ...], state: RunState, after: State
) -> None:
    office.nominate(HOST, evidence=None)
    assignment = office.take()
    office.issue(assignment, strangers=True)
    office.talk(assignment, lambda vector: Outcome.ACCEPTED if vector == "S01" else Outcome.RCPT_4XX)
    run = office.casework.assignments.file_run(assignment)
    for seconds in retries:
        office.later(seconds=seconds)
        run = office.test(Outcome.RCPT_4XX)
    assert run.state is state
    office.come_back(run.id, HOST)
    assert standing(office).state is after


def test_an_operator_confirms_no_test_that_is_still_under_way(make_office) -> None:
    office = make_office(policy={"approval": True})
    office.nominate(HOST)
    office.test(Outcome.ACCEPTED, back=HOST)
    network = office.casework.reviewing.proposals()[0].network
    office.later(days=1)
    office.casework.operators.order_test(ADDRESS, profile="standard", actor="operator")
    assignment = office.take()
    office.issue(assignment)
    with pytest.raises(Refused) as error:
        office.casework.reviewing.confirm(network, kind="relay", reason="seen", actor="operator a")
    assert error.value.reason is Refusal.NOT_SHOWN
    office.talk(assignment, Outcome.ACCEPTED)
    office.later(seconds=10)
    office.come_back(assignment.job.run, HOST)
    with pytest.raises(Refused):
        office.casework.reviewing.confirm(network, kind="relay", reason="seen", actor="operator a")
    office.casework.assignments.file_run(assignment)
    office.casework.reviewing.confirm(network, kind="relay", reason="seen", actor="operator a")
    assert standing(office).state is State.LISTED


def test_what_was_put_off_is_not_offered_again_to_who_has_opted_out_meanwhile(office) -> None:
    office.nominate(HOST)
    assignment = office.take()
    office.issue(assignment)
    office.talk(assignment, Outcome.RCPT_4XX)
    office.casework.operators.exclude(ip_network(HOST), reason="asked", actor="operator")
    assert office.casework.assignments.file_run(assignment).state is RunState.SETTLED
    assert live(office) is None


def test_no_surprise_is_left_from_before_where_an_operator_takes_an_address_off_during_its_test(office) -> None:
    office.list_open(HOST)
    removal(office, CLOSED)
    office.later(days=4)
    office.test(Outcome.ACCEPTED, back=HOST)
    office.later(days=14)
    assignment = office.take()
    office.issue(assignment)
    office.talk(assignment, Outcome.ACCEPTED)
    office.later(seconds=10)
    office.casework.operators.drop_networks([ip_network(HOST)], kind="relay", reason="no", actor="operator")
    office.come_back(assignment.job.run, HOST)
    office.casework.assignments.file_run(assignment)
    assert standing(office).listings == ()
    assert live(office) is None


def test_what_a_test_would_have_shown_that_a_request_overtook_is_left_to_a_surprise(make_office) -> None:
    office = make_office(policy={"removal": "request"})
    office.list_open(HOST)
    office.later(days=14)
    assignment = office.take()
    office.issue(assignment)
    office.talk(assignment, Outcome.ACCEPTED)
    office.later(seconds=10)
    assert office.casework.doors.ask_removal(ADDRESS, door=Door.WEB, actor="somebody") is None
    office.come_back(assignment.job.run, HOST)
    office.casework.assignments.file_run(assignment)
    assert standing(office).listings == ()
    assert live(office).reason is JobReason.PROBATION
    assert office.casework.operators.journal(ADDRESS)[-1].actor == "policy"


def test_no_late_letter_takes_up_surprises_that_are_over(make_office) -> None:
    office = make_office(policy={"probation_days": [1]})
    office.nominate(HOST)
    first = office.test(Outcome.ACCEPTED)
    office.later(hours=1)
    office.casework.operators.order_test(ADDRESS, profile="standard", actor="operator")
    office.test(Outcome.ACCEPTED, back=HOST)
    removal(office, CLOSED)
    office.later(days=2)
    assert office.test(CLOSED).reason is JobReason.PROBATION
    office.later(days=1)
    office.casework.upkeep.settle()
    assert live(office) is None
    office.come_back(first.id, HOST)
    assert office.casework.views.run_report(first.id).run.verdict is Verdict.OPEN
    assert (standing(office).listings, live(office)) == ((), None)


def test_a_late_letter_counts_for_who_has_nominated_although_it_lists_nobody_any_more(office) -> None:
    reporter(office)
    bring(office, HOST)
    first = office.test(Outcome.ACCEPTED)
    office.later(hours=1)
    office.casework.operators.order_test(ADDRESS, profile="standard", actor="operator")
    office.test(CLOSED)
    office.later(days=3)
    office.casework.upkeep.settle()
    before = account(office)
    office.come_back(first.id, HOST)
    assert standing(office).listings == ()
    assert (before.hits, account(office).hits) == (0, 1)


def test_what_is_to_be_seen_from_elsewhere_says_nothing_yet_of_who_has_nominated(make_office) -> None:
    office = make_office(tester={"source_addresses": ["203.0.113.1", "203.0.113.2"]})
    reporter(office)
    bring(office, HOST)
    office.test(CLOSED)
    assert (live(office).reason, account(office).misses) == (JobReason.VANTAGE, 0)


def test_no_late_letter_that_would_have_to_be_confirmed_is_followed_up_after_an_operators_word(office) -> None:
    office.list_open(HOST)
    office.later(days=14)
    assignment = office.take()
    office.issue(assignment)
    office.talk(assignment, Outcome.ACCEPTED)
    run = office.casework.assignments.file_run(assignment)
    office.clock.turn(seconds=office.window.total_seconds() + 60)
    office.casework.upkeep.settle()
    office.casework.operators.drop_networks([ip_network(HOST)], kind="relay", reason="no", actor="operator")
    office.later(seconds=10)
    assert live(office) is None
    office.come_back(run.id, "198.51.100.1")
    assert (standing(office).listings, live(office)) == ((), None)


def test_a_test_that_finds_nothing_is_decided_although_an_operator_has_taken_the_address_off_meanwhile(office) -> None:
    office.list_open(HOST)
    office.later(days=14)
    assignment = office.take()
    office.issue(assignment)
    office.later(seconds=10)
    office.casework.operators.drop_networks([ip_network(HOST)], kind="relay", reason="no", actor="operator")
    office.talk(assignment, CLOSED)
    assert office.casework.assignments.file_run(assignment).verdict is Verdict.CLOSED
    assert "not-listed" in office.verbs(HOST)


def test_what_only_another_address_of_ours_was_shown_is_said_to_be_specific_to_the_tester(make_office) -> None:
    office = make_office(tester={"source_addresses": ["203.0.113.1", "203.0.113.2"]})
    office.nominate(HOST)
    office.test(CLOSED)
    run = office.test(Outcome.ACCEPTED, back=HOST)
    assert (run.reason, run.verdict) == (JobReason.VANTAGE, Verdict.OPEN)
    assert run.explanation.endswith(f" {SPECIFIC}")
    said = [entry.after for entry in office.casework.operators.journal(ADDRESS) if entry.verb == "run"]
    assert said[-1] == f"OPEN {Flag.TESTER_SPECIFIC}"


def test_so_is_what_only_the_other_stranger_was_shown(make_office) -> None:
    office = make_office(tester=MORE)
    office.nominate(HOST)
    assignment = office.take()
    office.issue(assignment, strangers=True)
    office.talk(assignment, lambda vector: Outcome.ACCEPTED if vector == "S11" else CLOSED)
    number = [fate.letter.vector for fate in office.letters(assignment.job.run)].index("S11")
    office.later(seconds=10)
    office.come_back(assignment.job.run, HOST, number=number)
    run = office.casework.assignments.file_run(assignment)
    assert (run.reason, run.verdict) == (JobReason.NOMINATION, Verdict.OPEN)
    assert run.explanation.endswith(f" {SPECIFIC}")


def test_of_what_every_address_of_ours_was_shown_that_is_not_said(office) -> None:
    run = office.list_open(HOST)
    assert SPECIFIC not in run.explanation
    said = [entry.after for entry in office.casework.operators.journal(ADDRESS) if entry.verb == "run"]
    assert said[-1] == "OPEN"


def test_nor_of_a_bounce_whoever_it_was_shown_to(make_office) -> None:
    office = make_office(tester={"source_addresses": ["203.0.113.1", "203.0.113.2"]})
    office.nominate(HOST)
    office.test(CLOSED)
    run = office.test(lambda vector: Outcome.ACCEPTED if vector == "S01" else CLOSED)
    assert (run.reason, run.state) == (JobReason.VANTAGE, RunState.WAITING)
    bounce(office, run.id)
    run = office.casework.views.run_report(run.id).run
    assert run.verdict is Verdict.ACCEPTS_BOUNCES
    assert SPECIFIC not in run.explanation
