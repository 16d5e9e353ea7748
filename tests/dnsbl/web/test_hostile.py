"""What strangers send comes out harmless at every exit: pages, documents, lines of a shell, the terminal, the journal,
the log and DNS, from a listed host whose every byte is chosen by who wants to do harm."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import unescape
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from dnsbl.addresses import parse_address
from dnsbl.cli import show, streams
from dnsbl.model import Nomination
from dnsbl.rules import eventlog
from dnsbl.vocabulary import Door
from tester.smtp import escape
from tests.depth import examples

Build = Callable[..., Any]
WORDS = [
    b"<script>alert(1)</script>",
    b'"><img src=x onerror=alert(1)>',
    b"{{ 7*7 }}{% raw %}",
    b"\x1b[2J\x1b]0;owned\x07\x9b31m",
    "\u202egnp.exe\u2066\u200f".encode(),
    b":1234: :smile: [red]x[/red] [/]",
    b"a\x00b",
    b"\xed\xa0\x80\xff\xfe",
    b"\r\nSet-Cookie: x=1\r\n\r\n<b>",
    b"]]>&#0;&lt;",
    b"javascript:alert(1) data:text/html,x",
    b"'; DROP TABLE listings; --",
    b"%s %(x)s {0} ${jndi:ldap://x}",
]
#: What may stand in no text that somebody sees: controls, and what turns the order of letters.
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


#: Some of these and any octets, and whether there is far too much of them.
PIECES = st.lists(st.sampled_from(WORDS) | st.binary(max_size=30), min_size=1, max_size=5)
STEADY = examples(12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def octets_of(pieces: list[bytes], much: bool) -> bytes:
    octets = b" ".join(pieces)
    return (octets * 100_000)[:100_000] if much else octets


@dataclass
class Story:
    """A list, and hosts on it that have not been told of yet."""

    home: Any
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def listed(self, octets: bytes) -> tuple[str, str]:
        """(address, run) of a listed host, each word of whose conversation and evidence is this."""
        address, text = f"198.18.{next(self.numbers)}.9", octets.decode("utf-8", "replace")
        self.home.casework.doors.nominate(
            Nomination(
                address=parse_address(address),
                door=Door.WEB,
                nominator=text[:100],
                reason=text[:500],
                evidence=self.home.spam(address).encode() + octets,
            )
        )
        line = octets.replace(b"\r", b" ").replace(b"\n", b" ")[:2000]
        run: str = self.home.test(banner=b"220 " + line, reply=escape(b"250 " + line)[:500], proven=True)
        return address, run


@pytest.fixture
def story(house: Build) -> Story:
    return Story(house(web={"posts_per_hour": 100_000, "gets_per_minute": 100_000}))


@pytest.fixture(scope="module")
def lines() -> Iterator[list[str]]:
    """What is logged meanwhile, as it is formatted."""
    heard: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(self.format(record))

    ear = Ear()
    logging.getLogger().addHandler(ear)
    yield heard
    logging.getLogger().removeHandler(ear)


@STEADY
@given(pieces=PIECES, much=st.booleans())
@example(pieces=WORDS, much=False)
def test_a_page_and_a_document_show_it_and_do_nothing(
    story: Story, lines: list[str], pieces: list[bytes], much: bool
) -> None:
    octets = octets_of(pieces, much)
    target, run = story.listed(octets)
    visitor: TestClient = story.home.visitor()
    for path in (f"/ip/{target}", f"/ip/{target}?test={run}", "/policy"):
        harmless(visitor.get(path).text)
    text = octets.decode("utf-8", "replace")
    for answer in (
        visitor.get("/", params={"address": text[:5000]}),
        visitor.post("/", data={"text": text}),
        visitor.post("/nominate", data={"evidence": text, "address": text[:300]}),
        visitor.post("/remove", data={"address": text[:5000]}),
    ):
        assert answer.status_code < 500
        if answer.headers["content-type"].startswith("text/html"):
            assert "<script>alert" not in answer.text and "<img src=x" not in answer.text and "<b>" not in answer.text
        assert "set-cookie" not in answer.headers
    for path in (f"/api/v1/hosts/{target}", f"/api/v1/runs/{run}"):
        document(visitor.get(path).text)
    document(visitor.post("/api/v1/lookups", json={"addresses": [text, target]}).text)
    document(visitor.post("/api/v1/removals", json={"address": text[:200]}).text)
    document(visitor.get("/api/v1/hosts/" + re.sub("[^ -~]", "", text)[:200].replace("?", "").replace("#", "")).text)
    for said in lines:
        assert not UNSEEN.search(said.replace("\n", "")), said


@STEADY
@given(pieces=PIECES, much=st.booleans())
@example(pieces=WORDS, much=False)
def test_a_terminal_and_the_journal_show_it_and_obey_nothing(
    story: Story, capsys: pytest.CaptureFixture[str], pieces: list[bytes], much: bool
) -> None:
    octets, home = octets_of(pieces, much), story.home
    target, run = story.listed(octets)
    opened = Opened(home)
    report = home.casework.views.run_report(run)
    entries = list(home.casework.operators.journal(None))
    capsys.readouterr()
    for as_json in (False, True):
        show.test(opened, report, as_json=as_json)  # type: ignore[arg-type]
        show.standing(opened, home.casework.views.look_up(parse_address(target)), as_json=as_json)  # type: ignore[arg-type]
        show.entries(entries, as_json=as_json)
        show.inbox([(one, "") for one in report.returns], as_json=as_json)
    said = capsys.readouterr().out
    assert not UNSEEN.search(said), said[:500]
    assert ":1234:" in said or b":1234:" not in octets[:300]
    for line in eventlog.lines(entries, ()):
        assert line.isascii() and line[:-1].isprintable()
    assert streams.visible(said) == said


class Opened:
    """As much of an opened list as is shown."""

    def __init__(self, home: Any) -> None:
        self.casework, self.settings, self.clock = home.casework, home.office.settings, home.office.clock
        self.zones = self

    def codes_of(self, address: object, listed: object) -> dict[str, list[str]]:
        return {}


def harmless(page: str) -> None:
    """A page that only shows what strangers have said, and is no larger for it."""
    assert len(page) < 400_000
    scripts = re.findall("<script[^>]*>", page)
    assert all('src="/static/' in one for one in scripts), scripts
    assert "<img" not in page and "onerror=alert" not in re.sub("&[^;]+;", "", "".join(re.findall("<[^>]*>", page)))
    assert not UNSEEN.search(unescape(page)), UNSEEN.search(unescape(page))


def document(text: str) -> None:
    """A JSON document of printable ASCII, within bounds."""
    assert text.isascii() and len(text) < 400_000
    json.loads(text)
