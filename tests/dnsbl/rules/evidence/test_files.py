"""What programs put around the messages that they save."""

from __future__ import annotations

import codecs
import html
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.rules.evidence.files import is_mail, mailbox, opened, pasted, said_to_be
from tests.dnsbl.rules.evidence.samples import SPAM

BANNER = b"Microsoft Mail Internet Headers Version 2.0\r\n"
LF = SPAM.replace(b"\r\n", b"\n")


@pytest.mark.parametrize(
    "file",
    [
        SPAM,
        codecs.BOM_UTF8 + SPAM,
        b"\r\n\r\n  \t\r\n" + SPAM,
        BANNER + SPAM,
        BANNER.lower() + SPAM,
        codecs.BOM_UTF8 + b"\r\n" + BANNER + b"\r\n" + SPAM,
        b"2113\n" + SPAM,
        "\u200b\u00a0".encode() + SPAM,
    ],
)
def test_what_stands_before_the_header_is_taken_off(file: bytes) -> None:
    assert opened(file) == SPAM
    assert is_mail(opened(file))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_read(encoding: str) -> None:
    mark = codecs.BOM_UTF16_LE if encoding.endswith("le") else codecs.BOM_UTF16_BE
    assert opened(mark + SPAM.decode().encode(encoding)) == SPAM


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_read(encoding: str) -> None:
    assert opened(SPAM.decode().encode(encoding)) == SPAM
    assert opened(b"A: \0\0" + b"x" * 100) == b"A: \0\0" + b"x" * 100


def test_doubled_carriage_returns_are_one() -> None:
    assert opened(SPAM.replace(b"\r\n", b"\r\r\n")) == SPAM
    assert opened(SPAM.replace(b"\r\n", b"\r\r\r\n")) == SPAM


@pytest.mark.parametrize("before", [b"> ", b">", b"  ", b"\t", b"> > ", b"    ", b"| "])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_pasted_message_is_read_without_what_stands_before_each_line(before: bytes, end: bytes) -> None:
    pasted = b"".join(before + line + end for line in SPAM.split(b"\r\n"))
    assert opened(pasted).rstrip() == SPAM.replace(b"\r\n", end).rstrip()
    assert opened(end + pasted).rstrip() == SPAM.replace(b"\r\n", end).rstrip()


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_header_with_an_empty_line_behind_each_is_put_together(end: bytes) -> None:
    head = SPAM.partition(b"\r\n\r\n")[0] + b"\r\n"
    spaced = head.replace(b"\r\n", end + end)
    assert opened(spaced).replace(b"\r\n", b"\n") == head.replace(b"\r\n", b"\n")
    for whole in (
        b"A: b\r\n\r\nC: d\r\n\r\n\r\n\r\n\r\n\r\n",
        b"A: b\n\nC: d\n\nmore",
        b"A: b\nC: d\n\ntext\n\ntext\n\n",
    ):
        assert opened(whole) == whole


def test_what_is_no_utf_16_inside_is_read_as_far_as_it_goes() -> None:
    assert opened(codecs.BOM_UTF16_LE + "A: b\n".encode("utf-16-le") + b"\x00\xd8x").startswith(b"A: b\n")


def test_a_header_may_begin_with_any_letter() -> None:
    assert opened(b"x-a: b\n") == b"x-a: b\n"


def test_lines_may_end_in_cr_alone() -> None:
    assert opened(SPAM.replace(b"\r\n", b"\r")) == LF


def test_a_cr_in_a_file_with_line_ends_stays() -> None:
    assert opened(b"A: b\r\n\r\nx\ry\r\n") == b"A: b\r\n\r\nx\ry\r\n"


def test_the_second_message_of_a_mailbox_may_be_as_short_as_its_line() -> None:
    line = b"From - Wed Nov 25 15:14:13 2026\n"
    assert mailbox(line + b"\n" + line) == [line + b"\n", line]


@pytest.mark.parametrize("text", [b"", b"hello\r\n", b"2113\nhello\n", b"\x00\x01", b"<html>", b"Frommage"])
def test_other_text_is_no_mail(text: bytes) -> None:
    assert not is_mail(opened(text))


