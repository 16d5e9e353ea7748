import pytest

from dnsbl.dns.sources import sheet
from dnsbl.dns.sources.sheet import Sheet
from dnsbl.dns.sources.values import DEFAULT, Value

KEEPERS = [False, pytest.param(True, marks=pytest.mark.skipif(sheet.swift is None, reason="nothing was compiled"))]
GIVEN = Value(b"\x7f\0\0\x09", b"text")


@pytest.mark.parametrize("swift", KEEPERS)
def test_a_sheet_of_networks_becomes_stretches_and_names_what_was_said_twice(swift: bool) -> None:
    one = Sheet("ip4trie", "x", ((),), 60, b"base", swift=swift)
    number = one.values.number(GIVEN)
    one.entries.add(0x01020304, 32, number, 1)
    one.entries.add(0x01020304, 32, number, 2)
    dataset, twice = one.packed()
    assert (dataset.form, dataset.ttl, dataset.base, twice) == ("ip4trie", 60, b"base", [2])
    assert dataset.values_at(0x01020304) == (0,)
    assert dataset.value(0) == GIVEN
    assert not dataset.values_at(0x01020305)


@pytest.mark.parametrize("swift", KEEPERS)
def test_a_sheet_of_names_is_found_by_name(swift: bool) -> None:
    one = Sheet("dnset", "x", ((),), 60, swift=swift)
    one.names.add(b"\1a\3com", one.values.number(GIVEN), itself=True, below=False)
    dataset, twice = one.packed()
    assert (dataset.values_of(b"\1a\3com"), twice) == (((0,), b"\1a\3com"), [])


@pytest.mark.parametrize("swift", KEEPERS)
def test_where_one_value_is_for_all_it_is_the_one_that_was_given_first_or_the_default(swift: bool) -> None:
    for shared in (None, GIVEN):
        one = Sheet("ip6tset", "x", ((),), 60, shared=shared, swift=swift)
        one.entries.add(1 << 64, 64, 1, 1)
        dataset, _ = one.packed()
        assert dataset.value(dataset.values_at(1 << 64)[0]) == (shared or DEFAULT)
