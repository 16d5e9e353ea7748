"""A test that was left out held nothing: where nothing may be missing it fails, and elsewhere its reason is shown."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.conftest import pytest_runtest_makereport

ROOT = Path(__file__).resolve().parents[2]


def reported(report: pytest.TestReport) -> pytest.TestReport:
    hook = pytest_runtest_makereport()
    next(hook)
    with pytest.raises(StopIteration) as end:
        hook.send(report)
    return end.value.value  # type: ignore[no-any-return]


def left_out() -> pytest.TestReport:
    return pytest.TestReport("a::b", ("a", 1, "b"), {}, "skipped", ("a.py", 1, "Skipped: there is no curl"), "setup")


def test_what_is_left_out_fails_where_nothing_may_be_missing_and_there_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SKIPS", raising=False)
    assert reported(left_out()).outcome == "skipped"
    monkeypatch.setenv("NO_SKIPS", "1")
    failed = reported(left_out())
    assert failed.outcome == "failed" and "there is no curl" in str(failed.longrepr)


def test_each_change_is_held_by_every_test_and_who_runs_them_sees_what_is_left_out() -> None:
    each, made = (ROOT / ".ci/run").read_text(), (ROOT / "Makefile").read_text()
    assert "export NO_SKIPS=1" in each and "\nmake test\n" in each
    runs = [line for line in made.splitlines() if "pytest" in line and "addopts= -rs" in line]
    assert len(runs) == 3 and all("@NO_SKIPS=1 " in line for line in runs), (
        "strangers and trials install what they need"
    )
    assert "-rs" in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["addopts"]
