"""What machines look for at fixed places."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.robotparser import RobotFileParser

import pytest

from dnsbl.settings import Settings
from dnsbl.web.wellknown import robots, security
from tests.dnsbl.web.asking import Build

NOW = datetime(2026, 11, 26, 15, 30, 1, tzinfo=UTC)


def told(settings: Settings, now: datetime = NOW) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for line in security(settings, now).splitlines():
        name, _, value = line.partition(": ")
        fields.setdefault(name, []).append(value)
    return fields


@pytest.mark.parametrize("path", ["/ip/192.0.2.1", "/ip/2001:db8::1", "/notices/abc", "/api/v1/hosts/192.0.2.1"])
def test_search_engines_leave_pages_of_addresses_alone(path: str) -> None:
    parser = RobotFileParser()
    parser.parse(robots().splitlines())
    assert not parser.can_fetch("Anybot", f"https://relays.example.org{path}")


@pytest.mark.parametrize("path", ["/", "/policy", "/use", "/statistics", "/zones", "/feeds", "/about", "/self-test"])
def test_search_engines_may_read_what_is_of_no_address(path: str) -> None:
    parser = RobotFileParser()
    parser.parse(robots().splitlines())
    assert parser.can_fetch("Anybot", f"https://relays.example.org{path}")


def test_security_txt_names_the_contact_and_ends_within_a_year() -> None:
    fields = told(Settings(service={"contact": "desk@example.net"}, web={"base_url": "https://relays.example.net"}))
    assert fields["Contact"] == ["mailto:desk@example.net"]
    assert fields["Canonical"] == ["https://relays.example.net/.well-known/security.txt"]
    [expires] = fields["Expires"]
    assert timedelta(days=90) < datetime.fromisoformat(expires) - NOW < timedelta(days=365)


def test_its_end_moves_with_the_days_and_not_with_the_seconds() -> None:
    settings = Settings()
    assert security(settings, NOW) == security(settings, NOW + timedelta(hours=8))
    assert told(settings, NOW + timedelta(days=1))["Expires"] > told(settings)["Expires"]


def test_no_address_without_encryption_stands_in_it() -> None:
    fields = told(Settings(web={"base_url": "http://127.0.0.1:8053"}))
    assert sorted(fields) == ["Contact", "Expires", "Preferred-Languages"]


def test_an_odd_contact_stays_one_line_and_one_address() -> None:
    fields = told(Settings(service={"contact": "a%b#c@example.net"}))
    assert fields["Contact"] == ["mailto:a%25b%23c@example.net"]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/robots.txt", "text/plain; charset=utf-8"),
        ("/.well-known/security.txt", "text/plain; charset=utf-8"),
        ("/favicon.ico", "image/vnd.microsoft.icon"),
    ],
)
def test_each_is_where_it_is_looked_for_and_may_be_kept(house: Build, path: str, kind: str) -> None:
    visitor = house().visitor()
    answer = visitor.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.headers["cache-control"].startswith("public, max-age=")
    assert visitor.head(path).status_code == 200


def test_the_icon_is_one(house: Build) -> None:
    icon = house().visitor().get("/favicon.ico").content
    assert icon[:6] == b"\0\0\1\0\1\0"
    assert icon[22:30] == b"\x89PNG\r\n\x1a\n"
