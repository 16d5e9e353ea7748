"""Lines of results: there and back, and who is done."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.errors import Damaged
from dnsbl.rules.surveys import records
from dnsbl.rules.surveys.records import Back, Done, Host, Record, Sat
from tester.smtp import Flag, Outcome
from tester.verdict import Finding
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
    assert records.line(said).count("\n") == 1 and records.line(said).isascii()
    assert records.read(records.line(said)) == said


def test_lines_are_short_and_say_nothing_of_what_is_not_there() -> None:
    here, at = ip_address("192.0.2.1"), 1.23456
    silent = Host(target=1, address=here, at=at, outcome=Outcome.CONN_TIMEOUT, stage="")
    begun = '{"host":1,"address":"192.0.2.1","at":1.235,"outcome":"CONN_TIMEOUT","stage":"","there":true'
    assert records.line(silent) == begun + "}\n"
    flags = frozenset(list(Flag)[:2])
    told = ",".join(f'"{flag}"' for flag in sorted(flags))
    assert records.line(replace(silent, flags=flags)) == f'{begun},"flags":[{told}]}}\n'
    assert records.read(records.line(replace(silent, at=1.235, flags=flags))) == replace(silent, at=1.235, flags=flags)
    came = Back(target=1, token="r", finding=Finding.HUMAN, peer=here, at=at)
    assert records.line(came) == '{"back":1,"token":"r","finding":"HUMAN","peer":"192.0.2.1","at":1.235}\n'
    assert records.line(Sat(seconds=at, tested=2)) == '{"sat":1.235,"tested":2}\n'


def test_nobody_has_answered_where_a_connection_was_not_made_and_not_where_it_was_refused() -> None:
    assert {Outcome.CONN_TIMEOUT, Outcome.CONN_UNREACH} == records.SILENT
    assert records.SHOWN == 200


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "{}",
        "[]",
        "1",
        '{"host":1}',
        '{"host":null}',
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
    with pytest.raises(Damaged, match="is of an unknown kind" if text in ("{}", "[]", "1") else "cannot be read"):
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
