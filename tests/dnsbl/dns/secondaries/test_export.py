"""Every file, read back by a small reader of its format, answers as we do at every boundary."""

import json
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

import dns.rdataclass
import dns.rdatatype
import dns.zone
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.addresses import Address, Network, reversed_labels
from dnsbl.dns import secondaries
from dnsbl.dns.listed.table import Table
from dnsbl.dns.secondaries import export
from dnsbl.dns.zonefile import zones_from
from dnsbl.dns.zones import RESERVED
from dnsbl.errors import DnsblError
from tests.depth import examples

ZONE = """
origin = "bl.test"
ns = ["ns.bl.test", "ns.example.net"]
[soa]
mname = "ns.bl.test"
rname = "hostmaster.example.net"
[kinds.relay]
code = "127.0.0.2"
txt = "relay {address} {url}"
[kinds.multihop]
code = "127.0.0.3"
txt = "costs $5, {address}"
aggregate = false
[kinds.manual]
code = "127.0.0.4"
txt = 'manual "quoted" \\ {address}'
ttl = 60
[[records]]
name = "ns"
type = "A"
data = "192.0.2.53"
[[records]]
name = "ns"
type = "AAAA"
data = "2001:db8::53"
[[records]]
name = "@"
type = "MX"
data = "10 mx.example.net"
[[records]]
name = "@"
type = "TXT"
data = 'a "list"'
"""
[THE_ZONE] = zones_from({"bl": ZONE}, site="https://site.example")

Row = tuple[Network, str]
Ask = Callable[[Address, str], set[str]]


def truth(table: Table) -> Ask:
    """The codes of an address in a view, as the table and the zone file say."""

    def ask(address: Address, label: str) -> set[str]:
        view = THE_ZONE.views[label.encode()]
        if address in view.tests:
            return {str(view.tests[address].code)}
        if isinstance(address, IPv4Address) and address in RESERVED:
            return set()
        return {str(view.kinds[kind].code) for kind in table.kinds(address) if kind in view.kinds}

    return ask


def read_rbldnsd(lines: Iterable[str]) -> Ask:
    """Datasets by home; the longest match in each, as ip4trie does."""
    sets: list[tuple[list[str], dict[Network, str]]] = []
    default = ""
    for line in lines:
        words = line.rstrip("\n")
        assert line.endswith("\n")
        if words.startswith("$DATASET "):
            sort, *homes = words.split()[1:]
            sets.append(([] if sort.startswith("generic") else homes, {}))
            default = ""
        elif words.startswith("$") or not sets[-1][0]:
            continue
        elif words.startswith(":"):
            default = words.split(":")[1]
        else:
            head, _, rest = words.partition(" ")
            code = rest.split(":")[1] if rest else default
            network = ip_network(head.removeprefix("!"))
            assert network not in sets[-1][1], "rbldnsd calls this a duplicated entry"
            sets[-1][1][network] = "" if head.startswith("!") else code

    def ask(address: Address, label: str) -> set[str]:
        found = set()
        for homes, entries in sets:
            if (label or "@") in homes:
                covering = [n for n in entries if n.version == address.version and address in n]
                if covering:
                    found.add(entries[max(covering, key=lambda n: n.prefixlen)])
        return found - {""}

    return ask


def read_json(lines: Iterable[str]) -> Ask:
    head, *objects = [json.loads(line) for line in lines]
    assert head == {"schema": 1, "zone": "bl.test", "serial": 7, "bitmask": False}
    points = [o for o in objects if o.get("test")]
    hidden = [ip_network(o["network"]) for o in objects if o.get("exception")]
    listed = [(ip_network(o["network"]), o) for o in objects if "kind" in o and not o.get("test")]

    def ask(address: Address, label: str) -> set[str]:
        name = f"{label}.bl.test" if label else "bl.test"
        if isinstance(address, IPv4Address) and address in RESERVED:
            return {o["code"] for o in points if ip_network(o["network"])[0] == address and name in o["lists"]}
        nearest = max((n.prefixlen for n in hidden if n.version == address.version and address in n), default=-1)
        return {
            o["code"]
            for n, o in listed
            if n.version == address.version and address in n and n.prefixlen >= nearest and name in o["lists"]
        }

    return ask


