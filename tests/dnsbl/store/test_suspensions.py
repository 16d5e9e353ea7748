"""Sources from which nothing is taken."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from dnsbl.model import Suspension

FIRST = Suspension(source="feed:x", reason="r", public="p", since=datetime(2026, 1, 1, tzinfo=UTC), retracted=3)


def test_a_suspension_is_kept_until_it_ends_and_a_new_one_takes_its_place(store) -> None:
    later = replace(FIRST, source="a", since=FIRST.since + timedelta(days=1))
    with store.write() as tx:
        tx.suspensions.put(later)
        tx.suspensions.put(FIRST)
        tx.suspensions.put(replace(FIRST, reason="other"))
        assert tx.suspensions.all() == [replace(FIRST, reason="other"), later]
        assert tx.suspensions.end("a")
        assert not tx.suspensions.end("a")
        assert [each.source for each in tx.suspensions.all()] == ["feed:x"]
