"""Settings: shape, and rules that span fields."""

import pytest
from pydantic import ValidationError

from dnsbl.settings import Section, Settings, fields, split_listen


def test_the_defaults_hold_together() -> None:
    assert Settings().tester.port == 25


def test_every_field_says_what_it_is_in_one_sentence() -> None:
    for name, info in Settings.model_fields.items():
        section = info.annotation
        assert isinstance(section, type)
        assert issubclass(section, Section)
        for key, _, sentence in fields(section):
            assert sentence.endswith("."), f"{name}.{key}"


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"tester": {"bounce_domain": "c.example.org"}}, "must differ"),
        ({"tester": {"collector_domain": "much.too.long.example.org"}}, "must be short"),
        ({"tester": {"late_window": 1}}, "late_window"),
        ({"tester": {"vectors_off": ["R19", "R99"]}}, "that there are not: R99"),
        ({"tester": {"vectors_off": ["S01"]}}, "must not hold S01"),
        ({"tester": {"quiet_hours": [24]}}, "less than or equal to 23"),
        ({"tester": {"quiet_hours": list(range(24))}}, "must leave an hour"),
        ({"tester": {"dkim_selector": "t1"}}, "dkim_selector go together"),
        ({"tester": {"profile": "full"}}, "pattern"),
        ({"collector": {"tls_key": "k.pem"}}, "go together"),
        ({"tester": {"lab_networks": ["10.0.0.0/8"], "source_addresses": ["203.0.113.1"]}}, "a lab must not reach"),
        ({"dns": {"listen": ["localhost:53"]}}, "ADDRESS:PORT"),
        ({"dns": {"listen": ["127.0.0.1:70000"]}}, "ADDRESS:PORT"),
        ({"tester": {"helo": "no name"}}, "domain name"),
        ({"policy": {"nonsense": 1}}, "Extra inputs"),
        ({"web": {"base_url": "https://example.org/"}}, "pattern"),
    ],
)
def test_a_contradiction_is_refused_and_named(tables: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings.model_validate(tables)


def test_a_lab_may_dial_from_its_own_networks_and_from_loopback() -> None:
    lab = {"lab_networks": ["198.51.100.0/24"], "source_addresses": ["198.51.100.1", "127.0.0.1"]}
    assert Settings.model_validate({"tester": lab}).tester.lab_networks


@pytest.mark.parametrize(
    ("text", "pair"), [("192.0.2.1:53", ("192.0.2.1", 53)), ("[2001:db8::1]:53", ("2001:db8::1", 53))]
)
def test_listening_addresses_are_read_in_both_families(text: str, pair: tuple[str, int]) -> None:
    assert split_listen(text) == pair
    assert Settings.model_validate({"dns": {"listen": [text]}}).dns.listen == (text,)
