"""Tokens that cannot be forged, and letters that say who we are."""

from __future__ import annotations

import base64
import random as chance
import string
from dataclasses import replace
from email import message_from_bytes
from email.utils import parsedate_to_datetime
from hashlib import sha256
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import BODY, DAY, HEAD, LETTER, MESSAGE, NOW, PROOF, RANDOM, RING, SENDER, new, written

from tester.errors import ForgedToken
from tester.letter import Key, Keyring, Letter, Sender, gate, genuine, proof
from tester.returned import unwrap

ALPHABET = string.ascii_lowercase + "234567"


# keys


def test_a_fresh_ring_has_one_key():
    ring = Keyring.generate(RANDOM, NOW)
    assert ring.keys == (ring.current,)
    assert (ring.current.kid, ring.current.created, len(ring.current.secret)) == ("a", NOW, 32)


def test_a_key_does_not_show_its_secret():
    assert "secret" not in repr(RING.current)


def test_a_ring_survives_json():
    ring = RING.rotated(RANDOM, NOW + DAY, keep=DAY)
    assert Keyring.from_json(ring.to_json()).keys == ring.keys


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "7",
        "{}",
        '{"keys": []}',
        '{"keys": 3}',
        '{"keys": [3]}',
        '{"keys": [{"kid": "a"}]}',
        '{"keys": [{"kid": "a", "secret": "zz", "created": 0}]}',
        '{"keys": [{"kid": "a", "secret": "00", "created": 0}]}',
        '{"keys": [{"kid": "a", "secret": 5, "created": 0}]}',
        "[" * 100_000,
    ],
)
def test_a_document_of_another_make_is_refused(text: str):
    with pytest.raises(ValueError):
        Keyring.from_json(text)


@pytest.mark.parametrize("kids", ["", "aa", "1", "A", "é"])
def test_a_ring_of_malformed_keys_is_refused(kids: str):
    with pytest.raises(ValueError):
        Keyring(tuple(Key(kid=kid, secret=bytes(32), created=0) for kid in kids))


def test_a_key_id_is_one_character():
    for kid in ("", "ab"):
        with pytest.raises(ValueError):
            Keyring((Key(kid=kid, secret=bytes(32), created=0),))


def test_one_malformed_key_among_sound_ones_is_refused():
    with pytest.raises(ValueError):
        Keyring((RING.current, Key(kid="b", secret=bytes(31), created=0)))


def test_key_ids_go_round_the_alphabet():
    ring, seen = RING, [RING.current.kid]
    for turn in range(1, 33):
        ring = ring.rotated(RANDOM, NOW + turn, keep=0)
        seen.append(ring.current.kid)
    assert "".join(seen) == ALPHABET + "a"


def test_old_keys_go_but_never_the_last_two():
    ring = RING
    for month in (1, 2, 3):
        ring = ring.rotated(RANDOM, NOW + month * 30 * DAY, keep=14 * DAY)
    assert [key.kid for key in ring.keys] == ["c", "d"]
    kept = ring.rotated(RANDOM, NOW + 91 * DAY, keep=40 * DAY)
    assert [key.kid for key in kept.keys] == ["c", "d", "e"]


def test_a_key_id_that_comes_round_again_is_not_doubled():
    ring = RING
    for turn in range(1, 80):
        ring = ring.rotated(RANDOM, NOW + turn, keep=10**9)
        kids = [key.kid for key in ring.keys]
        assert len(set(kids)) == len(kids) == min(turn + 1, 32)


def test_rotation_keeps_old_letters_verifiable():
    old = new()
    ring = RING.rotated(RANDOM, NOW + DAY, keep=14 * DAY)
    assert new(ring).recipient[1] == "a"
    assert new(ring, not_before=NOW + DAY).recipient[1] == "b"
    assert gate(ring, old.recipient) and gate(ring, old.sender) and genuine(ring, old)
    assert proof(ring, old) == proof(RING, old)
    for day in (30, 60):
        ring = ring.rotated(RANDOM, NOW + day * DAY, keep=14 * DAY)
    assert not gate(ring, old.recipient) and not genuine(ring, old)
    with pytest.raises(ForgedToken, match="key"):
        proof(ring, old)


def test_a_new_key_signs_when_its_time_has_come_and_opens_at_once():
    ring = RING.rotated(RANDOM, NOW, keep=DAY, ahead=120)
    assert [ring.signing(NOW + seconds).kid for seconds in (-1, 0, 119, 120, DAY)] == list("aaabb")
    young = new(ring, not_before=NOW + 120)
    assert young.recipient[1] == "b"
    assert gate(ring, young.recipient) and genuine(ring, young)


