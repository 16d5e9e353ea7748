"""Outputs of relays: known to their owners first, listed after a delay, and gone with what they are outputs of."""

from __future__ import annotations

import json
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from dnsbl.dns.listed.table import Table
from dnsbl.errors import Refused
from dnsbl.model import Standing
from dnsbl.store import Store
from dnsbl.vocabulary import Door, JobReason, Reason, Refusal, RunState, State
from tester.smtp import Control, Outcome
from tester.verdict import Verdict

INPUT, OUTPUT, OTHER, SIX = "192.0.2.1", "198.51.100.1", "198.51.100.2", "2001:db8::25"
KINDS = ["relay", "multihop", "relay-output"]
MAILING = {"smarthost": "smart.example", "sender": "list@list.example"}


def keeping(make_office: Any, **terms: object) -> Any:
    return make_office(policy={"kinds": KINDS} | terms, notices=MAILING)


def hold(office: Any, *peers: str, says: Outcome = Outcome.RCPT_5XX) -> Any:
    """Hold the test that is due; a letter for each of these peers comes back through it, and the rest is refused."""
    assignment = office.take()
    if not assignment.letters:
        office.issue(assignment)
    taken = {fate.letter.vector for fate in office.letters(assignment.job.run)[: len(peers)]}
    office.talk(assignment, lambda vector: Outcome.ACCEPTED if vector in taken else says, control=Control.ACCEPTED)
    office.clock.turn(seconds=10)
    for number, peer in enumerate(peers):
        office.come_back(assignment.job.run, peer, number=number)
    return office.casework.assignments.file_run(assignment)


def relay(office: Any, *peers: str, input: str = INPUT) -> Any:
    """Find a multi-hop relay whose letters come out of these in two tests, an hour apart."""
    office.nominate(input)
    hold(office, *peers)
    office.later(hours=1)
    run = hold(office, *peers)
    assert run.verdict is Verdict.OPEN_MULTIHOP
    return run


def at(office: Any, address: str = OUTPUT) -> Standing:
    found: Standing = office.casework.views.look_up(ip_address(address))
    return found


def kinds(office: Any, address: str = OUTPUT) -> list[str]:
    return [listing.kind for listing in at(office, address).listings]


def retested(office: Any, *peers: str, says: Outcome = Outcome.RCPT_5XX, input: str = INPUT) -> Any:
    """Somebody asks for the retest of the input, of the whole host, and it is held."""
    office.casework.doors.ask_removal(ip_address(input), door=Door.WEB, actor="owner")
    return hold(office, *peers, says=says)


def entries(office: Any, verb: str, address: str = OUTPUT) -> list[Any]:
    return [entry for entry in office.casework.operators.journal(ip_address(address)) if entry.verb == verb]


def test_no_output_is_listed_or_even_remembered_where_no_kind_is_for_it(make_office: Any) -> None:
    office = make_office()
    relay(office, OUTPUT)
    assert (at(office).state, at(office).inputs, kinds(office, INPUT)) == (State.UNKNOWN, (), ["multihop"])
    office.later(days=8)
    assert office.casework.upkeep.follow_outputs() == 0


@pytest.mark.parametrize("output", [OUTPUT, SIX])
def test_an_output_is_pending_with_its_date_and_then_listed_in_dns(make_office: Any, output: str) -> None:
    office = keeping(make_office)
    run = relay(office, output)
    found, now = at(office, output), office.clock.now()
    (coming,) = found.forthcoming
    assert (found.state, found.listings, coming.kind) == (State.PENDING, (), "relay-output")
    assert coming.due == coming.since + timedelta(days=7) and now - coming.since < timedelta(minutes=1)
    assert [str(each.input.network_address) for each in found.inputs] == [INPUT]
    (entry,) = entries(office, "announced", output)
    assert (entry.actor, entry.reason, entry.evidence) == ("policy", "came-out", f"run {run.id} of {INPUT}")
    assert entry.after == f"relay-output from {coming.due:%Y-%m-%dT%H:%M:%SZ} on"
    office.clock.turn(seconds=(coming.due - now).total_seconds() - 1)
    assert office.casework.upkeep.follow_outputs() == 0
    office.later(seconds=1)
    assert office.casework.upkeep.follow_outputs() == 1
    assert office.casework.upkeep.follow_outputs() == 0
    (listing,) = at(office, output).listings
    assert (listing.kind, listing.reason, listing.run) == ("relay-output", Reason.CAME_OUT, run.id)
    assert listing.expires == found.inputs[0].confirmed + timedelta(days=90), "by the proof, not by the day of listing"
    assert at(office, output).forthcoming == ()
    (entry,) = entries(office, "listed", output)
    assert (entry.before, entry.after) == ("not listed", "listed relay-output")
    rows = dict(Table.of(office.casework.contents.snapshot()[1]).rows())
    assert rows == {ip_network(INPUT): "multihop", ip_network(output): "relay-output"}
    assert office.casework.operators.verify_journal()


