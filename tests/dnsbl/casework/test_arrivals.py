"""What comes to the collector: weighed, stored within bounds, and judged in the same transaction."""

from __future__ import annotations

import contextlib
import tracemalloc
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address

import pytest

from dnsbl.addresses import network_of
from dnsbl.casework.arrivals import Requested
from dnsbl.errors import Full
from dnsbl.rules.keeping import PER_LETTER
from dnsbl.vocabulary import Door, JobReason, RunState, State
from tester.smtp import Outcome
from tester.verdict import Finding, Verdict

HOST = "192.0.2.1"
ADDRESS = ip_address(HOST)


def bounce(office, run: str, number: int = 0, *, action: str = "failed", remote: str = "mx.elsewhere.example"):
    """A delivery status report about a letter of this run comes to the letter's sender."""
    recipient = office.issued(run, number).recipient
    report = (
        "From: mailer-daemon@relay.example\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n'
        "\r\n--b\r\nContent-Type: text/plain\r\n\r\nsorry\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; relay.example\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient}@c.example\r\nAction: {action}\r\nStatus: 5.7.1\r\n"
        f"Remote-MTA: dns; {remote}\r\nDiagnostic-Code: smtp; 550 no\r\n"
        "\r\n--b--\r\n"
    ).encode()
    return office.come_back(run, HOST, number=number, message=report, to_sender=True, null_sender=True)


def waiting(office) -> str:
    """A run whose first letter was accepted and has not come back."""
    office.nominate(HOST)
    run = office.test(lambda vector: Outcome.ACCEPTED if vector == "S01" else Outcome.RCPT_5XX)
    assert run.state is RunState.WAITING
    office.later(seconds=10)
    return run.id


def returns(office, run: str):
    return office.casework.views.run_report(run).returns


def test_a_letter_that_comes_back_lists_within_the_same_transaction(office) -> None:
    run = waiting(office)
    before = office.casework.contents.changes(0)
    assert office.come_back(run, HOST) is Finding.DELIVERED_SAME
    standing = office.casework.views.look_up(ADDRESS)
    assert (standing.state, standing.listings[0].kind, standing.listings[0].run) == (State.LISTED, "relay", run)
    assert before == []
    assert [(str(c.network), c.kind, c.present) for c in office.casework.contents.changes(0)] == [
        ("192.0.2.1/32", "relay", True)
    ]
    assert office.verbs(HOST)[-4:] == ["return", "run", "listed", "job"]
    (stored,) = returns(office, run)
    assert (stored.finding, stored.peer, stored.received) == (Finding.DELIVERED_SAME, ADDRESS, office.clock.now())
    assert b"open relay" in stored.message.lower()


def test_a_second_copy_is_stored_and_lists_nothing_again(office) -> None:
    run = waiting(office)
    office.come_back(run, HOST)
    assert office.come_back(run, HOST) is Finding.REPEATED
    assert office.letters(run)[0].finding is Finding.DELIVERED_SAME
    assert office.verbs(HOST).count("listed") == 1
    assert len(returns(office, run)) == 2


def test_a_token_without_the_proof_convicts_nobody(office) -> None:
    run = waiting(office)
    assert office.come_back(run, HOST, message=b"Subject: x\r\n\r\nhello\r\n") is Finding.TOKEN_SEEN
    assert office.casework.views.look_up(ADDRESS).state is State.PENDING


def test_another_letters_proof_convicts_nobody(office) -> None:
    run = waiting(office)
    other = office.message(office.issued(run, 1))
    assert office.come_back(run, HOST, message=other) is Finding.TOKEN_SEEN


def test_a_letter_whose_key_is_not_ours_is_forged(office, make_office) -> None:
    run = waiting(office)
    message = office.message(office.issued(run))
    stranger = make_office()
    stranger.clock = office.clock
    stranger.casework.arrivals._keyring = type(stranger.keyring).generate(lambda size: b"x" * size, 0)
    assert stranger.come_back(run, HOST, message=message) is Finding.FORGED
    assert office.casework.views.look_up(ADDRESS).state is State.PENDING


