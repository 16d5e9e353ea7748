"""What many commands ask in the same words."""

from __future__ import annotations

import getpass

import pytest
import typer

from dnsbl.cli import words


def test_a_reason_is_needed_and_kept_short_on_one_line() -> None:
    assert words.reason_of(" because\n of  it ") == "because of it"
    assert len(words.words_of("x" * 1000)) == 500
    with pytest.raises(typer.BadParameter):
        words.reason_of(" \n")


def test_whoever_types_is_named_as_far_as_he_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "me")
    assert words.operator() == "operator me"

    def nobody() -> str:
        raise KeyError("uid")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert words.operator() == "operator"
