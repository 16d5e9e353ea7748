"""The file that says where networks are, followed: one that is wrong later leaves what was there before."""

from __future__ import annotations

import logging
import os
from ipaddress import ip_network
from pathlib import Path

import pytest

from dnsbl.casework.countries import CountryFile, read_countries
from dnsbl.errors import SettingsError
from dnsbl.rules.countries import Places

HOST = ip_network("192.0.2.1")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "places.csv"


def put(path: Path, text: str) -> None:
    """A new file in the place of the old one, as one is to be put there."""
    beside = path.with_name("new")
    beside.write_text(text)
    beside.replace(path)


def test_without_a_file_nothing_is_anywhere() -> None:
    assert CountryFile(None).now().country_of(HOST) == ""


def test_a_file_is_read_once_and_again_when_it_has_changed(path: Path) -> None:
    put(path, "192.0.2.0/24,AT\n")
    file = CountryFile(path)
    first = file.now()
    assert first.country_of(HOST) == "AT"
    assert file.now() is first
    put(path, "192.0.2.0/24,NO\n")
    assert file.now().country_of(HOST) == "NO"
    os.utime(path, (1, 1))
    assert file.now() is not first


def test_a_file_that_breaks_later_keeps_the_last_good_one_and_is_told_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(path, "192.0.2.0/24,AT\n")
    file = CountryFile(path)
    file.now()
    caplog.set_level(logging.WARNING)
    put(path, "192.0.2.0/24,NO\nnonsense\n")
    assert [file.now().country_of(HOST) for _ in range(3)] == ["AT"] * 3
    wrong = f"{path}: line 2: NETWORK,CC or FIRST,LAST,CC is needed"
    assert file.problem == wrong
    path.unlink()
    assert [file.now().country_of(HOST) for _ in range(3)] == ["AT"] * 3
    kept = "countries are told by what it was before"
    gone = f"{path}: cannot be read: No such file or directory"
    assert caplog.messages == [f"{wrong}; {kept}", f"{gone}; {kept}"]
    put(path, "192.0.2.0/24,CH\n")
    assert file.now().country_of(HOST) == "CH"
    assert file.problem == ""


def test_a_wrong_file_is_not_read_again_before_it_has_changed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(path, "nonsense\n")
    file = CountryFile(path)
    assert file.now().country_of(HOST) == ""
    monkeypatch.setattr(Places, "read", lambda *_: pytest.fail("read again"))
    assert file.now().country_of(HOST) == ""


def test_a_file_that_comes_after_the_start_is_taken(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = CountryFile(path)
    assert file.now().country_of(HOST) == ""
    assert caplog.messages == [f"{path}: cannot be read: No such file or directory; no country is counted"]
    put(path, "192.0.2.0/24,AT\n")
    assert file.now().country_of(HOST) == "AT"


def test_what_is_no_file_keeps_nobody_waiting(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(SettingsError, match="is no file"):
        read_countries(path)
    assert CountryFile(path).now().country_of(HOST) == ""
