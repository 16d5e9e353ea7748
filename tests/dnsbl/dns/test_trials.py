"""Lists that are out of order: each answers as such a list does, in both families, and lists nobody anywhere else."""

from __future__ import annotations

from datetime import date
from ipaddress import ip_address, ip_network

import dns.flags
import dns.message
import dns.rcode
import pytest

from dnsbl.addresses import reversed_labels
from dnsbl.dns.answer import trial
from dnsbl.dns.guard import rules_of
from dnsbl.dns.listed.table import Table
from dnsbl.dns.respond import Serving, respond
from dnsbl.dns.trials import PLAYED, TRIALS
from dnsbl.dns.wire import parse
from dnsbl.dns.zonefile import zones_from
from dnsbl.errors import SettingsError
from dnsbl.settings import Dns

HEAD = """
origin = "{origin}"
ns = ["ns.example.net"]
[soa]
mname = "ns.example.net"
rname = "hostmaster.example.net"
"""
TRIAL = HEAD.format(origin="trial.bl.test").replace("[soa]", "trial = true\n[soa]")
LIST = HEAD.format(origin="bl.test") + '[kinds.relay]\ncode = "127.0.0.2"\ntxt = "listed"\n'
ZONES = zones_from({"trial": TRIAL, "list": LIST}, site="https://bl.test")
SERVING = Serving(ZONES, Table.of([(ip_network("192.0.2.9/32"), "relay")], serial=1))
V4, V6, LOOP, POINT, TWIN = "192.0.2.9", "2001:db8::9", "127.0.0.1", "127.0.0.2", "::ffff:127.0.0.2"
LETTER = "fe80::9"  # whose last label is no digit


def ask(name: str, rtype: str = "A", serving: Serving = SERVING) -> tuple[str, list[str]] | None:
    packet = dns.message.make_query(name, rtype).to_wire()
    replied = respond(packet, ip_address("198.51.100.1").packed, 0.0, serving, tcp=False)
    if replied.packet is None:
        return None
    said = dns.message.from_wire(replied.packet)
    assert bool(said.flags & dns.flags.AA) is (said.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN))
    return dns.rcode.to_text(said.rcode()), [record.to_text() for rrset in said.answer for record in rrset]


def asked(address: str, label: str, rtype: str = "A") -> tuple[str, list[str]] | None:
    return ask(f"{reversed_labels(ip_address(address))}.{label}.trial.bl.test", rtype)


@pytest.mark.parametrize(
    ("label", "listed", "nobody"),
    [
        ("good", [POINT, TWIN], [V4, V6, LETTER, LOOP]),
        ("error", [V4, V6, LETTER, LOOP, POINT, TWIN], []),
        ("world", [V4, V6, LETTER, LOOP, POINT, TWIN], []),
        ("empty", [], [V4, V6, LETTER, LOOP, POINT, TWIN]),
    ],
)
def test_each_list_says_what_it_plays_of_addresses_of_both_families(
    label: str, listed: list[str], nobody: list[str]
) -> None:
    code = {"error": "127.255.255.254"}.get(label, "127.0.0.2")
    for address in listed:
        assert asked(address, label) == ("NOERROR", [code])
        assert asked(address, label, "TXT") == ("NOERROR", [f'"{PLAYED[label.encode()].text}"'])
        assert asked(address, label, "AAAA") == ("NOERROR", [])
        assert asked(address, label, "ANY") == ("NOERROR", ['"RFC8482" ""'])
        for sublist in ("multihop", "mx"):
            assert asked(address, f"{sublist}.{label}") == ("NOERROR", [code]), "a sublist too"
    for address in nobody:
        assert asked(address, label) == ("NXDOMAIN", [])


def test_one_refuses_and_one_is_silent() -> None:
    assert asked(V4, "refused") == asked(POINT, "refused") == ("REFUSED", [])
    assert asked(V4, "silent") is asked(TWIN, "silent") is None


