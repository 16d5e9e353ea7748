"""Real hosts with several doors, tested by the whole list as an operator would: each way in gets its verdict, the host
its cause, and the advice closes it. And what real servers do to a line feed and a carriage return by themselves.
"""

from __future__ import annotations

import json
import smtplib
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trustme
from fleet import ANYBODY, INNER, OUTER
from lab import PREFIX6, TESTER, TESTER6, Lab
from postfix import start_postfix
from servers import courier, exim, opensmtpd, sendmail
from test_postfix_journey import CONFIG, List
from ward import Patient, close
from worlds import Server, world

from tester.cause import Cause, Software, advice

INNER6, OUTER6 = "2001:db8:ffff::2", "2001:db8:ffff::1"
SETTINGS = (
    CONFIG.replace(f'["{TESTER}"]', f'["{TESTER}", "{TESTER6}"]')
    .replace('"198.51.100.0/24"]', f'"198.51.100.0/24", "{PREFIX6}"]')
    .replace(
        "[tester]\n",
        "[tester]\nside_timeout = 2\nbanner_timeout = 10\nbanner_second_timeout = 10\nper_network = 20\n"
        "retry_after = []\nslow_network = 0\nlater_after = []\n",
    )
    + "\n[policy]\nunreachable_retry = []\n"
)


_DNAT = """
  chain in {{
    type nat hook prerouting priority dstnat;
    iifname "eth0" tcp dport 25 dnat to {};
  }}
"""
_OUT = """
  chain out {
    type nat hook postrouting priority srcnat;
    oifname "eth0" masquerade;
  }
"""


# -- doors ----------------------------------------------------------------------------------------------------
def _behind(lab: Lab, host: str, *, proxied: int) -> Patient:
    """A container that a proxy faces over one family, as Docker's userland proxy does, and to which the other family is
    passed on as it came. It trusts the network that the proxy is in, and so everybody who comes over that family."""
    inside, own4, own6 = f"{host}-in", lab.hosts[host][0], SIX[host]
    lab.add_behind(host, OUTER, inside, INNER)
    lab.add_ipv6_behind(host, OUTER6, inside, INNER6)
    passed = (
        f"table ip nat {{ {_DNAT.format(INNER)} }}" if proxied == 6 else f"table ip6 nat {{ {_DNAT.format(INNER6)} }}"
    )
    lines = ("flush ruleset", passed, *(f"table {family} out {{ {_OUT} }}" for family in ("ip", "ip6")))
    forward = "echo 1 >/proc/sys/net/ipv4/ip_forward\necho 1 >/proc/sys/net/ipv6/conf/all/forwarding\n"
    script = f"{forward}nft -f /etc/nftables.conf"
    lab.run(host, world(lab, host, "nftables", script, {"etc/nftables.conf": "\n".join(lines) + "\n"}))
    name = lab.name(host)
    settings = {"mynetworks": f"127.0.0.0/8 {OUTER}/32", "inet_protocols": "all"}
    postfix = start_postfix(lab, inside, **settings, myhostname=name, mydestination=name)
    bind = f"[{own6}]" if proxied == 6 else own4
    config = (
        "defaults",
        "    mode tcp",
        "    timeout connect 5s",
        "    timeout client 60s",
        "    timeout server 60s",
        "listen mail",
        f"    bind {bind}:25",
        f"    server mail {INNER}:25",
    )
    script = "exec haproxy -db -f /etc/haproxy/haproxy.cfg"
    files = {"etc/haproxy/haproxy.cfg": "\n".join(config) + "\n"}
    Server(lab, host, "haproxy", world(lab, host, "haproxy", script, files), _listening(f"{bind}:25 ")).start()
    return {"postfix": postfix}


def _listening(place: str) -> Callable[[Lab, str], None]:
    def wait(lab: Lab, host: str) -> None:
        lab.wait_for(f"a listener on {host}", lambda: place in lab.run(host, ["ss", "-Hltn"]).stdout, 20, every=0.2)

    return wait


