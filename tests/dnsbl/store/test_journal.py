"""The journal: a chain that only grows, and in which a changed past shows."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import text

from dnsbl.clock import HandClock, SystemClock
from dnsbl.errors import Damaged, StoreUnavailable, Trouble
from dnsbl.model import Entry
from dnsbl.rules.timekeeping import Terms
from dnsbl.store import Store, versions
from dnsbl.store.clerk import Clerk
from dnsbl.store.columns import micros
from dnsbl.store.journal import CLOCK, FIELD_MOST, Clocked, Journal, digest
from dnsbl.store.schema.entered import START
from dnsbl.store.timekeeper import Timekeeper

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


#: Puts a third entry behind the second, as like it as can be.
ANOTHER = (
    "INSERT INTO journal (seq, at, actor, subject, verb, reason, before, after, evidence, hash) "
    "SELECT 3, at, actor, subject, verb, reason, before, after, evidence, hash FROM journal WHERE seq = 2"
)


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
        assert tx.journal.read_each(["b", "a"], most=3) == written[1:]
        assert tx.journal.read_each(["b", "c"], most=3) == [written[1]]


def test_a_transaction_knows_what_it_has_entered_in_its_order(store: Store) -> None:
    with store.write() as tx:
        written = [
            tx.journal.append(at=AT, actor="me", subject="list", verb="v", reason="r", evidence=f"{n}")
            for n in range(3)
        ]
        assert tx.journal.made == written and [each.evidence for each in written] == ["0", "1", "2"]
    with store.write() as tx:
        assert tx.journal.made == []


def test_the_last_entry_of_each_of_many_subjects_is_found_and_none_of_those_without(store: Store) -> None:
    written = [append(store, subject=subject) for subject in "abab"]
    with store.read() as tx:
        assert tx.journal.last(["a", "b", "c"]) == {"a": written[2], "b": written[3]}
        assert tx.journal.last([]) == {}


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
        ("UPDATE journal SET hash = evidence WHERE seq = 1", "Entry 1 .* was changed"),
        ("UPDATE journal SET hash = (SELECT hash FROM journal WHERE seq = 1) WHERE seq = 3", "Entry 3 .* was changed"),
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


@pytest.mark.parametrize(
    "statements",
    [
        ["DELETE FROM journal WHERE seq = 3", "UPDATE journal SET seq = 3 WHERE seq = 4"],
        ["UPDATE journal SET seq = 5 WHERE seq = 4", "UPDATE journal SET seq = 4 WHERE seq = 3", ANOTHER],
    ],
    ids=["removed", "inserted"],
)
def test_an_entry_that_was_removed_or_put_between_two_shows_though_no_number_is_missing(
    store: Store, statements: list[str]
) -> None:
    for _ in range(4):
        append(store)
    unlock(store)
    with store.write() as tx:
        for statement in statements:
            tx.connection.execute(text(statement))
    with pytest.raises(Damaged, match="Entry 3 of the journal was changed"):
        verify(store)


def test_evidence_that_cannot_have_been_written_is_named_as_any_change_is(store: Store) -> None:
    append(store, evidence="run abc")
    unlock(store)
    with store.write() as tx:
        tx.connection.execute(text("UPDATE journal SET evidence = :other"), {"other": b"run \xff\xfe"})
    with pytest.raises(Damaged, match="Entry 1 of the journal was changed"):
        verify(store)


def test_a_rewritten_entry_with_a_fitting_hash_breaks_the_next_link(store: Store) -> None:
    first, _ = append(store), append(store)
    unlock(store)
    forged = replace(first, actor="me")
    with store.write() as tx:
        rewrite = text("UPDATE journal SET actor = :actor, hash = :hash WHERE seq = 1")
        tx.connection.execute(rewrite, {"actor": forged.actor, "hash": bytes.fromhex(digest(forged))})
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


# The time of entries


@pytest.fixture
def clock() -> HandClock:
    """At the time of this machine, which is that of a database on it."""
    return HandClock(SystemClock().now())


@pytest.fixture
def timed(store: Store, clock: HandClock) -> Iterator[Store]:
    """The same database, seen by a process that holds its clock against it."""
    terms = Terms(tolerance=timedelta(minutes=10), gap=timedelta(days=7))
    timed = Store(store.engine.url.render_as_string(hide_password=False), timekeeper=Timekeeper(clock, terms))
    yield timed
    timed.close()


def enter(store: Store, clock: HandClock, subject: str = "list", clocked: Clocked = Clocked.HELD) -> Entry:
    with store.write() as tx:
        return tx.journal.append(
            at=clock.now(), actor="me", subject=subject, verb="v", reason="r", evidence="why", clocked=clocked
        )


def test_nothing_is_entered_at_a_time_that_is_not_believed(timed: Store, clock: HandClock) -> None:
    enter(timed, clock)
    for days in (91, -182):
        clock.jump(days=days)
        with pytest.raises(StoreUnavailable, match="waits") as held:
            enter(timed, clock)
        assert held.value.trouble is Trouble.CLOCK
        assert timed.troubles["write"] is held.value
    clock.jump(days=91)
    enter(timed, clock)
    assert timed.troubles == {}
    with timed.read() as tx:
        assert len(tx.journal.read(None, most=9)) == 2


def test_what_must_be_possible_at_any_time_is_entered_at_the_last_time_that_is_known(
    timed: Store, clock: HandClock
) -> None:
    before = enter(timed, clock).at
    clock.jump(days=91)
    with timed.write() as tx:
        first, second = (
            tx.journal.append(
                at=clock.now(), actor="me", subject="tester", verb="v", reason="r", clocked=clocked, evidence="why"
            )
            for clocked in (Clocked.NOTED, Clocked.HELD)
        )
    assert first.at == second.at == before
    assert first.evidence == f"why (entered while the clock said {clock.now():%Y-%m-%dT%H:%M:%SZ})"
    with pytest.raises(StoreUnavailable):
        enter(timed, clock)
    clock.jump(days=-91)
    assert enter(timed, clock, clocked=Clocked.NOTED).evidence == "why"
    with timed.read() as tx:
        assert tx.journal.verify() == 4


def test_a_sign_of_life_is_what_a_clock_is_held_against_too(timed: Store, clock: HandClock) -> None:
    if timed.engine.dialect.name == "postgresql":  # which has a clock of its own, and so days cannot pass here
        return
    enter(timed, clock)
    for _ in range(3):
        clock.turn(days=6)
        with timed.write() as tx:
            tx.journal.hold(clock.now())
            tx.nodes.beat("here", clock.now())
    enter(timed, clock)
    clock.turn(days=8)
    with pytest.raises(StoreUnavailable, match="8 days before"), timed.write() as tx:
        tx.journal.hold(clock.now())


def test_an_operators_word_is_enough_unless_the_database_has_a_clock(timed: Store, clock: HandClock) -> None:
    enter(timed, clock)
    clock.jump(days=91)
    enter(timed, clock, subject=CLOCK, clocked=Clocked.TRUSTED)
    if timed.engine.dialect.name == "postgresql":
        with pytest.raises(StoreUnavailable, match="the database's own clock"):
            enter(timed, clock)
    else:
        enter(timed, clock)


def test_whether_a_time_is_believed_can_be_asked_without_an_entry(timed: Store, clock: HandClock) -> None:
    with timed.read() as tx:
        assert tx.journal.strange(clock.now()) == ""
    enter(timed, clock)
    clock.jump(days=91)
    with timed.read() as tx:
        assert "--trust" in tx.journal.strange(clock.now()) or "database" in tx.journal.strange(clock.now())


def test_where_a_time_is_not_believed_the_newest_that_is_known_stands_for_it(timed: Store, clock: HandClock) -> None:
    last = enter(timed, clock).at
    clock.turn(seconds=60)
    with timed.read() as tx:
        assert tx.journal.believed(clock.now()) == clock.now() != last
    clock.jump(days=91)
    with timed.read() as tx:
        assert tx.journal.believed(clock.now()) == last


def test_signs_of_life_are_one_row_a_process_and_forgotten_in_time(store: Store) -> None:
    with store.write() as tx:
        for name, day in (("a", 0), ("b", 1), ("a", 2), ("c", 32), ("d", 33)):
            tx.nodes.beat(name, AT + timedelta(days=day))
        rows = tx.connection.execute(text("SELECT name FROM nodes ORDER BY name")).scalars()
        assert list(rows) == ["c", "d"]
        tx.nodes.forget_after(AT + timedelta(days=32))
        assert list(tx.connection.execute(text("SELECT name FROM nodes")).scalars()) == ["c"]


class Witness:
    """A timekeeper that believes nothing, and remembers what it was asked with."""

    def __init__(self) -> None:
        self.words: list[int] = []
        self.stores: list[datetime | None] = []

    def judge(self, now: datetime, *, store: datetime | None, newest: datetime | None, word: int) -> str:
        self.words.append(word)
        self.stores.append(store)
        return "The clock is wrong."


def test_the_last_word_on_the_clock_is_its_newest_entry_and_no_other(store: Store) -> None:
    assert CLOCK == "clock", "as it stands in the journals that there are"
    asked = Witness()
    for subject in ("192.0.2.1", CLOCK, CLOCK, "192.0.2.2"):
        append(store, subject=subject)
        with store.read() as tx:
            assert Journal(Clerk(tx.connection), asked).strange(AT) == "The clock is wrong."  # type: ignore[arg-type]
    assert asked.words == [0, 2, 3, 3]
    knows = store.engine.dialect.name == "postgresql"
    assert all((seen is not None) is knows for seen in asked.stores), "a file knows no time of its own"
    with store.read() as tx:
        journal = Journal(Clerk(tx.connection), asked)  # type: ignore[arg-type]
        assert journal.strange(AT) and journal.strange(AT)
    assert (asked.stores[-1] != asked.stores[-2]) is knows, "and a database's goes on while it is asked"


def test_nothing_is_entered_at_a_time_that_is_not_believed_unless_it_is_asked_for(store: Store) -> None:
    append(store)
    facts = {"actor": "policy", "subject": "192.0.2.1", "verb": "listed", "reason": "letter-returned"}
    with store.write() as tx:
        journal = Journal(Clerk(tx.connection), Witness())  # type: ignore[arg-type]
        with pytest.raises(StoreUnavailable, match="clock is wrong"):
            journal.append(at=AT + timedelta(days=9), **facts)
    assert verify(store) == 1


# -- pages, and entries from elsewhere


def at_minutes(store: Store, *minutes: int, **fields: str) -> list[Entry]:
    """Entries of these minutes, in one transaction."""
    facts = {"actor": "policy", "subject": "192.0.2.1", "verb": "listed", "reason": "letter-returned"} | fields
    with store.write() as tx:
        return [tx.journal.append(at=AT + timedelta(minutes=n), **facts) for n in minutes]


def page(store: Store, **asked: Any) -> tuple[list[int], int | None]:
    with store.read() as tx:
        found, more = tx.journal.page(**{"most": 100} | asked)
    return [entry.seq for entry in found], more


def test_a_moment_is_found_at_the_first_entry_of_then_or_later(store: Store) -> None:
    with store.read() as tx:
        assert tx.journal.number_at(AT) == 1
    at_minutes(store, 0, 1, 2, 2, 5)
    for seconds, number in ((-1, 1), (0, 1), (1, 2), (60, 2), (120, 3), (121, 5), (300, 5), (301, 6)):
        with store.read() as tx:
            assert tx.journal.number_at(AT + timedelta(seconds=seconds)) == number, seconds


def test_a_moment_is_looked_for_in_a_journal_that_lacks_an_entry_too(store: Store) -> None:
    at_minutes(store, *range(5))
    unlock(store)
    with store.write() as tx:
        tx.connection.execute(text("DELETE FROM journal WHERE seq = 3"))
    with store.read() as tx:
        assert tx.journal.number_at(AT) == 1


def test_pages_of_one_subject_go_back_to_its_first_entry(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dnsbl.store.journal.WINDOW", 1)
    for subject in "abaa":
        at_minutes(store, 0, subject=subject)
    assert page(store, subject="a") == ([4, 3, 1], None)
    assert page(store, subject="a", most=2) == ([4, 3], 3)
    assert page(store, subject="a", most=2, before=3) == ([1], None)
    assert page(store, subject="a", most=3) == ([4, 3, 1], None)
    assert page(store, subject="c") == ([], None)


def test_a_search_looks_at_so_many_entries_and_says_where_to_go_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert page(store) == ([], None)
    monkeypatch.setattr("dnsbl.store.journal.WINDOW", 3)
    at_minutes(store, *range(10))
    assert page(store) == ([10, 9, 8], 8)
    assert page(store, most=3) == ([10, 9, 8], 8)
    assert page(store, before=8) == ([7, 6, 5], 5)
    assert page(store, before=4) == ([3, 2, 1], None)
    assert page(store, verb="nowhere") == ([], 8)
    assert page(store, verb="nowhere", before=2) == ([], None)
    assert page(store, verb="nowhere", before=5) == ([], 2)
    assert page(store, since=AT + timedelta(minutes=5)) == ([10, 9, 8], 8)
    assert page(store, since=AT + timedelta(minutes=5), before=8) == ([7, 6], None)
    assert page(store, until=AT + timedelta(minutes=5)) == ([5, 4, 3], 3)
    assert page(store, until=AT + timedelta(minutes=5), before=4) == ([3, 2, 1], None)
    assert page(store, until=AT + timedelta(minutes=5), before=9) == ([5, 4, 3], 3)


def test_a_search_is_by_a_part_of_the_actor_and_by_the_whole_verb(store: Store) -> None:
    at_minutes(store, 0, actor="web 198.51.100.7", verb="nominated")
    at_minutes(store, 0, actor="mail a_b", verb="listed")
    at_minutes(store, 0, actor="web a-b", verb="listed again")
    assert page(store, actor="web") == ([3, 1], None)
    assert page(store, actor="a_b") == ([2], None), "no pattern of SQL"
    assert page(store, verb="listed") == ([2], None)
    assert page(store, actor="web", verb="nominated") == ([1], None)


def test_entries_are_followed_in_order(store: Store) -> None:
    made = at_minutes(store, *range(5))
    with store.read() as tx:
        assert tx.journal.after(2, most=2) == made[2:4]
        assert tx.journal.after(5, most=2) == []


def written_before(store: Store, entries: list[Entry]) -> None:
    """A journal of the form in which each entry held its hash, and that of the one before, as text."""
    with store._writing() as tx:
        versions.upgrade(tx.connection, "0032")
        names = [each.name for each in fields(Entry)]
        put = text(f"INSERT INTO journal ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})")
        tx.connection.execute(put, [asdict(entry) | {"at": micros(entry.at)} for entry in entries])


@pytest.fixture
def before(empty_url: str) -> Iterator[Store]:
    """An empty database, for a schema of before."""
    store = Store.open(empty_url)
    yield store
    store.close()


def test_a_journal_of_before_comes_up_whole_and_goes_on_and_nothing_in_it_can_be_changed(before: Store) -> None:
    made = chained(4)
    written_before(before, made)
    before.upgrade()
    assert verify(before) == 4
    with before.read() as tx:
        assert tx.journal.read(None, most=9) == made
        assert tx.journal.read(made[2].subject, most=9) == [made[2]]
    assert append(before, evidence=f"message sha256:{'0a' * 32}").previous == made[-1].hash
    assert verify(before) == 5
    for statement in ("UPDATE journal SET actor = 'me'", "DELETE FROM journal WHERE seq = 1"):
        with pytest.raises(StoreUnavailable), before.write() as tx:
            tx.connection.execute(text(statement))
    assert verify(before) == 5


@pytest.mark.parametrize(
    ("bent", "complaint"),
    [
        ({"actor": "me"}, "Entry 3 .* was changed"),
        ({"evidence": "\xff"}, "Entry 3 .* was changed"),
        ({"hash": "1" * 64}, "Entry 3 .* was changed"),
        ({"hash": "x"}, "Entry 3 .* was changed"),
        ({"hash": ""}, "Entry 3 .* was changed"),
        ({"previous": "1" * 64}, "Entry 3 .* was changed"),
        ({"seq": 9}, "lacks entry 3"),
    ],
)
def test_what_did_not_hold_before_is_named_after_the_way_up_as_well(
    before: Store, bent: dict[str, Any], complaint: str
) -> None:
    made = chained(4)
    wrong = replace(made[2], **bent)
    if "previous" in bent:
        wrong = replace(wrong, hash=digest(wrong))
    written_before(before, [*made[:2], wrong, made[3]])
    before.upgrade()
    with pytest.raises(Damaged, match=complaint):
        verify(before)


def chained(count: int) -> list[Entry]:
    """Entries as another store has made them."""
    made: list[Entry] = []
    for seq in range(1, count + 1):
        previous = made[-1].hash if made else START
        facts = {"actor": "policy", "subject": f"192.0.2.{seq}", "verb": "listed", "reason": "letter-returned"}
        facts |= {"before": "", "after": "", "previous": previous, "hash": ""}
        facts |= {"evidence": f"run abc, transcript sha256:{sha256(b'talk').hexdigest()}"}
        entry = Entry(seq=seq, at=AT, **facts)
        made.append(replace(entry, hash=digest(entry)))
    return made


def test_entries_from_elsewhere_are_added_as_they_were_made_and_the_chain_goes_on(store: Store) -> None:
    made = chained(4)
    with store.write() as tx:
        tx.journal.replay(made[:2])
    with store.write() as tx:
        tx.journal.append(at=AT, actor="policy", subject="x", verb="listed", reason="letter-returned")
    with store.read() as tx:
        assert tx.journal.read(None, most=9)[:2] == made[:2]
    assert verify(store) == 3


def test_in_one_transaction_an_entry_of_ours_stands_behind_those_from_elsewhere(store: Store) -> None:
    made = chained(5)
    with store.write() as tx:
        tx.journal.replay(made[:2])
        tx.journal.replay(made[2:4])
        ours = tx.journal.append(at=AT, actor="policy", subject="x", verb="listed", reason="letter-returned")
        assert (ours.seq, ours.previous) == (5, made[3].hash)
        theirs = replace(made[4], seq=6, previous=ours.hash)
        tx.journal.replay([replace(theirs, hash=digest(theirs))])
        ours = tx.journal.append(at=AT, actor="policy", subject="x", verb="listed", reason="letter-returned")
    assert (ours.seq, ours.previous) == (7, digest(theirs))
    assert verify(store) == 7


@pytest.mark.parametrize(
    "bent",
    [
        {"seq": 3},
        {"previous": "1" * 64},
        {"actor": "somebody"},  # and the hash is of another
        {"hash": "1" * 64},
    ],
)
def test_an_entry_from_elsewhere_that_does_not_follow_is_refused_and_nothing_of_it_stays(
    store: Store, bent: dict[str, Any]
) -> None:
    first, second = chained(2)
    wrong = replace(second, **bent)
    if "seq" in bent or "previous" in bent:
        wrong = replace(wrong, hash=digest(wrong))
    with pytest.raises(Damaged, match=f"Entry {wrong.seq} does not follow entry 1"), store.write() as tx:
        tx.journal.replay([first, wrong])
    assert verify(store) == 0
