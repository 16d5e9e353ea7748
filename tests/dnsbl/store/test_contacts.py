"""Who answers for an address, for a while."""

from __future__ import annotations

from dnsbl.store import Store
from tests.dnsbl.store.samples import HOST, NOW, later


def test_a_contact_is_known_until_its_time_and_a_newer_one_takes_its_place(store: Store) -> None:
    with store.write() as tx:
        assert tx.contacts.known(HOST, NOW) is None
        tx.contacts.keep(HOST, "", at=NOW, until=later(days=1))
        assert tx.contacts.known(HOST, NOW) == ""
        tx.contacts.keep(HOST, "a@x.example", at=NOW, until=later(days=1))
        assert tx.contacts.known(HOST, later(days=1)) == "a@x.example"
        assert tx.contacts.known(HOST, later(days=2)) is None
