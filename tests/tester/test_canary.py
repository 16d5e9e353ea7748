"""A line feed and a carriage return by themselves: exact bytes, harmless to whoever reads them, and read again."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tester import canary
from tester.composing import compose
from tester.dialogue import stuffed
from tester.smtp import Flag
from tests.tester.test_composing import NAMES, NOW, RING, US, letters

LETTER = b"Subject: a letter\r\n\r\nIts text.\r\n"
BOTH = {Flag.PASSES_BARE_LF, Flag.PASSES_BARE_CR}


def test_the_bytes_stand_behind_the_text_in_lines_of_their_own() -> None:
    assert canary.laid(LETTER) == LETTER + b"canary-lf=[\n]\r\ncanary-cr=[\r]\r\n"


def test_the_flags_are_called_as_people_know_them() -> None:
    assert sorted(BOTH) == ["passes-bare-cr", "passes-bare-lf"]


def composed() -> bytes:
    [attempt] = compose(
        letters("C01"),
        keyring=RING,
        names=NAMES,
        sender=US,
        greeting=b"",
        nomination="",
        date=float(NOW),
        sign=lambda message: b"DKIM-Signature: x\r\n" + message,
    )
    return attempt.write()


def test_only_this_letter_bears_them_and_it_is_not_signed() -> None:
    message = composed()
    assert message.endswith(b"canary-lf=[\n]\r\ncanary-cr=[\r]\r\n")
    assert not message.startswith(b"DKIM")
    [plain] = compose(
        letters("S01"), keyring=RING, names=NAMES, sender=US, greeting=b"", nomination="", date=float(NOW)
    )
    assert b"canary" not in plain.write()
    assert len(re.findall(rb"(?<!\r)\n|\r(?!\n)", message)) == 2


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r\n"])
def test_whatever_a_server_takes_for_a_lines_end_the_message_ends_at_its_end_alone(end: bytes) -> None:
    """No smuggling: with any of these as the end of a line, no line of a single dot is found before the last."""
    wire = stuffed(composed())
    lines = re.split(rb"\r\n|" + re.escape(end), wire)
    assert [number for number, line in enumerate(lines) if line.strip(b"\r\n") == b"."] == [len(lines) - 2]


@pytest.mark.parametrize(
    ("came", "flags"),
    [
        (b"canary-lf=[\n]\r\ncanary-cr=[\r]\r\n", BOTH),
        (b"canary-lf=[\r\n]\r\ncanary-cr=[\r]\r\n", {Flag.PASSES_BARE_CR}),
        (b"canary-lf=[\r\n]\r\ncanary-cr=[\r\n]\r\n", set()),
        (b"canary-lf=[ ]\r\ncanary-cr=[]\r\n", set()),
        (b"canary-lf=[\n\n]\r\ncanary-cr=[\r\r]\r\n", set()),
        (b"canary-lf=[=0A]\r\ncanary-cr=[=0D]\r\n", set()),
        (b"canary-lf=[" + b"\n" * 9000 + b"]\r\n", set()),
        (b"nothing of it\r\n", set()),
    ],
)
def test_what_came_is_compared_byte_by_byte(came: bytes, flags: set[Flag]) -> None:
    assert canary.flags(LETTER + came) == flags


@given(st.binary(max_size=300))
def test_nothing_that_a_stranger_sends_makes_it_fail(message: bytes) -> None:
    assert canary.flags(message) <= BOTH
    assert canary.flags(canary.laid(message.replace(b"canary", b""))) == BOTH
