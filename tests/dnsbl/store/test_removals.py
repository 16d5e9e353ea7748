"""Who asked for which retest, and what came of it."""

from __future__ import annotations

from dnsbl.store import Store
from dnsbl.vocabulary import JobReason
from tester.verdict import Verdict
from tests.dnsbl.store.samples import HOST, NOW, begin, later, settle


def test_each_one_sees_when_his_own_retests_failed_or_began_to_wait(store: Store) -> None:
    with store.write() as tx:
        for run in ("old", "done", "waiting", "open", "retest", "another"):
            asker = "another" if run == "another" else "me"
            assert tx.removals.add(HOST, run, asker=asker, counted=True, at=NOW)
        settle(tx, begin(tx, "old", later(days=-1), JobReason.REMOVAL), Verdict.OPEN)
        settle(tx, begin(tx, "done", later(days=1), JobReason.REMOVAL), Verdict.OPEN, at=later(days=5))
        tx.runs.wait(begin(tx, "waiting", later(days=2), JobReason.REMOVAL), later(days=4), "")
        begin(tx, "open", later(days=3), JobReason.REMOVAL)
        settle(tx, begin(tx, "retest", later(days=3), JobReason.RETEST), Verdict.OPEN)
        settle(tx, begin(tx, "another", later(days=3), JobReason.REMOVAL), Verdict.OPEN, at=later(days=6))
        assert tx.removals.failed(HOST, NOW, "me") == [later(days=2), later(days=5)]
        assert tx.removals.failed(HOST, NOW, "another") == [later(days=6)]
        assert tx.removals.failed(HOST, NOW, "a third") == []


def test_one_asker_has_one_row_a_run_and_only_what_is_counted_is_counted(store: Store) -> None:
    with store.write() as tx:
        assert tx.removals.add(HOST, "one", asker="me", counted=True, at=NOW)
        assert not tx.removals.add(HOST, "one", asker="me", counted=True, at=later(days=1))
        assert tx.removals.add(HOST, "one", asker="you", counted=False, at=later(days=1))
        assert tx.removals.add(HOST, "two", asker="me", counted=True, at=later(days=2))
        assert tx.removals.counted(HOST, later(days=-1)) == [("me", NOW), ("me", later(days=2))]
        assert tx.removals.counted(HOST, NOW) == [("me", later(days=2))]
