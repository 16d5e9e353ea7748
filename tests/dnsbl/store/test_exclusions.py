"""Networks that are not to be tested."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from dnsbl.model import Exclusion
from dnsbl.store import Store
from tests.dnsbl.store.samples import NOW, later


def test_the_narrowest_exclusion_covers_and_a_new_one_replaces_the_old(store: Store) -> None:
    wide = Exclusion(network=ip_network("192.0.0.0/16"), reason="wide", since=NOW)
    narrow = Exclusion(network=ip_network("192.0.2.0/24"), reason="narrow", since=NOW)
    with store.write() as tx:
        for exclusion in (wide, narrow):
            tx.exclusions.put(exclusion)
        assert tx.exclusions.covering(ip_address("192.0.2.9")) == narrow
        assert tx.exclusions.covering(ip_address("192.0.3.9")) == wide
        assert tx.exclusions.covering(ip_address("192.1.0.0")) is None
        again = Exclusion(network=narrow.network, reason="again", since=later(days=1))
        tx.exclusions.put(again)
        assert tx.exclusions.covering(ip_address("192.0.2.9")) == again
