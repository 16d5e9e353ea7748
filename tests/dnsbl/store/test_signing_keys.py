"""The list's keys as the store knows them: numbered in the order in which they came, sealed only as long as needed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dnsbl.store import Store, Transaction

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def add(tx: Transaction, kid: str, *, days: int, sealed: bytes | None = b"sealed") -> None:
    entered = NOW + timedelta(days=days)
    created = int(entered.timestamp())
    tx.signing_keys.add(kid=kid, fingerprint=kid * 64, created=created, sealed=sealed, entered=entered)


def test_keys_are_numbered_in_the_order_in_which_they_came(store: Store) -> None:
    with store.write() as tx:
        assert tx.signing_keys.newest() == 0
        for days, kid in enumerate("bca"):
            add(tx, kid, days=days)
        assert tx.signing_keys.newest() == 3
        assert [(key.number, key.kid) for key in tx.signing_keys.all()] == [(1, "b"), (2, "c"), (3, "a")]


def test_what_everybody_has_is_handed_round_no_more_and_its_fingerprint_stays(store: Store) -> None:
    with store.write() as tx:
        add(tx, "a", days=0)
        add(tx, "b", days=2)
        tx.signing_keys.hand_round_no_more(NOW + timedelta(days=2))
        assert [(key.fingerprint[0], key.sealed) for key in tx.signing_keys.all()] == [("a", None), ("b", b"sealed")]
