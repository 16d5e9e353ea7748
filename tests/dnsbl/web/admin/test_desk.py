"""What the operators' side works with."""

from __future__ import annotations

from collections.abc import Callable

from tests.dnsbl.web.admin.conftest import Side


def test_kinds_are_those_that_a_zone_publishes(side: Callable[..., Side]) -> None:
    assert side().desk.kinds() == ["manual", "multihop", "relay"]


def test_what_the_metrics_say_is_noted_with_its_time(side: Callable[..., Side]) -> None:
    desk = side().desk
    for at, count in ((0.0, 1), (10.0, 21)):
        desk.count(lambda count=count: f'dnsbl_dns_misses_total{{zone="z"}} {count}\n'.encode() + b"\xff", at)
    (row,) = desk.rates.rows()
    assert (row.zone, row.missed) == ("z", 2.0)
