"""A witness on its disk: what it has signed is never forgotten, and nothing else is signed."""

from __future__ import annotations

from pathlib import Path

import pytest

from dnsbl.clock import HandClock
from dnsbl.errors import Damaged, DnsblError
from dnsbl.log import merkle, note
from dnsbl.log.witnessing import Unwitnessed
from dnsbl.serving import witness as module
from dnsbl.serving.witness import Witness, signer
from tests.dnsbl.log.test_witnessing import HASHES, LOG, NAME, head, request


def made(folder: Path) -> Witness:
    return Witness(folder, signer(folder, "w.example"), [LOG.verifier.vkey], HandClock())


def test_what_was_signed_is_known_after_a_start_and_nothing_older_is_signed(tmp_path: Path) -> None:
    line = made(tmp_path).add_checkpoint(request(0, 20).text.encode())
    key = signer(tmp_path, "w.example").verifier
    found = note.verified(note.signed(head(20).text, [line]), [key])
    assert found.verified[0][1].at == int(HandClock().now().timestamp())
    again = made(tmp_path)
    assert again.last(NAME) == head(20)
    for old, size in ((0, 20), (0, 7), (7, 20)):
        with pytest.raises(Unwitnessed) as told:
            again.add_checkpoint(request(old, size).text.encode())
        assert told.value.size == 20
    again.add_checkpoint(request(20, 30).text.encode())
    assert again.last(NAME) == head(30) and again.problem == ""


def test_two_stories_of_one_size_are_kept_as_a_proof_and_told(tmp_path: Path) -> None:
    kept = made(tmp_path)
    kept.add_checkpoint(request(0, 20).text.encode())
    forked = request(0, 20, [*HASHES[:5], merkle.leaf_hash(b"another"), *HASHES[6:]])
    with pytest.raises(Unwitnessed):
        kept.add_checkpoint(forked.text.encode())
    assert NAME in kept.problem and kept.problem == made(tmp_path).problem
    (path,) = (tmp_path / "witness").glob("*.forked")
    assert path.read_text() == forked.signed and kept.last(NAME) == head(20)


def test_nothing_is_signed_that_cannot_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = made(tmp_path)

    def full(*words: object, **named: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_whole", full)
    with pytest.raises(DnsblError, match="cannot be written: No space"):
        kept.add_checkpoint(request(0, 20).text.encode())


def test_a_log_that_is_not_witnessed_leaves_nothing_behind(tmp_path: Path) -> None:
    kept = Witness(tmp_path, signer(tmp_path, "w.example"), [], HandClock())
    with pytest.raises(Unwitnessed) as told:
        kept.add_checkpoint(request(0, 20).text.encode())
    assert told.value.status == 404 and not (tmp_path / "witness").exists()


def test_a_key_is_made_once_is_nobody_elses_and_a_file_without_one_is_told(tmp_path: Path) -> None:
    first = signer(tmp_path, "w.example").verifier
    assert signer(tmp_path, "w.example").verifier == first
    assert (tmp_path / "witness.key").stat().st_mode & 0o777 == 0o600
    (tmp_path / "witness.key").write_text("nothing")
    with pytest.raises(Damaged, match="does not hold the key"):
        signer(tmp_path, "w.example")
