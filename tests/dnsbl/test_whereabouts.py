from __future__ import annotations

import os
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


def test_a_folder_that_one_may_not_enter_is_passed_over_and_a_file_in_a_usual_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bool:
        if path == second:
            return second.exists()
        raise PermissionError(13, "Permission denied", str(path))

    here, first, second = Path("here.toml"), tmp_path / "shut" / "a.toml", tmp_path / "b.toml"
    monkeypatch.setattr(Path, "is_file", refuse)
    monkeypatch.setattr(whereabouts, "USUAL", (here, second))
    assert whereabouts.usual() is None, "of the folder that one stands in nothing is known"
    second.touch()
    assert whereabouts.usual() == second
    os.unlink(second)
    monkeypatch.setattr(whereabouts, "USUAL", (here, first))
    assert whereabouts.usual() == first, "defaults in its place would be another list"
