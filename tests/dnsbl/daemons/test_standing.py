"""Which of our addresses a machine does not have is found without a packet."""

from __future__ import annotations

import errno
import socket

import pytest

from dnsbl.addresses import parse_address
from dnsbl.daemons.standing import absent, sentence

HERE, ELSEWHERE, SIX = map(parse_address, ("127.0.0.1", "203.0.113.77", "2001:db8::77"))


def test_an_address_that_no_socket_can_have_is_absent_and_one_of_ours_is_not() -> None:
    assert absent([ELSEWHERE, HERE, SIX]) == (ELSEWHERE, SIX)
    assert absent([]) == ()


@pytest.mark.parametrize(("number", "gone"), [(errno.EMFILE, ()), (errno.EAFNOSUPPORT, (SIX,))])
def test_where_no_socket_can_be_had_only_a_family_that_is_not_there_is_absent(
    monkeypatch: pytest.MonkeyPatch, number: int, gone: tuple[object, ...]
) -> None:
    def none(*_words: object) -> socket.socket:
        raise OSError(number, "none")

    monkeypatch.setattr(socket, "socket", none)
    assert absent([SIX]) == gone


def test_what_is_absent_is_told_in_one_sentence() -> None:
    assert sentence([]) == ""
    assert sentence([ELSEWHERE, SIX]).startswith("this machine does not have 203.0.113.77, 2001:db8::77, from which")
