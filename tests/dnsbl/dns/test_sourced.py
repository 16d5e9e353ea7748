from ipaddress import ip_address, ip_network

import dnslib
import pytest

from dnsbl.dns import sourced, wire
from dnsbl.dns.guard import rules_of
from dnsbl.dns.listed.table import Table
from dnsbl.dns.respond import Serving, respond
from dnsbl.dns.sources.reading import read
from dnsbl.dns.zonefile import read_zone, zones_from
from dnsbl.dns.zones import Zone, Zones
from dnsbl.settings import ClientRule

NEWEST = 1_700_000_000
CLIENT = ip_address("192.0.2.1").packed
MIXED = """
origin = "bl.test"
ns = ["ns.test"]
[soa]
mname = "ns.test"
rname = "hostmaster.test"
[kinds.relay]
code = "127.0.0.2"
txt = "relay {address}"
ttl = 600
[[sources]]
type = "ip4set"
files = ["f"]
"""


class World:
    """A zone and what its sources hold."""

    def __init__(
        self, *sources: tuple[str, bytes], zone: str = 'origin = "bl.test"\n', table: Table | None = None
    ) -> None:
        for form, _ in sources if "[[sources]]" not in zone else ():
            zone += f'[[sources]]\ntype = "{form}"\nfiles = ["f"]\n'
        self.zone: Zone = read_zone(zone, "bl.toml", site="https://site.test")
        contents = [read(form, [("f", text)], now=NEWEST) for form, text in sources]
        held = sourced.gathered(self.zone, contents, NEWEST)
        self.serving = Serving(Zones((self.zone,)), table, sourced={"bl.test": held})

    def ask(self, name: str, qtype: str = "A", client: bytes = CLIENT) -> dnslib.DNSRecord:
        packet = dnslib.DNSRecord.question(name, qtype).pack()
        said = respond(bytes(packet), client, 0.0, self.serving, tcp=True)
        assert said.packet is not None
        return dnslib.DNSRecord.parse(said.packet)

    def says(self, name: str, qtype: str = "A") -> list[str]:
        reply = self.ask(f"{name}.bl.test" if name else "bl.test", qtype)
        return [dnslib.RCODE.get(reply.header.rcode), *sorted(f"{rr.ttl} {rr.rdata}" for rr in reply.rr)]


def test_addresses_are_looked_up_and_their_text_is_filled_in() -> None:
    world = World(("ip4set", b":3:see $\n1.2.3\n!1.2.3.9\n1.2.3.4 :5:own $\n"))
    assert world.says("7.3.2.1") == ["NOERROR", "2100 127.0.0.3"]
    assert world.says("7.3.2.1", "TXT") == ["NOERROR", '2100 "see 1.2.3.7"']
    assert world.says("4.3.2.1", "TXT") == ["NOERROR", '2100 "own 1.2.3.4"']
    assert world.says("9.3.2.1") == ["NXDOMAIN"]
    assert world.says("7.3.2.1", "MX") == ["NOERROR"]
    assert world.ask("7.3.2.1.bl.test", "ANY").rr[0].rtype == dnslib.QTYPE.HINFO


def test_what_leads_to_something_exists_and_what_leads_nowhere_does_not() -> None:
    world = World(("ip4set", b"1.2.3.4\n"), ("dnset", b"a.b.example\n*.w.other\n"), ("ip6trie", b"2001:db8::/32\n"))
    for name in ("3.2.1", "1", "b.example", "example", "w.other", "other", "8.b.d.0.1.0.0.2", "2"):
        assert world.says(name) == ["NOERROR"], name
    for name in ("2", "9.2.1", "x.example", "nothing"):
        if name != "2":
            assert world.says(name) == ["NXDOMAIN"], name


def test_several_datasets_are_one_answer_without_twins_and_with_the_smallest_ttl() -> None:
    world = World(
        ("ip4set", b"$TTL 500\n1.1.1.1 :2:x\n"),
        ("generic", b'1.1.1.1 40 A 127.0.0.2\n1.1.1.1 50 TXT "y"\n'),
        ("dnset", b"$TTL 30\n1.1.1.1 :9:x\n"),
    )
    assert world.says("1.1.1.1") == ["NOERROR", "30 127.0.0.2", "30 127.0.0.9"]
    assert world.says("1.1.1.1", "TXT") == ["NOERROR", '30 "x"', '30 "y"']


def test_names_are_asked_for_with_wildcards_and_their_entry_is_filled_in() -> None:
    world = World(("dnset", b":3:at $\n.both.com\n!no.both.com\n*.wild.com\n"))
    assert world.says("x.y.both.com", "TXT") == ["NOERROR", '2100 "at both.com"']
    assert [world.says(f"{name}.com")[0] for name in ("both", "wild", "a.wild", "no.both", "x.no.both")] == [
        "NOERROR", "NOERROR", "NOERROR", "NXDOMAIN", "NOERROR",
    ]  # fmt: skip
    assert world.says("WILD.com") == ["NOERROR"]
    assert world.says("A.WILD.COM")[1:] == ["2100 127.0.0.3"]


