"""The recipe of docs/dnssec.md as it stands there, but for names, addresses and secrets: we, Knot signing, NSD public.

Unbound and delv, which know nothing but the zone's key, must find every answer secure.
"""

from __future__ import annotations

import base64
import random
import time
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import NamedTuple

import dnslib
import pytest
from dns_list import ZONE, ZONE_FILE, OurList, Tap
from dns_servers import (
    MX,
    TXT,
    A,
    ask,
    ask_all,
    labels_of,
    query,
    root_zone,
    start_knot_with,
    start_nsd,
    start_nsd_with,
    start_unbound,
)
from lab import Lab
from recipes import block

pytestmark = pytest.mark.alone

OURS, SIGNER, PUBLIC, ROOT = "127.0.0.20", "127.0.0.54", "127.0.0.55", "127.0.0.10"
RESOLVER, MISLED, WAITING, COUNTING = "127.0.0.30", "127.0.0.31", "127.0.0.32", "127.0.0.33"
COUNTED, COUNTED_ROOT = "127.0.0.56", "127.0.0.11"
#: Seconds, in the place of the sixty of the recipe; and what it may take until a change is public.
MINIMUM, PUBLIC_WITHIN = 6, 3
DNSKEY, NSEC = 48, 47
#: So many addresses are listed, and so many questions asked, to see how many of them the list hears.
LISTINGS, QUESTIONS = 250, 1000
RANGE = ip_network("198.51.100.0/24")
LISTED = [ip_network("192.0.2.7"), ip_network("2001:db8::7"), RANGE]


def secret(number: int) -> str:
    return base64.b64encode(random.Random(number).randbytes(32)).decode()


def sample(language: str, folder: Path) -> str:
    """A block of the recipe, with what differs here put in."""
    return block(
        "dnssec.md",
        language,
        {
            "relays.example.org": ZONE,
            "192.0.2.53": OURS,
            "192.0.2.54": SIGNER,
            "192.0.2.55": PUBLIC,
            "/var/lib/knot": str(folder),
            "/run/knot": str(folder),
            "SECRET1": secret(1),
            "SECRET2": secret(2),
            "minimum = 60": f"minimum = {MINIMUM}",
        },
    )


class Signed(NamedTuple):
    ours: OurList
    key: str  #: the zone's DNSKEY, as text


@pytest.fixture(scope="module")
def signed(lab: Lab) -> Signed:
    lines = [line for line in sample("toml", lab.folder).splitlines() if not line.startswith(("[dns]", "listen"))]
    zone = ZONE_FILE.replace("minimum = 300\n", sample("zone", lab.folder).removeprefix("[soa]\n"))
    assert zone.count("minimum") == 1
    ours = OurList(lab, OURS, ns=PUBLIC, zone=zone, dns=lines)
    (ours.folder / "tsig.keys").write_text(f"signer hmac-sha256 {secret(1)}\n")
    (ours.folder / "tsig.keys").chmod(0o640)
    ours.add(LISTED)
    ours.serve()
    start_knot_with(lab, SIGNER, sample("knot", lab.folder / f"knot-{SIGNER}"))
    start_nsd_with(lab, PUBLIC, sample("nsd", lab.folder))
    start_nsd(lab, ROOT, {"": root_zone(ROOT, {ZONE: PUBLIC})})

    def keys() -> list[str]:
        try:
            reply = dnslib.DNSRecord.parse(ask(lab, PUBLIC, query(ZONE, DNSKEY), seconds=0.5))
        except TimeoutError:
            return []
        return [str(rr.rdata) for rr in reply.rr if rr.rtype == DNSKEY and rr.rdata.flags == 257]

    (key,) = lab.wait_for("the signed zone to be public", keys, 20)
    start_unbound(lab, RESOLVER, ROOT, anchors=[f"{ZONE}. DNSKEY {key}"])
    return Signed(ours, key)


def resolved(lab: Lab, name: str, rtype: int, *, resolver: str = RESOLVER) -> tuple[str, bool, list[str]]:
    """(rcode, whether it is secure, the records without signatures) from a resolver."""
    reply = dnslib.DNSRecord.parse(ask(lab, resolver, query(name, rtype, recursive=True, edns=True), seconds=8))
    records = [str(rr.rdata) for rr in reply.rr if rr.rtype == rtype]
    return dnslib.RCODE.get(reply.header.rcode), bool(reply.header.ad), records


def test_unbound_finds_every_answer_secure(lab: Lab, signed: Signed) -> None:
    for text, listed in {
        "192.0.2.7": True,
        "192.0.2.8": False,
        "198.51.100.0": True,
        "198.51.100.255": True,
        "198.51.101.0": False,
        "2001:db8::7": True,
        "2001:db8::8": False,
        "127.0.0.2": True,
        "127.0.0.1": False,
        "9.9.9.9": False,
    }.items():
        name = f"{'.'.join(labels_of(ip_address(text)))}.{ZONE}"
        rcode, secure, records = resolved(lab, name, A)
        assert secure, f"{text}: {rcode} {records} is not secure"
        assert (rcode, bool(records)) == (("NOERROR", True) if listed else ("NXDOMAIN", False)), text
        if listed:
            assert resolved(lab, name, MX) == ("NOERROR", True, [])
            assert resolved(lab, name, TXT)[:2] == ("NOERROR", True)
    for prefix in ("192", "0.192", "2.0.192", "8.b.d.0.1.0.0.2"):  # empty non-terminals
        assert resolved(lab, f"{prefix}.{ZONE}", A) == ("NOERROR", True, [])


