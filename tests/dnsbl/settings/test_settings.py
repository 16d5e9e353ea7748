"""Settings: shape, and rules that span fields."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from dnsbl.settings import Section, Settings, fields


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
        ({"tester": {"more_collector_domains": ["c2.test", "c2.test"]}}, "must differ from all others"),
        ({"tester": {"more_bounce_domains": ["c.example.org"]}}, "must differ from all others"),
        ({"tester": {"more_helos": ["tester.example.org"]}}, "must differ from tester.helo"),
        ({"tester": {"more_dkim_selectors": ["s2"]}}, "dkim_key, which is not set"),
        ({"tester": {"late_window": 1}}, "late_window"),
        ({"service": {"name": "Jo's Relay-Test Collector"}}, "by which our refusals are known"),
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
        ({"dns": {"acl": ["192.0.2.0/24"]}}, "NETWORK ACTION"),
        ({"dns": {"acl": ["192.0.2.0/24 block"]}}, "NETWORK ACTION"),
        ({"dns": {"acl": ["192.0.2.0/24 code"]}}, "NETWORK ACTION"),
        ({"dns": {"acl": ["192.0.2.0/24 code 127.0.0.2"]}}, "code 127.255.255"),
        ({"dns": {"acl": ["192.0.2.0/24 code 192.0.2.1"]}}, "code 127.255.255"),
        ({"dns": {"acl": ["192.0.2.1/24 refuse"]}}, "bits set behind its prefix"),
        ({"dns": {"acl": ["example.org refuse"]}}, "example.org is a host name, and an address is needed"),
        ({"dns": {"acl": [7]}}, "NETWORK ACTION"),
        ({"dns": {"acl": ["192.0.2.0/24 code 127.255.255.256"]}}, "NETWORK ACTION"),
        ({"dns": {"transfer": ["192.0.2.7:53 mirror"]}}, "give 192.0.2.7 without the port behind it"),
        ({"dns": {"transfer": ["banana"]}}, "one is written 192.0.2.0/24"),
        ({"lookups": {"clients": ["ann banana"]}}, "one is written 192.0.2.0/24"),
        ({"dns": {"cookies": "maybe"}}, "pattern"),
        ({"dns": {"nsid": "0xabc"}}, "hexadecimal"),
        ({"dns": {"nsid": ""}}, "printable ASCII"),
        ({"dns": {"chaos_id": "ü"}}, "printable ASCII"),
        ({"dns": {"chaos_version": "x" * 101}}, "at most 100"),
        ({"dns": {"rate_slip": 101}}, "less than or equal"),
        ({"dns": {"metrics_listen": "9100"}}, "ADDRESS:PORT"),
        ({"notices": {"reply_to": "=?utf-8?q?a?=@x.example"}}, "mail address is needed"),
        ({"policy": {"nonsense": 1}}, "Extra inputs"),
        ({"policy": {"own_networks": ["192.0.2.1/24"]}}, "valid IPv4 network"),
        ({"policy": {"own_names": ["no name"]}}, "domain name"),
        ({"policy": {"own_names": ["*"]}}, "domain name"),
        ({"policy": {"reporters": ["192.0.2.0/24"]}}, "WHO and his mail hosts"),
        ({"policy": {"reporters": [7]}}, "WHO and his mail hosts"),
        ({"policy": {"reporters": ["192.0.2.1/24 mx.example.org"]}}, "bits set behind its prefix"),
        ({"policy": {"reporters": ["ann 192.0.2.1/24"]}}, "bits set behind its prefix"),
        ({"policy": {"reporters": ["ann no_name!"]}}, "domain name"),
        ({"web": {"base_url": "https://example.org/"}}, "pattern"),
    ],
)
def test_a_contradiction_is_refused_and_named(tables: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings.model_validate(tables)


@pytest.mark.parametrize(
    ("web", "says"),
    [
        ({}, ""),
        ({"base_url": "http://localhost:8053"}, ""),
        ({"listen": "[::1]:8053", "base_url": "http://[::1]:8053"}, ""),
        ({"listen": "0.0.0.0:80", "base_url": "http://relays.example.org"}, ""),
        ({"base_url": "https://relays.example.org"}, "web.base_url begins with https"),
        ({"listen": "0.0.0.0:80", "base_url": "https://relays.example.org"}, "web.base_url begins with https"),
        ({"base_url": "http://relays.example.org"}, "web.listen is a loopback address"),
        ({"listen": "[::1]:80", "base_url": "http://192.0.2.1"}, "web.listen is a loopback address"),
        ({"base_url": "https://relays.example.org", "trusted_proxies": ["10.0.0.1/32"]}, ""),
    ],
)
def test_a_proxy_that_must_be_there_and_that_nobody_named_is_noticed(web: dict[str, object], says: str) -> None:
    said = Settings.model_validate({"web": web}).web.unnamed_proxy
    assert said.startswith(says) and bool(said) == bool(says)


@pytest.mark.parametrize(
    "url", ["mysql://x/y", "no url", "sqlite://", "sqlite:///", "postgresql+psycopg2://u", "postgres:"]
)
def test_a_database_of_another_make_is_a_mistake_that_shows_no_more_than_how_it_begins(url: str) -> None:
    with pytest.raises(ValidationError, match=r"sqlite:///PATH or postgresql\+psycopg://user@host/name is needed"):
        Settings.model_validate({"database": {"url": url}})


@pytest.mark.parametrize("url", ["", "sqlite:///x.db", "postgresql://u@h/n", "postgresql+psycopg://u@/n?host=a:1"])
def test_a_database_of_ours_is_taken(url: str) -> None:
    assert Settings.model_validate({"database": {"url": url}}).database.url == url


@pytest.mark.parametrize("name", Settings.model_fields)
def test_defaults_are_right_as_they_stand(name: str) -> None:
    section = getattr(Settings.model_validate({}), name)
    assert repr(section) == repr(type(section).model_validate({}))


def test_a_section_of_which_nothing_is_said_costs_nothing_to_check_and_one_that_is_there_is_checked() -> None:
    checks = "from dnsbl.settings import Settings; found = Settings.model_validate({'web': {'posts_per_hour': 7}}); "
    made = "print([name for name in found.model_fields if type(getattr(found, name)).__pydantic_complete__])"
    done = subprocess.run([sys.executable, "-c", checks + made], capture_output=True, text=True, check=True)
    assert done.stdout == "['web']\n"
    with pytest.raises(ValidationError) as error:
        Settings.model_validate({"web": {"posts_per_hour": 0}, "dns": 5, "copies": []})
    assert [each["loc"] for each in error.value.errors()] == [("dns",), ("web", "posts_per_hour"), ("copies",)]
