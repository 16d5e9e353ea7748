"""The end of a list harms nobody: notice, a plan, and a delegation that leads nowhere."""

from __future__ import annotations

from datetime import date, timedelta
from ipaddress import ip_address, ip_network

import pytest

from dnsbl.dns import retire
from tests.dnsbl.dns.test_zonefile import zone

TODAY = date(2026, 1, 31)
#: RFC 5737 and RFC 3849.
DOCUMENTATION = [ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")]


@pytest.mark.parametrize(
    ("days", "said"),
    [(-1, "is not in the future"), (0, "is not in the future"), (1, "less than 30 days"), (29, "less than 30 days")],
)
def test_the_end_needs_a_months_notice(days: int, said: str) -> None:
    assert said in retire.too_soon(TODAY, TODAY + timedelta(days=days))
    assert retire.too_soon(TODAY, TODAY + timedelta(days=30)) == ""


def test_the_announcement_names_list_zone_day_and_whom_to_ask() -> None:
    who = {"name": "The List", "contact": "us@example.org", "website": "https://l.example"}
    text = retire.announcement(zone(), **who, today=TODAY, end=date(2026, 4, 1))
    for word in (*who.values(), zone().origin, "2026-04-01", "2026-01-31"):
        assert word in text


def test_the_plan_begins_with_the_notice_empties_the_list_before_it_switches_off_and_keeps_the_domain() -> None:
    end = date(2026, 4, 1)
    steps = retire.plan(zone(), end=end)
    assert [day for day, _ in steps] == sorted(day for day, _ in steps)
    assert steps[0][0] == end - timedelta(days=retire.NOTICE)
    assert [day - end for day, what in steps if "drop all listings" in what] == [timedelta(0)]
    switched = next(day for day, what in steps if "switch the name servers off" in what)
    asked = next(day for day, what in steps if "dead delegation" in what)
    assert switched - asked >= timedelta(seconds=retire.DEAD_TTL), "no resolver holds the living delegation any more"
    assert "domain" in steps[-1][1]


def test_the_dead_delegation_leads_to_documentation_addresses_alone() -> None:
    records = [line.split() for line in retire.delegation(zone()).splitlines()]
    servers = {record[4] for record in records if record[3] == "NS"}
    places = {record[0]: (record[3], ip_address(record[4])) for record in records if record[3] != "NS"}
    assert servers == places.keys()
    assert len(servers) == 4
    for rtype, address in places.values():
        assert rtype == ("A" if address.version == 4 else "AAAA")
        assert any(address.version == network.version and address in network for network in DOCUMENTATION)
    assert {record[1] for record in records} == {str(retire.DEAD_TTL)}
