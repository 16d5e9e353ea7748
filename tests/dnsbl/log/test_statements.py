"""What a proof file is said to show."""

from __future__ import annotations

from dataclasses import replace

from dnsbl.log.prooffile import ProofFile
from dnsbl.log.statements import Statements, statements
from tests.dnsbl.log.samples_of_files import LEAVES, LOG, MESSAGE, ORIGIN, WITNESS, opened, proof_file, signed


def said(file: ProofFile, *, message: bytes | None = None) -> Statements:
    told, found = file.check(ORIGIN, [LOG.verifier, WITNESS.verifier])
    return statements(file, told, found, witnesses=[WITNESS.verifier], message=message)


def test_the_way_from_the_letters_to_the_listing_is_told_and_what_is_not_shown_too() -> None:
    found = said(proof_file(), message=MESSAGE)
    shown = "\n".join(found.shown)
    for part in (
        f"{ORIGIN} has {len(LEAVES)} leaves",
        "witness.example/w had seen this log",
        "change 1: 192.0.2.1/32 is listed as relay.",
        "entry 1: somebody: nominated 192.0.2.1",
        "entry 5: policy: listed 192.0.2.1: letter-returned, not listed to listed relay, run abc.",
        "letters of run abc were in the log (leaf 1) before the message",
        "came back (leaf 3), and the listing (leaf 5) rests on that run.",
        "is the one that came back. It has the proof of letter r",
    ):
        assert part in shown
    assert not found.wrong and not any(one.startswith(("That a letter", "That everybody")) for one in found.open)
    assert any("only a collector that others run" in one for one in found.open)


def test_a_listing_without_letters_before_their_return_shows_no_way() -> None:
    whole = proof_file()
    for missing in (1, 3, 5):
        file = replace(whole, leaves=tuple(leaf for leaf in whole.leaves if leaf.index != missing))
        assert said(file).open[0].startswith("That a letter came back")
    bare = replace(whole, leaves=(*whole.leaves[:3], opened(3, "evidence"), *whole.leaves[4:]))
    assert said(bare).open[0].startswith("That a letter came back"), "about whom it came back is not shown"


def test_letters_that_came_into_the_log_after_their_return_and_a_return_after_the_listing_show_no_way() -> None:
    whole = proof_file()
    told, found = whole.check(ORIGIN, [LOG.verifier])
    for place, index in ((1, 4), (3, 6)):
        late = replace(whole.leaves[place], index=index)
        leaves = tuple(late if leaf.index == place else leaf for leaf in whole.leaves)
        assert statements(ProofFile(leaves, ""), told, found).open[0].startswith("That a letter came back")


def test_a_message_that_did_not_come_back_and_a_witness_that_is_missing_are_wrong() -> None:
    found = said(replace(proof_file(), signed=signed(witnessed=False)), message=MESSAGE + b"!")
    assert [one.split(" ")[0] for one in found.wrong] == ["witness.example/w", "The"]
    assert any(one.startswith("That everybody") for one in found.open)


def test_what_strangers_wrote_reaches_no_terminal_as_it_is() -> None:
    leaf = replace(opened(4, "network"), openings={"network": (bytes(32), "\x1b[2J\u202e")})
    told, found = proof_file().check(ORIGIN, [LOG.verifier])
    shown = "".join(statements(replace(proof_file(), leaves=(leaf,)), told, found).shown)
    assert "\\u001b[2J\\u202e" in shown and "\x1b" not in shown
