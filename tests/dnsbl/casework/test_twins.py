"""A whole host on the list: its ways in, and its other addresses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from dnsbl.model import Run
from dnsbl.vocabulary import Door, JobReason, Reason, RunState, State
from tester import letter, vectors
from tester.fate import on
from tester.paths import Path, path
from tester.smtp import Control, Outcome, Result, Transcript
from tester.verdict import Finding, Verdict

O = Outcome  # noqa: E741
HOST, TWIN = "192.0.2.1", "2001:db8::1"
MAIN, SUBMISSION, BESIDE = path(ip_address(HOST), 25), path(ip_address(HOST), 587), path(ip_address(TWIN), 25)
NAME = "mail.host.test"


def hold(
    office: Any,
    says: Mapping[Path, Outcome],
    back: Mapping[Path, str] | None = None,
    *,
    reply: str = "554 5.7.1 Relay access denied",
) -> Run:
    """Hold the test that is due at these ways in; from those in `back` two letters return, by this peer, or
    each by one of these two."""
    assignment = office.take()
    job, now = assignment.job, office.clock.now().timestamp()
    for way, outcome in says.items():
        issued = [
            letter.issue(
                office.keyring,
                address=way.address,
                port=way.port,
                vector=form.id,
                run=job.run,
                not_before=int(now),
                not_after=int(now) + int(office.settings.tester.late_window),
                random=office.random,
            )
            for form in vectors.profile(job.profile)
        ]
        office.casework.assignments.file_letters(assignment, issued, way)
        results = tuple(
            Result(
                vector=one.vector,
                token=one.recipient,
                outcome=outcome,
                stage="TO",
                reply=reply,
                dot_at=2.5 if outcome is O.ACCEPTED else None,
            )
            for one in issued
        )
        said = Transcript(
            target=str(way.address),
            port=way.port,
            source="192.0.2.9:1",
            started=now,
            results=results,
            control=Control.ACCEPTED if outcome is O.RCPT_5XX else Control.NOT_RUN,
        )
        office.casework.assignments.file_session(assignment, said)
    office.clock.turn(seconds=10)
    for way, peer in (back or {}).items():
        come_back(office, job.run, way, peer)
    return office.casework.assignments.file_run(assignment)


def come_back(office: Any, run: str, way: Path, peers: str, *, twin: str = NAME) -> Finding:
    """The first letter of this way in, and the other stranger's, return; what the latter was found to be."""
    letters = [fate.letter for fate in on(way, office.letters(run)) if fate.letter.vector in ("S01", "S11")]
    for one, peer in zip(letters, (peers.split() * 2)[: len(letters)], strict=True):
        other_family = ip_address(peer).version != way.address.version
        arrived = office.arrived(one.recipient, peer, office.message(one))
        found: Finding = office.casework.arrivals.file_return(arrived, twin=twin if other_family else "")
    return found


def ask(office: Any) -> None:
    office.casework.doors.ask_removal(ip_address(HOST), door=Door.WEB, actor="owner")


def standing(office: Any, host: str = HOST) -> Any:
    return office.casework.views.look_up(ip_address(host))


def listed(office: Any) -> set[str]:
    return {host for host in (HOST, TWIN) if standing(office, host).listings}


def why(office: Any, host: str, verb: str) -> list[str]:
    return [e.reason for e in office.casework.operators.journal(ip_address(host)) if e.verb == verb]


def test_the_journal_names_ways_in_where_there_is_more_than_one(office: Any) -> None:
    office.list_open(HOST)
    assert "path" not in office.verbs(HOST)
    ask(office)
    run = hold(office, {MAIN: O.RCPT_5XX, SUBMISSION: O.CONN_REFUSED})
    journal = office.casework.operators.journal(ip_address(HOST))
    told = [e.after for e in journal if e.verb == "path"]
    assert told == ["192.0.2.1 port 25: CLOSED", "192.0.2.1 port 587: no service"]
    assert {(e.actor, e.evidence) for e in journal if e.verb == "path"} == {("policy", f"run {run.id}")}


def test_a_host_that_is_closed_at_every_way_in_is_delisted_and_the_journal_names_each(office: Any) -> None:
    office.list_open(HOST)
    ask(office)
    run = hold(office, {MAIN: O.RCPT_5XX, SUBMISSION: O.CONN_REFUSED, BESIDE: O.RCPT_5XX})
    assert (run.verdict, standing(office).state) == (Verdict.CLOSED, State.CLEAR)
    told = [e.after for e in office.casework.operators.journal(ip_address(HOST)) if e.verb == "path"]
    assert told == [
        "192.0.2.1 port 25: CLOSED",
        "192.0.2.1 port 587: no service",
        "2001:db8::1 port 25: CLOSED",
    ]
    report = office.casework.views.run_report(run.id)
    assert [(str(one.path.address), one.path.port, one.verdict) for one in report.paths] == [
        (HOST, 25, Verdict.CLOSED),
        (HOST, 587, Verdict.UNREACHABLE),
        (TWIN, 25, Verdict.CLOSED),
    ]


