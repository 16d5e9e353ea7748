"""What DNS must answer, step by step."""

from __future__ import annotations

from ipaddress import ip_network

from dnsbl.model import Change
from dnsbl.store import Store
from tests.dnsbl.store.samples import NOW


def test_changes_are_numbered_without_gaps_and_read_in_order(store: Store) -> None:
    first, second = ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")
    with store.write() as tx:
        assert tx.changes.last() == 0
        tx.changes.add([first, second], "spam", present=True, at=NOW)
        tx.changes.add([], "spam", present=True, at=NOW)
        tx.changes.add([first], "spam", present=False, at=NOW)
        assert tx.changes.last() == 3
        assert tx.changes.after(1, most=10) == [
            Change(seq=2, network=second, kind="spam", present=True),
            Change(seq=3, network=first, kind="spam", present=False),
        ]
        assert [change.seq for change in tx.changes.after(0, most=2)] == [1, 2]
        assert tx.changes.after(3, most=2) == []
