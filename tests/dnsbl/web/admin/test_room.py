"""What somebody types on the operators' side, as it is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from dnsbl.errors import Refused
from dnsbl.web.admin.room import moment_of, network_of, number_of, onward, reason_of, words_of


def test_reasons_are_kept_in_one_line_and_bounded() -> None:
    assert reason_of(" a\r\n b ") == "a b" and len(words_of("x" * 9000)) == 500
    with pytest.raises(Refused):
        reason_of(" \n\t")


def test_networks_and_times_are_read_or_refused_in_a_sentence() -> None:
    assert str(network_of(" 192.0.2.7 ")) == "192.0.2.7/32" and str(network_of("2001:DB8::/32")) == "2001:db8::/32"
    assert moment_of(" ") is None and moment_of("2026-11-26") == datetime(2026, 11, 26, tzinfo=UTC)
    assert moment_of("2026-11-26T12:00+02:00") == datetime(2026, 11, 26, 12, tzinfo=timezone(timedelta(hours=2)))
    for wrong in ("", "x", "192.0.2.0/99", "9" * 5000, "\0"):
        with pytest.raises(Refused):
            network_of(wrong)
    for wrong in ("yesterday", "2026-13-01", "\0", "9" * 400):
        with pytest.raises(Refused):
            moment_of(wrong)


def test_numbers_of_pages_are_whole_and_fit_the_store() -> None:
    assert number_of("17") == 17
    for none in ("", "-1", "1.5", "x", "９", "9" * 30):
        assert number_of(none) is None


def test_the_way_onward_carries_the_filters_and_is_escaped() -> None:
    assert onward("/admin/x", None, a="b") == ""
    assert onward("/admin/x", 7, a="b&c", d="") == "/admin/x?a=b%26c&before=7"
