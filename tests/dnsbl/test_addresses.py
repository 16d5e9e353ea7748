"""Addresses: one canonical form, and a sentence for everything else."""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl import addresses


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1\n", "192.0.2.1"),
        ("[192.0.2.1]", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[IPv6:2001:db8::1]", "2001:db8::1"),
        ("ipv6:2001:db8::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
    ],
)
def test_what_people_type_becomes_the_one_canonical_address(typed: str, meant: str) -> None:
    assert addresses.parse_address(typed) == ip_address(meant)


@pytest.mark.parametrize(
    "typed",
    ["", "[]", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "fe80::1%eth0", "x" * 500, "mail.example.org", "\x00"],
)
def test_anything_else_is_refused_with_one_printable_sentence(typed: str) -> None:
    with pytest.raises(ValueError) as caught:
        addresses.parse_address(typed)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 160
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    ("typed", "shown"),
    [(" nonsense\n", '"nonsense"'), ("[a!B]", '"[a!B]"'), ("IPv6:x", '"IPv6:x"'), ("\x1b[2Jé", '"?[2J?"')],
)
def test_a_mistake_is_quoted_as_it_was_typed(typed: str, shown: str) -> None:
    with pytest.raises(
        ValueError, match=re.escape(f"{shown} is not an IPv4 or IPv6 address; one is written 192.0.2.1 or 2001:db8::1.")
    ):
        addresses.parse_address(typed)
    with pytest.raises(
        ValueError, match=re.escape(f"{shown} is not an IPv4 or IPv6 network; one is written 192.0.2.0/24")
    ):
        addresses.parse_network(typed)


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (
            "mail.example.com",
            "is a host name, and an address is needed: `dig +short mail.example.com` names those that",
        ),
        ("mail.example.com.", "`dig +short mail.example.com` names those that it has"),
        ("https://ann:x@Mail.example.com:8443/x", "is a link, and an address is needed: `dig +short mail.example.com`"),
        ("http://192.0.2.1:80/", "it is a link; give 192.0.2.1 alone"),
        ("ann@example.com", "it is a mail address; the one that the server sends from is needed"),
        ("192.0.2.1.", "give 192.0.2.1 without the dot behind it"),
        ("192.0.2.1:25", "give 192.0.2.1 without the port behind it"),
        ("[2001:db8::1]:25", "give 2001:db8::1 without the port behind it"),
        ("fe80::1%eth0", "leave out %eth0, which a single machine knows"),
        ("010.0.0.1", "a number with a zero in front is read in two ways; write it without"),
        ("192.0.2.300", "no number in one is above 255"),
        ("192.0.2", "one of IPv4 has four numbers"),
        ("2001:db8:::1", "one of IPv6 has eight groups of hexadecimal digits, or fewer and :: once"),
        ("2001:db8::g", "one of IPv6 has eight groups"),
        ("x" * 65, "it is longer than any"),
    ],
)
def test_whoever_types_nearly_an_address_is_told_what_to_type_where_a_network_would_do_too(
    typed: str, says: str
) -> None:
    for parse in (addresses.parse_address, addresses.parse_network):
        with pytest.raises(ValueError) as caught:
            parse(typed)
        assert says in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "of_address", "of_network"),
    [
        ("192.0.2.0/24", "192.0.2.0/24 is a network, and one address is needed.", None),
        ("192.0.2.1/32", "give 192.0.2.1 without the length behind it", None),
        ("192.0.2.1/24", "give 192.0.2.1 without the length behind it", "192.0.2.0/24 is the network."),
        ("192.0.2.0/33", "without the length behind it", "prefix stands behind /, a number up to 32"),
        ("2001:db8::/x", "without the length behind it", "prefix stands behind /, a number up to 128"),
        ("192.0.2.1-192.0.2.9", "it is a range, and one address is needed", "a range is given as networks, such as"),
        ("192.0.2.*", "it is a range, and one address is needed", "a range is given as networks, such as 192.0.2.0/24"),
        ("192.0.2.300/24", "is not an IPv4 or IPv6 address", "no number in one is above 255"),
        (
            "",
            "An IP address is needed, such as 192.0.2.1 or",
            "An IP network or address is needed, such as 192.0.2.0/24",
        ),
    ],
)
def test_who_gives_a_network_for_an_address_or_neither_is_told_which_is_needed(
    typed: str, of_address: str, of_network: str | None
) -> None:
    with pytest.raises(ValueError) as caught:
        addresses.parse_address(typed)
    assert of_address in str(caught.value)
    if of_network is None:
        assert str(addresses.parse_network(typed)) == typed
    else:
        with pytest.raises(ValueError) as caught:
            addresses.parse_network(typed)
        assert of_network in str(caught.value)