def test_of_a_listed_address_the_newest_of_each_way_in_is_known_and_of_another_none(office: Any) -> None:
    office.list_open(HOST)
    ask(office)
    hold(office, {MAIN: O.RCPT_5XX, SUBMISSION: O.ACCEPTED, BESIDE: O.CONN_REFUSED}, {SUBMISSION: HOST})
    known = {(str(one.path.address), one.path.port): one.verdict for one in standing(office).paths}
    assert known == {(HOST, 25): Verdict.CLOSED, (HOST, 587): Verdict.OPEN, (TWIN, 25): Verdict.UNREACHABLE}
    office.later(days=2)
    ask(office)
    hold(office, {MAIN: O.RCPT_5XX, SUBMISSION: O.RCPT_5XX})
    assert (standing(office).state, standing(office).paths) == (State.CLEAR, ())


def test_where_another_port_of_the_address_relays_the_listing_stays(office: Any) -> None:
    office.list_open(HOST)
    ask(office)
    run = hold(office, {MAIN: O.RCPT_5XX, SUBMISSION: O.ACCEPTED}, {SUBMISSION: HOST})
    assert (run.verdict, listed(office)) == (Verdict.OPEN, {HOST})
    assert why(office, HOST, "renewed") == [Reason.STILL_OPEN]


def test_a_port_that_has_relayed_and_then_blocks_us_keeps_the_listing(office: Any) -> None:
    office.list_open(HOST)
    ask(office)
    hold(office, {MAIN: O.RCPT_5XX, SUBMISSION: O.ACCEPTED}, {SUBMISSION: HOST})
    office.later(days=1)
    ask(office)
    run = hold(office, {MAIN: O.RCPT_5XX, SUBMISSION: O.CONN_REFUSED})
    assert (run.verdict, listed(office)) == (Verdict.INCONCLUSIVE, {HOST})
    office.later(days=1)
    ask(office)
    assert hold(office, {MAIN: O.RCPT_5XX, SUBMISSION: O.RCPT_5XX}).verdict is Verdict.CLOSED
    assert listed(office) == set()


def test_where_a_twin_relays_and_delivers_itself_the_listing_ends_and_nobody_is_listed_for_it(office: Any) -> None:
    office.list_open(HOST)
    ask(office)
    run = hold(office, {MAIN: O.RCPT_5XX, BESIDE: O.ACCEPTED}, {BESIDE: TWIN})
    assert run.verdict is Verdict.OPEN, "the host is not called closed"
    assert listed(office) == set()
    assert standing(office).past[0].end_reason is Reason.TWIN_RELAYS
    assert why(office, TWIN, "not-listed") == [Reason.TWIN_RELAYS]
    with office.store.read() as tx:
        assert tx.jobs.live(ip_address(HOST)).reason is JobReason.PROBATION
        assert tx.jobs.live(ip_address(TWIN)) is None


def test_where_a_twin_relays_out_of_the_listed_address_the_listing_stays(office: Any) -> None:
    office.list_open(HOST)
    ask(office)
    run = hold(office, {MAIN: O.RCPT_5XX, BESIDE: O.ACCEPTED}, {BESIDE: HOST})
    assert (run.verdict, listed(office)) == (Verdict.OPEN, {HOST})
    assert why(office, HOST, "renewed") == [Reason.STILL_OPEN]


def test_a_twin_that_relays_and_was_reported_is_listed(office: Any) -> None:
    office.list_open(HOST)
    office.nominate(TWIN)
    office.test(O.RCPT_5XX)
    assert listed(office) == {HOST}
    ask(office)
    hold(office, {MAIN: O.RCPT_5XX, BESIDE: O.ACCEPTED}, {BESIDE: TWIN})
    assert listed(office) == {TWIN}
    assert why(office, TWIN, "listed") == [Reason.LETTER_RETURNED]
    with office.store.read() as tx:
        assert tx.jobs.live(ip_address(TWIN)).reason is JobReason.RETEST


