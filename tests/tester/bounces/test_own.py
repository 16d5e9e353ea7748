"""A message's own words end where the copy of another begins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import BODY, HEAD, LETTER, MESSAGE

from tester.bounces.own import read
from tester.mime import Part

COPY = MESSAGE.decode().replace("\r\n", "\n")


def own(text: str, kind: str = "text/plain", subject: bytes = b""):
    return read(subject, [Part(kind, text.encode(), False)])


@pytest.mark.parametrize(
    "copy",
    [
        COPY,
        "".join(f"> {line}\n" for line in COPY.split("\n")),
        "".join(f"> > {line}\n" for line in COPY.split("\n")),
        HEAD.decode().replace("\r\n", "\n"),
        BODY.decode().replace("\r\n", "\n"),
        "Received: from a by b;\n\tWed\nReceived: from c by d\nSubject: x\n\nhello",
        "Return-Path: <x@y>\nDate: today\n folded\nTo: z\n",
    ],
)
@pytest.mark.parametrize("line", ["", "--- Below this line is a copy.\n\n", "-----Ursprüngliche Nachricht-----\n"])
def test_the_copy_is_not_its_own(copy: str, line: str) -> None:
    said = own(f"Not delivered.\n\n{line}{copy}\nepilogue {LETTER.recipient}\n")
    assert said.text.startswith("not delivered.")
    assert "epilogue" not in said.text
    assert "received:" not in said.text
    assert "date:" not in said.text
    assert not said.names(LETTER.recipient)


@pytest.mark.parametrize(
    "text",
    [
        "<{}@c.example>: 550",
        "Failed address: {}@c.example",
        "Recipient: [SMTP:{}@c.example]",
        ">>> RCPT To:<{}@c.example>",
        "   '{}@c.example' on Monday",
        "Your message\n\nTo: someone\nSubject: x\nSent: today\n\ndid not reach {}",
        "Your message\n\nMessage-ID: <1@x>\nSubject: x\n\ndid not reach {}",
        "Message-ID: <1@x>\nSubject: x\n \nReason: y\ndid not reach {}",
        "Message-ID: <1@x>\nwas sent\nSubject: x\ncame\nDate: y\nand did not reach {}",
        "   '{}@c.example'\nReceived: from a by b\nDate: today\nTo: z\n",
        "Your message\n\n  To:      someone\n  Subject: x\n  Sent:    today\n\ndid not reach {}",
    ],
)
def test_a_recipient_is_named_where_its_fate_is_told(text: str) -> None:
    assert own(text.format(LETTER.recipient)).names(LETTER.recipient)
    assert own(text.format(LETTER.recipient.upper())).names(LETTER.recipient)
    assert own(text.format(f"{LETTER.recipient[:9]}\n {LETTER.recipient[9:]}")).names(LETTER.recipient)


@pytest.mark.parametrize(
    "text",
    [
        "To: <{}@c.example>",
        "An: {}@c.example",
        "宛先: {}@c.example",
        "Message-ID: <{}@b.example>",
        "> {}@c.example",
        "| {}@c.example",
        " > > To: {}@c.example",
        "X-Failed: {}",
        "Not delivered.\nTo: <{}@c.example>\nbye",
    ],
)
def test_an_address_line_or_a_quote_names_nobody(text: str) -> None:
    assert not own(text.format(LETTER.recipient)).names(LETTER.recipient)


def test_copies_and_other_types_are_not_its_own() -> None:
    said = read(
        b"x",
        [
            Part("text/plain", b"copied", True),
            Part("image/png", b"picture", False),
            Part("text/html", b"<p>not <b>del</b>ivered</p>", False),
            Part("text/plain", "\u2019s\u00a0own".encode(), False),
        ],
    )
    assert said.text == "not delivered 's own"


def test_the_subject_is_decoded() -> None:
    subject = b"=?utf-8?q?R=C3=A9ponse_?= =?iso-8859-1?B?YXV0b21hdGlxdWU=?=: X"
    assert own("", subject=subject).subject == "réponse automatique: x"
    assert own("", subject=b"=?koi8-r?B?4dfUz8/U18XU?=").subject == "автоответ"
    assert own("", subject=b"=?utf-8?q?R=C3=A9pon?= =?utf-8?q?se?=").subject == "réponse"
    assert own("", subject="=?utf-8?q?a\u00e9?=".encode()).subject == "a"
    assert own("", subject=b"=?x?q?broken").subject == "=?x?q?broken"
    assert own("", subject=b"=?koi8-r*ru?B?4dfUz8/U18XU?=").subject == "автоответ"


def test_five_texts_of_a_message_are_read() -> None:
    texts = [Part("text/plain", f"text{n}".encode(), False) for n in range(7)]
    assert read(b"", texts).text == "text0 text1 text2 text3 text4"


def test_so_much_is_read() -> None:
    said = own("word " * 100_000 + "end")
    assert len(said.text) <= 16 * 1024
    assert "end" not in said.text


@given(st.text(max_size=400), st.binary(max_size=100))
def test_whatever_comes_is_read_without_complaint(text: str, subject: bytes) -> None:
    said = own(text, subject=subject)
    assert len(said.named) <= 16 * 1024 + 10
