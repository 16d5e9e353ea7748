"""Whose mail servers have asked about whom."""

from __future__ import annotations

from ipaddress import ip_address

from dnsbl.store import Store
from tests.dnsbl.store.samples import HOST, NOW, later

OTHER = ip_address("192.0.2.1")


def test_of_each_pair_the_last_question_is_remembered_until_it_is_too_old(store: Store) -> None:
    with store.write() as tx:
        assert tx.lookups.known([HOST]) == {}
        tx.lookups.add({("bob", HOST): NOW, ("ann", HOST): later(hours=2), ("ann", OTHER): NOW})
        tx.lookups.again({("bob", HOST): later(hours=1), ("ann", HOST): later(hours=1)})  # the latter puts nothing back
        assert tx.lookups.known([HOST]) == {("ann", HOST): later(hours=2), ("bob", HOST): later(hours=1)}
        assert tx.lookups.counts() == {"ann": 2, "bob": 1}
        assert tx.lookups.forget(later(hours=2), most=1) == 1
        assert tx.lookups.forget(later(hours=2), most=9) == 1
        assert tx.lookups.counts() == {"ann": 1}
