"""What somebody has written is read as he wrote it, and nothing in it is obeyed."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from dnsbl.rules import written


def letter(text: str, *, cte: str = "base64", charset: str = "utf-8", subtype: str = "plain") -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "Jürgen <j@mail.example>", "Bitte um Löschung"
    mail.set_content(text, cte=cte, charset=charset, subtype=subtype)
    return mail


@pytest.mark.parametrize(("cte", "charset"), [
    ("base64", "utf-8"), ("quoted-printable", "utf-8"), ("8bit", "utf-8"), ("quoted-printable", "iso-8859-1"),
    ("base64", "windows-1252"),
])  # fmt: skip
def test_encodings_are_undone(cte: str, charset: str) -> None:
    octets = letter("Grüße, der Server ist zu.\nBitte löschen.\n", cte=cte, charset=charset).as_bytes()
    assert list(written.lines(octets)) == [
        "From: Jürgen <j@mail.example>", "Subject: Bitte um Löschung", "", "Grüße, der Server ist zu.",
        "Bitte löschen.",
    ]  # fmt: skip
    assert written.field(octets, "subject") == "Bitte um Löschung" and written.field(octets, "cc") == ""


def test_other_scripts_are_read() -> None:
    assert "閉じました。" in list(written.lines(letter("閉じました。\n", charset="iso-2022-jp").as_bytes()))


def test_html_is_shown_as_it_is_seen_and_only_where_no_plain_text_says_it() -> None:
    alone = letter("<p>Dear <b>all</b>,</p><p>remove us &amp; ours</p>", subtype="html").as_bytes()
    assert [line for line in written.lines(alone) if line][2:] == ["Dear all,", "remove us & ours"]
    both = letter("plainly\n", cte="7bit")
    both.add_alternative("<p>plainly</p>", subtype="html")
    both.add_attachment(b"\x89PNG" * 100, maintype="image", subtype="png", filename="log.png")
    said = list(written.lines(both.as_bytes()))
    assert said.count("plainly") == 1 and "[image/png, 400 octets]" in said


def test_a_message_within_is_shown_with_its_own_header() -> None:
    outer = letter("see below\n")
    outer.add_attachment(letter("what was sent\n"))
    said = list(written.lines(outer.as_bytes()))
    assert said.count("Subject: Bitte um Löschung") == 2 and said[-1] == "what was sent"


@pytest.mark.parametrize("octets", [
    b"", b"\n", b"no header at all", b"Subject: =?x?y?z?=\n\n\xff\xfe",
    b"Content-Type: text/plain; charset=nope\n\n\x80",
    b"Content-Type: multipart/mixed; boundary=b\n\n--b", b"Subject: =?utf-8?b?!!!?=\n\nx",
])  # fmt: skip
def test_what_is_damaged_is_read_as_far_as_it_goes(octets: bytes) -> None:
    assert all(isinstance(line, str) for line in written.lines(octets))


def test_what_would_not_be_seen_is_shown_escaped_and_a_field_stays_on_its_line() -> None:
    octets = b"Subject: a =?utf-8?b?Cgp4G1sybSDigK4=?=\r\n\r\n\x1b]0;x\x07 \xe2\x80\xaeb\r\n"
    said = list(written.lines(octets))
    assert said[0].startswith("Subject: a") and "\\x1b[2m" in said[0] and "\\xe2\\x80\\xae" in said[0]
    assert said[-1] == "\\x1b]0;x\\x07 \\xe2\\x80\\xaeb"
    assert all(line.isprintable() for line in said)
