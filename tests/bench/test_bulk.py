"""The bench of bulk loads, whose figures are told as they are."""

from bench.bulk import BulkCost, told


def test_waits_are_told_of_what_has_any() -> None:
    lines = told([BulkCost("list", 12.0, 8.0, 100.0, 500, 0.1, 0.25), BulkCost("export cidr", 3.0, 2.0, 90.0)])
    assert "list" in lines and "250" in lines and "export cidr" in lines.splitlines()[2]
    assert lines.splitlines()[2].rstrip().endswith("90")
