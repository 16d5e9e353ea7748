"""A list's files are where the settings say, and tell by being there what kind of node this is."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from dnsbl import places
from dnsbl.settings import Settings

KEY = "Zm9sbG93IHRoZSB3aGl0ZSByYWJiaXQsIHBsZWFzZS4="
ELSEWHERE = "postgresql+psycopg://somebody@somewhere/dnsbl"


def settings_at(state: Path, **more: Any) -> Settings:
    return Settings.model_validate({"service": {"state_dir": state}} | more)


def test_the_database_is_what_was_configured_or_a_file_of_the_list(tmp_path: Path) -> None:
    assert places.database_url(settings_at(tmp_path)) == f"sqlite:///{tmp_path}/dnsbl.db"
    assert places.database_file(settings_at(tmp_path)) == tmp_path / "dnsbl.db"
    elsewhere = settings_at(tmp_path, database={"url": ELSEWHERE})
    assert places.database_url(elsewhere) == ELSEWHERE and places.database_file(elsewhere) is None


def test_a_list_has_begun_with_its_database_or_with_the_table_that_it_has_left(tmp_path: Path) -> None:
    for made in (places.table_path, places.database_file):
        assert not places.begun(settings_at(tmp_path))
        path = made(settings_at(tmp_path))
        assert path is not None
        path.touch()
        assert places.begun(settings_at(tmp_path))
        path.unlink()
    assert places.begun(settings_at(tmp_path, database={"url": ELSEWHERE}))


def test_in_a_folder_that_this_user_may_not_enter_nothing_has_begun_and_nobody_falls_over_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = os.stat

    def shut(path: Any, **more: Any) -> os.stat_result:
        if str(path).startswith(str(tmp_path / "state")):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return look(path, **more)

    monkeypatch.setattr(os, "stat", shut)
    given = settings_at(tmp_path / "state", follow={"key": KEY})
    assert (places.begun(given), places.follows(given), places.halted(given)) == (False, True, "")


def test_a_file_of_whatever_content_stops_this_machine_while_it_is_there(tmp_path: Path) -> None:
    given = settings_at(tmp_path)
    assert places.halted(given) == ""
    places.stop_path(given).touch()
    assert places.halted(given).startswith("an operator has stopped testing on this machine: ")
    assert str(tmp_path / "stop") in places.halted(given)


@pytest.mark.parametrize(
    ("more", "follows"),
    [
        ({"follow": {"url": "https://first.example.org/table", "key": KEY}}, True),
        ({"follow": {"key": KEY}}, True),  # by `serve --follow`
        ({"follow": {"key": KEY}, "database": {"url": ELSEWHERE}}, False),
        ({}, False),
    ],
)
def test_a_node_follows_by_its_settings_or_by_option_with_a_key_and_no_database(
    more: dict[str, Any], follows: bool, tmp_path: Path
) -> None:
    assert places.follows(settings_at(tmp_path, **more)) is follows


def test_a_node_that_has_a_database_follows_by_its_settings_alone(tmp_path: Path) -> None:
    (tmp_path / "dnsbl.db").touch()
    assert not places.follows(settings_at(tmp_path, follow={"key": KEY}))
    assert places.follows(settings_at(tmp_path, follow={"url": "https://first.example.org/table", "key": KEY}))
