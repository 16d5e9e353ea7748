"""Every block of shell on a page is typed by a test, or is told here with the reason why none does.

A block without a mark, or marked `sh`, is one of shell; drawings and the like are marked `text`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

#: By page, beginning of a block, and the test that reads it from the page and types it.
TYPED = {
    ("anycast.md", "#!/bin/sh"): "tests/strangers/test_dns_anycast.py",
    ("container.md", "docker build"): "tests/trials/test_container.py",
    ("container.md", "export POSTGRES_PASSWORD"): "tests/trials/test_container.py",
    ("container.md", "docker run"): "tests/trials/test_container.py",
    ("container.md", "docker compose build"): "tests/trials/test_container.py",
    ("install.md", "apt-get install ./dist"): "tests/trials/test_package.py",
    ("install.md", "dig +short"): "tests/trials/test_package.py",
    ("install.md", "systemctl disable --now dnsbl"): "tests/trials/test_package.py",
    ("install.md", "mkdir -p /etc/systemd"): "tests/trials/test_package.py",
    ("install.md", "python3 -m venv"): "tests/trials/test_source.py",
    ("secondaries.md", "sqlite3 "): "tests/strangers/test_dns_secondaries.py",
    ("README.md", "cp config.example.toml"): "tests/trials/test_typed.py",
    ("README.md", "dnsbl init --list"): "tests/trials/test_typed.py",
    ("README.md", "dnsbl nominate"): "tests/trials/test_typed.py",
    ("README.md", "dnsbl lookup"): "tests/trials/test_typed.py",
    ("README.md", "dnsbl survey run"): "tests/trials/test_typed.py",
    ("survey.md", "dnsbl survey report"): "tests/trials/test_typed.py",
    ("doors.md", "dnsbl candidates import"): "tests/trials/test_typed.py",
    ("secondaries.md", "dnsbl export"): "tests/trials/test_typed.py",
    ("retention.md", "dnsbl forget"): "tests/trials/test_typed.py",
    ("recovery.md", "dnsbl purge"): "tests/trials/test_typed.py",
}
_CERTIFICATE = "a list on the Internet, with a certificate that the reader's machine believes"
_TESTED = "a host that is tested, and what comes back from it"
#: And those that nobody types, with what they need.
UNTYPED = {
    ("README.md", "make demo"): "this is what runs the tests themselves",
    ("README.md", "curl -s --data-binary"): _CERTIFICATE,
    ("README.md", "curl -T -"): _CERTIFICATE,
    ("README.md", "contrib/self-test"): _CERTIFICATE,
    ("README.md", "curl -d"): _CERTIFICATE,
    ("README.md", "dnsbl remove"): _TESTED,
    ("README.md", "python -m tester 203"): _TESTED,
    ("README.md", "python -m tester --for"): _CERTIFICATE,
    ("admin.md", "dnsbl admin add"): "a person who types a password twice, and a FILE of his",
    ("dnssec.md", "dig "): "the signed zone of three servers: tests/strangers/test_dns_signed.py asks them so",
    ("doors.md", "dnsbl reporter add"): _CERTIFICATE,
    ("install.md", "make deb"): "what it runs is run by tests/trials/test_package.py, for a Debian of its own",
    (
        "install.md",
        "cp packaging/systemd",
    ): "a machine whose systemd is ours to change and which has no package of ours",
    ("log.md", "dnsbl verify FILE"): "the proof and the keys of a list of one's own",
    ("log.md", "curl -O"): _CERTIFICATE,
    ("log.md", "dnsbl monitor"): _CERTIFICATE,
    ("rbldnsd.md", "dnsbl import-config"): "the data files of an rbldnsd of one's own",
    ("recovery.md", "mv dnsbl.db"): "a damaged database: tests/trials/test_stores.py mends one so",
    ("recovery.md", "dnsbl restore"): "an older copy, and what another machine has kept since",
    ("remote.md", "dnsbl reporter add"): _CERTIFICATE,
}


def blocks(page: Path) -> list[str]:
    """The blocks of shell of a page."""
    found = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [text for language, text in found if language in ("", "sh", "shell", "bash", "console")]


def homes(page: Path, block: str) -> list[str]:
    """What is told of a block."""
    told = TYPED | UNTYPED
    return [home for (name, beginning), home in told.items() if name == page.name and block.startswith(beginning)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_block_of_shell_is_typed_or_told_why_it_is_not(page: Path) -> None:
    assert [block for block in blocks(page) if len(homes(page, block)) != 1] == [], "tell who types it, or why nobody"


def test_what_is_told_is_there() -> None:
    assert not TYPED.keys() & UNTYPED.keys()
    found = [(page.name, block) for page in PAGES for block in blocks(page)]
    for name, beginning in TYPED | UNTYPED:
        assert [page for page, block in found if page == name and block.startswith(beginning)], f"{name}: {beginning}"


@pytest.mark.parametrize("test", sorted(set(TYPED.values())))
def test_who_types_a_block_reads_it_from_its_page(test: str) -> None:
    text = (ROOT / test).read_text(encoding="utf-8")
    for (page, _), home in TYPED.items():
        assert home != test or page in text, f"{test} does not name {page}"
