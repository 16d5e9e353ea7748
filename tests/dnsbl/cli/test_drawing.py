"""What is wider than its place is told otherwise, and nothing of it is cut."""

from __future__ import annotations

import pytest
from rich.table import Table

from dnsbl.cli import drawing


def test_a_table_that_does_not_fit_is_told_a_line_a_fact_and_nothing_is_cut(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = Table("network", "told by", "to", "since", title="watches")
    table.add_row("2a01:4f8:c0c:1234::25", "", "joe@example.com", "2026-11-26 11:00:00 UTC")
    console = drawing.DataConsole(markup=False, emoji=False, highlight=False, soft_wrap=True, width=40)
    console.print(table)
    assert capsys.readouterr().out.splitlines() == [
        "watches",
        "network: 2a01:4f8:c0c:1234::25",
        "to: joe@example.com",
        "since: 2026-11-26 11:00:00 UTC",
        "",
    ]
    small = Table("network")
    small.add_row("2a01:4f8:c0c:1234::25")
    console.print(small)
    assert "│ 2a01:4f8:c0c:1234::25 │" in capsys.readouterr().out
