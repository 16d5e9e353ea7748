"""By when every cache has let go, by the zones as they were and are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dnsbl.dns.clearing import MOST, Clearing
from dnsbl.dns.zonefile import zones_from
from dnsbl.dns.zones import Zones

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KINDS = ["relay"]


def zones(ttl: int) -> Zones:
    text = f"""
origin = "bl.test"
ns = ["ns.example.net"]
ttl = {ttl}
[soa]
mname = "ns.example.net"
rname = "h.bl.test"
refresh = 1000
[kinds.relay]
code = "127.0.0.2"
txt = "x"
"""
    return zones_from({"z.toml": text}, site="http://x")


def at(clearing: Clearing, **after: float) -> float:
    return clearing(KINDS, NOW + timedelta(**after)).total_seconds()


def test_the_longest_ttl_counts_and_with_secondaries_the_refresh_before_it() -> None:
    assert at(Clearing(zones(300), refresh=False)) == 300
    assert at(Clearing(zones(300), refresh=True)) == 1300
    assert Clearing(zones(300), refresh=True)(["other"], NOW) == timedelta(0)


def test_after_a_reload_the_new_ttl_counts_for_what_ends_then_and_the_old_one_for_what_was_said_before() -> None:
    clearing = Clearing(zones(3600), refresh=False)
    clearing.change(zones(60), NOW)
    assert at(clearing, seconds=10) == 3590, "said just before the reload"
    assert at(clearing, seconds=3590) == 60
    assert at(clearing, seconds=-5) == 3600, "what had ended before goes by what was said then"
    clearing.change(zones(7200), NOW + timedelta(hours=2))
    assert at(clearing, hours=2) == 7200
    assert at(clearing, hours=1.5) == 60


def test_many_reloads_cost_no_memory() -> None:
    clearing = Clearing(zones(60), refresh=False)
    for hour in range(2 * MOST):
        clearing.change(zones(60), NOW + timedelta(hours=hour))
    assert len(clearing._before) == MOST
    assert at(clearing, hours=3 * MOST) == 60