@given(st.text(max_size=80))
def test_no_text_breaks_the_address_parser(typed: str) -> None:
    try:
        found = addresses.parse_address(typed)
    except ValueError as error:
        assert str(error).isprintable()
    else:
        assert addresses.parse_address(str(found)) == found


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("192.0.2.0/24", IPv4Network("192.0.2.0/24")),
        ("192.0.2.7", IPv4Network("192.0.2.7/32")),
        ("2001:db8::/32", IPv6Network("2001:db8::/32")),
        ("2001:db8::5", IPv6Network("2001:db8::5/128")),
        ("::ffff:192.0.2.0/120", IPv4Network("192.0.2.0/24")),
    ],
)
def test_networks_are_read_in_both_families(typed: str, meant: object) -> None:
    assert addresses.parse_network(typed) == meant


@pytest.mark.parametrize(
    "typed", ["", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/", "192.0.2.0/2 4", "a/b", "fe80::%1/64"]
)
def test_a_malformed_network_is_refused(typed: str) -> None:
    with pytest.raises(ValueError):
        addresses.parse_network(typed)


def test_host_bits_behind_the_prefix_are_a_mistake_that_names_the_network_meant() -> None:
    with pytest.raises(ValueError, match=r"192\.0\.2\.0/24 is the network"):
        addresses.parse_network("192.0.2.1/24")


@given(st.text(max_size=80))
def test_no_text_breaks_the_network_parser(typed: str) -> None:
    try:
        found = addresses.parse_network(typed)
    except ValueError:
        return
    assert addresses.parse_network(str(found)) == found


def test_the_names_in_dns_are_those_of_rfc_5782() -> None:
    assert addresses.reversed_labels(IPv4Address("192.0.2.99")) == "99.2.0.192"
    assert (
        addresses.reversed_labels(IPv6Address("2001:db8:1:2:3:4:567:89ab"))
        == "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2"
    )


def test_a_neighbourhood_is_a_24_or_a_48() -> None:
    assert str(addresses.neighbourhood(IPv4Address("192.0.2.99"))) == "192.0.2.0/24"
    assert str(addresses.neighbourhood(IPv6Address("2001:db8:1:2::9"))) == "2001:db8:1::/48"


def test_of_what_somebody_typed_only_printable_ascii_is_shown_again() -> None:
    assert addresses.printable("a\x1b[2J\u202eb\n\ud800") == "a?[2J?b??"


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_the_text_of_a_number_is_that_of_its_address(address: addresses.Address) -> None:
    assert addresses.text_at(address.version, int(address)) == str(address)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("http://192.0.2.1:80/x?y@z", "192.0.2.1:80"),
        ("GIT+ssh://ann:x@host.example#a", "host.example"),
        ("http:///192.0.2.9", ""),
        ("ann@host.example", None),
        ("host.example:80", None),
    ],
)
def test_of_a_link_the_place_that_it_leads_to_is_known_and_of_nothing_else(text: str, place: str | None) -> None:
    assert addresses.place_of_link(text) == place


def test_a_range_whose_end_is_one_number_is_no_host_name() -> None:
    with pytest.raises(ValueError, match="it is a range, and one address is needed"):
        addresses.parse_address("192.0.2.1-20")
    with pytest.raises(ValueError, match="a range is given as networks"):
        addresses.parse_network("192.0.2.1-20")
