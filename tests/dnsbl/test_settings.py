"""Settings: shape, and rules that span fields."""

from ipaddress import ip_address, ip_network

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
        ({"dns": {"acl": ["192.0.2.1/24 refuse"]}}, "host bits"),
        ({"dns": {"acl": ["example.org refuse"]}}, "does not appear"),
        ({"dns": {"acl": [7]}}, "NETWORK ACTION"),
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
        ({"policy": {"reporters": ["192.0.2.1/24 mx.example.org"]}}, "host bits"),
        ({"policy": {"reporters": ["ann 192.0.2.1/24"]}}, "host bits"),
        ({"policy": {"reporters": ["ann no_name!"]}}, "domain name"),
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


def test_the_settings_of_the_responder_are_read_as_they_are_written() -> None:
    dns = Settings.model_validate(
        {"dns": {"nsid": "0x6e7331", "metrics_listen": "[::1]:9100", "cookies": "strict"}}
    ).dns
    assert (dns.nsid, dns.metrics_listen, dns.cookies) == ("0x6e7331", "[::1]:9100", "strict")


NAMES = {"helo": "tester.list.test", "collector_domain": "c.list.test", "bounce_domain": "b.list.test"}


@pytest.mark.parametrize(
    ("tester", "held"),
    [
        ({}, "put names of your own into tester.helo and tester.collector_domain and tester.bounce_domain first"),
        (NAMES, ""),
        (NAMES | {"helo": "example.org"}, "put a name of your own into tester.helo first"),
        (NAMES | {"helo": "myexample.org"}, ""),
        ({"lab_networks": ["127.0.0.0/8"]}, ""),
        (NAMES | {"more_helos": ["x.example.org"]}, "put a name of your own into tester.more_helos first"),
        (NAMES | {"stop": True}, "tester.stop is set"),
    ],
)
def test_nobody_outside_a_lab_is_dialled_under_the_names_of_the_example(tester: dict, held: str) -> None:
    assert Settings.model_validate({"tester": tester}).tester.held == held


MORE = {"more_helos": ["t2.test"], "more_collector_domains": ["c2.test"], "more_bounce_domains": ["b2.test"]}


@pytest.mark.parametrize(
    ("tester", "missing"),
    [
        (NAMES, ["more_helos", "more_collector_domains", "more_bounce_domains"]),
        (NAMES | MORE | {"more_helos": []}, ["more_helos"]),
        (NAMES | MORE, []),
        (NAMES | {"lab_networks": ["127.0.0.0/8"]}, []),
        ({}, []),
    ],
)
def test_who_tests_under_one_name_only_is_told_that_one_line_can_refuse_it(tester: dict, missing: list[str]) -> None:
    told = Settings.model_validate({"tester": tester}).tester.known_by
    assert bool(told) == bool(missing)
    assert all((f"tester.{key}" in told) == (key in missing) for key in MORE)


def test_what_a_stranger_is_drawn_from_is_all_that_is_ours_of_one_family() -> None:
    tester = Settings.model_validate(
        {"tester": NAMES | MORE | {"source_addresses": ["192.0.2.1", "2001:db8::1", "192.0.2.2"]}}
    ).tester
    wardrobe = tester.wardrobe(4)
    assert (wardrobe.helos, wardrobe.sources) == (("tester.list.test", "t2.test"), ("192.0.2.1", "192.0.2.2"))
    assert wardrobe.collector_domains == ("c.list.test", "c2.test")
    assert wardrobe.bounce_domains == ("b.list.test", "b2.test")
    assert wardrobe.selectors == ()
    assert tester.wardrobe(6).sources == ("2001:db8::1",)
    assert tester.domains == {"c.list.test", "c2.test", "b.list.test", "b2.test"}


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


def test_a_reporter_is_known_by_a_word_or_a_network_and_has_networks_and_names() -> None:
    lines = ["192.0.2.0/24 198.51.100.7 2001:db8::/48 MX.example.org", "Ann *.example.org .example.net"]
    first, second = Settings.model_validate({"policy": {"reporters": lines}}).policy.reporters
    assert first.networks == (ip_network("198.51.100.7/32"), ip_network("2001:db8::/48"))
    assert first.names == ("mx.example.org",)
    assert first.covers("", ip_address("192.0.2.9")) and not first.covers("192.0.2.0/24", None)
    assert not first.covers("", ip_address("2001:db8::1"))
    assert second.names == (".example.org", ".example.net")
    assert second.covers("ANN", None) and not second.covers("", ip_address("192.0.2.9"))
