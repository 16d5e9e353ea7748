"""Which lines are counts of what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest

from dnsbl.clock import day_of
from dnsbl.model import DO_NOT_TEST, EXCEPTION, EXEMPT, Entry, Measure, Reason
from dnsbl.rules import statistics
from dnsbl.rules.statistics import STEPS, Move, date_of, of_entries, of_steps, relay_of, step_of

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


@pytest.mark.parametrize(
    ("stood", "name"),
    [
        (timedelta(0), "1 h"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=1, microseconds=1), "6 h"),
        (timedelta(hours=24), "1 d"),
        (timedelta(days=3), "3 d"),
        (timedelta(days=30), "30 d"),
        (timedelta(days=30, seconds=1), "later"),
        (timedelta(days=4000), "later"),
        (timedelta(seconds=-1), "1 h"),
    ],
)
def test_each_length_of_time_has_one_step(stood: timedelta, name: str) -> None:
    assert step_of(stood) == name


def test_the_steps_grow() -> None:
    assert [within for _, within in STEPS] == sorted(within for _, within in STEPS)


def test_a_listing_that_comes_and_goes_on_one_day_leaves_the_level_and_is_an_end() -> None:
    tally = of_steps([step(present=True), step(present=False, stood=timedelta(hours=2))])
    assert tally[Measure.LISTED, DAY, "relay"] == 0
    assert tally[Measure.ENDED, DAY, "retest-closed"] == tally[Measure.REMOVED, DAY, "6 h"] == 1


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
    assert of_entries([given]) == {(Measure.DOORS, DAY, "web"): 1, (Measure.SHOWN, DAY, statistics.EVIDENCE): 1}
    bare = entry("nominated", actor="feed somebody", evidence="nomination 2")
    assert of_entries([bare])[Measure.SHOWN, DAY, statistics.WORDS] == 1
    assert not of_entries([entry("nominated", actor="nowhere else", evidence="nomination 3")])


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
