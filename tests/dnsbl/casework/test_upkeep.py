"""What happens because time has passed: windows close, listings end."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from ipaddress import ip_address, ip_network

import pytest

from dnsbl.casework.admission import EVIDENCE
from dnsbl.clock import day_of
from dnsbl.errors import Withheld
from dnsbl.rules import sending
from dnsbl.rules.sending import Sent
from dnsbl.store.kept import Account
from dnsbl.store.runs import Runs
from dnsbl.vocabulary import JobReason, Reason, RunState, State
from tester.smtp import Outcome
from tester.verdict import Verdict

HOST = "192.0.2.1"
ADDRESS = ip_address(HOST)


def test_a_run_is_settled_when_its_window_has_closed_and_not_before(office) -> None:
    office.nominate(HOST)
    run = office.test(Outcome.ACCEPTED)
    office.later(days=2)
    assert office.casework.upkeep.settle() == 0
    office.later(seconds=3)
    assert office.casework.upkeep.settle() == 1
    assert office.casework.upkeep.settle() == 0
    settled = office.casework.views.run_report(run.id).run
    assert (settled.state, settled.verdict) == (RunState.SETTLED, Verdict.ACCEPTS_LOSES)
    assert office.casework.views.look_up(ADDRESS).listings == ()


def test_settling_stops_at_its_bound_and_goes_on_next_time(office) -> None:
    for n in range(3):
        office.nominate(f"192.0.2.{n}")
        office.test(Outcome.ACCEPTED)
    office.later(days=3)
    assert [office.casework.upkeep.settle(most=2) for _ in range(3)] == [2, 1, 0]


def test_a_run_that_cannot_be_judged_keeps_no_other_waiting(office, monkeypatch) -> None:
    """The first one's error was the end of each call, so that no window closed any more."""
    for n in range(3):
        office.nominate(f"192.0.2.{n}")
        office.test(Outcome.ACCEPTED)
    office.later(days=3)
    judging = office.casework.upkeep._judging
    judge = judging.window_over

    def fails(tx, run, now) -> None:
        if run.address == ip_address("192.0.2.0"):
            judge(tx, run, now)  # what it has done by then is not kept
            raise KeyError(run.id)
        judge(tx, run, now)

    monkeypatch.setattr(judging, "window_over", fails)
    for _ in range(2):
        with pytest.raises(KeyError):
            office.casework.upkeep.settle()
    with office.store.read() as tx:
        assert [str(run.address) for run in tx.runs.under_way()] == ["192.0.2.0"]
    monkeypatch.undo()
    assert office.casework.upkeep.settle() == 1


def test_two_schedulers_settle_a_run_once(office, monkeypatch) -> None:
    office.nominate(HOST)
    run = office.test(Outcome.ACCEPTED)
    office.later(days=3)
    assert office.casework.upkeep.settle() == 1
    monkeypatch.setattr(Runs, "over", lambda *_, **__: [run.id])  # what the other one had read before
    assert office.casework.upkeep.settle() == 0


def test_a_listing_ends_ninety_days_after_its_last_proof(office) -> None:
    office.list_open(HOST)
    since = office.casework.views.look_up(ADDRESS).listings[0].since
    office.clock.turn(seconds=(since + timedelta(days=90) - office.clock.now()).total_seconds() - 1)
    assert office.casework.upkeep.expire() == 0
    office.later(seconds=1)
    assert office.casework.upkeep.expire() == 1
    assert office.casework.upkeep.expire() == 0
    standing = office.casework.views.look_up(ADDRESS)
    assert (standing.state, standing.past[0].end_reason) == (State.UNKNOWN, Reason.EXPIRED)
    assert [change.present for change in office.casework.contents.changes(0)] == [True, False]
    entry = office.casework.operators.journal(ADDRESS)[-1]
    assert (entry.verb, entry.reason, entry.before) == ("expired", "expired", "listed relay")


def test_an_expired_address_is_not_retested(office) -> None:
    office.list_open(HOST)
    assert office.casework.views.look_up(ADDRESS).job.reason is JobReason.RETEST
    office.later(days=91)
    office.casework.upkeep.expire()
    assert office.casework.views.look_up(ADDRESS).job is None
    assert office.casework.assignments.take_job("w") is None


