"""Which lines are counts of what."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address, ip_network

import pytest

from dnsbl.clock import day_of
from dnsbl.model import Entry, Return, Run, RunReport
from dnsbl.rules import statistics
from dnsbl.rules.statistics import (
    STEPS,
    Move,
    Statistics,
    date_of,
    document,
    of_entries,
    of_relay,
    of_steps,
    relay_of,
    step_of,
)
from dnsbl.vocabulary import DO_NOT_TEST, EXCEPTION, EXEMPT, JobReason, Measure, Reason, RunState
from tester import canary
from tester.fate import Fate
from tester.letter import Letter
from tester.smtp import Outcome
from tester.verdict import Finding

NOW = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)
DAY = day_of(NOW)
NETWORK = ip_network("192.0.2.1/32")


def entry(verb: str, **given: str) -> Entry:
    texts = {"actor": "policy", "subject": "192.0.2.1", "reason": "", "before": "", "after": "", "evidence": ""}
    return Entry(seq=1, at=NOW, verb=verb, previous="", hash="", **texts | given)


def step(*, present: bool, kind: str = "relay", stood: timedelta | None = None) -> Move:
    ended = {} if stood is None else {"since": NOW - stood, "end_reason": Reason.RETEST_CLOSED}
    return Move(network=NETWORK, kind=kind, present=present, at=NOW, **ended)


def test_a_day_ends_at_midnight_of_utc() -> None:
    assert day_of(NOW) + 1 == day_of(NOW + timedelta(seconds=1))
    assert date_of(DAY) == NOW.date()


def test_each_length_of_time_has_one_step_up_to_its_own_time() -> None:
    bounds = [("1 h", 1), ("6 h", 6), ("1 d", 24), ("3 d", 72), ("7 d", 168), ("30 d", 720)]
    names = [name for name, _ in bounds]
    for (name, hours), wider in zip(bounds, [*names[1:], "later"], strict=True):
        within = timedelta(hours=hours)
        assert (step_of(within), step_of(within + timedelta(microseconds=1))) == (name, wider)
    assert [step_of(timedelta(days=days)) for days in (-1, 0, 4000)] == ["1 h", "1 h", "later"]
    assert [name for name, _ in STEPS] == [*names, "later"]


def test_a_listing_that_comes_and_goes_on_one_day_leaves_the_level_and_is_an_end() -> None:
    tally = of_steps([step(present=True), step(present=False, stood=timedelta(hours=2))])
    assert tally[Measure.LISTED, DAY, "relay"] == 0
    assert tally[Measure.ENDED, DAY, "retest-closed"] == tally[Measure.REMOVED, DAY, "6 h"] == 1
    one = {(Measure.LISTED, DAY, "relay"): 1}
    assert of_steps([step(present=True)]) == one
    assert of_steps([step(present=True), step(present=True), step(present=False)]) == one


def test_a_listing_of_which_it_is_not_known_why_or_since_when_it_ended_is_no_end() -> None:
    gone = step(present=False, stood=timedelta(hours=2))
    for half in (replace(gone, since=None), replace(gone, end_reason=None)):
        assert of_steps([half]) == {(Measure.LISTED, DAY, "relay"): -1}


def test_how_long_it_stood_is_counted_of_what_was_tested_itself_alone() -> None:
    tally = of_steps([step(present=False, kind=kind, stood=timedelta(days=1)) for kind in ("spam", "relay-output")])
    assert tally[Measure.ENDED, DAY, "retest-closed"] == 2
    assert not [key for key in tally if key[0] is Measure.REMOVED]


@pytest.mark.parametrize("kind", [EXCEPTION, EXEMPT, DO_NOT_TEST])
def test_what_is_spared_is_not_listed(kind: str) -> None:
    assert not of_steps([step(present=True, kind=kind)])


def test_a_run_counts_by_verdict_and_by_why_it_was_made() -> None:
    tally = of_entries([entry("run", reason="retest", before="running", after="CLOSED")])
    assert tally == {(Measure.VERDICTS, DAY, "CLOSED"): 1, (Measure.TESTS, DAY, "retest"): 1}


def test_a_verdict_that_singles_us_out_is_the_same_verdict() -> None:
    assert (
        of_entries([entry("run", reason="vantage", after="OPEN TESTER_SPECIFIC")])[Measure.VERDICTS, DAY, "OPEN"] == 1
    )


@pytest.mark.parametrize(
    "given",
    [
        {"reason": "self-test", "after": "OPEN"},
        {"reason": "remote", "after": "OPEN"},
        {"reason": "remote-proven", "after": "OPEN"},
        {"reason": "nomination", "after": "waiting"},
        {"reason": "nomination", "after": "shows nothing"},
        {"reason": "nomination", "after": ""},
        {"reason": "what a stranger wrote", "after": "OPEN"},
    ],
)
def test_what_is_no_judged_test_of_the_list_does_not_count(given: dict[str, str]) -> None:
    assert not of_entries([entry("run", **given)])


def test_a_nomination_counts_by_its_door_and_by_what_came_with_it() -> None:
    given = entry("nominated", actor="web 198.51.100.0/24", evidence="nomination 1, evidence sha256:00")
    assert of_entries([given]) == {(Measure.DOORS, DAY, "web"): 1, (Measure.SHOWN, DAY, "evidence"): 1}
    bare = entry("nominated", actor="feed somebody", evidence="nomination 2")
    assert of_entries([bare])[Measure.SHOWN, DAY, "words"] == 1
    assert not of_entries([entry("nominated", actor="nowhere else", evidence="nomination 3")])


def test_only_entries_that_may_count_are_read() -> None:
    assert set(statistics.VERBS) == {"run", "listed", "nominated"}


@pytest.mark.parametrize("verb", ["job", "listed", "letters", "expired", "path"])
def test_other_entries_count_nothing_by_themselves(verb: str) -> None:
    assert not of_entries([entry(verb, reason="nomination", after="OPEN", actor="web x")])


@pytest.mark.parametrize(
    ("given", "run"),
    [
        ({"reason": "letter-returned", "evidence": "run ab12"}, "ab12"),
        ({"reason": "letter-returned-elsewhere", "evidence": "run ab12"}, "ab12"),
        ({"reason": "letter-returned", "evidence": "run ab12: confirmed, of course"}, "ab12"),
        ({"reason": "letter-returned", "evidence": "run ab12 of 192.0.2.9"}, None),
        ({"reason": "twin-relays", "evidence": "run ab12"}, None),
        ({"reason": "operator", "evidence": "run ab12"}, None),
        ({"reason": "letter-returned", "evidence": "nothing"}, None),
    ],
)
def test_a_relay_is_what_its_own_run_has_listed(given: dict[str, str], run: str | None) -> None:
    assert relay_of(entry("listed", **given)) == run
    assert relay_of(entry("renewed", **given)) is None


# -- what a relay counts for -------------------------------------------------------------------------------------------
LETTER = Letter(
    recipient="ra",
    sender="sa",
    address=ip_address("192.0.2.1"),
    port=25,
    vector="S02",
    run="ab12",
    not_before=0,
    not_after=9,
    proof_hash=bytes(32),
)
MESSAGE = b"Received: from probe.b.test (unknown [172.18.0.1]) by hub.test (Postfix) with ESMTP id 4; x\r\n\r\n"


def relay(*forms: str, came: bool = True) -> RunReport:
    """The report of a run whose letters of these forms came back, the first of them with its message."""
    told = Run(
        id="ab12",
        address=LETTER.address,
        port=25,
        reason=JobReason.NOMINATION,
        profile="standard",
        state=RunState.SETTLED,
        started=NOW,
        ends=None,
        verdict=None,
        explanation="",
    )
    refused = Fate(letter=replace(LETTER, vector="S01"), outcome=Outcome.RCPT_5XX)
    back = Return(
        id=1,
        token="ra",
        run="ab12",
        received=NOW,
        peer=LETTER.address,
        helo="hub.test",
        finding=Finding.DELIVERED_SAME,
        explanation="",
        message=MESSAGE,
    )
    letters = [
        Fate(letter=replace(LETTER, vector=form), outcome=Outcome.ACCEPTED, finding=Finding.DELIVERED_SAME)
        for form in forms
    ]
    return RunReport(
        run=told, letters=(refused, *letters), transcripts=(), returns=(back,) if came else (), provocation=""
    )


def test_a_relay_counts_by_its_cause_its_software_and_the_first_form_that_came_back() -> None:
    assert of_relay(relay("S02", "S03"), DAY) == {
        (Measure.CAUSES, DAY, "client-address-lost"): 1,
        (Measure.SOFTWARE, DAY, "postfix"): 1,
        (Measure.FORMS, DAY, "S02"): 1,
    }
    unknown = {(Measure.CAUSES, DAY, "unknown"): 1, (Measure.SOFTWARE, DAY, "unknown"): 1}
    assert of_relay(relay(came=False), DAY) == unknown
    assert of_relay(relay(canary.FORM, "S05", came=False), DAY) == unknown | {(Measure.FORMS, DAY, "S05"): 1}


# -- what is told ------------------------------------------------------------------------------------------------------
SEEN = Statistics(
    at=NOW,
    late=False,
    first=date(2026, 2, 28),
    last=date(2026, 3, 2),
    since=date(2026, 1, 1),
    listed={"relay": (5, 6, 8), "multihop": (1, 2, 3)},
    answers={"": (10, 20, 30), "relay": (1, 0, 2)},
    sums={Measure.VERDICTS: {"CLOSED": 7, "OPEN": 2}},
)


def test_of_some_days_each_is_told_what_stood_at_its_end_and_all_together() -> None:
    assert SEEN.days == [date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 2)]
    assert [SEEN.on_list(day) for day in (0, 1, 2)] == [6, 8, 11] and SEEN.on_list() == 11
    assert (SEEN.total(Measure.VERDICTS), SEEN.total(Measure.TESTS)) == (9, 0)


@pytest.mark.parametrize(
    ("since", "empty", "begun_today"),
    [(None, True, False), (date(2026, 3, 2), False, True), (date(2026, 3, 1), False, False)],
)
def test_it_is_told_whether_anything_was_counted_and_whether_only_today(
    since: date | None, empty: bool, begun_today: bool
) -> None:
    seen = replace(SEEN, since=since)
    assert (seen.empty, seen.begun_today) == (empty, begun_today)


def test_the_document_has_every_measure_by_its_name_and_what_each_zone_answers_for_now() -> None:
    zones = {"all.test": ["relay", "multihop", "manual"], "multi.test": ["multihop"], "none.test": []}
    told = document(SEEN, zones)
    assert told == {
        "at": "2026-03-01T23:59:59Z",
        "late": False,
        "since": "2026-01-01",
        "days": ["2026-02-28", "2026-03-01", "2026-03-02"],
        "listed": {"relay": [5, 6, 8], "multihop": [1, 2, 3]},
        "zones": {"all.test": 11, "multi.test": 3, "none.test": 0},
        "answers": {"": [10, 20, 30], "relay": [1, 0, 2]},
        "verdicts": {"CLOSED": 7, "OPEN": 2},
        **{name: {} for name in ("ended", "removed", "tests", "causes", "forms", "software", "countries")},
        **{name: {} for name in ("doors", "shown")},
    }
    assert document(replace(SEEN, since=None), {})["since"] is None
