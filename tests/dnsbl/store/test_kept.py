"""What is kept of strangers, counted by holder and day."""

from __future__ import annotations

from dnsbl.store import Store
from dnsbl.store.kept import EVER, Account


def test_what_is_kept_is_counted_by_holder_and_day(store: Store) -> None:
    today, mine, ever = 20_000, Account("of 192.0.2.1", 20_000), Account("run x", EVER)
    with store.write() as tx:
        assert tx.kept.of([mine, ever]) == {mine: (0, 0), ever: (0, 0)}
        tx.kept.add([mine, ever], 10)
        tx.kept.add([mine], 5)
        assert tx.kept.of([mine, ever, Account("of 192.0.2.1", 19_999)]) == {
            mine: (2, 15),
            ever: (1, 10),
            Account("of 192.0.2.1", 19_999): (0, 0),
        }
        tx.kept.add([Account("all", today + 1)], 1)
        assert tx.kept.of([mine])[mine] == (2, 15)
        assert not tx.kept.is_stale(today + 1)
        assert tx.kept.is_stale(today + 2)
        tx.kept.drop_stale(today + 2)
        assert tx.kept.of([mine, ever]) == {mine: (0, 0), ever: (1, 10)}, "days that are over are dropped"
        assert not tx.kept.is_stale(today + 2)


def test_several_messages_are_counted_at_once(store: Store) -> None:
    mine = Account("lookups of ann", 20_000)
    with store.write() as tx:
        for more, octets in ((3, 5), (2, 0)):
            tx.kept.add([mine], octets, messages=more)
        assert tx.kept.of([mine]) == {mine: (5, 5)}


def test_what_is_kept_no_longer_is_taken_off(store: Store) -> None:
    ever, other = Account("evidence", EVER), Account("run x", EVER)
    with store.write() as tx:
        tx.kept.add([ever, other], 10)
        tx.kept.add([ever], 5)
        tx.kept.take_off(ever, 10)
        assert tx.kept.of([ever, other]) == {ever: (1, 5), other: (1, 10)}