def test_a_key_goes_when_it_has_not_signed_for_long_and_not_when_it_was_made_long_ago():
    ring = RING.rotated(RANDOM, NOW + 400 * DAY, keep=14 * DAY)
    old = new(ring, not_before=NOW + 400 * DAY - 1)
    ring = ring.rotated(RANDOM, NOW + 410 * DAY, keep=14 * DAY)
    assert genuine(ring, old)
    assert [key.kid for key in ring.rotated(RANDOM, NOW + 415 * DAY, keep=14 * DAY).keys] == ["b", "c", "d"]


# tokens


def test_a_letter_has_two_tokens_that_any_server_takes():
    for kind, token in (("r", LETTER.recipient), ("s", LETTER.sender)):
        assert len(token) == 34 and set(token) <= set(ALPHABET) and token[:2] == kind + "a"
    assert LETTER.recipient[2:] != LETTER.sender[2:]
    assert new().recipient != LETTER.recipient


def test_what_was_issued_is_genuine():
    for address in ("192.0.2.1", "2001:db8::1"):
        letter = new(address=ip_address(address))
        assert gate(RING, letter.recipient) and gate(RING, letter.sender) and genuine(RING, letter)
        assert letter.proof_hash == sha256(proof(RING, letter).encode()).digest()


def test_letters_that_were_issued_before_stay_what_they_are():
    """Tokens are in the world and keys in files: no version may make others of the same facts."""
    text = f'{{"keys": [{{"kid": "a", "secret": "{bytes(range(32)).hex()}", "created": 5}}]}}'
    ring = Keyring.from_json(text)
    assert ring.to_json() == text
    letter = new(ring, not_before=10, not_after=20, random=lambda size: bytes(range(size)))
    assert letter.recipient == "raaaaqeayeaudaocajkuqeojjdi4mg2tot"
    assert letter.sender == "saaaaqeayeaudaocajlurjuo5eygy4t7bl"
    assert proof(ring, letter) == "epnrcqm5uqlk5lf7jibodqsw6a"
    assert gate(ring, letter.recipient.replace("k", "K"))
    assert not gate(ring, letter.recipient.replace("k", "\u212a")), "another letter, whose lower case is a k"


def test_a_key_of_any_other_length_is_malformed_and_so_is_no_key():
    for keys in ((), (Key(kid="a", secret=bytes(31), created=0),), (Key(kid="a", secret=bytes(33), created=0),)):
        with pytest.raises(ValueError):
            Keyring(keys)


def test_before_the_first_keys_time_it_is_the_first_that_signs():
    ring = Keyring((Key(kid="a", secret=bytes(32), created=100), Key(kid="b", secret=bytes(32), created=200)))
    assert [ring.signing(now).kid for now in (0, 99, 100, 199, 200)] == list("aaaab")
    assert [key and key.kid for key in map(ring.find, "abc")] == ["a", "b", None]


def test_a_kept_key_goes_at_its_very_second():
    ring = RING.rotated(RANDOM, NOW + 10, keep=0).rotated(RANDOM, NOW + 20, keep=0)
    assert [key.kid for key in ring.keys] == ["b", "c"]
    for later, kids in ((29, "bcd"), (30, "bcd"), (31, "cd")):
        assert [key.kid for key in ring.rotated(RANDOM, NOW + later, keep=10).keys] == list(kids)


def test_the_gate_does_not_mind_case():
    assert gate(RING, LETTER.recipient.upper()) and gate(RING, LETTER.sender.title())


@pytest.mark.parametrize("field", ["recipient", "sender"])
def test_a_token_with_one_other_character_is_refused(field: str):
    token = getattr(LETTER, field)
    for place in range(34):
        other = token[:place] + ALPHABET[(ALPHABET.index(token[place]) + 1) % 32] + token[place + 1 :]
        assert not genuine(RING, replace(LETTER, **{field: other})), place
        assert gate(RING, other) == (place >= 26), place  # the last eight are the bind, which the gate cannot see


def test_twenty_thousand_forged_tokens_find_no_way_in():
    forger = chance.Random(1)
    assert not any(gate(RING, "ra" + "".join(forger.choices(ALPHABET, k=32))) for _ in range(20_000))


