"""Column types: keys that sort as addresses do, times that keep their zone, text that breaks no driver."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from dnsbl.errors import StoreUnavailable
from dnsbl.store.columns import (
    AddressKey,
    Hexed,
    Moment,
    Named,
    NetworkKey,
    Words,
    WordsAndHashes,
    YesNo,
    address_key,
    clean,
    covering,
    micros,
    network_at,
    network_key,
    span,
)
from dnsbl.vocabulary import JobState

DIALECT = sqlite.dialect()
ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


@st.composite
def networks(draw: st.DrawFn) -> object:
    address = draw(ADDRESSES)
    return ip_network((address, draw(st.integers(0, address.max_prefixlen))), strict=False)


@given(st.lists(ADDRESSES))
def test_address_keys_sort_as_addresses_do(addresses: list[IPv4Address | IPv6Address]) -> None:
    wanted = sorted(addresses, key=lambda a: (a.version, int(a)))
    assert sorted(addresses, key=address_key) == wanted


@given(networks(), ADDRESSES)
def test_an_address_is_in_a_network_just_when_the_network_is_among_its_covering_ones(network, address) -> None:
    assert (network_key(network) in covering(address)) == (network.version == address.version and address in network)


@given(networks(), ADDRESSES)
def test_an_address_is_in_a_network_just_when_its_key_lies_in_the_span(network, address) -> None:
    first, last = map(address_key, span(network))
    assert (first <= address_key(address) <= last) == (network.version == address.version and address in network)


@given(ADDRESSES)
def test_the_keys_of_covering_networks_come_widest_first_and_grow(address: IPv4Address | IPv6Address) -> None:
    found = covering(address)
    assert [key[-1] for key in found] == list(range(address.max_prefixlen + 1))
    assert list(found) == sorted(found)
    assert found[-1] == network_key(ip_network(address))


@given(networks(), ADDRESSES)
def test_networks_and_addresses_come_back_as_they_went_in(network, address) -> None:
    for column, value in ((NetworkKey(), network), (AddressKey(), address)):
        stored = column.told(value)
        assert column.read(stored) == value


@given(st.datetimes(timezones=st.just(timezone(timedelta(hours=5)))))
def test_times_come_back_to_the_microsecond_and_in_utc(moment: datetime) -> None:
    back = Moment().read(Moment().told(moment))
    assert back == moment
    assert back.tzinfo is UTC


def test_a_naive_time_is_not_stored() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        Moment().told(datetime(2026, 1, 1))  # noqa: DTZ001
    assert micros(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)) == 1_000_000


@given(st.text(st.characters(exclude_categories=())))
def test_no_text_breaks_a_driver(text: str) -> None:
    cleaned = clean(text)
    assert "\0" not in cleaned
    assert cleaned.encode("utf-8").decode() == cleaned
    assert clean(cleaned) == cleaned


def test_clean_text_says_what_it_replaced() -> None:
    assert clean("a\0b\udcffc\u00e9") == "a\\x00b\\udcffc\u00e9"


@pytest.mark.parametrize(
    "column", [Moment(), Words(), Named(JobState), YesNo(), Hexed(), WordsAndHashes(), AddressKey(), NetworkKey()]
)
def test_none_stays_none(column) -> None:
    assert column.told(None) is None
    if column.__class__ is not Words:
        assert column.read(None) is None


def test_a_name_that_is_none_of_the_enumeration_is_refused_in_both_directions() -> None:
    with pytest.raises(ValueError):
        Named(JobState).told("asleep")
    with pytest.raises(StoreUnavailable, match="is damaged"):
        Named(JobState).read("asleep")
    assert type(Named(JobState).told(JobState.DONE)) is str


def test_a_hash_takes_its_octets_and_nothing_else_is_taken_for_one() -> None:
    assert Hexed().told("0aff") == b"\x0a\xff"
    assert Hexed().read(b"\x0a\xff") == "0aff"
    with pytest.raises(ValueError):
        Hexed().told("run")
    with pytest.raises(StoreUnavailable, match="is damaged"):
        Hexed().read("0aff")


HASH = st.binary(min_size=32, max_size=32).map(bytes.hex)


@given(st.lists(st.text(st.characters(exclude_categories=())) | HASH | st.just("\xff")).map("".join))
def test_what_names_proofs_comes_back_as_it_was_cleaned(text: str) -> None:
    assert WordsAndHashes().read(WordsAndHashes().told(text)) == clean(text)


def test_each_hash_that_is_named_takes_half_of_it_and_one_octet() -> None:
    text = f"run abc, transcript sha256:{'0a' * 32} and {'ff' * 32}"
    stored = WordsAndHashes().told(text)
    assert stored == b"run abc, transcript sha256:\xff" + b"\x0a" * 32 + b" and \xff" + b"\xff" * 32
    assert WordsAndHashes().read(b"as it was, " + b"0a" * 32) == "as it was, " + "0a" * 32
    assert WordsAndHashes().read(b"\xff short \xfe") == "\\xff short \\xfe"


def test_yes_and_no_are_one_and_zero() -> None:
    assert [YesNo().told(value) for value in (True, False)] == [1, 0]
    assert [YesNo().read(value) for value in (1, 0)] == [True, False]


@given(networks())
def test_a_key_leads_back_to_its_network(network) -> None:
    assert network_at(network_key(network)) == network
