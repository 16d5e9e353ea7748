"""Where networks are: the narrowest line decides, and a line that is wrong is one sentence with its number."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.addresses import Network, network_of
from dnsbl.errors import SettingsError
from dnsbl.rules import countries
from dnsbl.rules.countries import Places

CODES = ("AT", "CH", "NO")


def read(*lines: str) -> Places:
    return Places.read([f"{line}\n".encode("utf-8", "surrogateescape") for line in lines], "places.csv")


def at(places: Places, address: str) -> str:
    return places.country_of(ip_network(address))


@st.composite
def networks(draw: st.DrawFn, version: int) -> Network:
    """Networks that often lie in each other, at the ends of the addresses too."""
    bits = 32 if version == 4 else 128
    length = draw(st.integers(0, bits))
    steps = draw(st.sampled_from([0, (1 << bits) - 1, 0b0110 << (bits - 4)])) ^ draw(st.integers(0, 15))
    return ip_network((steps >> (bits - length) << (bits - length), length))


@given(st.sampled_from([4, 6]).flatmap(lambda v: st.dictionaries(networks(v), st.sampled_from(CODES))), st.data())
def test_the_longest_prefix_wins_in_any_order_of_lines(rows: dict[Network, str], data: st.DataObject) -> None:
    places = read(*(f"{network},{code}" for network, code in data.draw(st.permutations(list(rows.items())))))
    for edge in {end for each in rows for end in (int(each.network_address), int(each.broadcast_address))}:
        version = next(iter(rows)).version
        for number in (edge - 1, edge, edge + 1):
            if 0 <= number < 1 << (32 if version == 4 else 128):
                address = IPv4Address(number) if version == 4 else IPv6Address(number)
                holding = [network for network in rows if address in network]
                wanted = rows[max(holding, key=lambda each: each.prefixlen)] if holding else ""
                assert places.country_of(network_of(address)) == wanted


@given(st.lists(st.integers(0, 40), min_size=2, max_size=20, unique=True), st.data())
def test_ranges_count_from_their_first_address_to_their_last(ends: list[int], data: st.DataObject) -> None:
    ends = sorted(ends)[: len(ends) // 2 * 2]
    rows = [(first, last, data.draw(st.sampled_from(CODES))) for first, last in zip(ends[::2], ends[1::2], strict=True)]
    places = read(*(f"{IPv4Address(first)},{IPv4Address(last)},{code}" for first, last, code in rows))
    for number in range(42):
        wanted = next((code for first, last, code in rows if first <= number <= last), "")
        assert places.country_of(network_of(IPv4Address(number))) == wanted


def test_a_network_has_the_country_that_all_of_it_is_in() -> None:
    places = read("192.0.2.0/24,AT", "192.0.2.128/25,NO", "192.0.2.192/26,NO", "2001:db8::/32,CH")
    assert at(places, "192.0.2.0/25") == "AT"
    assert at(places, "192.0.2.128/25") == "NO"
    assert at(places, "192.0.2.0/24") == at(places, "0.0.0.0/0") == ""
    assert at(places, "2001:db8:1::/48") == "CH"
    assert at(places, "2001:db8::/31") == ""


def test_a_line_that_ends_or_begins_where_another_does_lies_in_it() -> None:
    places = read("10.0.0.0/30,AT", "10.0.0.3/32,NO", "10.1.0.0/30,AT", "10.1.0.0/31,CH")
    assert [at(places, f"10.0.0.{n}") for n in (2, 3, 4)] == ["AT", "NO", ""]
    assert [at(places, f"10.1.0.{n}") for n in (0, 1, 2, 3, 4)] == ["CH", "CH", "AT", "AT", ""]
    assert places.octets == 6 * 6, "of two that begin together one is kept"


def test_a_line_may_be_of_one_address() -> None:
    places = read("192.0.2.1,AT", "192.0.2.3,192.0.2.3,NO", "2001:db8::1,CH")
    assert [at(places, f"192.0.2.{n}") for n in range(5)] == ["", "AT", "", "NO", ""]
    assert at(places, "2001:db8::1") == "CH"


def test_remarks_quotes_blanks_and_mapped_addresses_are_let_pass() -> None:
    places = Places.read(
        [
            b"\xef\xbb\xbf# network,country, \xff\n",
            b"\r\n",
            b'"192.0.2.0/24" , "at"\r\n',
            b"::ffff:198.51.100.0/120,NO # here\n",
            b"::ffff:203.0.113.1,203.0.113.2,CH",
        ],
        "places.csv",
    )
    assert (places.lines, places.octets) == (3, 6 * 6)  # each place, and where it ends
    assert [at(places, each) for each in ("192.0.2.255", "198.51.100.7", "203.0.113.2")] == ["AT", "NO", "CH"]
    assert at(places, "198.51.101.0") == at(places, "203.0.113.3") == ""


def test_what_changes_nothing_is_not_kept() -> None:
    places = read("10.0.0.0/8,AT", "10.1.0.0/16,AT", "10.1.0.0/16,AT", "11.0.0.0/8,AT")
    assert places.octets == 6 * 2
    assert read().octets == 0
    assert at(read(), "192.0.2.1") == at(Places(), "2001:db8::1") == ""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("192.0.2.0/24", "NETWORK,CC or FIRST,LAST,CC is needed"),
        ("a,b,c,d", "NETWORK,CC or FIRST,LAST,CC is needed"),
        (",", '"" is not an IPv4 or IPv6 address'),
        ("192.0.2.0/24,AUT", '"AUT" is no country of two letters (ISO 3166-1)'),
        ("192.0.2.0/24,4T", '"4T" is no country of two letters (ISO 3166-1)'),
        ("192.0.2.0/24,", '"" is no country of two letters (ISO 3166-1)'),
        ("192.0.2.0/24,Åt", '"?t" is no country of two letters (ISO 3166-1)'),
        ("192.0.2.1/24,AT", '"192.0.2.1/24" has bits set behind its prefix'),
        ("192.0.2.0/33,AT", '"192.0.2.0/33" is not an IPv4 or IPv6 network'),
        ("192.0.2.0/,AT", '"192.0.2.0/" is not an IPv4 or IPv6 network'),
        ("192.0.2.0/0024,AT", '"192.0.2.0/0024" is not an IPv4 or IPv6 network'),
        ("192.0.2.0/\u0662\u0664,AT", '"192.0.2.0/??" is not an IPv4 or IPv6 network'),
        ("192.0.2.0/-1,AT", '"192.0.2.0/-1" is not an IPv4 or IPv6 network'),
        ("::ffff:0.0.0.0/95,AT", '"::ffff:0.0.0.0/95" is not an IPv4 or IPv6 network'),
        ("192.0.02.0/24,AT", '"192.0.02.0" is not an IPv4 or IPv6 address'),
        ("fe80::1%lo,AT", '"fe80::1%lo" is not an IPv4 or IPv6 address'),
        ("\ufeff192.0.2.0/24,AT", '"?192.0.2.0" is not an IPv4 or IPv6 address'),
        ("x192.0.2.0/24,AT", '"x192.0.2.0" is not an IPv4 or IPv6 address'),
        ("y" * 80 + ",AT", f'"{"y" * 64}" is not an IPv4 or IPv6 address'),
        ("192.0.2.\udcff,AT", '"192.0.2.?" is not an IPv4 or IPv6 address'),  # an octet that is no UTF-8
        ("192.0.2.\0,AT", '"192.0.2.?" is not an IPv4 or IPv6 address'),
        ("\x1b[2J,AT", '"?[2J" is not an IPv4 or IPv6 address'),
        ("192.0.2.9,192.0.2.1,AT", "a range begins with the lower address, of the same version"),
        ("1.0.0.0,2001:db8::,AT", "a range begins with the lower address, of the same version"),
        ("192.0.2.9,2001:db8::,AT", "a range begins with the lower address, of the same version"),
        ("10.0.0.5,10.0.0.20,NO", "overlaps line 1 in part; lines lie inside each other or apart"),
        ("10.0.0.0,10.0.0.9,NO", "says another country than line 1 of the same addresses"),
        ("#" * 1000, "a file has up to 134217728 octets, 2000000 lines, 1000 octets a line"),
    ],
)
def test_a_bad_line_is_one_sentence_with_its_number(line: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read("10.0.0.0,10.0.0.9,AT", "#" * 999, line, "11.0.0.0/8,AT")
    assert caught.value.mistakes == [f"places.csv: line 3: {words}"]


@pytest.mark.parametrize(("bound", "most", "line"), [("LINES", 2, 3), ("OCTETS", 28, 3)])
def test_nothing_is_read_behind_a_bound(monkeypatch: pytest.MonkeyPatch, bound: str, most: int, line: int) -> None:
    monkeypatch.setattr(countries, bound, most)
    rows = iter([b"10.0.0.0/8,AT\n", b"11.0.0.0/8,AT\n", b"12.0.0.0/8,AT\n", b"13.0.0.0/8,AT\n"])
    with pytest.raises(SettingsError, match=f"line {line}: a file has up to"):
        Places.read(rows, "places.csv")
    assert list(rows) == [b"13.0.0.0/8,AT\n"]


def test_long_files_are_sorted_a_piece_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(countries, "RUN", 3)
    places = read(*(f"10.0.{n}.0/24,{CODES[n % 3]}" for n in reversed(range(20))), "10.0.0.0/8,CH")
    assert [at(places, f"10.0.{n}.1") for n in range(20)] == [CODES[n % 3] for n in range(20)]
    assert at(places, str(ip_address("10.0.20.0"))) == "CH"


def test_blanks_inside_quotes_are_no_part_of_a_column() -> None:
    places = Places.read([b'" 192.0.2.0 "," 192.0.2.255","DE "\n'], "places.csv")
    assert places.country_of(ip_network("192.0.2.7/32")) == "DE"
