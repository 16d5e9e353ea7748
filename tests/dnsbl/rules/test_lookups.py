"""Whose questions nominate, and when."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from dnsbl.rules.lookups import client_of, provocation
from dnsbl.settings import LookupTerms

CLIENTS = LookupTerms(clients=["ann 192.0.2.0/24 2001:db8::/48", "bob key:bobs", "cy 198.51.100.0/24 key:cys"]).clients


@pytest.mark.parametrize(
    ("address", "key", "who"),
    [
        ("192.0.2.7", "", "ann"),
        ("2001:db8::7", "", "ann"),
        ("2001:db8:1::7", "", ""),
        ("192.0.2.7", "bobs", "ann"),  # whose network it is comes first in the settings
        ("203.0.113.9", "bobs", "bob"),
        ("203.0.113.9", "", ""),
        ("203.0.113.9", "somebodys", ""),
        ("198.51.100.9", "", ""),  # both are needed
        ("203.0.113.9", "cys", ""),
        ("198.51.100.9", "cys", "cy"),
    ],
)
def test_a_question_is_his_whose_network_and_key_it_comes_with(address: str, key: str, who: str) -> None:
    assert client_of(CLIENTS, ip_address(address), key) == who


@pytest.mark.parametrize("row", ["ann", "", "ann key:", "ann key:a key:b", "ann nonsense", "ann 192.0.2.1/24", 7])
def test_a_client_is_named_with_networks_and_perhaps_a_key(row: object) -> None:
    with pytest.raises(ValueError, match="clients"):
        LookupTerms.model_validate({"clients": [row]})


@pytest.mark.parametrize(
    ("askers", "shown", "asked_by", "reason"),
    [
        (1, False, 2, ""),
        (2, False, 2, "mail servers of 2 reporters have asked about it within 24 hours"),
        (1, True, 2, "a reporter's mail server has asked about it, and spam from it was shown not long ago"),
        (9, False, 0, ""),
        (1, True, 0, "a reporter's mail server has asked about it, and spam from it was shown not long ago"),
        (0, True, 0, ""),
        (1, False, 1, "mail servers of 1 reporters have asked about it within 24 hours"),
    ],
)
def test_one_reporters_servers_alone_are_no_reason_unless_spam_was_shown_or_settings_say_so(
    askers: int, shown: bool, asked_by: int, reason: str
) -> None:
    assert provocation(askers, shown=shown, terms=LookupTerms(asked_by=asked_by)) == reason
