from __future__ import annotations

from pathlib import Path

import pytest

from dnsbl import whereabouts


def test_the_first_usual_place_that_has_a_file_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "a.toml", tmp_path / "b.toml"
    monkeypatch.setattr(whereabouts, "USUAL", (first, second))
    assert whereabouts.usual() is None
    second.touch()
    assert whereabouts.usual() == second
    first.mkdir()
    assert whereabouts.usual() == second, "a folder is no configuration"
    first.rmdir()
    first.touch()
    assert whereabouts.usual() == first
