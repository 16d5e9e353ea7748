"""Signs of life: one row a process, kept a month."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from dnsbl.store import Store, Transaction
from dnsbl.store.nodes import KEPT
from dnsbl.store.schema.manned import nodes

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def seen(tx: Transaction) -> dict[str, datetime]:
    return dict(map(tuple, tx.connection.execute(select(nodes.c.name, nodes.c.seen))))


def test_a_process_has_one_row_however_often_it_is_seen(store: Store) -> None:
    with store.write() as tx:
        for minutes in range(3):
            tx.nodes.beat("a", NOW + timedelta(minutes=minutes))
        tx.nodes.beat("b", NOW)
        assert seen(tx) == {"a": NOW + timedelta(minutes=2), "b": NOW}


def test_what_was_not_seen_for_a_month_is_forgotten_when_somebody_new_comes(store: Store) -> None:
    with store.write() as tx:
        tx.nodes.beat("old", NOW)
        tx.nodes.beat("newer", NOW + timedelta(seconds=1))
        tx.nodes.beat("new", NOW + KEPT + timedelta(seconds=1))
        assert set(seen(tx)) == {"newer", "new"}


def test_what_a_clock_that_was_ahead_has_left_can_be_dropped(store: Store) -> None:
    with store.write() as tx:
        tx.nodes.beat("here", NOW)
        tx.nodes.beat("ahead", NOW + timedelta(days=1))
        tx.nodes.forget_after(NOW)
        assert set(seen(tx)) == {"here"}
