"""Ranges, lists of domains and what DNS says of them: who is a target, in which order."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.rules.surveys import sources
from dnsbl.rules.surveys.sources import BadSource, Mailhost, Spread


def test_ranges_are_networks_addresses_and_first_to_last_each_address_once() -> None:
    found = sources.ranges(["192.0.2.0/25", "192.0.2.0-192.0.3.255", "2001:db8::/126", "2001:db8::1", "198.51.100.7"])
    assert found == [ip_network("192.0.2.0/23"), ip_network("198.51.100.7"), ip_network("2001:db8::/126")]


def test_the_studys_ranges_hold_2816_addresses_each() -> None:
    for first, last in (("208.57.10.0", "208.57.20.255"), ("63.200.201.0", "63.200.211.255")):
        assert len(Spread(sources.ranges([f"{first}-{last}"]))) == 2816


@pytest.mark.parametrize("text", ["", "x", "192.0.2.1/24", "192.0.2.9-192.0.2.1", "192.0.2.1-2001:db8::1", "1-2"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(BadSource):
        sources.ranges([text])


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(22, 32)), min_size=1, max_size=4))
def test_a_spread_holds_each_address_of_its_networks_once(given: list[tuple[int, int]]) -> None:
    networks = sources.ranges(str(ip_network(given_one, strict=False)) for given_one in given)
    spread = Spread(networks)
    met = [spread[n] for n in range(len(spread))]
    assert sorted(met) == sorted(address for network in networks for address in network)


def test_a_range_that_ends_before_it_begins_is_called_none() -> None:
    with pytest.raises(BadSource, match=r"^192\.0\.2\.9 to 192\.0\.2\.1 is no range\.$"):
        sources.ranges(["192.0.2.9-192.0.2.1"])


def test_the_order_of_a_spread_is_that_of_surveys_that_go_on_after_an_update() -> None:
    eight, three = Spread([ip_network("192.0.2.0/29")]), Spread(sources.ranges(["192.0.2.0-192.0.2.2"]))
    assert [int(eight[n]) & 255 for n in range(8)] == [0, 5, 2, 7, 4, 1, 6, 3]
    assert [int(three[n]) & 255 for n in range(3)] == [0, 1, 2]


def test_neighbours_in_a_spread_are_far_apart() -> None:
    spread = Spread([ip_network("192.0.0.0/20")])
    met = [int(spread[n]) for n in range(16)]
    assert len({number >> 8 for number in met}) >= 10


def test_a_spread_has_bounds_on_both_sides() -> None:
    with pytest.raises(BadSource, match="at most"):
        Spread([ip_network("2001:db8::/64")])
    with pytest.raises(BadSource, match="nothing to survey"):
        Spread([])


def test_domains_are_what_stands_behind_the_last_at_each_once_in_their_order() -> None:
    lists = [
        ("one", b"ann@b.test\nBob <bob@A.Test.>\n# nobody\n\nc.test # us\r\n"),
        ("two", b"\xef\xbb\xbf# ours\nb.test\n"),
    ]
    found = sources.domains(lists)
    assert (found.lists, found.addresses, found.names) == (2, 4, ["b.test", "a.test", "c.test"])
    assert sources.domains([("x", "m\u00fcller.test".encode())]).names == ["xn--mller-kva.test"]
    assert sources.domains([("x", b"Bob <bob@a.lux>\nb.lux.\n")]).names == ["a.lux", "b.lux"]


@pytest.mark.parametrize(
    "line",
    [b"x", b"a@", b"a@-b.test", b"a@192.0.2.1", b"\x1b[2J", b"a b.test", b"m\xfcller.test", b"x" * 300 + b".test"],
)
def test_what_is_no_domain_is_refused_with_its_line(line: bytes) -> None:
    with pytest.raises(BadSource, match=r"^list line 2 is no mail address or domain"):
        sources.domains([("list", b"a.test\n" + line)])


def test_an_empty_list_is_refused() -> None:
    with pytest.raises(BadSource, match="name none"):
        sources.domains([("list", b"#\n")])


def test_lists_have_64_mib_and_not_one_octet_more() -> None:
    rest = b"#" * (64 * 1024 * 1024 - 14)
    assert sources.domains([("x", b"a.test\n"), ("y", b"b.test\n" + rest)]).names == ["a.test", "b.test"]
    with pytest.raises(BadSource, match="larger than 64 MiB;"):
        sources.domains([("x", b"a.test\n"), ("y", b"b.test\n#" + rest)])


def test_the_lowest_mx_counts_and_of_equal_ones_the_first_by_name() -> None:
    assert sources.lowest([(20, "b.test."), (10, "C.test."), (10, "a.test.")]) == "a.test"
    assert sources.lowest([(10, "a.lux.")]) == "a.lux"
    assert sources.lowest([(0, ".")]) == ""
    assert sources.lowest([]) is None


def test_of_a_domain_that_no_mail_goes_to_nothing_but_that_is_said() -> None:
    none = Mailhost(why="no answer")
    assert (none.host, none.addresses, none.by_mx) == ("", (), False)


@given(st.permutations([f"d{n}.test" for n in range(30)]))
def test_who_is_drawn_depends_on_the_seed_and_not_on_the_order(names: list[str]) -> None:
    assert sources.drawn(names, 7, "seed") == sources.drawn(sorted(names), 7, "seed")
    assert len(sources.drawn(names, 7, "seed")) == 7
    assert sources.drawn(names, 99, "seed") == set(names)
    assert sources.drawn(names, 7, "other") != sources.drawn(names, 7, "seed")


def test_ipv6_ranges_are_spread_too() -> None:
    for first in ("2001:db8::", "::", "::ffff:0:0"):  # low numbers are IPv6 as well
        spread = Spread([ip_network(f"{first}/120")])
        assert {spread[n] for n in range(256)} == {ip_address(first) + n for n in range(256)}


def test_a_survey_has_so_many_addresses_and_not_one_more() -> None:
    assert len(Spread([ip_network("10.0.0.0/8")])) == sources.MOST == 2**24
    with pytest.raises(BadSource, match="hold 16,777,217 addresses, and a survey has 16,777,216 at most"):
        Spread([ip_network("10.0.0.0/8"), ip_network("192.0.2.1/32")])
    only = Spread([ip_network("192.0.2.1/32")])
    assert [only[n] for n in range(len(only))] == [ip_address("192.0.2.1")]
    assert sources.ranges(["192.0.2.1-192.0.2.1"]) == [ip_network("192.0.2.1/32")]


def test_no_line_is_cut_into_another_domain() -> None:
    near = b" " * 994 + b"a.test"
    assert sources.domains([("x", near)]).names == ["a.test"]
    with pytest.raises(BadSource, match=r"^x line 2 is longer than 1000 octets\.$"):
        sources.domains([("x", b"b.test\n " + near)])
    assert sources.domains([("x", b"a.test # " + b"y" * 2000)]).names == ["a.test"], "a remark may be of any length"
    with pytest.raises(BadSource, match="longer"):
        sources.domains([("x", b"a.test" + b" " * 995 + b"# y")])


def test_a_domain_that_is_none_is_told_in_so_many_characters() -> None:
    with pytest.raises(BadSource, match=r"^x line 1 is no mail address or domain: 'y{59}\.$"):
        sources.domains([("x", b"y" * 200)])
    label = "a" * 63
    longest = ".".join([label, label, label, "b" * 61])
    assert sources.domains([("x", longest.encode())]).names == [longest]
    with pytest.raises(BadSource):
        sources.domains([("x", f"b{longest}".encode())])


def test_a_line_that_may_name_another_domain_too_is_refused_and_not_guessed_at() -> None:
    for line in (
        "joe@example.org, ann@example.net",
        "joe@example.org ann@example.net",
        "<joe@example.org>; ann@example.net",
    ):
        with pytest.raises(BadSource, match=r"^list line 1 names more than one address"):
            sources.domains([("list", line.encode())])
    for line in ("a.example#x@example.org", "joe#1@example.org"):
        with pytest.raises(BadSource, match=r"^list line 1: # begins a remark"):
            sources.domains([("list", line.encode())])
    for line in ('"joe@example.org" <joe@example.org>', "Doe, Joe <joe@example.org>", "example.org # joe@example.net"):
        assert sources.domains([("list", line.encode())]).names == ["example.org"]


def test_of_what_is_no_range_the_whole_is_told() -> None:
    for text in ("mx-1.example.org", "192.0.2.1-20", "192.0.2.0/24-192.0.3.0/24", "-192.0.2.1", "192.0.2.1-"):
        with pytest.raises(BadSource, match=re.escape(text)):
            sources.ranges([text])
    with pytest.raises(BadSource, match=r"mx-1\.example\.org is a host name"):
        sources.ranges(["mx-1.example.org"])
