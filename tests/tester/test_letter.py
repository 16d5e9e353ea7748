"""Tokens that cannot be forged, letters that say who we are, and the proof found again whatever happened on the way."""

from __future__ import annotations

import base64
import quopri
import random as chance
import string
import time
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parsedate_to_datetime
from hashlib import sha256
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tester.errors import ForgedToken
from tester.letter import (
    Key,
    Keyring,
    Letter,
    Opened,
    Sender,
    gate,
    genuine,
    issue,
    proof,
    unwrap,
    write,
)

ALPHABET = string.ascii_lowercase + "234567"
NOW = 1_700_000_000
DAY = 86_400
RANDOM = chance.Random(4711).randbytes
RING = Keyring.generate(RANDOM, NOW)


def new(ring: Keyring = RING, **changed: Any) -> Letter:
    facts: dict[str, Any] = {
        "address": ip_address("192.0.2.1"),
        "port": 25,
        "vector": "S01",
        "run": "run-1",
        "not_before": NOW,
        "not_after": NOW + 7 * DAY,
        "random": RANDOM,
    }
    return issue(ring, **facts | changed)


LETTER = new()
PROOF = proof(RING, LETTER)
SENDER = Sender(
    service="Relay Watch",
    website="https://relays.example.org/about",
    contact="contact@relays.example.org",
    helo="probe.relays.example.org",
    collector_domain="c.example",
    bounce_domain="b.example.org",
)


def written(letter: Letter = LETTER, **changed: Any) -> bytes:
    facts: dict[str, Any] = {
        "proof": proof(RING, letter),
        "sender": SENDER,
        "nomination": "nomination-17",
        "date": float(NOW),
        "mail_to": f"{letter.recipient}@c.example",
    }
    return write(letter, **facts | changed)


MESSAGE = written()
HEAD, _, BODY = MESSAGE.partition(b"\r\n\r\n")


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
    assert new(ring).recipient[1] == "b"
    assert gate(ring, old.recipient) and gate(ring, old.sender) and genuine(ring, old)
    assert proof(ring, old) == proof(RING, old)
    for day in (30, 60):
        ring = ring.rotated(RANDOM, NOW + day * DAY, keep=14 * DAY)
    assert not gate(ring, old.recipient) and not genuine(ring, old)
    with pytest.raises(ForgedToken, match="key"):
        proof(ring, old)


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


def test_with_ordinary_names_every_line_is_short():
    assert max(map(len, MESSAGE.split(b"\r\n"))) <= 72


# opening


def opened(body: str | bytes, *header: str) -> Opened:
    body = body if isinstance(body, bytes) else body.encode("latin-1")
    return unwrap("".join(f"{line}\r\n" for line in header).encode() + b"\r\n" + body)


def html_of(text: str) -> str:
    return "<html><body>" + text.replace("\r\n", "<br>\r\n").replace(" ", "&nbsp;") + "</body></html>"


