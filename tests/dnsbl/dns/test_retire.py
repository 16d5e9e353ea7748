"""The end of a list harms nobody: notice, a plan, and a delegation that leads nowhere."""

from __future__ import annotations

from datetime import date, timedelta
from ipaddress import ip_address, ip_network

import dnslib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.dns import retire, wire
from dnsbl.dns.listed.table import Table
from dnsbl.dns.respond import Serving, respond
from dnsbl.dns.zonefile import read_zone, zones_from
from dnsbl.dns.zones import STATUS, Zone
from dnsbl.errors import SettingsError
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
    assert [day - end for day, what in steps if "empties itself" in what] == [timedelta(0)]
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


ZONE = """# A zone.
origin = "bl.example"  # the name
ns = ["ns.example.org"]

[soa]
mname = "ns.example.org"
rname = "h.example.org"
[kinds.relay]
code = "127.0.0.2"
txt = "x"
"""


def test_the_day_is_written_into_the_zone_file_and_out_of_it_and_nothing_else_changes() -> None:
    dated = retire.dated(ZONE, date(2027, 1, 31))
    assert read_zone(dated, "z", site="https://s").retires == date(2027, 1, 31)
    assert retire.dated(dated, None) == ZONE
    assert retire.dated(retire.dated(dated, date(2028, 1, 1)), None) == ZONE


@pytest.mark.parametrize("text", ['"origin" = "bl.example"\n', '[soa]\nmname = "x"\n', 'txt = """\norigin = 5\n"""\n'])
def test_a_file_of_a_form_that_is_not_known_is_left_alone(text: str) -> None:
    with pytest.raises(ValueError, match="zone file"):
        retire.dated(text, date(2027, 1, 31))


def status(zone: Zone) -> str:
    return zone.static[(STATUS,)][wire.TXT][1][0][1:].decode()


def test_a_zone_says_that_it_is_alive_that_it_ends_and_that_it_is_over() -> None:
    dated = retire.dated(ZONE, date(2027, 1, 31))

    def on(text: str, today: date | None) -> Zone:
        return read_zone(text, "z", site="https://s", today=today)

    assert status(on(ZONE, date(2030, 1, 1))) == "state=alive more=https://s/policy"
    assert status(on(dated, date(2027, 1, 30))) == "state=retiring ends=2027-01-31 more=https://s/policy"
    assert status(on(dated, None)) == "state=retiring ends=2027-01-31 more=https://s/policy"
    assert status(on(dated, date(2027, 1, 31))) == "state=ended since=2027-01-31 more=https://s/policy"


def test_nobody_else_says_how_a_zone_stands() -> None:
    with pytest.raises(SettingsError, match="says by itself"):
        read_zone(ZONE + '[[records]]\nname = "_status"\ntype = "TXT"\ndata = "x"\n', "z", site="https://s")


def test_the_day_itself_changes_the_digest_and_is_seen_by_whoever_looks() -> None:
    dated = retire.dated(ZONE, date(2027, 1, 31))
    before = zones_from({"z": dated}, site="https://s", today=date(2027, 1, 30))
    after = zones_from({"z": dated}, site="https://s", today=date(2027, 1, 31))
    assert before.digest != after.digest, "secondaries get a new serial"
    assert before.stand(date(2027, 1, 30))
    assert not before.stand(date(2027, 1, 31))
    assert after.stand(date(2027, 1, 31))
    assert not after.stand(date(2027, 1, 30))


@given(st.lists(st.sampled_from(["1", "2", "127", "0", "9", "f", "relay", "_status", "*", "b"]), max_size=33))
def test_a_zone_that_is_over_lists_nothing_whatever_is_asked_on_both_engines(labels: list[str]) -> None:
    over = zones_from({"z": retire.dated(ZONE, date(2027, 1, 31))}, site="https://s", today=date(2027, 2, 1))
    rows = [(ip_network(n), "relay") for n in ("127.0.0.0/8", "1.0.0.0/8", "192.0.2.0/24", "::ffff:0:0/96")]
    name = ".".join([*labels, "bl.example"])
    packet = bytes(dnslib.DNSRecord.question(name, "A").pack())
    serving = Serving(over, Table.of(rows, serial=1))
    replied = respond(packet, bytes(4), 0.0, serving, tcp=False)
    if replied.packet is not None:
        assert not dnslib.DNSRecord.parse(replied.packet).rr
    for address in map(ip_address, ("127.0.0.2", "1.2.3.4", "192.0.2.9")):
        assert over.codes_of(address, ["relay"]) == {"bl.example": []}
