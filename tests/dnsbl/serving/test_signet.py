"""The key of a published table: made once, kept from others, known by its public half."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from dnsbl.errors import Damaged, DnsblError
from dnsbl.serving.signet import Signet, verifier


def test_the_key_is_made_once_and_is_nobody_elses_to_read(tmp_path: Path) -> None:
    path = tmp_path / "state" / "publish.key"
    first = Signet.at(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Signet.at(path).public == first.public
    assert [one.name for one in path.parent.iterdir()] == ["publish.key"]


def test_two_that_make_the_key_at_once_have_the_same(tmp_path: Path) -> None:
    path = tmp_path / "publish.key"

    def random(count: int) -> bytes:
        Signet.at(path, lambda n: b"1" * n)  # another program was quicker
        return b"2" * count

    assert Signet.at(path, random).public == Signet(b"1" * 32).public


def test_a_signature_is_of_one_text_by_one_key() -> None:
    ours, theirs = Signet(b"1" * 32), Signet(b"2" * 32)
    genuine = verifier(ours.public)
    assert genuine(b"text", ours.sign(b"text"))
    assert not genuine(b"texts", ours.sign(b"text"))
    assert not genuine(b"text", theirs.sign(b"text"))
    assert not genuine(b"text", b"")


def test_a_file_without_a_key_and_a_folder_that_cannot_be_made_are_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "publish.key").write_text("nonsense\n")
    with pytest.raises(Damaged, match=r"does not hold a key; restore it"):
        Signet.at(tmp_path / "publish.key")
    with pytest.raises(DnsblError, match="cannot be read or made"):
        Signet.at(tmp_path / "publish.key" / "below")


def test_what_is_no_public_key_is_refused() -> None:
    for text in ("", "AAAA", "x" * 44):
        with pytest.raises(ValueError):
            verifier(text)