def test_with_no_delay_it_is_listed_with_its_input_and_so_are_others_that_show_later(make_office: Any) -> None:
    office = keeping(make_office, output_days=0)
    run = relay(office, OUTPUT, OTHER)
    assert run.verdict is Verdict.OPEN_MULTIHOP, "the first letter has judged it"
    assert kinds(office) == kinds(office, OTHER) == ["relay-output"]
    assert at(office).state is State.LISTED and at(office).forthcoming == ()


def test_each_kind_has_its_own_delay(make_office: Any) -> None:
    office = keeping(make_office, kinds=[*KINDS, "delayed-output"], output_days=0, delayed_output_days=20)
    relay(office, OUTPUT)
    assert kinds(office) == ["relay-output"]
    assert [coming.kind for coming in at(office).forthcoming] == ["delayed-output"]
    office.later(days=20)
    office.casework.upkeep.follow_outputs()
    assert kinds(office) == ["delayed-output", "relay-output"]


# -- its owner ---------------------------------------------------------------------------------------------------------
def notices(office: Any) -> list[tuple[str, str, dict[str, str]]]:
    return [
        (each.template, each.subject, json.loads(each.facts))
        for each in office.casework.dispatch.newest(most=20)
        if each.template == "output"
    ]


def test_its_owner_is_written_to_when_the_delay_begins_and_once(make_office: Any) -> None:
    office = keeping(make_office, kinds=[*KINDS, "delayed-output"])
    relay(office, OUTPUT)
    ((_, subject, facts),) = notices(office)
    assert subject == OUTPUT and facts["input"] == INPUT
    due = at(office).forthcoming[0].due
    assert facts["when"] == f"will be on our list from {due:%Y-%m-%d %H:%M} UTC on"
    retested(office, OUTPUT)
    assert len(notices(office)) == 1


def test_settings_may_leave_that_letter_out_and_may_ask_for_one_at_the_listing(make_office: Any) -> None:
    office = make_office(
        policy={"kinds": KINDS, "output_notice": False}, notices=MAILING | {"owner_kinds": ["relay-output"]}
    )
    relay(office, OUTPUT)
    assert notices(office) == []
    office.later(days=7)
    office.casework.upkeep.follow_outputs()
    ((_, subject, facts),) = notices(office)
    assert (subject, facts["when"]) == (OUTPUT, f"is on our list since {office.clock.now():%Y-%m-%d %H:%M} UTC")


def test_who_asks_for_its_removal_is_told_where_to_ask(make_office: Any) -> None:
    office = keeping(make_office)
    relay(office, OUTPUT)
    for _ in range(2):
        with pytest.raises(Refused, match=f"letters that {INPUT} had taken came out of it. Ask for the retest there"):
            office.casework.doors.ask_removal(ip_address(OUTPUT), door=Door.WEB, actor="owner")
        office.later(days=7)
        office.casework.upkeep.follow_outputs()
    assert kinds(office) == ["relay-output"]


def test_an_output_may_be_nominated_and_listed_for_itself(make_office: Any) -> None:
    office = keeping(make_office, output_days=0)
    relay(office, OUTPUT)
    office.nominate(OUTPUT)
    office.test(Outcome.ACCEPTED, back=OUTPUT)
    assert kinds(office) == ["relay", "relay-output"]
    retested(office)  # the input is closed
    assert kinds(office) == ["relay"]
    with office.store.read() as tx:
        assert tx.jobs.live(ip_address(OUTPUT)).reason is JobReason.RETEST, "what is planned for the relay stays"


# -- how it ends -------------------------------------------------------------------------------------------------------
def test_the_input_is_looked_at_once_more_before_and_when_it_is_closed_the_output_is_never_listed(
    make_office: Any,
) -> None:
    office = keeping(make_office)
    relay(office, OUTPUT)
    due = at(office).forthcoming[0].due
    next_test = at(office, INPUT).next_test
    assert next_test == due - timedelta(days=3)
    office.clock.turn(seconds=(next_test - office.clock.now()).total_seconds())
    assert hold(office).verdict is Verdict.CLOSED
    assert (at(office).state, at(office).forthcoming, at(office).inputs) == (State.UNKNOWN, (), ())
    (entry,) = entries(office, "spared")
    assert (entry.reason, entry.after) == ("input-closed", "not listed")
    office.later(days=30)
    office.casework.upkeep.follow_outputs()
    assert kinds(office) == []


