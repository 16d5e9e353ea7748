"""What the public sees of a run: enough to repair a server, nothing that belongs to others."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from dnsbl.rules.discretion import CHARACTERS
from dnsbl.settings import Settings
from dnsbl.web.dossier import CONVERSATIONS, FIELDS, LINES, dossier
from tester.smtp import Flag, Transcript
from tester.verdict import Finding

PROOF = "abcdefghijklmnopqrstuvwxy2"
TOKEN = "r2" + "q" * 32
OURS = frozenset({"c.example.org", "b.example.org"})
SETTINGS = Settings()
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def withheld(proof: str = PROOF) -> str:
    return f"[proof withheld, SHA-256 {sha256(proof.encode()).hexdigest()}]"


def test_a_conversation_shows_both_sides_in_order(records: Any) -> None:
    said = (b"220 mx\xff<b>\r\n", b"EHLO t\r\n", b"250-a\r\n", b"250 b\r\n", b"slow", b"closed")
    report = records.report(transcripts=(records.transcript(*zip("<><<!!", said, strict=True)),))
    (conversation,) = dossier(report, SETTINGS).conversations
    assert [(line.kind, line.text) for line in conversation.lines] == [
        ("<", "220 mx\\xff<b>"),
        (">", "EHLO t"),
        ("<", "250-a"),
        ("<", "250 b"),
        ("!", "slow"),
        ("!", "closed"),
    ]
    assert (conversation.target, conversation.port, conversation.cut) == ("198.18.7.9", 25, False)


def test_a_conversation_without_a_word_is_empty(records: Any) -> None:
    (conversation,) = dossier(records.report(transcripts=(records.transcript(),)), SETTINGS).conversations
    assert conversation.lines == ()


@pytest.mark.parametrize("cut", [0, 1, 13, 25, 26])
def test_a_proof_sent_in_two_pieces_is_withheld(records: Any, cut: int) -> None:
    transcript = records.transcript((">", b"x: " + PROOF[:cut].encode()), (">", PROOF[cut:].encode() + b"\r\n.\r\n"))
    (conversation,) = dossier(records.report(transcripts=(transcript,)), SETTINGS).conversations
    assert [line.text for line in conversation.lines] == [f"x: {withheld()}", "."]


def test_what_we_said_ourselves_keeps_its_addresses(records: Any) -> None:
    transcript = records.transcript((">", b"RCPT TO:<@mx.example.net:x@y.example>\r\n"), ("<", b"550 x@y.example\r\n"))
    (conversation,) = dossier(records.report(transcripts=(transcript,)), SETTINGS).conversations
    assert [line.text for line in conversation.lines] == [
        "RCPT TO:<@mx.example.net:x@y.example>",
        "550 [address withheld]",
    ]


def test_a_page_is_bounded(records: Any) -> None:
    long = records.transcript(("<", b"a" * 5000 + b"\r\n"), (">", b"x\n" * 1000), ("<", b"220\r\n"))
    message = b"Received: from x ([198.18.7.9]) by y\r\n" * 40 + b"\r\n"
    shown = dossier(records.report(transcripts=(long,) * 20, returns=(records.back(message=message),)), SETTINGS)
    assert len(shown.conversations) == CONVERSATIONS
    assert len(shown.conversations[0].lines) == LINES and shown.conversations[0].cut
    assert len(shown.conversations[0].lines[0].text) <= CHARACTERS
    assert len(shown.arrivals[0].chain) == FIELDS


def test_attempts_say_what_they_show_and_how_they_ended(records: Any) -> None:
    letters = (
        records.letter(reply="550 5.7.1 <joe@victim.example> no"),
        records.letter(vector="GONE", outcome=None, reply=""),
    )
    shown = dossier(records.report(letters=letters), SETTINGS)
    (first,) = shown.attempts
    assert first.meaning and first.ended == "the recipient was refused, as it should be"
    assert first.reply == "550 5.7.1 <[address withheld]> no"
    assert shown.untried == ("GONE",)


def test_only_deliveries_are_shown_with_their_path(records: Any) -> None:
    message = b"Received: from a (joe@victim.example [198.18.7.9]) by b; now\r\nSubject: secret\r\n\r\nbody\r\n"
    report = records.report(
        returns=(records.back(message=message), records.back(finding=Finding.HUMAN, message=message)),
        run=records.run(verdict=None),
    )
    shown = dossier(report, SETTINGS)
    (arrival,) = shown.arrivals
    (field,) = arrival.chain
    assert "198.18.7.9" in field and "joe" not in field and "secret" not in field
    assert (shown.outputs, shown.verdict) == (("198.18.7.9",), "")


def test_what_a_certificate_says_is_shown_without_other_peoples_addresses(records: Any) -> None:
    facts = {
        "version": "TLSv1.3",
        "cipher": "TLS_AES_256_GCM_SHA384",
        "certificate_sha256": "00",
        "subject": "CN=mx.host.example,1.2.840.113549.1.9.1=joe@victim.example",
        "names": "mx.host.example",
        "expires": "2027-01-01T00:00:00Z",
    }
    clear = Transcript.from_json(records.transcript())
    for tls in (facts, {}):
        report = records.report(transcripts=(replace(clear, tls=tls).to_json(),))
        (conversation,) = dossier(report, SETTINGS).conversations
        if not tls:
            assert conversation.tls == ""
            continue
        assert conversation.tls.startswith("TLSv1.3, certificate of CN=mx.host.example,")
        assert conversation.tls.endswith("for mx.host.example, until 2027-01-01T00:00:00Z")
        assert "victim" not in conversation.tls


def test_what_a_relay_does_to_bytes_by_themselves_is_told_in_words(records: Any) -> None:
    shown = dossier(records.report(flags=frozenset({Flag.PASSES_BARE_CR, Flag.TLS_USED})), SETTINGS)
    [(flag, meaning)] = shown.canaries
    assert flag == "passes-bare-cr"
    assert "carriage return" in meaning
