"""A decision done to the list: never without proof, and with the evidence that the journal names."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address, ip_network

import pytest

from dnsbl.casework import deciding
from dnsbl.errors import Damaged, Refused
from dnsbl.model import Decision
from dnsbl.vocabulary import Action, Door, JobReason, Reason, State
from tester.smtp import Control, Outcome
from tester.verdict import Verdict
from tests.dnsbl.casework.test_arrivals import bounce

HOST = "192.0.2.1"


def standing(office):
    return office.casework.views.look_up(ip_address(HOST))


def test_law_one_holds_even_if_policy_errs(office, monkeypatch) -> None:
    def list_all(*_: object) -> Decision:
        return Decision(action=Action.LIST, reason=Reason.LETTER_RETURNED, explanation="", kind="relay")

    monkeypatch.setattr(deciding.policy, "decide", list_all)
    office.nominate(HOST)
    with pytest.raises(Damaged, match="No letter of run"):
        office.test(Outcome.RCPT_5XX)
    assert standing(office).listings == ()
    assert standing(office).state is State.TESTING, "the verb left nothing half done"
    assert office.casework.contents.changes(0) == []


def test_bounces_list_as_backscatter_where_settings_say_so_with_the_report_as_proof(make_office) -> None:
    office = make_office(policy={"kinds": ["relay", "multihop", "backscatter"]})
    office.nominate(HOST)
    assignment = office.take()
    office.issue(assignment)
    office.talk(assignment, lambda vector: Outcome.ACCEPTED if vector == "S01" else Outcome.RCPT_5XX)
    run = office.casework.assignments.file_run(assignment)
    bounce(office, run.id)
    assert standing(office).last_verdict is Verdict.ACCEPTS_BOUNCES
    (listing,) = office.casework.views.look_up(ip_address(HOST)).listings
    assert (listing.kind, listing.reason, listing.run) == ("backscatter", Reason.BACKSCATTER, run.id)
    entry = next(e for e in office.casework.operators.journal(ip_address(HOST)) if e.verb == "listed")
    assert "message sha256:" in entry.evidence


def test_no_bounce_of_a_test_that_was_under_way_takes_back_an_operators_word(make_office) -> None:
    office = make_office(policy={"kinds": ["relay", "multihop", "backscatter"]})
    office.list_open(HOST)
    office.later(days=14)
    assignment = office.take()
    office.issue(assignment)
    office.talk(assignment, lambda vector: Outcome.ACCEPTED if vector == "S01" else Outcome.RCPT_5XX)
    run = office.casework.assignments.file_run(assignment)
    office.later(seconds=10)
    office.casework.operators.drop_networks([ip_network(HOST)], kind="relay", reason="no", actor="operator")
    office.later(seconds=10)
    bounce(office, run.id)
    assert (standing(office).last_verdict, standing(office).listings) == (Verdict.ACCEPTS_BOUNCES, ())


def test_what_is_put_into_words_is_what_was_done(office) -> None:
    """Each decision leaves its verb and the standing before and after it."""
    office.list_open(HOST)
    office.later(days=14)
    office.test(Outcome.ACCEPTED, back=HOST)
    office.casework.doors.ask_removal(ip_address(HOST), door=Door.WEB, actor="owner")
    office.test(Outcome.BANNER_5XX, control=Control.NOT_RUN)
    office.casework.doors.ask_removal(ip_address(HOST), door=Door.WEB, actor="another")
    office.test(Outcome.RCPT_5XX)
    office.later(days=4)
    office.test(Outcome.RCPT_5XX)
    verbs = ("listed", "renewed", "kept", "delisted", "not-listed")
    said = [(e.verb, e.before, e.after) for e in office.casework.operators.journal(ip_address(HOST)) if e.verb in verbs]
    assert said == [
        ("listed", "not listed", "listed relay"),
        ("renewed", "listed relay", "listed relay"),
        ("kept", "listed relay", "listed relay"),
        ("delisted", "listed relay", "not listed"),
        ("not-listed", "not listed", "not listed"),
    ]


# -- whoever has shown that the address is his -------------------------------------------------------------------------
def show(office) -> None:
    office.casework.ownership.show(ip_address(HOST), how="by a record", door=Door.WEB, actor="owner")


def nobody_is_there(office, *, last) -> None:
    """Three tests, after an hour and a day, find nobody, the last of them then."""
    office.clock.turn(seconds=(last - timedelta(hours=25) - office.clock.now()).total_seconds())
    office.casework.operators.order_test(ip_address(HOST), profile="standard", actor="operator")
    for hours in (1, 24, 0):
        run = office.test(Outcome.CONN_TIMEOUT, control=Control.NOT_RUN)
        office.later(hours=hours)
    assert run.verdict is Verdict.UNREACHABLE


@pytest.mark.parametrize(("passed", "stays"), [(timedelta(days=30), False), (timedelta(days=30, seconds=1), True)])
def test_that_an_address_is_somebodys_counts_for_thirty_days(office, passed: timedelta, stays: bool) -> None:
    office.list_open(HOST)
    show(office)
    nobody_is_there(office, last=office.clock.now() + passed)
    assert bool(standing(office).listings) is stays


@pytest.mark.parametrize(("passed", "stays"), [(timedelta(days=30), True), (timedelta(days=30, seconds=1), False)])
def test_an_owner_who_is_gone_gets_off_once_in_thirty_days(office, passed: timedelta, stays: bool) -> None:
    office.list_open(HOST)
    show(office)
    nobody_is_there(office, last=office.clock.now() + timedelta(days=3))
    released = office.clock.now()
    assert standing(office).past[0].end_reason is Reason.OWNER_GONE
    office.later(days=8)
    office.casework.operators.order_test(ip_address(HOST), profile="standard", actor="operator")
    office.test(Outcome.ACCEPTED, back=HOST)
    show(office)
    nobody_is_there(office, last=released + passed)
    assert bool(standing(office).listings) is stays


# -- seen from elsewhere, shown, proposed ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("sources", "again"),
    [
        (("203.0.113.1", "203.0.113.2"), True),
        (("203.0.113.1", "2001:db8::2"), False),
        (("203.0.113.1",), False),
        ((), False),
    ],
)
def test_a_second_look_needs_a_second_address_of_the_same_family(make_office, sources, again: bool) -> None:
    office = make_office(tester={"source_addresses": sources})
    office.list_open(HOST)
    office.casework.doors.ask_removal(ip_address(HOST), door=Door.WEB, actor="owner")
    office.test(Outcome.RCPT_5XX)
    assert bool(standing(office).listings) is again
    with office.store.read() as tx:
        assert (tx.jobs.live(ip_address(HOST)).reason is JobReason.VANTAGE) is again


def test_a_second_look_waits_for_the_second_address_where_the_worker_does_not_have_it(make_office) -> None:
    ours = [ip_address("203.0.113.1"), ip_address("203.0.113.2")]
    office = make_office(tester={"source_addresses": list(map(str, ours))})
    office.list_open(HOST)
    office.casework.doors.ask_removal(ip_address(HOST), door=Door.WEB, actor="owner")
    office.test(Outcome.RCPT_5XX)
    with office.store.read() as tx:
        first = ip_address(tx.guises.last(ip_address(HOST)).source)
    other = next(one for one in ours if one != first)
    take = office.casework.assignments.take_job
    assert take("w1", sources=[first]) is None, "the same address is no second one"
    told = office.casework.operators.journal(ip_address(HOST), most=1)[0]
    assert told.evidence == "the second address that we would dial from is not there"
    office.later(minutes=11)
    assignment = take("w1", sources=[other])
    assert (assignment.job.reason, assignment.guises[0].source) == (JobReason.VANTAGE, str(other))
    office.later(seconds=office.settings.tester.lease + 1)
    assert take("w2", sources=[first]) is None, "nor when it is taken up again"
    office.later(minutes=11)
    assert take("w2", sources=ours).job.run == assignment.job.run


@pytest.mark.parametrize("evidence", [b"spam", None])
def test_where_spam_must_be_seen_a_relay_is_listed_for_that_alone(make_office, evidence: bytes | None) -> None:
    office = make_office(policy={"spam_seen": True})
    office.nominate(HOST, evidence=evidence)
    office.test(Outcome.ACCEPTED, back=HOST)
    assert bool(standing(office).listings) is (evidence is not None)


def found(office, peer: str) -> None:
    """A letter comes back by this peer; from elsewhere in two runs."""
    for _ in range(1 if peer == HOST else 2):
        office.later(days=1)
        office.casework.operators.order_test(ip_address(HOST), profile="standard", actor="operator")
        office.test(lambda vector: Outcome.ACCEPTED if vector == "S01" else Outcome.UNTRIED, back=peer)


@pytest.mark.parametrize("kinds", [("relay", "multihop"), ("multihop", "relay")])
def test_when_an_operator_confirms_one_finding_older_ones_of_the_address_wait_no_longer(make_office, kinds) -> None:
    office = make_office(policy={"approval": True})
    for kind in kinds:
        found(office, HOST if kind == "relay" else "198.51.100.1")
    assert {one.kind for one in office.casework.reviewing.proposals()} == set(kinds)
    network = office.casework.reviewing.proposals()[0].network
    with pytest.raises(Refused, match=f"does not show it as {kinds[0]}"):
        office.casework.reviewing.confirm(network, kind=kinds[0], reason="seen", actor="operator a")
    office.casework.reviewing.confirm(network, kind=kinds[-1], reason="seen", actor="operator a")
    assert office.casework.reviewing.proposals() == []
    assert [one.kind for one in standing(office).listings] == [kinds[-1]]


def test_a_proposal_says_what_the_list_would_hold(make_office) -> None:
    office = make_office(policy={"approval": True})
    found(office, HOST)
    [entry] = [e for e in office.casework.operators.journal(ip_address(HOST)) if e.verb == "proposed"]
    assert (entry.before, entry.after) == ("not listed", "to be listed relay, when an operator confirms")
    assert office.casework.contents.changes(0) == []
