"""What counts as one source."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.errors import Refused
from dnsbl.rules import bringers
from dnsbl.vocabulary import Door, Refusal


@pytest.mark.parametrize(
    ("text", "door", "nominator", "holds"),
    [
        ("198.51.100.0/24", Door.WEB, "198.51.100.0/24", True),
        ("198.51.100.0/24", Door.API, "198.51.100.7", True),
        ("198.51.0.0/16", Door.WEB, "198.51.100.0/24", True),
        ("198.51.100.7", Door.WEB, "198.51.100.0/24", False),
        ("198.51.100.0", Door.WEB, "198.51.100.0/24", False),
        ("2001:db8::/32", Door.WEB, "2001:db8:1::/48", True),
        ("198.51.100.0/24", Door.CLI, "operator alice", False),
        ("198.51.100.0/24", Door.WEB, "198.51.101.0/24", False),
        ("0.0.0.0/0", Door.WEB, "2001:db8::/32", False),
        ("::/0", Door.WEB, "198.51.100.0/24", False),
        ("web:", Door.WEB, "anybody", True),
        ("feed:", Door.FEED, "https://a.example/", True),
        ("feed:", Door.WEB, "198.51.100.0/24", False),
        ("feed:https://a.example/", Door.FEED, "https://a.example/", True),
        ("feed:https://a.example/", Door.FEED, "https://b.example/", False),
        ("operator alice", Door.CLI, "operator alice", True),
        ("operator alice", Door.CLI, "operator bob", False),
        ("https://a.example/", Door.FEED, "https://a.example/", True),
    ],
)
def test_a_source_holds_its_own_and_nobody_else(text: str, door: Door, nominator: str, holds: bool) -> None:
    assert bringers.read(text).holds(door, nominator) is holds


@pytest.mark.parametrize("text", ["", "  ", "x" * 301, "a\x07b"])
def test_what_can_be_no_source_is_refused(text: str) -> None:
    with pytest.raises(Refused) as error:
        bringers.read(text)
    assert error.value.reason is Refusal.MALFORMED_ADDRESS


def test_only_a_name_has_listings_by_its_word() -> None:
    assert bringers.read("operator alice").author == "operator alice"
    assert bringers.read("cli:operator alice").author == "operator alice"
    assert bringers.read("feed:x").author == ""
    assert bringers.read("192.0.2.0/24").author == ""


@given(st.text(max_size=400))
def test_whatever_is_typed_is_a_source_or_a_refusal(text: str) -> None:
    try:
        source = bringers.read(text)
    except Refused:
        return
    assert bringers.read(source.text) == source


@pytest.mark.parametrize(
    ("text", "kept", "network", "door", "name"),
    [
        (" 198.51.100.7 ", "198.51.100.7/32", "198.51.100.7/32", None, ""),
        ("2001:db8::/32", "2001:db8::/32", "2001:db8::/32", None, ""),
        ("web:", "web:", None, Door.WEB, ""),
        ("feed: https://a.example/", "feed:https://a.example/", None, Door.FEED, "https://a.example/"),
        ("operator \n  alice", "operator alice", None, None, "operator alice"),
        ("nodoor:alice", "nodoor:alice", None, None, "nodoor:alice"),
        ("web", "web", None, None, "web"),
        ("x" * 300, "x" * 300, None, None, "x" * 300),
    ],
)
def test_a_source_is_kept_in_one_spelling(
    text: str, kept: str, network: str | None, door: Door | None, name: str
) -> None:
    source = bringers.read(text)
    assert (source.text, source.door, source.name) == (kept, door, name)
    assert source.network == (ip_network(network) if network else None)
