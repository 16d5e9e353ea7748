"""What answers to our letters are read as: the whole corpus, and what nothing may be taken for, however it is made."""

from __future__ import annotations

import base64
import quopri
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import LETTER, MESSAGE, new

from tester.bounces import Ours
from tester.bounces.reading import read
from tester.mime import header, lines, parts
from tester.verdict import Finding, Weighed
from tests.answers.corpus import CORPUS, Message

#: Folder of the corpus -> what its messages are.
KINDS: dict[str, Finding] = {
    "bounced": Finding.BOUNCED,
    "by_us": Finding.BOUNCED_BY_US,
    "delayed": Finding.DSN_DELAYED,
    "held": Finding.HELD,
    "automatic": Finding.AUTOMATIC,
    "receipt": Finding.RECEIPT,
    "complaint": Finding.COMPLAINT,
    "human": Finding.HUMAN,
    "unproven": Finding.UNPROVEN,
}
US = Ours(
    names={"mx.c.example", "c.example", "b.example.org", "192.0.2.25", "[192.0.2.25]"},
    marks={"mx.c.example", "192.0.2.25"},
)
BOUNCES = [message for message in CORPUS if message.kind == "bounced"]
#: All that our collector refuses with, by code.
REFUSALS = [
    "421 4.7.0 relay-test collector: too many connections",
    "450 relay-test collector: x",
    "451 4.3.0 relay-test collector: local error",
    "452 4.5.3 relay-test collector: one recipient a message",
    "500 relay-test collector: Error: bad syntax",
    "501 5.1.7 relay-test collector: Syntax: MAIL FROM:<address>",
    "550 5.1.1 no such recipient at this relay-test collector",
    "552 5.3.4 relay-test collector: message too big",
    "555 relay-test collector: parameters not recognized",
]


def named(message: Message) -> str:
    return f"{message.kind}/{message.name}"


def filled(message: Message, **changed: str) -> bytes:
    return message.filled(
        **{
            "recipient": f"{LETTER.recipient}@c.example",
            "sender": f"{LETTER.sender}@b.example.org",
            "letter": MESSAGE,
        }
        | changed  # type: ignore[arg-type]
    )


def reading(raw: bytes, *, mail_from: str = "", recipient: str = LETTER.recipient, us: Ours = US) -> Weighed:
    message = lines(raw)
    return read(header(message), parts(message), recipient=recipient, null_sender=not mail_from, us=us)


def test_the_corpus_has_every_kind() -> None:
    assert {message.kind for message in CORPUS} == set(KINDS)


@pytest.mark.parametrize("message", CORPUS, ids=named)
def test_every_message_of_the_corpus_is_what_it_is(message: Message) -> None:
    read_as = reading(filled(message), mail_from=message.mail_from)
    assert read_as.finding is KINDS[message.kind], read_as.reason
    assert not read_as.counts
    assert read_as.reason.endswith(".")
    assert read_as.reason.isascii()


@pytest.mark.parametrize("message", CORPUS, ids=named)
def test_bare_line_feeds_and_upper_case_tokens_change_nothing(message: Message) -> None:
    shouted = filled(message, recipient=f"{LETTER.recipient.upper()}@c.example")
    assert reading(shouted, mail_from=message.mail_from).finding is KINDS[message.kind]
    bare = filled(message).replace(b"\r\n", b"\n")
    assert reading(bare, mail_from=message.mail_from).finding is KINDS[message.kind]


@pytest.mark.parametrize("message", [m for m in CORPUS if "Content-T" not in m.text], ids=named)
@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_how_the_text_was_encoded_changes_nothing(message: Message, encoding: str) -> None:
    head, _, body = filled(message).partition(b"\r\n\r\n")
    encode = base64.encodebytes if encoding == "base64" else quopri.encodestring
    extra = f"\r\nContent-Type: text/plain; charset={message.charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    raw = head + extra.encode() + encode(body)
    assert reading(raw, mail_from=message.mail_from).finding is KINDS[message.kind]


# -- what must never pass for a bounce


@pytest.mark.parametrize("message", BOUNCES, ids=named)
def test_a_bounce_of_another_letter_is_none_of_this_one(message: Message) -> None:
    assert reading(filled(message), recipient=new().recipient).finding is not Finding.BOUNCED


