"""Turnstile and visitor: pure, with the time handed in."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.web.limits import MOST_HOPS, REGION, Quota, Turnstile, claims, visitor

PROXIES = (ip_network("10.0.0.0/8"), ip_network("2001:db8:1::/48"))


def test_an_hours_worth_passes_at_once_and_the_next_waits_for_its_share() -> None:
    turnstile = Turnstile(per_hour=30)
    assert [turnstile.wait("a", 0.0) for _ in range(30)] == [0.0] * 30
    assert turnstile.wait("a", 0.0) == pytest.approx(120.0)
    assert turnstile.wait("a", 119.0) == pytest.approx(1.0)
    assert turnstile.wait("a", 120.0) == 0.0


def test_one_neighbour_does_not_wait_for_another() -> None:
    turnstile = Turnstile(per_hour=1)
    assert turnstile.wait("a", 0.0) == 0.0
    assert turnstile.wait("a", 0.0) > 0.0
    assert turnstile.wait("b", 0.0) == 0.0


def test_a_refused_request_costs_nothing() -> None:
    turnstile = Turnstile(per_hour=1)
    turnstile.wait("a", 0.0)
    for _ in range(10):
        turnstile.wait("a", 1800.0)
    assert turnstile.wait("a", 3600.0) == 0.0


def test_memory_is_bounded_and_the_longest_unseen_is_forgotten() -> None:
    turnstile = Turnstile(per_hour=1, most=3)
    for key in "abc":
        turnstile.wait(key, 0.0)
    turnstile.wait("a", 1.0)
    turnstile.wait("d", 1.0)
    assert len(turnstile) == 3
    assert turnstile.wait("a", 1.0) > 0.0
    assert turnstile.wait("b", 1.0) == 0.0


@given(st.integers(1, 50), st.lists(st.floats(0, 7200), min_size=1, max_size=120))
def test_no_window_of_time_passes_more_than_its_share(per_hour: int, moments: list[float]) -> None:
    turnstile = Turnstile(per_hour=per_hour)
    moments.sort()
    passed = [at for at in moments if turnstile.wait("a", at) == 0.0]
    for n, first in enumerate(passed):
        for m in range(n, len(passed)):
            assert m - n + 1 <= per_hour * (1 + (passed[m] - first) / 3600) + 1e-6


def test_a_clock_that_steps_back_gives_nothing_away() -> None:
    turnstile = Turnstile(per_hour=1)
    turnstile.wait("a", 5000.0)
    assert turnstile.wait("a", 1000.0) == pytest.approx(3600.0)


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("192.0.2.7", "", "192.0.2.7"),
        ("192.0.2.7", "198.51.100.1", "192.0.2.7"),  # nobody vouches for this peer
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "203.0.113.66, 198.51.100.1", "198.51.100.1"),  # what the visitor claims is not believed
        ("10.0.0.1", "198.51.100.1, 10.9.9.9", "198.51.100.1"),  # two proxies in a row
        ("10.0.0.1", "rubbish", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("::ffff:10.0.0.1", "2001:db8:2::5", "2001:db8:2::5"),
        ("2001:db8:1::1", "[2001:db8:2::5]", "2001:db8:2::5"),
    ],
)
def test_forwarding_is_believed_from_trusted_proxies_only(peer: str, forwarded: str, expected: str) -> None:
    assert visitor(peer, forwarded, PROXIES) == ip_address(expected)


def test_a_peer_without_an_address_is_nobody() -> None:
    assert visitor("testclient", "198.51.100.1", PROXIES) is None


def test_a_long_chain_is_not_read_to_its_end() -> None:
    chain = ", ".join(["198.51.100.1"] + ["10.0.0.2"] * MOST_HOPS)
    assert visitor("10.0.0.1", chain, PROXIES) == ip_address("10.0.0.2")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["for=192.0.2.60;proto=http;by=203.0.113.43"], "192.0.2.60"),
        (['for="[2001:db8:cafe::17]:4711"'], "2001:db8:cafe::17"),
        (["for=203.0.113.66, for=198.51.100.17"], "198.51.100.17"),
        (["for=203.0.113.66", "for=198.51.100.17"], "198.51.100.17"),
        (["proto=https ; FOR=198.51.100.17"], "198.51.100.17"),
        (['for="198.51.100.17:80"'], "198.51.100.17"),
        (['for=203.0.113.66;by="a, for=198.51.100.1"'], "203.0.113.66"),
        (["for=203.0.113.66, for=unknown"], "10.0.0.1"),
        (["for=203.0.113.66, for=_hidden"], "10.0.0.1"),
        (["for=203.0.113.66, by=10.0.0.1"], "10.0.0.1"),
        (['for="203.0.113.66, 198.51.100.1"'], "10.0.0.1"),
        (['for="'], "10.0.0.1"),
        ([""], "10.0.0.1"),
    ],
)
def test_forwarded_is_read_as_its_standard_says(lines: list[str], expected: str) -> None:
    assert visitor("10.0.0.1", claims(lines, standard=True), PROXIES) == ip_address(expected)


@given(st.lists(st.text(alphabet='for=;,"[]:. 0123456789abx', max_size=80), max_size=4), st.booleans())
def test_whatever_proxies_are_made_to_say_somebody_is_the_visitor(lines: list[str], standard: bool) -> None:
    assert visitor("10.0.0.1", claims(lines, standard=standard), PROXIES) is not None


@pytest.mark.parametrize("claim", ["198.51.100.1:4711", "[2001:db8:2::5]:4711"])
def test_a_port_behind_the_address_is_let_pass(claim: str) -> None:
    assert str(visitor("10.0.0.1", claim, PROXIES)) in ("198.51.100.1", "2001:db8:2::5")


def test_a_region_has_a_share_that_its_networks_share() -> None:
    pace = Quota("x", quota=2, window=60)
    granted = [not pace.turn(ip_address(f"2001:db8:{n:x}::1"), 0.0).wait for n in range(2 * REGION + 3)]
    assert granted == [True] * 2 * REGION + [False] * 3
    assert not pace.turn(ip_address("2001:db9::1"), 0.0).wait


def test_a_turn_that_the_region_refuses_is_not_taken_from_the_network() -> None:
    pace = Quota("x", quota=2, window=60)
    for n in range(2 * REGION):
        pace.turn(ip_address(f"198.51.{n}.1"), 0.0)
    for _ in range(5):
        assert pace.turn(ip_address("198.51.100.1"), 0.0).wait == pytest.approx(30 / REGION)
    assert pace.turn(ip_address("198.51.100.1"), 30 / REGION).headers["RateLimit"] == '"x";r=1;t=30'


def test_what_costs_more_takes_more_and_what_costs_all_can_be_had_once() -> None:
    quota = Quota("gets", 20, 60)
    first = quota.turn(ip_address("192.0.2.1"), 0.0, cost=10)
    assert (first.wait, first.headers["RateLimit"]) == (0.0, '"gets";r=10;t=30')
    assert quota.turn(ip_address("192.0.2.2"), 0.0, cost=11).wait == pytest.approx(3.0)
    assert quota.turn(ip_address("192.0.2.2"), 0.0, cost=10).wait == 0.0
    assert quota.turn(ip_address("198.51.100.1"), 0.0, cost=1000).wait == 0.0
    assert quota.turn(ip_address("198.51.100.1"), 0.0).wait == pytest.approx(3.0)


def test_who_is_known_by_name_has_a_share_apart_from_every_network() -> None:
    quota = Quota("gets", 1, 60)
    assert quota.turn_of("joe", 0.0).wait == 0.0 == quota.turn_of("ann", 0.0).wait
    refused = quota.turn_of("joe", 0.0)
    assert refused.wait == pytest.approx(60.0) and refused.headers["RateLimit"] == '"gets";r=0;t=60'
    assert quota.turn(ip_address("192.0.2.1"), 0.0).wait == 0.0
