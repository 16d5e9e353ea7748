"""What is the compiled engine's alone: how it learns, counts and lets go. What it says is in test_equality."""

import dataclasses
from ipaddress import ip_address, ip_network

import pytest

from dnsbl.dns.engine import compiled
from dnsbl.dns.guard import rules_of
from dnsbl.dns.listed.table import Table
from dnsbl.dns.respond import Serving, respond
from dnsbl.dns.sourced import gathered
from dnsbl.dns.sources.reading import read
from dnsbl.dns.zonefile import read_zone
from dnsbl.dns.zones import Kind, View, Zone, Zones
from dnsbl.settings import Dns
from tests.dnsbl.dns.engine.both import asked, both
from tests.dnsbl.dns.engine.test_equality import BITMASK
from tests.dnsbl.dns.test_answer import CLIENT, NOW, TABLE, ZONES

RULES = rules_of(Dns(acl=["192.0.2.0/24 refuse", "192.0.2.65/32 drop"]).acl)


def test_what_is_logged_is_handed_over_once_in_so_many() -> None:
    engine = compiled.Compiled(1, every=3)
    engine.load(dataclasses.replace(Serving(ZONES, TABLE), rules=RULES))
    packets = [
        (asked("7.2.0.192.bl.test"), CLIENT),
        (b"short", CLIENT),
        (asked("bl.test"), ip_address("192.0.2.65").packed),
    ]
    whys = [engine.core.answer(packet, client, NOW)[1] for packet, client in packets * 6]
    assert [why == "sampled" for why in whys[::3]] == [False, False, True] * 2
    assert set(whys[1::3]) == {"header"}
    assert set(whys[2::3]) == {"acl"}


def test_more_kinds_than_the_engine_tells_apart_leave_a_zone_to_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "MOST_KINDS", 3)
    world = both("compiled")
    agreed = {zone.origin: world.agree(asked(f"7.2.0.192.{zone.origin}")) for zone in ZONES}
    assert set(agreed.values()) == {True, False}
    assert agreed["bl.test"]


#: The fields that the engine was taught, or may ignore, by class.
KNOWN: dict[type, str] = {
    Zone: "origin labels bitmask site ttl soa_ttl negative_ttl soa_names soa_timers ns glue static views sources "
    "between use retires ended watched trial",
    View: "kinds tests",
    Kind: "name code txt ttl packed",
    Serving: "zones table sourced seen stale_after rules keys pace cookies nsid proxies askers tcp_idle told heard",
}


@pytest.mark.parametrize("kind", KNOWN, ids=lambda kind: kind.__name__)
def test_every_field_that_answers_depend_on_is_taught_to_the_engine_or_named_as_of_no_account(kind: type) -> None:
    assert [field.name for field in dataclasses.fields(kind)] == KNOWN[kind].split()


def test_a_state_is_let_go_when_another_comes_and_counts_outlive_their_zones() -> None:
    serving = Serving(ZONES, TABLE)
    engine = compiled.Compiled(1)
    engine.load(serving)
    engine.core.answer(asked("7.2.0.192.bl.test"), CLIENT, NOW)
    for number in range(5):
        serving.table = Table.of([(ip_network(f"192.0.2.{number}/32"), "relay")])
        engine.load(serving)
        engine.load(serving)  # nothing new: nothing is swapped
    serving.zones = BITMASK
    engine.load(serving)
    engine.core.answer(asked("7.2.0.193.bl.test", "TXT"), CLIENT, NOW)
    assert engine.core.waiting == 0
    assert engine.replied() == {("bl.test", 0, "A", False): 1, ("bl.test", 3, "TXT", False): 1}
    assert engine.found() == {("hit", "bl.test", "relay"): 1}
    assert engine.core.counted() == dict.fromkeys(engine.core.counted(), 0) | {"udp": 2}


class Turning:
    """A `Serving` of which another thread changes the zones while its parts are read."""

    def __init__(self, serving: Serving, zones: Zones) -> None:
        self._serving, self._next = serving, zones

    def __getattr__(self, name: str) -> object:
        found = getattr(self._serving, name)
        if name == "table":
            self._serving.zones = self._next
        return found


def test_zones_that_change_while_a_state_is_made_are_all_the_old_ones_or_all_the_new_ones_in_it() -> None:
    def zone(origin: str) -> Zone:
        return read_zone(f'origin = "{origin}"\n[[sources]]\ntype = "dnset"\nfiles = ["f"]\n', "z.toml", site="")

    one, two = zone("one.test"), zone("two.test")
    held = {
        each.origin: gathered(each, [read("dnset", [("f", b"x " + each.labels[0])], now=0)], 1) for each in (one, two)
    }
    serving = Serving(Zones((one, two)), sourced=held)
    engine = compiled.Compiled(1)
    engine.load(Turning(serving, Zones((two, one))))  # type: ignore[arg-type]
    for each in (one, two):
        packet = asked(f"x.{each.origin}", "TXT")
        assert engine.core.answer(packet, CLIENT, NOW)[0] == respond(packet, CLIENT, NOW, serving, tcp=False).packet


def test_a_socket_that_is_none_is_an_error() -> None:
    engine = compiled.Compiled(1)
    engine.load(Serving(ZONES, TABLE))
    with pytest.raises(OSError, match="the socket failed"):
        engine.core.run(-1, -1)
