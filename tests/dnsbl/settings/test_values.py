"""How single values of the configuration are written."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from pydantic import ValidationError

from dnsbl.settings import Settings, split_listen


@pytest.mark.parametrize(
    ("text", "pair"), [("192.0.2.1:53", ("192.0.2.1", 53)), ("[2001:db8::1]:53", ("2001:db8::1", 53))]
)
def test_listening_addresses_are_read_in_both_families(text: str, pair: tuple[str, int]) -> None:
    assert split_listen(text) == pair
    assert Settings.model_validate({"dns": {"listen": [text]}}).dns.listen == (text,)


def test_b18_client_rules_name_a_network_and_an_action() -> None:
    texts = ["192.0.2.0/24 refuse", "192.0.2.7 drop", "::/0 pass", "10.0.0.0/8  code  127.255.255.254", "::1 empty"]
    rules = Settings.model_validate({"dns": {"acl": texts}}).dns.acl
    assert [(str(rule.network), rule.action, str(rule.code)) for rule in rules] == [
        ("192.0.2.0/24", "refuse", "None"),
        ("192.0.2.7/32", "drop", "None"),
        ("::/0", "pass", "None"),
        ("10.0.0.0/8", "code", "127.255.255.254"),
        ("::1/128", "empty", "None"),
    ]


def test_a_reporter_is_known_by_a_word_or_a_network_and_has_networks_and_names() -> None:
    lines = ["192.0.2.0/24 198.51.100.7 2001:db8::/48 MX.example.org", "Ann *.example.org .example.net"]
    first, second = Settings.model_validate({"policy": {"reporters": lines}}).policy.reporters
    assert first.networks == (ip_network("198.51.100.7/32"), ip_network("2001:db8::/48"))
    assert first.names == ("mx.example.org",)
    assert first.covers("", ip_address("192.0.2.9")) and not first.covers("192.0.2.0/24", None)
    assert not first.covers("", ip_address("2001:db8::1"))
    assert second.names == (".example.org", ".example.net")
    assert second.covers("ANN", None) and not second.covers("", ip_address("192.0.2.9"))


@pytest.mark.parametrize("text", ["", "mx", "a@x.example b", "=?utf-8?q?a?=@x.example", "@x.example"])
def test_what_is_no_mail_address_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"notices": {"sender": text, "smarthost": "mx.example"}})


def test_a_copy_is_named_by_its_whole_address() -> None:
    url = "https://mirror.example/relays.jsonl"
    assert Settings.model_validate({"copies": {"mirrors": [url]}}).copies.mirrors == (url,)
    with pytest.raises(ValidationError, match="a URL is needed"):
        Settings.model_validate({"copies": {"mirrors": ["mirror.example/relays.jsonl"]}})