@pytest.mark.parametrize(
    "token",
    [
        "",
        "r",
        "ra",
        LETTER.recipient[:-1],
        LETTER.recipient + "a",
        LETTER.recipient + "\n",
        "x" + LETTER.recipient[1:],
        LETTER.recipient.replace("k", "\u212a") + "\u212a",
        "\u212a" * 34,
        "postmaster",
    ],
)
def test_what_has_not_the_form_of_a_token_is_refused(token: str):
    assert not gate(RING, token)
    assert not genuine(RING, replace(LETTER, recipient=token))
    assert not genuine(RING, replace(LETTER, sender=token))


def test_a_token_of_another_ring_is_refused():
    stranger = new(Keyring.generate(RANDOM, NOW))
    assert not gate(RING, stranger.recipient) and not genuine(RING, stranger)


CHANGES = {
    "recipient": new().recipient,
    "sender": new().sender,
    "address": ip_address("192.0.2.2"),
    "port": 2525,
    "vector": "S02",
    "run": "run-2",
    "not_before": NOW - 1,
    "not_after": NOW + 7 * DAY + 1,
    "proof_hash": bytes(32),
}


def test_every_field_of_a_letter_is_tried():
    assert list(CHANGES) == list(Letter.__dataclass_fields__)


@pytest.mark.parametrize("field", CHANGES)
def test_no_fact_of_a_letter_can_be_changed(field: str):
    assert not genuine(RING, replace(LETTER, **{field: CHANGES[field]}))


def test_a_recipient_with_another_seal_is_refused_even_where_the_proof_is_made_for_it():
    other = "a" if LETTER.recipient[-1] != "a" else "b"
    bent = replace(LETTER, recipient=LETTER.recipient[:-1] + other)
    bent = replace(bent, proof_hash=sha256(proof(RING, bent).encode()).digest())
    assert not genuine(RING, bent)


def test_the_tokens_of_one_letter_cannot_change_places():
    assert not genuine(RING, replace(LETTER, recipient=LETTER.sender, sender=LETTER.recipient))
    assert not genuine(RING, replace(LETTER, sender=LETTER.recipient))


def test_neighbouring_facts_cannot_run_into_each_other():
    letter = new(vector="S01", run="2a")
    assert not genuine(RING, replace(letter, vector="S012", run="a"))


@settings(deadline=None)  # a busy machine is no fault
@given(
    address=st.ip_addresses(),
    port=st.integers(0, 65535),
    vector=st.text(max_size=8),
    run=st.text(max_size=40),
    start=st.integers(0, 2**40),
)
def test_any_facts_can_be_bound(address: Any, port: int, vector: str, run: str, start: int):
    letter = new(address=address, port=port, vector=vector, run=run, not_before=start, not_after=start + 9)
    assert genuine(RING, letter)
    assert not genuine(RING, replace(letter, run=run + "x"))
    assert not genuine(RING, replace(letter, not_before=start + 1))


def test_a_proof_belongs_to_one_letter():
    assert len(PROOF) == 26 and set(PROOF) <= set(ALPHABET)
    assert proof(RING, LETTER) == PROOF != proof(RING, new())
    assert PROOF not in LETTER.recipient + LETTER.sender


# writing


def test_a_letter_is_a_proper_small_message():
    parsed = message_from_bytes(MESSAGE)
    assert parsed.defects == []
    assert parsed["From"] == f"<{LETTER.sender}@b.example.org>"
    assert parsed["To"] == f"<{LETTER.recipient}@c.example>"
    assert parsed["Message-ID"] == f"<{LETTER.recipient}@b.example.org>"
    assert parsed["Subject"] == "Open relay test of [192.0.2.1] - run-1 S01"
    assert parsed["Auto-Submitted"] == "auto-generated"
    assert parsedate_to_datetime(parsed["Date"]).timestamp() == NOW
    assert parsed["Date"].endswith("+0000")


def test_a_letter_says_who_and_why_and_proves_itself():
    text = " ".join(BODY.decode("ascii").split())
    said = (
        "[192.0.2.1]",
        "Relay Watch",
        SENDER.website,
        SENDER.contact,
        SENDER.helo,
        "nomination-17",
        "opt out",
        "2023",
    )
    assert [each for each in said if each not in text] == []
    assert f"\r\nProof: {PROOF}\r\n".encode() in MESSAGE
    assert MESSAGE.count(PROOF.encode()) == 1 and PROOF.encode() not in HEAD


def test_without_a_nomination_it_says_none():
    assert b"Nomination: none." in b" ".join(written(nomination="").split())


LONG = "x" * 63


