"""Letters for remote testers on a real store: who gets them, for whom, and what they do to the list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from dnsbl.addresses import parse_network
from dnsbl.casework.remote import Lent
from dnsbl.errors import NotFound, Refused
from dnsbl.model import Nomination
from dnsbl.rules import bringers
from dnsbl.rules.remote import Grade
from dnsbl.vocabulary import Door, JobReason, JobState, Reason, Refusal, RunState, State, Tier
from tester import letter
from tester.smtp import Outcome
from tester.verdict import Finding, Verdict

HOST, OTHER, TESTER = "192.0.2.25", "192.0.2.26", "198.51.100.77"
RELAYED = b"Received: from t.example (t.example [198.51.100.77]) by mail.example.net (Postfix) with ESMTP; now\r\n"
LOGGED_IN = RELAYED.replace(b"with ESMTP", b"with ESMTPSA")


@pytest.fixture
def lending(make_office: Callable[..., Any]) -> Any:
    office = make_office(remote={"on": True}, policy={"kinds": ["relay", "multihop", "unconfirmed"]})
    for tier in Tier:
        office.casework.reporters.add(tier, tier=tier, contact="", actor="operator")
    return office


def ask(office: Any, by: str = "trusted", address: str = HOST, came_from: str = TESTER) -> Lent:
    nomination = Nomination(
        address=office.at(address),
        door=Door.API,
        nominator=f"reporter {by}",
        reason="spam",
        evidence=b"spam",
        reporter=by,
    )
    found: Lent = office.casework.remote.ask(nomination, came_from=office.at(came_from))
    return found


def refused(office: Any, reason: Refusal, by: str = "trusted", address: str = HOST, came_from: str = TESTER) -> Refused:
    with pytest.raises(Refused) as error:
        ask(office, by, address, came_from)
    assert error.value.reason == reason
    return error.value


def come_back(office: Any, lent: Lent, peer: str = HOST, *, number: int = 0, trace: bytes = RELAYED) -> Finding:
    office.clock.turn(seconds=10)
    message = trace + office.message(lent.letters[number])
    found: Finding = office.come_back(lent.run.id, peer, number=number, message=message)
    return found


def kinds(office: Any, address: str = HOST) -> list[str]:
    return [listing.kind for listing in office.casework.views.look_up(office.at(address)).listings]


def test_letters_are_filed_before_they_are_given_out_and_the_journal_says_to_whom(lending: Any) -> None:
    lent = ask(lending)
    filed = [fate.letter for fate in lending.letters(lent.run.id)]
    assert tuple(filed) == lent.letters and len(filed) == 15
    assert [letter.proof(lending.keyring, one) for one in filed] == list(lent.proofs)
    assert {(one.address, one.not_after - one.not_before) for one in filed} == {(lending.at(HOST), 24 * 3600)}
    nominated, letters = lending.casework.operators.journal(lending.at(HOST))
    assert (nominated.actor, nominated.verb) == ("api reporter trusted", "nominated")
    assert (letters.actor, letters.verb, letters.reason) == ("api reporter trusted", "letters", "remote-proven")
    assert letters.after.startswith("15 given out: S01 ")


def test_they_take_no_place_in_the_queue_and_do_not_show_in_a_look_up(lending: Any) -> None:
    lent = ask(lending)
    assert lending.casework.views.run_report(lent.run.id).run.state is RunState.WAITING
    assert lending.casework.assignments.take_job("w1") is None
    assert lending.casework.views.look_up(lending.at(HOST)).state is State.UNKNOWN
    lending.nominate(HOST)
    assert lending.test(Outcome.RCPT_5XX).verdict is Verdict.CLOSED, "they kept a test of the list's own away"


def test_a_trusted_testers_letter_lists_its_host_as_a_relay(lending: Any) -> None:
    lent = ask(lending)
    assert come_back(lending, lent) is Finding.DELIVERED_SAME
    assert kinds(lending) == ["relay"]
    found = lending.casework.views.run_report(lent.run.id).run
    assert (found.state, found.verdict) == (RunState.SETTLED, Verdict.OPEN)
    assert lending.casework.reporters.find("trusted").hits == 1
    job = lending.casework.views.look_up(lending.at(HOST)).job
    assert job is not None and job.reason is JobReason.RETEST, "nobody looks after a listed address"


def test_anybody_elses_lists_it_as_unconfirmed_and_our_own_test_says_the_rest(lending: Any) -> None:
    come_back(lending, ask(lending, "known"))
    assert kinds(lending) == ["unconfirmed"]
    account = lending.casework.reporters.find("known")
    assert (account.hits, account.misses) == (0, 0), "a tester's own letter counts for his score"
    run = lending.test(Outcome.ACCEPTED, back=HOST)
    assert (run.reason, run.verdict) == (JobReason.RETEST, Verdict.OPEN)
    assert kinds(lending) == ["relay"]
    assert lending.casework.reporters.find("known").hits == 1


def test_a_closed_host_is_off_again_as_soon_as_our_own_test_finds_it_closed(lending: Any) -> None:
    come_back(lending, ask(lending, "known"))
    assert lending.test(Outcome.RCPT_5XX).verdict is Verdict.CLOSED
    assert kinds(lending) == []
    assert lending.casework.reporters.find("known").misses == 1


def test_where_no_mail_server_is_nothing_confirms_it_and_the_listing_ends_within_days(lending: Any) -> None:
    assert come_back(lending, ask(lending, "known")) is Finding.DELIVERED_SAME
    reasons = []
    for _ in range(3):
        assert kinds(lending) == ["unconfirmed"]
        assignment = lending.casework.assignments.take_job("w1")
        if not assignment.letters:
            lending.issue(assignment)
        lending.talk(assignment, Outcome.CONN_REFUSED)
        lending.casework.assignments.file_run(assignment)
        reasons.append(assignment.job.reason)
        lending.later(hours=25)
    assert kinds(lending) == []
    assert reasons[1:] == [JobReason.UNREACHABLE] * 2
    assert lending.casework.views.look_up(lending.at(HOST)).past[0].end_reason is Reason.NOBODY_THERE
    assert lending.casework.assignments.take_job("w1") is None


def test_where_the_kind_is_off_nobody_is_listed_by_it_and_our_own_test_follows_all_the_same(
    make_office: Callable[..., Any],
) -> None:
    office = make_office(remote={"on": True})
    office.casework.reporters.add("known", tier=Tier.KNOWN, contact="", actor="operator")
    come_back(office, ask(office, "known"))
    assert kinds(office) == []
    run = office.test(Outcome.ACCEPTED, back=HOST)
    assert (run.reason, run.verdict, kinds(office)) == (JobReason.CONFIRM, Verdict.OPEN, ["relay"])


def test_without_confirmation_by_us_unconfirmed_is_all_there_is(make_office: Callable[..., Any]) -> None:
    office = make_office(remote={"on": True, "confirm": False}, policy={"kinds": ["relay", "unconfirmed"]})
    office.casework.reporters.add("known", tier=Tier.KNOWN, contact="", actor="operator")
    come_back(office, ask(office, "known"))
    assert kinds(office) == ["unconfirmed"]
    account = office.casework.reporters.find("known")
    assert (account.hits, account.misses) == (0, 0), "a tester's own letter counts for his score"
    assert office.casework.assignments.take_job("w1") is None
    office.nominate(HOST)
    office.test(Outcome.ACCEPTED, back=HOST)
    assert kinds(office) == ["relay"], "who is unconfirmed cannot be nominated"


def test_a_trusted_testers_letter_proves_what_was_unconfirmed_and_nobody_is_said_to_be_gone(
    make_office: Callable[..., Any],
) -> None:
    terms = {"kinds": ["relay", "unconfirmed"], "retest_days": []}
    office = make_office(remote={"on": True, "confirm": False}, policy=terms)
    for tier in (Tier.KNOWN, Tier.TRUSTED):
        office.casework.reporters.add(tier, tier=tier, contact="", actor="operator")
    come_back(office, ask(office, "known"))
    office.later(days=7)
    assert kinds(office) == ["unconfirmed"]
    come_back(office, ask(office))
    assert kinds(office) == ["relay"]
    assert office.casework.views.look_up(office.at(HOST)).job is None, "a server that has spoken is sought again"


def test_a_letter_that_the_tester_delivers_himself_proves_nothing_about_the_host(lending: Any) -> None:
    lent = ask(lending, "known")
    assert come_back(lending, lent, TESTER) is Finding.DELIVERED_OTHER
    assert kinds(lending) == [] and kinds(lending, TESTER) == []
    assert lending.test(Outcome.RCPT_5XX).verdict is Verdict.CLOSED
    assert kinds(lending) == []


def test_a_trusted_testers_letter_from_elsewhere_is_the_first_of_two_runs(lending: Any) -> None:
    come_back(lending, ask(lending), OTHER)
    assert kinds(lending) == []
    run = lending.test(Outcome.ACCEPTED, back=OTHER)
    assert (run.reason, run.verdict) == (JobReason.CONFIRM, Verdict.OPEN_MULTIHOP)
    assert (kinds(lending), kinds(lending, OTHER)) == (["multihop"], [])


def test_an_untrusted_ones_is_none_of_two(lending: Any) -> None:
    come_back(lending, ask(lending, "known"), OTHER)
    run = lending.test(Outcome.ACCEPTED, back=OTHER)
    assert run.verdict is not Verdict.OPEN_MULTIHOP
    assert kinds(lending) == []


def test_a_letter_that_a_user_of_the_host_sent_lists_nobody_whoever_the_tester_is(lending: Any) -> None:
    come_back(lending, ask(lending), trace=LOGGED_IN)
    assert kinds(lending) == []
    assert lending.test(Outcome.RCPT_5XX).verdict is Verdict.CLOSED
    assert kinds(lending) == []


@pytest.mark.parametrize("confirm", [True, False])
def test_letters_that_show_nothing_are_told_once_and_decide_nothing(
    make_office: Callable[..., Any], confirm: bool
) -> None:
    office = make_office(remote={"on": True, "confirm": confirm})
    office.casework.reporters.add("known", tier=Tier.KNOWN, contact="", actor="operator")
    lent = ask(office, "known")
    for number in range(2):
        come_back(office, lent, OTHER, number=number)
    journal = office.casework.operators.journal(office.at(HOST))
    assert [entry.after for entry in journal if entry.verb == "run"] == ["INCONCLUSIVE"]
    assert "not-listed" not in office.verbs(HOST) and kinds(office) == []
    assert (office.casework.views.look_up(office.at(HOST)).job is not None) is confirm
    report = office.casework.views.run_report(lent.run.id).run
    assert (report.state, report.verdict) == (RunState.SETTLED, Verdict.INCONCLUSIVE)


def test_a_better_letter_later_still_counts(lending: Any) -> None:
    lent = ask(lending)
    come_back(lending, lent, OTHER)
    come_back(lending, lent, number=1)
    assert kinds(lending) == ["relay"]


def test_further_letters_of_a_test_that_has_listed_its_host_decide_nothing_again(lending: Any) -> None:
    lent = ask(lending)
    come_back(lending, lent)
    decided = lending.verbs(HOST)
    expires = lending.casework.views.look_up(lending.at(HOST)).listings[0].expires
    come_back(lending, lent, number=1)
    assert lending.verbs(HOST) == [*decided, "return"]
    assert lending.casework.views.look_up(lending.at(HOST)).listings[0].expires == expires
    assert lending.casework.reporters.find("trusted").hits == 1


def test_no_letter_that_was_out_takes_back_an_operators_word_that_ended_a_listing(lending: Any) -> None:
    lent = ask(lending)
    lending.list_open(HOST)
    lending.later(seconds=60)
    network = parse_network(HOST)
    lending.casework.operators.drop_networks([network], kind="relay", reason="a mistake", actor="operator")
    assert come_back(lending, lent) is Finding.DELIVERED_SAME
    assert kinds(lending) == []


def test_a_machine_that_calls_itself_the_hosts_other_address_is_not_believed(lending: Any) -> None:
    lent = ask(lending, address="2001:db8::25")
    collected = lending.arrived(lent.letters[0].recipient, TESTER, RELAYED + lending.message(lent.letters[0]))
    assert lending.casework.arrivals.doubt(collected) is None


def test_trust_that_is_taken_back_is_back_for_letters_that_are_out(lending: Any) -> None:
    lent = ask(lending)
    lending.casework.reporters.tier("trusted", Tier.KNOWN, reason="x", actor="operator")
    come_back(lending, lent)
    assert kinds(lending) == ["unconfirmed"]


def test_trust_that_is_given_later_is_none_for_letters_that_are_out(lending: Any) -> None:
    lent = ask(lending, "known")
    lending.casework.reporters.tier("known", Tier.TRUSTED, reason="x", actor="operator")
    come_back(lending, lent)
    assert kinds(lending) == ["unconfirmed"]


def test_the_letters_of_who_was_suspended_show_nothing(lending: Any) -> None:
    lent = ask(lending)
    lending.casework.reporters.suspend("trusted", reason="x", actor="operator")
    come_back(lending, lent)
    assert kinds(lending) == []
    assert lending.casework.assignments.take_job("w1") is None


def test_letters_have_their_time(lending: Any) -> None:
    lent = ask(lending)
    lending.later(hours=24, seconds=1)
    lending.casework.upkeep.settle()
    found = lending.casework.views.run_report(lent.run.id).run
    assert (found.state, found.verdict) == (RunState.SETTLED, None)
    assert come_back(lending, lent) is Finding.FORGED
    assert kinds(lending) == []
    standing = lending.casework.views.look_up(lending.at(HOST))
    assert (standing.state, standing.runs) == (State.UNKNOWN, ()), "a test that nobody made shows"


def test_a_letter_for_one_host_says_nothing_about_another(lending: Any) -> None:
    lent = ask(lending)
    come_back(lending, lent, OTHER)
    assert kinds(lending, OTHER) == []


def test_a_remote_test_delists_nobody(lending: Any) -> None:
    ask(lending)
    lending.list_open(HOST)
    lending.later(days=2)
    lending.casework.upkeep.settle()
    assert kinds(lending) == ["relay"], "letters that did not come back took an address off the list"


def test_an_unconfirmed_letter_takes_nothing_from_a_listing_that_is_proven(lending: Any) -> None:
    lent = ask(lending, "known")
    lending.list_open(HOST)
    until = lending.casework.views.look_up(lending.at(HOST)).listings[0].expires
    come_back(lending, lent)
    [listing] = lending.casework.views.look_up(lending.at(HOST)).listings
    assert (listing.kind, listing.expires) == ("relay", until)


def test_what_our_own_test_found_closed_since_is_not_listed_by_an_older_letter(lending: Any) -> None:
    lent = ask(lending)
    lending.later(seconds=60)
    lending.nominate(HOST)
    lending.test(Outcome.RCPT_5XX)
    come_back(lending, lent)
    assert kinds(lending) == []


def test_who_gets_no_letters_is_told_why(lending: Any) -> None:
    assert "tier" in str(refused(lending, Refusal.OFF, "new"))
    refused(lending, Refusal.UNKNOWN_REPORTER, "nobody")
    refused(lending, Refusal.OWN_ADDRESS, came_from=HOST)
    lending.casework.operators.stop(reason="x", actor="operator")
    refused(lending, Refusal.OFF)
    lending.casework.operators.resume(reason="x", actor="operator")
    lending.casework.reporters.suspend("trusted", reason="x", actor="operator")
    refused(lending, Refusal.SUSPENDED)


def test_nobody_gets_letters_where_that_is_off(office: Any) -> None:
    office.casework.reporters.add("trusted", tier=Tier.TRUSTED, contact="", actor="operator")
    refused(office, Refusal.OFF)


def test_whom_we_do_not_test_others_do_not_test_with_our_letters(lending: Any) -> None:
    lending.casework.operators.exclude(parse_network("192.0.2.0/25"), reason="x", actor="operator")
    assert lending.settings.service.contact in str(refused(lending, Refusal.EXCLUDED)), "nobody is told whom to ask"
    lent = ask(lending, address="192.0.2.200")
    lending.casework.operators.exclude(parse_network("192.0.2.200"), reason="x", actor="operator")
    come_back(lending, lent, "192.0.2.200")
    assert kinds(lending, "192.0.2.200") == [], "an opt-out does not hold for a letter that comes back"


def test_a_host_rests_between_tests_whoever_makes_them(lending: Any) -> None:
    ask(lending)
    assert refused(lending, Refusal.RESTING, "known").retry_after == 7 * 86400
    lending.nominate(OTHER)
    refused(lending, Refusal.RESTING, address=OTHER)
    lending.test(Outcome.RCPT_5XX)
    refused(lending, Refusal.RESTING, address=OTHER)
    lending.later(days=7)
    ask(lending)
    ask(lending, address=OTHER)


def test_who_is_listed_needs_no_further_proof(lending: Any) -> None:
    lending.list_open(HOST)
    refused(lending, Refusal.ALREADY_LISTED)


def test_a_bad_sources_letters_are_refused_and_what_they_listed_is_taken_back(lending: Any) -> None:
    come_back(lending, ask(lending))
    assert kinds(lending) == ["relay"]
    lending.casework.purging.purge(bringers.read("api:reporter trusted"), reason="x", public="", actor="operator")
    assert kinds(lending) == []
    refused(lending, Refusal.SUSPENDED, address=OTHER)


def test_an_account_has_its_number_a_day(make_office: Callable[..., Any]) -> None:
    office = make_office(remote={"on": True}, reporters={"trusted_day": 2})
    office.casework.reporters.add("trusted", tier=Tier.TRUSTED, contact="", actor="operator")
    ask(office, address="192.0.2.1")
    ask(office, address="192.0.2.2")
    refused(office, Refusal.TOO_MANY, address="192.0.2.3")


def test_only_who_has_the_letters_sees_what_became_of_them(lending: Any) -> None:
    lent = ask(lending)
    come_back(lending, lent)
    found = lending.casework.remote.see(lent.run.id, "trusted")
    assert [(str(one.peer), one.finding) for one in found.returns] == [(HOST, Finding.DELIVERED_SAME)]
    assert [listing.kind for listing in found.listings] == ["relay"]
    for run, who in ((lent.run.id, "known"), ("a" * 16, "trusted")):
        with pytest.raises(NotFound):
            lending.casework.remote.see(run, who)
    lending.nominate(OTHER)
    own = lending.test(Outcome.RCPT_5XX)
    with pytest.raises(NotFound):
        lending.casework.remote.see(own.id, "trusted")


def test_lost_keys_end_remote_tests_without_a_word_about_their_hosts(lending: Any) -> None:
    lent = ask(lending)
    judging = lending.casework.assignments._judging
    with lending.store.write() as tx:
        assert judging.void_all(tx, lending.clock.now(), "keys lost") == 1
    found = lending.casework.views.run_report(lent.run.id).run
    assert (found.state, found.verdict) == (RunState.SETTLED, None)
    assert lending.casework.assignments.take_job("w1") is None


def test_grades_are_told_with_the_letters(lending: Any) -> None:
    assert (ask(lending).grade, ask(lending, "known", OTHER).grade) == (Grade.PROVEN, Grade.UNCONFIRMED)
    with lending.store.read() as tx:
        assert tx.jobs.of_run(ask(lending, address="192.0.2.40").run.id).state is JobState.DONE


def test_in_one_network_so_many_a_day(make_office: Callable[..., Any]) -> None:
    office = make_office(
        remote={"on": True},
        tester={
            "lab_networks": [],
            "per_network_day": 2,
            "helo": "t.list.net",
            "collector_domain": "c.list.net",
            "bounce_domain": "b.list.net",
        },
    )
    office.casework.reporters.add("trusted", tier=Tier.TRUSTED, contact="", actor="operator")
    ask(office, address="8.8.8.1")
    ask(office, address="8.8.8.2")
    assert refused(office, Refusal.TOO_MANY, address="8.8.8.3").retry_after == timedelta(days=1).total_seconds()
    ask(office, address="8.8.9.1")


def test_nobody_gets_letters_in_quiet_hours(make_office: Callable[..., Any]) -> None:
    office = make_office(remote={"on": True}, tester={"quiet_hours": [3]})
    office.casework.reporters.add("trusted", tier=Tier.TRUSTED, contact="", actor="operator")
    now = office.clock.now()
    office.clock.turn(hours=(3 - now.hour) % 24)
    refused(office, Refusal.OFF)
    office.clock.turn(hours=1)
    assert ask(office).letters


def test_who_is_listed_as_unconfirmed_gets_off_as_everybody_does(make_office: Callable[..., Any]) -> None:
    office = make_office(remote={"on": True, "confirm": False}, policy={"kinds": ["relay", "unconfirmed"]})
    office.casework.reporters.add("known", tier=Tier.KNOWN, contact="", actor="operator")
    come_back(office, ask(office, "known"))
    office.casework.doors.ask_removal(office.at(HOST), door=Door.WEB, actor="192.0.2.0/24", control=True)
    assert office.test(Outcome.RCPT_5XX).verdict is Verdict.CLOSED
    assert kinds(office) == []
    [past] = office.casework.views.look_up(office.at(HOST)).past
    assert (past.kind, past.end_reason) == ("unconfirmed", "retest-closed")
