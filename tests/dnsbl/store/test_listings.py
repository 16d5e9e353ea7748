"""Listings: one active per network and kind, found by any address they cover, and no relay without proof."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network

import pytest
from sqlalchemy import text

from dnsbl.addresses import Network
from dnsbl.errors import Damaged, StoreUnavailable
from dnsbl.store import Store, Transaction
from dnsbl.store.columns import network_key
from dnsbl.store.listings import Listings
from dnsbl.vocabulary import EXCEPTION, JobReason, Reason
from tester.fate import Fate
from tester.letter import Letter
from tester.verdict import Finding

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOST = ip_address("192.0.2.1")


def nets(*texts: str) -> list[Network]:
    return [ip_network(text) for text in texts]


def add(
    tx: Transaction, networks: Sequence[Network], kind: str = "spam", *, run: str | None = None, days: int = 0
) -> list[Network]:
    return tx.listings.add(
        networks,
        kind=kind,
        since=NOW,
        expires=NOW + timedelta(days=days) if days else None,
        reason=Reason.OPERATOR,
        note="a note",
        run=run,
    )


def proof(tx: Transaction, run: str = "run1", finding: Finding | None = Finding.DELIVERED_SAME) -> str:
    """A run with one letter, and what the collector found of it."""
    job = tx.jobs.add(
        address=HOST, port=25, reason=JobReason.NOMINATION, profile="basic", due=NOW, run=run, provocation="x"
    )
    tx.jobs.finish(job)
    tx.runs.begin(job, NOW)
    letter = Letter(
        recipient=f"r{run}",
        sender=f"s{run}",
        address=HOST,
        port=25,
        vector="S01",
        run=run,
        not_before=0,
        not_after=9,
        proof_hash=b"",
    )
    tx.letters.add([letter])
    if finding:
        tx.letters.note(Fate(letter=letter, finding=finding))
    return run


def test_networks_are_listed_once_per_kind_and_the_new_ones_told(store: Store) -> None:
    with store.write() as tx:
        assert add(tx, nets("192.0.2.0/24", "2001:db8::/32")) == nets("192.0.2.0/24", "2001:db8::/32")
        assert add(tx, nets("192.0.2.0/24", "192.0.2.0/25")) == nets("192.0.2.0/25")
        assert add(tx, nets("192.0.2.0/24"), "other") == nets("192.0.2.0/24")
        assert add(tx, []) == []


def test_the_database_holds_one_active_listing_per_network_and_kind(store: Store, monkeypatch) -> None:
    monkeypatch.setattr(Listings, "active", lambda *_: {})
    with store.write() as tx:
        add(tx, nets("192.0.2.0/24"))
    with pytest.raises(StoreUnavailable, match="refuses"), store.write() as tx:
        add(tx, nets("192.0.2.0/24"))


def test_covering_listings_come_narrowest_first_and_no_neighbour_is_among_them(store: Store) -> None:
    with store.write() as tx:
        add(
            tx,
            nets("0.0.0.0/0", "192.0.2.0/24", "192.0.2.1/32", "192.0.2.0/32", "192.0.2.2/31", "::/0", "192.0.3.0/24"),
        )
        found = tx.listings.covering(HOST)
        assert [str(listing.network) for listing in found] == ["192.0.2.1/32", "192.0.2.0/24", "0.0.0.0/0"]
        assert [str(listing.network) for listing in tx.listings.covering(ip_address("2001:db8::1"))] == ["::/0"]


def test_an_ended_listing_is_past_and_its_network_may_be_listed_again(store: Store) -> None:
    with store.write() as tx:
        add(tx, nets("192.0.2.0/24"))
        numbers = tx.listings.active(nets("192.0.2.0/24"), "spam")
        tx.listings.end(numbers.values(), at=NOW + timedelta(days=1), reason=Reason.EXPIRED)
        tx.listings.end(numbers.values(), at=NOW + timedelta(days=2), reason=Reason.OPERATOR)
        assert tx.listings.covering(HOST) == []
        (past,) = tx.listings.past(HOST, most=20)
        assert (past.ended, past.end_reason) == (NOW + timedelta(days=1), Reason.EXPIRED)
        add(tx, nets("192.0.2.0/24"))
        assert len(tx.listings.covering(HOST)) == 1


@pytest.mark.parametrize("kind", ["relay", "multihop"])
@pytest.mark.parametrize("finding", [None, Finding.BOUNCED, Finding.TOKEN_SEEN, Finding.FORGED])
def test_law_one_no_relay_listing_without_a_returned_letter(store: Store, kind: str, finding: Finding | None) -> None:
    with store.write() as tx:
        run = proof(tx, finding=finding)
        with pytest.raises(Damaged, match="No letter of run run1 has come back"):
            add(tx, nets("192.0.2.1"), kind, run=run)
        with pytest.raises(Damaged):
            add(tx, nets("192.0.2.1"), kind)
        assert tx.listings.proven(HOST) is None


@pytest.mark.parametrize("finding", [f for f in Finding if f.startswith("DELIVERED")])
def test_a_letter_that_came_back_lists_and_renews(store: Store, finding: Finding) -> None:
    with store.write() as tx:
        add(tx, nets("192.0.2.1"), "multihop", run=proof(tx, finding=finding), days=90)
        listing = tx.listings.proven(HOST)
        assert listing is not None
        again = proof(tx, "run2")
        at = NOW + timedelta(days=9)
        tx.listings.renew(listing, kind="relay", expires=at + timedelta(days=90), run=again, at=at)
        renewed = tx.listings.proven(HOST)
        assert renewed is not None
        assert (renewed.id, renewed.kind, renewed.since, renewed.run) == (listing.id, "relay", NOW, "run2")
        assert (renewed.confirmed, renewed.expires) == (at, at + timedelta(days=90))
        with pytest.raises(Damaged):
            tx.listings.renew(renewed, kind="relay", expires=None, run=proof(tx, "run3", None), at=NOW)


def test_only_exact_and_proven_listings_count_as_proven(store: Store) -> None:
    with store.write() as tx:
        add(tx, nets("192.0.2.1"), "spam")
        assert tx.listings.proven(HOST) is None
        add(tx, nets("192.0.2.0/24"), "relay", run=proof(tx))
        assert tx.listings.proven(HOST) is None


def test_endings_are_remembered_and_only_a_test_delists(store: Store) -> None:
    with store.write() as tx:
        run = proof(tx)
        for day, reason in enumerate((Reason.RETEST_CLOSED, Reason.EXPIRED, Reason.OPERATOR), 1):
            add(tx, nets("192.0.2.1"), "relay", run=run)
            listing = tx.listings.proven(HOST)
            assert listing is not None
            tx.listings.end([listing.id], at=NOW + timedelta(days=day), reason=reason)
        assert tx.listings.delisted(HOST) == NOW + timedelta(days=1)
        assert tx.listings.delisted(ip_address("192.0.2.2")) is None


def test_what_a_test_has_listed_in_a_network_is_told_in_slices_with_what_got_off_there(store: Store) -> None:
    day = timedelta(days=1)
    with store.write() as tx:
        run = proof(tx)
        for host, ends in (("192.0.2.1", None), ("192.0.2.2", Reason.RETEST_CLOSED), ("192.0.2.3", Reason.OPERATOR)):
            add(tx, nets(host), "relay", run=run)
            if ends:
                tx.listings.end(tx.listings.active(nets(host), "relay").values(), at=NOW + day, reason=ends)
        add(tx, nets("192.0.2.2"), "multihop", run=run)
        add(tx, nets("192.0.2.4"), "spam")
        add(tx, nets("2001:db8::1"), "relay", run=run)
        first, second, other = nets("192.0.2.1", "192.0.2.2", "2001:db8::1")
        (net,) = nets("192.0.2.0/24")
        assert tx.listings.tested(net, most=9) == [(first, NOW, None), (second, NOW, NOW + day)]
        assert tx.listings.tested(net, most=1) == [(first, NOW, None)]
        assert tx.listings.tested(net, behind=first, most=9) == [(second, NOW, NOW + day)]
        assert tx.listings.tested(second, most=9) == [(second, NOW, NOW + day)]
        assert tx.listings.tested(other, most=9) == [(other, NOW, None)]


def test_expired_listings_come_oldest_first_and_those_without_an_end_never(store: Store) -> None:
    with store.write() as tx:
        add(tx, nets("192.0.2.2"), days=2)
        add(tx, nets("192.0.2.1"), days=1)
        add(tx, nets("192.0.2.3"))
        expired = tx.listings.expired(NOW + timedelta(days=2), most=10)
        assert [str(listing.network) for listing in expired] == ["192.0.2.1/32", "192.0.2.2/32"]
        assert tx.listings.expired(NOW + timedelta(days=2), most=1) == expired[:1]
        assert tx.listings.expired(NOW + timedelta(hours=23), most=1) == []


def test_what_is_present_streams_in_order_with_both_families(store: Store) -> None:
    with store.write() as tx:
        add(tx, nets("2001:db8::/32", "192.0.2.0/24", "192.0.2.0/25", "10.0.0.0/8"))
        add(tx, nets("10.0.0.0/8"), "other")
        add(tx, nets("10.1.0.0/16"))
        tx.listings.end(tx.listings.active(nets("10.1.0.0/16"), "spam").values(), at=NOW, reason=Reason.OPERATOR)
    with store.read() as tx:
        assert list(tx.listings.present()) == [
            (bytes((4, 10, 0, 0, 0, 8)), "other"),
            (bytes((4, 10, 0, 0, 0, 8)), "spam"),
            (bytes((4, 192, 0, 2, 0, 24)), "spam"),
            (bytes((4, 192, 0, 2, 0, 25)), "spam"),
            (bytes((6, 0x20, 0x01, 0x0D, 0xB8, *bytes(12), 32)), "spam"),
        ]


def test_finding_what_covers_an_address_uses_an_index(store: Store) -> None:
    keys = [network_key(network) for network in nets("192.0.2.0/24", "192.0.2.1")]
    with store.read() as tx:
        if store.engine.dialect.name == "sqlite":
            question = "EXPLAIN QUERY PLAN SELECT id FROM listings WHERE network IN (?, ?) AND ended IS NULL"
        else:  # the planner would scan an empty table whatever indexes there are
            tx.connection.execute(text("SET LOCAL enable_seqscan = off"))
            question = "EXPLAIN SELECT id FROM listings WHERE network IN (%s, %s) AND ended IS NULL"
        plan = "\n".join(str(row[-1]) for row in tx.connection.exec_driver_sql(question, tuple(keys)))
    assert "INDEX" in plan.upper()
    assert "listings_" in plan


def test_many_addresses_are_asked_about_at_once_with_the_answers_that_each_alone_has(store: Store) -> None:
    asked = [ip_address(text) for text in ("192.0.2.1", "192.0.2.200", "192.0.3.1", "2001:db8::1", "203.0.113.1")]
    with store.write() as tx:
        add(tx, nets("192.0.2.0/24", "192.0.0.0/16", "2001:db8::/32"))
        add(tx, nets("192.0.2.1/32"), "other")
        add(tx, nets("192.0.2.128/25"), EXCEPTION)
        assert tx.listings.covering_each(asked) == {address: tx.listings.covering(address) for address in asked}
        assert [len(found) for found in tx.listings.covering_each(asked).values()] == [3, 0, 1, 1, 0]
        assert tx.listings.covering_each([]) == {}
