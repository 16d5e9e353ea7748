"""A name is a server's own only when it leads to the very address; asked of a scripted resolver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dns.resolver
import pytest
from dns.exception import Timeout

from dnsbl.addresses import parse_address
from dnsbl.daemons import names
from dnsbl.daemons.names import own_name
from tests.waiting import never


class Record:
    def __init__(self, said: str) -> None:
        self.address = said
        self.target = self
        self.said = said

    def to_text(self, omit_final_dot: bool) -> str:
        return self.said


class Scripted:
    def __init__(self, zone: Mapping[tuple[str, str], list[str]]) -> None:
        self.zone, self.asked = zone, 0

    async def resolve(self, name: str, kind: str, lifetime: float) -> list[Record]:
        self.asked += 1
        if name == "slow.test.":
            await never()
        if (name, kind) not in self.zone:
            raise Timeout
        return [Record(said) for said in self.zone[name, kind]]


PTR = "4.4.8.8.in-addr.arpa."


@pytest.mark.parametrize(
    ("said", "zone", "own"),
    [
        (("mx.host.test",), {("mx.host.test.", "A"): ["8.8.4.4"]}, "mx.host.test"),
        (("a.test", "b.test"), {("b.test.", "A"): ["8.8.1.1", "8.8.4.4"]}, "b.test"),
        # what it says is a third party's name
        (("mail.big.test",), {("mail.big.test.", "A"): ["192.0.2.1"]}, ""),
        # its reverse name says the same, and is no better: its owner writes that as well
        (("mail.big.test",), {("mail.big.test.", "A"): ["192.0.2.1"], (PTR, "PTR"): ["mail.big.test"]}, ""),
        # the reverse name leads back
        (("x.local",), {(PTR, "PTR"): ["out.host.test"], ("out.host.test.", "A"): ["8.8.4.4"]}, "out.host.test"),
        ((), {(PTR, "PTR"): ["out.host.test"], ("out.host.test.", "A"): ["8.8.4.4"]}, "out.host.test"),
        ((), {}, ""),
    ],
)
async def test_a_name_is_its_own_when_it_leads_to_it(
    said: tuple[str, ...], zone: dict[tuple[str, str], list[str]], own: str
) -> None:
    resolver: Any = Scripted(zone)
    assert await own_name(parse_address("8.8.4.4"), said, resolver) == own


async def test_ipv6_is_asked_for_ipv6() -> None:
    resolver: Any = Scripted({("mx.host.test.", "AAAA"): ["2001:db8::1"]})
    assert await own_name(parse_address("2001:db8::1"), ("mx.host.test",), resolver) == "mx.host.test"


async def test_so_many_questions_and_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver: Any = Scripted({(PTR, "PTR"): [f"{n}.many.test" for n in range(50)]})
    assert await own_name(parse_address("8.8.4.4"), tuple(f"{n}.test" for n in range(50)), resolver) == ""
    assert resolver.asked == 9
    monkeypatch.setattr(names, "PATIENCE", 0.05)
    assert await own_name(parse_address("8.8.4.4"), ("slow.test",), resolver) == ""


async def test_a_machine_without_a_resolver_knows_no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(names, "Resolver", none)
    assert await own_name(parse_address("8.8.4.4"), ("mx.host.test",)) == ""