def _submission(lab: Lab, host: str, service: str, options: str = "") -> Patient:
    """Closed at port 25; at the port for its users it trusts the world, since they come from everywhere."""
    chain = _chain(lab, host, trustme.CA().issue_cert(lab.name(host)))
    sasl = lab.folder / f"{host}-sasl"
    sasl.mkdir()
    (sasl / "smtpd.conf").write_text("pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN\n")
    line = f"{service} inet n - n - - smtpd\n{options}  -o mynetworks=0.0.0.0/0\n"
    return {
        "postfix": start_postfix(
            lab,
            host,
            more=line,
            smtpd_tls_chain_files=str(chain),
            smtpd_tls_security_level="may",
            cyrus_sasl_config_path=str(sasl),
        )
    }


def _catch_all(lab: Lab, host: str) -> Patient:
    """Takes whatever name at its own domain, and keeps it."""
    return {"postfix": start_postfix(lab, host, local_recipient_maps="")}


class Door(NamedTuple):
    """How a host is set up, what each way in is found to be, why, and by which form of the advice it is closed."""

    build: Callable[[Lab, str], Patient]
    verdict: str
    ways: dict[tuple[int, int], str]  #: by family and port
    cause: Cause | None = None
    listed: tuple[int, ...] = ()  #: which of its families are listed


NONE = "UNREACHABLE"
DOORS = {
    "d-six": Door(
        lambda lab, host: _behind(lab, host, proxied=6),
        "OPEN",
        {(4, 25): "CLOSED", (6, 25): "OPEN"},
        Cause.CLIENT_ADDRESS_LOST,
        (4,),
    ),
    "d-four": Door(
        lambda lab, host: _behind(lab, host, proxied=4),
        "OPEN",
        {(4, 25): "OPEN", (6, 25): "CLOSED"},
        Cause.CLIENT_ADDRESS_LOST,
        (4,),
    ),
    "d-587": Door(
        lambda lab, host: _submission(lab, host, "submission"),
        "OPEN",
        {(4, 25): "CLOSED", (4, 587): "OPEN", (4, 465): NONE},
        Cause.SUBMISSION_OPEN,
        (4,),
    ),
    "d-465": Door(
        lambda lab, host: _submission(
            lab, host, "smtps", "  -o smtpd_tls_wrappermode=yes\n  -o smtpd_tls_security_level=encrypt\n"
        ),
        "OPEN",
        {(4, 25): "CLOSED", (4, 587): NONE, (4, 465): "OPEN"},
        Cause.SUBMISSION_OPEN,
        (4,),
    ),
    # keeps for its own users what looks like a route: nothing comes back, and nobody is listed
    "d-catch": Door(_catch_all, "ACCEPTS_LOSES", {(4, 25): "ACCEPTS_LOSES", (4, 587): NONE}),
}
#: The other address of a host that has two.
SIX = {"d-six": "2001:db8::20", "d-four": "2001:db8::21"}

#: How the letter with a line feed and a carriage return by themselves fares, and which of them is left as it is. None
#: leaves a line feed alone: Postfix, Exim, OpenSMTPD and Courier make it the end of a line, Sendmail refuses it.
CAME, CR = "DELIVERED_SAME", "passes-bare-cr"
RELAYS: dict[str, tuple[Callable[[Lab, str], object], str, set[str]]] = {
    "b-postfix": (lambda lab, host: start_postfix(lab, host, **ANYBODY), CAME, set()),
    "b-strict": (
        lambda lab, host: start_postfix(
            lab, host, **ANYBODY, smtpd_forbid_bare_newline="reject", smtpd_forbid_bare_newline_exclusions=""
        ),
        "DATA_END_5XX",
        set(),
    ),
    "b-exim": (lambda lab, host: exim(lab, host, nets="0.0.0.0/0"), CAME, set()),
    "b-smtpd": (lambda lab, host: opensmtpd(lab, host, 'match from any for any action "relay"'), CAME, {CR}),
    "b-sendmail": (lambda lab, host: sendmail(lab, host, "FEATURE(`promiscuous_relay')dnl"), "DATA_END_4XX", set()),
    "b-courier": (
        lambda lab, host: courier(lab, host, files={"etc/courier/smtpaccess/default": "*\tallow,RELAYCLIENT\n"}),
        CAME,
        {CR},
    ),
}


