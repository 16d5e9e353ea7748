"""Other lists, asked over real sockets on loopback: good ones, dead ones, and those that must not be believed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from ipaddress import ip_address, ip_network
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from dnsbl.clock import HandClock
from dnsbl.daemons.others import OtherLists
from dnsbl.dns.listed.table import Table
from dnsbl.dns.zonefile import zones_from
from dnsbl.rules.others import Ailment
from dnsbl.serving.responder import Responder
from dnsbl.settings import Dns, OtherTerms

BAD4, BAD6, FINE = ip_address("203.0.113.9"), ip_address("2001:db8::9"), ip_address("203.0.113.10")
_TEST6, _NEVER6 = (f"{n}.0.0.0.0.0.f.7.f.f.f.f" + ".0" * 20 for n in "21")
_BAD6 = "9" + ".0" * 23 + ".8.b.d.0.1.0.0.2"
#: What each list says: by the labels before its zone; "*" is for all others. A code, a list of codes, or an RCODE.
ZONES: dict[str, dict[str, Any]] = {
    "good.test": {
        "2.0.0.127": "127.0.0.2",
        _TEST6: "127.0.0.2",
        "9.113.0.203": ["127.0.0.4", "127.0.0.2"],
        _BAD6: "127.0.0.3",
    },
    "ipv4.test": {"2.0.0.127": "127.0.0.2", "9.113.0.203": "127.0.0.2"},
    "world.test": {"*": "127.0.0.2"},
    "sold.test": {"*": "192.0.2.80"},
    "codes.test": {"*": "127.255.255.254"},
    "late-codes.test": {"2.0.0.127": "127.0.0.2", "9.113.0.203": ["127.0.0.2", "127.255.255.255"]},
    "many-codes.test": {
        "2.0.0.127": "127.0.0.2",
        "9.113.0.203": [*(f"127.0.0.{n}" for n in range(2, 22)), "127.255.255.254"],
        "10.113.0.203": [f"127.0.0.{n}" for n in range(2, 22)],
    },
    "late-stray.test": {"2.0.0.127": "127.0.0.2", "9.113.0.203": ["10.0.0.1"]},
    "empty.test": {},
    "refused.test": {"*": dns.rcode.REFUSED},
    "lame.test": {"*": dns.rcode.SERVFAIL},
    "silent.test": {"*": None},
    "nodata.test": {"2.0.0.127": "127.0.0.2", "9.113.0.203": []},
}


class Resolver(asyncio.DatagramProtocol):
    """A resolver that knows these lists and nothing else."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, peer: Any) -> None:
        query = dns.message.from_wire(data)
        name = query.question[0].name.to_text(omit_final_dot=True).lower()
        self.asked.append(name)
        reply = dns.message.make_response(query, recursion_available=True)
        zone = next((zone for zone in ZONES if name == zone or name.endswith(f".{zone}")), None)
        rows = ZONES.get(zone or "", {})
        said = rows.get(name.removesuffix(f".{zone}"), rows.get("*", "none"))
        if said is None:
            return
        if name == zone and not isinstance(said, int):
            said = []  # its SOA was asked for
        if zone is None or said == "none":
            reply.set_rcode(dns.rcode.NXDOMAIN)
        elif isinstance(said, int):
            reply.set_rcode(dns.rcode.from_text(dns.rcode.to_text(said)))
        else:
            kind = query.question[0].rdtype
            codes = [said] if isinstance(said, str) else said
            values = ['"see \\007 https://good.test/"'] if kind == dns.rdatatype.TXT else codes
            if values and codes:
                reply.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", kind, *values))
        self.transport.sendto(reply.to_wire(), peer)


@pytest.fixture
async def resolver() -> AsyncIterator[tuple[Resolver, str]]:
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        Resolver, local_addr=("127.0.0.1", 0)
    )
    yield protocol, f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    transport.close()


Ask = Callable[..., OtherLists]


@pytest.fixture
def lists(resolver: tuple[Resolver, str]) -> Ask:
    def made(*rows: str, clock: HandClock | None = None, **terms: Any) -> OtherLists:
        told = {"lists": rows, "servers": [resolver[1]], "seconds": 2} | terms
        return OtherLists(OtherTerms.model_validate(told), clock or HandClock())

    return made


async def test_a_good_list_says_yes_or_no_in_both_families(lists: Ask) -> None:
    found = await lists("good.test").ask([BAD4, BAD6, FINE])
    [bad4], [bad6], [fine] = found[BAD4], found[BAD6], found[FINE]
    assert (bad4.listed, bad4.codes) == (True, ("127.0.0.2", "127.0.0.4"))
    assert (bad6.listed, bad6.codes) == (True, ("127.0.0.3",))
    assert (fine.listed, fine.codes, fine.text) == (False, (), "")
    assert bad4.text == "see \\x07 https://good.test/", "the text of strangers is not escaped"
    assert bad4.sentence == "good.test lists it (127.0.0.2, 127.0.0.4)."


