"""A secret in a configuration that everybody may read is told, by check-config and by doctor, and never repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from dnsbl.cli import exposed as module
from dnsbl.cli.exposed import exposed
from tests.dnsbl.cli.conftest import Run

SECRET = '[database]\nurl = "postgresql+psycopg://dnsbl:hush@db.mail-list.net/dnsbl"\n'


@pytest.fixture
def entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that everybody may enter, which a test's own is not."""
    monkeypatch.setattr(module, "_entered", lambda _folder: True)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (SECRET, "database.url"),
        ('[database]\nurl = "postgresql+psycopg://host/n?user=a&password=hush"\n', "database.url"),
        ('[[sources]]\npull = "https://me:hush@feeds.mail-list.net/list"\n', "sources.pull"),
        ('[database]\nurl = "postgresql+psycopg://dnsbl@[2001:db8::1]:5432/dnsbl"\n', ""),
        ('[web]\nbase_url = "https://relays.mail-list.net:8443/a@b"\n', ""),
        ("no TOML", ""),
    ],
)
def test_a_password_is_found_in_what_everybody_may_read(entered: Path, text: str, key: str) -> None:
    path = entered / "config.toml"
    path.write_text(text)
    path.chmod(0o644)
    assert list(exposed([path, entered / "none"])) == ([(path, key)] if key else [])


def test_what_nobody_else_may_read_is_nobodys_to_see(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.toml"
    path.write_text(SECRET)
    path.chmod(0o644)
    tmp_path.chmod(0o750)
    assert list(exposed([path])) == [], "nobody else comes to it"
    monkeypatch.setattr(module, "_entered", lambda _folder: True)
    assert list(exposed([path])) == [(path, "database.url")]
    path.chmod(0o640)
    assert list(exposed([path])) == []


def test_check_config_notes_it_without_the_secret(run: Run, entered: Path) -> None:
    config = entered / "config.toml"
    config.write_text(config.read_text() + SECRET)
    config.chmod(0o644)
    [note] = [note for note in run("check-config")["notes"] if "database.url" in note]
    assert f"{config}: database.url holds a password, and everybody here may read it" in note
    assert f"chmod 640 {config}" in note and "hush" not in note
