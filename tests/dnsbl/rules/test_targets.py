from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from dnsbl.errors import Refused
from dnsbl.rules import targets
from dnsbl.settings import Settings
from dnsbl.vocabulary import Refusal

SETTINGS = Settings()


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        ("8.0.0.0/15", Refusal.TOO_WIDE),
        ("0.0.0.0/0", Refusal.TOO_WIDE),
        ("::/0", Refusal.TOO_WIDE),
        ("2606:4700::/31", Refusal.TOO_WIDE),
        ("10.0.0.0/16", Refusal.SPECIAL_PURPOSE),
        ("127.0.0.1/32", Refusal.SPECIAL_PURPOSE),
        ("2001:db8::/48", Refusal.SPECIAL_PURPOSE),
    ],
)
def test_b46_the_list_never_lists_the_world_nor_special_space(network: str, reason: Refusal) -> None:
    with pytest.raises(Refused) as caught:
        targets.listable(ip_network(network), SETTINGS)
    assert caught.value.reason == reason


def test_tests_are_kept_away_from_special_space_too_but_from_nothing_wider_than_may_be_listed() -> None:
    widest = ip_network(f"10.0.0.0/{SETTINGS.policy.widest_ipv4}")
    assert targets.excludable(widest, SETTINGS) == widest
    with pytest.raises(Refused, match="may be excluded") as caught:
        targets.excludable(widest.supernet(), SETTINGS)
    assert caught.value.reason == Refusal.TOO_WIDE


def test_public_networks_and_a_lab_of_our_own_may_be_listed() -> None:
    lab = Settings.model_validate({"tester": {"lab_networks": ["127.0.0.0/8"], "source_addresses": ["127.0.0.1"]}})
    for network, settings in (("8.8.8.0/24", SETTINGS), ("2606:4700::/32", SETTINGS), ("127.9.0.0/24", lab)):
        assert targets.listable(ip_network(network), settings) == ip_network(network)


def test_what_somebody_types_is_a_target_unless_it_is_ours_or_nobodys_public_address() -> None:
    assert targets.target(" [8.8.8.8] ", SETTINGS) == ip_address("8.8.8.8")
    ours = Settings.model_validate({"tester": {"source_addresses": ["8.8.8.8"]}})
    collector = Settings.model_validate({"collector": {"addresses": ["8.8.4.4"]}})
    for text, settings, reason in (
        ("8.8.8.8", ours, Refusal.OWN_ADDRESS),
        ("8.8.4.4", collector, Refusal.OWN_ADDRESS),
        ("10.0.0.1", SETTINGS, Refusal.SPECIAL_PURPOSE),
        ("example", SETTINGS, Refusal.MALFORMED_ADDRESS),
    ):
        with pytest.raises(Refused) as caught:
            targets.target(text, settings)
        assert caught.value.reason == reason


def test_a_nominators_words_are_one_printable_line_and_no_longer_than_is_kept() -> None:
    assert targets.worded(" seen\r\n in\x1b our \tlog ") == "seen in our log"
    assert targets.worded("x" * 501) == "x" * 500
