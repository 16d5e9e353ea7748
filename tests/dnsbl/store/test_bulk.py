"""A slice of networks: what is listed by it, ended, and numbered."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_network

import pytest

from dnsbl.errors import Damaged
from dnsbl.model import Reason
from dnsbl.store import Store
from dnsbl.store.columns import network_key

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
        assert [one.network for one in tx.listings.page(most=9)] == [NETS[0]]


@pytest.mark.parametrize("kind", ["relay", "backscatter", "do-not-test"])
def test_nothing_of_proof_is_listed_in_bulk(store: Store, kind: str) -> None:
    with pytest.raises(Damaged), store.write() as tx:
        tx.bulk.list_all(KEYS, kind=kind, **WORDS)
