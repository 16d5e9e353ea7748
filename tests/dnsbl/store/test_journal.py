"""The journal: a chain that only grows, and in which a changed past shows."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from sqlalchemy import text

from dnsbl.errors import Damaged, StoreUnavailable
from dnsbl.model import Entry
from dnsbl.store import Store
from dnsbl.store.journal import FIELD_MOST, START, digest

AT = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)


def append(store: Store, **fields: str) -> Entry:
    with store.write() as tx:
        facts = {"actor": "policy", "subject": "192.0.2.1", "verb": "listed", "reason": "letter-returned"} | fields
        return tx.journal.append(at=AT, **facts)


def unlock(store: Store) -> None:
    """Take away the triggers, as somebody with the file in his hands could."""
    with store.write() as tx:
        if store.engine.dialect.name == "sqlite":
            tx.connection.execute(text("DROP TRIGGER journal_keeps_update"))
            tx.connection.execute(text("DROP TRIGGER journal_keeps_delete"))
        else:
            tx.connection.execute(text("DROP TRIGGER journal_keeps ON journal"))


def verify(store: Store) -> int:
    with store.read() as tx:
        return tx.journal.verify()


def test_an_empty_journal_holds_together(store: Store) -> None:
    assert verify(store) == 0


def test_each_entry_bears_the_hash_of_the_one_before(store: Store) -> None:
    first, second = append(store), append(store, evidence="run abc")
    assert (first.seq, first.previous) == (1, START)
    assert (first.before, first.after, first.evidence) == ("", "", "")
    assert (second.seq, second.previous) == (2, first.hash)
    assert verify(store) == 2


def test_the_hash_is_what_the_contract_says(store: Store) -> None:
    entry = append(store, before="é")
    facts = {
        "actor": "policy",
        "after": "",
        "at": 1767268800123456,
        "before": "é",
        "evidence": "",
        "previous": "0" * 64,
        "reason": "letter-returned",
        "seq": 1,
        "subject": "192.0.2.1",
        "verb": "listed",
    }
    assert entry.hash == sha256(json.dumps(facts, separators=(",", ":")).encode()).hexdigest()


def test_entries_come_back_as_they_were_written_the_last_ones_oldest_first(store: Store) -> None:
    written = [append(store, subject=subject) for subject in ("a", "b", "a", "a")]
    with store.read() as tx:
        assert tx.journal.read(None, most=3) == written[1:]
        assert tx.journal.read("a", most=2) == written[2:]
        assert tx.journal.read("c", most=2) == []


def test_what_strangers_say_is_cleaned_and_cut_and_still_verifies(store: Store) -> None:
    entry = append(store, actor="web \0\udcff", reason="x" * 5000)
    assert entry.actor == "web \\x00\\udcff"
    assert len(entry.reason) == FIELD_MOST == 1000
    assert verify(store) == 1
    with store.read() as tx:
        assert tx.journal.read(None, most=1) == [entry]


@pytest.mark.parametrize("statement", ["UPDATE journal SET actor = 'me'", "DELETE FROM journal WHERE seq = 1"])
def test_the_database_itself_refuses_to_change_the_past(store: Store, statement: str) -> None:
    append(store)
    with pytest.raises(StoreUnavailable) as refused, store.write() as tx:
        tx.connection.execute(text(statement))
    assert "append-only" in str(refused.value.__cause__)
    assert verify(store) == 1


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("UPDATE journal SET actor = 'me' WHERE seq = 2", "Entry 2 .* was changed"),
        ("UPDATE journal SET at = at + 1 WHERE seq = 3", "Entry 3 .* was changed"),
        ("UPDATE journal SET hash = previous WHERE seq = 1", "Entry 1 .* was changed"),
        ("DELETE FROM journal WHERE seq = 2", "lacks entry 2"),
        ("DELETE FROM journal WHERE seq = 1", "lacks entry 1"),
    ],
)
def test_tampering_shows_and_the_first_bad_entry_is_named(store: Store, statement: str, complaint: str) -> None:
    for _ in range(4):
        append(store)
    unlock(store)
    with store.write() as tx:
        tx.connection.execute(text(statement))
    with pytest.raises(Damaged, match=complaint):
        verify(store)


def test_a_rewritten_entry_with_a_fitting_hash_breaks_the_next_link(store: Store) -> None:
    first, _ = append(store), append(store)
    unlock(store)
    forged = replace(first, actor="me")
    with store.write() as tx:
        rewrite = text("UPDATE journal SET actor = :actor, hash = :hash WHERE seq = 1")
        tx.connection.execute(rewrite, {"actor": forged.actor, "hash": digest(forged)})
    with pytest.raises(Damaged, match="Entry 2 of the journal was changed"):
        verify(store)


def test_threads_that_append_together_keep_one_chain(store: Store) -> None:
    def write(name: str) -> None:
        for _ in range(20):
            append(store, actor=name)

    threads = [threading.Thread(target=write, args=(f"thread {n}",)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verify(store) == 60
