"""Rounds of questions to all servers, and what is said of them."""

from __future__ import annotations

import pytest

from tests.dnsbl.cli.conftest import Run


def test_the_monitor_says_who_does_not_answer(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dnsbl.daemons.monitor.SECONDS", 0.05)
    monkeypatch.setenv("DNSBL_DNS__LISTEN", '["127.0.0.1:9"]')
    monkeypatch.setenv("DNSBL_DNS__SECONDARIES", '["127.0.0.1:7"]')
    monkeypatch.setenv("DNSBL_DNS__MONITOR", '["[::1]:9"]')
    run("listing", "add", "8.8.8.0/24", "--reason", "spam house")
    out = run("monitor", "--once", "--patience", "0", plain=True, code=1, both=True)
    assert [line.split()[0] for line in out.splitlines()] == ["127.0.0.1:9", "127.0.0.1:7", "[::1]:9"]
    assert out.count("does not answer for the zone") == 3
