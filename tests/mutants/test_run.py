"""What is held over a mutant."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest


def test_where_no_test_calls_what_was_changed_the_change_is_not_noticed(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    run = importlib.import_module("run")
    assert run._hold(request.session, []) is None