@pytest.mark.parametrize("message", BOUNCES, ids=named)
def test_what_a_report_says_that_it_is_counts_whatever_else_it_holds(message: Message) -> None:
    for other, finding in (
        ("feedback-report", Finding.COMPLAINT),
        ("disposition-notification", Finding.RECEIPT),
    ):
        raw = re.sub(rb"report-type=\"?delivery-status\"?", f"report-type={other}".encode(), filled(message))
        if b"report-type=" in raw:
            assert reading(raw).finding is finding


@pytest.mark.parametrize("message", [m for m in BOUNCES if "delivery-status" in m.text], ids=named)
def test_only_a_final_failure_is_a_bounce(message: Message) -> None:
    raw = filled(message)
    status = rb"(?i)(\r\nStatus: )5\.\d+\.\d+"
    for changed in (
        re.sub(rb"(?i)(\r\nAction: )failed", rb"\1delayed", raw),
        re.sub(status, rb"\g<1>4.4.1", raw),
        re.sub(status, rb"\g<1>2.0.0", raw),
    ):
        if changed != raw:
            assert reading(changed).finding is Finding.DSN_DELAYED


@pytest.mark.parametrize("message", BOUNCES, ids=named)
def test_a_person_who_tells_of_a_bounce_shows_none(message: Message) -> None:
    """Without a status part, and not from the null sender or a mail system, it is somebody's word."""
    if "delivery-status" not in message.text:
        raw = re.sub(rb"(?m)^From: .*$", b"From: Jo <jo@relay.example>", filled(message))
        raw = re.sub(rb"(?mi)^(?:auto-submitted|x-failed-recipients): .*\n", b"", raw)
        assert reading(raw, mail_from="jo@relay.example").finding is Finding.HUMAN


@pytest.mark.parametrize("subject", ["Out of office", "Automatic reply: x", "Abwesenheitsnotiz", "Autosvar: x"])
@pytest.mark.parametrize("message", [m for m in BOUNCES if "delivery-status" not in m.text], ids=named)
def test_an_automatic_answer_in_the_words_of_a_bounce_is_an_automatic_answer(message: Message, subject: str) -> None:
    raw = re.sub(rb"(?m)^Subject: .*$", f"Subject: {subject}".encode(), filled(message))
    assert reading(raw).finding is Finding.AUTOMATIC


@pytest.mark.parametrize("words", ["It is held for moderation.", "It is still in the queue.", "In Quarantäne."])
@pytest.mark.parametrize("message", [m for m in BOUNCES if "Content-T" not in m.text], ids=named)
def test_what_is_held_or_delayed_in_the_words_of_a_bounce_is_held_or_delayed(message: Message, words: str) -> None:
    raw = filled(message).replace(b"\r\n\r\n", b"\r\n\r\n" + words.encode() + b"\r\n\r\n", 1)
    assert reading(raw).finding in (Finding.HELD, Finding.DSN_DELAYED)


# -- our own refusals


@pytest.mark.parametrize("said", REFUSALS)
@pytest.mark.parametrize("message", [m for m in CORPUS if m.kind == "by_us" and "{said}" in m.text], ids=named)
def test_each_of_our_refusals_is_known_wherever_it_is_quoted(message: Message, said: str) -> None:
    raw = filled(message, said=said)
    assert reading(raw, mail_from=message.mail_from, us=Ours(names=())).finding is Finding.BOUNCED_BY_US


@pytest.mark.parametrize("message", BOUNCES, ids=named)
def test_no_bounce_that_quotes_us_anywhere_acquits(message: Message) -> None:
    raw = filled(message)
    places = [place.end() for place in re.finditer(rb"\r\n\r\n", raw)] + [len(raw)]
    for place in places:
        quoting = raw[:place] + b"552 5.3.4 message too big for this relay-test\r\n collector\r\n\r\n" + raw[place:]
        assert reading(quoting).finding is not Finding.BOUNCED, place


def test_our_own_letter_does_not_hold_the_phrase() -> None:
    assert reading(b"Subject: Undeliverable\r\n\r\n" + MESSAGE).finding is Finding.UNPROVEN


