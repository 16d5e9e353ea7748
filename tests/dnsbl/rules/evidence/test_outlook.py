"""Outlook's .msg files."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.rules.evidence import outlook
from tests.depth import examples
from tests.dnsbl.rules.evidence.samples import SPAM, compound
from tests.dnsbl.rules.evidence.samples import outlook as written

HEADER = SPAM.partition(b"\r\n\r\n")[0]


def test_the_header_comes_out_as_it_went_in_with_the_text_behind_it() -> None:
    message, attached = outlook.messages(written(HEADER, text="Buy. é"))
    assert message.startswith(HEADER + b"\r\n\r\nBuy. \xc3\xa9")
    assert attached == ()


def test_an_attached_message_is_found() -> None:
    message, attached = outlook.messages(written(b"X: outer", attached=HEADER))
    assert message.startswith(b"X: outer\r\n\r\n")
    assert [each.rstrip() for each in attached] == [HEADER]


def test_an_attached_file_counts_when_it_is_a_message() -> None:
    folder = "__attach_version1.0_#0000000"
    streams = {
        f"{folder}0/__substg1.0_3707001F": "spam.EML\0".ljust(2048).encode("utf-16-le"),
        f"{folder}0/__substg1.0_37010102": SPAM,
        f"{folder}1/__substg1.0_3707001F": "picture.png\0".ljust(2048).encode("utf-16-le"),
        f"{folder}1/__substg1.0_37010102": b"not a message",
    }
    message, attached = outlook.messages(compound(streams))
    assert message == b""
    assert [each.rstrip() for each in attached] == [SPAM.rstrip()]


@pytest.mark.parametrize(
    ("tag", "said", "counts"),
    [
        ("3704", "SPAM~1.EML", True),
        ("370E", "message/rfc822", True),
        ("3704", "A.PNG", False),
        ("370E", "image/png", False),
    ],
)
def test_an_attached_file_is_known_by_its_short_name_and_its_type_too(tag: str, said: str, counts: bool) -> None:
    folder = "__attach_version1.0_#00000000"
    streams = {
        f"{folder}/__substg1.0_{tag}001F": f"{said}\0".ljust(2048).encode("utf-16-le"),
        f"{folder}/__substg1.0_37010102": SPAM,
    }
    assert bool(outlook.messages(compound(streams))[1]) is counts


def test_fields_about_a_form_that_the_text_has_lost_are_left_out() -> None:
    form = b"Content-Type: multipart/alternative;\r\n\tboundary=x\r\nContent-Transfer-Encoding: base64"
    message, _ = outlook.messages(written(form + b"\r\n" + HEADER))
    assert message.startswith(HEADER + b"\r\n\r\nBuy.")
    message, _ = outlook.messages(written(HEADER + b"\r\n" + form))
    assert message.startswith(HEADER + b"\r\n\r\nBuy.")


def test_without_the_library_it_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "olefile", None)
    with pytest.raises(outlook.Unreadable, match="not installed"):
        outlook.messages(written(HEADER))


def test_only_what_is_attached_is_sought_for_messages_and_not_too_many_of_them() -> None:
    names = [f"__attach_version1.0_#{n:08}" for n in range(3)] + ["__recip_version1.0_#00000000"]
    streams = {f"{name}/__substg1.0_3701000D/__substg1.0_007D001E": HEADER for name in names}
    assert len(outlook.messages(compound(streams))[1]) == 3


def test_text_that_is_no_utf_16_is_read_as_far_as_it_goes() -> None:
    header = HEADER.decode().encode("utf-16-le") + b"\x00\xd8"
    message, _ = outlook.messages(compound({"__substg1.0_007D001F": header.ljust(4096, b"\xd8")}))
    assert message.startswith(HEADER)


@examples(200)
@given(st.data())
def test_a_broken_file_is_unreadable_and_nothing_else(data: st.DataObject) -> None:
    whole = bytearray(written(HEADER, attached=HEADER))
    for _ in range(data.draw(st.integers(1, 20))):
        whole[data.draw(st.integers(8, 1600))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(8, len(whole)))])
    try:
        outlook.messages(cut)
    except outlook.Unreadable as error:
        assert str(error)