def test_names_between_exist_for_resolvers_that_go_label_by_label() -> None:
    for label in ("good", "error", "world"):
        for name in ("", "127.", "0.127.", "0.0.127.", "0.0.0.0.0.", "multihop."):
            assert ask(f"{name}{label}.trial.bl.test") == ("NOERROR", [])
    assert ask("2.0.192.good.trial.bl.test") == ask("192.empty.trial.bl.test") == ("NXDOMAIN", [])
    assert ask("empty.trial.bl.test") == ask("trial.bl.test") == ("NOERROR", [])
    assert ask("9.2.0.192.trial.bl.test") == ask("other.trial.bl.test") == ("NXDOMAIN", [])


def test_the_zone_itself_is_there_also_where_it_is_not_asked_for_its_own_records() -> None:
    query = parse(dns.message.make_query("trial.bl.test", "A").to_wire())
    [zone] = ZONES.trials
    assert query is not None
    reply = trial(query, zone, Table.of([]), ())
    assert (reply.rcode, reply.answers) == (dns.rcode.NOERROR, ())


def test_the_list_around_it_and_what_is_told_of_addresses_know_nothing_of_trials() -> None:
    assert ask("9.2.0.192.bl.test") == ("NOERROR", ["127.0.0.2"])
    assert ZONES.codes_of(ip_address(V4), ["relay"]) == {"bl.test": ["127.0.0.2"]}
    assert [zone.origin for zone in ZONES.own] == ["bl.test"]
    assert [zone.origin for zone in ZONES.trials] == ["trial.bl.test"]
    over = zones_from({"trial": TRIAL.replace("[soa]", "retires = 2026-01-01\n[soa]")}, site="", today=None)
    assert over.trials


def test_a_client_who_gets_no_answers_gets_none_here_either() -> None:
    shut = Serving(ZONES, SERVING.table, rules=rules_of(Dns(acl=["198.51.100.0/24 refuse"]).acl))
    assert ask("9.2.0.192.error.trial.bl.test", serving=shut) == ("REFUSED", [])
    assert ask("9.2.0.192.error.trial.bl.test", serving=Serving(ZONES)) == ("SERVFAIL", [])


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        (("trial = true", 'trial = true\nwatched = "qw.test"'), "lists nothing"),
        (("[soa]", '[kinds.relay]\ncode = "127.0.0.2"\ntxt = "x"\n[soa]'), "lists nothing"),
        (("[soa]", '[[records]]\nname = "www.error"\ntype = "A"\ndata = "192.0.2.1"\n[soa]'), "belongs to the trial"),
        (('ns = ["ns.example.net"]', ""), "ns: needed"),
    ],
)
def test_a_zone_for_trials_holds_nothing_else(change: tuple[str, str], mistake: str) -> None:
    with pytest.raises(SettingsError, match=mistake):
        zones_from({"trial": TRIAL.replace(*change)}, site="https://bl.test")


def test_no_text_is_longer_than_one_string_and_each_name_is_played_once() -> None:
    assert all(len(trial.text) <= 200 and trial.text.isascii() for trial in TRIALS)
    assert len(PLAYED) == len(TRIALS)


def test_a_trial_that_is_over_plays_nothing() -> None:
    text = TRIAL.replace("trial = true", "trial = true\nretires = 2026-01-01")
    over = Serving(zones_from({"t": text}, site="https://bl.test", today=date(2026, 11, 26)), Table.of([], serial=1))
    for name in ("9.2.0.192.world", "2.0.0.127.good", "9.2.0.192.error"):
        assert ask(f"{name}.trial.bl.test", serving=over) == ("NXDOMAIN", [])


@pytest.mark.parametrize("label", ["relay", "192", "0.0.127", "f", "0.f", "_status", "deep.relay"])
def test_no_zone_may_lie_where_a_list_has_names_of_its_own(label: str) -> None:
    around = LIST + '[[records]]\nname = "www"\ntype = "A"\ndata = "192.0.2.1"\n'
    for name in (label, "www"):
        inside = TRIAL.replace("trial.bl.test", f"{name}.bl.test")
        for texts in ({"list": around, "inside": inside}, {"inside": inside, "list": around}):
            with pytest.raises(SettingsError, match=r"inside: origin: .* and would hide them"):
                zones_from(texts, site="https://bl.test")
