"""Which of our addresses a machine does not have is found without a packet."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable

import pytest

from dnsbl.addresses import Address, parse_address
from dnsbl.clock import HandClock
from dnsbl.daemons.standing import EVERY, Foothold, absent, sentence

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


def test_each_address_is_looked_at_once_in_some_seconds_and_at_once_where_somebody_has_reason_to() -> None:
    clock, looks = HandClock(), list[object]()

    def none(ours: Iterable[Address]) -> tuple[Address, ...]:
        looks.append(ours)
        return ()

    foothold = Foothold([HERE], clock, absent=none)
    for _ in range(4):
        foothold.look()
    assert len(looks) == 1
    foothold.look(now=True)
    assert len(looks) == 2
    clock.turn(seconds=EVERY - 1)
    foothold.look()
    assert len(looks) == 2
    clock.turn(seconds=1)
    foothold.look()
    assert len(looks) == 3


@pytest.mark.parametrize(
    ("gone", "stops", "lacks"),
    [
        ((), False, False),
        ((ELSEWHERE,), False, True),
        ((SIX,), True, False),
        ((ELSEWHERE, SIX), True, False),
        ((HERE, ELSEWHERE), True, False),
    ],
)
def test_what_is_left_of_a_family_is_dialled_from_and_a_family_that_is_gone_stops_all(
    gone: tuple[Address, ...], stops: bool, lacks: bool
) -> None:
    foothold = Foothold([HERE, ELSEWHERE, SIX], HandClock(), absent=lambda ours: gone)
    foothold.look()
    assert (bool(foothold.problem), bool(foothold.lacking)) == (stops, lacks)
    assert foothold.here == tuple(one for one in (HERE, ELSEWHERE, SIX) if one not in gone)
    if lacks:
        assert "tests are held from the others of that family" in foothold.lacking
