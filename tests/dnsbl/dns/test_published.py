"""b42: the situations of the cases that rbldnsd and its fork publish, asked of us.

Their files are in rbldnsd's own format, which we do not read; what each case shows is asked here of the same data.
Where they let an operator list the world, we refuse it.
"""

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import dns.message
import dns.rcode
import pytest

from dnsbl.addresses import reversed_labels
from dnsbl.dns.guard import Prefixes
from dnsbl.dns.listed.table import Table
from dnsbl.dns.respond import Serving, respond
from dnsbl.dns.zonefile import zones_from
from dnsbl.errors import Refused
from dnsbl.rules import targets
from dnsbl.settings import ClientRule, Settings

ZONES = zones_from(
    {
        "z": 'origin = "bl.test"\nns = ["ns.example.net"]\n[soa]\nmname = "ns.example.net"\nrname = "h.example.net"\n'
        '[kinds.manual]\ncode = "127.0.0.2"\ntxt = "listed"\n'
    },
    site="https://site.example",
)
EVERYBODY_4, EVERYBODY_6 = ip_network("0.0.0.0/0"), ip_network("::/0")


def ask(at: Serving, address: str, *, client: str = "127.0.0.1") -> dns.message.Message:
    name = f"{reversed_labels(ip_address(address))}.bl.test"
    packet = dns.message.make_query(name, "TXT").to_wire()
    said = respond(packet, ip_address(client).packed, 0.0, at, tcp=False)
    assert said.packet is not None
    return dns.message.from_wire(said.packet)


@pytest.mark.parametrize(
    ("rows", "listed", "not_listed"),
    [
        # an excluded address inside a listed /24, and its neighbours on both sides
        ([("1.2.3.0/24", "manual"), ("1.2.3.4/32", "")], ["1.2.3.3", "1.2.3.5"], ["1.2.3.4"]),
        # the same in IPv6, inside a /16
        ([("dead::/16", "manual"), ("dead::beef/128", "")], ["dead::beee"], ["dead::beef"]),
    ],
)
def test_b42_an_exception_hides_itself_alone(
    rows: list[tuple[str, str]], listed: list[str], not_listed: list[str]
) -> None:
    at = Serving(ZONES, Table.of([(ip_network(network), kind) for network, kind in rows]))
    for address in listed:
        assert '"listed"' in str(ask(at, address).answer[0])
    for address in not_listed:
        assert ask(at, address).rcode() == dns.rcode.NXDOMAIN


def test_b42_the_world_cannot_be_listed_and_the_test_points_do_not_change_with_the_data() -> None:
    for network in (EVERYBODY_4, EVERYBODY_6):
        with pytest.raises(Refused, match="wider than"):
            targets.listable(network, Settings())
    at = Serving(ZONES, Table.of([(EVERYBODY_4, "manual"), (ip_network("127.0.0.1/32"), "manual")]))
    assert ask(at, "127.0.0.1").rcode() == dns.rcode.NXDOMAIN
    assert ask(at, "127.0.0.2").answer


@pytest.mark.parametrize("client", ["127.0.0.1", "::1"])
def test_b42_a_refused_client_is_refused_and_a_passed_one_inside_a_refused_network_passes(client: str) -> None:
    me = ip_network(client)
    everybody: IPv4Network | IPv6Network = EVERYBODY_4 if me.version == 4 else EVERYBODY_6
    table = Table.of([])
    refusing = Serving(ZONES, table, rules=Prefixes({me: ClientRule(me, "refuse")}))
    assert ask(refusing, "127.0.0.2", client=client).rcode() == dns.rcode.REFUSED
    rules = {everybody: ClientRule(everybody, "refuse"), me: ClientRule(me, "pass")}
    passing = Serving(ZONES, table, rules=Prefixes(rules))
    assert ask(passing, "127.0.0.2", client=client).rcode() == dns.rcode.NOERROR