def test_a_letter_that_is_taken_over_one_family_and_leaves_over_the_other_is_no_hop(office: Any) -> None:
    office.nominate(HOST)
    run = hold(office, {MAIN: O.ACCEPTED}, {MAIN: TWIN})
    assert run.verdict is Verdict.OPEN
    assert listed(office) == {HOST, TWIN}
    assert why(office, TWIN, "listed") == [Reason.DELIVERED_FOR]
    assert [c.present for c in office.casework.contents.changes(0)] == [True, True]
    back = office.casework.views.run_report(run.id).returns[0]
    assert (str(back.peer), back.finding) == (TWIN, Finding.DELIVERED_SAME)
    assert NAME in back.explanation


def test_without_a_name_that_leads_to_both_it_is_a_hop_and_is_confirmed_first(office: Any) -> None:
    office.nominate(HOST)
    run = hold(office, {MAIN: O.ACCEPTED})
    assert run.state is RunState.WAITING
    assert come_back(office, run.id, MAIN, TWIN, twin="") is Finding.DELIVERED_OTHER
    assert listed(office) == set()


def test_when_the_whole_host_is_closed_the_twins_listing_ends_too(office: Any) -> None:
    office.nominate(HOST)
    hold(office, {MAIN: O.ACCEPTED}, {MAIN: TWIN})
    ask(office)
    hold(office, {MAIN: O.RCPT_5XX, BESIDE: O.RCPT_5XX})
    assert listed(office) == set()
    assert standing(office, TWIN).past[0].end_reason is Reason.RETEST_CLOSED
    with office.store.read() as tx:
        assert tx.jobs.live(ip_address(TWIN)) is None, "its planned retest has lost its reason"


def test_a_twin_that_has_opted_out_is_not_listed(office: Any) -> None:
    office.nominate(HOST)
    office.casework.operators.exclude(ip_network(TWIN), reason="asked", actor="operator")
    hold(office, {MAIN: O.ACCEPTED}, {MAIN: TWIN})
    assert listed(office) == {HOST}
    assert why(office, TWIN, "not-listed") == [Reason.EXCLUDED]


@pytest.mark.parametrize("order", [1, -1])
def test_each_way_in_of_a_whole_host_is_heard_before_anything_is_decided(office: Any, order: int) -> None:
    office.casework.operators.order_test(ip_address(HOST), profile="standard", actor="operator")
    ways = {MAIN: HOST, BESIDE: TWIN}
    run = hold(office, dict.fromkeys(list(ways)[::order], O.ACCEPTED), ways)
    assert (run.verdict, listed(office)) == (Verdict.OPEN, {HOST})
    assert [one.verdict for one in office.casework.views.run_report(run.id).paths] == [Verdict.OPEN, Verdict.OPEN]
    decided = [verb for verb in office.verbs(HOST) if verb in ("run", "listed", "renewed")]
    assert decided == ["run", "listed"], "it is decided once, when all have been heard"


def test_an_address_that_answers_again_and_blocks_us_where_it_relayed_is_not_given_up_as_gone(office: Any) -> None:
    office.list_open(HOST)
    ask(office)
    hold(office, {MAIN: O.RCPT_5XX, SUBMISSION: O.ACCEPTED}, {SUBMISSION: HOST})
    office.casework.ownership.show(ip_address(HOST), how="TXT", door=Door.WEB, actor="owner")
    office.later(days=1)
    order(office)
    for _ in range(2):
        hold(office, dict.fromkeys((MAIN, SUBMISSION), O.CONN_REFUSED))
        office.later(days=1.1)
    run = hold(office, {MAIN: O.RCPT_5XX, SUBMISSION: O.CONN_REFUSED})
    assert (run.reason, run.verdict) == (JobReason.UNREACHABLE, Verdict.INCONCLUSIVE)
    assert listed(office) == {HOST}, "three times nobody was said of the address, and not of a port"


# -- of its own showing ------------------------------------------------------------------------------------------------
def order(office: Any) -> None:
    office.casework.operators.order_test(ip_address(HOST), profile="standard", actor="operator")


def kinds(office: Any, host: str) -> list[str]:
    return [listing.kind for listing in standing(office, host).listings]


def report_twin(office: Any) -> None:
    """Somebody shows mail that came through the twin, which is found closed."""
    office.nominate(TWIN)
    office.test(O.RCPT_5XX)
    office.later(days=1)


def list_both(office: Any) -> None:
    office.nominate(HOST)
    hold(office, {MAIN: O.ACCEPTED}, {MAIN: TWIN})
    assert listed(office) == {HOST, TWIN}


