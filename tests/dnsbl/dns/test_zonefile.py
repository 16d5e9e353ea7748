"""Zone files: read whole, packed, and every mistake named."""

from ipaddress import ip_address
from pathlib import Path

import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest

from dnsbl.dns import wire
from dnsbl.dns.zonefile import read_zone, zones_from
from dnsbl.dns.zones import Zone
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
        "relay-output": "127.0.0.5",
        "manual": "127.0.0.4",
    }
    assert set(read.views[b""].kinds) == {"relay", "manual"}, "who is innocent perhaps is in no combined list"


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
        ('origin = "bl.test"', "", "bl.toml: origin: is needed, and is not there"),
        ('"bl.test"', '"bl test"', "bl.toml: origin: a domain name is needed"),
        ('"bl.test"', '"' + "a." * 75 + 'example"', "bl.toml: origin: at most 150 characters"),
        ("[soa]", "zork = 1\n[soa]", "bl.toml: zork: unknown key"),
        ('mname = "ns1.bl.test"', "", "bl.toml: soa.mname: is needed, and is not there"),
        ("[kinds.relay]", "refresh = 0\n[kinds.relay]", "bl.toml: soa.refresh: at least 1 is needed"),
        ("[kinds.relay]", "retry = 2147483648\n[kinds.relay]", "bl.toml: soa.retry: at most 2147483647"),
        ("[kinds.relay]", "expire = 4200\n[kinds.relay]", "bl.toml: soa.expire: must be longer than"),
        ("[kinds.relay]", "minimum = -1\n[kinds.relay]", "bl.toml: soa.minimum: at least 0 is needed"),
        ('["ns1.bl.test", "ns.example.net"]', "[]", "bl.toml: ns: needed where kinds are"),
        ('"ns.example.net"]', '"ns2.bl.test"]', "bl.toml: ns: ns2.bl.test lies in the zone and needs an A or AAAA"),
        ('"ns.example.net"]', '"bl.test"]', "bl.toml: ns: bl.test lies in the zone and needs an A or AAAA"),
        ("127.0.0.2", "127.0.0.1", "bl.toml: kinds.relay.code: an address in 127.0.0.0/8 other than 127.0.0.1"),
        ("127.0.0.2", "192.0.2.1", "bl.toml: kinds.relay.code: an address in 127.0.0.0/8 other than 127.0.0.1"),
        ("127.0.0.2", "127.255.255.254", "bl.toml: kinds.relay.code: 127.255.255.0/24 is for answers that are errors"),
        ("127.0.0.2", "127.255.255.0", "bl.toml: kinds.relay.code: 127.255.255.0/24 is for answers that are errors"),
        (
            "127.0.0.2",
            "127.0.0",
            "bl.toml: kinds.relay.code: an address 127.0.0.N is needed, such as 127.0.0.2 (is '127.0.0')",
        ),
        ("[soa]", 'style = "bits"\n[soa]', "bl.toml: style: one of records, bitmask is needed"),
        ("[soa]", 'style = "bitmask"\n[soa]', "bl.toml: kinds.output.code: a zone of style bitmask needs 127.0.0.N"),
        ("127.0.0.2", "127.0.0.3", "bl.toml: kinds: output.code: 127.0.0.3 already belongs to relay"),
        ("[kinds.relay]", "[kinds.7]", "bl.toml: kinds: '7': 2 to 31 letters, digits and hyphens"),
        ("[kinds.relay]", "[kinds.12]", "bl.toml: kinds: '12': 2 to 31 letters, digits and hyphens"),
        ("[kinds.relay]", "[kinds.a]", "bl.toml: kinds: 'a': 2 to 31 letters, digits and hyphens"),
        ("[kinds.relay]", "[kinds.a-]", "bl.toml: kinds: 'a-': 2 to 31 letters, digits and hyphens"),
        ("[kinds.relay]", "[kinds.Relay]", "bl.toml: kinds: 'Relay': 2 to 31 letters, digits and hyphens"),
        ("ttl = 60", "ttl = 604801", "bl.toml: kinds.output.ttl: at most 604800 is allowed"),
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
        ('type = "A"', 'type = "CNAME"', "bl.toml: records.0.type: one of A, AAAA, MX, TXT is needed"),
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