def test_a_listed_output_goes_in_the_moment_in_which_its_last_input_is_found_closed(make_office: Any) -> None:
    office = keeping(make_office, output_days=0)
    relay(office, OUTPUT)
    relay(office, OUTPUT, input="192.0.2.2")
    retested(office)
    assert kinds(office) == ["relay-output"], "another relay's letters come out of it too"
    assert [each.reason for each in entries(office, "output-ended")] == ["input-closed"]
    retested(office, input="192.0.2.2")
    assert kinds(office) == []
    assert at(office).past[0].end_reason is Reason.INPUT_CLOSED
    assert list(Table.of(office.casework.contents.snapshot()[1]).rows()) == []


def test_a_doubt_about_the_input_is_none_in_favour_of_its_outputs(make_office: Any) -> None:
    office = keeping(make_office, output_days=0)
    relay(office, OUTPUT)
    retested(office, says=Outcome.CONN_TIMEOUT)
    assert kinds(office) == ["relay-output"]


def test_where_letters_come_out_elsewhere_the_old_output_goes_and_the_new_one_has_its_delay(make_office: Any) -> None:
    office = keeping(make_office)
    relay(office, OUTPUT)
    office.later(days=7)
    office.casework.upkeep.follow_outputs()
    retested(office, OTHER)
    assert kinds(office) == []
    assert at(office).past[0].end_reason is Reason.CAME_OUT_ELSEWHERE
    assert at(office, OTHER).forthcoming == (), "one test alone has shown it"
    office.later(days=1)
    retested(office, OTHER)
    assert at(office, OTHER).forthcoming[0].due > office.clock.now() + timedelta(days=6)


def test_a_relay_that_delivers_by_itself_now_begins_no_output_and_keeps_what_is_shown(make_office: Any) -> None:
    office = keeping(make_office, output_days=0)
    relay(office, OUTPUT)
    run = retested(office, INPUT, OUTPUT, OTHER)
    assert run.verdict is Verdict.OPEN
    assert (kinds(office, INPUT), kinds(office), kinds(office, OTHER)) == (["relay"], ["relay-output"], [])


def test_a_proof_renews_what_is_listed(make_office: Any) -> None:
    office = keeping(make_office, output_days=0)
    relay(office, OUTPUT)
    office.later(days=13)
    run = retested(office, OUTPUT)
    (listing,) = at(office).listings
    assert (listing.run, listing.expires) == (run.id, office.clock.now() + timedelta(days=90))
    assert len(office.casework.contents.changes(0)) == 2, "DNS hears nothing"


def test_without_fresh_proof_it_ends_with_its_input(make_office: Any) -> None:
    office = keeping(make_office, output_days=0, retest_days=[200])
    relay(office, OUTPUT)
    office.later(days=91)
    office.casework.upkeep.expire()
    office.casework.upkeep.follow_outputs()
    assert kinds(office) == kinds(office, INPUT) == []
    assert at(office).inputs == ()
    assert office.casework.upkeep.follow_outputs() == 0


def test_what_leaves_the_list_between_two_looks_takes_its_outputs_with_it(make_office: Any) -> None:
    office = keeping(make_office, output_days=0)
    relay(office, OUTPUT)
    for _ in range(2):
        assert office.casework.upkeep.follow_outputs() == 0
        office.later(seconds=5)
    office.casework.operators.drop_networks([ip_network(INPUT)], kind="multihop", reason="no", actor="operator a")
    office.later(seconds=4)
    assert office.casework.upkeep.follow_outputs() == 1
    assert kinds(office) == []


@pytest.mark.parametrize("days", [0, 7])
def test_it_goes_with_its_input_whatever_takes_that_off_the_list(make_office: Any, days: int) -> None:
    office = keeping(make_office, output_days=days)
    relay(office, OUTPUT)
    office.casework.operators.drop_networks([ip_network(INPUT)], kind="multihop", reason="no", actor="operator a")
    assert office.casework.upkeep.follow_outputs() == 1
    assert (kinds(office), at(office).state) == ([], State.UNKNOWN)
    (entry,) = entries(office, "spared" if days else "delisted")
    assert (entry.reason, entry.after) == ("input-gone", "not listed")


@pytest.mark.parametrize("excluded_first", [True, False])
def test_an_excluded_network_has_no_listed_outputs(make_office: Any, excluded_first: bool) -> None:
    office = keeping(make_office)

    def exclude() -> None:
        office.casework.operators.exclude(ip_network("198.51.100.0/24"), reason="asked", actor="operator a")

    if excluded_first:
        exclude()
    relay(office, OUTPUT)
    if not excluded_first:
        exclude()
    assert bool(at(office).forthcoming) is not excluded_first
    office.later(days=7)
    office.casework.upkeep.follow_outputs()
    assert kinds(office) == []
    assert [entry.reason for entry in entries(office, "spared")] == [] if excluded_first else ["excluded"]


