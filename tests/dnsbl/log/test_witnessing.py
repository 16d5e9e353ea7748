"""Whom a witness signs for, by the specification's cases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dnsbl.errors import Damaged
from dnsbl.log import merkle, note
from dnsbl.log.checkpoint import Checkpoint
from dnsbl.log.witnessing import REQUEST_MOST, SIZE, Submission, Unwitnessed, cosignatures, judge
from tests.dnsbl.log.samples_of_trees import at, leaves

NAME = "log.example/l"
LOG = note.Signer(NAME, bytes(31) + b"\1")
WITNESS = note.Signer("w.example", bytes(31) + b"\2", sort=note.COSIGNATURE)
LOGS = {NAME: [LOG.verifier]}
HASHES = leaves(40)


def head(size: int, signer: note.Signer = LOG, hashes: list[bytes] = HASHES) -> Checkpoint:
    return Checkpoint(signer.verifier.name, size, merkle.root(size, at(hashes)))


def signed(told: Checkpoint, signer: note.Signer = LOG) -> str:
    return note.signed(told.text, [signer.line(told.text)])


def request(old: int, size: int, hashes: list[bytes] = HASHES) -> Submission:
    proof = tuple(merkle.consistency(old, size, at(hashes))) if old else ()
    return Submission(old, proof, signed(head(size, hashes=hashes)))


def declined(request: Submission, last: Checkpoint | None) -> Unwitnessed:
    with pytest.raises(Unwitnessed) as found:
        judge(request, LOGS, last)
    return found.value


def test_a_request_is_read_again_and_what_is_none_is_refused() -> None:
    sent = request(7, 20).text.encode()
    assert Submission.read(sent) == request(7, 20)
    for octets in (
        b"",
        b"\xff",
        sent.replace(b"old 7", b"old 07"),
        sent.replace(b"\n\n", b"\nAAAA\n\n", 1),
        sent.replace(b"=\n", b"=!\n", 1),
        sent.partition(b"\n\n")[0],
        b"old 0\n" + b"A" * REQUEST_MOST + b"\n\n" + sent,
        b"old 0\n" + b"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n" * 64 + b"\n" + sent,
    ):
        with pytest.raises(Unwitnessed) as found:
            Submission.read(octets)
        assert found.value.status == 400


def test_a_request_may_be_so_long_and_have_so_many_hashes_and_no_more() -> None:
    bare = Submission(0, (), "")
    for most, over in (
        (replace(bare, signed="x" * 65529), replace(bare, signed="x" * 65530)),
        (replace(bare, proof=(bytes(32),) * 63), replace(bare, proof=(bytes(32),) * 64)),
    ):
        assert Submission.read(most.text.encode()) == most
        with pytest.raises(Unwitnessed):
            Submission.read(over.text.encode())
    assert len(replace(bare, signed="x" * 65529).text) == REQUEST_MOST


def test_what_continues_the_last_one_may_be_signed() -> None:
    assert judge(request(0, 7), LOGS, None).size == 7
    assert judge(request(7, 20), LOGS, head(7)).size == 20
    assert judge(request(20, 20), LOGS, head(20)).size == 20


def test_unknown_logs_and_keys_are_turned_away() -> None:
    other = note.Signer("other.example", bytes(31) + b"\3")
    assert declined(Submission(0, (), signed(head(7, other), other)), None).status == 404
    forger = note.Signer(NAME, bytes(31) + b"\3")
    assert declined(Submission(0, (), signed(head(7), forger)), None).status == 403
    assert declined(Submission(0, (), "no note"), None).status == 400


def test_an_old_checkpoint_that_is_brought_again_is_not_signed() -> None:
    found = declined(request(7, 20), head(30))
    assert (found.status, found.size, found.forked) == (409, 30, False)
    assert declined(request(0, 20), head(30)).size == 30
    assert declined(request(7, 20), None).size == 0
    assert declined(replace(request(7, 20), old=21), head(21)).status == 400


def test_a_log_that_tells_two_stories_finds_no_witness_for_the_second_one() -> None:
    forked = [*HASHES[:5], merkle.leaf_hash(b"another"), *HASHES[6:]]
    found = declined(request(20, 20, forked), head(20))
    assert (found.status, found.forked) == (409, True)
    assert declined(request(0, 20, forked), head(20)).forked, "whatever size it says it comes from"
    assert declined(request(20, 30, forked), head(20)).status == 422
    assert declined(replace(request(7, 20), proof=()), head(7)).status == 422
    assert declined(replace(request(0, 20), proof=(bytes(32),)), None).status == 422


def test_a_log_without_leaves_has_one_root() -> None:
    assert judge(Submission(0, (), signed(head(0))), LOGS, None).size == 0
    found = declined(Submission(0, (), signed(replace(head(0), root=bytes(32)))), None)
    assert (found.status, found.size, found.forked) == (409, 0, True)
    assert str(found) == f"{NAME} has signed two roots at size 0."


def test_the_size_is_told_as_the_specification_calls_it() -> None:
    assert SIZE == "text/x.tlog.size"


def test_of_an_answer_neither_the_logs_own_lines_nor_those_that_were_there_are_taken() -> None:
    text, line = head(7).text, WITNESS.line(head(7).text, 5)
    sent = note.signed(text, [LOG.line(text), line])
    both = [LOG.verifier, WITNESS.verifier]
    assert cosignatures(LOG.line(text) + line, sent, both) == []
    other = note.Signer("other.example", bytes(31) + b"\5")
    assert cosignatures(other.line(text), sent, [other.verifier]) == [], "no witness signs as a log does"
    assert cosignatures(WITNESS.line(text, 6), sent, both) == [WITNESS.line(text, 6)]


def test_of_an_answer_only_signatures_of_this_checkpoint_by_known_witnesses_are_taken() -> None:
    sent = signed(head(7))
    text = head(7).text
    stranger = note.Signer("x.example", bytes(31) + b"\4", sort=note.COSIGNATURE)
    line = WITNESS.line(text, 5)
    assert cosignatures(line + stranger.line(text, 5), sent, [WITNESS.verifier]) == [line]
    for answer in ("", "hello\n", WITNESS.line(head(8).text, 5), stranger.line(text, 5)):
        with pytest.raises(Damaged):
            cosignatures(answer, sent, [WITNESS.verifier])
