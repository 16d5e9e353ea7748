"""Proof files: read, checked, and refused when a bit of them is another one; by us and by the script for strangers."""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import replace
from pathlib import Path
from random import Random
from types import ModuleType

import pytest

from dnsbl.errors import Damaged
from dnsbl.log.prooffile import HEAD, ProofFile
from tests.dnsbl.log.samples_of_files import (
    LEAVES,
    LETTERS,
    LOG,
    MESSAGE,
    ORIGIN,
    WITNESS,
    opened,
    proof_file,
    signed,
)

KNOWN = [LOG.verifier, WITNESS.verifier]
SCRIPT = Path(__file__).parents[3] / "contrib" / "verify.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify_script", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def verified(script: ModuleType, monkeypatch: pytest.MonkeyPatch, path: Path, *more: str) -> None:
    """Run the script in this process. Raises what it would end with."""
    words = [str(path), "--key", LOG.verifier.vkey, "--witness", WITNESS.verifier.vkey, *more]
    monkeypatch.setattr(sys, "argv", ["verify.py", *words])
    script.main()


def test_a_file_is_read_again_and_holds() -> None:
    file = proof_file()
    assert ProofFile.read(file.text) == ProofFile.read(file.text.encode()) == file
    told, found = file.check(ORIGIN, KNOWN)
    assert (told.size, len(found.verified)) == (len(LEAVES), 2)
    assert file.leaves[0].facts["subject"] == "192.0.2.1"
    assert "evidence" not in file.leaves[0].facts and "sealed" not in file.leaves[0].facts


def test_two_hundred_single_bit_changes_are_each_refused_by_us_and_by_the_script_for_strangers(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole, random, path = proof_file().text.encode(), Random(8), tmp_path / "proof"
    path.write_bytes(whole)
    verified(script, monkeypatch, path)
    for bit in random.sample(range(len(whole) * 8), 200):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Damaged):
            read_and_checked(bytes(changed))
        path.write_bytes(changed)
        with pytest.raises((script.Wrong, ValueError)):
            verified(script, monkeypatch, path)


def read_and_checked(octets: bytes) -> None:
    """Raises Damaged; a witness that was named must have signed."""
    _, found = ProofFile.read(octets).check(ORIGIN, KNOWN)
    if len(found.verified) < len(KNOWN):
        raise Damaged("a witness is missing")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (HEAD, "dnsbl-proof v2", "does not begin with"),
        (f"{HEAD}\n", f'{HEAD}\nopen network {"0" * 64} "x"\n', "second line names no leaf"),
        ("\nleaf 4 ", "\nleaf 1 ", "out of order"),
        ("\nleaf 4 ", "\nleaf 04 ", "no leaf"),
        ("\nletter r", "\nletter R", "says nothing that one may say"),
        ("\nopen network", "\nopen  network", "says nothing that one may say"),
        ('"192.0.2.1"\n', '"192.0.2.\\u0031"\n', "one form"),
        ('"192.0.2.1"\n', '"192.0.2.\\u00zz"\n', "shows no text"),
        ('"192.0.2.1"\n', '"\\ud800"\n', "shows no text"),
        ("192.0.2.1/32", "192.0.2.2/32", "leaf 4 as its network is not what was sealed"),
        ("run abc", "run abd", "as its evidence is not what was sealed"),
        (LETTERS[0][-8:], "0" * 8, "letters of leaf 1 are not those"),
        ("2 filed", "3 filed", "Leaf 1 does not stand there"),
        ("\nbeside ", f"\nprevious {'0' * 64}\nbeside ", "says nothing that one may say"),
        (LETTERS[0], LETTERS[0].replace("raa", "rab"), "letters of leaf 1 are not those"),
    ],
)
def test_what_does_not_hold_is_named(old: str, new: str, sentence: str) -> None:
    whole = proof_file().text
    assert old in whole
    with pytest.raises(Damaged, match=sentence):
        ProofFile.read(whole.replace(old, new, 1)).check(ORIGIN, KNOWN)


@pytest.mark.parametrize(
    ("line", "bent", "sentence"),
    [
        ("leaf 0 ", "open network ", "This is no proof file: its second line names no leaf"),
        ("leaf 4 ", "leaf 3 ", "Line {} of the proof file names a leaf out of order."),
        ("leaf 4 ", "leaf 04 ", "Line {} of the proof file is no leaf."),
        ("beside cs9k", "beside c!9k", "Line {} of the proof file says nothing that one may say."),
        ("open network ", "open network 0", "Line {} of the proof file says nothing that one may say."),
    ],
)
def test_the_line_that_says_nothing_is_counted_from_the_first_of_the_file(line: str, bent: str, sentence: str) -> None:
    whole = proof_file().text
    [number] = [n for n, each in enumerate(whole.split("\n"), 1) if each.startswith(line)]
    with pytest.raises(Damaged, match=re.escape(sentence.format(number))):
        ProofFile.read(whole.replace(f"\n{line}", f"\n{bent}", 1))


def test_what_is_no_text_is_named_by_its_line() -> None:
    whole = proof_file().text
    with pytest.raises(Damaged, match="Line 3 of the proof file shows no text"):
        ProofFile.read(whole.replace('"192.0.2.1"\n', '"\\ud800"\n', 1))


