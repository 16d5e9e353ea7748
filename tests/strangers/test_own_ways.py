"""What our own machine says, and what its packet filter does, when it does not let us dial: a real kernel.

What its routes and rules say is told from what a host says, since it comes at once. What its filter says is not, and
that is held here too: a newer kernel that lets us tell it would be good news.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from lab import RELAY, TESTER6, Lab
from worlds import world

from tester.errors import Undialled
from tester.knocking import Knocker, no_way
from tester.smtp import Outcome

RELAY6 = "2001:db8::7"
#: Of no prefix of the lab: there is no way to it.
FAR, FAR6 = "203.0.113.5", "2001:db9::5"


@pytest.fixture(scope="module")
def us(lab: Lab) -> Lab:
    """The lab, with IPv6."""
    for host, address in (("us", TESTER6), ("relay", RELAY6)):
        lab.add_ipv6(host, address)
    return lab


async def _knocked(address: IPv4Address | IPv6Address) -> Outcome:
    found = await Knocker(1.5).knock(address, 25)
    assert isinstance(found, Outcome)
    return found


def knocked(lab: Lab, address: IPv4Address | IPv6Address) -> Outcome:
    with lab.inside("us"):
        return asyncio.run(_knocked(address))


@contextmanager
def route(lab: Lab, address: str, kind: str) -> Iterator[None]:
    family = "-6" if ":" in address else "-4"
    lab.run("us", ["ip", family, "route", "add", kind, address])
    try:
        yield
    finally:
        lab.run("us", ["ip", family, "route", "del", kind, address])


@pytest.mark.parametrize("far", [FAR, FAR6])
@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("", errno.ENETUNREACH),
        ("unreachable", errno.EHOSTUNREACH),
        ("prohibit", errno.EACCES),
        ("blackhole", errno.EINVAL),
        ("throw", errno.ENETUNREACH),
    ],
)
def test_what_our_own_routes_say_is_said_of_no_host(us: Lab, far: str, kind: str, number: int) -> None:
    def told() -> None:
        with pytest.raises(Undialled) as raised:
            knocked(us, ip_address(far))
        assert raised.value.errno == number
        with us.inside("us"):
            assert no_way(ip_address(far))
            assert not no_way(ip_address(RELAY if ":" not in far else RELAY6))

    if not kind:
        told()
        return
    with route(us, far, kind):
        told()


@pytest.mark.parametrize(("kind", "number"), [("unreachable", errno.ENETUNREACH), ("prohibit", errno.EACCES)])
def test_what_our_own_rules_say_is_said_of_no_host(us: Lab, kind: str, number: int) -> None:
    us.run("us", ["ip", "rule", "add", "to", RELAY, "type", kind])
    try:
        with pytest.raises(Undialled) as raised:
            knocked(us, ip_address(RELAY))
        assert raised.value.errno == number
    finally:
        us.run("us", ["ip", "rule", "del", "to", RELAY])


def filtered(lab: Lab, version: int, verdict: str) -> None:
    """Have the packet filter of our own machine do this with what goes to port 25, or without a verdict nothing."""
    rules = "flush ruleset\n"
    if verdict:
        rules = (
            "add table inet own\nflush table inet own\n"
            "add chain inet own out { type filter hook output priority 0; }\n"
            f"add rule inet own out meta nfproto ipv{version} tcp dport 25 {verdict}\n"
        )
    lab.run("us", world(lab, "us", "nftables", "nft -f /etc/own.nft", {"etc/own.nft": rules}))


@pytest.mark.parametrize(
    ("version", "verdict", "outcome"),
    [
        *((version, "drop", Outcome.CONN_TIMEOUT) for version in (4, 6)),
        *((version, "reject with tcp reset", Outcome.CONN_REFUSED) for version in (4, 6)),
        *(
            (4, f"reject with icmp type {kind}", outcome)
            for kind, outcome in (
                ("net-unreachable", Outcome.CONN_UNREACH),
                ("host-unreachable", Outcome.CONN_UNREACH),
                ("prot-unreachable", Outcome.CONN_UNREACH),
                ("port-unreachable", Outcome.CONN_REFUSED),
                ("net-prohibited", Outcome.CONN_UNREACH),
                ("host-prohibited", Outcome.CONN_UNREACH),
                ("admin-prohibited", Outcome.CONN_UNREACH),
            )
        ),
        *(
            (6, f"reject with icmpv6 type {kind}", outcome)
            for kind, outcome in (
                ("no-route", Outcome.CONN_UNREACH),
                ("admin-prohibited", Outcome.CONN_UNREACH),
                ("addr-unreachable", Outcome.CONN_UNREACH),
                ("port-unreachable", Outcome.CONN_REFUSED),
                ("policy-fail", Outcome.CONN_UNREACH),
                ("reject-route", Outcome.CONN_UNREACH),
            )
        ),
    ],
)
def test_a_packet_filter_of_our_own_cannot_be_told_from_one_on_the_way(
    us: Lab, version: int, verdict: str, outcome: Outcome
) -> None:
    filtered(us, version, verdict)
    try:
        assert knocked(us, ip_address(RELAY if version == 4 else RELAY6)) is outcome
    finally:
        filtered(us, version, "")


def test_a_cable_that_is_out_is_said_of_no_host(us: Lab) -> None:
    us.run("us", ["ip", "link", "set", "eth0", "down"])
    for far in (RELAY, RELAY6):
        with pytest.raises(Undialled) as raised:
            knocked(us, ip_address(far))
        assert raised.value.errno == errno.ENETUNREACH
