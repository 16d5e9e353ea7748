"""Feeds, each the list of one reporter."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from dnsbl.settings import Settings


def test_a_feed_is_a_reporter_and_an_address_or_a_file() -> None:
    lines = ["Ann https://example.org/relays", "bob  /srv/relays with blanks"]
    ann, bob = Settings.model_validate({"feeds": {"sources": lines}}).feeds.sources
    assert (ann.name, ann.place, ann.is_remote) == ("ann", "https://example.org/relays", True)
    assert (bob.name, bob.place, bob.is_remote) == ("bob", "/srv/relays with blanks", False)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["ann"], "NAME and an address"),
        (["ann ftp://example.org/x"], "NAME and an address"),
        (["ann https:///x"], "NAME and an address"),
        (["ann relays.txt"], "NAME and an address"),
        ([7], "NAME and an address"),
        (["ann /a", "Ann /b"], "each reporter has one feed"),
    ],
)
def test_a_line_that_is_no_feed_is_refused_with_an_example(lines: list[object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings.model_validate({"feeds": {"sources": lines}})