QUOTED = "".join(f"> {line}\r\n" for line in BODY.decode().split("\r\n"))
WAYS = {
    "as written": (BODY, ()),
    "bare line feeds": (BODY.replace(b"\r\n", b"\n"), ()),
    "doubled carriage returns": (BODY.replace(b"\r\n", b"\r\r\n"), ()),
    "quoted-printable": (quopri.encodestring(BODY), ("Content-Transfer-Encoding: Quoted-Printable",)),
    "quoted-printable, all of it": (
        "".join(f"={byte:02X}" + "=\r\n" * (n % 20 == 19) for n, byte in enumerate(BODY)),
        ("Content-Transfer-Encoding: quoted-printable",),
    ),
    "base64": (
        base64.encodebytes(BODY),
        ("Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64"),
    ),
    "base64 with a footer": (
        base64.encodebytes(BODY + b"\n" * (-(len(BODY) + 1) % 3)) + b"-- \r\nThis mail was scanned.\r\n",
        ("Content-Transfer-Encoding: BASE64",),
    ),
    "base64, cut off": (base64.b64encode(BODY)[:-3], ("Content-Transfer-Encoding: base64",)),
    "HTML": (html_of(BODY.decode()), ("Content-Type: TEXT/HTML; charset=us-ascii",)),
    "HTML, emphasised": (f"<p>Proof:</p><td><b\n>{PROOF}</b>", ("Content-Type: text/html",)),
    "quoted": (QUOTED, ()),
    "rewrapped": (f"text Proof:\r\n> > {PROOF[:9]}\r\n> > {PROOF[9:]} text goes on", ()),
    "upper case": (BODY.upper(), ()),
    "with a disclaimer": (BODY + b"\r\n--\r\nThis message is confidential.\r\n", ()),
    "in UTF-8": ("Grüße. ".encode() + BODY, ("Content-Type: text/plain; charset=utf-8",)),
    "of an unreadable type": (BODY, ("Content-Type: ;;;",)),
    "multipart without a boundary": (BODY, ("Content-Type: multipart/mixed",)),
    "multipart with a wrong boundary": (BODY, ("Content-Type: multipart/mixed; boundary=other",)),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_proof_is_found_whatever_happened_on_the_way(way: str):
    body, header = WAYS[way]
    found = opened(body, "From: <s@b.example>", *header)
    assert (found.proofs, found.reported_proofs, found.is_report) == ({PROOF}, set(), False)


def multipart(kind: str, *parts: str, end: bool = True) -> bytes:
    inner = "".join(f"--=_x\r\n{part}\r\n" for part in parts) + "--=_x--\r\nepilogue\r\n" * end
    return f'Content-Type: multipart/{kind};\r\n\tboundary="=_x"\r\n\r\npreamble\r\n{inner}'.encode("latin-1")


PLAIN = "\r\n" + BODY.decode()
FOOTER = "Content-Type: text/plain\r\n\r\nThis mail was scanned.\r\n"
COPY = "Content-Type: message/rfc822\r\n\r\n" + MESSAGE.decode()


@pytest.mark.parametrize(
    "raw",
    [
        multipart("mixed", PLAIN, FOOTER),
        multipart("mixed", PLAIN, FOOTER, end=False),
        multipart("mixed", FOOTER, "Content-Type: text/plain\r\n" + PLAIN),
        multipart("alternative", PLAIN, "Content-Type: text/html\r\n\r\n" + html_of(BODY.decode())),
        multipart("mixed", multipart("alternative", PLAIN).decode().replace("=_x", "inner")),
        multipart("mixed", PLAIN).replace(b'"=_x"', b"=_x; x=y"),
        multipart("mixed", PLAIN, "Content-Type: image/png\r\n\r\nProof: " + "z" * 26),
        multipart("mixed", "Content-Type: text/plain\r\n" + PLAIN, "Content-Type: message/rfc822"),
    ],
)
def test_a_letter_in_a_wrapping_still_counts(raw: bytes):
    found = unwrap(b"From: <s@b.example>\r\n" + raw)
    assert (found.proofs, found.reported_proofs, found.is_report) == ({PROOF}, set(), False)


@pytest.mark.parametrize(
    "raw",
    [
        multipart("mixed", FOOTER, COPY),
        multipart("mixed", multipart("mixed", FOOTER, COPY).decode().replace("=_x", "inner")),
        multipart("digest", "\r\n" + MESSAGE.decode()),
        b"Content-Type: message/rfc822\r\n\r\n" + MESSAGE,
        multipart("mixed", FOOTER, "Content-Type: text/rfc822-headers\r\n\r\nX: y\r\nProof: " + PROOF),
        multipart(
            "mixed",
            "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            + base64.encodebytes(MESSAGE).decode(),
        ),
        multipart(
            "mixed", "Content-Type: message/rfc822\r\n\r\n" + multipart("mixed", PLAIN).decode().replace("=_x", "in")
        ),
    ],
)
def test_a_letter_in_the_copy_of_another_message_is_only_reported(raw: bytes):
    found = unwrap(raw)
    assert (found.proofs, found.reported_proofs, found.is_report) == (set(), {PROOF}, False)


STATUS = (
    "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; hub.example\r\nArrival-Date: today\r\n\r\n"
    "Final-Recipient: rfc822; x@c.example\r\nAction: Failed (really)\r\nStatus: 5.7.1 (denied)\r\n"
    "Remote-MTA: dns; mx.c.example\r\nDiagnostic-Code: smtp; 550 5.7.1\r\n\trelaying\x1b denied\r\n\r\n"
    "Final-Recipient: rfc822; y@c.example\r\nAction: delayed\r\n"
)


def test_a_delivery_status_report_is_read():
    found = unwrap(multipart("report; report-type=delivery-status", f"\r\nProof: {PROOF}", STATUS, COPY))
    assert found.is_report and found.proofs == set() and found.reported_proofs == {PROOF}
    assert (found.action, found.status, found.remote_mta) == ("failed", "5.7.1", "mx.c.example")
    assert found.diagnostic == "smtp; 550 5.7.1 relaying\\x1b denied"


def test_a_report_of_the_standard_library_s_making_is_read():
    report = EmailMessage(policy=SMTP)
    report["Subject"] = "Delivery report"
    report.set_content("See below.")
    report.make_mixed()
    status = EmailMessage(policy=SMTP)
    status["Action"], status["Status"], status["Remote-MTA"] = "delayed", "4.4.1", "mx.c.example"
    wrapped = EmailMessage(policy=SMTP)
    wrapped["Content-Type"] = "message/delivery-status"
    wrapped.set_payload([status])
    report.attach(wrapped)
    copy = EmailMessage(policy=SMTP)
    copy.set_content(BODY.decode())
    report.add_attachment(copy)
    report.set_param("report-type", "delivery-status")
    found = unwrap(report.as_bytes().replace(b"multipart/mixed", b"multipart/report"))
    assert (found.is_report, found.action, found.status, found.remote_mta) == (True, "delayed", "4.4.1", "mx.c.example")
    assert (found.proofs, found.reported_proofs) == (set(), {PROOF})


def test_a_status_part_alone_makes_a_report():
    found = unwrap(multipart("mixed", FOOTER, STATUS, PLAIN))
    assert (found.is_report, found.action, found.proofs) == (True, "failed", set())


def test_a_status_part_in_a_copy_reports_nothing():
    inner = multipart("report", FOOTER, STATUS).decode().replace("=_x", "inner")
    found = unwrap(multipart("mixed", PLAIN, "Content-Type: message/rfc822\r\n\r\n" + inner))
    assert (found.is_report, found.action, found.proofs) == (False, "", {PROOF})


@pytest.mark.parametrize(
    ("field", "value", "seen"),
    [
        ("Action", "failed", ("failed", "", "", "")),
        ("Action", "exploded", ("", "", "", "")),
        ("Status", "5.1.1", ("", "5.1.1", "", "")),
        ("Status", "2.0.0.1\r\nAction: relayed", ("relayed", "", "", "")),
        ("Status", "9.9.9", ("", "", "", "")),
        ("Action", "failed\r\nRemote-MTA: \xff" + "x" * 999, ("failed", "", "\\xff" + "x" * 254, "")),
        ("Action", "failed\r\nDiagnostic-Code: " + "x" * 999, ("failed", "", "", "x" * 500)),
    ],
)
def test_the_fields_of_a_report_are_bounded(field: str, value: str, seen: tuple[str, str, str, str]):
    found = unwrap(multipart("report", FOOTER, f"Content-Type: message/delivery-status\r\n\r\n{field}: {value}\r\n"))
    assert (found.action, found.status, found.remote_mta, found.diagnostic) == seen


def test_a_report_without_a_status_part_says_no_more_than_that():
    found = unwrap(multipart("report", PLAIN))
    assert (found.is_report, found.action, found.proofs, found.reported_proofs) == (True, "", set(), {PROOF})


@pytest.mark.parametrize(
    ("header", "action"),
    [
        (("From: MAILER-DAEMON@q.example", "Subject: failure notice"), "failed"),
        (
            ("From: Mail Delivery System <Mailer-Daemon@e.example>", "Subject: Mail delivery failed: returning"),
            "failed",
        ),
        (("From: MAILER-DAEMON (Mail Delivery System)", "Subject: Undelivered Mail Returned to Sender"), "failed"),
        (("From: Mailer-Daemon@e.example", "Subject: Warning: message 1x-2y-3z delayed 24 hours"), "delayed"),
        (("From: <postmaster@x.example>", "Subject: Undeliverable: Open relay test"), "failed"),
        (('From: "Mail Delivery Subsystem" <MAILER-DAEMON>', "Subject: Returned mail: see transcript"), "failed"),
        (("From: postmaster@x.example", "Auto-Submitted: auto-replied"), "failed"),
        (
            ("From: x@x.example", "Subject: Delivery Status Notification (Failure)", "Auto-Submitted: auto-replied"),
            "failed",
        ),
        (("From: x@x.example", "Subject: hello", "X-Failed-Recipients: r@c.example"), "failed"),
    ],
)
def test_an_evident_bounce_is_a_report_and_what_it_quotes_is_only_reported(header: tuple[str, ...], action: str):
    found = opened("I could not deliver this:\r\n--- copy follows ---\r\n" + MESSAGE.decode(), *header)
    assert (found.is_report, found.action) == (True, action)
    assert (found.proofs, found.reported_proofs) == (set(), {PROOF})


@pytest.mark.parametrize(
    "header",
    [
        ("From: The postmaster <postmaster@x.example>", "Subject: Re: Open relay test of [192.0.2.1]"),
        ("From: jo@x.example", "Subject: your mail was not delivered, I read it"),
        ("From: jo@x.example", "Subject: away", "Auto-Submitted: auto-replied (vacation)"),
        ("From: jo.postmasterson@x.example", "Subject: Undeliverable"),
    ],
)
def test_people_s_mail_is_no_report(header: tuple[str, ...]):
    found = opened(QUOTED, *header)
    assert (found.is_report, found.action, found.proofs) == (False, "", {PROOF})


def test_our_own_letter_is_no_report():
    assert not unwrap(MESSAGE).is_report


def test_of_a_repeated_field_the_first_counts():
    found = opened("x", "From: jo@x.example", "From: mailer-daemon@x.example", "Subject: failure notice")
    assert not found.is_report


def test_every_proof_in_a_message_is_found():
    second = "b" * 26
    found = opened(f"Proof: {PROOF}\r\nPROOF: {second}\r\nProof: tooshort\r\nProof: {'1' * 26}\r\nproof {'c' * 26}")
    assert found.proofs == {PROOF, second}


def test_a_proof_in_the_header_is_none():
    assert unwrap(f"Subject: Proof: {PROOF}\r\nProof: {PROOF}\r\n\r\nempty\r\n".encode()).proofs == set()


def test_the_trace_is_kept_newest_first_and_escaped():
    raw = b"Received: from b ([203.0.113.9])\r\n\tby a\x1b\r\nReceived: from c by b\r\n" + MESSAGE
    assert unwrap(raw).received == ("from b ([203.0.113.9]) by a\\x1b", "from c by b")


def test_what_lies_beyond_64_kib_is_not_looked_at():
    assert opened(b"x" * 65536 + BODY).proofs == set()
    assert opened(b"x" * 60000 + BODY).proofs == {PROOF}


def nested(levels: int) -> bytes:
    head = "".join(f"Content-Type: multipart/mixed; boundary=b{n}z\r\n\r\n--b{n}z\r\n" for n in range(levels))
    return head.encode() + b"\r\n" + BODY


def test_nesting_has_a_floor():
    assert unwrap(nested(20)).proofs == {PROOF}
    assert unwrap(nested(21)).proofs == set()


def test_parts_are_counted():
    assert unwrap(multipart("mixed", *[FOOTER] * 98, PLAIN)).proofs == {PROOF}
    assert unwrap(multipart("mixed", *[FOOTER] * 99, PLAIN)).proofs == set()


HEAVY = {
    "deep multiparts": nested(1200),
    "deep messages": b"Content-Type: message/rfc822\n\n" * 2200,
    "opening brackets": b"Content-Type: text/html\n\n" + b"<" * 65536,
    "one open tag": b"Content-Type: text/html\n\n<" + b"a" * 65536,
    "entities": b"Content-Type: text/html\n\n" + b"&" * 65536,
    "labels": b"\n" + b"Proof:" * 11000,
    "labels and gaps": b"\n" + b"Proof: > > > > " * 4000,
    "carriage returns": b"\r" * 65536,
    "line feeds": b"Content-Type: multipart/mixed; boundary=x\n" + b"\n" * 65000,
    "delimiters": b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n" * 16000,
    "parameters": b"Content-Type: multipart/mixed" + b"; boundary" * 6000 + b"\n\n",
    "blanks": b"Content-Type: multipart/mixed;" + b" " * 65000 + b"\n\n",
    "boundaries of blanks": b"Content-Type: multipart/mixed; boundary=" + b" " * 65000 + b"\n\n",
    "a subject": b"From: postmaster\nSubject: " + b"deliver" * 9000 + b"\n\n",
    "folds": b"Subject: x\n" + b" deliver\n" * 7000,
    "status blocks": b"Content-Type: message/delivery-status\n\n" + b"A: b\n\n" * 10000,
    "equals signs": b"Content-Transfer-Encoding: quoted-printable\n\n" + b"=" * 65000,
    "base64 noise": b"Content-Transfer-Encoding: base64\n\n" + b"*" * 65000,
    "brackets in a trace": b"Received: from " + b"([" * 32000 + b"\n\n",
    "many traces": b"Received: from a (" + b"helo=" * 300 + b") by\n" * 40 + b"\n",
}


@pytest.mark.parametrize("load", HEAVY)
def test_no_message_is_heavy_work(load: str):
    before = time.process_time()
    found = unwrap(HEAVY[load])
    assert time.process_time() - before < 1.0
    assert found.proofs in (set(), {PROOF})


PIECES = [
    b"Content-Type: ",
    b"multipart/mixed; boundary=x",
    b"multipart/report; boundary=\"x\"",
    b"message/rfc822",
    b"message/delivery-status",
    b"text/html",
    b"Content-Transfer-Encoding: base64",
    b"Content-Transfer-Encoding: quoted-printable",
    b"From: mailer-daemon",
    b"Subject: undeliverable",
    b"Action: failed",
    b"Received: from a ([10.0.0.1])",
    b"--x",
    b"--x--",
    b"\r\n",
    b"\n\n",
    b" ",
    b"\xff\x00",
    b"Proof: " + PROOF.encode(),
    b"=",
    b"&#x110000;&nbsp;<",
]  # fmt: skip


@settings(deadline=None)  # a busy machine is no fault
@given(st.binary(max_size=3000) | st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join))
def test_whatever_comes_it_is_opened_without_complaint(raw: bytes):
    found = unwrap(raw)
    assert not (found.is_report and found.proofs)
    assert all(len(each) == 26 for each in found.proofs | found.reported_proofs)
    for text in (found.action, found.status, found.remote_mta, found.diagnostic, *found.received):
        assert text.isascii() and (text.isprintable() or not text)


@settings(deadline=None)  # a busy machine is no fault
@given(st.binary(max_size=300))
def test_the_proof_survives_any_neighbours_in_any_encoding(around: bytes):
    text = around.replace(b":", b"") + b"\r\n" + BODY + around
    for encoding, encoded in (("base64", base64.encodebytes(text)), ("quoted-printable", quopri.encodestring(text))):
        assert PROOF in opened(encoded, f"Content-Transfer-Encoding: {encoding}").proofs


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


def test_a_report_that_quotes_our_collectors_refusal_is_known_however_it_is_written() -> None:
    """OpenSMTPD's report has no status part and quotes the reply in its text alone, wrapped as it likes."""
    head = b"From: Mailer Daemon <mailer-daemon@x.example>\r\nSubject: Delivery status notification: error\r\n"
    text = b"\r\nr@c.example: 550 5.1.1 no such recipient at this relay-test\r\n    collector\r\n"
    assert unwrap(head + text).refused_by_us
    assert not unwrap(head + b"\r\nr@c.example: 550 5.7.1 relaying denied\r\n").refused_by_us
    assert not unwrap(b"Subject: about your relay-test collector\r\n\r\nrelay-test collector\r\n").refused_by_us
