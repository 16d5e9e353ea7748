"""Bulk loads: checked first, done in slices, and taken up again where they broke off."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network
from itertools import pairwise

import pytest

from dnsbl.addresses import Network
from dnsbl.casework import bulk
from dnsbl.errors import DnsblError, Refused, StoreUnavailable, Trouble
from dnsbl.rules.bounds import Bounds
from dnsbl.store import Store
from tester import manners
from tests.dnsbl.conftest import Office

NETS = [ip_network((0x0A000000 + n * 256, 24)) for n in range(7)]
WORDS = {"kind": "manual", "reason": "x", "actor": "operator"}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "SLICE", 3)
    monkeypatch.setattr(bulk, "FIRST", 3)


def listed(office: Office) -> list[Network]:
    with office.store.read() as tx:
        return sorted(one.network for one in tx.listings.page(most=100)[0])


def break_off(error: BaseException, after: int):
    def told(gone: int) -> None:
        if gone >= after:
            raise error

    return told


def test_others_write_between_two_slices(office: Office) -> None:
    def told(gone: int) -> None:
        office.casework.operators.exclude(ip_network(f"192.0.2.{gone}"), reason="x", actor="somebody")

    assert office.casework.operators.list_networks(NETS, told=told, **WORDS) == 7
    verbs = [entry.verb for entry in office.casework.operators.journal()]
    assert verbs == ["listed", "excluded"] * 3
    assert [entry.evidence for entry in office.casework.operators.journal() if entry.verb == "listed"] == [
        "changes 1-3: x",
        "changes 5-7: x",
        "changes 9-9: x",
    ]
    assert office.casework.operators.journal()[-2].subject == str(NETS[6])


def test_slices_that_take_long_get_smaller_and_grow_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("SLICE", 8), ("FIRST", 8), ("LEAST", 2)):
        monkeypatch.setattr(bulk, name, size)
    networks = [ip_network((0x0A000000 + n * 256, 24)) for n in range(40)]
    seen = [0]

    def told(gone: int) -> None:
        seen.append(gone)
        office.clock.turn(seconds=bulk.LONG * (1.6 if gone < 10 else 9 if gone < 15 else 0.1))

    assert office.casework.operators.list_networks(networks, told=told, **WORDS) == 40
    assert [after - before for before, after in pairwise(seen)] == [8, 5, 2, 4, 8, 8, 5]


@pytest.mark.parametrize(
    "error", [StoreUnavailable("The database is too busy.", trouble=Trouble.BUSY), KeyboardInterrupt()]
)
def test_what_breaks_off_says_how_far_it_came_and_the_same_again_does_the_rest(office: Office, error) -> None:
    operators = office.casework.operators
    with pytest.raises(DnsblError, match="6 networks are listed; the same command again does the rest"):
        operators.list_networks(NETS, told=break_off(error, 6), **WORDS)
    assert listed(office) == NETS[:6]
    assert operators.list_networks(NETS, **WORDS) == 1
    assert listed(office) == NETS
    with pytest.raises(DnsblError, match="3 networks are dropped"):
        operators.drop_networks(NETS, told=break_off(error, 3), **WORDS)
    assert listed(office) == NETS[3:]
    assert operators.drop_networks(NETS, **WORDS) == 4
    assert listed(office) == []
    assert operators.verify_journal() == len(operators.journal())


def test_what_is_wrong_anywhere_changes_nothing(office: Office) -> None:
    operators = office.casework.operators
    operators.list_networks(NETS[:6], **WORDS)
    with pytest.raises(Refused, match=r"10\.0\.6\.0/24 is not listed as manual; nothing was dropped"):
        operators.drop_networks(NETS, **WORDS)
    with pytest.raises(Refused, match=r"not listed as manual, but 10\.0\.5\.0/24 is as manual; nothing was dropped"):
        operators.drop_networks([ip_network("10.0.5.9/32")], **WORDS)
    with pytest.raises(Refused, match="wider"):
        operators.list_networks([*NETS, ip_network("240.0.0.0/4")], **WORDS)
    assert listed(office) == NETS[:6]
    operators.drop_networks(NETS[:6], **WORDS)
    with pytest.raises(Refused, match="is not listed"):  # all of them were dropped before
        operators.drop_networks(NETS[:6], **WORDS)


def test_of_many_networks_those_are_refused_that_are_refused_by_themselves(make_office) -> None:
    labs = ["192.0.2.0/25", "2001:db8:1::/48"]
    office = make_office(tester={"lab_networks": labs})
    bounds = Bounds.of(office.settings)
    edges = {
        (make(address & -1 << width - length), length)
        for make, width, lengths in ((IPv4Address, 32, (7, 15, 24, 31, 32)), (IPv6Address, 128, (15, 47, 64, 128)))
        for first, last, _ in manners.SPECIAL[make(0).version]
        for address in (first - 1, first, last, last + 1)
        if 0 <= address < 1 << width
        for length in lengths
    }
    networks = [*map(ip_network, edges), *map(ip_network, labs)]
    good = [network for network in networks if bounds.may_hold(network)]
    bad = [network for network in networks if not bounds.may_hold(network)]
    assert min(len(good), len(bad)) > 50
    for network in bad:
        with pytest.raises(Refused, match=f"^{network} "):
            office.casework.operators.list_networks([*good[:9], network], **WORDS)
    assert office.casework.operators.list_networks(good, **WORDS) == len(good)


def test_proposals_come_in_slices_too(make_office) -> None:
    office = make_office(policy={"two_persons": True}, tester={"lab_networks": ["10.0.0.0/8"]})
    assert office.casework.operators.list_networks(NETS, **WORDS) == 0
    assert [one.network for one in office.casework.reviewing.proposals()] == NETS
    assert [entry.subject for entry in office.casework.operators.journal()] == ["list", "list", str(NETS[6])]


def test_a_slice_of_one_network_is_entered_as_the_network_by_itself(
    office: Office, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal of a load and that of single verbs have the same chain, to its last hash."""
    monkeypatch.setattr(bulk, "SLICE", 1)
    monkeypatch.setattr(bulk, "FIRST", 1)
    offices = office, Office(other, office.settings)
    for each, loads in zip(offices, ([NETS], [[network] for network in NETS]), strict=True):
        operators = each.casework.operators
        for verb in (operators.list_networks, operators.drop_networks):
            assert sum(verb(some, **WORDS) for some in loads) == 7
    journals = [each.casework.operators.journal() for each in offices]
    assert journals[0] == journals[1]
    assert [entry.verb for entry in journals[0]] == ["listed"] * 7 + ["dropped"] * 7
