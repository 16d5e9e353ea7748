"""Header fields of messages as they were saved, pasted and sent by strangers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tester.received.fields import fields
from tester.received.line import hops


def test_fields_are_unfolded_in_order_with_names_in_lower_case() -> None:
    raw = b"Received: a\r\n\tb\r\n c\r\nSubject : x\r\nX:\r\n\r\nBody: no\r\n"
    assert list(fields(raw)) == [("received", b"a b c"), ("subject", b"x"), ("x", b"")]


def test_the_body_is_not_read() -> None:
    raw = b"Subject: x\r\n\r\nReceived: from a ([203.0.113.9]) by mx\r\n"
    for end in (b"\r\n", b"\n", b"\r"):
        assert hops(raw.replace(b"\r\n", end)) == ()


def test_what_mailbox_files_put_into_a_header_is_passed_over() -> None:
    raw = b"From x@example.org Mon Jan  1 00:00:00 2024\nA: 1\n>From y Mon Jan  1 00:00:00 2024\nB: 2\n\n"
    assert list(fields(raw)) == [("a", b"1"), ("b", b"2")]


def test_a_line_that_lost_its_blanks_goes_on_with_its_field() -> None:
    raw = (
        b"Received: from a ([203.0.113.9])\nby mx id 1\n(2001:db8::1) for <a@b>; Mon, 1 Jan 2024 00:00:00 +0000\nX: y\n"
    )
    (first, second) = fields(raw)
    assert first[1].startswith(b"from a ([203.0.113.9]) by mx id 1 (2001:db8::1) for <a@b>; Mon")
    assert second == ("x", b"y")


def test_nonsense_before_the_first_field_is_nobodys() -> None:
    raw = b"nonsense\n RECEIVED : x\nReceived :\n from a\n\t([203.0.113.9]) by mx\n \nX: y"
    assert list(fields(raw)) == [("received", b"from a ([203.0.113.9]) by mx"), ("x", b"y")]


def test_long_headers_are_cut() -> None:
    long = b"Received: from a ([203.0.113.9]) by " + b"m" * 5000 + b"\r\n" + b"\t" + b"x" * 100 + b"\r\n"
    folded = b"Received: from b\r\n" + b"\tword\r\n" * 2000
    read = hops(long + folded + b"X: " + b"y" * 65536 + b"\r\nReceived: from c ([203.0.113.10]) by mx\r\n\r\n")
    assert [len(each.raw) for each in read] == [2048, 2048]


def test_a_message_without_fields_has_none() -> None:
    for raw in (b"", b"\r\n", b"\nA: 1\n", b" \n", b"nonsense\n"):
        assert list(fields(raw)) == []


def test_an_envelope_line_within_a_header_is_no_part_of_the_field_before_it() -> None:
    raw = b"A: 1\n 2\nFrom x@example.org Mon Jan  1 00:00:00 2024\n>From y\n 3\nB: 4\n"
    assert list(fields(raw)) == [("a", b"1 2 3"), ("b", b"4")]


def test_64_kib_of_a_message_are_read_and_2_kib_of_each_field() -> None:
    full = b"A: 1\n" + b"-" * (64 * 1024 - 11) + b"\nB: 2\n"
    assert [name for name, _ in fields(full)] == ["a", "b"]
    assert [name for name, _ in fields(full.replace(b"B:", b"\nB:"))] == ["a"]
    assert [name for name, _ in fields(full[:5] + b"------" + full[5:])] == ["a"]
    long = b"A: " + b"a" * 5000 + b"\n" + b" b" * 5000 + b"\nB: " + b"b" * 5000
    assert [(name, len(value)) for name, value in fields(long)] == [("a", 2048), ("b", 2048)]


@given(st.binary(max_size=500))
def test_whatever_comes_is_read(raw: bytes) -> None:
    assert all(name == name.lower() and len(value) <= 2048 for name, value in fields(raw))