def test_our_own_address_convicts_nobody(make_office) -> None:
    office = make_office(tester={"source_addresses": ("198.51.100.9",)})
    run = waiting(office)
    assert office.come_back(run, "198.51.100.9") is Finding.FORGED


def test_a_bounce_settles_the_run_and_clears(office) -> None:
    run = waiting(office)
    finding = bounce(office, run)
    assert finding is Finding.BOUNCED
    standing = office.casework.views.look_up(ADDRESS)
    assert (standing.state, standing.last_verdict) == (State.CLEAR, Verdict.ACCEPTS_BOUNCES)


def test_a_bounce_that_blames_our_collector_clears_nobody(office) -> None:
    run = waiting(office)
    ours = office.settings.collector.hostname.upper() + "."
    assert bounce(office, run, remote=ours) is Finding.BOUNCED_BY_US
    assert office.casework.views.look_up(ADDRESS).last_verdict is Verdict.INCONCLUSIVE


def refused_by_us(office, run: str, number: int = 0) -> None:
    """A bounce says that our own collector refused this letter."""
    assert bounce(office, run, number, remote=office.settings.collector.hostname) is Finding.BOUNCED_BY_US


def test_a_run_that_our_own_fault_spoilt_is_repeated_by_itself_and_only_once(office) -> None:
    refused_by_us(office, waiting(office))
    job = office.casework.views.look_up(ADDRESS).job
    assert (job.reason, job.profile) == (JobReason.REPEAT, "standard")
    assert job.due == office.clock.now() + timedelta(days=1)
    entry = office.casework.operators.journal(ADDRESS)[-1]
    assert (entry.actor, entry.verb, entry.reason) == ("policy", "job", "repeat")
    assert entry.evidence == "repetition of a test that a fault of our own collector spoilt"
    office.later(days=1)
    again = office.test(lambda vector: Outcome.ACCEPTED if vector == "S01" else Outcome.RCPT_5XX)
    assert (again.id, again.reason) == (job.run, JobReason.REPEAT)
    refused_by_us(office, again.id)
    assert [back.finding for back in returns(office, again.id)] == [Finding.BOUNCED_BY_US]
    standing = office.casework.views.look_up(ADDRESS)
    assert (standing.job, standing.last_verdict) == (None, Verdict.INCONCLUSIVE)


def test_a_repetition_says_what_the_spoilt_run_could_not(office) -> None:
    refused_by_us(office, waiting(office))
    office.later(days=1)
    office.test(Outcome.ACCEPTED, back=HOST)
    assert office.casework.views.look_up(ADDRESS).state is State.LISTED


def test_a_spoilt_retest_keeps_the_listing_and_goes_back_to_its_schedule_after_the_repetition(office) -> None:
    office.list_open(HOST)
    for reason in (JobReason.REPEAT, JobReason.RETEST):
        office.later(days=14)
        run = office.test(lambda vector: Outcome.ACCEPTED if vector == "S01" else Outcome.RCPT_5XX)
        refused_by_us(office, run.id)
        standing = office.casework.views.look_up(ADDRESS)
        assert (standing.state, standing.job.reason) == (State.LISTED, reason)


def test_a_repetition_goes_when_the_listing_goes(office) -> None:
    office.list_open(HOST)
    office.later(days=14)
    run = office.test(lambda vector: Outcome.ACCEPTED if vector == "S01" else Outcome.RCPT_5XX)
    refused_by_us(office, run.id)
    office.casework.operators.drop_networks([network_of(ADDRESS)], kind="relay", reason="mistake", actor="operator")
    assert office.casework.views.look_up(ADDRESS).job is None


def test_a_spoilt_surprise_is_followed_by_the_next_surprise(office) -> None:
    office.list_open(HOST)
    office.casework.doors.ask_removal(ADDRESS, door=Door.WEB, actor="owner")
    office.test(Outcome.RCPT_5XX)
    office.later(days=4)
    run = office.test(lambda vector: Outcome.ACCEPTED if vector == "S01" else Outcome.RCPT_5XX)
    assert run.reason is JobReason.PROBATION
    refused_by_us(office, run.id)
    with office.store.read() as tx:
        assert tx.jobs.live(ADDRESS).reason is JobReason.PROBATION


