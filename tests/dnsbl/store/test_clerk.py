"""Statements that were built once: the same rows as SQLAlchemy's, for less, and in the right order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from sqlalchemy import bindparam, delete, event, insert, select, update
from sqlalchemy.exc import IntegrityError

from dnsbl.errors import StoreUnavailable
from dnsbl.store import Store
from dnsbl.store.clerk import Clerk, numbered, prepared
from dnsbl.store.kept import Account
from dnsbl.store.schema.entered import journal
from dnsbl.store.schema.listed import exclusions, listings
from dnsbl.store.schema.tested import runs
from dnsbl.store.schema.told import controls
from dnsbl.vocabulary import Reason

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)
ANN = {"at": NOW, "actor": "ann", "subject": "list", "verb": "v", "reason": "r"}


@contextmanager
def sent(store: Store) -> Iterator[list[str]]:
    """What goes to the driver meanwhile."""
    found: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(store.engine, "before_cursor_execute", note)


def begun(name: str) -> dict[str, Any]:
    """A row of a run."""
    facts = {"id": name, "address": ip_address("192.0.2.1"), "port": 25, "reason": "operator", "profile": "basic"}
    facts |= {"provocation": "a test", "state": "open", "started": NOW, "explanation": "", "unreached": False}
    return facts | {"extent": "host"}


def test_a_prepared_statement_brings_the_rows_that_sqlalchemy_does(store: Store) -> None:
    networks = [ip_network(f"192.0.2.{n}/32") for n in range(4)]
    wanted = select(exclusions).where(exclusions.c.network.in_(bindparam("among", expanding=True)))
    asked = prepared(wanted)
    with store.write() as tx:
        for each in networks[:3]:
            tx.connection.execute(exclusions.insert().values(network=each, reason="a\0b", public="", since=NOW))
    with store.read() as tx:
        for among in ([], networks[:1], networks[1:], networks[2:], networks):
            clerk = Clerk(tx.connection)
            theirs = tx.connection.execute(wanted, {"among": among}).all()
            ours = list(clerk.execute(asked, {"among": among}))
            assert [row._asdict() for row in ours] == [row._asdict() for row in theirs]
            assert {row.network for row in ours} == {each for each in among if each in networks[:3]}


def test_named_values_become_numbered_ones_and_a_percent_sign_is_single_again() -> None:
    told = numbered("SELECT %(b)s::TEXT, %(a)s || 'x%%' WHERE n %% 2 = %(b)s AND 't%%(a)s' = ''")
    assert told == ("SELECT $1::TEXT, $2 || 'x%' WHERE n % 2 = $1 AND 't%(a)s' = ''", ["b", "a"])
    assert numbered("SELECT 1") == ("SELECT 1", [])


def test_a_question_is_asked_once_until_its_table_is_written_to(store: Store) -> None:
    here, network = ip_address("192.0.2.1"), ip_network("192.0.2.0/24")
    with store.write() as tx, sent(store) as seen:
        for _ in range(2):
            assert tx.controls.since(here, NOW) == ""
            assert tx.exclusions.covering(here) is None
        assert len(seen) == 2
        tx.controls.keep(here, "by mail", at=NOW)
        assert tx.controls.since(here, NOW) == "by mail"
        tx.listings.add([network], kind="manual", since=NOW, expires=None, reason=Reason.OPERATOR)
        assert len(tx.listings.covering(here)) == 1
        tx.listings.end([1], at=NOW, reason=Reason.OPERATOR)
        assert tx.listings.covering(here) == []
        tx.connection.execute(controls.delete())
        assert tx.controls.since(here, NOW) == "", "whoever goes below the clerk may have changed anything"


def test_what_is_foreseen_goes_out_in_one_message_where_each_is_a_wait_and_is_answered_as_ever(store: Store) -> None:
    here, at = ip_address("192.0.2.1"), NOW + timedelta(seconds=1)
    with store.write() as tx:
        tx.controls.keep(here, "by mail", at=NOW)
        tx.kept.add([Account("a", 1), Account("b", 1)], 5)
        for _ in range(3):
            tx.journal.append(**ANN | {"before": "then"})
    answers = []
    for foresees in (False, True):
        with store.write() as tx, sent(store) as seen:
            asks: list[Callable[[], object]] = [
                partial(tx.controls.since, here, NOW),
                partial(tx.exclusions.covering, here),
                partial(tx.listings.proven, here),
                partial(tx.kept.of, [Account("a", 1), Account("b", 1), Account("c", 1)]),
                partial(tx.journal.read, "list", most=2),
                partial(tx.controls.since, here, NOW),
            ]
            if foresees:
                tx.foresee(*asks, partial(tx.journal.strange, at))
            answers.append([ask() for ask in asks])
            assert tx.journal.append(**ANN | {"at": at}).seq == 4 + foresees
            if foresees:
                assert len(seen) == (6 if store.is_a_file else 1)
    assert answers[0][:4] == answers[1][:4]
    assert [entry.seq for entry in answers[0][4]] == [2, 3]
    assert [entry.seq for entry in answers[1][4]] == [3, 4]


def test_what_was_foreseen_is_asked_anew_once_its_table_is_written_to(store: Store) -> None:
    here = ip_address("192.0.2.1")
    with store.write() as tx:
        tx.kept.add([Account("a", 1)], 5)
        ask = partial(tx.kept.of, [Account("a", 1)])
        tx.foresee(ask, partial(tx.controls.since, here, NOW), partial(tx.journal.strange, NOW))
        assert ask()[Account("a", 1)].octets == 5, "what waits to be written goes out before"
        tx.kept.add([Account("a", 1)], 7)
        assert ask()[Account("a", 1)].octets == 12
        tx.controls.keep(here, "by mail", at=NOW)
        assert tx.controls.since(here, NOW) == "by mail"
        tx.journal.append(**ANN)
        with sent(store) as seen:
            tx.foresee(ask)
            assert not seen, "one question is as well asked in its time"
            tx.journal.strange(NOW)
            tx.journal.strange(NOW)
        assert sum("SELECT" in each for each in seen) == 2, "what may be another one each time is asked each time"


def test_whoever_foresees_hears_of_no_fault_but_his_own(store: Store) -> None:
    def fail() -> None:
        raise ValueError

    with store.read() as tx:
        if store.is_a_file:
            tx.foresee(fail)
        else:
            with pytest.raises(ValueError):
                tx.foresee(partial(tx.controls.since, ip_address("192.0.2.1"), NOW), fail)
        assert tx.controls.since(ip_address("192.0.2.1"), NOW) == "", "and the next question is put"


def test_no_more_answers_are_kept_than_may_be_and_no_texts_of_long_lists(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dnsbl.store.clerk.KNOWN", 2)
    monkeypatch.setattr("dnsbl.store.clerk.LISTED", 3)
    asked = prepared(select(exclusions.c.network).where(exclusions.c.network.in_(bindparam("among", expanding=True))))
    with store.read() as tx, sent(store) as seen:
        clerk = Clerk(tx.connection)
        for length in (1, 2, 1, 3, 1, 9):
            clerk.execute(asked, {"among": [ip_network(f"192.0.2.{n}/32") for n in range(length)]})
        assert len(seen) == 5, "the first is known once more, and asked again when too much was known"
    assert len(asked._plans) == 3


def test_what_is_written_later_goes_out_together_and_before_whatever_sees_it(store: Store) -> None:
    with store.write() as tx, sent(store) as seen:
        for _ in range(3):
            tx.journal.append(**ANN)
        assert not any("INSERT INTO journal" in each for each in seen)
        assert [entry.seq for entry in tx.journal.read("list", most=9)] == [1, 2, 3]
        assert sum("INSERT INTO journal" in each for each in seen) == 1
        tx.journal.append(**ANN)
        assert len(tx.connection.execute(select(journal)).all()) == 4
        tx.kept.add([Account("a", 1)], 5)
    with store.read() as tx:
        assert tx.kept.of([Account("a", 1)]) == {Account("a", 1): (1, 5)}
        assert tx.journal.verify() == 4


def test_what_is_written_later_keeps_its_order_on_tables_that_rest_on_one_another(store: Store) -> None:
    one, two = (prepared(insert(table)) for table in (runs, listings))
    change = prepared(update(runs).where(runs.c.id == bindparam("of")))
    same = {"kind": "relay", "since": NOW, "confirmed": NOW, "reason": Reason.OPERATOR, "note": ""}
    here, there, yonder = ({"network": ip_network(f"192.0.2.{n}/32")} for n in range(3))

    with store.write() as tx, sent(store) as seen:
        clerk = tx._clerk
        clerk.later(two, same | here)
        clerk.later(one, begun("a"), begun("b"))
        clerk.later(two, same | there | {"run": "a"})  # another form of the first, and rests on the second
        clerk.later(change, {"of": "a", "explanation": "later"})
        clerk.later(one, begun("c"))
        clerk.later(one)
        clerk.later(two, same | yonder | {"run": "c"})
        assert seen == []
        clerk.finish()
    tables = [re.search(r"(?:INTO|UPDATE) (\w+)", each)[1] for each in seen]  # type: ignore[index]
    assert tables == ["listings", "runs", "listings", "runs", "runs", "listings"]
    with store.read() as tx:
        assert [tx.runs.read(name).explanation for name in "abc"] == ["later", "", ""]  # type: ignore[union-attr]


def test_rows_of_one_form_go_out_as_one_statement_though_others_that_do_not_concern_them_came_between(
    store: Store,
) -> None:
    with store.write() as tx, sent(store) as seen:
        for number in range(3):
            tx.journal.append(**ANN)
            tx.kept.add([Account("a", number)], 5)
        tx.finish()
        assert sum("INSERT" in each for each in seen) == 2


def test_what_a_database_refuses_of_what_waited_is_told_and_nothing_is_kept(store: Store) -> None:
    add = prepared(insert(controls))
    row = {"address": ip_address("192.0.2.1"), "how": "x", "shown": NOW}

    def twice() -> None:
        with store.write() as tx:
            tx.journal.append(**ANN)
            tx._clerk.later(add, row, row)

    with pytest.raises(StoreUnavailable, match="refuses"):
        twice()
    with store.read() as tx:
        assert tx.journal.read(None, most=1) == [] and tx.controls.since(row["address"], NOW) == ""
    with store.write() as tx:
        tx.journal.append(**ANN)
    with store.read() as tx:
        assert len(tx.journal.read(None, most=9)) == 1, "the connection serves again"


def test_what_was_refused_and_swallowed_is_not_told_as_done(store: Store) -> None:
    add = prepared(insert(controls))
    row = {"address": ip_address("192.0.2.1"), "how": "x", "shown": NOW}
    if store.is_a_file:
        return  # a statement that fails takes back itself alone there

    def swallow() -> None:
        with store.write() as tx:
            tx.journal.append(**ANN)
            tx.finish()
            tx._clerk.execute(add, row)
            with suppress(IntegrityError):
                tx._clerk.execute(add, row)

    with pytest.raises(StoreUnavailable, match="refuses"):
        swallow()
    with store.read() as tx:
        assert tx.journal.read(None, most=1) == []


def test_who_writes_while_he_reads_is_told_or_has_written(store: Store) -> None:
    def write() -> None:
        with store.read() as tx:
            tx.kept.add([Account("a", 1)], 5)

    if store.is_a_file:
        write()
    else:
        with pytest.raises(StoreUnavailable, match="takes no changes"):
            write()
    with store.read() as tx:
        assert tx.kept.of([Account("a", 1)])[Account("a", 1)].messages == (1 if store.is_a_file else 0)


def test_a_row_goes_before_the_deletion_of_what_it_rested_on(store: Store) -> None:
    row = {"kind": "relay", "since": NOW, "confirmed": NOW, "reason": Reason.OPERATOR, "note": "", "run": "a"}
    leave = prepared(update(listings).where(listings.c.run == bindparam("of")))
    with store.write() as tx:
        tx._clerk.later(prepared(insert(runs)), begun("a"))
        tx._clerk.later(prepared(insert(listings)), row | {"network": ip_network("192.0.2.0/24")})
        tx._clerk.finish()
        tx._clerk.later(leave, {"of": "a", "run": None})
        tx._clerk.execute(prepared(delete(runs).where(runs.c.id == bindparam("of"))), {"of": "a"})
    with store.read() as tx:
        assert tx.runs.read("a") is None


def test_what_waits_goes_when_the_transaction_fails(store: Store) -> None:
    def fail() -> None:
        with store.write() as tx:
            tx.journal.append(**ANN)
            raise ValueError

    with pytest.raises(ValueError):
        fail()
    with store.read() as tx:
        assert tx.journal.read(None, most=1) == []


def test_no_more_rows_wait_than_may(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dnsbl.store.clerk.AT_ONCE", 3)
    with store.write() as tx, sent(store) as seen:
        for _ in range(7):
            tx.journal.append(**ANN)
        assert sum("INSERT INTO journal" in each for each in seen) == 2


def test_what_the_driver_complains_of_is_told_as_by_sqlalchemy(store: Store) -> None:
    add = prepared(controls.insert())
    row = {"address": ip_address("192.0.2.1"), "how": "x", "shown": NOW + timedelta(0)}

    def twice() -> None:
        with store.write() as tx:
            clerk = Clerk(tx.connection)
            clerk.execute(add, row)
            with pytest.raises(IntegrityError) as raised:
                clerk.execute(add, row)
            raise raised.value

    with pytest.raises(StoreUnavailable, match="refuses"):
        twice()


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("way", ["read", "write"])
def test_who_still_holds_a_transaction_that_is_over_holds_nothing_of_its_connection(
    store: Store, way: str, fails: bool
) -> None:
    cursors: list[Any] = []

    def note(_c: Any, cursor: Any, *_: Any) -> None:
        cursors.append(cursor)

    event.listen(store.engine, "before_cursor_execute", note)
    with suppress(ZeroDivisionError), getattr(store, way)() as tx:
        tx.kept.of([Account("a", 1)])
        if way == "write":
            tx.kept.add([Account("a", 1)], 0)
        assert not fails or 1 / 0
    assert tx
    with pytest.raises(store.engine.dialect.loaded_dbapi.Error, match="closed"):
        cursors[0].execute("SELECT 1")
