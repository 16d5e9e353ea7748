"""Settings of the transparency log."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from dnsbl.log.note import sound_name
from dnsbl.settings import TlogSettings


@pytest.mark.parametrize("origin", ["relays.example.org/log", "127.0.0.1:8053/log", "example.org/log/2"])
def test_a_name_is_one_that_a_note_can_have(origin: str) -> None:
    assert sound_name(TlogSettings(origin=origin).origin)


@pytest.mark.parametrize("origin", ["https://example.org/log", "example.org/", "a b", "a+b", "example.org/log/"])
def test_a_name_with_a_scheme_blank_or_end_is_refused(origin: str) -> None:
    with pytest.raises(ValidationError):
        TlogSettings(origin=origin)


def test_nothing_is_public_unless_somebody_says_so() -> None:
    assert (TlogSettings().origin, TlogSettings().networks, TlogSettings().folder) == ("", "sealed", None)
