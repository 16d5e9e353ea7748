"""Self-tests on a real store: consent, limits, and that they show the list nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from dnsbl.addresses import network_of
from dnsbl.errors import NotFound, Refused
from dnsbl.model import SelfTest
from dnsbl.rules import selftest
from dnsbl.vocabulary import Door, Extent, JobReason, JobState, Refusal, RunState, State
from tester.smtp import Outcome
from tester.verdict import Verdict

HOST, TWIN, OTHER = "192.0.2.25", "2001:db8::25", "192.0.2.26"


def ask(office: Any, address: str = HOST, *, ports: str = "25", token: str = "") -> SelfTest:
    found: SelfTest = office.casework.self_tests.ask(
        office.at(address), ports=ports, token=token, door=Door.API, actor="192.0.2.0/24"
    )
    return found


def refused(reason: Refusal, ask: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as error:
        ask()
    assert error.value.reason == reason
    return error.value


def test_consent_is_in_the_journal_before_anybody_dials(office: Any) -> None:
    found = ask(office, ports="25 587")
    assert (found.job.reason, found.job.profile, found.job.extent) == (JobReason.SELF_TEST, "full", Extent.CHOSEN)
    assert [(str(one.path.address), one.path.port) for one in found.paths] == [(HOST, 25), (HOST, 587)]
    asked, queued = office.casework.operators.journal(office.at(HOST))
    assert (asked.actor, asked.verb, asked.reason) == ("api 192.0.2.0/24", "asked-self-test", "asked-self-test")
    assert asked.evidence == f"consent, given from {HOST}: every form on ports 25 587 of {HOST}"
    assert (queued.verb, queued.reason) == ("job", "self-test")


def test_both_families_are_tested_when_both_are_shown(office: Any) -> None:
    token = office.casework.self_tests.token(office.at(TWIN))
    found = ask(office, token=token)
    assert [str(address) for address in found.addresses] == [HOST, TWIN]
    (told,) = office.casework.operators.journal(office.at(TWIN))
    assert told.verb == "asked-self-test"
    office.later(seconds=office.settings.self_test.token_seconds + 1)
    assert "too old" in str(refused(Refusal.NOT_SHOWN, lambda: ask(office, OTHER, token=token)))


def test_asking_twice_shows_the_test_that_goes_on(office: Any) -> None:
    assert ask(office).job.id == ask(office, ports="587").job.id
    office.test(Outcome.RCPT_5XX)
    assert ask(office).job.id != office.casework.self_tests.see(ask(office).job.run).job.id - 1


def test_an_open_one_is_told_and_not_listed(office: Any) -> None:
    run = ask(office).job.run
    assert office.test(Outcome.ACCEPTED, back=HOST).verdict is Verdict.OPEN
    found = office.casework.self_tests.see(run)
    assert found.over and selftest.result(found) == "open"
    standing = office.casework.views.look_up(office.at(HOST))
    assert (standing.state, standing.listings, standing.runs, standing.job) == (State.UNKNOWN, (), (), None)
    assert "listed" not in office.verbs(HOST)


def test_what_comes_out_of_a_second_machine_is_open_at_once_and_lists_nobody(office: Any) -> None:
    run = ask(office).job.run
    assert office.test(Outcome.ACCEPTED, back="198.51.100.9").verdict is Verdict.OPEN_MULTIHOP
    assert selftest.result(office.casework.self_tests.see(run)) == "open"
    assert office.casework.views.look_up(office.at(HOST)).state is State.UNKNOWN
    office.nominate(HOST)
    office.test(Outcome.ACCEPTED, back="198.51.100.9")
    assert office.casework.views.look_up(office.at(HOST)).state is not State.LISTED, "it counted as the first of two"


def test_it_lists_only_as_the_settings_say_and_then_by_its_own_address_alone(make_office: Any) -> None:
    office = make_office(self_test={"lists": True})
    ask(office)
    office.test(Outcome.ACCEPTED, back="198.51.100.9")
    assert office.casework.views.look_up(office.at(HOST)).state is State.UNKNOWN
    ask(office)
    office.test(Outcome.ACCEPTED, back=HOST)
    assert office.casework.views.look_up(office.at(HOST)).state is State.LISTED


@pytest.mark.parametrize("lists", [False, True])
def test_a_closed_one_ends_no_listing(make_office: Any, lists: bool) -> None:
    office = make_office(self_test={"lists": lists})
    office.list_open(HOST)
    run = ask(office).job.run
    assert office.test(Outcome.RCPT_5XX).verdict is Verdict.CLOSED
    assert selftest.result(office.casework.self_tests.see(run)) == "closed"
    assert office.casework.views.look_up(office.at(HOST)).state is State.LISTED


def test_it_takes_nobodys_place_and_gives_no_rest(office: Any) -> None:
    office.nominate(HOST)
    nominated = office.casework.views.look_up(office.at(HOST)).job
    assert ask(office).job.id != nominated.id
    first, second = office.take(), office.casework.assignments.take_job("w2")
    assert first.job.reason is JobReason.NOMINATION
    assert second is None, "two tests of one address at once"
    office.issue(first)
    office.talk(first, Outcome.RCPT_5XX)
    office.casework.assignments.file_run(first)
    assert office.test(Outcome.RCPT_5XX).reason is JobReason.SELF_TEST
    ask(office, OTHER)
    office.test(Outcome.RCPT_5XX)
    office.nominate(OTHER)  # is not refused as tested not long ago
    assert office.casework.views.look_up(office.at(OTHER)).job.reason is JobReason.NOMINATION


def test_a_self_test_is_no_second_silence_that_ends_a_listing(make_office: Any) -> None:
    office = make_office(self_test={"wait": 60})
    office.list_open(HOST)
    ask(office)
    office.test(Outcome.ACCEPTED)
    office.later(seconds=65)
    assert office.casework.upkeep.settle() == 1
    office.later(days=2)
    office.casework.doors.ask_removal(office.at(HOST), door=Door.WEB, actor="x")
    office.test(Outcome.ACCEPTED)
    office.later(seconds=office.settings.tester.delivery_window + 1)
    office.casework.upkeep.settle()
    assert office.casework.views.look_up(office.at(HOST)).state is State.LISTED


def test_a_result_is_there_after_minutes_and_a_late_letter_still_changes_it(office: Any) -> None:
    run = ask(office).job.run
    assert office.test(Outcome.ACCEPTED).state is RunState.WAITING
    assert selftest.result(office.casework.self_tests.see(run)) is None
    office.later(seconds=office.settings.self_test.wait + 5)
    office.casework.upkeep.settle()
    assert selftest.result(office.casework.self_tests.see(run)) == "unknown"
    office.come_back(run, HOST)
    assert selftest.result(office.casework.self_tests.see(run)) == "open"
    assert office.casework.views.look_up(office.at(HOST)).listings == ()


def test_what_was_put_off_is_offered_once_more_and_no_oftener(office: Any) -> None:
    run = ask(office).job.run
    assert office.test(Outcome.RCPT_4XX).state is RunState.OPEN
    office.later(seconds=361)
    assert office.test(Outcome.RCPT_4XX).state is RunState.SETTLED
    assert selftest.result(office.casework.self_tests.see(run)) == "unknown"


def test_there_are_limits_for_an_address_its_network_and_all(make_office: Any) -> None:
    office = make_office(self_test={"per_address": 2, "per_network": 4, "per_day": 5})

    def test(address: str) -> None:
        ask(office, address)
        office.test(Outcome.RCPT_5XX)
        office.later(seconds=1)

    test(HOST)
    test(HOST)
    error = refused(Refusal.TOO_MANY, lambda: ask(office))
    assert f"of {HOST}" in str(error)
    assert error.retry_after == 86400 - 2
    test(OTHER)
    test("192.0.2.27")
    assert "in 192.0.2.0/24" in str(refused(Refusal.TOO_MANY, lambda: ask(office, "192.0.2.28")))
    test("198.51.100.1")
    assert "altogether" in str(refused(Refusal.TOO_MANY, lambda: ask(office, "198.51.100.2")))
    office.later(days=1)
    test(HOST)


def test_the_limit_of_an_address_counts_for_it_as_a_second_one_too(make_office: Any) -> None:
    office = make_office(self_test={"per_address": 1})
    ask(office, TWIN)
    office.test(Outcome.RCPT_5XX)
    token = office.casework.self_tests.token(office.at(TWIN))
    assert f"of {TWIN}" in str(refused(Refusal.TOO_MANY, lambda: ask(office, token=token)))


def test_who_is_excluded_is_not_tested(office: Any) -> None:
    office.casework.operators.exclude(network_of(office.at(TWIN)), reason="owner", actor="operator")
    token = office.casework.self_tests.token(office.at(TWIN))
    refused(Refusal.EXCLUDED, lambda: ask(office, token=token))
    refused(Refusal.EXCLUDED, lambda: ask(office, TWIN))
    assert office.casework.operators.journal(office.at(HOST)) == []


def test_they_can_be_switched_off(make_office: Any) -> None:
    office = make_office(self_test={"on": False})
    refused(Refusal.OFF, lambda: ask(office))
    refused(Refusal.OFF, lambda: office.casework.self_tests.token(office.at(HOST)))


def test_a_result_is_shown_for_some_days_and_only_of_self_tests(office: Any) -> None:
    run = ask(office).job.run
    assert office.casework.self_tests.see(run).job.state is JobState.QUEUED
    office.clock.turn(seconds=timedelta(days=office.settings.self_test.keep_days).total_seconds() + 1)
    with pytest.raises(NotFound):
        office.casework.self_tests.see(run)
    job = office.nominate(OTHER)
    for other in (job.run, "nothing"):
        with pytest.raises(NotFound):
            office.casework.self_tests.see(other)


def test_a_host_is_not_called_closed_while_a_chosen_way_in_was_not_tried(office: Any) -> None:
    run = ask(office, ports="25 587").job.run
    assert office.test(Outcome.RCPT_5XX).state is RunState.SETTLED  # whoever tested has been to port 25 alone
    assert selftest.result(office.casework.self_tests.see(run)) == "unknown"
