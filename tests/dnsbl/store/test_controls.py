"""Who has shown that an address is his."""

from __future__ import annotations

from dnsbl.store import Store
from tests.dnsbl.store.samples import HOST, NOW, later


def test_the_last_time_counts_for_as_long_as_is_asked(store: Store) -> None:
    with store.write() as tx:
        assert tx.controls.since(HOST, NOW) == ""
        tx.controls.keep(HOST, "by mail", at=NOW)
        tx.controls.keep(HOST, "by a record", at=later(days=1))
        assert tx.controls.since(HOST, later(days=1)) == "by a record"
        assert tx.controls.since(HOST, later(days=2)) == ""