def test_special_and_own_addresses_are_no_outputs(make_office: Any) -> None:
    office = make_office(
        policy={"kinds": KINDS, "output_days": 0}, tester={"lab_networks": ["192.0.2.0/24", "203.0.113.0/24"]}
    )
    relay(office, OUTPUT)  # documentation space, which is no lab here
    assert kinds(office, INPUT) == ["multihop"] and kinds(office) == []


def test_a_kind_that_is_switched_off_meanwhile_lists_nobody(make_office: Any) -> None:
    office = keeping(make_office)
    relay(office, OUTPUT)
    without = type(office)(office.store, make_office().settings, clock=office.clock, worker="w2")
    office.later(days=7)
    assert without.casework.upkeep.follow_outputs() == 1
    assert kinds(office) == []
    assert [entry.reason for entry in entries(office, "spared")] == ["kind-off"]


def test_what_an_operator_drops_comes_back_only_with_a_new_proof_and_a_new_delay(make_office: Any) -> None:
    office = keeping(make_office, output_days=5)
    relay(office, OUTPUT)
    office.later(days=5)
    office.casework.upkeep.follow_outputs()
    office.casework.operators.drop_networks([ip_network(OUTPUT)], kind="relay-output", reason="no", actor="operator a")
    assert office.casework.upkeep.follow_outputs() == 0
    assert kinds(office) == []
    retested(office, OUTPUT)
    assert at(office).forthcoming[0].due == office.clock.now() + timedelta(days=5)


@pytest.mark.parametrize("days", [0, 7])
@pytest.mark.parametrize("ends", ["confirmed", "closed", "withdrawn"])
def test_where_an_operator_has_to_confirm_an_output_that_shows_later_is_proposed_after_its_delay(
    make_office: Any, days: int, ends: str
) -> None:
    office = keeping(make_office, output_days=days, approval=True)
    relay(office, OUTPUT)
    reviewing, word = office.casework.reviewing, {"reason": "seen", "actor": "operator a"}
    reviewing.confirm(ip_network(INPUT), kind="multihop", **word)
    for _ in range(2):
        office.later(days=1)
        retested(office, OUTPUT, OTHER)
    office.later(days=days)
    office.casework.upkeep.follow_outputs()
    assert (kinds(office), kinds(office, OTHER), at(office, OTHER).forthcoming) == (["relay-output"], [], ())
    assert [(str(each.network), each.kind) for each in reviewing.proposals()] == [(f"{OTHER}/32", "relay-output")]
    assert [each.reason for each in entries(office, "proposed", OTHER)] == ["awaits-operator"]
    office.later(days=1)
    retested(office, OUTPUT, OTHER)
    office.later(days=1)
    assert len(entries(office, "proposed", OTHER)) == 1, "once"
    if ends == "closed":
        retested(office)
        with pytest.raises(Refused):
            reviewing.confirm(ip_network(OTHER), kind="relay-output", **word)
    elif ends == "withdrawn":
        reviewing.withdraw(ip_network(OTHER), kind="relay-output", **word)
    else:
        reviewing.confirm(ip_network(OTHER), kind="relay-output", **word)
        (entry,) = entries(office, "listed", OTHER)
        assert (entry.actor, entry.before) == ("operator a", "proposed by policy")
    assert kinds(office, OTHER) == (["relay-output"] if ends == "confirmed" else [])
    assert reviewing.proposals() == []


def test_an_output_that_the_word_for_its_relay_has_listed_needs_a_new_one_after_a_drop(make_office: Any) -> None:
    office = keeping(make_office, output_days=0, approval=True)
    relay(office, OUTPUT)
    word = {"reason": "seen", "actor": "operator a"}
    office.casework.reviewing.confirm(ip_network(INPUT), kind="multihop", **word)
    assert kinds(office) == ["relay-output"]
    office.later(days=1)
    drop(office, OUTPUT, "relay-output")
    office.later(days=1)
    retested(office, OUTPUT)
    assert kinds(office) == []
    assert len(office.casework.reviewing.proposals()) == 1


def test_a_letter_that_a_test_was_still_waiting_for_shows_all_that_the_test_does(make_office: Any) -> None:
    office = keeping(make_office, output_days=0)
    relay(office, OUTPUT)
    office.later(days=1)
    office.casework.doors.ask_removal(ip_address(INPUT), door=Door.WEB, actor="owner")
    run = open_letters(office, window=False)
    assert run.state is RunState.WAITING
    office.come_back(run.id, OTHER)
    assert kinds(office) == [], "it comes out elsewhere"
    assert at(office).past[0].end_reason is Reason.CAME_OUT_ELSEWHERE