def test_a_loss_that_turns_out_to_be_our_fault_is_repeated_too(office) -> None:
    run = waiting(office)
    office.later(days=2)
    office.casework.upkeep.settle()
    assert office.casework.views.look_up(ADDRESS).last_verdict is Verdict.ACCEPTS_LOSES
    office.later(days=3)
    refused_by_us(office, run)
    entries = len(office.casework.operators.journal(ADDRESS))
    standing = office.casework.views.look_up(ADDRESS)
    assert (standing.last_verdict, standing.job.reason) == (Verdict.INCONCLUSIVE, JobReason.REPEAT)
    refused_by_us(office, run, number=1)
    assert len(office.casework.operators.journal(ADDRESS)) == entries + 1, (
        "the second report is filed and changes nothing"
    )


def test_a_letter_after_a_bounce_still_convicts(office) -> None:
    run = waiting(office)
    bounce(office, run)
    assert office.come_back(run, HOST) is Finding.DELIVERED_SAME
    standing = office.casework.views.look_up(ADDRESS)
    assert (standing.state, standing.last_verdict) == (State.LISTED, Verdict.OPEN)


def test_a_delayed_letter_stays_pending(office) -> None:
    run = waiting(office)
    assert bounce(office, run, action="delayed") is Finding.DSN_DELAYED
    assert office.casework.views.look_up(ADDRESS).state is State.PENDING
    assert office.letters(run)[0].finding is Finding.DSN_DELAYED
    assert office.come_back(run, HOST) is Finding.DELIVERED_SAME


def test_a_run_of_which_only_a_delay_is_known_waits_from_its_end(office) -> None:
    office.nominate(HOST)
    assignment = office.take()
    office.issue(assignment)
    office.talk(assignment, Outcome.RCPT_5XX)
    office.later(seconds=10)
    assert bounce(office, assignment.job.run, action="delayed") is Finding.DSN_DELAYED
    run = office.casework.assignments.file_run(assignment)
    assert (run.state, run.ends) == (RunState.WAITING, office.clock.now() + office.window)
    entry = [entry for entry in office.casework.operators.journal(ADDRESS) if entry.verb == "run"][-1]
    assert (entry.before, entry.after) == (RunState.OPEN, RunState.WAITING)


def test_a_persons_answer_is_kept_for_the_operators(office) -> None:
    run = waiting(office)
    assert office.come_back(run, HOST, message=b"Subject: hey\r\n\r\nwho?\r\n", to_sender=True) is Finding.HUMAN
    assert returns(office, run)[0].finding is Finding.HUMAN


def test_a_return_before_the_session_is_filed_is_never_lost(office) -> None:
    office.nominate(HOST)
    assignment = office.take()
    run = assignment.job.run
    office.issue(assignment)
    assert office.come_back(run, "198.51.100.1") is Finding.DELIVERED_OTHER
    assert office.casework.views.look_up(ADDRESS).state is State.TESTING, (
        "one letter from elsewhere does not end a test"
    )
    office.talk(assignment, lambda vector: Outcome.ACCEPTED if vector == "S01" else Outcome.UNTRIED)
    letter = office.letters(run)[0]
    assert (letter.outcome, letter.finding) == (Outcome.ACCEPTED, Finding.DELIVERED_OTHER)
    settled = office.casework.assignments.file_run(assignment)
    assert (settled.state, settled.verdict) == (RunState.SETTLED, Verdict.INCONCLUSIVE)


def test_a_bounce_during_the_conversation_waits_for_its_end(office) -> None:
    office.nominate(HOST)
    assignment = office.take()
    office.issue(assignment)
    bounce(office, assignment.job.run)
    assert office.casework.views.run_report(assignment.job.run).run.state is RunState.OPEN
    office.talk(assignment, lambda vector: Outcome.ACCEPTED if vector == "S01" else Outcome.RCPT_5XX)
    assert office.casework.assignments.file_run(assignment).verdict is Verdict.ACCEPTS_BOUNCES


