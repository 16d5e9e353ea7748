"""Rows in, rows out: each its own answer or its own mistake, in order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dnsbl.addresses import Address
from dnsbl.model import Brief
from dnsbl.vocabulary import State
from dnsbl.web.briefs import SHOWN, BriefShape, rows
from dnsbl.web.shapes import Codes

ORIGIN = "relays.example.org"
LISTED = ip_network("192.0.2.0/30")


def each(addresses: Sequence[Address]) -> list[Brief]:
    """A list that holds one network."""
    return [
        Brief(address=one, state=State.LISTED, listings=((LISTED, "relay"),))
        if one in LISTED
        else Brief(address=one, state=State.UNKNOWN, listings=())
        for one in addresses
    ]


def told(codes: Codes, *texts: str) -> list[dict[str, Any]]:
    return rows(texts, each, codes, [ORIGIN], "https://list.example.org")


def test_a_row_has_its_answer_and_another_its_mistake(codes: Codes) -> None:
    found = told(codes, "192.0.2.1", "nonsense", "::ffff:192.0.2.9", f"2.2.0.192.{ORIGIN}", "127.0.0.2")
    assert [(one["address"], one["state"], one["zones"].get(ORIGIN)) for one in found] == [
        ("192.0.2.1", "listed", ["127.0.0.2"]),
        (None, None, None),
        ("192.0.2.9", "unknown", []),
        ("192.0.2.2", "listed", ["127.0.0.2"]),
        ("127.0.0.2", "unknown", ["127.0.0.2"]),
    ]
    assert found[0]["listings"] == [{"kind": "relay", "network": "192.0.2.0/30"}]
    assert [one["mistake"] for one in found] == [
        None,
        '"nonsense" is not an IPv4 or IPv6 address; one is written 192.0.2.1 or 2001:db8::1.',
        None,
        None,
        None,
    ]


@given(st.lists(st.text(st.characters(), max_size=300) | st.ip_addresses().map(str), max_size=20))
def test_whatever_comes_there_is_one_documented_row_for_each_and_none_is_called_unlisted_unread(
    codes: Codes, texts: list[str]
) -> None:
    found = told(codes, *texts)
    assert len(found) == len(texts)
    for text, one in zip(texts, found, strict=True):
        assert BriefShape.model_validate(one).model_dump(mode="json") == one
        assert one["asked"].isprintable() and one["asked"].isascii() and len(one["asked"]) <= SHOWN
        assert (one["address"] is None) == (one["state"] is None) == (one["mistake"] is not None)
        if one["address"] is None:
            assert one["zones"] == {} == {key: value for key, value in one["zones"].items() if not value}, text
        json.dumps(one).encode("ascii")
