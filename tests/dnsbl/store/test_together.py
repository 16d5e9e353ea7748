"""Several questions in one text: whose each row is, and no name that two of them share."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from dnsbl.store.clerk import prepared
from dnsbl.store.schema.entered import journal
from dnsbl.store.schema.told import controls, hearers
from dnsbl.store.together import Together, together

DIALECT = PGDialect_psycopg()
SHOWN = prepared(select(controls.c.shown, controls.c.how).where(controls.c.how == bindparam("name")))
HEARERS = prepared(select(hearers.c.recipient).where(hearers.c.run == bindparam("name")))
BEFORE = prepared(select(journal.c.before, journal.c.seq).where(journal.c.seq == bindparam("seq")).limit(1))
VALUES = [{"name": "by mail"}, {"name": "run"}, {"seq": 7}]
PLANS = tuple(each.plan(DIALECT, values) for each, values in zip((SHOWN, HEARERS, BEFORE), VALUES, strict=True))


def test_columns_of_one_type_share_their_places_and_the_first_question_says_what_type_that_is() -> None:
    first, second, third = Together(PLANS, DIALECT).sql.split(" UNION ALL ")
    assert first.startswith("SELECT 0 AS whose, q.shown, q.how FROM (SELECT")
    assert second.startswith("SELECT 1 AS whose, NULL, q.recipient FROM (SELECT")
    assert third.startswith("SELECT 2 AS whose, q.seq, q.before FROM (SELECT")
    turned = Together(PLANS[1:], DIALECT).sql
    assert turned.startswith("SELECT 0 AS whose, q.recipient, CAST(NULL AS BIGINT) FROM")


def test_each_question_has_its_own_values() -> None:
    whole = Together(PLANS, DIALECT)
    assert whole.bound(VALUES) == ("by mail", "run", 7, 1)
    first, second, third = whole.sql.split(" UNION ALL ")
    assert "$1" in first and "$2" in second and "$3" in third and "$4" in third
    assert [text.count("$") for text in (first, second, third)] == [1, 1, 2] and "%" not in whole.sql


def test_each_question_has_the_rows_that_are_its_own_in_their_order() -> None:
    whole = Together(PLANS, DIALECT)
    found = [(0, 5, "a"), (0, 6, "b"), (1, None, "c"), (2, 7, "before")]
    assert whole.split(found) == [[(5, "a"), (6, "b")], [("c",)], [("before", 7)]]
    assert whole.split([]) == [[], [], []]
    cursor: Any = SimpleNamespace(description=["whose", "eight octets", "text"])
    assert [whole.told(cursor, n) for n in range(3)] == [["eight octets", "text"], ["text"], ["text", "eight octets"]]


def test_a_text_is_made_once() -> None:
    assert together(PLANS, DIALECT) is together(PLANS, DIALECT)