class Found(NamedTuple):
    """What the list has found, before and after the advice was followed."""

    before: dict[str, Any]
    after: dict[str, Any]
    lookups: dict[tuple[str, int], Any]  #: by host and family, before


def _records() -> Iterator[str]:
    for host, address in SIX.items():
        yield f"{host}.test. AAAA {address}"
        groups = "".join(f"{int(part or '0', 16):04x}" for part in _exploded(address))
        yield f"{'.'.join(reversed(groups))}.ip6.arpa. PTR {host}.test."


def _exploded(address: str) -> list[str]:
    head, _, tail = address.partition("::")
    first, last = head.split(":"), tail.split(":")
    return [*first, *["0"] * (8 - len(first) - len(last)), *last]


@pytest.fixture(scope="module")
def found(lab: Lab) -> Found:
    hosts = [*DOORS, *RELAYS]
    for number, host in enumerate(hosts, start=20):
        lab.add_host(host, f"198.51.100.{number}")
    lab.add_ipv6("us", TESTER6)
    for host, address in SIX.items():
        lab.add_ipv6(host, address)
    lab.resolver(records=_records())
    with ThreadPoolExecutor(8) as pool:
        patients = {host: pool.submit(door.build, lab, host) for host, door in DOORS.items()}
        relays = [pool.submit(build, lab, host) for host, (build, _, _) in RELAYS.items()]
        doors = {host: patient.result() for host, patient in patients.items()}
        for relay in relays:
            relay.result()
    ours = List(lab, SETTINGS)
    ours.serve()

    def test(host: str) -> Any:
        profile = "standard" if DOORS.get(host) and not DOORS[host].listed else "full"
        return _told(lab, ours, "test", lab.hosts[host][0], "--profile", profile, "--wait")

    def remove(host: str) -> Any:
        return _told(lab, ours, "remove", lab.hosts[host][0], "--wait")

    closing = [host for host, door in DOORS.items() if door.cause is not None]
    with ThreadPoolExecutor(12) as pool:
        before = dict(zip(hosts, pool.map(test, hosts), strict=True))
        lookups = {(host, 4): ours.command("lookup", lab.hosts[host][0]) for host in closing}
        lookups |= {(host, 6): ours.command("lookup", address) for host, address in SIX.items()}
        for host in closing:
            cause = Cause(before[host]["cause"]["name"])
            close(doors[host], [one for one in advice(cause, Software.POSTFIX) if one.setup == "postfix"])
        after = dict(zip(closing, pool.map(remove, closing), strict=True))
    return Found(before, after, lookups)


def _told(lab: Lab, ours: List, *words: str) -> Any:
    """The document of a command that may end with another status than 0: a host that is still open is one."""
    return json.loads(lab.run("us", ours.argv(*words, "--json"), seconds=100, check=False).stdout)


def _ways(test: Any) -> dict[tuple[int, int], str]:
    return {(6 if ":" in way["address"] else 4, way["port"]): way["verdict"] for way in test["paths"]}


@pytest.mark.parametrize("host", DOORS)
def test_every_way_into_a_host_has_its_verdict_and_the_host_its_cause(found: Found, host: str) -> None:
    door, test = DOORS[host], found.before[host]
    assert test["verdict"] == door.verdict, test
    ways = _ways(test)
    assert {way: ways.get(way) for way in door.ways} == door.ways, test["paths"]
    assert (test["cause"] or {}).get("name") == door.cause, test["cause"]