def test_no_further_letter_of_a_relay_that_delivers_by_itself_begins_an_output(make_office: Any) -> None:
    office = keeping(make_office, output_days=0)
    office.nominate(INPUT)
    for number in range(2):
        if number:
            office.later(days=1)
            office.casework.doors.ask_removal(ip_address(INPUT), door=Door.WEB, actor="owner")
        run = open_letters(office, INPUT, window=False)
        assert office.casework.views.run_report(run.id).run.verdict is Verdict.OPEN
        office.come_back(run.id, OUTPUT, number=4)
    assert (kinds(office), at(office).inputs) == ([], ())


def test_an_output_of_two_relays_is_listed_from_the_newest_proof_on(make_office: Any) -> None:
    office = keeping(make_office)
    relay(office, OUTPUT)
    office.later(days=2)
    relay(office, OUTPUT, input="192.0.2.2")
    proven = office.clock.now()
    office.later(days=5)
    office.casework.upkeep.follow_outputs()
    assert at(office).listings[0].expires == proven + timedelta(days=90)


def test_the_word_for_one_of_its_relays_lists_an_output(make_office: Any) -> None:
    office = keeping(make_office, output_days=20, approval=True)
    word = {"reason": "seen", "actor": "operator a"}
    for output, input in ((OUTPUT, INPUT), (OTHER, "192.0.2.2")):
        relay(office, output, input=input)
        office.casework.reviewing.confirm(ip_network(input), kind="multihop", **word)
    for _ in range(2):  # this comes out of it only after the word
        office.later(days=1)
        retested(office, OUTPUT, OTHER, input="192.0.2.2")
    assert len(at(office).inputs) == 2
    office.later(days=18)
    office.casework.upkeep.follow_outputs()
    assert kinds(office) == ["relay-output"]


def test_a_self_test_shows_the_list_no_outputs(make_office: Any) -> None:
    office = keeping(make_office, output_days=0)
    relay(office, OUTPUT)
    office.later(days=1)
    office.casework.self_tests.ask(ip_address(INPUT), ports="25", token="", door=Door.API, actor="192.0.2.0/24")
    run = open_letters(office, window=False)
    told = office.verbs(OUTPUT)
    for number in (0, 1):
        office.come_back(run.id, OUTPUT, number=number)
    assert office.casework.views.run_report(run.id).run.verdict is Verdict.OPEN_MULTIHOP
    assert office.verbs(OUTPUT) == told


def test_an_operator_s_word_lists_no_output_that_may_not_be_one_by_now(make_office: Any) -> None:
    office = keeping(make_office, output_days=0, approval=True)
    relay(office, OUTPUT)
    word = {"reason": "seen", "actor": "operator a"}
    office.casework.reviewing.confirm(ip_network(INPUT), kind="multihop", **word)
    office.later(days=1)
    drop(office, OUTPUT, "relay-output")
    office.later(days=1)
    retested(office, OUTPUT)
    assert [each.kind for each in office.casework.reviewing.proposals()] == ["relay-output"]
    without = type(office)(
        office.store, make_office(policy={"approval": True}).settings, clock=office.clock, worker="w2"
    )
    with pytest.raises(Refused) as error:
        without.casework.reviewing.confirm(ip_network(OUTPUT), kind="relay-output", **word)
    assert error.value.reason is Refusal.NOT_SHOWN
    office.casework.operators.exclude(ip_network(OUTPUT), reason="asked", actor="operator b")
    with pytest.raises(Refused) as error:
        office.casework.reviewing.confirm(ip_network(OUTPUT), kind="relay-output", **word)
    assert error.value.reason is Refusal.NOT_SHOWN, "nor one whose owner wishes to be left alone"
    assert kinds(office) == []


def last_look(office: Any, output: str) -> timedelta:
    """How long before this output is listed its relay is tested."""
    with office.store.read() as tx:
        job = tx.jobs.live(ip_address(INPUT))
    before: timedelta = at(office, output).forthcoming[0].due - job.due
    return before


def test_the_last_look_is_made_before_an_output_that_shows_later_too(make_office: Any) -> None:
    office = keeping(make_office)
    relay(office, OUTPUT)
    office.later(days=1)
    retested(office, OTHER)
    office.later(days=1)
    retested(office, OTHER)
    assert last_look(office, OTHER) == timedelta(days=3)


