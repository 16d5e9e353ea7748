"""Lines of an event log and back; what is missing shows."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.errors import Damaged
from dnsbl.model import Change, Entry
from dnsbl.rules import eventlog


def entry(seq: int) -> Entry:
    return Entry(
        seq=seq,
        at=datetime(2026, 1, 1, 0, 0, seq, 5, tzinfo=UTC),
        actor="a\N{SNOWMAN}",
        subject="192.0.2.1",
        verb="v",
        reason="r",
        before='"',
        after="\\",
        evidence="\x00",
        previous="0",
        hash=str(seq),
    )


def change(seq: int) -> Change:
    return Change(seq=seq, network=ip_network("2001:db8::/32"), kind="relay", present=bool(seq % 2))


ENTRIES, CHANGES = [entry(n) for n in range(1, 6)], [change(n) for n in range(1, 4)]


def test_what_is_written_is_read_in_whatever_order_and_however_often() -> None:
    lines = list(eventlog.lines(ENTRIES, CHANGES))
    assert all(line.isascii() and line.endswith("\n") for line in lines)
    found = eventlog.read([*reversed(lines), *lines, '{"entry": {"se'])
    assert (list(found.entries), list(found.changes)) == (ENTRIES, CHANGES)
    assert eventlog.last(lines) == (ENTRIES[-1], 3)


def test_only_what_is_behind_the_numbers_is_read() -> None:
    found = eventlog.read(eventlog.lines(ENTRIES, CHANGES), entries_after=3, changes_after=3)
    assert (list(found.entries), list(found.changes)) == (ENTRIES[3:], [])


@pytest.mark.parametrize("gone", range(1, 4))
def test_a_gap_shows(gone: int) -> None:
    lines = list(eventlog.lines(ENTRIES, CHANGES))
    with pytest.raises(Damaged):
        eventlog.read([line for n, line in enumerate(lines) if n != gone + 2])


def test_two_lines_that_disagree_and_a_log_that_ends_too_early_show() -> None:
    lines = list(eventlog.lines(ENTRIES, CHANGES))
    with pytest.raises(Damaged, match="two entries 5"):
        eventlog.read([*lines, lines[-1].replace('"verb":"v"', '"verb":"w"')])
    with pytest.raises(Damaged, match="two changes 1"):
        eventlog.read([*lines, lines[0].replace("true", "false")])
    with pytest.raises(Damaged, match="ends at entry 5"):
        eventlog.read(lines, entries_after=6)
    with pytest.raises(Damaged, match="ends at entry 0"):
        eventlog.read([], entries_after=1)


@given(st.lists(st.text(max_size=80), max_size=5))
def test_nonsense_is_passed_over(noise: list[str]) -> None:
    found = eventlog.read([*noise, *eventlog.lines(ENTRIES, CHANGES), *noise])
    assert list(found.entries) == ENTRIES


def test_the_newest_is_found_wherever_it_stands() -> None:
    lines = list(eventlog.lines(ENTRIES, CHANGES))
    assert eventlog.last([*reversed(lines), "x"]) == (ENTRIES[-1], 3)
    for incomplete in ('{"entry": {}}', '{"entry": {"at": "2026-01-01"}}', '{"entry": {"at": 1}}'):
        assert eventlog.last([incomplete]) == (None, 0)
    assert eventlog.last(["x", "{}", '{"change": [1, "nonsense", "relay", true]}']) == (None, 0)


def test_a_log_that_begins_late_lacks_what_was_before_and_one_that_ends_where_we_are_tells_all() -> None:
    with pytest.raises(Damaged, match="lacks an entry behind number 1"):
        eventlog.read(eventlog.lines(ENTRIES[2:], []), entries_after=1)
    with pytest.raises(Damaged, match="lacks a change behind number 0"):
        eventlog.read(eventlog.lines([], CHANGES[1:]))
    here = eventlog.read(eventlog.lines(ENTRIES, CHANGES), entries_after=5)
    assert (here.entries, here.changes) == ((), tuple(CHANGES))


def test_changes_stand_before_the_entries_that_tell_of_them() -> None:
    assert list(eventlog.lines([], CHANGES[:1])) == ['{"change":[1,"2001:db8::/32","relay",true]}\n']
    kinds = [line[2:8] for line in eventlog.lines(ENTRIES[:1], CHANGES[:1])]
    assert kinds == ["change", 'entry"']
