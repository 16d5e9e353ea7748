"""What packet filters and policy zones are handed, loaded into the programs that it is for."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, ip_address, ip_network
from pathlib import Path

import pytest
from dns_servers import A, ask_all, query, start_bind_with, start_rbldnsd
from lab import Lab
from test_dns_exports import postmap
from worlds import world

from dnsbl.addresses import Address
from dnsbl.dns.listed.table import Table
from dnsbl.dns.secondaries import export
from dnsbl.dns.zonefile import read_zone

ZONE = read_zone(
    """
origin = "relays.example.org"
ns = ["ns.example.net"]
[soa]
mname = "ns.example.net"
rname = "h.example.net"
[kinds.relay]
code = "127.0.0.2"
txt = "x"
""",
    "z",
    site="https://s",
)


def table() -> Table:
    """Networks that hold one another, exceptions among them, in both families."""
    draw = random.Random(7)
    rows = []
    for _ in range(600):
        length = draw.choice([20, 24, 24, 28, 32, 32, 32])
        first = (int(IPv4Address("198.18.0.0")) + draw.randrange(1 << 16)) >> (32 - length) << (32 - length)
        rows.append((ip_network((first, length)), draw.choice(["relay", "relay", "relay", ""])))
    rows += [
        (ip_network("2001:db8::/32"), "relay"),
        (ip_network("2001:db8:1::/48"), ""),
        (ip_network("2001:db8:1::1/128"), "relay"),
        (ip_network("127.0.0.0/8"), "relay"),
    ]
    return Table.of(rows, serial=7)


AAAA = 28
TABLE = table()
ASKED = [ip_address(int(IPv4Address("198.18.0.0")) + n) for n in range(0, 1 << 16, 97)] + [
    ip_address(text) for text in ("2001:db8::1", "2001:db8:1::1", "2001:db8:1::2", "2001:db9::", "127.0.0.2", "9.9.9.9")
]


def listed(address: object) -> bool:
    return "relay" in TABLE.kinds(address) and not str(address).startswith("127.")  # type: ignore[arg-type]


def written(form: str, **times: datetime) -> str:
    now = datetime.now(UTC)
    return "".join(export.written(form, ZONE, TABLE, **{"made": now, "not_after": now + timedelta(days=2)} | times))


def test_nft_loads_the_sets_twice_over_and_holds_just_what_is_listed(lab: Lab) -> None:
    script = "nft -f /etc/list.nft && nft -f /etc/list.nft && nft -j list sets"
    done = lab.run(
        "client", world(lab, "client", "nftables", script, {"etc/list.nft": written("nftables")}), seconds=60
    )
    found = {each["set"]["name"]: each["set"].get("elem", []) for each in json.loads(done.stdout)["nftables"][1:]}
    held = [span for name in ("relays_example_org_4", "relays_example_org_6") for span in map(_span, found[name])]
    for address in ASKED:
        inside = any(first <= address <= last for first, last in held if first.version == address.version)
        assert inside is listed(address), address


def _span(element: object) -> tuple[Address, Address]:
    """First and last address of an element, as nft's JSON shows it."""
    if isinstance(element, str):
        return ip_address(element), ip_address(element)
    assert isinstance(element, dict)
    if "range" in element:
        return ip_address(element["range"][0]), ip_address(element["range"][1])
    network = ip_network(f"{element['prefix']['addr']}/{element['prefix']['len']}")
    return network[0], network[-1]


def test_ipset_restores_the_sets_twice_over_and_says_what_we_say(lab: Lab) -> None:
    tests = "".join(f"ipset -q test relays_example_org_{a.version} {a} && echo {a}\n" for a in ASKED)
    script = "ipset restore -exist </etc/list\nipset restore -exist </etc/list\nset +e\n. /etc/ask\nipset list -n"
    files = {"etc/list": written("ipset"), "etc/ask": tests}
    done = lab.run("mx", world(lab, "mx", "ipset", script, files), seconds=120)
    *inside, four, six = done.stdout.split()
    assert {four, six} == {"relays_example_org_4", "relays_example_org_6"}, "no set is left over"
    assert set(inside) == {str(address) for address in ASKED if listed(address)}


BIND = "127.0.0.71"


def test_bind_loads_the_policy_zone_and_hides_what_leads_to_listed_addresses(lab: Lab) -> None:
    names = {f"n{number}.t.test": address for number, address in enumerate(ASKED)}
    soa = "$TTL 60\n@ SOA ns.t.test. h.t.test. 1 60 60 600 60\n@ NS ns.t.test.\nns A 192.0.2.1\n"
    rows = "".join(f"{name}. {'A' if a.version == 4 else 'AAAA'} {a}\n" for name, a in names.items())
    folder = lab.folder / "rpz"
    folder.mkdir()
    (folder / "t").write_text(soa + rows)
    (folder / "rpz").write_text(written("rpz"))
    config = f"""options {{ directory "{folder}"; listen-on {{ {BIND}; }}; listen-on-v6 {{ none; }}; recursion no;
  allow-query {{ any; }}; response-policy {{ zone "rpz.test"; }} recursive-only no qname-wait-recurse no; }};
zone "t.test" {{ type primary; file "t"; }};
zone "rpz.test" {{ type primary; file "rpz"; allow-query {{ none; }}; }};
"""
    lab.run("us", ["ip", "addr", "add", f"{BIND}/32", "dev", "lo"])
    start_bind_with(lab, BIND, config)
    probe = query(f"n{len(ASKED) - 1}.t.test", A)  # 9.9.9.9, which nobody has listed
    lab.wait_for("BIND's policy zone", lambda: (r := ask_all(lab, BIND, [probe])[0]) and r[3] & 15 == 0 and r[7])
    packets = [query(name, A if address.version == 4 else AAAA) for name, address in names.items()]
    hidden = {a for a, reply in zip(ASKED, ask_all(lab, BIND, packets), strict=True) if reply and reply[3] & 15 == 3}
    assert hidden == {address for address in ASKED if listed(address)}


def test_postmap_reads_the_map_for_postfix_and_says_what_we_say(tmp_path: Path) -> None:
    found = postmap(tmp_path, written("postfix"), ASKED)
    refused = {address for address, value in found.items() if value.startswith("REJECT")}
    assert refused == {address for address in ASKED if listed(address) or str(address) == "127.0.0.2"}


@pytest.mark.parametrize(("hours", "rcode"), [(48, 0), (-1, 2)])
def test_rbldnsd_gives_up_a_copy_whose_time_is_over(lab: Lab, hours: int, rcode: int) -> None:
    server = f"127.0.0.{72 + (hours < 0)}"
    text = written("rbldnsd", not_after=datetime.now(UTC) + timedelta(hours=hours))
    plain = "$SOA 60 n. h. 1 60 60 60 60\n$NS 60 n.\n127.0.0.9\n"
    sets = ["up.test:ip4set:up", "relays.example.org:combined:list"]
    start_rbldnsd(lab, server, sets, {"up": plain, "list": text})
    packet = query("2.0.0.127.relays.example.org", A)

    def answered() -> bool:
        reply = ask_all(lab, server, [packet])[0]
        return reply is not None and reply[3] & 15 == rcode and (rcode != 0 or reply[7] == 1)

    lab.wait_for("what rbldnsd says of the copy", answered)
