"""Answers a second, out of metrics at two moments."""

from __future__ import annotations

import pytest

from dnsbl.web.admin.rates import FAILED, KEPT, MISSED, Rates, counts, spark


def page(hits: float = 0, misses: float = 0, refused: float = 0, zone: str = "relays.example") -> str:
    return (
        "# HELP dnsbl_dns_hits_total x\n"
        f'dnsbl_dns_hits_total{{kind="relay",zone="{zone}"}} {hits}\n'
        f'dnsbl_dns_hits_total{{kind="multihop",zone="{zone}"}} 1.5e+01\n'
        f'dnsbl_dns_misses_total{{type="A",zone="{zone}"}} {misses}\n'
        f'dnsbl_dns_replies_total{{rcode="REFUSED",transport="udp",type="A",zone="{zone}"}} {refused}\n'
        f'dnsbl_dns_replies_total{{rcode="NOERROR",transport="udp",type="A",zone="{zone}"}} 99.0\n'
        'dnsbl_dns_replies_total{rcode="REFUSED",transport="udp",type="A",zone=""} 7.0\n'
        'dnsbl_other_total{zone="x"} 5.0\n'
    )


def test_counts_are_read_by_zone_and_what_came_of_it() -> None:
    found = counts(page(10, 20, 3))
    zone = "relays.example"
    assert found == {(zone, "relay"): 10, (zone, "multihop"): 15, (zone, MISSED): 20, (zone, FAILED): 3}
    assert counts("") == {} == counts("nonsense\x00{}")


def test_rates_are_of_the_last_two_looks_and_the_trend_is_of_all() -> None:
    rates = Rates()
    assert rates.due(0) and rates.rows() == []
    rates.note(0, page())
    assert not rates.due(10) and rates.due(30) and rates.rows() == []
    rates.note(10, page(100, 50, 10))
    (row,) = rates.rows()
    assert (row.zone, row.listed, row.missed, row.failed) == ("relays.example", 10, 5, 1)
    assert row.kinds == {"relay": 10, "multihop": 0} and row.trend == ""
    rates.note(20, page(100, 50, 10))
    (row,) = rates.rows()
    assert row.listed == 0 and row.trend.startswith("M0.0 2.0L")


def test_a_node_that_began_anew_counts_from_nought() -> None:
    rates = Rates()
    rates.note(0, page(1000))
    rates.note(10, page(20))
    assert rates.rows()[0].kinds["relay"] == 2


def test_what_is_kept_has_an_end_and_looks_at_one_moment_are_no_rate() -> None:
    rates = Rates()
    for second in range(0, int(KEPT) * 2, 30):
        rates.note(second, page(second))
    assert rates.rows()[0].trend.count("L") <= KEPT / 30
    rates = Rates()
    rates.note(5, page(1))
    rates.note(5, page(9))
    assert rates.rows() == []


@pytest.mark.parametrize(("values", "path"), [([], ""), ([1], ""), ([0, 0], "M0.0 22.0L100.0 22.0")])
def test_a_line_needs_two_points(values: list[float], path: str) -> None:
    assert spark(values) == path