@pytest.mark.parametrize(
    ("codes", "mistaken"),
    [
        (("127.0.0.2", "127.0.0.4"), []),
        (("127.0.0.128", "127.0.0.64"), []),
        (("127.1.0.1", "127.1.0.4"), []),
        (("127.1.0.1", "127.0.0.4"), ["output", "relay"]),
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
        f"bl.toml: kinds.{name}.code: a zone of style bitmask needs 127.0.0.N, N one of 2, 4, 8, 16, 32, 64, 128, or "
        "the same behind three other octets"
        for name in mistaken
    ]


def test_two_kinds_of_which_an_address_has_only_one_may_share_a_code_and_others_may_not() -> None:
    shared = zone(GOOD.replace("kinds.output", "kinds.multihop").replace("127.0.0.3", "127.0.0.2"))
    assert {kind.code for view in shared.views.values() for kind in view.kinds.values()} == {ip_address("127.0.0.2")}
    both = GOOD.replace("kinds.output", "kinds.multihop").replace("127.0.0.3", "127.0.0.2")
    whole = zone(both.replace("aggregate = false", ""))
    assert whole.views[b""].tests[ip_address("127.0.0.2")].name == "relay", "the test point is the first one's"
    assert mistakes(GOOD.replace("127.0.0.3", "127.0.0.2")) == [
        "bl.toml: kinds: output.code: 127.0.0.2 already belongs to relay; one code a kind"
    ]


def test_a_sublist_may_be_called_otherwise_than_its_kind_and_no_two_alike() -> None:
    called = GOOD.replace('txt = "relay {address} {url}"', 'txt = "relay"\nsubzone = "smtp"')
    assert {label: [*view.kinds] for label, view in zone(called).views.items()} == {
        b"": ["relay"],
        b"smtp": ["relay"],
        b"output": ["output"],
    }
    assert "output" in " ".join(mistakes(called.replace('"smtp"', '"output"')))
    assert "7" in " ".join(mistakes(called.replace('"smtp"', '"7"')))
    assert "smtp" in " ".join(mistakes(called + '[[records]]\nname = "smtp"\ntype = "A"\ndata = "192.0.2.1"\n'))


SOURCES = """
origin = "theirs.bl.test"
ttl = 600
[[sources]]
type = "ip4set"
files = ["one", "/two"]
[[sources]]
type = "dnset"
files = ["three"]
ttl = 60
host_bits = true
"""


def test_a_zone_of_sources_alone_needs_no_authority_and_names_its_files_from_its_own_folder() -> None:
    read = read_zone(SOURCES, "/zones/theirs.toml", site=SITE)
    assert [(one.form, one.files, one.ttl, one.host_bits) for one in read.sources] == [
        ("ip4set", ("/zones/one", "/two"), 600, False),
        ("dnset", ("/zones/three",), 60, True),
    ]
    assert not read.listing
    assert zone().listing


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SOURCES.replace("ip4set", "ip5set"), "sources.0.type: one of ip4set"),
        (SOURCES.replace('["three"]', "[]"), "sources.1.files"),
        ('origin = "bl.test"', "kinds: at least one is needed, or [[sources]]"),
        ('origin = "bl.test"\n[kinds.relay]\ncode = "127.0.0.2"\ntxt = "x"', "ns: needed where kinds are"),
    ],
)
def test_mistakes_about_sources_are_named(text: str, said: str) -> None:
    assert any(said in mistake for mistake in mistakes(text))


def test_a_zone_of_sources_alone_may_lie_inside_another_and_the_nearest_answers() -> None:
    zones = zones_from({"a.toml": GOOD, "b.toml": SOURCES}, site=SITE)
    found = [zones.of(tuple(name.encode().split(b"."))) for name in ("x.theirs.bl.test", "x.bl.test")]
    assert [one.origin for one in found if one] == ["theirs.bl.test", "bl.test"]
    with pytest.raises(SettingsError, match="must not lie inside one another"):
        zones_from({"a.toml": GOOD, "b.toml": GOOD.replace("bl.test", "a.bl.test")}, site=SITE)


INSIDE = """
origin = "trial.x.bl.test"
ns = ["ns1.trial.x.bl.test", "ns.example.net"]
trial = true
[soa]
mname = "ns.example.net"
rname = "h.example.net"
[[records]]
name = "ns1"
type = "A"
data = "192.0.2.54"
[[records]]
name = "www"
type = "A"
data = "192.0.2.55"
"""


def test_the_outer_zone_has_the_servers_of_a_zone_inside_it_their_addresses_and_the_names_between() -> None:
    outer, *_ = zones_from({"a.toml": GOOD, "b.toml": INSIDE}, site=SITE)
    inside = {name: types for name, types in outer.static.items() if name[-1:] == (b"x",)}
    ns = b"\3ns1\5trial\1x\2bl\4test\0", b"\2ns\7example\3net\0"
    assert inside == {
        (b"x",): {},
        (b"trial", b"x"): {wire.NS: (2100, ns)},
        (b"ns1", b"trial", b"x"): {wire.A: (2100, (b"\xc0\0\2\x36",))},
    }
    outer, *_ = zones_from({"a.toml": GOOD, "b.toml": SOURCES}, site=SITE)
    assert outer.static[b"theirs",] == {wire.NS: (2100, outer.ns)}, "without servers of its own it has those around it"


