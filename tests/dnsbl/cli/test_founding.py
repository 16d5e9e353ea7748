"""`dnsbl init`: a first configuration, all or nothing, from flags alone where nobody can be asked."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from dnsbl import cli

GIVEN = ("--zone", "relays.mail-list.net", "--address", "81.2.69.9")


def init(monkeypatch: pytest.MonkeyPatch, *words: str) -> object:
    monkeypatch.setattr(sys, "argv", ["dnsbl", "init", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


def test_it_writes_a_configuration_that_has_no_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(monkeypatch, str(tmp_path), *GIVEN, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert [Path(name).name for name in said["written"]] == ["config.toml", "relays.mail-list.net.toml"]
    assert "relays.mail-list.net. NS ns1.relays.mail-list.net." in said["records"]
    monkeypatch.setattr(sys, "argv", ["dnsbl", "check-config", "--config", str(tmp_path / "config.toml"), "--json"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out)["zones"] == ["relays.mail-list.net"]


def test_the_services_user_can_read_what_root_founds_whatever_roots_mask_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mask = os.umask(0o077)
    try:
        assert init(monkeypatch, str(tmp_path / "etc"), *GIVEN, "--json") == 0
    finally:
        os.umask(mask)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert modes == {"etc": 0o755, "zones": 0o755, "config.toml": 0o644, "relays.mail-list.net.toml": 0o644}


def test_nothing_is_overwritten_and_then_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "zones").mkdir()
    (tmp_path / "zones" / "relays.mail-list.net.toml").write_text("mine")
    assert "is there already" in str(init(monkeypatch, str(tmp_path), *GIVEN))
    assert not (tmp_path / "config.toml").exists()
    assert (tmp_path / "zones" / "relays.mail-list.net.toml").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--zone", "relays.example.org", "--address", "81.2.69.9"), "name for examples"),
        (("--zone", "relays.mail-list.net", "--address", "198.51.100.777"), "is not an IPv4 or IPv6 address"),
        (("--zone", "relays.mail-list.net", "--address", "10.0.0.1"), "is no public address"),
        ((*GIVEN, "--contact", "nobody"), "is no mail address"),
        ((*GIVEN, "--contact", 'a@x"y'), "is no mail address"),
        ((*GIVEN, "--contact", 'a"b@mail-list.net'), "is no mail address"),
        ((*GIVEN, "--contact", "a@mail-list.net]"), "is no mail address"),
        ((*GIVEN, "--contact", "a\U0001f600@mail-list.net"), "is no mail address"),
        ((*GIVEN, "--contact", "a@mail-list.net\x7f"), "is no mail address"),
        ((*GIVEN, "--base-url", "https://mail-list.net/\U0001f600"), "is no address of a site"),
        ((*GIVEN, "--base-url", 'https://mail-list.net/"'), "is no address of a site"),
        ((*GIVEN, "--base-url", "relays.mail-list.net"), "is no address of a site"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    words: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said in str(init(monkeypatch, str(tmp_path), *words))
    assert list(tmp_path.iterdir()) == []


def test_what_is_needed_and_not_given_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(monkeypatch, str(tmp_path), "--zone", "relays.mail-list.net") == 2
    assert "--address" in capsys.readouterr().err


# -- lists of old ------------------------------------------------------------------------------------------------------
def test_a_list_of_old_is_written_to_be_tried_here_and_passes_check_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(monkeypatch, str(tmp_path), "--profile", "orbl", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert [Path(name).name for name in said["written"]] == ["config.toml", "or.orbl.example.org.toml"]
    assert (said["profile"], said["records"]) == ("orbl", [])
    assert said["differs"]
    assert "settings.policy.expiry_days" in said["guesses"]
    monkeypatch.setattr(sys, "argv", ["dnsbl", "check-config", "--config", str(tmp_path / "config.toml"), "--json"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out)["zones"] == ["or.orbl.example.org"]
    assert "is there already" in str(init(monkeypatch, str(tmp_path), "--profile", "orbl"))


def test_a_list_of_old_is_founded_under_a_name_of_ones_own_with_the_records_of_each_zone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(monkeypatch, str(tmp_path), "--profile", "sbl", *GIVEN) == 0
    said = capsys.readouterr().out
    for label in ("sbl", "xbl", "pbl", "zen"):
        assert f"{label}.relays.mail-list.net. NS ns1.relays.mail-list.net." in said
        assert (tmp_path / "zones" / f"{label}.relays.mail-list.net.toml").exists()
    assert "Otherwise than the list of old:" in said
    assert "dnsbl check-config -c" in said


def test_what_it_says_to_ask_is_answered_with_a_listing_and_not_by_one_record_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(monkeypatch, str(tmp_path), "--profile", "orbl") == 0
    assert "2.0.0.127.or.orbl.example.org TXT\n" in capsys.readouterr().out


def test_the_profiles_that_there_are_can_be_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(monkeypatch, "--list", "--json") == 0
    there = {each["name"]: each for each in json.loads(capsys.readouterr().out)["profiles"]}
    assert there["orbl"]["title"].startswith("ORBL")
    assert init(monkeypatch, "--list") == 0
    assert there["sbl"]["says"] in capsys.readouterr().out


def test_what_is_wrong_about_a_profile_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "there is no profile 'nonsense'" in str(init(monkeypatch, str(tmp_path), "--profile", "nonsense"))
    assert init(monkeypatch, str(tmp_path), "--profile", "orbl", "--address", "81.2.69.9") == 2
    assert "--zone" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
