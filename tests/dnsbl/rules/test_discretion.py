"""What others have said is shown without proofs, and without other people's addresses."""

from __future__ import annotations

import time
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.rules.discretion import discreet, discretion, redact
from dnsbl.settings import Settings
from tester.smtp import escape

PROOF = "abcdefghijklmnopqrstuvwxy2"
TOKEN = "r2" + "q" * 32
OURS = frozenset({"c.example.org", "b.example.org"})
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def withheld(proof: str = PROOF) -> str:
    return f"[proof withheld, SHA-256 {sha256(proof.encode()).hexdigest()}]"


@pytest.mark.parametrize(
    "around", ["{}", "Proof: {}", "({})", "id={};", "{}\\r\\n", "\\t{}", "\\n{}", "\\x7f{}", "1{}0"]
)
def test_a_proof_becomes_its_hash_whatever_stands_around_it(around: str) -> None:
    assert redact(around.format(PROOF)) == around.format(withheld())


def test_a_proof_in_capitals_is_known_too() -> None:
    assert redact(PROOF.upper()) == withheld()


def test_a_proof_with_something_glued_to_it_is_withheld() -> None:
    assert PROOF not in redact(f"x{PROOF}")


@pytest.mark.parametrize(
    "text", [TOKEN, TOKEN.upper(), f"<{TOKEN}@c.example.org>", "aaaaaaaaaaaaaaaa", "a plain sentence", "a\\\\b"]
)
def test_tokens_and_words_stay(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("letters", [7, 8, 9])
def test_a_proof_that_is_padded_to_the_length_of_a_token_is_withheld(letters: int) -> None:
    padded = PROOF + "a" * letters
    assert redact(f"x {padded} y") == f"x {withheld(padded)} y"


@given(st.binary(max_size=60), st.text(ALPHABET, min_size=26, max_size=26), st.binary(max_size=60))
def test_a_proof_among_any_octets_is_never_shown(before: bytes, proof: str, after: bytes) -> None:
    glued = tuple(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    if before.endswith(tuple(bytes([c]) for c in glued)) or after.startswith(tuple(bytes([c]) for c in glued)):
        before, after = before + b" ", b" " + after
    assert proof not in redact(escape(before + proof.encode() + after))


@pytest.mark.parametrize(
    "text",
    [
        "550 ask joe@victim.example",
        "for <joe@victim.example>",
        "Joe.D+x=y@[192.0.2.5]",
        '"joe doe"@victim.example',
        "c.example.org@victim.example",
        "joe@sub.c.example.org",
        "joe@victim.example@c.example.org",
        "x" * 100 + "joe@victim.example",
        "for <joe@\\xc3\\xbcvictim.example>",
        "for <joe@victim.\\xc3\\xa9xample>",
        "joe\\xc3\\xbcjoe@victim.example",
        "\\xc3\\xbcjoe@victim.example",
        "joe(comment)@victim.example",
        "joe (one) (two) @ (three) victim.example",
        "joe @victim.example",
        '"' + "joe " * 20 + '"@victim.example',
        '"joe\\\\"joe"@victim.example',
        f"joe@{TOKEN}.victim.example",
        f"joe@{TOKEN}",
        "joe%victim.example@c.example.org",
        "joe=victim.example@b.example.org",
        "joe@[192.0.2.5",
        "\\r\\njoe@victim.example",
    ],
)
def test_other_peoples_addresses_are_left_out(text: str) -> None:
    shown = discreet(text, OURS)
    assert "joe" not in shown.lower() and "victim" not in shown
    assert "[address withheld]" in shown


@pytest.mark.parametrize(
    "text", [f"<{TOKEN}@C.Example.org>", f"<{TOKEN}%c.example.org@mx.example.net>", "<postmaster@b.example.org.>"]
)
def test_our_own_addresses_are_shown(text: str) -> None:
    assert discreet(text, OURS) == text


def test_a_dot_at_the_end_of_a_domain_is_no_part_of_it() -> None:
    assert discreet("<postmaster@list.example.lux.>", frozenset({"list.example.lux"})).startswith("<postmaster")


@pytest.mark.parametrize("piece", ['"', "(", "a(", '\\\\"', "\\xc3", "a@", "a ", "@ (", '"\\\\"'])
def test_nothing_makes_it_slow(piece: str) -> None:
    began = time.process_time()
    discreet((piece * 2000)[:2000], OURS)
    assert time.process_time() - began < 0.5


def test_what_is_shown_of_a_line_is_bounded_and_knows_our_own_domains() -> None:
    tester = {"collector_domain": "c.example.org", "bounce_domain": "b.example.org"}
    shown = discretion(Settings.model_validate({"tester": tester}))
    assert shown("to <x@c.example.org> and <x@b.example.org>, not <joe@victim.example>") == (
        "to <x@c.example.org> and <x@b.example.org>, not <[address withheld]>"
    )
    assert shown("a " * 1000) == "a " * 150
    assert shown(" " * 1990 + "joe@victim.example") == " " * 300
    assert shown('"' + "x" * 1981 + '"@victim.example abc') == "[address withheld] a", "of 2000 characters"
    assert shown(PROOF * 20) == withheld(PROOF * 20), "it is withheld before it is cut"