def test_the_last_look_is_made_for_an_output_that_a_late_letter_shows(make_office: Any) -> None:
    office = keeping(make_office, output_days=20, retest_days=[30])
    office.nominate(INPUT)
    open_letters(office, OUTPUT, OTHER)
    office.later(hours=30)
    run = open_letters(office, OUTPUT)
    office.later(days=2)
    office.come_back(run.id, OTHER, number=4)
    assert last_look(office, OUTPUT) == timedelta(days=3)


def test_the_last_look_is_made_for_an_output_that_only_a_late_letter_of_a_retest_begins(make_office: Any) -> None:
    office = keeping(make_office, retest_days=[30])
    office.nominate(INPUT)
    open_letters(office, OTHER)
    office.later(hours=30)
    open_letters(office, OUTPUT)
    office.casework.doors.ask_removal(ip_address(INPUT), door=Door.WEB, actor="owner")
    run = open_letters(office, SIX)
    assert not any(at(office, each).forthcoming for each in (OTHER, OUTPUT, SIX)), "each has come out of one test alone"
    office.come_back(run.id, OTHER, number=4)
    assert last_look(office, OTHER) == timedelta(days=3)


def test_nobody_s_request_uses_the_last_look_up(make_office: Any) -> None:
    office = keeping(make_office)
    relay(office, OUTPUT)
    office.later(hours=2)
    retested(office, OUTPUT)
    assert last_look(office, OUTPUT) == timedelta(days=3)


def test_nobody_s_request_puts_the_last_look_off(make_office: Any) -> None:
    office = keeping(make_office, removal_delay_days=(20, 20))
    relay(office, OUTPUT)
    office.casework.doors.ask_removal(ip_address(INPUT), door=Door.WEB, actor="from 203.0.113.0/24")
    assert last_look(office, OUTPUT) == timedelta(days=3)


# -- letters that come late, and words that stand ----------------------------------------------------------------------
STRANGER = "203.0.113.66"


def open_letters(office: Any, *peers: str, window: bool = True) -> Any:
    """Hold the test that is due, in which all letters are taken; one comes back from each of these."""
    assignment = office.take()
    if not assignment.letters:
        office.issue(assignment)
    office.talk(assignment, Outcome.ACCEPTED, control=Control.ACCEPTED)
    office.clock.turn(seconds=10)
    for number, peer in enumerate(peers):
        office.come_back(assignment.job.run, peer, number=number)
    run = office.casework.assignments.file_run(assignment)
    if window:
        office.clock.turn(seconds=office.settings.tester.delivery_window + 60)
        office.casework.upkeep.settle()
    return run


def unspent(office: Any, *peers: str) -> Any:
    """A multi-hop relay, by two tests some of whose letters have not come back; the second run."""
    office.nominate(INPUT)
    open_letters(office, *peers)
    office.later(hours=30)
    return open_letters(office, *peers)


@pytest.mark.parametrize("days", [0, 7])
def test_a_letter_of_a_test_that_a_newer_one_has_superseded_shows_no_outputs(make_office: Any, days: int) -> None:
    office = keeping(make_office, output_days=days)
    old = unspent(office, OUTPUT, OTHER)
    retested(office, OTHER)
    office.later(hours=1)
    before = [(at(office, each).listings, at(office, each).forthcoming) for each in (OUTPUT, OTHER)]
    for number, peer in enumerate([STRANGER, OUTPUT], start=3):
        office.come_back(old.id, peer, number=number)
    assert [(at(office, each).listings, at(office, each).forthcoming) for each in (OUTPUT, OTHER)] == before
    assert at(office, OUTPUT).inputs == at(office, STRANGER).inputs == ()
    assert len(at(office, OTHER).inputs) == 1


def test_a_late_letter_renews_no_output_but_the_one_that_brought_it(make_office: Any) -> None:
    office = keeping(make_office, output_days=0)
    run = unspent(office, OUTPUT, OTHER)
    expires = at(office).listings[0].expires
    office.later(days=3)
    office.come_back(run.id, STRANGER, number=3)
    office.come_back(run.id, OTHER, number=4)
    assert (at(office).listings[0].expires, len(at(office).inputs)) == (expires, 1)
    assert at(office, OTHER).listings[0].expires == office.clock.now() + timedelta(days=90)


def test_a_late_letter_that_changes_what_a_test_has_come_to_ends_no_output_but_renews_its_own(make_office: Any) -> None:
    office = keeping(make_office, output_days=0)
    unspent(office, OUTPUT, OTHER)
    expires = at(office).listings[0].expires
    office.casework.doors.ask_removal(ip_address(INPUT), door=Door.WEB, actor="owner")
    run = open_letters(office)
    assert office.casework.views.run_report(run.id).run.verdict is Verdict.ACCEPTS_LOSES
    office.come_back(run.id, OTHER)
    assert office.casework.views.run_report(run.id).run.verdict is Verdict.OPEN_MULTIHOP
    assert at(office).listings[0].expires == expires
    assert at(office, OTHER).listings[0].expires == office.clock.now() + timedelta(days=90)


