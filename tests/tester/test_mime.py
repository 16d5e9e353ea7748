"""Parts of a message, their text, and what reports say that they are."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tester.mime import Part, encoded_word, header, lines, parts, visible


def tree(raw: bytes) -> list[Part]:
    return list(parts(lines(raw)))


def test_every_line_end_becomes_one() -> None:
    assert lines(b"a\r\nb\nc\rd\r\r\ne") == b"a\nb\nc\nd\ne"


def test_of_a_repeated_field_the_first_counts() -> None:
    assert header(b"A: 1\nB: 2\n folded\na: 3\n\nC: 4\n") == {"a": b"1", "b": b"2 folded"}


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("utf-8", "utf-8"),
        ("UTF-8", "utf-8"),
        ("iso-8859-2", "iso8859_2"),
        ("windows-1251", "cp1251"),
        ("KOI8-R", "koi8-r"),
        ("iso-2022-jp", "iso2022_jp"),
        ("Shift_JIS", "shift_jis"),
        ("gb2312", "gb2312"),
        ("big5", "big5"),
        ("euc-kr", "euc_kr"),
        ("utf-16le", "utf-16-le"),
    ],
)
def test_text_is_read_by_its_charset(charset: str, codec: str) -> None:
    word = {
        "iso8859_2": "čeština",
        "cp1251": "письмо",
        "koi8-r": "письмо",
        "iso2022_jp": "配信",
        "shift_jis": "配信",
    }.get(codec, {"gb2312": "投递", "big5": "投遞", "euc_kr": "전송"}.get(codec, "Zustellung fehlgeschlagen: é"))
    raw = f'Content-Type: text/plain; charset="{charset}"\r\nContent-Transfer-Encoding: base64\r\n\r\n'.encode()
    [part] = tree(raw + base64.b64encode(word.encode(codec)))
    assert part.text == word


@pytest.mark.parametrize("charset", ["idna", "punycode", "unicode_escape", "rot13", "zlib", "os", "../x", "x" * 99, ""])
def test_a_charset_that_is_none_of_mails_is_never_looked_up(charset: str) -> None:
    [part] = tree(f"Content-Type: text/plain; charset={charset}\r\n\r\nü\r\n".encode())
    assert part.text == "ü\n"
    [part] = tree(f"Content-Type: text/plain; charset={charset}\r\n\r\n".encode() + b"\xfc\r\n")
    assert part.text == "ü\n"


def test_html_is_read_as_it_is_seen() -> None:
    assert visible("<p>not<br>de<b>liver</b>ed&nbsp;to <wbr>&lt;x&gt;</p>\nnow").split("\n") == [
        "",
        "not",
        "delivered\xa0to <x>",
        " now",
    ]
    [part] = tree(b"Content-Type: text/html\r\n\r\n<td>550</td> no")
    assert part.text.split() == ["550", "no"]


def test_what_a_report_says_that_it_is_holds_for_its_parts() -> None:
    raw = (
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n"
        b'Content-Type: multipart/report; boundary=b; report-type="Delivery-Status"\r\n\r\n'
        b"--b\r\n\r\ntext\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nA: b\r\n"
        b"--b\r\nContent-Type: message/global-delivery-status\r\n\r\nA: b\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ncopy\r\n--b--\r\n--a\r\n\r\nfooter\r\n--a--\r\n"
    )
    assert [(part.kind, part.report, part.copied, part.leaf) for part in tree(raw)] == [
        ("multipart/mixed", "", False, False),
        ("multipart/report", "delivery-status", False, False),
        ("text/plain", "delivery-status", False, True),
        ("message/delivery-status", "delivery-status", False, True),
        ("message/global-delivery-status", "delivery-status", False, True),
        ("message/rfc822", "delivery-status", False, False),
        ("text/plain", "delivery-status", True, True),
        ("text/plain", "", False, True),
    ]


@pytest.mark.parametrize("kind", ["text/rfc822-headers", "message/global-headers"])
def test_the_head_of_another_message_is_a_copy(kind: str) -> None:
    [part] = tree(f"Content-Type: {kind}\r\n\r\nSubject: x\r\n".encode())
    assert (part.copied, part.leaf) == (True, True)


def test_encoded_words_are_read() -> None:
    assert encoded_word(b"Q", b"a_=C3=BC") == "a ü".encode()
    assert encoded_word(b"b", b"w7w=") == "ü".encode()
    assert encoded_word(b"B", b"w7w") == "ü".encode()


@given(st.binary(max_size=500), st.sampled_from(["", "utf-16", "iso-2022-kr", "hz-gb-2312", "gb2312", "text/html"]))
def test_whatever_comes_has_a_text(raw: bytes, charset: str) -> None:
    for part in tree(f"Content-Type: text/html; charset={charset}\n\n".encode() + raw):
        assert isinstance(part.text, str)
