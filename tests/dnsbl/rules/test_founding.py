"""A first configuration: read back whole by the program, with every record that its names need."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest

from dnsbl.config import read_settings, read_zones
from dnsbl.dns.zones import TEST_POINT
from dnsbl.rules.founding import Founding, records, settings_file, zone_file, zone_name

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
    [zone] = read_zones(settings)
    assert zone.origin == MADE.zone
    assert zone.codes_of(TEST_POINT, ()) != []


def test_every_name_of_the_settings_has_its_record(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(settings_file(MADE))
    settings = read_settings(tmp_path / "config.toml", {})
    published = {line.split()[0].rstrip(".") for line in records(MADE)}
    tester = settings.tester
    assert {MADE.zone, settings.collector.hostname, tester.helo, *tester.domains} <= published
    assert {address.reverse_pointer for address in MADE.addresses} <= published
    assert "b.mail-list.net. TXT \"v=spf1 ip4:198.51.100.7 ip6:2001:4860::5 -all\"" in records(MADE)  # fmt: skip


@pytest.mark.parametrize(
    "typed", ["", "localhost", "a b.net", "-x.net", "relays.example.org", "x.test", "é.net", "1.2.3.4"]
)
def test_a_name_that_cannot_be_a_zone_is_refused_in_a_sentence(typed: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        zone_name(typed)


@pytest.mark.parametrize(
    ("typed", "name"), [(" Relays.Mail-List.NET. ", "relays.mail-list.net"), ("list.net", "list.net")]
)
def test_a_zones_name_has_one_form(typed: str, name: str) -> None:
    assert zone_name(typed) == name
