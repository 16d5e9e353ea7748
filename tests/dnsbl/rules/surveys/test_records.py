"""Lines of results: there and back, and who is done."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.errors import Damaged
from dnsbl.rules.surveys import records
from dnsbl.rules.surveys.records import Done, Record
from tests.dnsbl.rules.surveys.exhibits import RECORDS, back, host, letter


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_is_one_line_and_comes_back_as_it_was(record: Record) -> None:
    line = records.line(record)
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert line.isascii()
    assert records.read(line) == record


def test_what_strangers_say_cannot_begin_a_line() -> None:
    said = host(1, "RCPT_5XX", "TO", greeting='a\n{"host":2}\u2028', reply='"\\')
    assert records.line(said).count("\n") == 1
    assert records.read(records.line(said)) == said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "{}",
        "[]",
        "1",
        '{"host":1}',
        '{"host":"x"}',
        '{"letter":1}',
        '{"back":1,"token":"x","finding":"NONE"}',
        records.line(host(1, "ACCEPTED", "OK"))[:-9],
        records.line(letter(1)).replace("192.0.2.1", "x"),
        records.line(back(1, "HUMAN")).replace("HUMAN", "ALIEN"),
        "[" * 100_000,
    ],
)
def test_what_is_no_record_is_damaged(text: str) -> None:
    with pytest.raises(Damaged):
        records.read(text)


@given(st.permutations(range(40)))
def test_who_is_done_is_known_in_whatever_order(order: list[int]) -> None:
    done = Done()
    for count, number in enumerate(order, 1):
        assert number not in done
        done.add(number)
        assert number in done
        assert len(done) == count
    assert done.below == 40
    assert 40 not in done