def test_a_token_that_was_never_issued_is_stored_as_forged(office) -> None:
    assert office.arrive("r" * 34, HOST, b"x\r\n\r\n") is Finding.FORGED
    (entry,) = office.casework.operators.journal()
    assert (entry.subject, entry.verb, entry.reason) == ("list", "return", "FORGED")
    assert entry.actor == f"collector, from {HOST}"
    assert entry.evidence.startswith("message sha256:")


def test_mail_to_postmaster_is_a_person(office) -> None:
    assert office.arrive("postmaster", HOST, b"x\r\n\r\n") is Finding.HUMAN


def test_a_flood_of_one_token_is_put_off_beyond_its_share_and_hides_no_proof(office) -> None:
    run = waiting(office)
    strangers = [f"198.51.{n}.1" for n in range(30)]
    assert office.come_back(run, strangers[0], message=b"x\r\n\r\n") is Finding.TOKEN_SEEN, "this is news"
    for peer in strangers[:PER_LETTER]:
        assert office.come_back(run, peer, message=b"x\r\n\r\n") is Finding.TOKEN_SEEN
    for peer in strangers[PER_LETTER:]:
        with pytest.raises(Full, match="too much came for this recipient today, try again later"):
            office.come_back(run, peer, message=b"x\r\n\r\n")
    assert len(returns(office, run)) == PER_LETTER + 1 == office.verbs(HOST).count("return")
    assert office.come_back(run, HOST) is Finding.DELIVERED_SAME
    assert len(returns(office, run)) == PER_LETTER + 2
    assert office.casework.views.look_up(ADDRESS).state is State.LISTED
    office.later(days=1, seconds=1)
    office.come_back(run, strangers[0], message=b"x\r\n\r\n")
    assert len(returns(office, run)) == PER_LETTER + 3


def test_who_writes_much_is_put_off_and_others_are_not(make_office) -> None:
    office = make_office(collector={"peer_day": 40})
    taken = [office.arrive("abuse", "198.51.100.7", b"Subject: %d\r\n\r\n" % n) for n in range(10)]
    assert taken == [Finding.HUMAN] * 10
    with pytest.raises(Full, match="too much came from your network today, try again later"):
        office.arrive("abuse", "198.51.100.7", b"x\r\n\r\n")
    assert office.arrive("abuse", "203.0.113.7", b"x\r\n\r\n") is Finding.HUMAN, "another network"
    for n in range(10, 40):
        office.arrive("postmaster", f"198.51.100.{n}", b"x\r\n\r\n")
    with pytest.raises(Full):
        office.arrive("abuse", "198.51.100.200", b"x\r\n\r\n")
    assert office.arrive("abuse", "198.51.101.1", b"x\r\n\r\n") is Finding.HUMAN
    assert len(office.casework.correspondence.page(most=1000)) == 42, "all that was taken is there, and nothing else"
    office.later(days=1)
    assert office.arrive("abuse", "198.51.100.7", b"x\r\n\r\n") is Finding.HUMAN


def test_one_customer_with_a_48_has_the_share_of_one(make_office) -> None:
    office = make_office(collector={"peer_day": 8})
    taken = 0
    for n in range(30):
        with contextlib.suppress(Full):
            office.arrive("abuse", f"2001:db8:0:{n}::{n}", b"x\r\n\r\n")
            taken += 1
    assert taken == 8


def test_a_network_that_has_used_up_its_share_still_proves_what_it_is(make_office) -> None:
    office = make_office(collector={"peer_day": 4})
    run = waiting(office)
    office.arrive("abuse", HOST, b"x\r\n\r\n")
    with pytest.raises(Full):
        office.arrive("abuse", HOST, b"x\r\n\r\n")
    assert office.probe(office.issued(run).sender, HOST) is Finding.CALLBACK_SEEN, "news of a letter"
    assert office.come_back(run, HOST) is Finding.DELIVERED_SAME


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"run_bytes": 65536}, "too much is kept of this test"),
        ({"address_bytes": 65536}, "too much is kept of tests of this address today"),
        ({"day_bytes": 65536}, "too much is kept today"),
    ],
)
def test_octets_are_bounded_by_test_by_address_and_by_day_and_proof_is_kept_all_the_same(
    make_office, limits: dict[str, int], said: str
) -> None:
    office = make_office(collector=limits | {"peer_day": 1000})
    run = waiting(office)
    text = b"Subject: x\r\n\r\n" + b"x" * 21_800  # three of them leave no room for a letter of ours
    for _ in range(3):
        office.come_back(run, "198.51.100.7", message=text)
    with pytest.raises(Full, match=said):
        office.come_back(run, "198.51.100.7", message=text)
    with pytest.raises(Full, match=said):
        office.come_back(run, "198.51.100.7", message=text, number=1)
    assert office.come_back(run, HOST) is Finding.DELIVERED_SAME
    assert len(returns(office, run)) == 4


