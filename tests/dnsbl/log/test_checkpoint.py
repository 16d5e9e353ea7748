"""Checkpoints."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.errors import Damaged
from dnsbl.log import note
from dnsbl.log.checkpoint import Checkpoint, opened
from tests.dnsbl.log.samples_of_trees import VECTORS

THEIRS = VECTORS["checkpoint"]
LOG = note.Signer("log.example", bytes(31) + b"\1")
WITNESS = note.Signer("witness.example", bytes(31) + b"\2", sort=note.COSIGNATURE)
TOLD = Checkpoint("log.example", 5, bytes(32))


def test_the_specifications_example_is_read_and_written() -> None:
    text, (_, witness) = note.parts(THEIRS["note"])
    found = Checkpoint.read(text)
    assert (found.origin, found.size, found.more) == (THEIRS["origin"], THEIRS["size"], ())
    assert found.text == text
    assert witness.at == THEIRS["at"]


@given(st.integers(0, 2**62), st.binary(min_size=32, max_size=32), st.lists(st.sampled_from(["a", "b c"]), max_size=2))
def test_what_is_written_is_read_again(size: int, root: bytes, more: list[str]) -> None:
    told = Checkpoint("log.example/x", size, root, tuple(more))
    assert Checkpoint.read(told.text) == told


def test_a_log_may_have_as_many_leaves_as_a_proof_can_be_of() -> None:
    told = Checkpoint("log.example", 2**63 - 1, bytes(32))
    assert Checkpoint.read(told.text) == told


ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "log\n1\n",
        f"log\n1\n{ROOT}",
        f"\n1\n{ROOT}\n",
        f"log\n01\n{ROOT}\n",
        f"log\n-1\n{ROOT}\n",
        f"log\n+1\n{ROOT}\n",
        f"log\n\u0661\n{ROOT}\n",
        f"log\n{2**63}\n{ROOT}\n",
        f"log\n{'9' * 5000}\n{ROOT}\n",
        f"log\n1_0\n{ROOT}\n",
        f"log\n1\n{ROOT}!\n",
        f"log\n1\n{ROOT}\nmore",
        f"log\n1\n{ROOT[:-2]}\n",
        f"log\n1\n{ROOT.replace('2I=', '2J=')}\n",
        f"log\n1\n{ROOT[4:]}\n",
        f"log\n1\n{ROOT}\n\n",
        f"log\n1\n{ROOT}\n\nmore\n",
    ],
)
def test_what_is_no_checkpoint_is_told(text: str) -> None:
    with pytest.raises(Damaged, match=r"This is no checkpoint of a log\."):
        Checkpoint.read(text)


def test_a_checkpoint_counts_only_with_the_logs_own_signature_and_name() -> None:
    text = TOLD.text
    both = [LOG.verifier, WITNESS.verifier]
    told, found = opened(note.signed(text, [LOG.line(text), WITNESS.line(text, 9)]), "log.example", both)
    assert told == TOLD and len(found.verified) == 2
    with pytest.raises(Damaged, match=r"No key of log\.example has signed"):
        opened(note.signed(text, [WITNESS.line(text, 9)]), "log.example", both)
    with pytest.raises(Damaged, match=r"a checkpoint of log\.example and not of other\.example"):
        opened(note.signed(text, [LOG.line(text)]), "other.example", both)
