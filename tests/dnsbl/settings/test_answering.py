"""What answers, and from what."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from dnsbl.settings import Settings


def test_the_settings_of_the_responder_are_read_as_they_are_written() -> None:
    dns = Settings.model_validate(
        {"dns": {"nsid": "0x6e7331", "metrics_listen": "[::1]:9100", "cookies": "strict"}}
    ).dns
    assert (dns.nsid, dns.metrics_listen, dns.cookies) == ("0x6e7331", "[::1]:9100", "strict")


def test_a_transfer_needs_a_key_but_on_loopback_and_may_be_bound_to_tls() -> None:
    rules = ["192.0.2.7 Mirror", "192.0.2.8 mirror tls", "127.0.0.0/8"]
    given = Settings.model_validate({"dns": {"transfer": rules, "tsig_keys": "keys"}}).dns.transfer
    assert [(str(rule.network), rule.key, rule.tls) for rule in given] == [
        ("192.0.2.7/32", "mirror", False),
        ("192.0.2.8/32", "mirror", True),
        ("127.0.0.0/8", None, False),
    ]
    with pytest.raises(ValidationError, match="NETWORK KEY"):
        Settings.model_validate({"dns": {"transfer": ["192.0.2.7"]}})