@pytest.mark.parametrize(
    ("zone", "trouble", "words"),
    [
        ("gone.test", Ailment.GONE, "no such zone"),
        ("empty.test", Ailment.EMPTY, "does not list its test point 127.0.0.2"),
        ("world.test", Ailment.WORLD, "lists 127.0.0.1, and so the whole world"),
        ("sold.test", Ailment.STRAY, "192.0.2.80"),
        ("codes.test", Ailment.CODES, "127.255.255.254"),
        ("late-codes.test", Ailment.CODES, "127.255.255.255"),
        ("many-codes.test", Ailment.CODES, "(127.255.255.254, 127.0.0.2, "),
        ("late-stray.test", Ailment.STRAY, "10.0.0.1"),
        ("refused.test", Ailment.REFUSED, "refuses"),
        ("lame.test", Ailment.FAILING, "errors"),
    ],
)
async def test_a_list_that_must_not_be_believed_is_named_with_a_sentence_and_lists_nobody(
    lists: Ask, zone: str, trouble: Ailment, words: str
) -> None:
    [said] = (await lists(zone).ask([BAD4]))[BAD4]
    assert (said.zone, said.listed, said.codes, said.trouble) == (zone, None, (), trouble)
    assert said.sentence.startswith(f"{zone} ") and words in said.sentence


async def test_a_list_of_ipv4_alone_says_nothing_about_ipv6(lists: Ask) -> None:
    found = await lists("ipv4.test").ask([BAD4, BAD6])
    assert found[BAD4][0].listed is True
    assert (found[BAD6][0].listed, found[BAD6][0].trouble) == (None, Ailment.EMPTY)
    assert "::ffff:7f00:2" in found[BAD6][0].sentence


async def test_a_name_without_an_address_is_no_listing(lists: Ask) -> None:
    assert (await lists("nodata.test").ask([BAD4]))[BAD4][0].listed is False


async def test_silence_is_bounded_and_keeps_nobody_else_waiting(lists: Ask) -> None:
    async with asyncio.timeout(2):
        silent, good = (await lists("silent.test", "good.test", seconds=0.3).ask([BAD4]))[BAD4]
    assert (silent.listed, silent.trouble) == (None, Ailment.SILENT)
    assert good.listed is True


async def test_a_list_that_does_not_work_is_asked_nothing_else_and_looked_at_again_later(
    lists: Ask, resolver: tuple[Resolver, str]
) -> None:
    clock = HandClock()
    asked = lists("world.test", "good.test", clock=clock, remember=600)
    await asked.ask([BAD4])
    assert "9.113.0.203.world.test" not in resolver[0].asked
    resolver[0].asked.clear()
    await asked.ask([FINE])
    assert resolver[0].asked == ["10.113.0.203.good.test"], "test points are asked about each time"
    clock.turn(seconds=601)
    resolver[0].asked.clear()
    asked._cache.flush()
    await asked.ask([FINE])
    assert "2.0.0.127.world.test" in resolver[0].asked


async def test_only_the_answers_that_are_asked_for_count(lists: Ask) -> None:
    rows = ("good.test 127.0.0.4-127.0.0.9", "late-codes.test 127.0.0.2", "ipv4.test &1")
    ranged, codes, masked = (await lists(*rows).ask([BAD4]))[BAD4]
    assert (ranged.listed, ranged.codes) == (True, ("127.0.0.4",))
    assert codes.trouble is Ailment.CODES, "an error code passes for a listing where a code beside it counts"
    [late] = (await lists("many-codes.test 127.0.0.20-127.0.0.21").ask([FINE]))[FINE]
    assert late.codes == ("127.0.0.20", "127.0.0.21"), "what counts is lost behind many others"
    assert (masked.listed, masked.trouble) == (False, None)
    assert "not asked for here" in masked.sentence


async def test_our_own_responder_is_a_good_list() -> None:
    zone = """
origin = "bl.test"
ns = ["ns.example.net"]
[soa]
mname = "ns.example.net"
rname = "hostmaster.example.net"
[kinds.relay]
code = "127.0.0.2"
txt = "relay {address}"
"""
    listed = Table.of([(ip_network("203.0.113.9"), "relay"), (ip_network("2001:db8::9"), "relay")], serial=1)
    responder = Responder(Dns(listen=("127.0.0.1:0",)), zones_from({"bl": zone}, site="https://site.example"))
    responder.table = listed
    [(host, port)] = await responder.start()
    try:
        terms = OtherTerms.model_validate({"lists": ["bl.test"], "servers": [f"{host}:{port}"]})
        found = await OtherLists(terms, HandClock()).ask([BAD4, BAD6, FINE])
    finally:
        await responder.close()
    assert [found[address][0].listed for address in (BAD4, BAD6, FINE)] == [True, True, False]
    assert found[BAD4][0].text == "relay 203.0.113.9"


async def test_many_addresses_are_asked_about_beside_each_other(lists: Ask) -> None:
    many = [ip_address(f"203.0.113.{n}") for n in range(200)]
    found = await lists("good.test", "ipv4.test").ask(many)
    assert [str(address) for address in many if found[address][0].listed] == ["203.0.113.9"]


async def test_nobody_is_asked_where_no_list_is_configured(lists: Ask, resolver: tuple[Resolver, str]) -> None:
    nobody = lists()
    assert not nobody.on
    assert await nobody.ask([BAD4]) == {BAD4: ()}
    assert resolver[0].asked == []
