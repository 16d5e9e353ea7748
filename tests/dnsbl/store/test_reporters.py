"""Accounts of reporters, as the store keeps them."""

from __future__ import annotations

from dataclasses import replace

from dnsbl.model import Nomination, ReporterAccount
from dnsbl.store import Store
from dnsbl.vocabulary import Door, Tier
from tests.dnsbl.store.samples import HOST, NOW, later

ANN = ReporterAccount(name="ann", tier=Tier.NEW, contact="ann@example.org", made=NOW)


def test_an_account_comes_back_as_it_was_filed(store: Store) -> None:
    with store.write() as tx:
        tx.reporters.add(ANN)
        tx.reporters.add(replace(ANN, name="abe", key="0123"))
        assert tx.reporters.read("ann") == ANN
        assert tx.reporters.read("bob") is None
        assert [account.name for account in tx.reporters.all()] == ["abe", "ann"]
        assert tx.reporters.by_key("0123") == replace(ANN, name="abe", key="0123")
        assert tx.reporters.by_key("") is None


def test_what_changes_of_one_changes_of_no_other(store: Store) -> None:
    with store.write() as tx:
        tx.reporters.add(ANN)
        tx.reporters.add(replace(ANN, name="bob"))
        tx.reporters.rekey("ann", "0123")
        tx.reporters.tier("ann", Tier.KNOWN)
        tx.reporters.score(["ann"], hits=2, misses=1)
        tx.reporters.score([], hits=9, misses=9)
        tx.reporters.suspend("ann", later(days=1), "why")
        changed = replace(ANN, key="0123", tier=Tier.KNOWN, hits=2, misses=1, suspended=later(days=1), why="why")
        assert tx.reporters.read("ann") == changed
        assert tx.reporters.read("bob") == replace(ANN, name="bob")
        tx.reporters.rekey("ann", None)
        tx.reporters.resume("ann")
        assert tx.reporters.read("ann") == replace(ANN, tier=Tier.KNOWN)


def test_a_run_names_those_whose_nominations_led_to_it_and_hands_them_on(store: Store) -> None:
    def nomination(reporter: str) -> Nomination:
        return Nomination(address=HOST, door=Door.API, nominator="x", reason="", evidence=None, reporter=reporter)

    with store.write() as tx:
        for reporter in ("bob", "ann", "ann", ""):
            tx.nominations.add(nomination(reporter), None, NOW, run="one")
        number = tx.nominations.add(nomination("eve"), None, NOW)
        assert tx.nominations.reporters_of("one") == ["ann", "bob"]
        tx.nominations.leads_to(number, "one")
        tx.nominations.pass_on("one", "two")
        assert tx.nominations.reporters_of("one") == []
        assert tx.nominations.reporters_of("two") == ["ann", "bob", "eve"]
