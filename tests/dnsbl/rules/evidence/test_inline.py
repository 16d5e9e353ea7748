"""Forwards that have lost what they forward, told from spam and from replies."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.rules.evidence import mime
from dnsbl.rules.evidence.inline import forwards, holds_another

OUTLOOK = (
    "FYI\r\n\r\nFrom: Pills <a@b.example>\r\nSent: Wednesday\r\nTo: me@mysite.example\r\nSubject: Buy now\r\n\r\nBuy."
)


def told(subject: str, text: str, kind: str = "text/plain") -> bool:
    return forwards({"subject": subject}, [mime.Leaf(kind=kind, name="", body=text.encode())])


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("FW: Buy now", OUTLOOK),
        ("fwd: Buy now", "---------- Forwarded message ---------\nFrom: a\nDate: b\nSubject: c\nTo: d\n"),
        ("Buy now", "---------- Forwarded message ---------\nFrom: a\nDate: b\nSubject: c\nTo: d\n"),
        ("Buy now", "Look:\n---------- Forwarded message ---------\nFrom: a\nDate: b\nSubject: c\nTo: d\n"),
        ("Buy now", "Begin forwarded message:\n\n> From: a\n> Subject: b\n> Date: c\n"),
        ("[ticket 7] Fwd: Buy now", OUTLOOK),
        ("Fwd[2]: Buy now", OUTLOOK),
        ("=?utf-8?q?Fwd=3A_Pillen?=", OUTLOOK),
        ("WG: Pillen", "-----Ursprüngliche Nachricht-----\nVon: a\nGesendet: b\nAn: c\nBetreff: d\n"),
        ("TR: pilules", "De : a\nEnvoyé : b\nÀ : c\nObjet : d\n"),
        ("RV: pastillas", "De: a\nEnviado: b\nPara: c\nAsunto: d\n"),
        ("I: pillole", "Da: a\nInviato: b\nA: c\nOggetto: d\n"),
        ("ENC: x", "De: a\nEnviada: b\nPara: c\nAssunto: d\n"),
        ("Doorst: x", "Van: a\nVerzonden: b\nAan: c\nOnderwerp: d\n"),
        ("Fwd: x", "Пересылаемое сообщение\nОт: a\nКому: b\nТема: c\n"),
        ("Fwd: x", "发件人: a\n发送时间: b\n收件人: c\n"),
        ("转发\uff1ax", "发件人\uff1aa\n发送时间\uff1ab\n收件人\uff1ac\n"),
        ("x", "============ Forwarded message ============\nFrom: a\nDate: b\nTo: c\n"),
        ("FWD: Buy now", "---------- FORWARDED MESSAGE ---------\nFROM: a\nDATE: b\nTO: c\n"),
        ("Fwd: =?utf-8?b?A?=", OUTLOOK),
        ("Fwd: =?x-unknown?q?=46?=", "see below\n> Received: from relay.example ([203.0.113.9]) by mx\n"),
        ("Fwd: Buy now", "see below\n> Received: from relay.example ([203.0.113.9]) by mx\n> Subject: x\n"),
    ],
)
def test_a_forward_in_the_text_is_known_in_many_languages(subject: str, text: str) -> None:
    assert told(subject, text)


KOREAN = "보낸 사람: 약 <a@b.example>\n보낸 날짜: 2026년 11월 25일 오후 4:13\n받는 사람: me\n"


@pytest.mark.parametrize(
    ("subject", "text", "holds"),
    [
        ("please list", OUTLOOK, True),
        ("please list", KOREAN, True),
        ("please list", "Kimden: A <a@b.example>\n\nKime: me\nGönderildi: 25 Kasım 2026 16:13\n", True),
        ("please list", "---- Forwarded message ----\n25.11.2026, a@b.example:\nBuy.", True),
        ("please list", "The header:\n\nReceived: from relay.example ([203.0.113.9]) by mx\n", True),
        ("Re: spam", "The header:\n\nReceived: from relay.example ([203.0.113.9]) by mx\n", True),
        ("Re: spam", "On Monday:\n" + OUTLOOK, False),
        ("AW: spam", KOREAN, False),
        ("Buy now", "Tel.: 0123\nMail: A <a@b.example>\nWeb: www.b.example\n", False),
        ("Buy now", "Mail: A <a@b.example>\nWeb: x\nand more\nSince: 2026, 9:30\n", False),
        ("Buy now", "Buy: 2026 at 4:13\nNow: x\nThen: y\n", False),
        ("Buy now", "Buy.", False),
    ],
)
def test_a_text_that_holds_another_header_is_a_doubt_but_for_quotations_in_a_reply(
    subject: str, text: str, holds: bool
) -> None:
    leaf = mime.Leaf(kind="text/plain", name="", body=text.encode())
    assert holds_another({"subject": subject}, [leaf]) is holds


def test_it_is_known_in_html_and_in_latin_1() -> None:
    html = "<div>FYI</div><b>From:</b>&nbsp;a<br><b>Sent:</b> b<br/><b>To:</b> c<br><b>Subject:</b> d<br>"
    assert told("FW: x", html, "text/html")
    text = "-----Message transféré-----\nDe : a\nEnvoyé : b\nÀ : c\nObjet : d\n".encode("latin-1")
    assert forwards({}, [mime.Leaf(kind="text/plain", name="", body=text)])


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Buy now", "Buy."),
        ("Fwd: Buy now", "Buy."),
        ("Fwd: Buy now", "From: the desk of\nyour friend\n"),
        ("RE: your order", "-----Original Message-----\r\n" + OUTLOOK),
        ("Forward thinking", OUTLOOK),
        ("", ""),
        ("Fwd: x", "From: a\n" + "long ago\n" * 40 + "Date: b\n" + "and more\n" * 40 + "To: c\n"),
        ("Fwd: x", "From: a\nFrom: b\nFrom: c\nTo: d\n"),
        ("x", "He wrote of a forwarded message.\n" + OUTLOOK),
    ],
)
def test_spam_and_replies_are_none(subject: str, text: str) -> None:
    assert not told(subject, text)


def test_other_parts_are_not_read() -> None:
    assert not told("FW: x", OUTLOOK, "image/png")


def test_a_part_without_a_type_is_text() -> None:
    assert told("FW: x", OUTLOOK, "")


def test_tags_are_taken_off_html_alone() -> None:
    assert not told("FW: x", "<b>From:</b> a\n<b>Date:</b> b\n<b>To:</b> c\n")
    assert told("FW: x", "<p>&nbsp;From: a<BR>Date: b<BR>To: c", "text/html")


def test_so_much_of_a_part_is_looked_at() -> None:
    for kind in ("text/plain", "text/html"):
        assert told("FW: x", "x\n" * 30_000 + OUTLOOK, kind)
        assert not told("FW: x", "x\n" * 33_000 + OUTLOOK, kind)
        assert not forwards(
            {"subject": "FW: x"}, [mime.Leaf(kind=kind, name="", body=b"\xff\n" * 33_000 + OUTLOOK.encode())]
        )


def test_a_letter_cut_in_two_at_the_end_makes_no_other_text_of_it() -> None:
    text = "Пересылаемое сообщение\nОт: a\nКому: b\nТема: cя".encode()[:-1]
    assert forwards({}, [mime.Leaf(kind="text/plain", name="", body=text)])


def test_two_fields_are_none_and_three_need_not_be_the_first() -> None:
    assert not told("FW: x", "From: a\nTo: b\n")
    assert told("FW: x", "From: a\n" + "x\n" * 400 + "From: b\nTo: c\nDate: d\n")
    assert told("FW: x", "From: a\nTo: b\nDate: c\n" + "x\n" * 400 + "Subject: d\n"), "nor the last"
    html = "<p>From: a<p>Date: b<p>To: c"
    assert told("FW: x", html, "text/html")


@pytest.mark.parametrize("subject", ["=?utf-8?b?!!!?= x", "=?nothing?q?x?=", "=?utf-8?b?A?=", "=?utf-7?b?//8=?="])
def test_a_subject_that_cannot_be_decoded_is_read_as_it_is(subject: str) -> None:
    assert not told(subject, OUTLOOK)


@pytest.mark.parametrize("piece", ["\n", " ", "> ", "-", "<", "<br", "From:", "From:\n", "*", "_", "Received:"])
def test_a_hostile_text_costs_little(piece: str) -> None:
    begun = process_time()
    for kind in ("text/plain", "text/html"):
        told("FW: x", piece * (100_000 // len(piece)), kind)
    assert process_time() - begun < 0.5


@given(st.text(max_size=100), st.text(max_size=200))
def test_whatever_comes_is_told_without_complaint(subject: str, text: str) -> None:
    forwards({"subject": subject}, [mime.Leaf(kind="text/html", name="", body=text.encode("utf-8", "replace"))])


@pytest.mark.parametrize(
    ("fields", "subject"),
    [
        ("보낸 사람: P <p@b.example>\n보낸 날짜: 수\n받는 사람: me\n제목: Buy", "Anfang: Buy"),
        ("Kimden: P <p@b.example>\nGönderildi: Çar\nKime: me\nKonu: Buy", "İLT: Buy"),
        ("> *Od:* P <p@b.example>\n> *Odesláno:* st\n> *Komu:* me\n> *Předmět:* Buy", "x: Buy"),
        ("發件人：P <p@b.example>\n日期：三\n主旨：Buy", "某：Buy"),
    ],
)
def test_a_forward_in_any_language_repeats_the_subject(fields: str, subject: str) -> None:
    assert told(subject, f"Hi\n\n{fields}\n\nText")
    assert not told(f"Re: {subject.partition(':')[2] or 'Buy'}", f"Hi\n\n{fields}\n\nText"), "an answer"
    assert not told("x: Sell", f"Hi\n\n{fields}\n\nText")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_subject_that_is_a_mailbox_is_repeated_whatever_ends_its_line(end: str) -> None:
    assert told("x: P <p@b.example>", end.join(("Od: P <p@b.example>", "Komu: me", "Den: st", "")))


@pytest.mark.parametrize(
    "text",
    ["Order: 17\nName: Jo\nMail: jo@b.example", "No: 17\nName: Jo\nTotal: 5", "No: 17\nmail jo@b.example", "No: 17"],
)
def test_an_order_that_repeats_its_number_is_no_forward(text: str) -> None:
    assert not told("Order: 17", text)


@pytest.mark.parametrize("charset", ["koi8-r", "windows-1251", "utf-16", "utf-8"])
def test_the_text_is_read_by_its_charset(charset: str) -> None:
    body = "От: P\nОтправлено: ср\nКому: me\nТема: Buy\n".encode(charset)
    assert forwards({"subject": "FW: x"}, [mime.Leaf(kind="text/plain", name="", body=body, charset=charset)])