def nibbles(address: str) -> str:
    return ".".join(reversed(ip_address(address).exploded.replace(":", "")))


def test_addresses_of_ipv6_that_stand_for_one_of_ipv4_are_looked_up_there() -> None:
    world = World(("ip4set", b"1.2.3.4 four $\n"), ("ip6trie", b"::ffff:102:304 six\n2002::/16 wide $\n"))
    assert world.says(nibbles("::ffff:1.2.3.4"), "TXT") == ["NOERROR", '2100 "four 1.2.3.4"']
    assert world.says(nibbles("2002:102:304::1"), "TXT") == [
        "NOERROR", '2100 "four 1.2.3.4"', '2100 "wide 2002:102:304::1"',
    ]  # fmt: skip
    assert World(("ip6trie", b"::ffff:102:304 six\n")).says(nibbles("::ffff:1.2.3.4"), "TXT")[1:] == ['2100 "six"']
    for name in (
        ".".join(nibbles("::ffff:1.2.3.4").split(".")[4:]),
        ".".join(nibbles("2002:102:304::").split(".")[22:]),
    ):
        assert world.says(name) == ["NOERROR"]


def test_the_nearest_sublist_of_a_combined_file_answers_and_no_other() -> None:
    world = World(
        (
            "combined",
            b"$SOA 1w ns.x h.x 7 2h 2h 1w 1h\n$DATASET ip4set proxies @\n:2:p\n1.1.1.1\n"
            b"$DATASET ip4set relays.deep\n:3:r\n1.1.1.1\n$DATASET generic proxies\n@ A 127.0.0.8\nwww A 127.0.0.9\n",
        )
    )
    assert world.says("1.1.1.1.proxies")[1:] == ["2100 127.0.0.2"]
    assert world.says("1.1.1.1.relays.deep")[1:] == ["2100 127.0.0.3"]
    assert world.says("1.1.1.1")[1:] == ["2100 127.0.0.2"]
    assert world.says("proxies")[1:] == ["2100 127.0.0.8"]
    assert world.says("www.proxies")[1:] == ["2100 127.0.0.9"]
    assert [world.says(name) for name in ("www", "deep", "relays.deep", "1.1.1.1.deep")] == [
        ["NXDOMAIN"], ["NOERROR"], ["NOERROR"], ["NXDOMAIN"],
    ]  # fmt: skip


def test_authority_and_servers_come_from_the_zone_file_then_from_a_source_then_from_the_origin() -> None:
    of_source = World(("ip4set", b"$SOA 1000 ns.x h.x 0 1h 2h 3h 50\n$NS 70 a.x b.x\n"))
    assert of_source.says("", "SOA") == ["NOERROR", f"1000 ns.x. h.x. {NEWEST} 3600 7200 10800 50"]
    assert of_source.says("", "NS") == ["NOERROR", "70 a.x.", "70 b.x."]
    negative = of_source.ask("9.bl.test").auth[0]
    assert (negative.ttl, str(negative.rname), negative.rtype) == (50, "bl.test.", wire.SOA)
    bare = World(("ip4set", b"1.1.1.1\n"))
    assert bare.says("", "SOA") == ["NOERROR", f"3600 bl.test. hostmaster.bl.test. {NEWEST} 3600 600 604800 300"]
    assert bare.says("", "NS") == ["NOERROR"]
    assert bare.says("") == ["NOERROR"]
    mixed = World(("ip4set", b"$SOA 1000 ns.x h.x 0 1h 2h 3h 50\n$NS 70 a.x b.x\n"), zone=MIXED, table=Table.of([]))
    assert mixed.says("", "SOA")[1].startswith("3600 ns.test. hostmaster.test.")
    assert mixed.says("", "NS") == ["NOERROR", "2100 ns.test."]


def test_what_sources_say_of_the_origin_stands_beside_what_the_zone_file_says() -> None:
    world = World(
        ("generic", b"@ A 127.0.0.8\n@ MX 10 mx.x\nwww A 127.0.0.9\n"),
        zone='origin = "bl.test"\n[[records]]\nname = "@"\ntype = "TXT"\ndata = "ours"\n'
        '[[records]]\nname = "www"\ntype = "TXT"\ndata = "w"\n[[sources]]\ntype = "generic"\nfiles = ["f"]\n',
    )
    assert world.says("", "TXT")[1:] == ['2100 "ours"']
    assert world.says("", "MX")[1:] == ["2100 10 mx.x."]
    assert world.says("")[1:] == ["2100 127.0.0.8"]
    assert world.says("www", "TXT")[1:] == ['2100 "w"']
    assert world.says("www") == ["NOERROR"]
    assert world.ask("bl.test", "ANY").rr[0].rtype == dnslib.QTYPE.HINFO


