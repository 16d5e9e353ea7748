"""Names of tests: our collector comes first, the host after it, by address and by its own name."""

from __future__ import annotations

from ipaddress import ip_address

import dns.flags
import dns.message
import dns.rcode
import pytest

from dnsbl.dns.listed.table import Table
from dnsbl.dns.pairs import paired
from dnsbl.dns.respond import Serving, respond
from dnsbl.dns.zonefile import zones_from
from dnsbl.dns.zones import Zones
from dnsbl.model import MxPair
from tests.dnsbl.serving.served import ZONE

PAIRS = [
    MxPair(label="t1", address=ip_address("192.0.2.25"), name="mx.host.example"),
    MxPair(label="t2", address=ip_address("2001:db8::25"), name=""),
]


def serving() -> Serving:
    [like] = zones_from({"bl.toml": ZONE}, site="https://site.example")
    own = paired("m.example", PAIRS, collector="in.example.net", like=like)
    return Serving(zones=Zones((like, own)), table=Table.of([]))


def ask(name: str, kind: str) -> dns.message.Message:
    said = respond(dns.message.make_query(name, kind).to_wire(), bytes(4), 0.0, serving(), tcp=True).packet
    assert said is not None
    return dns.message.from_wire(said)


def records(name: str, kind: str) -> list[str]:
    answer = ask(name, kind)
    assert answer.flags & dns.flags.AA
    return sorted(record.to_text() for rrset in answer.answer for record in rrset)


def test_the_collector_is_asked_before_the_host() -> None:
    assert records("t1.m.example", "MX") == ["10 in.example.net.", "20 host.t1.m.example.", "20 mx.host.example."]
    assert records("t2.m.example", "MX") == ["10 in.example.net.", "20 host.t2.m.example."]


@pytest.mark.parametrize(
    ("name", "kind", "there"),
    [
        ("host.t1.m.example", "A", ["192.0.2.25"]),
        ("host.t1.m.example", "AAAA", []),
        ("host.t2.m.example", "AAAA", ["2001:db8::25"]),
        ("m.example", "NS", ["ns.example.net."]),
        ("t1.m.example", "A", []),
    ],
)
def test_the_host_has_the_address_that_is_tested(name: str, kind: str, there: list[str]) -> None:
    assert records(name, kind) == there
    assert ask(name, kind).rcode() == dns.rcode.NOERROR


@pytest.mark.parametrize("name", ["t3.m.example", "host.m.example", "2.0.0.127.m.example", "x.t1.m.example"])
def test_nothing_else_is_there(name: str) -> None:
    for kind in ("A", "MX", "TXT"):
        answer = ask(name, kind)
        assert (answer.rcode(), answer.answer) == (dns.rcode.NXDOMAIN, [])
        assert answer.authority[0].ttl == 1  # it may be there in a moment