def test_of_zones_inside_one_another_each_has_the_next_one_alone() -> None:
    inmost = INSIDE.replace('"trial.x.bl.test"', '"deep.trial.x.bl.test"')
    zones = {zone.origin: zone for zone in zones_from({"a": GOOD, "b": INSIDE, "c": inmost}, site=SITE)}
    assert (b"trial", b"x") in zones["bl.test"].static
    assert (b"deep", b"trial", b"x") not in zones["bl.test"].static
    assert (b"deep",) in zones["trial.x.bl.test"].static, "one for trials too"


def test_a_zone_of_sources_knows_the_names_between_it_and_those_inside() -> None:
    outer = SOURCES.replace("theirs.bl.test", "test")
    zones = {zone.origin: zone for zone in zones_from({"a": outer, "b": INSIDE}, site=SITE)}
    assert zones["test"].between == {(b"bl",), (b"x", b"bl")}
    assert zones["trial.x.bl.test"].between == frozenset()


@pytest.mark.parametrize("kind", ["do-not-test", "exempt"])
def test_what_says_the_opposite_of_a_listing_has_a_zone_of_its_own(kind: str) -> None:
    text = 'origin = "no.example"\nns = ["ns.example.org"]\n[soa]\nmname = "ns.example.org"\nrname = "h.example.org"\n'
    text += f'[kinds.{kind}]\ncode = "127.0.0.2"\ntxt = "x"\n'
    assert read_zone(text, "z", site="https://s").views[b""].kinds.keys() == {kind}
    with pytest.raises(SettingsError, match="the opposite of a listing"):
        read_zone(text + '[kinds.relay]\ncode = "127.0.0.3"\ntxt = "x"\n', "z", site="https://s")


def test_a_watched_name_is_the_same_list_once_more_and_told_apart() -> None:
    text = GOOD.replace('origin = "bl.test"', 'origin = "bl.test"\nwatched = "qw.test"')
    zones = zones_from({"z.toml": text}, site="https://site.example")
    ours, watched = zones
    assert (ours.origin, ours.watched, watched.origin, watched.watched) == ("bl.test", False, "qw.test", True)
    assert watched.views == ours.views
    assert "what they ask about may be tested" in watched.use and "bl.test" in watched.use
    assert zones.watched == {"qw.test"}
    assert [zone.origin for zone in zones.own] == ["bl.test"]
    assert set(zones.codes_of(ip_address("127.0.0.2"), ())) == {"bl.test"}


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ('origin = "bl.test"', 'origin = "bl.test"\nwatched = "qw.bl.test"', "must not lie inside one another"),
        ('origin = "bl.test"', 'origin = "bl.test"\nwatched = "bl.test"', "one file a zone"),
        ('origin = "bl.test"', f'origin = "bl.test"\nwatched = "{"x" * 60}.{"y" * 60}.{"z" * 50}.test"', "at most 150"),
    ],
)
def test_a_watched_name_is_beside_the_zone_and_not_inside(old: str, new: str, mistake: str) -> None:
    with pytest.raises(SettingsError, match=mistake):
        zones_from({"z.toml": GOOD.replace(old, new)}, site="https://site.example")


def test_a_zone_that_lists_tells_the_keys_of_the_log_and_one_of_its_file_goes_first() -> None:
    keys = ["relays.test/log+12345678+AAAA", "x" * 250 + "+12345678+AAAA"]
    (told,) = zones_from({"bl.toml": GOOD}, site=SITE, log_keys=keys)
    assert told.static[(b"_log",)][wire.TXT][0] == told.ttl
    assert [
        shown(wire.TXT, data).replace('" "', "").strip('"') for data in told.static[(b"_log",)][wire.TXT][1]
    ] == keys
    own = record(name='"_log"', type='"TXT"', data='"mine"')
    (kept,) = zones_from({"bl.toml": own}, site=SITE, log_keys=keys)
    assert [shown(wire.TXT, data) for data in kept.static[(b"_log",)][wire.TXT][1]] == ['"mine"']
    silent = zones_from({"bl.toml": GOOD}, site=SITE)
    assert (b"_log",) not in next(iter(silent)).static
    assert silent.digest != zones_from({"bl.toml": GOOD}, site=SITE, log_keys=keys).digest
