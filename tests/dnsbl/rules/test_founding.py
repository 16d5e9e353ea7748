"""A first configuration: read back whole by the program, with every record that its names need."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path, PurePath

import pytest

from dnsbl.config import read_settings, read_zones
from dnsbl.dns.zones import TEST_POINT
from dnsbl.rules.founding import (
    Founding,
    contact,
    is_example,
    records,
    settings_file,
    site,
    state_of,
    zone_file,
    zone_name,
)

MADE = Founding(
    zone="relays.mail-list.net",
    contact="o'neil+list@mail-list.net",
    addresses=(ip_address("198.51.100.7"), ip_address("2001:4860::5")),
    base_url="https://relays.mail-list.net",
)


def test_what_is_written_is_read_back_by_the_program(tmp_path: Path) -> None:
    (tmp_path / "zones").mkdir()
    (tmp_path / "config.toml").write_text(settings_file(MADE))
    (tmp_path / "zones" / "z.toml").write_text(zone_file(MADE))
    settings = read_settings(tmp_path / "config.toml", {})
    assert settings.tester.held == ""
    assert (settings.tester.helo, settings.collector.hostname) == ("tester.mail-list.net", "mx.mail-list.net")
    assert settings.tester.source_addresses == MADE.addresses
    assert settings.service.contact == MADE.contact
    assert [str(listen) for listen in settings.dns.listen] == ["198.51.100.7:53", "[2001:4860::5]:53"]
    assert settings.service.website == MADE.base_url
    [zone] = read_zones(settings)
    assert zone.origin == MADE.zone
    assert zone.codes_of(TEST_POINT, ()) != []


def test_its_own_name_server_is_where_the_zone_is_kept() -> None:
    assert '[soa]\nmname = "ns1.relays.mail-list.net"\n' in zone_file(MADE)


def test_the_file_says_what_it_holds_and_writes_addresses_as_everybody_does() -> None:
    text = settings_file(MADE)
    assert text.startswith("# The keys that have no good default.") and text.endswith("# that web server\n")
    assert 'listen = ["198.51.100.7:53", "[2001:4860::5]:53"]\n' in text
    assert 'listen = "127.0.0.1:8053" ' in text, "what the web server in front of it is told"


def test_every_name_of_the_settings_has_its_record(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(settings_file(MADE))
    settings = read_settings(tmp_path / "config.toml", {})
    published = {line.split()[0].rstrip(".") for line in records(MADE)}
    tester = settings.tester
    assert {MADE.zone, settings.collector.hostname, tester.helo, *tester.domains} <= published
    assert {address.reverse_pointer for address in MADE.addresses} <= published
    assert "b.mail-list.net. TXT \"v=spf1 ip4:198.51.100.7 ip6:2001:4860::5 -all\"" in records(MADE)  # fmt: skip


def test_the_site_that_answers_lead_to_has_an_address() -> None:
    for address in ('type = "A"\ndata = "198.51.100.7"', 'type = "AAAA"\ndata = "2001:4860::5"'):
        assert f'name = "@"\n{address}' in zone_file(MADE), "the zone's own name is in no other zone"
    beside = replace(MADE, base_url="https://lists.mail-list.net:8443/x")
    assert 'name = "@"' not in zone_file(beside)
    assert "lists.mail-list.net. A 198.51.100.7" in records(beside)
    assert "lists.mail-list.net. AAAA 2001:4860::5" in records(beside)
    numbers = records(replace(MADE, base_url="http://[2001:4860::5]:8053"))
    assert numbers == records(MADE)
    two = records(MADE, ["relays.mail-list.net", "other.mail-list.net"])
    assert not any(line.startswith("relays.mail-list.net. A") for line in two), "it is in one of them"
    assert replace(MADE, base_url="").site_host == "", "where there is none yet"


@pytest.mark.parametrize(
    "typed", ["", "localhost", "a b.net", "-x.net", "relays.example.org", "x.test", "é.net", "1.2.3.4"]
)
def test_a_name_that_cannot_be_a_zone_is_refused_in_a_sentence(typed: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        zone_name(typed)


@pytest.mark.parametrize(
    ("typed", "name"),
    [(" Relays.Mail-List.NET. ", "relays.mail-list.net"), ("list.net", "list.net"), ("list.lux.", "list.lux")],
)
def test_a_zones_name_has_one_form(typed: str, name: str) -> None:
    assert zone_name(typed) == name


@pytest.mark.parametrize(
    ("zone", "domain"),
    [("relays.mail-list.net", "mail-list.net"), ("a.b.mail-list.net", "b.mail-list.net"), ("list.net", "list.net")],
)
def test_a_lists_own_names_are_beside_its_zone_but_never_below_a_top_level(zone: str, domain: str) -> None:
    assert replace(MADE, zone=zone).domain == domain


@pytest.mark.parametrize(
    ("contact", "rname"),
    [
        ("Joe_D-1@Mail-List.net", "joe_d-1.mail-list.net"),
        ("o'neil+list@mail-list.net", "hostmaster.mail-list.net"),
        ("joe.doe@mail-list.net", "hostmaster.mail-list.net"),  # a dot would begin the next label
        (f"{'j' * 64}@mail-list.net", "hostmaster.mail-list.net"),
        ("joe@localhost", "hostmaster.localhost"),
    ],
)
def test_the_zones_mail_address_is_the_lists_where_a_name_can_say_it(contact: str, rname: str) -> None:
    assert replace(MADE, contact=contact).rname == rname


@pytest.mark.parametrize(
    ("name", "example"),
    [
        *((name, True) for name in ("example", "x.example", "example.org", "y.example.net", "a.b.example.com")),
        *((name, True) for name in ("invalid", "x.invalid", "test", "x.test")),
        *((name, False) for name in ("mail-list.net", "myexample.org", "example.info", "test.net", "mytest")),
    ],
)
def test_names_for_examples_are_known(name: str, example: bool) -> None:
    assert is_example(name) is example


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Joe.O'Neil+x@Mail-List.NET ", "Joe.O'Neil+x@mail-list.net"),
        (f"{'j' * 64}@mail-list.net", f"{'j' * 64}@mail-list.net"),
    ],
)
def test_a_contact_has_one_form(typed: str, kept: str) -> None:
    assert contact(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "joe",
        "@mail-list.net",
        "joe@",
        "joe@localhost",
        ".joe@x.net",
        "j..d@x.net",
        '"j d"@x.net',
        "j@x.net\nj@y.net",
        f"{'j' * 65}@mail-list.net",
        "jö@mail-list.net",
        "joe@mail_list.net",
        "joe@-x.net",
        "joe@x-.net",
        "joe@x.1",
    ],
)
def test_what_is_no_mail_address_is_refused_in_a_sentence(typed: str) -> None:
    with pytest.raises(ValueError, match=r"is no mail address\.$"):
        contact(typed)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" https://relays.mail-list.net/ ", "https://relays.mail-list.net"),
        ("http://[2001:DB8::1]:8053", "http://[2001:DB8::1]:8053"),
        ("https://list.lux/", "https://list.lux"),
        ("https://mail-list.net:1/a/b_c~%20-d.e//", "https://mail-list.net:1/a/b_c~%20-d.e"),
    ],
)
def test_a_site_has_one_form(typed: str, kept: str) -> None:
    assert site(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "relays.net",
        "ftp://x.net",
        "https://",
        "https://x y",
        'https://x"',
        "https://x\\y",
        "https://j@x.net",
        "https://x.net?a",
        "https://x.net#a",
        "https://[::1",
        "https://x.net:123456",
        "https://x.net\nhttps://y.net",
    ],
)
def test_what_is_no_site_is_refused_in_a_sentence(typed: str) -> None:
    with pytest.raises(ValueError, match=r"is no address of a site, such as https://relays\.your-domain\.net\.$"):
        site(typed)


def test_a_lists_records_are_those_of_its_names() -> None:
    assert records(MADE) == (
        "relays.mail-list.net. NS ns1.relays.mail-list.net.",
        "ns1.relays.mail-list.net. A 198.51.100.7",
        "ns1.relays.mail-list.net. AAAA 2001:4860::5",
        "mx.mail-list.net. A 198.51.100.7",
        "mx.mail-list.net. AAAA 2001:4860::5",
        "c.mail-list.net. MX 10 mx.mail-list.net.",
        "b.mail-list.net. MX 10 mx.mail-list.net.",
        'b.mail-list.net. TXT "v=spf1 ip4:198.51.100.7 ip6:2001:4860::5 -all"',
        "tester.mail-list.net. A 198.51.100.7",
        "tester.mail-list.net. AAAA 2001:4860::5",
        'tester.mail-list.net. TXT "v=spf1 a -all"',
        "7.100.51.198.in-addr.arpa. PTR tester.mail-list.net.",
        f"{MADE.addresses[1].reverse_pointer}. PTR tester.mail-list.net.",
    )
    several = records(MADE, ["a.mail-list.net", "b.mail-list.net"])
    assert several[:2] == (
        "a.mail-list.net. NS ns1.relays.mail-list.net.",
        "b.mail-list.net. NS ns1.relays.mail-list.net.",
    )
    site = ("relays.mail-list.net. A 198.51.100.7", "relays.mail-list.net. AAAA 2001:4860::5")
    assert several[4:6] == site, "whose name is now in a zone that is not ours"
    assert several[2:4] + several[6:] == records(MADE)[1:]


def test_the_first_zone_answers_for_relays_for_others_apart_and_for_the_operator(tmp_path: Path) -> None:
    (tmp_path / "zones").mkdir()
    (tmp_path / "config.toml").write_text(settings_file(MADE))
    (tmp_path / "zones" / "z.toml").write_text(zone_file(MADE))
    settings = read_settings(tmp_path / "config.toml", {})
    [zone] = read_zones(settings)
    codes = {name: {kind.name: str(kind.code) for kind in view.kinds.values()} for name, view in zone.views.items()}
    assert codes[b""] == {"relay": "127.0.0.2", "manual": "127.0.0.4"}, "the combined list"
    assert codes[b"multihop"] == {"multihop": "127.0.0.3"}
    assert zone.ttl == 2100
    assert [str(listen) for listen in settings.collector.listen] == ["198.51.100.7:25", "[2001:4860::5]:25"]
    assert (settings.tester.collector_domain, settings.tester.bounce_domain) == ("c.mail-list.net", "b.mail-list.net")
    assert (settings.service.name, settings.web.base_url) == (MADE.zone, MADE.base_url)
    assert [str(each) for each in settings.web.trusted_proxies] == ["127.0.0.1/32"]


@pytest.mark.parametrize(
    ("folder", "state"),
    [("/etc/dnsbl", "/var/lib/dnsbl"), ("/etc/a/b", "/var/lib/a/b"), ("/srv/etc/a", ""), ("/etc", "")],
)
def test_state_is_not_kept_below_etc(folder: str, state: str) -> None:
    assert state_of(PurePath(folder)) == state


def test_where_state_goes_is_written_down_only_where_it_is_not_beside_the_settings() -> None:
    assert "state_dir" not in settings_file(MADE)
    assert 'state_dir = "/var/lib/dnsbl"\n' in settings_file(replace(MADE, state_dir="/var/lib/dnsbl"))