def test_a_new_listing_is_public_and_secure_within_seconds_and_gone_again(lab: Lab, signed: Signed) -> None:
    network = ip_network("203.0.113.77")
    packet = query(f"{'.'.join(labels_of(network[0]))}.{ZONE}", A)
    for change, rcode in ((signed.ours.add, 0), (signed.ours.drop, 3)):
        change([network])
        lab.wait_for("the public server to follow", lambda rcode=rcode: ask(lab, PUBLIC, packet)[3] & 15 == rcode, 8)
        validated = delv(lab, signed, f"{'.'.join(labels_of(network[0]))}.{ZONE}")
        assert "fully validated" in validated
        assert ("127.0.0.4" in validated) == (rcode == 0)


def test_a_new_listing_is_hidden_by_what_was_asked_of_its_neighbours_for_minimum_and_no_longer(
    lab: Lab, signed: Signed
) -> None:
    """Nobody has asked for the address: it is the proof about another one, in the same gap, that hides it."""
    neighbour, network = ip_address("203.0.114.5"), ip_network("203.0.114.9")
    name = f"{'.'.join(labels_of(network[0]))}.{ZONE}"
    start_unbound(lab, WAITING, ROOT, anchors=[f"{ZONE}. DNSKEY {signed.key}"])
    proof = dnslib.DNSRecord.parse(ask(lab, PUBLIC, query(name, A, edns=True)))
    assert {rr.ttl for rr in proof.auth if rr.rtype == NSEC} == {MINIMUM}
    begun = time.monotonic()
    asked = f"{'.'.join(labels_of(neighbour))}.{ZONE}"
    assert resolved(lab, asked, A, resolver=WAITING)[:2] == ("NXDOMAIN", True)
    signed.ours.add([network])
    lab.wait_for("the public server to follow", lambda: ask(lab, PUBLIC, query(name, A))[3] & 15 == 0, PUBLIC_WITHIN)
    assert time.monotonic() < begun + MINIMUM
    assert resolved(lab, name, A, resolver=WAITING)[:2] == ("NXDOMAIN", True), "it was not hidden at all"
    lab.wait_for("it to be seen", lambda: resolved(lab, name, A, resolver=WAITING)[0] == "NOERROR", 2 * MINIMUM)
    hidden = time.monotonic() - begun
    print(f"seen {hidden:.1f} s after the proof was fetched; minimum is {MINIMUM} s")
    assert hidden <= MINIMUM + 1.5  # Unbound counts whole seconds


def test_a_resolver_with_nsec_at_hand_keeps_most_questions_from_a_small_list(lab: Lab, signed: Signed) -> None:
    """`python -m bench.nsec` has the figures; all of these questions are asked within a minimum that is longer."""
    rng = random.Random(7)
    drawn = [ip_network(f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(256)}") for _ in range(LISTINGS)]
    signed.ours.add(sorted(set(drawn)))
    last = f"{'.'.join(labels_of(drawn[-1][0]))}.{ZONE}"
    lab.wait_for("the public server to follow", lambda: ask(lab, PUBLIC, query(last, A))[3] & 15 == 0, 8)
    start_nsd(lab, COUNTED_ROOT, {"": root_zone(COUNTED_ROOT, {ZONE: COUNTED})})
    tap = Tap(lab, COUNTED, PUBLIC)
    try:
        start_unbound(lab, COUNTING, COUNTED_ROOT, anchors=[f"{ZONE}. DNSKEY {signed.key}"])
        names = {f"{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(256)}.10.{ZONE}" for _ in range(QUESTIONS)}
        packets = [query(name, A, recursive=True) for name in sorted(names, key=str)]
        rng.shuffle(packets)
        replies = ask_all(lab, COUNTING, packets)
    finally:
        tap.stop()
    assert all(reply and reply[3] & 15 in (0, 3) for reply in replies)
    print(f"{len(tap.questions)} of {len(packets)} questions came to the list")
    assert len(tap.questions) < len(packets) * 0.7


def delv(lab: Lab, signed: Signed, name: str) -> str:
    """What delv says about a name at the public server."""
    flags, protocol, algorithm, material = signed.key.split(None, 3)
    anchor = lab.folder / "anchor"
    anchor.write_text(f'trust-anchors {{ "{ZONE}" static-key {flags} {protocol} {algorithm} "{material}"; }};\n')
    done = lab.run("us", ["delv", f"@{PUBLIC}", "-a", str(anchor), f"+root={ZONE}", name, "A"])
    return done.stdout + done.stderr


def test_delv_validates_what_is_listed_and_what_is_not(lab: Lab, signed: Signed) -> None:
    assert "; fully validated" in delv(lab, signed, f"2.0.0.127.{ZONE}")
    assert "; negative response, fully validated" in delv(lab, signed, f"1.0.0.127.{ZONE}")


def test_with_another_key_nothing_is_believed(lab: Lab, signed: Signed) -> None:
    """That the answers above were secure says something: the same answers are bogus for who trusts another key."""
    other = base64.b64encode(random.Random(3).randbytes(64)).decode()
    start_unbound(lab, MISLED, ROOT, anchors=[f"{ZONE}. DNSKEY 257 3 13 {other}"])
    assert resolved(lab, f"2.0.0.127.{ZONE}", A, resolver=MISLED) == ("SERVFAIL", False, [])
