"""The settings of the log say what is allowed."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from dnsbl.settings.log import LogSettings


def test_levels_of_parts_are_read() -> None:
    assert LogSettings(levels=("worker debug", "dns error")).by_part == {"worker": "debug", "dns": "error"}
    assert LogSettings().by_part == {}


@pytest.mark.parametrize("levels", [("worker",), ("nobody debug",), ("worker loud",), ("web info", "web debug"), ("",)])
def test_a_level_that_cannot_be_is_refused_with_what_is_allowed(levels: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match=r"PART LEVEL|named once"):
        LogSettings(levels=levels)


@pytest.mark.parametrize("wrong", [{"format": "xml"}, {"level": "loud"}])
def test_there_are_two_formats_and_four_levels(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        LogSettings(**wrong)
