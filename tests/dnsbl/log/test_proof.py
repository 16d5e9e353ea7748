"""Proofs that stand alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.errors import Damaged
from dnsbl.log import note
from dnsbl.log.checkpoint import Checkpoint
from dnsbl.log.merkle import inclusion, root
from dnsbl.log.proof import HEAD, Proof
from tests.dnsbl.log.samples_of_trees import at, leaves

LOG = note.Signer("log.example", bytes(31) + b"\1")
HASHES = leaves(11)
TEXT = Checkpoint("log.example", 11, root(11, at(HASHES))).text
SIGNED = note.signed(TEXT, [LOG.line(TEXT)])


def proof(index: int) -> Proof:
    return Proof(index, tuple(inclusion(index, 11, at(HASHES))), SIGNED, b"what it is of")


@given(st.integers(0, 10))
def test_a_proof_is_read_again_and_holds_for_its_entry_alone(index: int) -> None:
    found = Proof.read(proof(index).text.encode())
    assert found == proof(index)
    told, signed = found.check(HASHES[index], "log.example", [LOG.verifier])
    assert told.size == 11 and signed.text == TEXT
    with pytest.raises(Damaged, match=f"does not stand at place {index} of log.example at size 11"):
        found.check(HASHES[index - 1], "log.example", [LOG.verifier])


def test_a_proof_is_written_as_the_specification_has_it() -> None:
    lines = proof(0).text.split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra d2hhdCBpdCBpcyBvZg==", "index 0"]
    assert lines[3 : 3 + len(proof(0).hashes) + 1][-1] == "" and proof(0).text.endswith(f"\n\n{SIGNED}")
    assert "extra" not in replace(proof(0), extra=b"").text
    alone = Checkpoint("log.example", 1, HASHES[0]).text
    single = Proof(0, (), note.signed(alone, [LOG.line(alone)]))
    assert Proof.read(single.text) == single and single.text.startswith(f"{HEAD}\nindex 0\n\nlog.example\n")
    single.check(HASHES[0], "log.example", [LOG.verifier])


def test_an_entry_of_another_tree_or_signer_is_not_proven() -> None:
    other = note.Signer("log.example", bytes(31) + b"\5")
    for key in ([], [other.verifier]):
        with pytest.raises(Damaged):
            proof(3).check(HASHES[3], "log.example", key)
    with pytest.raises(Damaged):
        replace(proof(3), index=11).check(HASHES[3], "log.example", [LOG.verifier])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (HEAD, "c2sp.org/tlog-proof@v2"),
        ("extra d2", "extra !!"),
        ("index 3", "index 03"),
        ("index 3", "index -3"),
        ("index 3", "index \u0663"),
        ("index 3\n", ""),
        ("index 3\n", "index 3\nAAAA\n"),
        ("index 3\n", "index 3\n!\n"),
        ("index 3\n", "index 3\n!"),
        ("index 3\n", "index 3\n" + "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n" * 63),
    ],
)
def test_what_is_no_proof_is_told(old: str, new: str) -> None:
    assert old in proof(3).text
    with pytest.raises(Damaged, match=r"This is no proof of an entry of a log\."):
        Proof.read(proof(3).text.replace(old, new, 1))


def test_octets_that_are_no_text_are_no_proof() -> None:
    for octets in (b"\xff", b""):
        with pytest.raises(Damaged):
            Proof.read(octets)


def test_a_proof_may_be_so_long_and_have_so_many_hashes_and_no_more() -> None:
    long = replace(proof(3), signed=SIGNED + "x" * (2_000_000 - len(proof(3).text.encode())))
    many = replace(proof(3), hashes=(bytes(32),) * 63)
    for most, over in (
        (long, replace(long, signed=long.signed + "x")),
        (many, replace(many, hashes=(bytes(32),) * 64)),
    ):
        assert Proof.read(most.text.encode()) == most
        with pytest.raises(Damaged):
            Proof.read(over.text.encode())
