"""What waits for a second operator."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network

from dnsbl.model import Proposal

FIRST = Proposal(
    network=ip_network("10.2.0.0/16"),
    kind="manual",
    reason="r",
    public="p",
    author="operator a",
    at=datetime(2026, 1, 1, tzinfo=UTC),
)


def test_a_proposal_is_kept_by_network_and_kind_until_it_is_ended(store) -> None:
    other = replace(FIRST, network=ip_network("10.1.0.0/16"))
    with store.write() as tx:
        for networks, reason in (([FIRST.network, other.network], "r"), ([FIRST.network], "again")):
            tx.proposals.put(networks, kind="manual", reason=reason, public="p", author="operator a", at=FIRST.at)
        assert tx.proposals.all() == [other, replace(FIRST, reason="again")]
        assert tx.proposals.of(FIRST.network, "manual") == replace(FIRST, reason="again")
        assert tx.proposals.of(FIRST.network, "spam") is None
        assert tx.proposals.end(FIRST.network, "manual")
        assert not tx.proposals.end(FIRST.network, "manual")
