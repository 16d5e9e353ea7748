"""The inbox of the operators' side."""

from __future__ import annotations

from collections.abc import Callable

from dnsbl.vocabulary import Role
from tests.dnsbl.web.admin.conftest import Side

Build = Callable[..., Side]
MAIL = {"smarthost": "m.example", "sender": "l@list.example"}
LETTER = (
    b"From: Joe <joe@mail.example>\r\nSubject: <script>alert(1)</script>\xe2\x80\xae\x1b[31m\r\n"
    b"Message-ID: <a@b.example>\r\n\r\nWhy me? </pre><script>alert(2)</script>\r\n"
)


def test_a_letter_is_read_escaped_answered_and_counts_as_answered(side: Build) -> None:
    built = side(notices=MAIL)
    built.office.arrive("postmaster", "192.0.2.9", LETTER)
    ada = built.signed_in()
    page = ada.get("/inbox").text
    assert "&lt;script&gt;alert(1)" in page and "<script>" not in page and "open" in page
    letter = ada.get("/inbox/1").text
    assert "&lt;/pre&gt;&lt;script&gt;alert(2)" in letter and "<script>" not in letter and "joe@mail.example" in letter
    assert "An answer has a text" in ada.post("/inbox/1/answer", text=" ").text
    kept = ada.post("/inbox/1/answer", text="x\n" * 100).text
    assert "at most" in kept and "x\nx" in kept
    assert ada.post("/inbox/1/answer", text="It is closed now.").headers["location"] == "/admin/inbox?done=answered"
    (mail,) = built.casework.dispatch.newest(most=9)
    assert (mail.recipient, mail.template) == ("joe@mail.example", "answer")
    assert "answered" in ada.get("/inbox").text and "operator ada" in ada.get("/inbox/1").text


def test_a_letter_is_read_as_it_was_written_and_as_it_came(side: Build) -> None:
    built = side()
    coded = b"R3LDvMOfZSA8Yj4=\r\n"  # a greeting, in base64
    head = b"From: joe@mail.example\r\nSubject: =?utf-8?q?L=C3=B6schung?=\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    built.office.arrive("postmaster", "192.0.2.9", head + coded)
    ada = built.signed_in()
    assert "Löschung" in ada.get("/inbox").text
    letter = ada.get("/inbox/1").text
    assert "Subject: Löschung" in letter and "Grüße &lt;b&gt;" in letter and "R3LDvMOfZSA8Yj4=" in letter
    assert "your own mail program" in letter and "joe@mail.example" in letter


def test_a_viewer_reads_and_is_offered_no_answer(side: Build) -> None:
    built = side(notices=MAIL)
    built.account()
    built.office.arrive("postmaster", "192.0.2.9", LETTER)
    eve = built.signed_in("eve", Role.VIEWER)
    assert "<textarea" not in eve.get("/inbox/1").text
    assert eve.post("/inbox/1/answer", text="x").status_code == 403


def test_where_no_mail_is_sent_that_is_said_and_what_is_not_there_is_not_found(side: Build) -> None:
    built = side()
    built.office.arrive("postmaster", "192.0.2.9", LETTER)
    ada = built.signed_in()
    assert "notices.smarthost" in ada.get("/inbox/1").text
    assert ada.post("/inbox/1/answer", text="x").status_code >= 400
    for missing in ("/inbox/2", "/inbox/x", "/inbox/" + "9" * 60):
        assert ada.get(missing).status_code == 404
    assert ada.post("/inbox/7/answer", text="x").status_code == 404
    assert ada.get("/inbox?before=zz").status_code == 200