@pytest.mark.parametrize(
    ("remote", "finding"),
    [
        ("dns; mx.c.example", Finding.BOUNCED_BY_US),
        ("dns; MX.C.Example.", Finding.BOUNCED_BY_US),
        ("dns;[192.0.2.25]", Finding.BOUNCED_BY_US),
        ("dns; mx.c.example [192.0.2.25]", Finding.BOUNCED_BY_US),
        ("dns; mx.c.example.net", Finding.BOUNCED),
        ("dns; another.mx.c.example", Finding.BOUNCED),
        ("", Finding.BOUNCED),
    ],
)
def test_the_remote_host_of_a_report_may_be_our_collector(remote: str, finding: Finding) -> None:
    [courier] = [message for message in BOUNCES if message.name == "courier"]
    raw = re.sub(rb"(?m)^Remote-MTA: .*$", f"Remote-MTA: {remote}".encode(), filled(courier))
    assert reading(raw).finding is finding


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("host mx.c.example[192.0.2.25] said: 550 no", Finding.BOUNCED_BY_US),
        ("connect to mx.c.example: 550", Finding.BOUNCED_BY_US),
        ("192.0.2.25 does not like recipient. 550", Finding.BOUNCED_BY_US),
        ("550 relaying to c.example denied", Finding.BOUNCED),
        ("550 we are not 192.0.2.251", Finding.BOUNCED),
        ("550 see postmaster@mx.c.example", Finding.BOUNCED),
        ("550 mx.c.example.net is no host of ours", Finding.BOUNCED),
    ],
)
def test_only_who_turned_to_our_collector_names_it(text: str, finding: Finding) -> None:
    raw = f"Subject: Undeliverable\r\n\r\nNot delivered to {LETTER.recipient}@c.example: {text}\r\n"
    assert reading(raw.encode()).finding is finding


# -- hostile messages

PIECES = [message.text.encode()[:400] for message in CORPUS[::4]] + [
    b"\r\n\r\n",
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n",
    b"--b\r\nContent-Type: message/delivery-status\r\n\r\n",
    b"Action: failed\r\nStatus: 5.0.0\r\n",
    b"Final-Recipient: rfc822; ",
    LETTER.recipient.encode(),
    b"--b--\r\n",
    b"charset=utf-16; ",
    b"\xff\x00\x80",
]


@given(st.binary(max_size=2000) | st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join), st.booleans())
def test_whatever_comes_it_is_read_without_complaint(raw: bytes, null_sender: bool) -> None:
    read_as = reading(raw, mail_from="" if null_sender else "x@y.example")
    assert read_as.finding in KINDS.values()
    if read_as.finding is Finding.BOUNCED:
        assert LETTER.recipient.encode() in b"".join(raw.lower().split()), "no bounce without our recipient"


MIB = 1024 * 1024
HEAVY = {
    "one line": b"\n" + b"x" * MIB,
    "line ends": b"\n" * MIB,
    "words": b"Subject: " + b"delivery " * 200 + b"\n\n" + b"delivering nicht zugestellt could not " * 25000,
    "header fields": b"\n" + b"A-b: c\n d\nzz\n" * 80000,
    "quotes": b"\n" + b"> " * 500000,
    "open tags": b"Content-Type: text/html\n\n" + b"<br " * (MIB // 4),
    "entities": b"Content-Type: text/html\n\n" + b"&" * MIB,
    "hex": b"\n" + b"+20" * (MIB // 3),
    "encoded words": b"\n" + b"=?a?q?b?=" * (MIB // 9),
    "half phrases": b"\n" + b"relay-test" * (MIB // 10),
    "digits": b"\n" + b"5" * MIB,
    "blocks": b"Content-Type: message/delivery-status\n\n" + b"Final-Recipient: a\nAction: failed\n\n" * 30000,
    "recipients": b"Content-Type: message/delivery-status\n\n" + b"Final-Recipient: a\n" * 50000,
    "parts": b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\nfoo\n" * 120000,
    "messages": b"Content-Type: message/rfc822\n\n" * 30000,
    "subject": b"Subject: " + b"=?a?q?b?= " * 100000 + b"\n\nx",
}


@pytest.mark.parametrize("load", HEAVY)
def test_no_answer_is_heavy_work(load: str) -> None:
    before = time.process_time()
    reading(HEAVY[load])
    assert time.process_time() - before < 2.0
