"""Who may be surveyed now, as the list knows it, and what is said meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from dnsbl.cli import surveys
from dnsbl.daemons.surveyor import SurveyProgress
from tests.dnsbl.cli.conftest import Run
from tests.dnsbl.cli.test_surveying import neighbours, ports

__all__ = ["ports"]


def test_too_few_files_are_said_before_anybody_is_dialled(
    run: Run, tmp_path: Path, ports: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surveys, "granted", lambda: 60)
    with neighbours(tmp_path, ports):
        assert "grants 60 files" in run("survey", "run", "one", "--range", "127.66.0.1", code=1)


def test_a_survey_does_not_go_on_when_its_networks_are_not_authorized_any_more_or_its_time_is_over(
    run: Run, tmp_path: Path, ports: tuple[int, int]
) -> None:
    (tmp_path / "scan").write_text("Host: 127.66.0.3 ()\tStatus: Up\n")
    config = tmp_path / "config.toml"
    with neighbours(tmp_path, ports):
        run("survey", "run", "one", "--range", "127.66.0.3")
        run("survey", "run", "two", "--nmap", str(tmp_path / "scan"))
        config.write_text(config.read_text().replace("127.66.0.0/24", "127.66.0.0/31"))
        for name in ("one", "two"):
            assert "127.66.0.3" in run("survey", "run", name, code=1)
        config.write_text(config.read_text().replace("127.66.0.0/31", "127.66.0.0/24"))
        head = tmp_path / "state" / "surveys" / "one" / "survey.json"
        head.write_text(head.read_text().replace('"when": ""', '"when": "", "until": "2026-01-01"'))
        assert "its authorization has ended on 2026-01-01" in run("survey", "run", "one", code=1)
        head.write_text(head.read_text().replace('"format": 1', '"format": 1, "authorization_file": "/nowhere/leave"'))
        assert "/nowhere/leave: what has authorized it cannot be read" in run("survey", "run", "one", code=1)


def test_elsewhere_than_at_a_terminal_a_line_now_and_then_says_how_far_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with surveys._Teller() as teller:
        for done in range(1, 31):
            teller.tested(SurveyProgress(done=done, targets=30, answered=done, accepted=2, back=1, waits=""))
        teller.asked(499, 1200)
        teller.asked(500, 1200)
        teller.asked(1200, 1200)
    lines = capsys.readouterr().err.splitlines()
    assert len([line for line in lines if "tested" in line]) == 3
    assert lines[-2:] == ["DNS: 500 of 1,200 domains", "DNS: 1,200 of 1,200 domains"]