def read_cidr(lines: Iterable[str]) -> Callable[[Address], str]:
    """What Postfix does for an address: the words behind the first network that holds it."""
    rules = [line.rstrip("\n").split(" ", 1) for line in lines if not line.startswith("#")]

    def ask(address: Address) -> str:
        for network, action in rules:
            net = ip_network(network)
            if net.version == address.version and address in net:
                return action
        return "DUNNO"

    return ask


def networks() -> st.SearchStrategy[Network]:
    four = st.builds(
        lambda host, length: IPv4Network((0xC0000200 | host, length), strict=False),
        st.integers(0, 0x3FF),
        st.integers(20, 32),
    )
    loopback = st.builds(lambda n: IPv4Network((0x7F000000, n), strict=False), st.integers(20, 32))
    six = st.builds(
        lambda host, length: IPv6Network(((0x20010DB8 << 96) | host << 80, length), strict=False),
        st.integers(0, 0xFFFF),
        st.integers(30, 128),
    )
    return st.one_of(four, four, loopback, six)


rows_of = st.lists(st.tuples(networks(), st.sampled_from(("relay", "multihop", "manual", ""))), max_size=6)


def asked(rows: Iterable[Row]) -> set[Address]:
    found: set[Address] = {IPv4Address(0x7F000000 + n) for n in range(6)}
    for network, _ in rows:
        sort = IPv4Address if network.version == 4 else IPv6Address
        first, last = int(network.network_address), int(network.broadcast_address)
        found |= {sort(n) for n in (first - 1, first, last, last + 1) if 0 <= n < 2**network.max_prefixlen}
    return found


@examples(60)
@given(rows_of)
@pytest.mark.parametrize("form", ["rbldnsd", "jsonl"])
def test_the_formats_with_kinds_answer_as_we_do(form: str, rows: list[Row]) -> None:
    table = Table.of(rows, serial=7)
    ask = {"rbldnsd": read_rbldnsd, "jsonl": read_json}[form](export.FORMATS[form](THE_ZONE, table))
    ours = truth(table)
    for address in asked(rows):
        for label in ("", "relay", "manual"):
            assert ask(address, label) == ours(address, label), (address, label)


@examples(60)
@given(rows_of)
def test_a_postfix_map_rejects_whom_the_origin_lists(rows: list[Row]) -> None:
    table = Table.of(rows, serial=7)
    ask, ours = read_cidr(export.cidr(THE_ZONE, table)), truth(table)
    for address in asked(rows):
        assert ask(address).startswith("REJECT ") == bool(ours(address, "")), address


def test_a_zone_inside_is_delegated_in_a_master_file_and_left_out_where_there_is_no_such_record() -> None:
    inner = 'origin = "theirs.bl.test"\nns = ["ns.theirs.net"]\n[[sources]]\ntype = "dnset"\nfiles = ["f"]\n'
    inner += '[soa]\nmname = "ns.theirs.net"\nrname = "h.theirs.net"\n'
    outer, _ = zones_from({"a": ZONE, "b": inner}, site="https://site.example")
    assert "theirs 2100 IN NS ns.theirs.net.\n" in list(export.bind(outer, Table.of([])))
    assert not [line for line in export.rbldnsd(outer, Table.of([])) if "theirs" in line]


@examples(8)
@given(rows_of)
def test_f27_a_master_file_answers_as_we_do(rows: list[Row]) -> None:
    table = Table.of(rows, serial=7)
    master = dns.zone.from_text("".join(export.bind(THE_ZONE, table)))
    ours = truth(table)
    there = {
        str(name): {str(r) for r in node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.A) or ()}
        for name, node in master.nodes.items()
    }
    nodes = {name.split(".", n)[-1] for name in there for n in range(name.count(".") + 1)}
    for address in asked(rows):
        for label in ("", "relay", "manual", "multihop"):
            name = reversed_labels(address) + (f".{label}" if label else "")
            if name not in there:
                above = (name.split(".", n)[-1] for n in range(1, name.count(".") + 1))
                name = f"*.{next((node for node in above if node in nodes), '')}"
            assert there.get(name, set()) == ours(address, label), (address, label)