def test_a_page_about_many_letters_costs_their_heads_alone(make_office) -> None:
    office = make_office(collector={"peer_day": 10**6, "run_bytes": 10**9, "address_bytes": 10**9, "day_bytes": 10**9})
    run = waiting(office)
    letters = [office.issued(run, number) for number in range(len(office.letters(run)))]
    text = b"Received: from x ([192.0.2.1]) by y\r\nSubject: x\r\n\r\n" + b"x" * 100_000
    for n in range(220):
        with contextlib.suppress(Full):
            office.arrive(letters[n % len(letters)].recipient, f"198.51.{n % 200}.1", text)
    tracemalloc.start()
    report = office.casework.views.run_report(run)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(report.returns) == 200 and {len(back.message) for back in report.returns} == {16 * 1024}
    assert peak < 12 * 1024 * 1024, f"{peak} octets"


def test_upper_case_tokens_are_the_same_tokens(office) -> None:
    run = waiting(office)
    issued = office.issued(run)
    assert office.arrive(issued.recipient.upper(), HOST, office.message(issued)) is Finding.DELIVERED_SAME


def test_hostile_bytes_break_no_driver(office) -> None:
    run = waiting(office)
    hostile = bytes(range(256)) * 20
    assert office.come_back(run, HOST, message=hostile) is Finding.TOKEN_SEEN
    assert returns(office, run)[0].message == hostile
    assert office.casework.operators.verify_journal() > 0


# -- late letters ------------------------------------------------------------------------------------------------------
def test_a_letter_that_comes_after_its_run_was_settled_as_lost_lists_too(office) -> None:
    run = waiting(office)
    office.later(days=2)
    assert office.casework.upkeep.settle() == 1
    assert office.casework.views.look_up(ADDRESS).state is State.CLEAR
    office.later(days=1)
    assert office.come_back(run, HOST) is Finding.DELIVERED_SAME_LATE
    standing = office.casework.views.look_up(ADDRESS)
    assert (standing.state, standing.last_verdict) == (State.LISTED, Verdict.OPEN)


def test_a_late_letter_lists_nobody_whom_a_later_run_has_found_closed(office) -> None:
    run = waiting(office)
    office.later(days=2)
    office.casework.upkeep.settle()
    office.casework.operators.order_test(ADDRESS, profile="standard", actor="operator")
    assert office.test(Outcome.RCPT_5XX).verdict is Verdict.CLOSED
    office.later(days=1)
    assert office.come_back(run, HOST) is Finding.DELIVERED_SAME_LATE
    standing = office.casework.views.look_up(ADDRESS)
    assert (standing.state, standing.listings) == (State.CLEAR, ())
    assert office.casework.views.run_report(run).run.verdict is Verdict.OPEN, "the run still says what was so then"
    assert "listed" not in office.verbs(HOST)


@pytest.mark.parametrize("rest", [Outcome.RCPT_5XX, Outcome.PROTOCOL])
def test_a_late_letter_from_elsewhere_is_confirmed_once(office, rest: Outcome) -> None:
    office.nominate(HOST)
    run = office.test(lambda vector: Outcome.ACCEPTED if vector in ("S01", "S10") else rest)
    office.later(days=2, seconds=3)
    office.casework.upkeep.settle()
    for number in (0, 1):
        assert office.come_back(run.id, "198.51.100.1", number=number) is Finding.DELIVERED_OTHER_LATE
    standing = office.casework.views.look_up(ADDRESS)
    assert (standing.state, standing.job.reason) == (State.QUEUED, JobReason.CONFIRM)
    assert office.verbs(HOST).count("run") == 3, "it began to wait, was settled as lost, and once more as unconfirmed"