def test_a_test_that_shows_nothing_supersedes_none(make_office: Any) -> None:
    office = keeping(make_office, output_days=0)
    run = unspent(office, OUTPUT)
    retested(office, says=Outcome.CONN_TIMEOUT)
    office.come_back(run.id, OUTPUT, number=4)
    assert at(office).listings[0].expires == office.clock.now() + timedelta(days=90)


@pytest.mark.parametrize("dropped", [True, False])
@pytest.mark.parametrize("days", [0, 5])
def test_whoever_is_excluded_is_no_output_after_the_next_test(make_office: Any, days: int, dropped: bool) -> None:
    office = keeping(make_office, output_days=days)
    relay(office, OUTPUT)
    office.later(days=days)
    office.casework.upkeep.follow_outputs()
    written = len(notices(office))
    office.casework.operators.exclude(ip_network(OUTPUT), reason="asked", actor="operator a")
    if dropped:
        drop(office, OUTPUT, "relay-output")
    office.later(days=1)
    for _ in range(2):
        retested(office, OUTPUT)
        office.later(days=1)
    relay(office, OUTPUT, input="192.0.2.2")
    assert (kinds(office), at(office).forthcoming, at(office).inputs) == ([], (), ())
    assert len(notices(office)) == written
    if not dropped:
        assert at(office).past[0].end_reason is Reason.EXCLUDED


def drop(office: Any, address: str, kind: str) -> None:
    office.casework.operators.drop_networks([ip_network(address)], kind=kind, reason="no", actor="operator a")


def let_go(office: Any, how: str, kind: str) -> None:
    if how == "word":
        office.casework.doors.ask_removal(ip_address(INPUT), door=Door.WEB, actor="owner", control=True)
    else:
        drop(office, INPUT, kind)
    assert kinds(office, INPUT) == []


@pytest.mark.parametrize("how", ["word", "drop"])
@pytest.mark.parametrize("peer", [INPUT, OUTPUT])
def test_no_letter_of_an_older_test_takes_back_a_word_that_ended_a_listing(
    make_office: Any, how: str, peer: str
) -> None:
    office = keeping(make_office, removal="request", output_days=0)
    run = unspent(office, OUTPUT)
    let_go(office, how, "multihop")
    office.casework.upkeep.follow_outputs()
    office.later(hours=1)
    office.come_back(run.id, peer, number=4)
    assert (kinds(office, INPUT), kinds(office)) == ([], [])


def test_no_last_look_is_made_of_a_relay_that_was_taken_off_the_list(make_office: Any) -> None:
    office = keeping(make_office)
    run = unspent(office, OUTPUT)
    drop(office, INPUT, "multihop")
    office.later(hours=1)
    office.come_back(run.id, OUTPUT, number=4)
    with office.store.read() as tx:
        assert tx.jobs.live(ip_address(INPUT)) is None


@pytest.mark.parametrize("how", ["word", "drop"])
def test_nor_does_one_of_a_test_that_was_under_way_and_a_surprise_follows_the_owner_s_word(
    make_office: Any, how: str
) -> None:
    office = keeping(make_office, removal="request")
    unspent(office, OUTPUT)
    office.clock.turn(days=14)
    run = open_letters(office, window=False)
    let_go(office, how, "multihop")
    office.clock.turn(seconds=10)
    office.come_back(run.id, INPUT)
    assert kinds(office, INPUT) == []
    with office.store.read() as tx:
        job = tx.jobs.live(ip_address(INPUT))
    assert job is None if how == "drop" else job.reason is JobReason.PROBATION


def test_what_singles_out_the_tester_is_news_once(make_office: Any) -> None:
    office = make_office(tester={"source_addresses": ["203.0.113.200", "203.0.113.201"]})
    office.nominate(INPUT)
    office.test(Outcome.RCPT_5XX)
    run = open_letters(office, INPUT, window=False)
    (listing,) = at(office, INPUT).listings
    for number in range(1, 4):
        office.later(hours=20)
        office.come_back(run.id, INPUT, number=number)
    assert at(office, INPUT).listings == (listing,)
    drop(office, INPUT, "relay")
    office.come_back(run.id, INPUT, number=5)
    assert kinds(office, INPUT) == []


