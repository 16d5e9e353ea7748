"""Rounds of questions to all servers, and what is said of them."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from dnsbl.cli import watching
from dnsbl.clock import HandClock
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


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> list[list[dict[str, object]]]:
    """What the servers say, round by round."""
    rounds: list[list[dict[str, object]]] = []

    async def said(opened: object) -> list[dict[str, object]]:
        return rounds.pop(0)

    monkeypatch.setattr(watching.monitor, "look", said)
    monkeypatch.setattr(watching, "AGAIN", 0.0)
    return rounds


def record(*trouble: str) -> dict[str, object]:
    return {"server": "192.0.2.1:53", "zone": "bl.test", "serial": 7, "trouble": list(trouble)}


def test_who_may_still_be_following_is_asked_again_until_all_is_fine(look, capsys: pytest.CaptureFixture[str]) -> None:
    look += [[record("has serial 6, 1 behind ours")], [record()], [record("never asked")]]
    opened = SimpleNamespace(clock=HandClock())
    assert watching.watch(opened, once=True, every=0.0, patience=1.0, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"ok": True, "servers": [record()]}
    assert len(look) == 1


def test_after_the_patience_trouble_is_told_in_words_that_a_terminal_takes_as_they_are(
    look, capsys: pytest.CaptureFixture[str]
) -> None:
    look += [[record("says [red]", "lags")], [record("never asked")]]
    opened = SimpleNamespace(clock=HandClock())
    assert not watching.watch(opened, once=True, every=0.0, patience=0.0, as_json=False)
    assert capsys.readouterr().out == f"{'192.0.2.1:53':<24} bl.test 7: says [red]; lags\n"
