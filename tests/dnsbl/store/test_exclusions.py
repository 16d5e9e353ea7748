"""Networks that are not to be tested."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from dnsbl.model import Exclusion
from dnsbl.store import Store
from tests.dnsbl.store.samples import NOW, later


def test_the_narrowest_exclusion_covers_and_a_new_one_replaces_the_old(store: Store) -> None:
    wide = Exclusion(network=ip_network("192.0.0.0/16"), reason="wide", public="", since=NOW)
    narrow = Exclusion(network=ip_network("192.0.2.0/24"), reason="narrow", public="", since=NOW)
    with store.write() as tx:
        for exclusion in (wide, narrow):
            tx.exclusions.put(exclusion)
        assert tx.exclusions.covering(ip_address("192.0.2.9")) == narrow
        assert tx.exclusions.covering(ip_address("192.0.3.9")) == wide
        assert tx.exclusions.covering(ip_address("192.1.0.0")) is None
        again = Exclusion(network=narrow.network, reason="again", public="", since=later(days=1))
        tx.exclusions.put(again)
        assert tx.exclusions.covering(ip_address("192.0.2.9")) == again


def test_all_are_in_order_and_one_ends_by_its_very_network(store: Store) -> None:
    networks = [ip_network(text) for text in ("192.0.2.0/24", "192.0.2.128/25", "2001:db8::/32")]
    with store.write() as tx:
        for network in reversed(networks):
            tx.exclusions.put(Exclusion(network=network, reason="x", public="y", since=NOW))
        assert [each.network for each in tx.exclusions.all()] == networks
        assert not tx.exclusions.end(ip_network("192.0.2.0/25"))
        assert tx.exclusions.end(networks[0])
        assert not tx.exclusions.end(networks[0])
        assert tx.exclusions.covering(ip_address("192.0.2.1")) is None
        assert [each.public for each in tx.exclusions.all()] == ["y", "y"]


def test_the_mark_changes_with_each_exclusion_that_is_added_or_replaced_and_with_nothing_else(store: Store) -> None:
    def put(network: str, days: float) -> None:
        tx.exclusions.put(Exclusion(network=ip_network(network), reason="x", public="", since=later(days=days)))

    with store.write() as tx:
        marks = [tx.exclusions.mark()]
        for network, days in (("192.0.2.0/24", 0), ("198.51.100.0/24", 0), ("192.0.2.0/24", 1)):
            put(network, days)
            marks.append(tx.exclusions.mark())
        assert len(set(marks)) == 4
        assert tx.exclusions.mark() == marks[-1]
