"""What outputs of relays will be listed as."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

from dnsbl.model import Forthcoming
from dnsbl.store import Store
from tests.dnsbl.store.samples import NOW, later

FIRST = Forthcoming(network=ip_network("198.51.100.1"), kind="relay-output", since=NOW, due=later(days=7))
SECOND = replace(FIRST, kind="delayed-output", due=later(days=30))
SIXTH = replace(FIRST, network=ip_network("2001:db8::1"), due=later(days=6))


def test_what_is_to_come_is_found_by_network_and_by_time_and_goes_by_kind(store: Store) -> None:
    with store.write() as tx:
        for each in (SECOND, FIRST, SIXTH):
            tx.forthcoming.add(each)
        assert tx.forthcoming.of(FIRST.network) == [FIRST, SECOND]
        sixth, other = SIXTH.network.network_address, ip_address("192.0.2.1")
        assert tx.forthcoming.among([other, sixth]) == {sixth}
        assert tx.forthcoming.count() == 3
        assert tx.forthcoming.due(later(days=6, seconds=-1), most=9) == []
        assert tx.forthcoming.due(later(days=7), most=9) == [SIXTH, FIRST]
        assert tx.forthcoming.due(later(days=30), most=2) == [SIXTH, FIRST]
        tx.forthcoming.drop(FIRST.network, ["relay-output", "no such"])
        assert tx.forthcoming.of(FIRST.network) == [SECOND]
