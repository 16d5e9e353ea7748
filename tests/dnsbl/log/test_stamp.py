"""What an authority's answer is worth."""

from __future__ import annotations

import random
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

import pytest

from dnsbl.errors import Damaged, Withheld
from dnsbl.log import stamp
from dnsbl.log.stamp import ANSWER_MOST, APART, StampRequest
from tests.dnsbl.log.samples_of_stamps import AT, GRANTED, REFUSED, REQUEST


def test_a_request_bears_the_hash_of_the_text_and_another_nonce_each_time() -> None:
    first, second = stamp.asked(REQUEST.text), stamp.asked(REQUEST.text)
    assert first.text == REQUEST.text and first.nonce != second.nonce and first.octets != second.octets
    for request in (first, second, REQUEST):
        assert sha256(request.text).digest() in request.octets
        assert f"{request.nonce:x}" in request.octets.hex() and request.octets.endswith(b"\x01\x01\xff")  # certReq


def test_a_stamp_of_this_request_says_when() -> None:
    assert stamp.checked(GRANTED, REQUEST, AT + APART) == AT
    assert stamp.checked(GRANTED, REQUEST, AT - APART) == AT


@pytest.mark.parametrize(
    ("answer", "request_", "now", "said"),
    [
        (GRANTED, replace(REQUEST, text=REQUEST.text + b"\n"), AT, "of another text"),
        (GRANTED, replace(REQUEST, nonce=REQUEST.nonce + 1), AT, "of another request"),
        (GRANTED, REQUEST, AT + APART + timedelta(seconds=1), "is not now"),
        (GRANTED, REQUEST, AT - APART - timedelta(seconds=1), "is not now"),
        (REFUSED, REQUEST, AT, r"grants no stamp \(status 2\): Message digest algorithm is not supported"),
        (GRANTED[:-1], REQUEST, AT, "no time stamp"),
        (GRANTED + b"\0", REQUEST, AT, "no time stamp"),
        (b"<html>", REQUEST, AT, "no time stamp"),
        (b"", REQUEST, AT, "no time stamp"),
        (bytes(ANSWER_MOST + 1), REQUEST, AT, "more than 65536 octets"),
        (b"0\x03\x02\x01\x00".replace(b"0\x03", b"0\x05\x30\x03"), REQUEST, AT, "no time stamp"),
    ],
)
def test_what_is_no_stamp_of_this_request_is_refused(
    answer: bytes, request_: StampRequest, now: datetime, said: str
) -> None:
    with pytest.raises(Damaged, match=said):
        stamp.checked(answer, request_, now)


def test_whatever_comes_is_a_stamp_or_refused_in_a_sentence() -> None:
    chance = random.Random(5)
    for _ in range(1500):
        octets = bytearray(GRANTED)
        for _ in range(chance.randint(1, 3)):
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        try:
            assert stamp.checked(bytes(octets), REQUEST, AT) - AT < APART
        except Damaged as error:
            assert str(error).endswith(".")


def test_without_the_library_a_sentence_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert stamp.can()
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    with pytest.raises(Withheld, match=r"pip install 'dnsbl-relays\[stamps\]'"):
        stamp.asked(b"x")
