"""Signed notes."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest

from dnsbl.errors import Damaged
from dnsbl.log import note
from tests.dnsbl.log.samples_of_trees import VECTORS

THEIRS = VECTORS["note"]
TEXT, LINE = THEIRS["text"], THEIRS["line"]
PETER = note.Verifier.read(THEIRS["vkey"])
NOTE = f"{TEXT}\n{LINE}"
LOG = note.Signer("log.example/x", bytes(31) + b"\1")
WITNESS = note.Signer("witness.example/w", bytes(31) + b"\2", sort=note.COSIGNATURE)


def test_keys_and_signatures_are_those_of_another_make() -> None:
    signer = note.Signer("PeterNeumann", b64decode(THEIRS["secret"])[1:])
    assert signer.verifier == PETER and PETER.vkey == THEIRS["vkey"]
    assert note.signed(TEXT, [signer.line(TEXT)]) == NOTE
    found = note.verified(NOTE.encode(), [PETER])
    assert found.text == TEXT and [key for key, _ in found.verified] == [PETER]
    witness = note.Verifier.read(VECTORS["witness"]["vkey"])
    assert witness.sort == note.COSIGNATURE and witness.vkey == VECTORS["witness"]["vkey"]


def test_a_key_with_anything_changed_in_it_is_no_key() -> None:
    whole = THEIRS["vkey"]
    bent = [whole[:i] + chr(ord(whole[i]) + 1) + whole[i + 1 :] for i in range(len(whole))]
    cut = [whole[:i] for i in range(len(whole))] + [whole[i:] for i in range(1, len(whole))]
    unsound = note.Verifier("Peter Neumann", note.ED25519, PETER.public).vkey
    for text in (*bent, *cut, unsound, *THEIRS["wrong"], whole.replace("PeterNeumann", "Peter Neumann")):
        with pytest.raises(ValueError):
            note.Verifier.read(text)


def test_only_who_has_signed_counts_and_others_are_passed_over() -> None:
    text = "a\n\nb\n"
    whole = note.signed(text, [LOG.line(text), LINE, WITNESS.line(text, 17), WITNESS.line(text, 18)])
    assert note.verified(whole, [LOG.verifier]).text == text
    found = note.verified(whole, [LOG.verifier, WITNESS.verifier])
    assert [key.name for key, _ in found.verified] == ["log.example/x", "witness.example/w"]
    assert found.verified[1][1].at == 17
    with pytest.raises(Damaged, match="no key that is known here"):
        note.verified(whole, [])
    with pytest.raises(Damaged, match="by PeterNeumann is not of this text"):
        note.verified(whole, [LOG.verifier, PETER])
    for other in (note.Signer("log.example/y", bytes(31) + b"\1"), note.Signer("log.example/x", bytes(31) + b"\3")):
        with pytest.raises(Damaged, match="no key that is known here"):
            note.verified(whole, [other.verifier])


def test_a_witness_signs_for_its_time_and_for_no_other() -> None:
    text = "log\n1\nx\n"
    _, (signature,) = note.parts(note.signed(text, [WITNESS.line(text, 17)]))
    later = signature.id + (18).to_bytes(8) + signature.blob[8:]
    moved = note.signed(text, [f"— {signature.name} {b64encode(later).decode()}\n"])
    with pytest.raises(Damaged):
        note.verified(moved, [WITNESS.verifier])
    with pytest.raises(Damaged):  # the same key as a log's is another one
        note.verified(
            note.signed(text, [WITNESS.line(text, 17)]), [note.Signer("witness.example/w", bytes(31) + b"\2").verifier]
        )


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        TEXT + "\n",
        NOTE[:-1],
        "\x01" + NOTE,
        NOTE.replace("your", "y\rour"),
        f"{TEXT}\n" + LINE.replace("PeterNeumann", "Bad Name"),
        f"{TEXT}\n" + LINE.replace("PeterNeumann", "Bad+Name"),
        f"{TEXT}\n" + LINE.replace("PeterNeumann", "Bad\u2003Name"),
        NOTE + "Unexpected line.\n",
        NOTE + "x",
        LINE,
        f"{TEXT}\n" + LINE.removeprefix("— "),
        f"{TEXT}\n— PeterNeumann x08goA==\n",
        NOTE + "\n",
        f"{TEXT}\n" + LINE.replace("x08g", "x08!"),
        f"{TEXT}\n" + LINE.replace("x08g", "!x08g"),
        f"{TEXT}\n" + LINE.replace("JnAM=", "JnAN="),  # the same octets in another spelling
        f"{TEXT}\n— PeterNeumann x08goA==\n"[:-9] + "\n",
        f"{TEXT}\n{LINE * 101}",
        "x" * note.NOTE_MOST + NOTE,
    ],
)
def test_what_is_no_note_is_told_in_one_sentence(text: str) -> None:
    with pytest.raises(Damaged, match=r"This is no signed note\."):
        note.verified(text, [PETER])


def test_a_note_may_be_so_long_and_have_so_many_signatures_and_no_more() -> None:
    long = "x" * (1_000_000 - len(NOTE)) + NOTE
    many = f"{TEXT}\n{LINE * 100}"
    assert note.parts(long)[1] == [note.Signature("PeterNeumann", PETER.id, note.parts(NOTE)[1][0].blob, LINE)]
    assert len(note.parts(many)[1]) == 100
    for more in ("x" + long, many + LINE):
        with pytest.raises(Damaged):
            note.parts(more)


def test_octets_that_are_no_text_are_no_note() -> None:
    with pytest.raises(Damaged):
        note.verified(b"\xff" + NOTE.encode(), [PETER])


def test_what_could_not_be_read_again_is_not_signed() -> None:
    for text in ("", "no end", "a\tb\n"):
        with pytest.raises(ValueError):
            note.signed(text, [LINE])
    for name in ("", "a b", "a+b", "a\nb", "a\u00a0b", "a\x01b"):
        with pytest.raises(ValueError):
            note.Signer(name, bytes(32))
