"""Letters that were issued, and what has become of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dnsbl.errors import StoreUnavailable
from dnsbl.store import Store
from tester.fate import Fate
from tester.smtp import Outcome
from tester.verdict import Finding
from tests.dnsbl.store.samples import begin, later, letter


def test_a_letter_is_found_by_either_token_as_it_was_issued(store: Store) -> None:
    with store.write() as tx:
        issued = letter(begin(tx, "run"))
        assert tx.letters.add([issued]) == 1
        assert tx.letters.add([]) == 0
        for token in ("rone", "sone"):
            found = tx.letters.find(token)
            assert found is not None
            assert found == Fate(letter=issued)
        assert tx.letters.find("none") is None


def test_a_letter_keeps_what_was_said_and_found(store: Store) -> None:
    with store.write() as tx:
        run = begin(tx, "run")
        tx.letters.add([letter(run, "one"), letter(run, "two")])
        fate, dot = Fate(letter=letter(run, "one")), later(seconds=3).timestamp()
        tx.letters.tell([replace(fate, outcome=Outcome.ACCEPTED, reply="250 \0", dot_at=dot)])
        tx.letters.note(replace(fate, finding=Finding.BOUNCED))
        first, second = tx.letters.of("run")
        assert (first.outcome, first.reply, first.dot_at) == (Outcome.ACCEPTED, "250 \\x00", dot)
        assert first.finding is Finding.BOUNCED, "what the collector found leaves what the conversation said"
        assert second == Fate(letter=letter(run, "two"))


def test_a_token_is_issued_once_only(store: Store) -> None:
    with store.write() as tx:
        run = begin(tx, "run")
        tx.letters.add([letter(run)])
    with pytest.raises(StoreUnavailable, match="refuses"), store.write() as tx:
        tx.letters.add([letter(run)])
