"""Which of our addresses a machine does not have is found without a packet."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable

import pytest

from dnsbl.addresses import Address, parse_address
from dnsbl.clock import HandClock
from dnsbl.daemons.standing import EVERY, MET, Foothold, absent, sentence

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


def test_a_family_is_cut_off_where_there_was_a_way_and_is_none_any_more_to_anybody() -> None:
    cut = set[Address]()
    clock = HandClock()
    foothold = Foothold([HERE], clock, absent=lambda ours: (), no_way=lambda one: "no route" if one in cut else "")
    cut.update([ELSEWHERE, SIX])
    foothold.look(now=True)
    assert foothold.problem == "", "to whom there never was a way says nothing"
    for one in (ELSEWHERE, SIX, *(parse_address(f"198.51.100.{n}") for n in range(MET - 1)), ELSEWHERE):
        foothold.met(one)
    foothold.look(now=True)
    assert foothold.problem.startswith("this machine has no way any more to 2001:db8::77, nor"), "the other is there"
    assert foothold.problem.endswith(": no route")
    cut.clear()
    foothold.look(now=True)
    assert foothold.problem == ""


def test_by_whom_it_is_seen_has_bounds() -> None:
    asked = list[Address]()

    def no_way(one: Address) -> str:
        asked.append(one)
        return "no route"

    foothold = Foothold([], HandClock(), no_way=no_way)
    for number in range(100):
        foothold.met(parse_address(f"198.51.100.{number}"))
    foothold.look()
    assert len(asked) == MET and "198.51.100.99" in map(str, asked)
