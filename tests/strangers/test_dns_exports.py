"""Every export, loaded into the program that it is for, says what we say: asked at the boundaries of every range.

The lists are those of test_dns_differential: random, of both families, overlapping, with exceptions.
"""

from __future__ import annotations

import json
import subprocess
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

import dnslib
import pytest
from dns_list import ZONE as OURS
from dns_list import OurList
from dns_servers import (
    TXT,
    A,
    Address,
    Network,
    ask_all,
    differences,
    edges,
    labels_of,
    query,
    said,
    start_bind,
    start_rbldnsd,
)
from lab import Lab
from test_dns_differential import APART, KINDS, ORIGIN, SERIAL, SITE, ZONE, drawn, our_replies, questions

from dnsbl.dns.listed.table import Table
from dnsbl.dns.secondaries import export
from dnsbl.dns.zonefile import zones_from
from dnsbl.dns.zones import Zone

RBLDNSD, BIND, EXPANDED, MASKED = "127.0.0.60", "127.0.0.61", "127.0.0.62", "127.0.0.63"
LIST, WRITTEN_RBLDNSD, WRITTEN_BIND = "127.0.0.20", "127.0.0.64", "127.0.0.65"
VIEWS = ("", *(f"{kind}." for kind in KINDS))
MAPPED = ip_network("::ffff:0:0/96")


@pytest.fixture(scope="module")
def rows() -> list[tuple[Network, str]]:
    return drawn(11)


def zone_of(style: str) -> Zone:
    (zone,) = zones_from({"bl.toml": ZONE % style}, site=SITE)
    return zone


@pytest.fixture(scope="module")
def zone() -> Zone:
    return zone_of("records")


@pytest.fixture(scope="module")
def table(rows: list[tuple[Network, str]]) -> Table:
    return Table.of(rows, serial=SERIAL)


def addresses(rows: list[tuple[Network, str]]) -> list[Address]:
    """The boundaries of every row, and what is around the test points."""
    found = {address for network, _ in rows for address in edges(network)}
    found |= {ip_address(f"127.0.0.{n}") for n in range(9)} | {ip_address("9.9.9.9"), ip_address("2001:db9::1")}
    return sorted(found, key=lambda address: (address.version, address))


def asked(where: list[Address], *types: int) -> list[bytes]:
    return [
        query(f"{'.'.join(labels_of(address))}.{view}{ORIGIN}", rtype)
        for address in where
        for view in VIEWS
        for rtype in types
    ]


def single(rows: list[tuple[Network, str]], where: list[Address]) -> list[Address]:
    """Those that only single rows cover, or none: a wider one shows its network in the text."""
    return [a for a in where if all(network.prefixlen == a.max_prefixlen for network, _ in rows if a in network)]


def test_rbldnsd_says_what_we_say(lab: Lab, rows: list[tuple[Network, str]], zone: Zone, table: Table) -> None:
    """Names above an address are left out, which rbldnsd takes for absent; so are the addresses of 6to4."""
    text = "".join(export.rbldnsd(zone, table))
    start_rbldnsd(lab, RBLDNSD, [f"{ORIGIN}:combined:list"], {"list": text})
    assert "warning" not in lab.log(f"rbldnsd-{RBLDNSD}"), lab.log(f"rbldnsd-{RBLDNSD}")
    where = addresses(rows)
    where += [IPv6Address(0xFFFF << 32 | int(address)) for address in where if address.version == 4]
    packets = asked(where, A, TXT)
    found = differences(packets, our_replies(packets, rows), ask_all(lab, RBLDNSD, packets), said)
    assert not found, f"{len(found)} of {len(packets)} differ:\n" + "\n".join(found[:20])
    print(f"rbldnsd: {len(packets)} questions, all equal")


def test_bind_says_what_we_say(lab: Lab, rows: list[tuple[Network, str]], zone: Zone, table: Table) -> None:
    """With wildcards: all addresses, but the text only where no wider network is listed."""
    start_bind(lab, BIND, {ORIGIN: "".join(export.bind(zone, table))})
    where = addresses(rows)
    packets = asked(where, A) + asked(single(rows, where), TXT)
    found = differences(packets, our_replies(packets, rows), ask_all(lab, BIND, packets), said)
    assert not found, f"{len(found)} of {len(packets)} differ:\n" + "\n".join(found[:20])
    print(f"BIND: {len(packets)} questions, all equal")


@pytest.mark.parametrize(("style", "address"), [("records", EXPANDED), ("bitmask", MASKED)])
def test_bind_with_every_address_by_name_says_what_we_say_to_everything(
    lab: Lab, rows: list[tuple[Network, str]], table: Table, style: str, address: str
) -> None:
    """Everything but IPv4 written as IPv6, of which only the test points are in a master file."""
    start_bind(lab, address, {ORIGIN: "".join(export.bind(zone_of(style), table, expand=True))})
    written = f".{'.'.join(labels_of(MAPPED[0])[8:])}.{ORIGIN}."
    packets = [p for p in questions(rows, 11) if not str(dnslib.DNSRecord.parse(p).q.qname).endswith(written)]
    packets += asked([IPv6Address(0xFFFF << 32 | int(IPv4Address(f"127.0.0.{n}"))) for n in range(9)], A, TXT)
    found = differences(packets, our_replies(packets, rows, style), ask_all(lab, address, packets), said)
    assert not found, f"{len(found)} of {len(packets)} differ:\n" + "\n".join(found[:20])
    print(f"BIND, name by name, {style}: {len(packets)} questions, all equal")