@pytest.mark.parametrize(
    "separator",
    [
        b"From sales@spam.example Wed Nov 25 15:14:13 2026",
        b"From - Wed Nov 25 15:14:13 2026",
        b"From ???@??? Wed Nov 25 15:14:13 2026 +0000",
        b"From sales@spam.example  Wed, 25 Nov 2026 15:14:13 +0000",
        b"From ",
        *(b"From - %b Nov 25 15:14 2026" % day for day in (b"Mon", b"Tue", b"Thu", b"Fri", b"Sat", b"Sun")),
    ],
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_mailbox_falls_into_its_messages(separator: bytes, end: bytes) -> None:
    message = SPAM.replace(b"\r\n", end)
    box = b"".join(separator + end + message + end for _ in range(3))
    found = mailbox(box)
    assert len(found) == 3
    assert b"".join(found) == box
    assert all(each.startswith(separator) for each in found)


@pytest.mark.parametrize(
    "line",
    [
        b"From now on we sell pills\n",
        b"From \n whom\n\nFrom \n\n",
        b"From Monday we sell pills\n",
        b"From Sat to Sun we sell pills\n",
        b"From 10:30 we sell pills\n",
        b">From sales@spam.example Wed Nov 25 15:14:13 2026\n",
        b" From sales@spam.example Wed Nov 25 15:14:13 2026\n",
    ],
)
def test_a_sentence_that_begins_so_parts_no_message(line: bytes) -> None:
    box = b"From - Wed Nov 25 15:14:13 2026\n" + LF + b"\n" + line + b"and more\n"
    assert mailbox(box) == [box]


def test_a_separator_stands_behind_an_empty_line() -> None:
    box = b"From - Wed Nov 25 15:14:13 2026\n" + LF + b"text\nFrom - Wed Nov 25 15:14:13 2026\n"
    assert mailbox(box) == [box]


def test_a_message_that_is_no_mailbox_is_never_parted() -> None:
    box = LF + b"\nFrom - Wed Nov 25 15:14:13 2026\n" + LF
    assert mailbox(box) == [box]


@pytest.mark.parametrize(
    ("magic", "what"),
    [
        (b"%PDF-1.7", "a PDF"),
        (b"\x89PNG\r\n", "a picture"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "a picture"),
        (b"GIF89a", "a picture"),
        (b"\x1f\x8b\x08", "an archive: unpack it"),
        (b"PK\x03\x04..", "an archive: unpack it"),
        (b"7z\xbc\xaf\x27\x1c", "an archive: unpack it"),
        (b"Rar!\x1a\x07", "an archive: unpack it"),
        (b"BZh91AY", "an archive: unpack it"),
        (b"\xfd7zXZ\0", "an archive: unpack it"),
        (b"{\\rtf1", "a text of Word"),
        (b"\x78\x9f\x3e\x22x", "a winmail.dat, which only Outlook opens"),
        (b"-----BEGIN PGP MESSAGE-----", "an encrypted text"),
        (b"<!DOCTYPE html>", "a web page"),
        (b"hello", ""),
    ],
)
def test_other_files_are_known_by_their_first_octets(magic: bytes, what: str) -> None:
    assert said_to_be(magic) == what


@given(st.binary(max_size=400))
def test_any_octets_are_opened(file: bytes) -> None:
    assert b"".join(mailbox(opened(file))) == opened(file)


PAGE = b"<!DOCTYPE html><body><pre>From me</pre><pre id='raw'>%b</pre></body>"


@pytest.mark.parametrize(
    "file",
    [
        b"Here is what I got:\r\n\r\n" + SPAM,
        b"```\r\n" + SPAM,
        b"Original Message\r\nMessage ID\t<a@b.example>\r\nSPF:\tPASS with IP 203.0.113.16\r\n\r\n" + SPAM,
        b"Look:\r\n" + b"".join(b"> " + line + b"\r\n" for line in SPAM.split(b"\r\n")),
        SPAM.replace(b"Received: from ", "Received:\u00a0from\u00a0".encode()),
        SPAM.replace(b"Received: from ", "Received: from\u00a0".encode()).replace(b"\r\n", b"\n"),
        PAGE % html.escape(SPAM.decode()).encode(),
        PAGE % html.escape(SPAM.decode()).replace("sales@", "<b>sales</b>@").encode(),
        b"<html><p>Source</p>" + html.escape(LF.decode()).replace("\n", "<br>").encode() + b"</html>",
        b"<div>" + html.escape(LF.decode()).replace("\n", "</div><div>").encode() + b"</div>",
        SPAM.replace(b"Received: from ", "Received:\u202ffrom\u3000".encode()),
    ],
)
def test_words_above_a_pasted_header_and_the_page_around_a_source_are_taken_off(file: bytes) -> None:
    assert pasted(file).replace(b"\r\n", b"\n").rstrip() == LF.rstrip()
    assert SPAM not in opened(file)[: len(SPAM)]  # in an attachment nobody has pasted anything


@pytest.mark.parametrize(
    "file",
    [
        b"<html><body>Received by<br>mail</body></html>",
        b"<html><pre>no header",
        b"words\n" * 2000 + SPAM,
        b"words\n\0" + SPAM,
        b"words alone",
    ],
)
def test_what_holds_no_header_near_its_start_stays_what_it_is(file: bytes) -> None:
    assert pasted(file) == file


@pytest.mark.parametrize(
    "before", ["{0}. ", "{0}: ", "{0}:", "{0:6}\t", "{0:3} ", "{0}) ", "- ", "* ", "\u2022 ", "> - "], ids=repr
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_numbers_and_bullets_before_the_lines_are_taken_off(before: str, end: str) -> None:
    head = LF.partition(b"\n\n")[0].decode().replace("\n\t", " ")
    listed = "".join(before.format(n) + line + end for n, line in enumerate(head.split("\n"), 41))
    assert opened(listed.encode()).decode().replace("\r\n", "\n").rstrip() == head


def test_a_numbered_text_keeps_the_folding_of_its_lines_and_its_empty_ones() -> None:
    listed = b"".join(b"%6d\t%b\n" % each for each in enumerate(LF.rstrip().split(b"\n"), 1))
    assert opened(listed) == LF.rstrip() + b"\n"


@pytest.mark.parametrize("text", [b"1. A: b\n3. C: d\n", b"1. A: b\nC: d\n", b"1. A: b\n", b"1.\n2. A: b\n"])
def test_a_number_that_counts_no_lines_stays(text: bytes) -> None:
    assert opened(text) == text


@pytest.mark.parametrize("mark", [b"**%b:**", b"**%b**:", b"*%b:*", b"_%b_:"])
def test_names_of_fields_in_bold_or_italics_are_read(mark: bytes) -> None:
    starred = LF.replace(b"Return-Path:", mark % b"Return-Path").replace(b"Received:", mark % b"Received")
    assert opened(starred) == LF


def test_a_page_of_many_texts_costs_no_more_than_reading_it() -> None:
    page = b"<html>" + b"<pre>x" * 500_000
    begun = process_time()
    assert pasted(page) == page
    assert process_time() - begun < 2


def test_a_quoted_header_ends_where_its_empty_line_has_lost_its_blank() -> None:
    assert opened(b"> Received: from a\n> Subject: b\n>\n> Text.\n") == b"Received: from a\nSubject: b\n\nText.\n"