def test_an_address_that_is_given_up_as_gone_takes_no_other_one_with_it(office: Any) -> None:
    list_both(office)
    office.casework.ownership.show(ip_address(HOST), how="TXT", door=Door.WEB, actor="owner")
    office.casework.doors.ask_removal(ip_address(HOST), door=Door.WEB, actor="owner", control=True)
    for _ in range(3):
        hold(office, {MAIN: O.CONN_REFUSED, BESIDE: O.BANNER_5XX})
        office.later(days=1.1)
    assert standing(office).past[0].end_reason is Reason.OWNER_GONE
    assert listed(office) == {TWIN}


@pytest.mark.parametrize("says", [O.CONN_REFUSED, O.BANNER_TIMEOUT])
def test_a_twin_with_nobody_behind_it_has_not_been_shown_closed(office: Any, says: Outcome) -> None:
    list_both(office)
    ask(office)
    assert hold(office, {MAIN: O.RCPT_5XX, BESIDE: says}).verdict is Verdict.CLOSED
    assert listed(office) == {TWIN}


def test_a_twin_is_listed_as_more_than_one_hop_only_when_two_tests_of_it_have_shown_that(office: Any) -> None:
    """The first is of another address than the twin, which has sent a letter on as well: that shows nothing of it."""
    office.list_open(HOST)
    report_twin(office)
    order(office)
    first = hold(office, {MAIN: O.ACCEPTED, BESIDE: O.RCPT_5XX}, {MAIN: "192.0.2.200"})
    office.later(days=3)
    office.casework.upkeep.settle()
    assert office.casework.views.run_report(first.id).run.state is RunState.SETTLED
    for expected in ([], ["multihop"]):
        order(office)
        run = hold(office, {MAIN: O.RCPT_5XX, BESIDE: O.ACCEPTED}, {BESIDE: "2001:db8:5::1"})
        office.later(days=3)
        office.casework.upkeep.settle()
        assert office.casework.views.run_report(run.id).run.state is RunState.SETTLED
        assert kinds(office, TWIN) == expected
    assert why(office, TWIN, "listed") == [Reason.LETTER_RETURNED_ELSEWHERE]


def test_a_twin_is_not_listed_under_a_kind_that_is_switched_off(make_office: Any) -> None:
    office = make_office(policy={"kinds": ["multihop"]})
    report_twin(office)
    order(office)
    assert hold(office, {MAIN: O.RCPT_5XX, BESIDE: O.ACCEPTED}, {BESIDE: TWIN}).verdict is Verdict.OPEN
    assert (listed(office), why(office, TWIN, "not-listed")[-1]) == (set(), Reason.KIND_OFF)


def test_who_delivers_for_a_host_that_is_not_listed_is_not_listed_either(make_office: Any) -> None:
    office = make_office(policy={"kinds": ["multihop"]})
    office.nominate(HOST)
    hold(office, {MAIN: O.ACCEPTED}, {MAIN: TWIN})
    assert listed(office) == set()


def test_a_late_letter_ends_no_output_of_a_twin_and_renews_the_one_that_brought_it(make_office: Any) -> None:
    one, other = "2001:db8:5::1", "2001:db8:6::1"
    office = make_office(policy={"kinds": ["relay", "multihop", "relay-output"], "output_days": 0})
    report_twin(office)
    for back in ({BESIDE: f"{one} {other}"}, {BESIDE: f"{one} {other}"}, {}):
        order(office)
        run = hold(office, {MAIN: O.RCPT_5XX, BESIDE: O.ACCEPTED}, back)
        office.later(days=3)
        office.casework.upkeep.settle()
    assert kinds(office, TWIN) == ["multihop"] and kinds(office, one) == kinds(office, other) == ["relay-output"]
    before = standing(office, other).listings
    come_back(office, run.id, BESIDE, one)
    assert standing(office, one).listings[0].expires == office.clock.now() + timedelta(days=90)
    assert standing(office, other).listings == before


@pytest.mark.parametrize("reply", ["554 5.7.1 Relay access denied", "554 no"])
def test_a_host_that_loses_our_letters_at_one_port_is_seen_from_elsewhere_where_another_may_refuse_us_alone(
    make_office: Any, reply: str
) -> None:
    office = make_office(tester={"source_addresses": ["203.0.113.1", "203.0.113.2"]})
    office.list_open(HOST)
    ask(office)
    hold(office, {MAIN: O.RCPT_5XX, SUBMISSION: O.ACCEPTED}, reply=reply)
    office.later(seconds=office.window.total_seconds() + 60)
    office.casework.upkeep.settle()
    found = standing(office)
    assert (found.last_verdict, found.state) == (Verdict.ACCEPTS_LOSES, State.LISTED)
    assert (found.job.reason is JobReason.VANTAGE) is (reply == "554 no")
