"""A name is a server's own only when it leads to the very address; asked of a scripted resolver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dns.resolver
import pytest
from dns.exception import Timeout
from dns.resolver import NXDOMAIN

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


HOST, TWIN, OTHER = parse_address("8.8.4.4"), parse_address("2606::1"), parse_address("2606::2")
TWIN_PTR = f"{TWIN.reverse_pointer}."
BOTH = {("mx.host.test.", "A"): ["8.8.4.4"], ("mx.host.test.", "AAAA"): ["2606::1", "2606::2"]}


@pytest.mark.parametrize(
    ("said", "zone", "found"),
    [
        (("mx.host.test",), BOTH, (TWIN, OTHER)),
        ((), BOTH | {(PTR, "PTR"): ["mx.host.test"]}, (TWIN, OTHER)),
        ((), BOTH, ()),
        # a name that does not lead back to the address tells nothing of it, whomever else it leads to
        (("mx.host.test",), {("mx.host.test.", "A"): ["8.8.8.8"], ("mx.host.test.", "AAAA"): ["2606::1"]}, ()),
    ],
)
async def test_candidates_are_what_a_name_leads_to_that_leads_back(
    said: tuple[str, ...], zone: dict[tuple[str, str], list[str]], found: tuple[object, ...]
) -> None:
    assert await names.twins(HOST, said, Scripted(zone)) == found  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "zone", "name"),
    [
        ((), BOTH | {(TWIN_PTR, "PTR"): ["mx.host.test"]}, "mx.host.test"),
        (("mx.host.test",), BOTH, "mx.host.test"),
        # somebody's name leads to it, but it does not call itself so
        ((), BOTH, ""),
        ((), BOTH | {(TWIN_PTR, "PTR"): ["victim.test"], ("victim.test.", "AAAA"): ["2606::1"]}, ""),
        # it calls itself so, but the name leads to one of them alone
        (("a.test",), {("a.test.", "AAAA"): ["2606::1"]}, ""),
    ],
)
async def test_two_addresses_are_one_machine_when_a_name_of_the_one_leads_to_both(
    said: tuple[str, ...], zone: dict[tuple[str, str], list[str]], name: str
) -> None:
    assert await names.shared(TWIN, HOST, said, Scripted(zone)) == name  # type: ignore[arg-type]


async def test_of_a_name_that_leads_to_a_thousand_addresses_a_few_are_candidates() -> None:
    many = {("mx.host.test.", "A"): ["8.8.4.4"], ("mx.host.test.", "AAAA"): [f"2606::{n:x}" for n in range(1000)]}
    found = await names.twins(HOST, ("mx.host.test",), Scripted(many))  # type: ignore[arg-type]
    assert len(found) == names.CANDIDATES


async def test_nobody_is_asked_about_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "Resolver", never)
    assert await names.twins(parse_address("127.0.0.1"), ("mx.host.test",)) == ()
    assert await names.shared(parse_address("::1"), HOST, ("mx.host.test",)) == ""


async def test_texts_at_a_name_are_read_and_what_nobody_could_tell_is_not_nothing() -> None:
    class Answers:
        def __init__(self, what: object) -> None:
            self.what = what

        async def resolve(self, name: str, rtype: str, **_: object) -> object:
            if isinstance(self.what, Exception):
                raise self.what
            return self.what

    class Record:
        strings = (b"relays.", b"example.org")

    class Found:
        rrset = [Record()] * 30

    class Nothing:
        rrset = None

    assert await names.texts("x.test", Answers(Found())) == ["relays.example.org"] * names.TEXTS
    assert await names.texts("x.test", Answers(Nothing())) == []
    assert await names.texts("x.test", Answers(NXDOMAIN())) == []
    assert await names.texts("x.test", Answers(Timeout())) is None


async def test_the_addresses_of_a_host_name_are_few_and_what_nobody_could_tell_is_none() -> None:
    class Found:
        def __init__(self, *addresses: str) -> None:
            self.rrset = [Record(each) for each in addresses]

    class Answers:
        def __init__(self, **said: Any) -> None:
            self.said, self.asked = said, []

        async def resolve(self, name: str, kind: str, **more: Any) -> Any:
            self.asked.append(name)
            answer = self.said[kind]
            if isinstance(answer, Exception):
                raise answer
            return answer

    both = Answers(A=Found("192.0.2.9", "192.0.2.1"), AAAA=Found("2001:db8::1"))
    assert await names.addresses_of("mx.test", both) == [
        parse_address(each) for each in ("192.0.2.1", "192.0.2.9", "2001:db8::1")
    ]
    assert both.asked == ["mx.test.", "mx.test."], "no search list is tried"
    many = Answers(A=Found(*(f"192.0.2.{n}" for n in range(99))), AAAA=Found())
    assert len(await names.addresses_of("mx.test", many) or ()) == names.ADDRESSES
    assert await names.addresses_of("mx.test", Answers(A=NXDOMAIN())) == []
    assert await names.addresses_of("mx.test", Answers(A=Found(), AAAA=Found())) == []
    assert await names.addresses_of("mx.test", Answers(A=Found("192.0.2.1"), AAAA=Timeout())) is None
    assert await names.addresses_of("a..b", Answers(A=ValueError())) is None


def test_several_names_are_asked_for_at_once_also_where_no_loop_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    async def told(name: str) -> list[Any]:
        return [name]

    monkeypatch.setattr(names, "addresses_of", told)
    assert names.addresses_now(["a.test", "b.test"]) == [["a.test"], ["b.test"]]