def text_of(form: str, rows: list[tuple[str, str]] = []) -> str:  # noqa: B006 (is only read)
    table = Table.of([(ip_network(network), kind) for network, kind in rows], serial=7)
    return "".join(export.FORMATS[form](THE_ZONE, table))


def test_rbldnsd_gets_the_records_it_knows_and_its_own_variables() -> None:
    text = text_of("rbldnsd", [("192.0.2.1", "multihop")])
    assert text.startswith("$SOA 3600 ns.bl.test. hostmaster.example.net. 7 3600 600 604800 300\n")
    assert "$NS 2100 ns.bl.test. ns.example.net.\n" in text
    assert "\nns 2100 A 192.0.2.53\n" in text
    assert "\n@ 2100 MX 10 mx.example.net.\n" in text
    assert "AAAA" not in text
    assert ":127.0.0.2:relay $ https://site.example/ip/$\n" in text
    assert ":127.0.0.3:costs $$5, $\n192.0.2.1/32\n" in text


def test_a_master_file_holds_the_fixed_records_and_quotes_its_texts() -> None:
    text = text_of("bind", [("192.0.2.1", "manual"), ("192.0.2.0/24", "relay")])
    assert text.startswith("$ORIGIN bl.test.\n$TTL 2100\n@ 3600 IN SOA ns.bl.test. hostmaster.example.net. 7 3600 ")
    assert "\nns 2100 IN AAAA 2001:db8::53\n" in text
    assert '\n@ 2100 IN TXT "a \\"list\\""\n' in text
    assert '\n1.2.0.192 60 IN TXT "manual \\"quoted\\" \\\\ 192.0.2.1"\n' in text
    assert "\n1.2.0.192 60 IN A 127.0.0.2\n" in text


def test_a_postfix_map_says_why() -> None:
    text = text_of(
        "cidr", [("192.0.2.0/24", "relay"), ("192.0.2.9", "manual"), ("192.0.2.128/25", ""), ("8.8.8.8", "multihop")]
    )
    assert "\n192.0.2.0/24 REJECT relay 192.0.2.0/24 https://site.example/ip/192.0.2.0\n" in text
    assert '\n192.0.2.9/32 REJECT manual "quoted" \\ 192.0.2.9\n' in text
    assert "\n192.0.2.128/25 DUNNO\n192.0.2.0/24 " in text
    assert "8.8.8.8" not in text
    assert "\n127.0.0.2/32 REJECT relay 127.0.0.2 https://site.example/ip/127.0.0.2\n" in text


def test_lines_are_written_in_portions_and_none_is_lost() -> None:
    lines = [f"line {n}\n" for n in range(2500)]
    parts = list(export.encoded(lines))
    assert len(parts) == 3
    assert b"".join(parts).decode() == "".join(lines)


def test_bit_masks_are_joined_where_the_format_can() -> None:
    text = ZONE.replace("ns = [", 'style = "bitmask"\nns = [', 1).replace("127.0.0.3", "127.0.0.8")
    [zone] = zones_from({"bl": text}, site="https://site.example")
    table = Table.of([(ip_network("192.0.2.1"), "relay"), (ip_network("192.0.2.1"), "manual")], serial=7)
    master = [line for line in export.bind(zone, table) if line.startswith("1.2.0.192 ") and " A " in line]
    assert master == ["1.2.0.192 60 IN A 127.0.0.6\n"]
    assert json.loads(next(export.json_lines(zone, table)))["bitmask"] is True
    with pytest.raises(DnsblError, match="bit masks"):
        next(export.rbldnsd(zone, table))


def test_the_formats_that_are_named_are_those_that_there_are() -> None:
    assert tuple(export.FORMATS) == secondaries.FORMATS