def test_a_letter_from_elsewhere_makes_an_inconclusive_run_one_to_be_confirmed(office) -> None:
    office.nominate(HOST)
    run = office.test(lambda vector: Outcome.DATA_END_5XX if vector == "S01" else Outcome.PROTOCOL)
    assert run.verdict is Verdict.INCONCLUSIVE
    assert office.come_back(run.id, "198.51.100.1") is Finding.DELIVERED_OTHER
    assert office.casework.views.look_up(ADDRESS).job.reason is JobReason.CONFIRM


def test_a_letter_after_the_last_window_counts_no_more(office) -> None:
    run = waiting(office)
    office.later(days=2)
    office.casework.upkeep.settle()
    office.later(days=5, seconds=1)
    assert office.come_back(run, HOST) is Finding.FORGED
    assert office.casework.views.look_up(ADDRESS).state is State.CLEAR


def test_further_letters_of_an_open_run_change_nothing(office) -> None:
    office.nominate(HOST)
    run = office.test(Outcome.ACCEPTED)
    for number in range(3):
        assert office.come_back(run.id, HOST, number=number) is Finding.DELIVERED_SAME
    assert office.verbs(HOST).count("listed") == 1
    assert "renewed" not in office.verbs(HOST)
    assert len(office.casework.contents.changes(0)) == 1


def test_a_late_bounce_of_a_settled_run_decides_nothing(office) -> None:
    run = waiting(office)
    office.later(days=2)
    office.casework.upkeep.settle()
    entries = office.verbs(HOST)
    bounce(office, run)
    assert office.verbs(HOST) == [*entries, "return"]


MAIL = {"smarthost": "mail.list.example", "sender": "relays@list.example"}


def write(office, **circumstances: str) -> str:
    """What comes of a mail to remove@."""
    return request(office, **circumstances).said


def request(office, *, peer: str = "192.0.2.1", sender: str = "owner@host.example", fields: str = "") -> Requested:
    """Mail to remove@ from there."""
    message = f"From: <{sender}>\r\nMessage-ID: <1@host.example>\r\n{fields}Subject: off\r\n\r\nplease\r\n".encode()
    collected = replace(office.arrived("remove", peer, message), mail_from=sender, domain="mx.example.org")
    heard: Requested = office.casework.arrivals.file_request(collected)
    return heard


def answers(office) -> list[str]:
    return [one.template for one in office.casework.dispatch.newest(most=20)]


def test_mail_from_a_listed_address_asks_for_its_retest_and_is_answered(make_office) -> None:
    office = make_office(notices=MAIL)
    office.list_open("192.0.2.1")
    assert "is retested now" in write(office)
    assert office.casework.views.look_up(office.at("192.0.2.1")).job.reason is JobReason.REMOVAL
    [notice] = office.casework.dispatch.newest(most=5)
    assert (notice.template, notice.recipient, notice.answers) == ("asked", "owner@host.example", "<1@host.example>")
    office.test(Outcome.RCPT_5XX)
    assert answers(office) == ["removal", "asked"], "and the result follows"


def test_a_second_mail_of_a_day_gets_no_second_answer(make_office) -> None:
    office = make_office(notices=MAIL)
    office.list_open("192.0.2.1")
    write(office)
    assert not request(office).declined, "its retest is under way"
    assert answers(office) == ["asked"]
    office.later(days=1)
    write(office)
    assert answers(office) == ["asked", "asked"]


def test_a_request_that_the_list_answered_waits_for_no_person_and_one_that_it_could_not_does(make_office) -> None:
    office = make_office(notices=MAIL)
    office.list_open("192.0.2.1")
    write(office)
    write(office)
    assert request(office, peer="192.0.2.9").declined
    page = office.casework.correspondence.page
    assert [answered for _, answered in page(most=9)] == ["answered by the list"] * 3
    assert office.casework.oversight.summary().letters == 0
    assert not request(office, sender="", fields="Subject: x\r\n").declined
    assert [answered for _, answered in page(most=1)] == [""] and office.casework.oversight.summary().letters == 1
    office.casework.correspondence.answer(page(most=9)[1][0].id, "A word of ours.", actor="operator ada")
    assert page(most=9)[1][1] == "answered", "a person's answer is said before the list's"


