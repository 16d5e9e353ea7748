"""The bench of the transparency log measures what it says."""

from __future__ import annotations

from pathlib import Path

from bench.log import LeafCost, measure, told


def test_a_small_log_is_measured_and_told(tmp_path: Path) -> None:
    found = measure(tmp_path, entries=40, rounds=1, sizes=(1_137, 70_137))
    assert found.leaf > 0 and 300 < found.octets < 1000 and list(found.steps) == [1_137, 70_137]
    assert "70,137 leaves" in "\n".join(told(found))


def test_the_goal_is_told_by_how_a_step_grows() -> None:
    flat = LeafCost(entry=1.0, leaf=0.5, octets=500, steps={10: 1.0, 100: 1.5})
    assert told(flat)[-1].endswith("1.50 | met |")
    assert told(LeafCost(entry=1.0, leaf=0.5, octets=500, steps={10: 1.0, 100: 2.5}))[-1].endswith("MISSED |")
