from datetime import UTC, datetime

import pytest

from dnsbl.dns.sources import words
from dnsbl.dns.sources.values import NotTaken


def test_times_have_units() -> None:
    found = [words.time(text) for text in (b"30", b"30s", b"2m", b"1H", b"1d", b"1w")]
    assert found == [30, 30, 120, 3600, 86400, 604800]
    for text in (b"", b"x", b"1y", b"1h\n", b"99999999999", b"9999999w"):
        with pytest.raises(NotTaken):
            words.time(text)


def test_moments_are_days_with_a_time_or_without() -> None:
    day = datetime(2020, 2, 3, tzinfo=UTC)
    assert words.moment(b"2020-2-3") == words.moment(b"20200203") == int(day.timestamp())
    assert words.moment(b"2020:02:03:04:05:06") == int(day.replace(hour=4, minute=5, second=6).timestamp())
    assert words.moment(b"-") == words.moment(b"0") == 0
    for text in (b"x", b"2020-13-01", b"1606000000"):
        with pytest.raises(NotTaken):
            words.moment(text)


def test_words_are_parted_by_blanks() -> None:
    assert words.word(b"a \t b c") == (b"a", b" \t ", b"b c")
    assert words.word(b"") == (b"", b"", b"")


def test_octets_are_digits_and_nothing_right_behind_them() -> None:
    assert words.digits(b"1.2 x") == b"1.2"
    for text in (b"x", b"1.2.3.4.5"):
        with pytest.raises(NotTaken):
            words.digits(text)


def test_a_packed_name_is_its_labels() -> None:
    assert words.labels(b"\1a\2bc") == (b"a", b"bc")
    assert words.labels(b"") == ()
