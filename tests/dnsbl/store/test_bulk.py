"""A slice of networks: what is listed by it, ended, and numbered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from random import Random

import pytest
from sqlalchemy import select

from dnsbl.errors import Damaged
from dnsbl.store import Store
from dnsbl.store.columns import network_key
from dnsbl.store.schema.listed import changes, listings
from dnsbl.vocabulary import Reason

AT = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
NETS = [ip_network(text) for text in ("192.0.2.0/24", "198.51.100.7/32", "2001:db8::/32")]
KEYS = [network_key(network) for network in NETS]
WORDS = {"since": AT, "expires": None, "note": "why", "public": "shown", "author": "operator a"}


def test_what_is_listed_already_is_passed_over_and_the_rest_numbered_in_order(store: Store) -> None:
    with store.write() as tx:
        assert tx.bulk.list_all(KEYS[1:2], kind="manual", **WORDS) == (1, 1)
        assert tx.bulk.list_all(KEYS, kind="manual", **WORDS) == (2, 2)
        assert tx.bulk.list_all(KEYS, kind="manual", **WORDS) == (4, 0)
        assert tx.bulk.list_all(KEYS[:1], kind="other", **WORDS) == (4, 1)
        made = [(c.seq, c.network, c.kind, c.present) for c in tx.changes.after(0, most=10)]
        listed = tx.listings.covering(NETS[0])
    assert made == [
        (1, NETS[1], "manual", True),
        (2, NETS[0], "manual", True),
        (3, NETS[2], "manual", True),
        (4, NETS[0], "other", True),
    ]
    assert [(one.kind, one.since, one.reason, one.note, one.public, one.author, one.run) for one in listed] == [
        (kind, AT, Reason.OPERATOR, "why", "shown", "operator a", None) for kind in ("manual", "other")
    ]


def test_what_is_not_listed_cannot_be_ended_and_what_an_operator_has_ended_is_known(store: Store) -> None:
    with store.write() as tx:
        tx.bulk.list_all(KEYS[:2], kind="manual", **WORDS)
        assert tx.bulk.unlisted(KEYS, "manual") == ([KEYS[2]], [KEYS[2]])
        assert tx.bulk.end_all(KEYS[1:], kind="manual", at=AT) == (3, 1)
        assert tx.bulk.end_all(KEYS[1:], kind="manual", at=AT) == (4, 0)
        assert tx.bulk.unlisted(KEYS, "manual") == ([KEYS[1], KEYS[2]], [KEYS[2]])
        assert tx.bulk.unlisted(KEYS[:1], "manual") == ([], [])
        (ended,) = tx.listings.past(NETS[1].network_address, most=9)
        assert (ended.ended, ended.end_reason) == (AT, Reason.OPERATOR)
        assert [one.network for one in tx.listings.page(most=9)[0]] == [NETS[0]]


@pytest.mark.parametrize("kind", ["relay", "backscatter", "do-not-test"])
def test_nothing_of_proof_is_listed_in_bulk(store: Store, kind: str) -> None:
    with pytest.raises(Damaged), store.write() as tx:
        tx.bulk.list_all(KEYS, kind=kind, **WORDS)


def rows(store: Store) -> list[list[tuple[object, ...]]]:
    with store.read() as tx:
        return [sorted(map(tuple, tx.connection.execute(select(table)))) for table in (listings, changes)]


def test_a_slice_comes_to_the_same_rows_as_its_networks_one_by_one(store: Store, other: Store) -> None:
    choice = Random(7)
    every = [ip_network((choice.getrandbits(32) >> 12 << 12, choice.randint(20, 32))) for _ in range(150)]
    every += [ip_network((choice.getrandbits(128) >> 96 << 96, choice.randint(32, 128))) for _ in range(150)]
    for round_ in range(8):
        some = sorted(choice.sample(every, choice.choice((1, 40, 200))), key=network_key)
        kind, at = choice.choice(("manual", "other")), AT + timedelta(seconds=round_)
        expires = choice.choice((None, at + timedelta(days=9)))
        with store.write() as tx, other.write() as beside:
            if round_ % 3 < 2:
                words = WORDS | {"kind": kind, "since": at, "expires": expires}
                _, count = tx.bulk.list_all([*map(network_key, some)], **words)
                fresh = beside.listings.add(some, reason=Reason.OPERATOR, **words)
            else:
                _, count = tx.bulk.end_all([*map(network_key, some)], kind=kind, at=at)
                listed = beside.listings.active(some, kind)
                fresh = [network for network in some if network in listed]
                beside.listings.end(listed.values(), at=at, reason=Reason.OPERATOR)
            beside.changes.add(fresh, kind, present=round_ % 3 < 2, at=at)
            assert count == len(fresh)
    assert rows(store) == rows(other)
    assert [len(table) for table in rows(store)] > [200, 200]