def test_a_file_may_be_so_long_and_have_so_many_leaves_and_hashes_and_no_more() -> None:
    one = opened(0)
    file = ProofFile((one,), "x")
    for most, over in (
        (
            replace(file, signed="x" * (4_000_001 - len(file.text))),
            replace(file, signed="x" * (4_000_002 - len(file.text))),
        ),
        (
            replace(file, leaves=tuple(replace(one, index=n) for n in range(500))),
            replace(file, leaves=tuple(replace(one, index=n) for n in range(501))),
        ),
        (
            replace(file, leaves=(replace(one, hashes=(bytes(32),) * 63),)),
            replace(file, leaves=(replace(one, hashes=(bytes(32),) * 64),)),
        ),
    ):
        assert ProofFile.read(most.text) == most
        with pytest.raises(Damaged):
            ProofFile.read(over.text)


def test_a_file_without_a_checkpoint_is_none() -> None:
    with pytest.raises(Damaged, match="does not begin with"):
        ProofFile.read(proof_file().text.partition("\n\n")[0])
    with pytest.raises(Damaged, match="second line names no leaf"):
        ProofFile.read(f"{HEAD}\n\nx")


@pytest.mark.parametrize("leaf", ['{"sealed":"x"}', '{"sealed":[]}', '{"network":"x"}', '{"network":{}}', "{}"])
def test_what_a_leaf_has_no_seal_of_is_not_shown_by_it(leaf: str) -> None:
    for name in ("network", "actor"):
        with pytest.raises(Damaged, match=f"leaf 4 as its {name} is not what was sealed"):
            replace(opened(4), leaf=leaf, openings={name: (bytes(32), "x")}).check()


def test_of_a_leaf_the_seals_are_left_out_and_what_is_told_stays() -> None:
    assert opened(4).facts.keys() == {"at", "change", "kind", "listed"}
    assert opened(5).facts.keys() == {"actor", "after", "at", "before", "entry", "reason", "serial", "verb"}
    told = replace(opened(4), leaf='{"network":"192.0.2.1/32","sealed":1}')
    assert told.facts == {"network": "192.0.2.1/32", "sealed": 1}
    assert opened(4, "network").facts["network"] == "192.0.2.1/32"


@pytest.mark.parametrize("leaf", ["[]", '"x"', '{"a":' * 100_000 + "1" + "}" * 100_000])
def test_a_leaf_that_is_no_list_of_facts_or_too_deep_is_told(leaf: str) -> None:
    with pytest.raises(Damaged, match="Leaf 4 is not what"):
        replace(opened(4), leaf=leaf).check()


def test_a_field_of_which_there_is_no_seal_cannot_be_opened() -> None:
    leaf = opened(4, "network")
    forged = replace(leaf, openings=leaf.openings | {"reason": (bytes(32), "because")})
    with pytest.raises(Damaged, match="leaf 4 as its reason"):
        forged.check()


def test_letters_that_no_entry_has_the_digest_of_show_nothing() -> None:
    with pytest.raises(Damaged, match="letters of leaf 2"):
        opened(2, "subject", "evidence", letters=LETTERS).check()
    with pytest.raises(Damaged, match="letters of leaf 1"):
        opened(1, "subject", letters=LETTERS).check()


def test_another_log_and_another_key_are_refused() -> None:
    with pytest.raises(Damaged, match="no key that is known"):
        proof_file().check(ORIGIN, [])
    with pytest.raises(Damaged, match="and not of other"):
        proof_file().check("other", KNOWN)
    with pytest.raises(Damaged, match="does not stand there"):
        replace(proof_file(), signed=signed(5)).check(ORIGIN, KNOWN)


def test_octets_that_are_no_text_and_leaves_that_are_no_facts_are_told() -> None:
    with pytest.raises(Damaged, match="UTF-8"):
        ProofFile.read(b"\xff")
    with pytest.raises(Damaged, match="Leaf 4 is not what"):
        _ = replace(opened(4, "network"), leaf="{[}").facts


def test_the_script_says_what_it_found_and_lays_a_message_beside_it(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, message = tmp_path / "proof", tmp_path / "message.eml"
    path.write_text(proof_file().text, encoding="utf-8")
    message.write_bytes(MESSAGE)
    verified(script, monkeypatch, path, "--message", str(message))
    said = capsys.readouterr().out
    for part in (
        f"Log {ORIGIN}, {len(LEAVES)} leaves",
        "witness.example/w had seen",
        "one that came back",
        "Not shown",
    ):
        assert part in said
    message.write_bytes(MESSAGE + b".")
    with pytest.raises(script.Wrong, match="none that came back"):
        verified(script, monkeypatch, path, "--message", str(message))
    path.write_text(replace(proof_file(), signed=signed(witnessed=False)).text, encoding="utf-8")
    with pytest.raises(script.Wrong, match="has not signed"):
        verified(script, monkeypatch, path)


def test_the_script_is_short_enough_to_be_read_and_knows_nothing_of_ours() -> None:
    lines = SCRIPT.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 200
    assert not any("dnsbl." in line for line in lines if line.startswith(("import", "from")))
