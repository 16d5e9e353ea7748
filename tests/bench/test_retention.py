"""The bench of what is kept: a small day is lived and forgotten, and the figures are of this."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import retention
from dnsbl.settings import Settings
from dnsbl.store import Store


def test_a_day_is_lived_forgotten_and_told_in_figures(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/facts.db")
    store.upgrade()
    cost = retention.measured(store, Settings(), tests=8)
    store.close()
    assert cost.left["sessions"] < cost.made["sessions"] and cost.left["evidence"] < cost.made["evidence"]
    assert cost.left["journal"] >= cost.made["journal"]
    assert "A year of 10,000 tests a day" in retention.told(cost, 10_000)


def test_a_year_keeps_what_stays_of_all_and_the_rest_for_its_days() -> None:
    made, left = (
        {"sessions": 100.0, "evidence": 50.0, "journal": 10.0},
        {"sessions": 0.0, "evidence": 5.0, "journal": 10.0},
    )
    cost = retention.RetentionCost(
        database="x", tests=1, made=made, left=left, seconds=1, longest=1, days=10, evidence_days=30, file=(1, 1)
    )
    assert cost.year(2) == pytest.approx((2 * 365 * 160, 2 * (365 * 15 + 10 * 100 + 30 * 45)))
