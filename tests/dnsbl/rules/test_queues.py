"""Whose turn it is, and how much anybody may have: shares of what is left, and places that are kept."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl import settings
from dnsbl.addresses import neighbourhood
from dnsbl.model import ASKED
from dnsbl.rules import queues

TERMS = settings.Tester(concurrency=20, reserved=5, per_network=2)


@pytest.mark.parametrize(
    ("of", "held_by"),
    [
        ("8.8.4.4", {"8.8.4.0/24": 40, "8.8.0.0/16": 8, "8.0.0.0/8": 2}),
        ("2a00:1:2:3::9", {"2a00:1:2:3::/64": 80, "2a00:1:2::/48": 40, "2a00:1::/32": 8, "2a00::/20": 2}),
    ],
)
def test_an_address_counts_for_networks_of_every_width(of: str, held_by: dict[str, int]) -> None:
    assert {str(one.network): one.part for one in queues.shares(ip_address(of))} == held_by
    parts = [one.part for one in queues.shares(ip_address(of))]
    assert parts == sorted(parts, reverse=True), "narrowest first, and wider ones may have more"


def test_a_network_counts_for_those_that_hold_it() -> None:
    assert [str(one.network) for one in queues.shares(ip_network("2a00:1:2::/48"))] == [
        "2a00:1:2::/48",
        "2a00:1::/32",
        "2a00::/20",
    ]


@given(most=st.integers(1, 10_000), brought=st.integers(1, 60), part=st.sampled_from([2, 8, 40, 80]))
def test_however_many_take_all_that_they_may_something_is_left_for_a_newcomer(
    most: int, brought: int, part: int
) -> None:
    taken = 0
    for _ in range(brought):
        mine = 0
        while mine < queues.allowed(most, taken, part):
            mine, taken = mine + 1, taken + 1
    assert taken <= most
    if most >= 100 and brought <= part:
        assert queues.allowed(most, taken, part) >= 1


@pytest.mark.parametrize(("taken", "each"), [(8, 1), (9, 1), (10, 0), (11, 0)])
def test_the_last_place_is_taken_and_no_more(taken: int, each: int) -> None:
    assert queues.allowed(10, taken, 8) == each


def test_four_hundred_networks_of_one_32_have_a_ninth_and_leave_the_rest_to_others() -> None:
    taken = 0
    for _ in range(400):
        taken += taken < queues.allowed(2000, taken, 8)
    assert taken == 222
    assert queues.allowed(2000, taken, 40) == 44


def test_who_has_much_comes_after_who_has_little() -> None:
    assert queues.turn([]) == queues.turn([(40, 0), (8, 0), (2, 0)]) == ASKED + 1
    assert queues.turn([(40, 7), (8, 7), (2, 7)]) == ASKED + 8
    assert queues.turn([(40, 0), (8, 50), (2, 50)]) == ASKED + 11, "a crowd of a /16 from other networks counts less"
    assert queues.turn([(80, 3), (40, 3)]) == ASKED + 7


# -- places ------------------------------------------------------------------------------------------------------------
def running(count: int, *, asked: bool = False, first: int = 20) -> dict[IPv4Address | IPv6Address, bool]:
    """So many tests under way, each in a /8 of its own."""
    return {ip_address(f"{first + n}.1.1.1"): asked for n in range(count)}


def test_an_idle_tester_takes_everything() -> None:
    crowded = queues.full(TERMS, {})
    assert not crowded.anywhere
    assert crowded.networks == crowded.asked == set()


def test_places_are_kept_for_those_who_ask() -> None:
    assert not queues.full(TERMS, running(14)).anywhere
    assert queues.full(TERMS, running(14)).addresses == running(14).keys()
    assert queues.full(TERMS, running(15)).anywhere
    assert not queues.full(TERMS, running(14) | running(5, asked=True, first=100)).anywhere
    assert queues.full(settings.Tester(concurrency=2, reserved=5), running(1)).anywhere, "one is nobody's by right"
    assert not queues.full(settings.Tester(concurrency=1, reserved=5), {}).anywhere


def test_a_network_has_so_many_and_one_more_that_was_asked_for() -> None:
    near = {ip_address(f"8.8.4.{n}"): n == 2 for n in range(3)}  # the third one was asked for
    one, two, three = (dict(list(near.items())[:n]) for n in (1, 2, 3))
    here = neighbourhood(ip_address("8.8.4.0"))
    assert here not in queues.full(TERMS, one).networks
    assert here in queues.full(TERMS, two).networks
    assert here not in queues.full(TERMS, two).asked
    assert here in queues.full(TERMS, three).asked
    assert here not in queues.full(TERMS, two | {ip_address("8.8.4.0"): True}).asked, "one more than the two"
    slow = queues.full(TERMS, one, [here])
    assert here in slow.networks
    assert here not in slow.asked
    assert here not in queues.full(TERMS, two, [here]).asked, "those two had begun before it was slow"
    assert here in queues.full(TERMS, three, [here]).asked


@pytest.mark.parametrize("family", ["8.8.{n}.1", "2a00:1:{n}::1"])
def test_a_region_holds_half_of_what_is_nobodys_by_right_and_of_all(family: str) -> None:
    def crowd(count: int, *, asked: bool) -> dict[IPv4Address | IPv6Address, bool]:
        return {ip_address(family.format(n=n)): asked for n in range(count)}

    region = queues.region_of(str(ip_network(family.format(n=0))))
    assert region is not None
    assert region not in queues.full(TERMS, crowd(6, asked=False)).networks
    assert region in queues.full(TERMS, crowd(7, asked=False)).networks
    assert region not in queues.full(TERMS, crowd(9, asked=True)).asked
    assert region in queues.full(TERMS, crowd(10, asked=True)).asked
    assert region not in queues.full(TERMS, crowd(10, asked=True)).networks, "those who asked take nothing from others"


def test_labs_have_no_wider_bounds() -> None:
    lab = settings.Tester(concurrency=20, lab_networks=(ip_network("10.0.0.0/8"),))
    crowd = {ip_address(f"10.0.{n}.1"): False for n in range(14)}
    assert queues.full(lab, crowd).networks == set()


def test_somebody_of_no_network_is_of_no_region() -> None:
    assert queues.region_of("operator me") is None
    assert str(queues.region_of("2a00:1:2::/48")) == "2a00:1::/32"


def test_a_network_that_turns_slow_keeps_the_owners_place_in_it() -> None:
    network = ip_network("203.0.113.0/24")
    others = {ip_address("203.0.113.1"): False, ip_address("203.0.113.2"): False}
    assert queues.full(TERMS, others, slow=[network]).asked == frozenset()
    owner = others | {ip_address("203.0.113.9"): True}
    assert queues.full(TERMS, owner, slow=[network]).asked == {network}