def combined(where: list[Address], rows: list[tuple[Network, str]]) -> dict[Address, set[str]]:
    """The texts that our origin shows for each listed address."""
    packets = [query(f"{'.'.join(labels_of(address))}.{ORIGIN}", TXT) for address in where]
    texts = {}
    for address, reply in zip(where, our_replies(packets, rows), strict=True):
        assert reply is not None
        if records := dnslib.DNSRecord.parse(reply).rr:
            texts[address] = {str(rr.rdata).strip('"') for rr in records}
    return texts


def postmap(folder: Path, text: str, where: list[Address]) -> dict[Address, str]:
    """What Postfix finds in a CIDR map for each address."""
    (folder / "main.cf").write_text("compatibility_level = 3.6\n")
    (folder / "map").write_text(text)
    done = subprocess.run(
        ["postmap", "-c", str(folder), "-q", "-", f"cidr:{folder}/map"],
        input="".join(f"{address}\n" for address in where),
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stderr == ""
    found = dict(line.split("\t", 1) for line in done.stdout.splitlines())
    return {ip_address(address): value for address, value in found.items()}


def test_postfix_refuses_whom_the_origin_lists(
    tmp_path: Path, rows: list[tuple[Network, str]], zone: Zone, table: Table
) -> None:
    where = addresses(rows)
    answers = postmap(tmp_path, "".join(export.cidr(zone, table)), where)
    refused = {address: value.removeprefix("REJECT ") for address, value in answers.items() if value != "DUNNO"}
    listed = combined(where, rows)
    assert refused.keys() == listed.keys()
    alone = set(single(rows, where)) & refused.keys()
    assert alone
    for address in alone:
        assert refused[address] in listed[address]
    assert all(value.startswith(("REJECT ", "DUNNO")) for value in answers.values())
    print(f"postmap: {len(where)} addresses, {len(refused)} refused, as listed")


def test_json_lines_mean_what_we_say(rows: list[tuple[Network, str]], zone: Zone, table: Table) -> None:
    """Read as their description says: all networks that cover count, but those wider than the narrowest exception."""
    head, *lines = map(json.loads, export.json_lines(zone, table))
    assert (head["zone"], head["serial"]) == (ORIGIN, SERIAL)
    exceptions = [ip_network(line["network"]) for line in lines if line.get("exception")]
    listings = [(ip_network(line["network"]), line) for line in lines if "kind" in line]
    where = addresses(rows)
    packets = asked(where, A)
    replies = our_replies(packets, rows)
    for n, address in enumerate(where):
        least = max((network.prefixlen for network in exceptions if address in network), default=0)
        covering = [line for network, line in listings if address in network and network.prefixlen >= least]
        if address in ip_network("127.0.0.0/24"):
            covering = [line for line in covering if line.get("test")]
        for view, reply in zip(VIEWS, replies[n * len(VIEWS) : (n + 1) * len(VIEWS)], strict=True):
            assert reply is not None
            codes = {line["code"] for line in covering if view + ORIGIN in line["lists"]}
            assert {str(rr.rdata) for rr in dnslib.DNSRecord.parse(reply).rr} == codes, f"{address}, {view}{ORIGIN}"
    assert any(line["kind"] == APART and ORIGIN not in line["lists"] for _, line in listings)


def test_what_the_command_writes_says_what_the_running_list_says(lab: Lab) -> None:
    """The same by way of the store and `dnsbl export`, compared with the answers of `dnsbl serve`."""
    ours = OurList(lab, LIST)
    listed = [ip_network(n) for n in ("192.0.2.7", "198.51.100.0/24", "10.9.0.0/21", "2001:db8::7", "2001:db8:7::/48")]
    ours.add(listed)
    ours.serve()
    files = {form: ours.command("export", "--format", form) for form in export.FORMATS}
    start_rbldnsd(lab, WRITTEN_RBLDNSD, [f"{OURS}:combined:list"], {"list": files["rbldnsd"]})
    start_bind(lab, WRITTEN_BIND, {OURS: files["bind"]})
    where = addresses([(network, "manual") for network in listed])
    packets = [
        query(f"{'.'.join(labels_of(address))}.{view}{OURS}", A) for address in where for view in ("", "manual.")
    ]
    answers = ask_all(lab, LIST, packets)
    for server in (WRITTEN_RBLDNSD, WRITTEN_BIND):
        assert not differences(packets, answers, ask_all(lab, server, packets), said)
    refused = postmap(lab.folder, files["cidr"], where)
    here = {a for a, reply in zip(where, answers[::2], strict=True) if reply and dnslib.DNSRecord.parse(reply).rr}
    assert {address for address, value in refused.items() if value != "DUNNO"} == here
    networks = {json.loads(line)["network"] for line in files["jsonl"].splitlines()[1:]}
    assert networks >= {str(network) for network in listed}
