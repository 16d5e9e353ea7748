"""What follows from how a conversation ended: later tries, a second view, opt-outs, the pace of a network."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from dnsbl.addresses import parse_network
from dnsbl.errors import Full
from dnsbl.model import Run
from dnsbl.vocabulary import Door, JobReason, JobState, State
from tester.smtp import Control, Flag, Outcome
from tester.verdict import Verdict

HOST = "8.8.4.4"
Office = Any  # of conftest
Make = Callable[..., Office]
O = Outcome  # noqa: E741


@pytest.mark.parametrize(
    ("outcome", "waits"),
    [
        (O.RCPT_4XX, [360, 1800, 14400]),
        (O.MAIL_4XX, [360, 1800, 14400]),
        (O.RCPT_DENIED_SOFT, [360]),
        (O.DATA_END_4XX, [3600]),
        (O.BANNER_4XX, [3600, 21600]),
        (O.HELO_4XX, [3600, 21600]),
        (O.EARLY_421, [86400]),
    ],
)
def test_a_server_that_puts_us_off_is_tried_again_on_its_schedule_and_then_judged(
    office: Office, outcome: Outcome, waits: list[float]
) -> None:
    job = office.nominate(HOST)
    for wait in waits:
        run = office.test(outcome, control=Control.NOT_RUN)
        assert run.verdict is None
        queued = office.casework.views.look_up(office.at(HOST))
        assert queued.next_test == office.clock.now() + timedelta(seconds=wait)
        assert queued.job is not None and queued.job.run == job.run, "the same run, with the same letters"
        office.later(seconds=wait)
    told = outcome is O.RCPT_DENIED_SOFT  # which speaks of relaying
    assert office.test(outcome, control=Control.NOT_RUN).verdict is (Verdict.CLOSED if told else Verdict.INCONCLUSIVE)


def test_what_a_busy_server_kept_from_us_is_tried_the_next_day(office: Office) -> None:
    office.nominate(HOST)
    run = office.test(lambda vector: {"S01": O.RCPT_5XX, "S10": O.EARLY_421}.get(vector, O.UNTRIED))
    assert run.verdict is None
    office.later(days=1)
    assert office.test(O.RCPT_5XX).verdict is Verdict.CLOSED


def test_a_letter_may_come_back_while_the_later_try_is_under_way(office: Office) -> None:
    office.nominate(HOST)
    office.test(O.EARLY_421)
    office.later(days=1)
    taken = office.take()
    office.later(seconds=5)
    assert office.come_back(taken.job.run, HOST) == "DELIVERED_SAME"
    assert office.casework.views.look_up(office.at(HOST)).state is State.LISTED


def test_an_address_that_does_not_answer_is_tried_after_an_hour_and_a_day(office: Office) -> None:
    office.nominate(HOST)
    verdicts = [office.test(O.CONN_TIMEOUT).verdict]
    for wait in (3600, 86400):
        office.later(seconds=wait - 1)
        assert office.casework.assignments.take_job("w") is None
        office.later(seconds=1)
        verdicts.append(office.test(O.CONN_TIMEOUT).verdict)
    assert verdicts == [Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE, Verdict.UNREACHABLE]


def test_skipped_forms_do_not_make_a_dead_address_look_alive(office: Office) -> None:
    office.nominate(HOST)
    office.test(lambda vector: O.SKIPPED if vector == "X01" else O.CONN_REFUSED)
    job = office.casework.views.look_up(office.at(HOST)).job
    assert job is not None and job.reason is JobReason.UNREACHABLE


# ------------------------------------------------------------------------------------------- a second view

TWO = {"tester": {"source_addresses": ["203.0.113.1", "203.0.113.2", "2001:db8::1"]}}


@pytest.mark.parametrize("control", [Control.ACCEPTED, Control.REFUSED], ids=["CLOSED", "REFUSES_TESTER"])
def test_a_server_that_spam_was_seen_from_and_that_refuses_us_is_seen_from_our_second_address(
    make_office: Make, control: Control
) -> None:
    office = make_office(**TWO)
    office.nominate(HOST)
    office.test(O.RCPT_5XX, control=control)
    job = office.casework.views.look_up(office.at(HOST)).job
    assert job is not None and job.reason is JobReason.VANTAGE
    run = office.test(O.ACCEPTED, back=HOST)
    assert run.verdict is Verdict.OPEN
    assert run.explanation.endswith("(TESTER_SPECIFIC).")
    assert office.casework.views.run_report(run.id).flags == {Flag.TESTER_SPECIFIC}
    assert office.casework.views.look_up(office.at(HOST)).state is State.LISTED
    assert any(entry.after == "OPEN TESTER_SPECIFIC" for entry in office.casework.operators.journal(office.at(HOST)))


def test_a_server_that_refuses_both_our_addresses_is_left_in_peace(make_office: Make) -> None:
    office = make_office(**TWO)
    office.nominate(HOST)
    assert office.test(O.RCPT_5XX).verdict is Verdict.CLOSED
    second = office.test(O.RCPT_5XX)
    assert (second.reason, second.verdict) == (JobReason.VANTAGE, Verdict.CLOSED)
    assert office.casework.views.run_report(second.id).flags == frozenset()
    found = office.casework.views.look_up(office.at(HOST))
    assert (found.state, found.job) == (State.CLEAR, None)


def test_who_opens_only_for_us_is_listed_again_at_once(make_office: Make) -> None:
    office = make_office(**TWO)
    office.list_open(HOST)
    office.casework.doors.ask_removal(office.at(HOST), door=Door.WEB, actor="x")
    office.test(O.RCPT_5XX)
    assert office.casework.views.look_up(office.at(HOST)).listings, "its words do not speak of relaying: we look again"
    office.test(O.ACCEPTED, back=HOST)
    assert office.casework.views.look_up(office.at(HOST)).listings


def test_a_second_look_that_finds_the_same_ends_the_listing(make_office: Make) -> None:
    office = make_office(**TWO)
    office.list_open(HOST)
    office.casework.doors.ask_removal(office.at(HOST), door=Door.WEB, actor="x")
    office.test(O.RCPT_5XX)
    again = office.casework.views.look_up(office.at(HOST)).job
    assert again is not None
    assert (again.reason, again.due) == (JobReason.VANTAGE, office.clock.now())
    office.test(O.RCPT_5XX)
    assert not office.casework.views.look_up(office.at(HOST)).listings


@pytest.mark.parametrize(
    ("sources", "evidence", "address"),
    [
        (["203.0.113.1"], b"spam", HOST),  # we have no second address
        (["203.0.113.1", "2001:db8::1"], b"spam", HOST),  # none of this family
        (["203.0.113.1", "203.0.113.2"], None, HOST),  # nobody has shown spam
    ],
)
def test_without_evidence_or_a_second_address_a_refusal_is_a_refusal(
    make_office: Make, sources: list[str], evidence: bytes | None, address: str
) -> None:
    office = make_office(tester={"source_addresses": sources})
    office.nominate(address, evidence=evidence)
    office.test(O.RCPT_5XX, control=Control.REFUSED)
    assert office.casework.views.look_up(office.at(address)).job is None


# ---------------------------------------------------------------------------------- who may be dialled, when


def test_who_opts_out_after_the_job_was_taken_is_not_dialled(office: Office) -> None:
    office.nominate(HOST)
    taken = office.take()
    assert office.casework.assignments.may_dial(taken)
    office.casework.operators.exclude(parse_network(HOST), reason="asked", actor="operator")
    assert not office.casework.assignments.may_dial(taken)


def test_a_network_has_so_many_tests_a_day_and_the_next_one_waits(make_office: Make) -> None:
    office = make_office(tester={"per_network_day": 2})
    for last in (1, 2, 3):
        office.nominate(f"8.8.4.{last}")
    office.nominate("8.8.5.1")
    first = office.clock.now()
    office.test(O.RCPT_5XX)
    office.later(hours=1)
    office.test(O.RCPT_5XX)
    assert office.test(O.RCPT_5XX).address == office.at("8.8.5.1"), "another network is not held up"
    assert office.casework.assignments.take_job("w1") is None
    waiting = office.casework.views.look_up(office.at("8.8.4.3"))
    assert (waiting.state, waiting.next_test) == (State.QUEUED, first + timedelta(days=1))
    assert waiting.job is not None and waiting.job.takes == 0, "it was never taken"
    office.later(hours=23)
    assert office.test(O.RCPT_5XX).address == office.at("8.8.4.3")


def test_owners_operators_and_labs_do_not_wait_for_their_networks_day(make_office: Make) -> None:
    office = make_office(tester={"per_network_day": 1, "lab_networks": ["127.0.0.0/8"]})
    office.nominate("8.8.4.1")
    office.test(O.ACCEPTED, back="8.8.4.1")
    office.casework.operators.order_test(office.at("8.8.4.2"), profile="basic", actor="operator")
    assert office.test(O.RCPT_5XX).address == office.at("8.8.4.2")
    office.casework.doors.ask_removal(office.at("8.8.4.1"), door=Door.WEB, actor="x")
    assert office.test(O.RCPT_5XX).reason is JobReason.REMOVAL
    for last in (1, 2):
        office.nominate(f"127.0.0.{last}")
        assert office.test(O.RCPT_5XX).address == office.at(f"127.0.0.{last}")


def test_a_further_try_of_a_run_is_no_new_test(make_office: Make) -> None:
    office = make_office(tester={"per_network_day": 1})
    office.nominate(HOST)
    office.test(O.RCPT_4XX)
    office.later(seconds=360)
    assert office.test(O.RCPT_5XX).verdict is Verdict.CLOSED


# ------------------------------------------------------------------------------------------- the global stop


def test_a_stop_is_an_entry_of_the_journal_and_holds_until_the_next(office: Office) -> None:
    office.nominate(HOST)
    taken = office.take()
    assert office.casework.views.stopped() is None
    office.casework.operators.stop(reason="complaints", actor="operator ann")
    stopped = office.casework.views.stopped()
    assert stopped is not None and (stopped.actor, stopped.evidence) == ("operator ann", "complaints")
    assert not office.casework.assignments.may_dial(taken)
    office.casework.operators.resume(reason="sorted out", actor="operator ann")
    assert office.casework.views.stopped() is None
    assert office.casework.assignments.may_dial(taken)
    assert [entry.verb for entry in office.casework.operators.journal() if entry.subject == "tester"] == [
        "stopped",
        "resumed",
    ]
    office.casework.operators.verify_journal()


def test_a_job_that_was_broken_off_waits_in_the_queue_with_its_letters(office: Office) -> None:
    office.nominate(HOST)
    taken = office.take()
    office.issue(taken)
    office.casework.assignments.give_back(taken)
    waiting = office.casework.views.look_up(office.at(HOST)).job
    assert waiting is not None and waiting.state is JobState.QUEUED
    again = office.take()
    assert [fate.letter.recipient for fate in again.letters] == [
        fate.letter.recipient for fate in office.letters(taken.job.run)
    ]
    office.casework.assignments.give_back(taken)  # the old take has no say any more
    assert office.casework.assignments.renew_lease(again)


def test_a_job_that_a_letter_has_ended_meanwhile_is_not_put_back(office: Office) -> None:
    office.nominate(HOST)
    taken = office.take()
    office.issue(taken)
    office.talk(taken, O.ACCEPTED)
    office.later(seconds=10)
    office.come_back(taken.job.run, HOST)
    office.casework.assignments.give_back(taken)
    with office.store.read() as tx:
        job = tx.jobs.of_run(taken.job.run)
    assert job is not None and job.state is JobState.DONE


# --------------------------------------------------------------------------- what else comes to the collector


def test_a_callback_is_kept_and_proves_nothing(office: Office) -> None:
    office.nominate(HOST)
    taken = office.take()
    office.issue(taken)
    issued = office.issued(taken.job.run)
    assert office.probe(issued.sender, HOST) == "CALLBACK_SEEN"
    assert office.probe(issued.recipient, HOST) == "TOKEN_SEEN"
    assert office.probe("postmaster", HOST) is None
    report = office.casework.views.run_report(taken.job.run)
    assert [back.finding for back in report.returns] == ["CALLBACK_SEEN", "TOKEN_SEEN"]
    assert report.run.verdict is None
    assert office.verbs(HOST).count("return") == 2


def test_a_callback_does_not_hide_the_letter_that_comes_after_it(office: Office) -> None:
    office.nominate(HOST)
    taken = office.take()
    office.issue(taken)
    office.probe(office.issued(taken.job.run).sender, HOST)
    office.talk(taken, O.ACCEPTED)
    office.later(seconds=10)
    assert office.come_back(taken.job.run, HOST) == "DELIVERED_SAME"


def test_callbacks_cannot_fill_the_store(office: Office) -> None:
    office.nominate(HOST)
    taken = office.take()
    office.issue(taken)
    sender = office.issued(taken.job.run).sender
    for _ in range(21):
        office.probe(sender, HOST)
    with pytest.raises(Full):
        office.probe(sender, HOST)
    assert len(office.casework.views.run_report(taken.job.run).returns) == 21  # the first told something new


def test_what_people_write_is_kept_for_the_operators(office: Office) -> None:
    office.nominate(HOST)
    taken = office.take()
    office.issue(taken)
    angry = b"From: Pat <pat@example.net>\r\nSubject: stop this\r\n\r\nwhy?\r\n"
    assert office.come_back(taken.job.run, "192.0.2.55", message=angry, to_sender=True) == "HUMAN"
    assert office.arrive("postmaster", "192.0.2.56", b"Subject: hello\r\n\r\n") == "HUMAN"
    inbox = [mail for mail, _ in office.casework.correspondence.page(most=50)]
    assert [m.token for m in inbox] == ["postmaster", office.issued(taken.job.run).sender]
    assert office.casework.operators.message(inbox[1].id).message == angry
    assert [e.reason for e in office.casework.operators.journal() if e.verb == "return"] == ["HUMAN", "HUMAN"]


@pytest.mark.parametrize(
    "remote",
    [
        "mx.example.org",
        "mx.example.org [198.51.100.7]",
        "MX.Example.ORG.",
        "198.51.100.7",
        "[198.51.100.7]",
        "c.example.org",
    ],
)
def test_a_bounce_that_our_own_collector_has_caused_clears_nobody(make_office: Make, remote: str) -> None:
    office = make_office(collector={"addresses": ["198.51.100.7"]})
    office.nominate(HOST)
    taken = office.take()
    office.issue(taken)
    office.talk(taken, O.ACCEPTED)
    office.later(seconds=10)
    report = (
        b"From: MAILER-DAEMON@x\r\nSubject: Undelivered\r\nContent-Type: multipart/report; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n"
        b"Action: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; " + remote.encode() + b"\r\n--b--\r\n"
    )
    said = office.come_back(taken.job.run, HOST, message=report, to_sender=True, null_sender=True)
    assert said == "BOUNCED_BY_US"


def test_a_copy_of_our_letter_in_a_bounce_is_no_delivery(office: Office) -> None:
    office.nominate(HOST)
    taken = office.take()
    office.issue(taken)
    office.talk(taken, O.ACCEPTED)
    office.later(seconds=10)
    copy = office.message(office.issued(taken.job.run))
    report = (
        b"From: MAILER-DAEMON@x\r\nSubject: Undelivered\r\nContent-Type: multipart/report; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: message/delivery-status\r\n\r\nFinal-Recipient: rfc822; "
        + office.issued(taken.job.run).recipient.encode()
        + b"@c.example\r\nAction: failed\r\nStatus: 5.7.1\r\n\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + copy + b"\r\n--b--\r\n"
    )
    assert office.come_back(taken.job.run, HOST, message=report, to_sender=True) == "BOUNCED"
    assert office.come_back(taken.job.run, HOST, message=report) == "TOKEN_SEEN"
    assert office.casework.views.look_up(office.at(HOST)).listings == ()


# ---------------------------------------------------------------------------------------- another stranger


def stranger_alone(office: Office, says: Callable[[str], Outcome], *back: str) -> Run:
    """One test with both strangers, in which the letters of these forms come back."""
    taken = office.take()
    office.issue(taken, strangers=True)
    office.talk(taken, says)
    office.later(seconds=10)
    forms = [fate.letter.vector for fate in office.letters(taken.job.run)]
    for form in back:
        office.come_back(taken.job.run, HOST, number=forms.index(form))
    return office.casework.assignments.file_run(taken)


def test_a_relay_that_refuses_just_us_is_listed_in_the_very_run_that_it_refuses(office: Office) -> None:
    office.nominate(HOST)
    run = stranger_alone(office, lambda form: O.ACCEPTED if form in ("S11", "S12") else O.RCPT_5XX, "S11", "S12")
    assert run.verdict is Verdict.OPEN
    assert run.explanation.endswith("(TESTER_SPECIFIC).")
    assert Flag.TESTER_SPECIFIC in office.casework.views.run_report(run.id).flags
    assert office.casework.views.look_up(office.at(HOST)).state is State.LISTED


def test_what_passes_on_one_of_two_unlike_letters_is_not_listed_when_the_window_is_over(office: Office) -> None:
    office.nominate(HOST)
    run = stranger_alone(office, lambda form: O.ACCEPTED if form in ("S01", "S11") else O.RCPT_5XX, "S01")
    assert not office.casework.views.look_up(office.at(HOST)).listings, "the other letter is waited for"
    office.later(days=3)
    office.casework.upkeep.settle()
    settled = office.casework.views.run_report(run.id).run
    assert settled.verdict is Verdict.INCONCLUSIVE
    assert "kept another one" in settled.explanation
    assert not office.casework.views.look_up(office.at(HOST)).listings


def test_a_text_that_alone_was_refused_is_followed_by_one_look_of_other_strangers(office: Office) -> None:
    office.nominate(HOST, evidence=None)
    first = stranger_alone(office, lambda form: O.DATA_END_5XX)
    assert first.verdict is Verdict.INCONCLUSIVE
    job = office.casework.views.look_up(office.at(HOST)).job
    assert job is not None and job.reason is JobReason.VANTAGE
    second = stranger_alone(office, lambda form: O.DATA_END_5XX)
    assert second.verdict is Verdict.INCONCLUSIVE
    assert office.casework.views.look_up(office.at(HOST)).job is None
    was, now = (office.casework.views.run_report(run.id).guises[0] for run in (first, second))
    assert was.wording != now.wording
