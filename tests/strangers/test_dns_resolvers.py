"""Unbound, BIND, Knot Resolver and PowerDNS Recursor in front of us, as strict about QNAME minimisation (RFC 9156) as
they can be told to be.

All start at a root of the laboratory's own, served by NSD, and go down to us one label after the other. An empty
non-terminal answered NXDOMAIN would hide what is listed below it, which is the known failure of blocklists.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from ipaddress import ip_address, ip_network

import dnslib
import pytest
from dns_list import SITE, ZONE, OurList, Tap
from dns_servers import (
    MX,
    TXT,
    A,
    ask,
    labels_of,
    query,
    root_zone,
    start_bind_resolver,
    start_knot_resolver,
    start_nsd,
    start_powerdns_recursor,
    start_unbound,
)
from lab import Lab

ROOT, OURS, TAPPED = "127.0.0.10", "127.0.0.20", "127.0.0.21"
RESOLVERS = {
    "unbound": (start_unbound, "127.0.0.30"),
    "bind": (start_bind_resolver, "127.0.0.31"),
    "knot": (start_knot_resolver, "127.0.0.32"),
    "powerdns": (start_powerdns_recursor, "127.0.0.33"),
}
#: The same for a list that is answered to holders of this key alone.
KEY_ROOT, KEY_OURS, KEY = "127.0.0.11", "127.0.0.22", "0123456789abcdefghij"
#: Questions to us for one question asked of a resolver with an empty cache: one a label, and a few for the way here.
MOST_V4, MOST_V6 = 9, 37

LISTED = ("192.0.2.7", "203.0.113.77", "2001:db8:1:2:3:4:567:89ab", "2001:db8:5::1")
#: Their neighbours, near and far.
UNLISTED = (
    "192.0.2.8",
    "192.0.3.7",
    "203.0.114.0",
    "2001:db8:1:2:3:4:567:89ac",
    "2001:db8:6::1",
    "2001:db9::1",
    "9.9.9.9",
)


@pytest.fixture(scope="module")
def tap(lab: Lab) -> Iterator[Tap]:
    ours = OurList(lab, OURS, ns=TAPPED)
    ours.add(ip_network(net) for net in ("192.0.2.7", "203.0.113.0/24", "2001:db8:1:2:3:4:567:89ab", "2001:db8:5::/48"))
    ours.serve()
    start_nsd(lab, ROOT, {"": root_zone(ROOT, {ZONE: TAPPED})})
    made = Tap(lab, TAPPED, OURS)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def only_with_a_key(lab: Lab) -> None:
    """A list that refuses everybody who shows no key."""
    ours = OurList(lab, KEY_OURS, dns=['acl = ["0.0.0.0/0 refuse", "::/0 refuse"]', 'keys_file = "keys"'])
    (ours.folder / "keys").write_text(f"{sha256(KEY.encode()).hexdigest()} a test\n")
    ours.add([ip_network("192.0.2.7")])
    ours.serve()
    start_nsd(lab, KEY_ROOT, {"": root_zone(KEY_ROOT, {ZONE: KEY_OURS})})


@pytest.mark.parametrize("name", RESOLVERS)
def test_a_strict_resolver_finds_what_is_listed_and_nothing_else(lab: Lab, tap: Tap, name: str) -> None:
    start, address = RESOLVERS[name]
    start(lab, address, ROOT)
    for text in UNLISTED + LISTED:  # what is not there first, so that a wrong NXDOMAIN would be remembered
        where = ip_address(text)
        for below in ("", "manual."):
            asked = f"{'.'.join(labels_of(where))}.{below}{ZONE}"
            before = len(tap.questions)
            reply = resolved(lab, address, asked, A)
            upstream = len(tap.questions) - before
            if text in LISTED:
                assert reply.rr and [str(rr.rdata) for rr in reply.rr] == ["127.0.0.4"], f"{text}: {reply}"
                words = resolved(lab, address, asked, TXT)
                assert [str(rr.rdata) for rr in words.rr] == [f'"manual {where}, see {SITE}/ip/{where}"']
                nothing = resolved(lab, address, asked, MX)
                assert (nothing.header.rcode, nothing.rr) == (0, [])
            else:
                assert (reply.header.rcode, reply.rr) == (3, []), f"{text}: {reply}"
            print(f"{name}: {asked}: {dnslib.RCODE.get(reply.header.rcode)} after {upstream} questions to us")
            assert upstream <= (MOST_V4 if where.version == 4 else MOST_V6)
    assert any(name.count(".") < 4 for name, _ in tap.questions), "nothing was minimised"


@pytest.mark.parametrize("name", RESOLVERS)
def test_a_strict_resolver_finds_what_is_listed_below_a_key_where_nobody_else_may_ask(
    lab: Lab, only_with_a_key: None, name: str
) -> None:
    start, address = RESOLVERS[name]
    address = address.replace(".3", ".4")
    start(lab, address, KEY_ROOT)
    for below in ("", "manual."):
        reply = resolved(lab, address, f"7.2.0.192.{below}{KEY}.{ZONE}", A)
        assert [str(rr.rdata) for rr in reply.rr] == ["127.0.0.4"], str(reply)
        reply = resolved(lab, address, f"8.2.0.192.{below}{KEY}.{ZONE}", A)
        assert (reply.header.rcode, reply.rr) == (3, []), str(reply)
    assert [str(rr.rdata) for rr in resolved(lab, address, ZONE, TXT).rr] == ['"A list for tests."']
    assert [str(rr.rdata) for rr in resolved(lab, address, f"ns.{KEY}.{ZONE}", A).rr] == [KEY_OURS]
    assert resolved(lab, address, f"7.2.0.192.{ZONE}", A).header.rcode == 2  # refused, which a resolver tells as this


def resolved(lab: Lab, resolver: str, name: str, rtype: int) -> dnslib.DNSRecord:
    """What a resolver finds out."""
    return dnslib.DNSRecord.parse(ask(lab, resolver, query(name, rtype, recursive=True), seconds=8))
