"""Which name opts a prefix out, and what its record must say."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.errors import Refused
from dnsbl.rules import optout
from dnsbl.vocabulary import Refusal


@pytest.mark.parametrize(
    ("network", "name"),
    [
        ("192.0.2.0/24", "_do-not-test.2.0.192.in-addr.arpa"),
        ("192.0.2.7/32", "_do-not-test.7.2.0.192.in-addr.arpa"),
        ("10.0.0.0/8", "_do-not-test.10.in-addr.arpa"),
        ("2001:db8::/32", "_do-not-test.8.b.d.0.1.0.0.2.ip6.arpa"),
        ("2001:db8:1200::/40", "_do-not-test.2.1.8.b.d.0.1.0.0.2.ip6.arpa"),
    ],
)
def test_the_record_stands_below_the_reverse_name_of_the_prefix(network: str, name: str) -> None:
    assert optout.name_of(ip_network(network)) == name


@pytest.mark.parametrize(("network", "near"), [("192.0.2.0/25", "/24"), ("2001:db8::/33", "/32"), ("0.0.0.0/0", "/8")])
def test_a_prefix_without_a_reverse_zone_of_its_own_is_refused_with_one_that_has(network: str, near: str) -> None:
    with pytest.raises(Refused, match=rf"such as {near}\.\Z"):
        optout.name_of(ip_network(network))


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["relays.example.org"], True),
        (["Relays.Example.Org."], True),
        (["other.example", "*"], True),
        (["no tests by relays.example.org please"], True),
        (["other.example"], False),
        (["norelays.example.org"], False),
        ([], False),
    ],
)
def test_it_names_us_or_every_list(texts: list[str], said: bool) -> None:
    assert optout.says(texts, ["relays.example.org"]) is said


@given(st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_every_prefix_of_whole_octets_has_a_name_of_its_own(octets: int, number: int) -> None:
    network = ip_network((number >> (32 - 8 * octets) << (32 - 8 * octets), 8 * octets))
    labels = optout.name_of(network).split(".")
    assert len(labels) == octets + 3
    assert ".".join(reversed(labels[1:-2])) == ".".join(str(network.network_address).split(".")[:octets])


def test_what_has_no_reverse_zone_is_refused_as_of_the_wrong_width_and_in_its_familys_words() -> None:
    for network, words in (("192.0.2.0/25", "whole octets"), ("2001:db8::/33", "whole nibbles"), ("::/0", "as /4")):
        with pytest.raises(Refused, match=words) as error:
            optout.name_of(ip_network(network))
        assert error.value.reason is Refusal.WRONG_WIDTH


def test_a_list_of_several_zones_is_named_by_any_in_any_case() -> None:
    assert optout.says(["b.example"], ["a.example", "B.Example"])
    assert optout.says(["list.example.lux."], ["list.example.lux"])


def test_a_record_may_hold_names_with_commas_quotes_and_a_key_before_them() -> None:
    here = ["relays.example.org"]
    for text in (
        "relays.example.org, other.example.net",
        "other.example.net,relays.example.org",
        "other.example.net;relays.example.org.",
        '"relays.example.org"',
        "list=relays.example.org",
        "(relays.example.org)",
        '"*"',
        "\ufffd\ufffdrelays.example.org\ufffd",  # quotes that are no ASCII
        "*, please",
    ):
        assert optout.says([text], here), text
    for text in ("norelays.example.org", "relays.example.org.example.net", "list=other.example.net", '""', ","):
        assert not optout.says([text], here), text
