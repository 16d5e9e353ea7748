"""Messages inside messages, whole, torn and hostile."""

from __future__ import annotations

import base64
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnsbl.rules.evidence.mime import DEPTH, PARTS, content_type, decoded, parts, readable, split
from tests.dnsbl.rules.evidence.samples import RFC822, SPAM, forward, multipart


@pytest.mark.parametrize(
    ("value", "kind", "parameters"),
    [
        ('Multipart/Mixed; boundary="a b"', "multipart/mixed", {"boundary": "a b"}),
        ("multipart/mixed;boundary=ab ; x=y", "multipart/mixed", {"boundary": "ab", "x": "y"}),
        ('m/x; boundary="a\\"b"', "m/x", {"boundary": 'a"b'}),
        ("text/plain", "text/plain", {}),
        ("x/y; name*=utf-8''a%20b.eml; z=1", "x/y", {"name": "a b.eml", "z": "1"}),
        ('x/y; name*0="long "; name*1="name.eml"', "x/y", {"name": "long name.eml"}),
        ("x/y; name*0*=utf-8'en'a%20; name*1*=b'%20; name*2=c.eml", "x/y", {"name": "a b' c.eml"}),
        ("m/x; boundary*=''b1", "m/x", {"boundary": "b1"}),
        ("x/y; *=a", "x/y", {"": "a"}),
        ("message/rfc822 (the spam)", "message/rfc822", {}),
        ('"multipart/mixed" (x); boundary=b', "multipart/mixed", {"boundary": "b"}),
        ("text/plain charset=utf-8", "text/plain", {}),
        ("", "", {}),
        (";;;=", "", {}),
    ],
)
def test_a_content_type_is_read(value: str, kind: str, parameters: dict[str, str]) -> None:
    assert content_type(value) == (kind, parameters)


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_a_header_ends_at_the_first_empty_line(end: bytes) -> None:
    raw = b"A: 1\r\n b\r\nA: 2\r\n\r\nbody\r\n\r\nmore".replace(b"\r\n", end)
    assert split(raw) == ({"a": "1 b"}, b"body\r\n\r\nmore".replace(b"\r\n", end))
    assert split(b"A: 1") == ({"a": "1"}, b"")
    assert split(end + b"body") == ({}, b"body")
    assert split(b"A: 1" + end + b"B: 2" + end + end + b"C: 3" + end) == ({"a": "1", "b": "2"}, b"C: 3" + end)


def test_the_leaves_of_a_message_come_in_order() -> None:
    inner = multipart((b"Content-Type: text/html", b"<p>"), (RFC822, SPAM), boundary=b"b2")
    raw = forward(
        (b'Content-Type: multipart/mixed; boundary="b2"', inner), (b"Content-Type: image/png; name=X.PNG", b"x")
    )
    assert [(leaf.kind, leaf.name) for leaf in parts(raw)] == [
        ("text/plain", ""),
        ("text/html", ""),
        ("message/rfc822", ""),
        ("image/png", "x.png"),
    ]
    assert next(leaf.body for leaf in parts(raw) if leaf.kind == "message/rfc822") == SPAM


def test_a_message_without_parts_is_its_own_leaf() -> None:
    (leaf,) = parts(SPAM)
    assert (leaf.kind, leaf.body) == ("text/plain", b"Buy.\r\n")


def test_the_file_name_of_the_disposition_comes_first() -> None:
    raw = b'Content-Type: x/y; name=a.bin\r\nContent-Disposition: attachment; filename="Spam.EML"\r\n\r\nx'
    assert [leaf.name for leaf in parts(raw)] == ["spam.eml"]


def test_what_is_cut_short_is_read_as_far_as_it_goes() -> None:
    raw = forward((RFC822, SPAM))
    cut = raw[: raw.index(b"Buy now", raw.index(b"Return-Path"))]
    assert [leaf.kind for leaf in parts(cut)] == ["text/plain", "message/rfc822"]


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("base64", base64.encodebytes(SPAM)),
        (" Base64 ", base64.b64encode(SPAM).rstrip(b"=")),
        ("quoted-printable", SPAM.replace(b"=", b"=3D").replace(b"relay", b"rel=\r\nay")),
        ("8bit", SPAM),
        ("BASE64 (as always)", base64.encodebytes(SPAM)),
        ("", SPAM),
    ],
)
def test_transfer_encodings_are_undone(encoding: str, body: bytes) -> None:
    assert decoded(body, encoding) == SPAM


@pytest.mark.parametrize(
    ("body", "plain"), [(b"", b""), (b"QQ", b"A"), (b"QUJDR", b"ABC"), (b"Q\nUJD", b"ABC"), (b"\xff!", b"")]
)
def test_base64_is_read_as_far_as_it_goes(body: bytes, plain: bytes) -> None:
    assert decoded(body, "base64") == plain