# -- what begins one ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("days", [0, 7])
def test_letters_of_two_tests_begin_an_output_and_those_of_one_do_not(make_office: Any, days: int) -> None:
    office = keeping(make_office, output_days=days)
    office.nominate(INPUT)
    hold(office, OTHER)
    office.later(hours=1)
    assert hold(office, OUTPUT).verdict is Verdict.OPEN_MULTIHOP
    assert at(office).inputs == at(office, OTHER).inputs == ()
    office.later(days=1)
    run = retested(office, OUTPUT, STRANGER)
    office.come_back(run.id, STRANGER, number=2)
    assert len(at(office).inputs) == 1
    assert at(office, OTHER).inputs == at(office, STRANGER).inputs == ()
    office.later(days=1)
    retested(office, STRANGER)
    assert len(at(office, STRANGER).inputs) == 1


def test_a_letter_that_is_older_than_a_listing_may_become_is_not_the_first_of_two(make_office: Any) -> None:
    office = keeping(make_office, output_days=0, expiry_days=20, retest_days=[300])
    office.nominate(INPUT)
    hold(office, OTHER)
    office.later(hours=1)
    hold(office, OUTPUT)
    office.later(days=19)
    retested(office, STRANGER)
    office.later(days=19)
    retested(office, OUTPUT)
    assert at(office).inputs == ()


@pytest.mark.parametrize("protocol", ["ESMTPSA", "ESMTPA", "UTF8SMTPSA", "HTTP", "local", "ESMTP (authenticated: x)"])
@pytest.mark.parametrize("older", [True, False])
def test_what_a_user_of_the_output_has_handed_on_begins_and_renews_none(
    make_office: Any, protocol: str, older: bool
) -> None:
    office = keeping(make_office, output_days=0)
    line = (
        "Received: from a (a.example [192.0.2.1]) by smtp.big.example with {} id 1; Thu, 1 Jan 2026 00:00:00 +0000\r\n"
    )
    own, plain = (line.format(each).encode() for each in (protocol, "ESMTPS"))
    own, plain = (own + plain, plain) if not older else (plain + own, plain)
    office.nominate(INPUT)
    for _ in range(3):
        traced(office, own)
        office.later(hours=1)
        if not office.casework.views.look_up(ip_address(INPUT)).next_test:
            break
        if kinds(office, INPUT):
            office.casework.doors.ask_removal(ip_address(INPUT), door=Door.WEB, actor="owner")
    assert kinds(office, INPUT) == ["multihop"]
    assert at(office).inputs == ()
    for _ in range(2):
        traced(office, plain)
        office.later(days=1)
        office.casework.doors.ask_removal(ip_address(INPUT), door=Door.WEB, actor="owner")
    (listing,) = at(office).listings
    traced(office, own)
    assert at(office).listings == (listing,), "neither renewed nor ended"


def traced(office: Any, trace: bytes) -> None:
    """Hold the test that is due; its first letter comes back from the output with this trace."""
    assignment = office.take()
    if not assignment.letters:
        office.issue(assignment)
    first = office.issued(assignment.job.run)
    office.talk(assignment, lambda vector: Outcome.ACCEPTED if vector == first.vector else Outcome.RCPT_5XX)
    office.clock.turn(seconds=10)
    office.come_back(assignment.job.run, OUTPUT, message=trace + office.message(first))
    office.casework.assignments.file_run(assignment)


def test_an_output_that_an_operator_drops_stays_off_until_a_newer_test_shows_it(make_office: Any) -> None:
    office = keeping(make_office, output_days=0)
    run = unspent(office, OUTPUT)
    drop(office, OUTPUT, "relay-output")
    office.later(hours=1)
    office.come_back(run.id, OUTPUT, number=4)
    assert kinds(office) == []
    retested(office, OUTPUT)
    assert kinds(office) == ["relay-output"]


# -- a copy comes back -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("logged", [True, False])
def test_what_was_spared_after_the_copy_is_not_listed_by_it(
    make_office: Any, empty_url: str, tmp_path: Any, logged: bool
) -> None:
    office, log = keeping(make_office), tmp_path / "events.jsonl"
    relay(office, OUTPUT)
    copy = list(office.casework.restoring.backup())
    office.casework.shipping.ship_to(log)
    retested(office, OTHER)  # letters come out elsewhere, and the input stays listed
    office.casework.shipping.ship_to(log)
    store = Store(empty_url)
    fresh = type(office)(store, office.settings, clock=office.clock, worker="w2")
    lines = log.read_text().splitlines() if logged else None
    fresh.casework.restoring.restore(iter(copy), lines, reason="disk lost", actor="operator c")
    fresh.clock.turn(days=7)
    fresh.casework.upkeep.follow_outputs()
    assert kinds(fresh) == []
    assert fresh.casework.operators.verify_journal()
    store.close()