def test_own_listings_and_sources_are_one_answer() -> None:
    table = Table.of([(ip_network("1.1.1.0/31"), "relay")])
    world = World(("ip4set", b"1.1.1.1 :9:theirs\n1.1.1.2 :2:theirs\n127.0.0.2 :7:t\n"), zone=MIXED, table=table)
    assert world.says("0.1.1.1") == ["NOERROR", "600 127.0.0.2"]
    assert world.says("1.1.1.1") == ["NOERROR", "600 127.0.0.2", "600 127.0.0.9"]
    assert world.says("1.1.1.1", "TXT") == ["NOERROR", '600 "relay 1.1.1.1"', '600 "theirs"']
    assert world.says("2.1.1.1") == ["NOERROR", "2100 127.0.0.2"]
    assert world.says("2.0.0.127") == ["NOERROR", "600 127.0.0.2", "600 127.0.0.7"]
    assert world.says("1.1.1.1.relay") == ["NOERROR", "600 127.0.0.2"]
    assert world.says("3.1.1.1") == ["NXDOMAIN"]
    assert world.says("3.1.1.1", "MX") == ["NXDOMAIN"]


def test_a_zone_whose_sources_are_not_in_service_or_whose_table_is_not_there_fails() -> None:
    world = World(("ip4set", b"1.1.1.1\n"))
    world.serving.change(sourced={})
    assert world.says("1.1.1.1") == ["SERVFAIL"]
    assert World(("ip4set", b"1.1.1.1\n"), zone=MIXED).says("1.1.1.1") == ["SERVFAIL"]


@pytest.mark.parametrize(
    ("rule", "name", "qtype", "said"),
    [
        ("empty", "1.1.1.1", "A", ["NXDOMAIN"]),
        ("empty", "", "A", ["NOERROR"]),
        ("code 127.255.255.254", "9.9.9.9", "A", ["NOERROR", "300 127.255.255.254"]),
        ("code 127.255.255.254", "9.9.9", "A", ["NOERROR"]),
        ("code 127.255.255.254", "9.9.9.9", "MX", ["NOERROR"]),
        ("code 127.255.255.254", "some.name", "A", ["NXDOMAIN"]),
    ],
)
def test_clients_with_a_rule_are_told_what_it_says(rule: str, name: str, qtype: str, said: list[str]) -> None:
    world = World(("ip4set", b"1.1.1.1\n"))
    world.serving.change(rules=rules_of((rule_of(rule),)))
    assert world.says(name, qtype) == said


def test_where_names_are_asked_for_a_client_that_is_told_a_code_finds_every_name_listed() -> None:
    world = World(("dnset", b"a.b\n"))
    world.serving.change(rules=rules_of((rule_of("code 127.255.255.254"),)))
    assert world.says("some.name") == ["NOERROR", "300 127.255.255.254"]
    assert world.says("some.name", "TXT")[1].startswith('300 "Questions from your address')
    assert world.ask("some.name.bl.test", "ANY").rr[0].rtype == dnslib.QTYPE.HINFO


def rule_of(words: str) -> ClientRule:
    from dnsbl.settings import Dns

    return Dns(acl=(f"192.0.2.0/24 {words}",)).acl[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("order", [0, 1])
def test_the_names_between_it_and_a_zone_inside_it_exist_and_no_others(order: int) -> None:
    """RFC 8020: else a resolver that goes label by label would never come to the zone inside."""
    inner = MIXED.partition("[[sources]]")[0].replace("bl.test", "deep.down.below.bl.test")
    texts = [("a", 'origin = "bl.test"\n[[sources]]\ntype = "dnset"\nfiles = ["f"]\n'), ("b", inner)]
    zones = zones_from(dict(texts[:: 1 - 2 * order]), site="https://site.test")
    (outer,) = (zone for zone in zones if zone.sources)
    held = sourced.gathered(outer, [read("dnset", [("f", b"listed.below\nx.example\n")], now=NEWEST)], NEWEST)
    rules = rules_of([ClientRule(network=ip_network("198.51.100.0/24"), action="empty")])
    serving = Serving(zones, Table.of([]), sourced={"bl.test": held}, rules=rules)

    def says(name: str, qtype: str = "A", client: str = "192.0.2.1") -> tuple[str, int, str]:
        packet = dnslib.DNSRecord.question(f"{name}.bl.test", qtype).pack()
        said = respond(bytes(packet), ip_address(client).packed, 0.0, serving, tcp=True)
        assert said.packet is not None
        reply = dnslib.DNSRecord.parse(said.packet)
        return dnslib.RCODE.get(reply.header.rcode), len(reply.rr), str(reply.auth[0].rname if reply.auth else "")

    for qtype in ("A", "TXT", "NS", "SOA", "ANY", "MX"):
        for name in ("below", "down.below"):
            assert says(name, qtype) == ("NOERROR", 0, "bl.test."), (name, qtype)
            assert says(name, qtype, "198.51.100.1") == ("NOERROR", 0, "bl.test.")
    assert says("deep.down.below", "SOA") == ("NOERROR", 1, "")
    for name in ("other", "other.below", "x.down.below", "wn.below"):
        assert says(name) == ("NXDOMAIN", 0, "bl.test."), name
    assert says("listed.below") == ("NOERROR", 1, ""), "what is listed there is listed"