def test_multiparts_in_each_other_and_parts_are_counted() -> None:
    raw = b"Content-Type: text/plain\r\n\r\ndeep"
    for n in range(DEPTH + 3):
        boundary = b"b%d" % n
        raw = b"Content-Type: multipart/mixed; boundary=%b\r\n\r\n--%b\r\n%b\r\n--%b--\r\n" % (
            boundary,
            boundary,
            raw,
            boundary,
        )
    assert [leaf.kind for leaf in parts(raw)] == ["multipart/mixed"]
    many = [(b"Content-Type: x/y", b"x")] * (PARTS * 3)
    assert len(list(parts(forward(*many)))) == PARTS - 1 == 99
    inner = multipart(*many, boundary=b"b2")
    wide = forward(*[(b"Content-Type: multipart/mixed; boundary=b2", inner)] * 3)
    assert len(list(parts(wide))) == PARTS - 2


def test_multiparts_as_deep_as_the_bound_are_opened() -> None:
    raw = b"Content-Type: text/plain\r\n\r\ndeep"
    found = []
    for n in range(6):
        raw = b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n%b\r\n--b%d--\r\n" % (n, n, raw, n)
        found += [leaf.kind for leaf in parts(raw)]
    assert found == ["text/plain"] * 5 + ["multipart/mixed"]


def test_a_multipart_without_a_boundary_is_a_leaf_and_no_other_kind_has_parts() -> None:
    body = b"--\r\nContent-Type: image/png\r\n\r\nx\r\n--a\r\n\r\ny\r\n"
    assert [leaf.kind for leaf in parts(b"Content-Type: multipart/mixed\r\n\r\n" + body)] == ["multipart/mixed"]
    assert [leaf.kind for leaf in parts(b"Content-Type: x/y; boundary=a\r\n\r\n" + body)] == ["x/y"]


def test_a_multipart_that_nothing_begins_in_is_a_text() -> None:
    head = b"Content-Type: multipart/mixed; boundary=a\r\n\r\n"
    assert [(leaf.kind, leaf.body) for leaf in parts(head + b"preamble")] == [("text/plain", b"preamble")]
    assert [leaf.body for leaf in parts(head + b"--a\r\n\r\nx")] == [b"x"]
    assert [leaf.body for leaf in parts(head + b"pre\r\n--a\r\n\r\nx\r\n--a--\r\n--a\r\n\r\npost")] == [b"x"]


def test_the_line_of_a_boundary_may_have_blanks_and_no_more() -> None:
    head = b"Content-Type: multipart/mixed; boundary=a\r\n\r\n"
    assert [leaf.body for leaf in parts(head + b"--a \t\r\n\r\nx\r\n--a")] == [b"x", b""]
    assert [leaf.body for leaf in parts(head + b"--ab\r\n\r\nx")] == [b"--ab\r\n\r\nx"]


def test_a_hostile_message_costs_little() -> None:
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n" for _ in range(20_000))
    wide = b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--a\r\n" * 200_000
    blank = b"Content-Type: multipart/mixed; boundary=a\r\n" + b"\r\n" * 500_000
    for raw in (nested, wide, blank):
        begun = process_time()
        assert len(list(parts(raw))) <= PARTS
        assert process_time() - begun < 1


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                b"--a",
                b"--a--",
                b"\r\n",
                b"\n",
                b"Content-Type: multipart/mixed; boundary=a",
                b"Content-Transfer-Encoding: base64",
                b"x",
            ]
        ),
        max_size=40,
    ).map(b"".join)
    | st.binary(max_size=300)
)
def test_whatever_comes_is_read_without_complaint(raw: bytes) -> None:
    list(parts(raw))


def test_a_name_may_be_encoded_and_charset_and_disposition_are_told() -> None:
    raw = (
        b"Content-Type: text/plain; charset=KOI8-R\r\n"
        b'Content-Disposition: Attachment; filename="=?UTF-8?B?QnV5IMO8LkVNTA==?="\r\n\r\nx'
    )
    (leaf,) = parts(raw)
    assert (leaf.name, leaf.charset, leaf.attached) == ("buy ü.eml", "koi8-r", True)
    (leaf,) = parts(b"Content-Type: text/plain; name=x\r\n\r\nx")
    assert leaf.attached
    (leaf,) = parts(b"Content-Type: text/plain\r\nContent-Disposition: inline\r\n\r\nx")
    assert (leaf.attached, leaf.charset) == (False, "")


def test_what_a_digest_holds_is_messages() -> None:
    raw = (
        b"Content-Type: multipart/digest; boundary=a\r\n\r\n--a\r\n\r\n%b\r\n--a\r\nContent-Type: x/y\r\n\r\nz\r\n--a--"
        % SPAM
    )
    assert [leaf.kind for leaf in parts(raw)] == ["message/rfc822", "x/y"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=?utf-8?q?a_=C3=BC?=", "a ü"),
        ("plain", "plain"),
        ("=?x?b?!?=", "=?x?b?!?="),
        ("=?utf-8?b?w6Q=?=\r\n =?utf-8?b?w7Y=?= and \u20ac", "äö and \u20ac"),
    ],
)
def test_encoded_words_are_read_as_far_as_they_go(text: str, shown: str) -> None:
    assert readable(text) == shown


def test_an_encoding_may_stand_in_quotes_or_have_something_behind_it() -> None:
    for encoding in ("base64", "BASE64 ", '"base64"', "base64 (RFC 2045)", "base64;", " 'base64'"):
        assert decoded(b"YWI=", encoding) == b"ab", encoding
    for encoding in ("", "x-base64", "7bit", "(base64)"):
        assert decoded(b"YWI=", encoding) == b"YWI=", encoding
