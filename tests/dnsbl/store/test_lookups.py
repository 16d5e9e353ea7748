"""Whose mail servers have asked about whom."""

from __future__ import annotations

from ipaddress import ip_address

from dnsbl.store import Store
from tests.dnsbl.store.samples import HOST, NOW, later

OTHER = ip_address("192.0.2.1")


def test_of_each_pair_the_last_question_is_remembered_until_it_is_too_old(store: Store) -> None:
    with store.write() as tx:
        assert not tx.lookups.again("ann", HOST, NOW)
        for client, address, moment in (("bob", HOST, NOW), ("ann", HOST, later(hours=2)), ("ann", OTHER, NOW)):
            tx.lookups.add(client, address, moment)
        assert tx.lookups.again("bob", HOST, later(hours=1))
        assert tx.lookups.again("ann", HOST, later(hours=1)), "what comes late puts nothing back"
        assert tx.lookups.clients_of(HOST, NOW) == ["ann", "bob"]
        assert tx.lookups.clients_of(HOST, later(hours=1, seconds=1)) == ["ann"]
        assert tx.lookups.counts() == {"ann": 2, "bob": 1}
        assert tx.lookups.forget(later(hours=2)) == 2
        assert tx.lookups.counts() == {"ann": 1}
