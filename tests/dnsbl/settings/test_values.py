"""How single values of the configuration are written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from dnsbl.rules import schedule
from dnsbl.settings import Settings, split_listen
from dnsbl.settings.policy import Policy

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _numbers(shape: Any) -> int:
    """How many numbers are in what has this shape: 0 for what is none, 1 for one, n for a list or n of them."""
    if shape in (int, float):
        return 1
    inner = [arg for arg in get_args(shape) if not isinstance(arg, str)]
    return sum(map(_numbers, inner))


def number_fields() -> Iterator[tuple[str, str, Any]]:
    """(section, key, the field) of all settings that are numbers or lists of them."""
    for section, table in Settings.model_fields.items():
        for key, field in table.annotation.model_fields.items():  # type: ignore[union-attr]
            if _numbers(field.annotation):
                yield section, key, field


def taken(section: str, key: str, field: Any, value: Any) -> Any:
    """What a setting of this value, or a list with it, comes to; None where it is refused."""
    many = isinstance(field.default, tuple)
    given = [value] * max(1, len(field.default)) if many else value
    try:
        read = getattr(Settings.model_validate({section: {key: given}}), section)
    except ValidationError as error:
        assert all(each["loc"][:2] in ((section, key), (section,), ()) for each in error.errors()), error
        return None
    return getattr(read, key)


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


def test_all_numbers_of_the_settings_are_walked_over() -> None:
    walked = {f"{section}.{key}" for section, key, _ in number_fields()}
    assert len(walked) >= 140
    assert {"policy.retest_days", "notices.retry_after", "web.idle_seconds", "tester.quiet_hours"} <= walked


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan"), "inf", "nan", 1e300, 10**400, -1e300])
def test_no_setting_is_endless_or_no_number_or_beyond_all_reckoning(value: Any) -> None:
    for section, key, field in number_fields():
        assert taken(section, key, field, value) is None, f"{section}.{key} = {str(value)[:10]}"


@pytest.mark.parametrize("value", [0, 5e-324, 1, 1e5, 2**31, 3.2e9, 2**53, 2**63])
def test_with_whatever_number_a_setting_takes_can_be_reckoned(value: float) -> None:
    units = {"days": 86400, "hours": 3600, "minutes": 60}
    for section, key, field in number_fields():
        numbers = taken(section, key, field, value)
        for number in numbers if isinstance(numbers, tuple) else () if numbers is None else (numbers,):
            assert number < 2**63 / 1000, f"{section}.{key} = {value}: no database holds such a number"
            if isinstance(number, float):
                span = timedelta(seconds=number * units.get(key.rpartition("_")[2], 1))
                assert NOW - 1.5 * span < NOW + 1.5 * span or not span, f"{section}.{key} = {value}"


@pytest.mark.parametrize("days", [0, 5e-324, 1e-9, 1, 36500])
def test_with_whatever_days_policy_takes_the_next_test_is_found(days: float) -> None:
    for key in ("retest_days", "probation_days", "expiry_days", "review_days"):
        value = taken("policy", key, Policy.model_fields[key], days)
        if value is not None:
            terms = Policy.model_validate({key: value})
            due = schedule.retest(terms, NOW - timedelta(days=3000), NOW)
            assert due is not None and due > NOW
            assert schedule.probation(terms, NOW, 0, NOW, 0.99) is not None
            schedule.expiry(terms, "relay", NOW), schedule.review(terms, "relay", NOW)


def test_a_number_that_is_too_large_is_told_with_the_most_that_is_allowed() -> None:
    for section, key, most in (("policy", "expiry_days", 36500), ("copies", "valid_hours", 876000)):
        with pytest.raises(ValidationError, match=f"at most {most} is allowed"):
            Settings.model_validate({section: {key: 1e9}})
    with pytest.raises(ValidationError, match="at most 36500 days are allowed"):
        Settings.model_validate({"policy": {"kind_days": ["relay 99999"]}})


@pytest.mark.parametrize("key", ["retest_days", "probation_days", "unreachable_retry"])
@pytest.mark.parametrize("step", [0, -5])
def test_a_step_until_something_is_done_again_is_longer_than_none(key: str, step: float) -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        Settings.model_validate({"policy": {key: [1, step]}})
