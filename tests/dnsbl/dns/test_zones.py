from ipaddress import ip_address, ip_network
from pathlib import Path

import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest

from dnsbl.dns import wire
from dnsbl.dns.zonefile import read_zone, zones_from
from dnsbl.dns.zones import Zone, Zones, reserved
from dnsbl.errors import SettingsError

SITE = "https://site.example"
SHIPPED = Path(__file__).parents[3] / "zones" / "relays.example.org.toml"
GOOD = """
origin = "bl.test"
ns = ["ns1.bl.test", "ns.example.net"]
[soa]
mname = "ns1.bl.test"
rname = "hostmaster.bl.test"
[kinds.relay]
code = "127.0.0.2"
txt = "relay {address} {url}"
[kinds.output]
code = "127.0.0.3"
txt = "output {address}"
ttl = 60
aggregate = false
[[records]]
name = "ns1"
type = "A"
data = "192.0.2.53"
"""


def zone(text: str = GOOD) -> Zone:
    return read_zone(text, "bl.toml", site=SITE)


def mistakes(text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        zone(text)
    return caught.value.mistakes


def record(**fields: str) -> str:
    return GOOD + "[[records]]\n" + "\n".join(f"{key} = {value}" for key, value in fields.items())


def shown(rtype: int, rdata: bytes) -> str:
    """What a stranger reads in packed data; it must stand by itself, without any packet around it."""
    return dns.rdata.from_wire(dns.rdataclass.IN, rtype, rdata, 0, len(rdata)).to_text()


def test_the_shipped_zone_file_is_good() -> None:
    read = read_zone(SHIPPED.read_text(), SHIPPED.name, site="http://127.0.0.1:8053")
    assert read.origin == "relays.example.org"
    assert {kind: str(k.code) for view in read.views.values() for kind, k in view.kinds.items()} == {
        "relay": "127.0.0.2",
        "multihop": "127.0.0.3",
        "manual": "127.0.0.4",
    }
    assert "multihop" not in read.views[b""].kinds


def test_records_are_packed_so_that_strangers_read_them() -> None:
    read = zone()
    assert shown(dns.rdatatype.SOA, read.soa(9)) == "ns1.bl.test. hostmaster.bl.test. 9 3600 600 604800 300"
    assert [shown(dns.rdatatype.NS, rdata) for rdata in read.ns] == ["ns1.bl.test.", "ns.example.net."]
    ttl, [data] = read.static[b"ns1",][wire.A]
    assert (ttl, shown(dns.rdatatype.A, data)) == (2100, "192.0.2.53")
    assert read.glue == (wire.record(b"\x03ns1\xc0\x0c", wire.A, 2100, data),)


def test_the_negative_ttl_is_the_smaller_of_minimum_and_ttl() -> None:
    for minimum, ttl, negative in ((300, 3600, 300), (300, 60, 60)):
        text = GOOD.replace("[kinds.relay]", f"minimum = {minimum}\nttl = {ttl}\n[kinds.relay]")
        assert zone(text).negative_ttl == negative


def test_each_kind_has_its_view_and_the_origin_those_that_are_aggregated() -> None:
    read = zone()
    assert {label: set(view.kinds) for label, view in read.views.items()} == {
        b"": {"relay"},
        b"relay": {"relay"},
        b"output": {"output"},
    }
    point, third = ip_address("127.0.0.2"), ip_address("127.0.0.3")
    assert {str(a): k.name for a, k in read.views[b""].tests.items()} == {"127.0.0.2": "relay"}
    assert read.views[b"output"].tests[point] is read.views[b"output"].tests[third]


def test_a_kind_may_have_no_sublist() -> None:
    assert set(zone(GOOD.replace('code = "127.0.0.2"', 'code = "127.0.0.2"\nsubzone = false')).views) == {
        b"",
        b"output",
    }


def test_the_test_point_goes_to_the_lowest_code_when_no_kind_has_it() -> None:
    text = GOOD.replace('"127.0.0.2"', '"127.0.0.9"').replace("aggregate = false", "")
    assert zone(text).views[b""].tests[ip_address("127.0.0.2")].name == "output"


def test_f02_f32_the_text_is_filled_with_address_and_page() -> None:
    kind = zone().views[b""].kinds["relay"]
    assert kind.text(ip_address("192.0.2.1"), SITE) == "relay 192.0.2.1 https://site.example/ip/192.0.2.1"


def test_f17_ttls_come_from_the_kind_or_from_the_zone() -> None:
    read = zone(GOOD.replace("ns = [", "ttl = 1234\nns = ["))
    assert read.views[b"output"].kinds["output"].ttl == 60
    assert read.views[b"relay"].kinds["relay"].ttl == 1234


@pytest.mark.parametrize(
    ("rtype", "data", "said"),
    [
        ("A", "192.0.2.1", "192.0.2.1"),
        ("AAAA", "2001:db8::1", "2001:db8::1"),
        ("MX", "10 MX.bl.test.", "10 mx.bl.test."),
        ("TXT", 'v=spf1 -all; \\"x\\"', '"v=spf1 -all; \\"x\\""'),
        ("TXT", "x" * 255, '"' + "x" * 255 + '"'),
    ],
)
def test_static_records_of_each_type(rtype: str, data: str, said: str) -> None:
    read = zone(record(name='"WWW.deep"', type=f'"{rtype}"', data=f'"{data}"', ttl="5"))
    ttl, [rdata] = read.static[b"www", b"deep"][getattr(wire, rtype)]
    assert (ttl, shown(getattr(dns.rdatatype, rtype), rdata)) == (5, said)
    assert read.static[b"deep",] == {}


def test_records_of_one_set_share_the_smaller_ttl_and_are_not_doubled() -> None:
    text = "".join(
        record(name='"@"', type='"A"', data=f'"192.0.2.{n}"', ttl=str(ttl)).removeprefix(GOOD if n > 1 else "") + "\n"
        for n, ttl in ((1, 30), (2, 20), (3, 40))
    )
    text += '[[records]]\nname = "@"\ntype = "A"\ndata = "192.0.2.1"'
    ttl, data = zone(text).static[()][wire.A]
    assert (ttl, len(data)) == (20, 3)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('origin = "bl.test"', "", "bl.toml: origin: Field required"),
        ('"bl.test"', '"bl test"', "bl.toml: origin: a domain name is needed"),
        ('"bl.test"', '"' + "a." * 75 + 'example"', "bl.toml: origin: at most 150 characters"),
        ("[soa]", "zork = 1\n[soa]", "bl.toml: zork: unknown key"),
        ('mname = "ns1.bl.test"', "", "bl.toml: soa.mname: Field required"),
        ("[kinds.relay]", "refresh = 0\n[kinds.relay]", "bl.toml: soa.refresh: Input should be greater"),
        ("[kinds.relay]", "retry = 2147483648\n[kinds.relay]", "bl.toml: soa.retry: Input should be less"),
        ("[kinds.relay]", "expire = 4200\n[kinds.relay]", "bl.toml: soa.expire: must be longer than"),
        ("[kinds.relay]", "minimum = -1\n[kinds.relay]", "bl.toml: soa.minimum: Input should be greater"),
        ('["ns1.bl.test", "ns.example.net"]', "[]", "bl.toml: ns: Tuple should have at least 1 item"),
        ('"ns.example.net"]', '"ns2.bl.test"]', "bl.toml: ns: ns2.bl.test lies in the zone and needs an A or AAAA"),
        ('"ns.example.net"]', '"bl.test"]', "bl.toml: ns: bl.test lies in the zone and needs an A or AAAA"),
        ("127.0.0.2", "127.0.0.1", "bl.toml: kinds.relay.code: an address in 127.0.0.0/8 other than 127.0.0.1"),
        ("127.0.0.2", "192.0.2.1", "bl.toml: kinds.relay.code: an address in 127.0.0.0/8 other than 127.0.0.1"),
        ("127.0.0.2", "127.0.0", "bl.toml: kinds.relay.code: "),
        ("[soa]", 'style = "bits"\n[soa]', "bl.toml: style: Input should be 'records' or 'bitmask'"),
        ("[soa]", 'style = "bitmask"\n[soa]', "bl.toml: kinds.output.code: a zone of style bitmask needs 127.0.0.N"),
        ("127.0.0.2", "127.0.0.3", "bl.toml: kinds: output.code: 127.0.0.3 already belongs to relay"),
        ("[kinds.relay]", "[kinds.7]", "bl.toml: kinds: '7': 2 to 31 letters, digits and hyphens"),
        ("[kinds.relay]", "[kinds.12]", "bl.toml: kinds: '12': 2 to 31 letters, digits and hyphens"),
        ("[kinds.relay]", "[kinds.a]", "bl.toml: kinds: 'a': 2 to 31 letters, digits and hyphens"),
        ("[kinds.relay]", "[kinds.a-]", "bl.toml: kinds: 'a-': 2 to 31 letters, digits and hyphens"),
        ("[kinds.relay]", "[kinds.Relay]", "bl.toml: kinds: 'Relay': 2 to 31 letters, digits and hyphens"),
        ("ttl = 60", "ttl = 604801", "bl.toml: kinds.output.ttl: Input should be less than or equal to 604800"),
        ("ttl = 60", "subzone = false", "bl.toml: kinds: output: aggregate or subzone must be true"),
        ('txt = "relay', 'aggregate = false\ntxt = "relay', "bl.toml: kinds: at least one kind must have aggregate"),
        ("relay {address} {url}", "", "bl.toml: kinds.relay.txt: one line of printable ASCII is needed"),
        ("relay {address} {url}", "offen für {address}", "bl.toml: kinds.relay.txt: one line of printable ASCII"),
        ("relay {address} {url}", "a\\nb", "bl.toml: kinds.relay.txt: one line of printable ASCII is needed"),
        ("relay {address} {url}", "{adress}", "bl.toml: kinds.relay.txt: only {address} and {url} are filled"),
        ("relay {address} {url}", "{address!r}", "bl.toml: kinds.relay.txt: only {address} and {url} are filled"),
        ("relay {address} {url}", "{{address}}", "bl.toml: kinds.relay.txt: only {address} and {url} are filled"),
        ("relay {address} {url}", "{address", "bl.toml: kinds.relay.txt: a brace stands alone"),
        ("relay {address} {url}", "x" * 162 + "{address}", "bl.toml: kinds.relay.txt: at most 200 characters"),
        ("relay {address} {url}", "x" * 138 + "{url}", "bl.toml: kinds.relay.txt: at most 200 characters"),
        ('name = "ns1"', 'name = "ns1.relay"', "bl.toml: records: ns1.relay: the name relay belongs to the kind"),
        ('name = "ns1"', 'name = "1"', "bl.toml: records.0.name: the last label needs two characters"),
        ('name = "ns1"', 'name = "www.a"', "bl.toml: records.0.name: the last label needs two characters"),
        ('name = "ns1"', 'name = "www.12"', "bl.toml: records.0.name: the last label needs two characters"),
        ('name = "ns1"', 'name = ""', 'bl.toml: records.0.name: "@" or a name below the origin'),
        ('name = "ns1"', 'name = "ns1.bl.test."', 'bl.toml: records.0.name: "@" or a name below the origin'),
        ('name = "ns1"', 'name = "*"', 'bl.toml: records.0.name: "@" or a name below the origin'),
        ('type = "A"', 'type = "CNAME"', "bl.toml: records.0.type: Input should be 'A', 'AAAA', 'MX' or 'TXT'"),
        ('"192.0.2.53"', '"192.0.2.300"', "bl.toml: records.0: A data must be an IPv4 address"),
        ('"192.0.2.53"', '"2001:db8::1"', "bl.toml: records.0: A data must be an IPv4 address"),
    ],
)
def test_f10_f11_a_mistake_is_named_with_file_key_and_what_is_allowed(old: str, new: str, said: str) -> None:
    assert old in GOOD
    assert any(mistake.startswith(said) for mistake in mistakes(GOOD.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("rtype", "data", "said"),
    [
        ("AAAA", "192.0.2.1", "AAAA data must be an IPv6 address"),
        ("MX", "mx.example.org", "MX data must be a number and a name: 10 mx.example.org"),
        ("MX", "65536 mx.example.org", "MX data must be a number and a name: 10 mx.example.org"),
        ("MX", "10 -", "MX data must be a number and a name: 10 mx.example.org"),
        ("TXT", "x" * 256, "TXT data must be one line of at most 255 printable ASCII characters"),
        ("TXT", "ü", "TXT data must be one line of at most 255 printable ASCII characters"),
    ],
)
def test_data_of_the_wrong_shape_is_a_mistake(rtype: str, data: str, said: str) -> None:
    assert mistakes(record(name='"www"', type=f'"{rtype}"', data=f'"{data}"')) == [f"bl.toml: records.1: {said}"]


def test_all_mistakes_are_named_together() -> None:
    text = GOOD.replace("127.0.0.2", "127.0.0.1").replace("ttl = 60", "ttl = -1").replace("ns1.bl.test", "-", 1)
    assert len(mistakes(text + "zork = 1")) == 4


def test_what_is_no_toml_is_one_mistake() -> None:
    [mistake] = mistakes("origin =")
    assert mistake.startswith("bl.toml: not TOML: ")


def test_texts_of_exactly_200_characters_pass() -> None:
    assert zone(GOOD.replace("relay {address} {url}", "x" * 161 + "{address}"))


def test_zones_are_found_by_the_end_of_a_name() -> None:
    zones = zones_from(
        {name: GOOD.replace("bl.test", name) for name in ("bl.test", "a.very.deep.bl.example")}, site=SITE
    )
    assert [zone.origin for zone in zones] == ["bl.test", "a.very.deep.bl.example"]
    for labels, origin in (
        ((b"bl", b"test"), "bl.test"),
        ((b"1", b"2", b"bl", b"test"), "bl.test"),
        ((b"x", b"a", b"very", b"deep", b"bl", b"example"), "a.very.deep.bl.example"),
        ((b"very", b"deep", b"bl", b"example"), None),
        ((b"test",), None),
        ((), None),
        ((b"bl", b"test", b"example"), None),
    ):
        found = zones.of(labels)
        assert (found.origin if found else None) == origin


def test_zones_must_not_meet() -> None:
    texts = {
        "one": GOOD,
        "two": GOOD,
        "three": GOOD.replace("bl.test", "sub.bl.test"),
        "four": GOOD.replace("bl.test", "test"),
        "five": "origin = 1",
    }
    with pytest.raises(SettingsError) as caught:
        zones_from(texts, site=SITE)
    said = caught.value.mistakes
    assert "two: origin: bl.test is also the origin in one; one file a zone" in said
    assert "three: origin: sub.bl.test and bl.test must not lie inside one another" in said
    assert "four: origin: test and bl.test must not lie inside one another" in said
    assert any(mistake.startswith("five: ") for mistake in said)


def test_zones_whose_names_only_end_alike_do_not_meet() -> None:
    assert len(list(zones_from({n: GOOD.replace("bl.test", n) for n in ("bl.test", "xbl.test")}, site=SITE))) == 2


def test_the_digest_changes_with_a_zone_file_and_with_the_site() -> None:
    digest = zones_from({"a": GOOD}, site=SITE).digest
    assert zones_from({"renamed": GOOD}, site=SITE).digest == digest
    assert zones_from({"a": GOOD.replace("ttl = 60", "ttl = 61")}, site=SITE).digest != digest
    assert zones_from({"a": GOOD}, site="https://s.example").digest != digest


@pytest.mark.parametrize(
    ("codes", "mistaken"),
    [
        (("127.0.0.2", "127.0.0.4"), []),
        (("127.0.0.128", "127.0.0.64"), []),
        (("127.0.0.2", "127.0.0.6"), ["output"]),
        (("127.0.1.2", "127.0.0.0"), ["output", "relay"]),
    ],
)
def test_f12_codes_of_a_bit_mask_are_single_bits_of_the_last_octet(codes: tuple[str, str], mistaken: list[str]) -> None:
    text = (
        GOOD.replace("127.0.0.2", codes[0]).replace("127.0.0.3", codes[1]).replace("[soa]", 'style = "bitmask"\n[soa]')
    )
    if not mistaken:
        assert zone(text).bitmask
        return
    assert sorted(mistakes(text)) == [
        f"bl.toml: kinds.{name}.code: a zone of style bitmask needs 127.0.0.N, N one of 2, 4, 8, 16, 32, 64, 128"
        for name in mistaken
    ]


def test_f12_the_bit_mask_is_the_or_of_the_codes() -> None:
    kinds = [view.kinds[name] for view in [zone().views[b"relay"], zone().views[b"output"]] for name in view.kinds]
    assert zone().codes(kinds) == (b"\x7f\0\0\2", b"\x7f\0\0\3")
    masked = zone(GOOD.replace("127.0.0.3", "127.0.0.16").replace("[soa]", 'style = "bitmask"\n[soa]'))
    kinds = [view.kinds[name] for label, view in masked.views.items() if label for name in view.kinds]
    assert masked.codes(kinds) == (b"\x7f\0\0\x12",)
    assert masked.codes(kinds[:1]) == (b"\x7f\0\0\2",)
    assert masked.codes([]) == ()


@pytest.mark.parametrize(
    ("address", "listed", "kinds"),
    [
        ("192.0.2.9", ["relay"], ["relay"]),
        ("192.0.2.9", ["relay", "output", "relay", "unheard-of"], ["output", "relay"]),  # a kind of its own, once
        ("192.0.2.9", [], []),
        ("2001:db8::9", ["relay"], ["relay"]),
        ("127.0.0.2", [], ["relay"]),  # RFC 5782 5: a test point is listed, whatever the table says
        ("127.0.0.3", ["relay"], ["output"]),
        ("127.0.0.1", ["relay"], []),  # and its neighbours never are
        ("127.0.0.255", ["relay"], []),
        ("127.0.1.0", ["relay"], ["relay"]),
    ],
)
def test_f18_f19_f20_an_address_in_a_list_is_one_rule(address: str, listed: list[str], kinds: list[str]) -> None:
    every = zone(GOOD.replace("aggregate = false", "aggregate = true"))
    assert [kind.name for kind in every.views[b""].kinds_of(ip_address(address), listed)] == kinds
    codes = [str(every.views[b""].kinds[name].code) for name in kinds]
    assert every.codes_of(ip_address(address), listed) == codes
    assert Zones((every,)).codes_of(ip_address(address), iter(listed)) == {"bl.test": codes}


@pytest.mark.parametrize(
    ("network", "only_points"),
    [("127.0.0.0/24", True), ("127.0.0.5/32", True), ("127.0.0.0/23", False), ("::/128", False), ("::/0", False)],
)
def test_only_test_points_are_answered_in_the_network_around_them(network: str, only_points: bool) -> None:
    assert reserved(ip_network(network)) is only_points
