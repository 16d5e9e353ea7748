"""Parts of a message, their text, and what reports say that they are."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tester.mime import Part, encoded_word, header, lines, parts, visible, worded


def tree(raw: bytes) -> list[Part]:
    return list(parts(lines(raw)))


def test_every_line_end_becomes_one() -> None:
    assert lines(b"a\r\nb\nc\rd\r\r\ne") == b"a\nb\nc\nd\ne"
    assert lines(b"a\rb\r\rc") == b"a\nb\n\nc", "a header ends where carriage returns alone end lines"


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


#: Names of mail's charsets that say one octet a letter, and those that Python calls otherwise or reads another way.
SINGLE = [
    *(f"iso-8859-{n}" for n in range(1, 17) if n != 12),
    *(f"{family}{n}" for family in ("windows-", "cp") for n in range(1250, 1259)),
    *("latin1", "latin-1", "koi8-r", "koi8-u", "cp866", "ibm866"),
]
SEVERAL = {
    "utf-8": ("utf-8", "utf8", "us-ascii", "ascii"),
    "utf-7": ("utf-7", "unicode-1-1-utf-7"),
    "cp850": ("cp850", "ibm850"),
    "cp437": ("cp437", "ibm437"),
    "cp874": ("windows-874", "tis-620"),
    "mac_roman": ("macintosh", "x-mac-roman"),
    "iso8859_8": ("iso-8859-8-i",),
    "utf-16": ("utf-16",),
    "utf-16-le": ("utf-16le",),
    "utf-16-be": ("utf-16be",),
    "koi8-r": ("koi8-r", "koi8"),
    "iso-2022-jp": ("iso-2022-jp", "iso-2022-jp-2"),
    "shift_jis": ("shift_jis", "shift-jis", "sjis", "x-sjis", "windows-31j", "cp932"),
    "euc-jp": ("euc-jp", "x-euc-jp"),
    "euc-kr": ("euc-kr", "ks_c_5601-1987", "ksc5601", "cp949"),
    "iso-2022-kr": ("iso-2022-kr",),
    "big5": ("big5", "big5-hkscs", "cp950"),
    "gb2312": ("gb2312", "gbk", "gb18030", "x-gbk", "cp936", "euc-cn"),
    "hz": ("hz-gb-2312",),
}
WORDS = {"iso-2022-jp": "配信", "shift_jis": "配信", "euc-jp": "配信", "euc-kr": "전송", "iso-2022-kr": "전송"} | {
    "koi8-r": "письмо",
    "cp874": "ส่ง",
    "iso8859_8": "לא",
    "big5": "投遞",
    "gb2312": "投递",
    "hz": "投递",
}


def read_as(charset: str, octets: bytes) -> str:
    [part] = tree(f"Content-Type: text/plain; charset={charset}\r\n\r\n".encode() + octets)
    return part.text


@pytest.mark.parametrize("charset", SINGLE)
def test_each_octet_of_a_charset_is_its_letter(charset: str) -> None:
    octets = bytes(range(0xA1, 0x100))
    assert read_as(charset, octets) == octets.decode(charset, "replace")


@pytest.mark.parametrize(("codec", "charset"), [(codec, name) for codec, names in SEVERAL.items() for name in names])
def test_a_charset_is_read_by_all_its_names(codec: str, charset: str) -> None:
    word = WORDS.get(codec, "dál é")
    assert read_as(charset, word.encode(codec)) == word


def test_what_is_called_latin_1_is_read_with_what_windows_has_put_into_it() -> None:
    assert read_as("iso-8859-1", b"\x80 \x93no\x94") == "€ “no”"
    assert read_as("", b"\x80 \x93no\x94") == "€ “no”"


def test_a_charset_that_there_is_not_is_read_as_none_is() -> None:
    for charset in ("iso-8859-12", "iso-8859-17", "windows-1259", "cp1259"):
        assert read_as(charset, "ü".encode()) == "ü"


@pytest.mark.parametrize("charset", SEVERAL["utf-8"])
def test_what_a_declared_charset_cannot_say_is_marked(charset: str) -> None:
    assert read_as(charset, b"a\xfcb") == "a\ufffdb"


@pytest.mark.parametrize("charset", ["iso-8859-1", "latin1", "latin-1", "windows-1252", "cp1252"])
def test_what_is_declared_as_latin_1_is_never_read_as_utf_8(charset: str) -> None:
    assert read_as(charset, "ü".encode()) == "Ã¼"


@pytest.mark.parametrize("charset", ["idna", "punycode", "unicode_escape", "rot13", "zlib", "os", "../x", "x" * 99, ""])
def test_a_charset_that_is_none_of_mails_is_never_looked_up(charset: str) -> None:
    [part] = tree(f"Content-Type: text/plain; charset={charset}\r\n\r\nü\r\n".encode())
    assert part.text == "ü\n"
    [part] = tree(f"Content-Type: text/plain; charset={charset}\r\n\r\n".encode() + b"\xfc\r\n")
    assert part.text == "ü\n"


@pytest.mark.parametrize(
    ("markup", "shown"),
    [
        ("a<style type=x>b { transition-delay: 1s }</style >c", "ac"),
        ("a<SCRIPT>if (x <b) held()</script>c", "ac"),
        ("a<!-- <b>queued</b> -->c", "ac"),
        ("a<!--[if mso]><style>b</style><![endif]-->c", "ac"),
        ("a<style>b<!-- </style>c", "ac"),
        ("a<style>b", "a"),
        ("a<styles>b</styles>c-->d", "abc-->d"),
        ("a</style>b", "ab"),
    ],
)
def test_what_nobody_sees_of_html_is_not_read(markup: str, shown: str) -> None:
    assert visible(markup) == shown


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


def test_only_a_report_says_what_it_reports_and_what_stands_in_it_need_not_repeat_it() -> None:
    inner = b"--b\n\nx\n--b--\n"
    mixed = b"Content-Type: multipart/mixed; boundary=b; report-type=delivery-status\n\n" + inner
    assert {part.report for part in tree(mixed)} == {""}
    assert {part.report for part in tree(b"Content-Type: multipart/report; boundary=b\n\n" + inner)} == {""}
    nested = b"Content-Type: multipart/report; report-type=x; boundary=a\n\n--a\n"
    nested += b"Content-Type: multipart/mixed; boundary=b\n\n" + inner + b"--a--\n"
    assert [part.report for part in tree(nested)] == ["x", "x", "x"]


@pytest.mark.parametrize("kind", ["text/rfc822-headers", "message/global-headers"])
def test_the_head_of_another_message_is_a_copy(kind: str) -> None:
    [part] = tree(f"Content-Type: {kind}\r\n\r\nSubject: x\r\n".encode())
    assert (part.copied, part.leaf) == (True, True)


def test_a_field_is_read_with_its_encoded_words() -> None:
    assert worded(b"a =?utf-8?Q?=C3=BC?= =?iso-8859-1*de?B?/A==?= b") == "a üü b"
    assert worded(b"a =?x?Z?a?= \xff") == "a =?x?Z?a?= \ufffd"


def test_encoded_words_are_read() -> None:
    assert encoded_word(b"Q", b"a_=C3=BC") == "a ü".encode()
    assert encoded_word(b"b", b"w7w=") == "ü".encode()
    assert encoded_word(b"B", b"w7w") == "ü".encode()


@given(st.binary(max_size=500), st.sampled_from(["", "utf-16", "iso-2022-kr", "hz-gb-2312", "gb2312", "text/html"]))
def test_whatever_comes_has_a_text(raw: bytes, charset: str) -> None:
    for part in tree(f"Content-Type: text/html; charset={charset}\n\n".encode() + raw):
        assert isinstance(part.text, str)


# -- structure ---------------------------------------------------------------------------------------------------------
def kinds(raw: bytes) -> list[tuple[str, bytes]]:
    """Type and content of each part that has no parts itself."""
    return [(part.kind, part.content) for part in tree(raw) if part.leaf]


@pytest.mark.parametrize(
    ("declared", "body", "found"),
    [
        # before the first delimiter and behind the last one stands nothing
        (b"multipart/mixed; boundary=b", b"pre\n--b\n\none\n--b\n\ntwo\n--b--\npost\n--b\n\nthree", [b"one", b"two"]),
        (b"multipart/mixed; boundary=b", b"--b\n\none\n--b\n\ntwo", [b"one", b"two"]),  # the last one is missing
        (b"multipart/mixed; boundary=b", b"--b\n\none\n--b-- \t\nx", [b"one"]),
        (b"multipart/mixed; boundary=b", b"--b \t\n\none\n--bb\n--b-\n-b\n--b--", [b"one\n--bb\n--b-\n-b"]),
        (b'Multipart/Mixed; Boundary="b c"', b"--b c\n\none\n--b c--", [b"one"]),
        (b"multipart/mixed;\n boundary = b", b"--b\n\none\n--b--", [b"one"]),
        (b"multipart/mixed; boundary=b; x=y", b"--b\n\none\n--b--", [b"one"]),
        (b"multipart/mixed; boundary=b; boundary=c", b"--b\n\none\n--b--", [b"one"]),
        (b'multipart/mixed; boundary*0="b"; boundary*1=c', b"--bc\n\none\n--bc--", [b"one"]),
        (b"multipart/mixed; boundary*=us-ascii'en'b%20c", b"--b c\n\none\n--b c--", [b"one"]),
        (b"multipart/mixed; boundary*0*=''b%20; boundary*1*=c", b"--b c\n\none\n--b c--", [b"one"]),
        # what cannot be divided is text as a whole
        (b"multipart/mixed; boundary=b", b"--c\n\none", [b"--c\n\none"]),
        (b"multipart/mixed; boundary=b", b"--b--\n\none", [b"--b--\n\none"]),
        (b"multipart/mixed", b"--b\n\none", [b"--b\n\none"]),
        (b"multipart/mixed", b"--\n\none\n--x\n\ntwo", None),
        (b"multipart/mixed; boundary=" + b"b" * 201, b"--" + b"b" * 201 + b"\n\none", None),
    ],
)
def test_parts_stand_between_delimiters_that_strangers_write_as_they_like(
    declared: bytes, body: bytes, found: list[bytes] | None
) -> None:
    whole = b"Content-Type: " + declared + b"\n\n" + body
    assert [content for _, content in kinds(whole)] == ([body] if found is None else found)
    assert {kind for kind, _ in kinds(whole)} == {"text/plain"}


def test_a_part_of_a_digest_is_a_message_and_of_anything_else_text() -> None:
    for kind, leaves in (
        ("digest", [("text/html", b"x")]),
        ("mixed", [("text/plain", b"Content-Type: text/html\n\nx")]),
    ):
        raw = f"Content-Type: multipart/{kind}; boundary=b\n\n--b\n\nContent-Type: text/html\n\nx\n--b--\n"
        assert kinds(raw.encode()) == leaves


@pytest.mark.parametrize("kind", ["application/pkcs7-mime", "application/x-pkcs7-mime"])
def test_what_is_signed_is_read_within_its_wrapping(kind: str) -> None:
    inner = b"Content-Transfer-Encoding: base64\nContent-Type: text/html\n\n" + base64.encodebytes(b"<b>two</b>")
    found = tree(f"Content-Type: {kind}; smime-type=signed-data\n\n0\x82".encode("latin-1") + inner + b"\x00")
    assert [(part.kind, part.copied) for part in found] == [(kind, False), ("text/html", False)]
    assert found[1].content == b"<b>two</b>"
    assert len(tree(f"Content-Type: {kind}\n\n0\x82".encode())) == 1


def test_a_copy_within_a_copy_is_a_copy_and_what_stands_beside_it_is_none() -> None:
    raw = (
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n"
        b"Content-Type: multipart/mixed; boundary=c\n\n--c\n\ninner\n--c--\n--b\n\nouter\n--b--\n"
    )
    assert [(part.content, part.copied) for part in tree(raw) if part.leaf] == [(b"inner", True), (b"outer", False)]


@pytest.mark.parametrize(
    ("encoding", "body", "content"),
    [
        (b"quoted-printable", b"a=C3=BC=\nb=3D", "aüb=".encode()),
        (b"Quoted-Printable ", b"=0D=0Ax", b"\nx"),
        (b"BASE64", b"dHdv", b"two"),
        (b'"base64"', b"dHdv", b"two"),
        (b"(so to say) 'Quoted-Printable'", b"=3D", b"="),
        (b"x-base64", b"dHdv", b"dHdv"),
        (b"base64 (so to say)", b"dH dv\n!dHdv", b"twotwo"),
        (b"base64", b"dHdvd", b"two"),  # cut where nothing can be read any more
        (b"base64", b"dHdvdA", b"twot"),
        (b"base64", b"dHdvdHc", b"twotw"),
        (b"base64", b"dHdv!dA", b"twot"),
        (b"base64", b"dHdv!dHdv", b"twotwo"),
        (b"base64", b"dA=dHdv", b"t"),
        (b"base64", b"dA==dHdv", b"t"),
        (b"base64", b"", b""),
        (b"7bit", b"dHdv=3D", b"dHdv=3D"),
        (b"x-uuencode", b"dHdv=3D", b"dHdv=3D"),
    ],
)
def test_a_transfer_encoding_is_undone_as_far_as_it_goes(encoding: bytes, body: bytes, content: bytes) -> None:
    assert kinds(b"Content-Transfer-Encoding: " + encoding + b"\n\n" + body) == [("text/plain", content)]


def test_what_has_no_head_is_text() -> None:
    assert kinds(b"\nContent-Type: text/html\n\nx") == [("text/plain", b"Content-Type: text/html\n\nx")]
    assert kinds(b"") == [("text/plain", b"")]
    assert kinds(b"Content-Type: nonsense\n\nx") == [("text/plain", b"x")]


def test_only_so_deep_and_so_many_parts_are_read() -> None:
    deep = b"end"
    for n in range(40):
        deep = b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n%s\n--b%d--" % (n, n, deep, n)
    assert len(tree(deep)) == 21, "the message, and twenty levels in it"
    wide = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 300
    assert len(tree(wide)) == 100


def test_of_a_message_the_first_mebibyte_is_read() -> None:
    assert len(lines(b"a" * 2**20 + b"b")) == 2**20 and lines(b"a" * 2**20 + b"b").endswith(b"a")


@pytest.mark.parametrize(
    ("kind", "leaf"),
    [
        ("text/plain", True),
        ("multipart/mixed", False),
        ("message/rfc822", False),
        ("message/partial", False),
        ("message/delivery-status", True),
        ("message/global-delivery-status", True),
        ("message/disposition-notification", True),
        ("message/global-disposition-notification", True),
        ("message/feedback-report", True),
        ("message/global-headers", True),
        ("text/rfc822-headers", True),
    ],
)
def test_lists_of_fields_have_no_parts(kind: str, leaf: bool) -> None:
    assert Part(kind, b"", False).leaf is leaf
    raw = f"Content-Type: {kind}; boundary=b\n\n--b\n\nx\n--b--\n".encode()
    assert len(tree(raw)) == (1 if leaf else 2)


@pytest.mark.parametrize(
    "tag", ["br", "br/", "p", "/p", "/div", "tr", "li", "ul", "/table", "blockquote", "pre", "hr", "h6 x"]
)
def test_where_a_block_begins_or_ends_a_line_ends(tag: str) -> None:
    assert visible(f"a<{tag}>b") == "a\nb"
    assert visible(f"a<{tag.upper()}>b") == "a\nb"


@pytest.mark.parametrize("tag", ["b", "span", "td", "h7", "wbr", "prefix"])
def test_a_tag_within_a_line_is_nothing(tag: str) -> None:
    assert visible(f"a<{tag} class='x'>b") == "ab"


def test_of_a_part_nothing_is_declared_unless_it_is_said() -> None:
    part = Part("text/plain", b"", copied=False)
    assert (part.report, part.charset) == ("", "")