def test_mail_from_an_address_that_is_not_listed_is_declined_with_the_sentence_and_mails_nobody(make_office) -> None:
    office = make_office(notices=MAIL, mail_door={"answers_day": 1})
    office.list_open("192.0.2.1")
    heard = request(office, peer="192.0.2.9", sender="victim@x.example")
    assert heard.declined and "nothing to remove" in heard.said
    assert not request(office, peer="192.0.2.9", sender="").declined, "nobody would hear of it"
    assert answers(office) == []
    write(office)
    assert answers(office) == ["asked"], "and what mails nobody is not counted"


def test_forged_senders_get_no_more_than_the_networks_part_of_the_answers_and_no_results(make_office) -> None:
    office = make_office(notices=MAIL, mail_door={"answers_day": 120})
    office.list_open("192.0.2.1")
    for n in range(9):
        assert not request(office, sender=f"forged{n}@victim{n}.example").declined
    assert answers(office) == ["asked"] * 2, "a fortieth for one network"
    office.test(Outcome.ACCEPTED, back="192.0.2.1")
    assert answers(office) == ["removal"] * 2 + ["asked"] * 2


def test_a_request_that_must_wait_and_gets_no_answer_is_declined_with_the_sentence(make_office) -> None:
    office = make_office(notices=MAIL)
    office.list_open("192.0.2.1")
    assert not request(office).declined
    office.test(Outcome.ACCEPTED, back="192.0.2.1")
    again = request(office)
    assert again.declined and "your next request is taken at" in again.said
    assert answers(office) == ["removal", "asked"]


def test_answers_to_nominations_and_to_requests_are_counted_together(make_office) -> None:
    office = make_office(notices=MAIL, mail_door={"address": "nominate@c.example.org", "answers_day": 40})
    office.list_open("192.0.2.1")
    mail = office.arrived("x", "192.0.2.1", b"Subject: spam\r\n\r\nno attachment\r\n")
    mail = replace(mail, mail_from="ann@x.example", recipient="nominate@c.example.org", domain="c.example.org")
    assert office.casework.mail_door.take(mail).answered
    assert "is retested now" in write(office)
    assert answers(office) == ["nomination"]


@pytest.mark.parametrize("sender", ["root@x.example", "postmaster@x.example"])
def test_who_runs_the_server_is_answered_whatever_he_is_called(make_office, sender: str) -> None:
    office = make_office(notices=MAIL)
    office.list_open("192.0.2.1")
    write(office, sender=sender)
    assert answers(office) == ["asked"]


@pytest.mark.parametrize(
    ("sender", "fields"),
    [
        ("", ""),
        ("a@x.example", "Auto-Submitted: auto-replied\r\n"),
        ("a@x.example", "Precedence: bulk\r\n"),
        ("a@x.example", "List-Id: <l.x.example>\r\n"),
        ("a@x.example", "X-Loop: x\r\n"),
        ("a@x.example", "X-Auto-Response-Suppress: All\r\n"),
    ],
)
def test_no_machine_is_answered_but_what_it_asks_is_done(make_office, sender: str, fields: str) -> None:
    office = make_office(notices=MAIL)
    office.list_open("192.0.2.1")
    assert "is retested now" in write(office, sender=sender, fields=fields)
    office.test(Outcome.RCPT_5XX)
    assert answers(office) == []


def test_who_writes_through_a_relay_does_not_use_up_its_owners_requests(make_office) -> None:
    office = make_office(notices=MAIL)
    office.list_open("192.0.2.1")
    write(office)
    office.test(Outcome.ACCEPTED, back="192.0.2.1")
    assert "your next request is taken at" in write(office)
    job = office.casework.doors.ask_removal(office.at("192.0.2.1"), door=Door.WEB, actor="x", control=True)
    assert job.reason is JobReason.REMOVAL