def test_a_request_for_removal_outlives_the_listing(office) -> None:
    office.list_open(HOST)
    office.casework.operators.order_test(ADDRESS, profile="standard", actor="operator")
    office.later(days=91)
    office.casework.upkeep.expire()
    assert office.casework.views.look_up(ADDRESS).state is State.QUEUED


def test_an_operators_listing_does_not_expire_where_settings_ask_for_no_review(make_office) -> None:
    office = make_office(policy={"review_days": 0})
    office.casework.operators.list_networks([ip_network("192.0.2.0/24")], kind="spam", reason="x", actor="operator")
    office.later(days=4000)
    assert office.casework.upkeep.expire() == 0


def test_expiring_stops_at_its_bound(office) -> None:
    for n in range(3):
        office.list_open(f"192.0.2.{n}")
    office.later(days=91)
    assert [office.casework.upkeep.expire(most=2) for _ in range(3)] == [2, 1, 0]


# Too many at once


def crowd(make_office, count: int = 12, **terms: float):
    """A list of so many, listed at once for ninety days."""
    office = make_office(policy={"expiry_most": 5, "expiry_share": 0.5} | terms)
    more(office, "192.0.2", count)
    return office


def more(office, where: str, count: int) -> None:
    now = office.clock.now()
    networks = [ip_network(f"{where}.{n}/32") for n in range(count)]
    with office.store.write() as tx:
        tx.listings.add(networks, kind="spam", since=now, expires=now + timedelta(days=90), reason=Reason.OPERATOR)


def test_too_many_listings_at_once_end_only_at_an_operators_word(make_office) -> None:
    office = crowd(make_office)
    office.later(days=91)
    for _ in range(2):
        with pytest.raises(Withheld, match=r"^12 of 12 listings would end by their age at once, and none does"):
            office.casework.upkeep.expire()
    assert "dnsbl listing expire" in office.casework.upkeep.withheld()
    assert office.casework.views.look_up(ip_address("192.0.2.3")).listings
    assert office.casework.upkeep.expire_all(reason="it was off for long", actor="operator joe") == 12
    assert office.casework.upkeep.withheld() == ""
    assert office.casework.upkeep.expire() == 0
    word, *ends = office.casework.operators.journal(most=13)
    assert (word.actor, word.verb, word.subject, word.evidence) == (
        "operator joe",
        "expired",
        "list",
        "it was off for long",
    )
    assert word.after == "12 listings may end by their age"
    assert {(entry.actor, entry.verb, entry.evidence) for entry in ends} == {
        ("operator joe", "expired", "it was off for long")
    }
    assert [change.present for change in office.casework.contents.changes(0)] == [False] * 12


def test_a_small_share_ends_by_itself_and_a_larger_one_does_not(make_office) -> None:
    office = crowd(make_office)
    office.later(days=80)
    more(office, "198.51.100", 11)
    office.later(days=11)
    with pytest.raises(Withheld, match=r"^12 of 23"):
        office.casework.upkeep.expire()
    more(office, "203.0.113", 1)
    assert office.casework.upkeep.withheld() == ""
    assert office.casework.upkeep.expire() == 12


def test_a_few_end_by_themselves_whatever_their_share(make_office) -> None:
    office = crowd(make_office, 5)
    office.later(days=91)
    assert office.casework.upkeep.expire() == 5


def test_listings_without_an_end_are_no_part_of_the_share(make_office) -> None:
    office = crowd(make_office, review_days=0)
    office.casework.operators.list_networks(
        [ip_network(f"203.0.113.{n}/32") for n in range(100)], kind="spam", reason="x", actor="operator"
    )
    office.later(days=91)
    assert office.casework.upkeep.withheld().startswith("12 of 12")


# -- evidence ----------------------------------------------------------------------------------------------------------
MEGABYTE = 1024 * 1024


