"""Where a list listens and whom it dials: no setting that names a place is forgotten."""

from __future__ import annotations

from typing import Any

from dnsbl.log.note import COSIGNATURE, Signer
from dnsbl.settings import Section, Settings
from dnsbl.settings.reaching import DialPlace, dialling, listening

WITNESS = Signer("w.example", bytes(32), sort=COSIGNATURE).verifier.vkey
KEY = "Zm9sbG93IHRoZSB3aGl0ZSByYWJiaXQsIHBsZWFzZS4="
EVERY: dict[str, Any] = {
    "dns": {
        "tls_listen": ["[::]:853"],
        "tls_certificate": "a.pem",
        "tls_key": "b.pem",
        "metrics_listen": "127.0.0.1:9100",
        "secondaries": ["192.0.2.53:53"],
        "monitor": ["[2001:db8::53]:53"],
    },
    "publish": {"listen": "127.0.0.1:8054", "to": ["192.0.2.0/24"]},
    "follow": {"url": "https://first.example/table", "key": KEY},
    "witness": {"name": "witness.example/relays"},
    "survey": {"collector_domain": "s.example.net", "bounce_domain": "sb.example.net"},
    "notices": {
        "smarthost": "mail.example",
        "port": 587,
        "sender": "list@relays.example",
        "rdap": "http://rdap.example:8080/v1",
        "owner_kinds": ["relay"],
    },
    "others": {"lists": ["bl.example"], "servers": ["127.0.0.1:53"]},
    "tlog": {
        "origin": "relays.example/log",
        "witnesses": [f"https://witness.example/relays {WITNESS}"],
        "stamps": ["https://tsa.example/tsr"],
    },
    "feeds": {"sources": ["ann https://ann.example/relays", "bob /srv/feed"]},
    "copies": {"mirrors": ["https://mirror.example/feed.jsonl"]},
}
#: Where people are sent, by us and by their browsers.
SHOWN = {"service.website", "web.base_url"}
#: Read as a list's own places, or by another check: an address by itself, not a place; the database has its own row.
OTHERWISE = {"database.url"}


def naming(section: type[Section], name: str) -> bool:
    """Whether a setting names a place to listen or to dial."""
    info = section.model_fields[name]
    shape = f"{info.annotation!r} {info.metadata!r}"
    return any(
        word in shape for word in ("_listen at", "https?:", "witness_place", "authority", "feed_source", "mirror")
    )


def test_every_setting_that_names_a_place_is_in_one_of_the_tables() -> None:
    named = {
        f"{section}.{name}"
        for section, info in Settings.model_fields.items()
        if isinstance(info.annotation, type)
        for name in info.annotation.model_fields
        if naming(info.annotation, name)
    } | {"notices.smarthost"}
    given = Settings.model_validate(EVERY)
    assert {one.key for one in (*listening(given), *dialling(given))} == named - SHOWN - OTHERWISE


def test_what_is_off_is_in_no_table() -> None:
    plain = Settings()
    assert [one.key for one in listening(plain)] == ["dns.listen", "dns.listen", "collector.listen", "web.listen"]
    assert list(dialling(plain)) == []


def test_a_place_is_told_by_host_and_port_and_once_a_key() -> None:
    mirrors = ["https://mirror.example/a", "https://mirror.example/b", "http://mirror.example:81/c", "http://[::1]/d"]
    given = Settings.model_validate({"copies": {"mirrors": mirrors}})
    assert [one.text for one in dialling(given)] == ["mirror.example:443", "mirror.example:81", "[::1]:80"]
    assert DialPlace("notices.smarthost", "notices", "mail.example", 587) in dialling(Settings.model_validate(EVERY))
