"""Which other lists are asked, as settings name them."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from pydantic import ValidationError

from dnsbl.settings import OtherList, OtherTerms


def of(*rows: str) -> tuple[OtherList, ...]:
    return OtherTerms.model_validate({"lists": rows}).lists


def test_a_zone_alone_takes_every_answer() -> None:
    [one] = of("BL.Example.net.")
    assert one == OtherList("bl.example.net")
    assert one.counts(IPv4Address("127.0.0.200"))


def test_codes_are_addresses_ranges_or_bits() -> None:
    ranged, masked = of("a.example 127.0.0.2,127.0.0.4-127.0.0.7", "b.example &5")
    assert [n for n in range(10) if ranged.counts(IPv4Address(f"127.0.0.{n}"))] == [2, 4, 5, 6, 7]
    assert [n for n in range(9) if masked.counts(IPv4Address(f"127.0.0.{n}"))] == [1, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("", "ZONE"),
        ("a b c", "ZONE"),
        ("a_b..example", "domain name"),
        ("bl.example &0", "address or range"),
        ("bl.example &256", "address or range"),
        ("bl.example 192.0.2.1", "address or range"),
        ("bl.example 127.0.0.9-127.0.0.2", "address or range"),
        (".".join(["x" * 60] * 4), "at most 180"),
    ],
)
def test_what_is_no_list_is_named(row: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        of(row)


def test_each_zone_is_named_once_and_none_is_asked_by_default() -> None:
    with pytest.raises(ValidationError, match="once"):
        of("bl.example", "bl.example 127.0.0.2")
    assert OtherTerms().lists == ()