def test_evidence_beyond_the_bound_is_forgotten_oldest_first_and_that_of_listed_addresses_last(make_office) -> None:
    office = make_office(policy={"evidence_total_bytes": 2 * MEGABYTE})
    assert office.casework.upkeep.forget() == 0
    office.nominate("192.0.2.1", evidence=b"l" * MEGABYTE)
    office.test(Outcome.ACCEPTED, back="192.0.2.1")
    for n in (1, 2):
        office.later(hours=1)
        office.nominate(f"198.51.100.{n}", evidence=bytes([n]) * (MEGABYTE // 2))
    assert office.casework.upkeep.forget() == 0, "as much as may be kept"
    office.nominate("203.0.113.1", evidence=b"new" * 9)
    assert office.casework.upkeep.forget(most=1) == 1
    assert office.casework.upkeep.forget() == 0
    entry = office.casework.operators.journal()[-1]
    gone = sha256(b"\1" * (MEGABYTE // 2)).hexdigest()
    assert (entry.verb, entry.subject, entry.after) == (
        "forgotten",
        "list",
        f"{MEGABYTE // 2} octets of evidence dropped",
    )
    assert entry.evidence == f"1 messages, the oldest: sha256:{gone}"
    with office.store.read() as tx:
        assert tx.evidence.read(gone) is None
        assert tx.evidence.read(sha256(b"l" * MEGABYTE).hexdigest())
        assert tx.kept.of([EVIDENCE])[EVIDENCE].octets == MEGABYTE + MEGABYTE // 2 + 27


def test_where_all_evidence_is_of_listed_addresses_the_oldest_goes_all_the_same(make_office) -> None:
    office = make_office(policy={"evidence_total_bytes": MEGABYTE})
    for n in (1, 2):
        office.nominate(f"192.0.2.{n}", evidence=bytes([n]) * MEGABYTE)
        office.test(Outcome.ACCEPTED, back=f"192.0.2.{n}")
    assert office.casework.upkeep.forget() == 1
    with office.store.read() as tx:
        assert tx.evidence.read(sha256(b"\1" * MEGABYTE).hexdigest()) is None
        assert tx.evidence.read(sha256(b"\2" * MEGABYTE).hexdigest())


def test_what_was_a_relay_and_cannot_be_tested_any_more_is_listed_as_that_where_settings_say_so(make_office) -> None:
    kinds = ["relay", "multihop", "untestable"]
    office = make_office(policy={"kinds": kinds, "untestable_days": 30, "expiry_days": 20, "retest_days": [14]})
    office.list_open(HOST)
    office.later(days=15)
    office.test(Outcome.CONN_REFUSED)
    office.later(days=6)
    assert office.casework.upkeep.expire() == 1
    (listing,) = office.casework.views.look_up(ip_address(HOST)).listings
    assert listing.kind == "untestable"
    assert office.casework.contents.changes(0)[-1].kind == "untestable"
    assert "moved" in office.verbs(HOST)
    office.later(days=31)
    assert office.casework.upkeep.expire() == 1
    assert office.casework.views.look_up(ip_address(HOST)).listings == ()


@pytest.mark.parametrize(("says", "back", "kinds"), [(Outcome.RCPT_5XX, "", []), (Outcome.ACCEPTED, HOST, ["relay"])])
def test_an_untestable_relay_that_is_found_closed_is_off_at_once_and_an_open_one_is_a_relay_again(
    make_office, says: Outcome, back: str, kinds: list[str]
) -> None:
    terms = {"kinds": ["relay", "multihop", "untestable"], "expiry_days": 20, "retest_days": [14]}
    office = make_office(policy=terms)
    office.list_open(HOST)
    office.later(days=15)
    office.test(Outcome.CONN_REFUSED)
    office.later(days=6)
    office.casework.upkeep.expire()
    office.casework.operators.order_test(ip_address(HOST), profile="standard", actor="operator")
    office.test(says, back=back)
    assert [each.kind for each in office.casework.views.look_up(ip_address(HOST)).listings] == kinds


def test_a_listing_whose_last_test_showed_something_ends_as_ever(make_office) -> None:
    office = make_office(policy={"kinds": ["relay", "untestable"], "expiry_days": 20})
    office.list_open(HOST)
    office.later(days=21)
    assert office.casework.upkeep.expire() == 1
    assert office.casework.views.look_up(ip_address(HOST)).listings == ()


def test_counts_of_days_and_hours_that_are_over_are_dropped(office) -> None:
    day, hour = Account("of somebody", day_of(office.clock.now())), sending.slot_of(office.clock.now())
    with office.store.write() as tx:
        tx.kept.add([day], 7)
        tx.sent.add(["somebody"], hour, Sent(1, 1, 1))
    for hours, kept, sent in ((1, 1, 1), (4, 1, 0), (48, 0, 0)):
        office.later(hours=hours)
        office.casework.upkeep.forget()
        with office.store.read() as tx:
            assert (tx.kept.of([day])[day].messages, len(tx.sent.of(["somebody"], 0)["somebody"])) == (kept, sent)
