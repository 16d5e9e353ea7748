"""What many commands ask in the same words."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from dnsbl.cli import words
from dnsbl.errors import DnsblError


def test_a_reason_is_needed_and_kept_short_on_one_line() -> None:
    assert words.reason_of(" because\n of  it ") == "because of it"
    assert len(words.words_of("x" * 1000)) == 500
    with pytest.raises(typer.BadParameter):
        words.reason_of(" \n")


def test_whoever_types_is_named_as_far_as_he_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {0: "root", 1000: "me", 1001: "bob"}
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: SimpleNamespace(pw_name=names[uid]))
    monkeypatch.delenv("SUDO_UID", raising=False)
    for uid, name in names.items():
        monkeypatch.setattr(os, "getuid", lambda uid=uid: uid)
        assert words.operator() == f"operator {name}"
    monkeypatch.setattr(os, "getuid", lambda: 7)
    assert words.operator() == "operator"


def test_the_environment_makes_nobody_somebody_else_but_names_who_called_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {0: "root", 1000: "me", 1001: "bob"}
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: SimpleNamespace(pw_name=names[uid]))
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME", "SUDO_USER"):
        monkeypatch.setenv(variable, "bob")
    monkeypatch.setenv("SUDO_UID", "1001")
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    assert words.operator() == "operator me"
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert words.operator() == "operator bob"
    for odd, said in (("", "operator root"), ("bob", "operator root"), ("9" * 5000, "operator"), ("7", "operator")):
        monkeypatch.setenv("SUDO_UID", odd)
        assert words.operator() == said


def test_some_of_several_values_are_completed_one_after_the_other_and_none_twice() -> None:
    offered = words.some_of("dns", "worker", "web")
    assert offered("") == ["dns", "worker", "web"]
    assert offered("w") == ["worker", "web"]
    assert offered("web,w") == ["web,worker"]
    assert words.one_of("basic", "full")("f") == ["full"]


def test_a_file_is_written_only_where_its_folder_is(tmp_path: Path) -> None:
    assert words.place_for(tmp_path / "x") == tmp_path / "x"
    with pytest.raises(DnsblError, match="there is no folder"):
        words.place_for(tmp_path / "no" / "x")


def test_a_folder_is_no_place_for_a_file_whatever_it_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for place in ("", ".", "/", str(tmp_path)):
        with pytest.raises(DnsblError, match="it is a folder; name a file in it"):
            words.place_for(Path(place))