@pytest.mark.parametrize(
    ("letter", "changed"),
    [
        (LETTER, {}),
        (new(address=ip_address("2001:db8:1111:2222:3333:4444:5555:6666"), run="r" * 200), {}),
        (
            new(address=ip_address("2001:db8:1111:2222:3333:4444:5555:6666"), run="r" * 200, vector="v" * 99),
            {
                "nomination": "n" * 900,
                "mail_to": f"{LETTER.recipient}@{'.'.join([LONG] * 4)}"[:288],
                "sender": Sender(
                    service="service " * 99,
                    website="https://" + "w" * 900,
                    contact="c" * 900,
                    helo="h" * 900,
                    collector_domain=".".join([LONG] * 4)[:253],
                    bounce_domain=".".join([LONG] * 4)[:253],
                ),
            },
        ),
        (
            LETTER,
            {
                "nomination": "a\r\n\r\nBcc: victim@example.org\r\n.\r\n",
                "sender": replace(SENDER, service="Bücher\r\nX: y"),
            },
        ),
    ],
)
def test_a_letter_keeps_its_form_whatever_the_names(letter: Letter, changed: dict[str, Any]):
    raw = written(letter, **changed)
    assert len(raw) < 2048
    assert raw.isascii() and raw.endswith(b"\r\n") and raw.count(b"\r") == raw.count(b"\n") == raw.count(b"\r\n")
    assert not any(byte < 32 and byte not in b"\r\n" for byte in raw)
    assert all(len(line) <= 72 for line in raw.split(b"\r\n") if b" " in line.lstrip()[12:])
    assert [*message_from_bytes(raw)] == ["Date", "From", "To", "Message-ID", "Subject", "Auto-Submitted"]
    assert unwrap(raw).proofs == {proof(RING, letter)}


@pytest.mark.parametrize(
    ("letter", "changed"),
    [
        (replace(LETTER, run="r\r\nBcc: x@y.example"), {}),
        (replace(LETTER, vector="S\r\nB: x"), {}),
        (LETTER, {"mail_to": "x@y.example>\r\nBcc: <z@y.example"}),
        (LETTER, {"sender": replace(SENDER, bounce_domain="b.example\r\nBcc: x@y.example")}),
    ],
)
def test_no_name_starts_a_field_of_its_own(letter: Letter, changed: dict[str, Any]):
    head = written(letter, **changed).partition(b"\r\n\r\n")[0]
    assert [line.split(b":")[0] for line in head.split(b"\r\n") if not line.startswith(b" ")] == (
        [b"Date", b"From", b"To", b"Message-ID", b"Subject", b"Auto-Submitted"]
    )


def test_what_is_no_printable_ascii_is_marked():
    assert b"B?cher" in written(sender=replace(SENDER, service="B\u00fccher"))


@pytest.mark.parametrize(
    ("changed", "most"),
    [
        ({"sender": replace(SENDER, service="Q" * 900)}, 60),
        ({"sender": replace(SENDER, website="Q" * 900)}, 100),
        ({"sender": replace(SENDER, contact="Q" * 900)}, 80),
        ({"sender": replace(SENDER, helo="Q" * 900)}, 100),
        ({"sender": replace(SENDER, bounce_domain="Q" * 900)}, 253),
        ({"nomination": "Q" * 900}, 40),
        ({"mail_to": "Q" * 900}, 288),
        ({"letter": replace(LETTER, run="Q" * 900)}, 40),
        ({"letter": replace(LETTER, vector="Q" * 900)}, 8),
    ],
)
def test_every_name_is_cut_so_that_the_longest_fit_together(changed: dict[str, Any], most: int):
    raw = written(**changed)
    assert b"Q" * most in raw
    assert b"Q" * (most + 1) not in raw


def test_an_ipv6_address_is_written_as_a_literal():
    assert b"[IPv6:2001:db8::1]" in written(new(address=ip_address("2001:db8::1")))
    assert b"[192.0.2.1]" in MESSAGE


def test_with_ordinary_names_every_line_is_short():
    assert max(map(len, MESSAGE.split(b"\r\n"))) <= 72


@given(st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10))
def test_tokens_and_proofs_are_written_as_everybody_writes_base32(first: bytes, second: bytes) -> None:
    """RFC 4648 section 6, in lower case and without padding."""
    drawn = iter((first, second))
    letter = new(random=lambda size: next(drawn))
    for token, raw in ((letter.recipient, first), (letter.sender, second)):
        assert token[2:18] == base64.b32encode(raw).decode().lower()
    assert base64.b32encode(base64.b32decode(proof(RING, letter).upper() + "======")).decode()[:26].lower() == proof(
        RING, letter
    )
