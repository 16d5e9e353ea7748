"""The bench of looking up many at once: a real server answers what is listed, and the figures are of this."""

from __future__ import annotations

from pathlib import Path

from bench import lookups


def test_a_list_is_served_and_asked_and_told_in_figures(tmp_path: Path) -> None:
    found = lookups.measured(tmp_path, listings=300, requests=2)
    assert found.addresses == 2 * lookups.LIST
    assert found.per_second > 0 and found.per_cpu_second is not None
