"""What may be forgotten, and when."""

from datetime import UTC, datetime, timedelta

import pytest

from dnsbl.dns.secondaries import transfer
from dnsbl.rules.retention import REACH, Cutoffs, last_to_go
from dnsbl.settings import Settings

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def cutoffs(late_days: float = 1, **days: float) -> Cutoffs:
    tester = {"late_window": late_days * 86400, "delivery_window": 3600}
    return Cutoffs.of(Settings.model_validate({"retention": days, "tester": tester}), NOW)


def test_terms_are_days_before_now_and_nought_is_for_ever() -> None:
    found = cutoffs(tests_days=30, proofs_days=0, evidence_days=2.5, changes_days=0)
    assert found.tests == NOW - timedelta(days=30) and found.evidence == NOW - timedelta(days=2.5)
    assert found.proofs is None and found.changes is None
    assert cutoffs(tests_days=0).tests is None


def test_a_test_is_not_old_while_a_letter_of_it_may_come_back() -> None:
    assert cutoffs(late_days=9, tests_days=2).tests == NOW - timedelta(days=10)


def test_as_many_changes_stay_as_an_ixfr_reaches_back() -> None:
    assert REACH == transfer.MOST_STEPS


@pytest.mark.parametrize(
    ("last", "old", "counted", "shipped", "wanted"),
    [
        (REACH + 9, REACH + 9, REACH + 9, None, 9),
        (REACH + 9, 5, REACH + 9, None, 5),
        (REACH + 9, REACH + 9, 4, None, 4),
        (REACH + 9, REACH + 9, REACH + 9, 3, 3),
        (REACH + 9, REACH + 9, REACH + 9, 0, 0),
        (7, 7, 7, None, 0),
    ],
)
def test_a_change_goes_only_when_nobody_needs_it(
    last: int, old: int, counted: int, shipped: int | None, wanted: int
) -> None:
    assert last_to_go(last=last, old=old, counted=counted, shipped=shipped) == wanted
