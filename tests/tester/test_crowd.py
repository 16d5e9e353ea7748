"""Places and what is told of them: pure, with the time handed in."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tester.crowd import Crowd, Place, Tally, Width, widths

SHARES = widths(per_peer=2, per_network=4, per_region=8)


def entered(crowd: Crowd, *addresses: str, at: float = 0.0, served: bool = True) -> list[Place | None]:
    places = []
    for address in addresses:
        places.append(crowd.enter(ip_address(address), at))
        if places[-1] is not None and served:
            places[-1].served()
    return places


def fit(crowd: Crowd, *addresses: str) -> list[bool]:
    return [place is not None for place in entered(crowd, *addresses)]


def test_an_address_a_network_and_a_region_have_their_shares() -> None:
    assert fit(Crowd(100, SHARES), *["192.0.2.1"] * 3) == [True, True, False]
    assert fit(Crowd(100, SHARES), *[f"192.0.2.{n}" for n in range(6)]) == [True] * 4 + [False] * 2
    assert fit(Crowd(100, SHARES), *[f"192.0.{n}.1" for n in range(10)]) == [True] * 8 + [False] * 2
    assert fit(Crowd(100, SHARES), *[f"192.{n}.2.1" for n in range(20)]) == [True] * 20


def test_one_host_of_ipv6_is_its_64_and_one_customer_its_48() -> None:
    assert fit(Crowd(100, SHARES), *[f"2001:db8::{n}" for n in range(1, 4)]) == [True, True, False]
    assert fit(Crowd(100, SHARES), *[f"2001:db8:0:{n}::1" for n in range(6)]) == [True] * 4 + [False] * 2
    assert fit(Crowd(100, SHARES), *[f"2001:db8:{n}::1" for n in range(10)]) == [True] * 8 + [False] * 2


def test_a_mapped_address_is_the_ipv4_address() -> None:
    assert fit(Crowd(100, SHARES), "::ffff:192.0.2.1", "192.0.2.1", "::ffff:192.0.2.1") == [True, True, False]


def test_families_with_the_same_bits_are_told_apart() -> None:
    crowd = Crowd(100, (Width(ipv4=16, ipv6=112, most=1),))
    assert fit(crowd, "0.1.0.0", "::1:0", "0.1.2.3", "::1:2") == [True, True, False, False]


def test_the_three_widths_are_those_of_hosts_customers_and_providers() -> None:
    assert [(w.ipv4, w.ipv6, w.most) for w in SHARES] == [(32, 64, 2), (24, 48, 4), (16, 32, 8)]
    wide = widths(per_peer=1, per_network=9, per_region=3)[2].most
    assert wide == 9, "a region holds what one of its networks may"


def test_neighbours_share_nothing_narrower_than_what_holds_both() -> None:
    for one, other, beside in (
        ("192.0.2.4", "192.0.2.5", "192.0.3.4"),
        ("2001:db8:0:4::1", "2001:db8:0:5::1", "2001:db8:1:4::1"),
    ):
        assert fit(Crowd(9, (SHARES[0],)), one, one, other, other, one) == [True] * 4 + [False]
        assert fit(Crowd(9, (SHARES[1],)), one, one, other, other, one, beside) == [True] * 4 + [False, True]


def test_all_together_have_no_more_than_there_is() -> None:
    crowd = Crowd(3, SHARES)
    assert fit(crowd, "192.0.2.1", "198.51.100.1", "203.0.113.1", "10.0.0.1") == [True] * 3 + [False]
    assert len(crowd) == 3


def test_who_is_exempt_is_counted_among_all_only() -> None:
    crowd = Crowd(5, SHARES)
    proxy = IPv4Address("127.0.0.1")
    places = [crowd.enter(proxy, 0.0, exempt=True) for _ in range(5)]
    for place in places:
        assert place is not None
        place.served()
    assert crowd.enter(proxy, 0.0, exempt=True) is None
    places[0].leave()
    assert crowd.enter(proxy, 0.0) is not None, "its network has all that it may have"


def test_who_waits_longest_yields_to_a_guest_from_the_same_network() -> None:
    crowd = Crowd(100, SHARES)
    gone: list[str] = []
    first, second = entered(crowd, "192.0.2.1", "192.0.2.1", served=False)
    assert first is not None
    assert second is not None
    first.hang_up, second.hang_up = lambda: gone.append("first"), lambda: gone.append("second")
    first.waits(1.0)  # it said something since
    assert crowd.enter(ip_address("192.0.2.1"), 2.0) is not None
    assert gone == ["second"] and not second.held and first.held
    assert len(crowd) == 2


def test_a_guest_of_another_network_never_yields_to_it() -> None:
    crowd = Crowd(100, SHARES)
    entered(crowd, "198.51.100.1", served=False)
    entered(crowd, "192.0.2.1", "192.0.2.1")
    assert crowd.enter(ip_address("192.0.2.1"), 1.0) is None


def test_who_is_being_served_does_not_yield_until_it_waits_again() -> None:
    crowd = Crowd(1)
    [place] = entered(crowd, "192.0.2.1")
    assert place is not None
    assert crowd.enter(ip_address("198.51.100.1"), 1.0) is None
    place.waits(1.0)
    assert crowd.enter(ip_address("198.51.100.1"), 1.0) is not None
    assert not place.held


def test_nobody_yields_within_the_grace() -> None:
    crowd = Crowd(1, grace=5.0)
    entered(crowd, "192.0.2.1", served=False)
    assert crowd.enter(ip_address("198.51.100.1"), 4.9) is None
    assert crowd.enter(ip_address("198.51.100.1"), 5.0) is not None


def test_the_grace_is_counted_from_when_the_guest_began_to_wait() -> None:
    crowd = Crowd(1, grace=5.0)
    [place] = entered(crowd, "192.0.2.1", at=100.0, served=False)
    assert crowd.enter(ip_address("198.51.100.1"), 104.9) is None
    assert place is not None and place.held
    assert crowd.enter(ip_address("198.51.100.1"), 105.0) is not None


def test_who_waits_still_yields_when_another_of_its_network_is_served() -> None:
    crowd = Crowd(2)
    first, second = entered(crowd, "192.0.2.1", "192.0.2.2", served=False)
    assert first is not None and second is not None
    second.served()
    assert crowd.enter(ip_address("192.0.2.3"), 1.0) is not None
    assert (first.held, second.held) == (False, True)


def test_who_has_left_is_never_asked_to_yield() -> None:
    crowd = Crowd(1)
    [gone] = entered(crowd, "192.0.2.1", served=False)
    assert gone is not None
    gone.leave()
    gone.waits(1.0)
    [there] = entered(crowd, "192.0.2.2", at=2.0, served=False)
    assert there is not None
    assert crowd.enter(ip_address("192.0.2.3"), 3.0) is not None
    assert not there.held
    assert len(crowd) == 1


def test_a_place_is_given_up_once() -> None:
    crowd = Crowd(2)
    place, other = entered(crowd, "192.0.2.1", "192.0.2.2")
    assert place is not None
    place.leave()
    place.leave()
    place.waits(1.0)
    place.served()
    assert len(crowd) == 1
    assert other is not None and other.held


STEPS = st.lists(
    st.tuples(st.sampled_from(["enter", "leave", "waits", "served"]), st.integers(0, 15), st.integers(0, 3)),
    max_size=120,
)


@given(STEPS, st.integers(1, 6))
def test_whatever_guests_do_no_network_has_more_than_its_share_and_nothing_is_left_behind(
    steps: list[tuple[str, int, int]], places: int
) -> None:
    crowd, held = Crowd(places, SHARES), []
    for at, (deed, number, which) in enumerate(steps):
        if deed == "enter":
            address = IPv6Address((0x20010DB8 << 96) | (number % 3 << 80) | (number % 2 << 64) | which)
            place = crowd.enter(address, float(at))
            if place is not None:
                held.append((address, place))
        elif held:
            place = held[number % len(held)][1]
            place.waits(float(at)) if deed == "waits" else {"leave": place.leave, "served": place.served}[deed]()
        held = [(address, place) for address, place in held if place.held]
        assert len(crowd) == len(held) <= places
        for prefix, most in ((64, 2), (80, 4), (96, 8)):
            assert max(Counter(int(a) >> (128 - prefix) for a, _ in held).values(), default=0) <= most or prefix == 96
    for _, place in held:
        place.leave()
    assert len(crowd) == 0 and not crowd._held and not crowd._waiting


def test_before_the_first_guest_nothing_is_counted_and_nothing_is_due() -> None:
    """A graph of connections begins at none, or the first scrape behind a start shows guests who were never there."""
    tally = Tally()
    assert (tally.connections, dict(tally.counted)) == (0, {})
    assert tally.due(0.0) is None and tally.line(0.0) is None


def test_a_flood_is_told_at_once_and_then_once_a_minute_with_its_count() -> None:
    tally, said = Tally(), []
    for tenth in range(1205):
        tally.note("connections refused")
        if line := tally.line(tenth / 10):
            said.append((tenth // 10, line))
    assert said == [(0, "connections refused: 1"), (60, "connections refused: 600"), (120, "connections refused: 600")]
    assert tally.counted == {"connections refused": 1205}
    assert tally.due(121.0) == pytest.approx(59.0)
    assert tally.line(180.0) == "connections refused: 4"
    assert tally.due(180.0) is None and tally.line(1000.0) is None


def test_what_happens_together_is_told_together() -> None:
    tally = Tally()
    tally.note("b")
    tally.note("a")
    tally.note("a")
    assert tally.line(0.0) == "a: 2, b: 1"
