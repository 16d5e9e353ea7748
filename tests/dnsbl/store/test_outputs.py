"""Which relay's letters came out of which address."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address, ip_network

import pytest

from dnsbl.errors import Damaged, StoreUnavailable
from dnsbl.model import Output
from dnsbl.store import Store, Transaction
from dnsbl.vocabulary import Reason
from tester.fate import Fate
from tester.returned import Collected
from tester.verdict import Finding, Weighed
from tests.dnsbl.store.samples import HOST, NOW, begin, later, letter

INPUT, OUT, OTHER = ip_network(HOST), ip_network("198.51.100.1"), ip_network("2001:db8::99")


def run_with_returns(tx: Transaction, run: str, *peers: str, finding: Finding = Finding.DELIVERED_OTHER) -> None:
    """A run whose letter came back through these."""
    made = begin(tx, run)
    tx.letters.add([letter(made, run)])
    tx.letters.note(Fate(letter=letter(made, run), finding=finding))
    for peer in peers:
        collected = Collected(
            peer=ip_address(peer),
            peer_port=1025,
            local="192.0.2.9:25",
            tls=False,
            helo="x",
            mail_raw=b"",
            rcpt_raw=b"",
            mail_from="",
            recipient=f"r{run}",
            domain="c.example",
            message=b"",
            received_at=NOW.timestamp(),
        )
        tx.returns.add(collected, Weighed(finding=finding, counts=True, reason="so"), run=run)


def listed(tx: Transaction, network, kind: str, run: str | None):
    return tx.listings.add([network], kind=kind, since=NOW, expires=None, reason=Reason.CAME_OUT, run=run)


def test_outputs_are_found_from_both_sides_until_they_end(store: Store) -> None:
    with store.write() as tx:
        run_with_returns(tx, "one")
        tx.outputs.add(INPUT, OUT, run="one", at=NOW)
        tx.outputs.add(INPUT, OTHER, run="one", at=later(hours=1))
        first, second = tx.outputs.of_input(INPUT)
        assert (first.output, second.output) == (OUT, OTHER)
        assert first == Output(id=first.id, input=INPUT, output=OUT, run="one", since=NOW, confirmed=NOW)
        begin(tx, "two")
        tx.outputs.confirm(first.id, run="two", at=later(days=1))
        (found,) = tx.outputs.of_output(OUT)
        assert (found.run, found.since, found.confirmed) == ("two", NOW, later(days=1))
        tx.outputs.end([first.id], at=later(days=2), reason=Reason.INPUT_CLOSED)
        assert tx.outputs.of_output(OUT) == []
        tx.outputs.add(INPUT, OUT, run="two", at=later(days=3))
        assert len(tx.outputs.of_input(INPUT)) == 2, "it may begin again"


def test_one_pair_is_active_once(store: Store) -> None:
    with store.write() as tx:
        run_with_returns(tx, "one")
        tx.outputs.add(INPUT, OUT, run="one", at=NOW)
    with pytest.raises(StoreUnavailable), store.write() as tx:
        tx.outputs.add(INPUT, OUT, run="one", at=NOW)


def test_bereft_are_those_whose_input_is_listed_no_more_or_whose_proof_is_old(store: Store) -> None:
    def bereft(tx: Transaction, **back: float) -> set[str]:
        return {str(each.output) for each in tx.outputs.bereft(NOW - timedelta(**back), most=10)}

    with store.write() as tx:
        run_with_returns(tx, "one", "198.51.100.1")
        listed(tx, INPUT, "multihop", "one")
        tx.outputs.add(INPUT, OUT, run="one", at=NOW)
        assert bereft(tx, seconds=1) == set()
        assert bereft(tx, seconds=0) == {"198.51.100.1/32"}, "as old as may be is too old"
        listed(tx, OTHER, "manual", None)
        tx.outputs.add(OTHER, OUT, run="one", at=later(hours=1))
        assert bereft(tx, seconds=1) == {"198.51.100.1/32"}, "an operator's word makes nobody a relay"
        tx.listings.end(tx.listings.active([INPUT], "multihop").values(), at=NOW, reason=Reason.OPERATOR)
        assert len(tx.outputs.bereft(NOW - timedelta(days=1), most=10)) == 2
        assert len(tx.outputs.bereft(NOW - timedelta(days=1), most=1)) == 1
        of_late = [each.input for each in tx.outputs.bereft(NOW - timedelta(days=1), most=10, since=NOW)]
        assert of_late == [INPUT], "the other one has left nothing since"
        assert tx.outputs.bereft(NOW - timedelta(days=1), most=10, since=later(seconds=1)) == []
        assert len(tx.outputs.bereft(later(days=1), most=10, since=later(seconds=1))) == 2, "old is old"


@pytest.mark.parametrize("kind", ["relay-output", "delayed-output"])
def test_law_one_an_output_is_listed_only_for_a_letter_that_came_out_of_it(store: Store, kind: str) -> None:
    with store.write() as tx:
        run_with_returns(tx, "one", "198.51.100.1", "198.51.100.1")
        run_with_returns(tx, "same", "198.51.100.1", finding=Finding.DELIVERED_SAME)
        for run in (None, "nothing", "same"):
            with pytest.raises(Damaged, match="has come out there"):
                listed(tx, OUT, kind, run)
        with pytest.raises(Damaged, match="has come out there"):
            listed(tx, OTHER, kind, "one")
        assert listed(tx, OUT, kind, "one") == [OUT]
        assert tx.listings.proven(ip_address("198.51.100.1")) is None, "it was not tested itself"