@pytest.mark.parametrize("host", [host for host, door in DOORS.items() if door.listed])
def test_who_delivered_the_letters_is_listed(found: Found, lab: Lab, host: str) -> None:
    test = found.before[host]
    assert test["output_addresses"] == [lab.hosts[host][0]], "the other family's letters leave here as well"
    families = {family for (name, family), standing in found.lookups.items() if name == host and standing["listings"]}
    assert families == set(DOORS[host].listed)


@pytest.mark.parametrize("host", [host for host, door in DOORS.items() if door.cause])
def test_the_advice_closes_every_way_into_the_real_host(found: Found, host: str) -> None:
    test = found.after[host]
    assert test["verdict"] == "CLOSED", test
    assert set(_ways(test).values()) <= {"CLOSED", NONE}, test["paths"]
    assert set(_ways(test)) >= set(DOORS[host].ways)
    assert test["listings"] == []


@pytest.mark.parametrize("host", RELAYS)
def test_canaries_are_measured_and_change_no_verdict(found: Found, host: str) -> None:
    test = found.before[host]
    assert test["verdict"] == "OPEN", test
    _, outcome, flags = RELAYS[host]
    assert [attempt["outcome"] for attempt in test["attempts"] if attempt["vector"] == "C01"] == [outcome]
    assert {flag for flag in test["flags"] if flag.startswith("passes")} == flags


def test_postfix_lets_in_whom_a_trusted_authority_vouches_for_and_nobody_else(found: Found, lab: Lab) -> None:
    """permit_tls_all_clientcerts, measured: a certificate that anybody has made himself (what T01 shows) is refused
    where certificates are asked for and where they are required; one that is in the file of trusted authorities is let
    in, self-signed or not, and so is whatever these have signed."""
    authority, somebody = trustme.CA(), trustme.CA()
    signed, made = authority.issue_cert("client.test"), somebody.issue_cert("client.test")
    trusted = lab.folder / "trusted.pem"
    authority.cert_pem.write_to_path(trusted)
    settings = {
        "smtpd_relay_restrictions": "permit_tls_all_clientcerts, reject_unauth_destination",
        "smtpd_tls_chain_files": str(_chain(lab, "t-server", trustme.CA().issue_cert("t.test"))),
        "smtpd_tls_CAfile": str(trusted),
    }
    hosts = {
        "t-ask": {"smtpd_tls_security_level": "may", "smtpd_tls_ask_ccert": "yes"},
        "t-req": {"smtpd_tls_security_level": "encrypt", "smtpd_tls_req_ccert": "yes"},
    }
    for number, (host, more) in enumerate(hosts.items(), start=200):
        lab.add_host(host, f"198.51.100.{number}")
        start_postfix(lab, host, **settings, **more)
    itself = lab.folder / "authority.pem"
    itself.write_bytes(authority.private_key_pem.bytes() + authority.cert_pem.bytes())
    shown = {
        "made by anybody": _chain(lab, "made", made),
        "signed by the authority": _chain(lab, "signed", signed),
        "the authority's own": itself,
    }
    said = {(host, whose): _offer(lab, host, file) for host in hosts for whose, file in shown.items()}
    print(said)
    assert all(code == 250 for (_, whose), code in said.items() if whose != "made by anybody"), said
    assert all(code >= 400 for (_, whose), code in said.items() if whose == "made by anybody"), said


def _chain(lab: Lab, name: str, cert: trustme.LeafCert) -> Path:
    file = lab.folder / f"{name}.pem"
    file.write_bytes(cert.private_key_and_cert_chain_pem.bytes())
    file.chmod(0o644)
    return file


def _offer(lab: Lab, host: str, certificate: Path) -> int:
    """What is said to a recipient elsewhere from who shows this certificate; 500 where it is not heard at all."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(certificate)
    with lab.inside("client"):
        try:
            with smtplib.SMTP(lab.hosts[host][0], 25, local_hostname="client.test", timeout=15) as client:
                client.starttls(context=context)
                client.ehlo()
                client.mail("s@b.lab.test")
                return client.rcpt("r@c.lab.test")[0]
        except (smtplib.SMTPException, OSError):
            return 500
