"""Of each letter one attempt: its bytes, its signature, or the sentence that says why it is not made."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes
from hashlib import sha256
from ipaddress import ip_address
from random import Random
from typing import Any

import pytest

from tester import letter, vectors
from tester.composing import Offerer, compose
from tester.errors import ForgedToken
from tester.letter import Keyring, Letter, Sender, issue
from tester.returned import unwrap
from tester.smtp import Attempt, Opening
from tester.vectors import Names
from tester.wordings import WORDINGS

NOW = 1_700_000_000
TARGET = ip_address("192.0.2.1")
RING = Keyring.generate(Random(11).randbytes, NOW)
NAMES = Names(
    target=TARGET, target_name="mx.example.net", collector_domain="c.example.org", bounce_domain="b.example.org"
)
US = Sender(
    service="List",
    website="https://list.example.org/",
    contact="p@b.example.org",
    helo="probe.example.org",
    collector_domain="c.example.org",
    bounce_domain="b.example.org",
)


def letters(*ids: str) -> list[Letter]:
    random = Random(7).randbytes
    return [
        issue(
            RING,
            address=TARGET,
            port=25,
            vector=id,
            run="run-1",
            not_before=NOW,
            not_after=NOW + 3600,
            random=random,
        )
        for id in ids
    ]


def composed(issued: list[Letter], **changed: Any) -> list[Attempt]:
    facts: dict[str, Any] = {
        "keyring": RING,
        "names": NAMES,
        "sender": US,
        "greeting": b"220 mx.example.net ESMTP\r\n",
        "nomination": "nomination 17",
        "date": float(NOW),
    }
    return compose(issued, **facts | changed)


def test_every_letter_has_an_attempt_in_its_place() -> None:
    issued = letters("R01", "S01", "X01", "S02")
    attempts = composed(issued)
    assert [(a.vector, a.token) for a in attempts] == [(one.vector, one.recipient) for one in issued]
    assert composed([]) == []


def test_an_attempt_has_the_bytes_of_its_row() -> None:
    [one] = letters("S03")
    names = replace(NAMES, own_name="mx.example.net")
    [attempt] = composed([one], names=names)
    expected = vectors.envelope(vectors.CATALOGUE["S03"], names, sender=one.sender, recipient=one.recipient)
    assert (attempt.mail, attempt.rcpt, attempt.skip) == (expected.mail, expected.rcpt, "")
    assert attempt.mail == f"<{one.sender}@mx.example.net>".encode()


def test_an_attempt_greets_and_opens_as_its_row_says() -> None:
    names = replace(NAMES, own_name="mx.example.net")
    made = [attempt for attempt in composed(letters(*vectors.CATALOGUE), names=names) if not attempt.skip]
    for attempt in made:
        row = vectors.CATALOGUE[attempt.vector]
        if not row.stranger:
            assert (attempt.helo, attempt.opening) == (vectors.helo(row, names), vectors.opening(row, names))
    assert any(attempt.helo for attempt in made)
    assert any(attempt.opening.before for attempt in made)


@pytest.mark.parametrize("id", ["S01", "S06"])
def test_odd_forms_are_told_as_odd(id: str) -> None:
    [attempt] = composed(letters(id))
    assert attempt.odd is vectors.CATALOGUE[id].odd


def test_the_message_is_the_letter_with_its_proof_the_time_and_the_nomination() -> None:
    [one] = letters("R01")
    [attempt] = composed([one])
    [proof] = unwrap(attempt.write()).proofs
    assert sha256(proof.encode()).digest() == one.proof_hash
    assert f"\r\nTo: <{one.recipient}@c.example.org>\r\n".encode() in attempt.write()
    assert attempt.write().startswith(b"Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n")
    assert b"Nomination: nomination 17." in attempt.write().replace(b"\r\n", b" ")


def test_a_signer_has_the_last_word_on_each_message() -> None:
    issued = letters("S01", "S10")
    signed = composed(issued, sign=lambda message: b"Signature: x\r\n" + message)
    assert [a.write() for a in signed] == [b"Signature: x\r\n" + a.write() for a in composed(issued)]


@pytest.mark.parametrize(
    ("id", "changed", "why"),
    [
        ("S01", {"off": ("S01",)}, "This form is switched off."),
        ("S02", {"greeting": b"220 mx ESMTP Service (Lotus Domino Release 8.5)"}, "known to harm Lotus Domino"),
        ("R18", {}, "needs"),
    ],
)
def test_what_is_left_out_says_why_and_is_neither_written_nor_signed(
    id: str, changed: dict[str, Any], why: str
) -> None:
    signed: list[bytes] = []

    def sign(message: bytes) -> bytes:
        signed.append(message)
        return message

    one, plain = letters(id, "S10")
    left, made = composed([one, plain], sign=sign, **changed)
    assert why in left.skip
    assert left == Attempt(vector=id, token=one.recipient, mail=b"", rcpt=b"", skip=left.skip)
    assert signed == [], "a server that refuses before the letter costs no signature"
    message = made.write()
    assert signed == [message]


def test_the_same_letters_make_the_same_bytes() -> None:
    """A run that a crash has interrupted is taken up with them; the hash of the proof is not needed for it."""
    issued = letters("S01", "R01", "X01")
    taken_up = [replace(one, proof_hash=b"") for one in issued]
    first, second = composed(taken_up), composed(issued)
    assert [one.write() for one in first] == [one.write() for one in second]
    assert [replace(one, write=bytes) for one in first] == [replace(one, write=bytes) for one in second]


def test_without_its_key_no_letter_is_composed() -> None:
    other = Keyring.from_json(RING.to_json().replace('"kid": "a"', '"kid": "b"'))
    with pytest.raises(ForgedToken):
        composed(letters("S01"), keyring=other)
    with pytest.raises(KeyError):
        composed([replace(letters("S01")[0], vector="S99")])


def test_a_letter_of_somebody_elses_carries_the_proof_that_he_gave_for_it() -> None:
    """Who sends letters of a list that lent him some has none of its keys: with a proof of his own none would count."""
    own, lent = letters("S01", "S10")
    first, second = composed([own, lent], proofs={lent.recipient: "a" * 26})
    assert unwrap(first.write()).proofs == {letter.proof(RING, own)}
    assert unwrap(second.write()).proofs == {"a" * 26}
    [unkeyed] = composed([lent], proofs={lent.recipient: "a" * 26}, keyring=Keyring.generate(Random(5).randbytes, NOW))
    assert unwrap(unkeyed.write()).proofs == {"a" * 26}


def test_another_strangers_forms_bear_his_names_words_signature_and_connection() -> None:
    theirs = Offerer(
        names=replace(
            NAMES, collector_domain="c2.example.net", bounce_domain="b2.example.net", third_domain="x.example"
        ),
        sender=replace(
            US, helo="post.example.net", collector_domain="c2.example.net", bounce_domain="b2.example.net", wording=1
        ),
        sign=lambda message: b"Signed: by him\r\n" + message,
        opening=Opening(source="192.0.2.9", helo=b"post.example.net", remark="another stranger"),
    )
    ours, second, third = composed(letters("S01", "S11", "S12"), other=theirs)
    assert (ours.opening, ours.stranger) == (Opening(), 0)
    assert [(a.opening, a.stranger) for a in (second, third)] == [(theirs.opening, 1), (theirs.opening, 2)]
    assert second.mail.endswith(b"@b2.example.net>") and second.rcpt.endswith(b"@c2.example.net>")
    assert third.mail.endswith(b"@c2.example.net>") and third.rcpt.endswith(b"@x.example>")
    assert b"@x.example>" in third.write() and b"@c2.example.net>" in second.write()
    assert not ours.write().startswith(b"Signed") and second.write().startswith(b"Signed: by him\r\n")
    assert b"Open relay test" in ours.write() and b"Open relay test" not in second.write()


def test_who_has_no_other_names_is_another_stranger_by_his_words_alone() -> None:
    ours, second, third = composed(letters("S01", "S11", "S12"))
    assert second.mail.partition(b"@")[2] == ours.mail.partition(b"@")[2]
    assert second.opening.plain and second.opening != Opening()
    assert third.rcpt.endswith(b"@b.example.org>")
    [lone] = composed(letters("S12"), names=replace(NAMES, bounce_domain=NAMES.collector_domain))
    assert lone.skip == "This form needs a third domain of ours, which is not known."


@pytest.mark.parametrize("wording", range(len(WORDINGS)))
def test_another_stranger_never_writes_in_our_words_nor_says_that_it_is_a_test(wording: int) -> None:
    """Else a server that knows our words, or such ones, refuses both, and is taken for one that refuses everybody."""
    ours, other = composed(letters("S01", "S11"), sender=replace(US, wording=wording))
    first, second = (message_from_bytes(attempt.write()) for attempt in (ours, other))
    assert [*first] != [*second] and "test" not in second["Subject"]


def test_another_stranger_who_has_no_names_of_his_own_signs_as_we_do_and_writes_to_our_third_domain() -> None:
    """An unsigned letter is refused by servers that take signed ones, which would tell nothing of who may relay."""
    names = replace(NAMES, third_domain="third.example")
    second, third = composed(letters("S11", "S12"), names=names, sign=lambda message: b"Signed: x\r\n" + message)
    assert second.write().startswith(b"Signed: x\r\n") and third.write().startswith(b"Signed: x\r\n")
    assert third.rcpt.endswith(b"@third.example>") and b"@third.example>" in third.write()
