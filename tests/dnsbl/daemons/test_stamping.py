"""Authorities are asked once a day, in peace, and what they answer is bounded."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dnsbl.clock import HandClock
from dnsbl.daemons import stamping
from dnsbl.daemons.errand import HttpReply, Unheard
from dnsbl.daemons.stamping import Stamping
from dnsbl.files import write_whole
from dnsbl.log import stamp
from dnsbl.log.note import Signer
from dnsbl.log.stamp import ANSWER_MOST, StampRequest
from dnsbl.serving.stamped import StampFolder
from dnsbl.settings import Settings
from tests.dnsbl.log.samples_of_stamps import AT, GRANTED, REFUSED, REQUEST

URLS = ("https://one.example/tsr", "https://two.example/")
DAY = AT.date()


class Log:
    """A log whose head is the one that was stamped."""

    head: str | None = REQUEST.text.decode()

    def newest(self) -> str | None:
        return self.head


def came(status: int, body: bytes = b"") -> HttpReply:
    return HttpReply(status=status, headers={"location": URLS[1]}, body=body)


class Authorities:
    """What is asked of them, and what they say: octets, a response or an error."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        self.texts: list[bytes] = []  #: what a stamp was wanted of
        self.says: dict[str, Any] = dict.fromkeys(URLS, GRANTED)
        self.log, self.clock = Log(), HandClock(AT)
        tlog = {"origin": "list.example/log", "folder": folder / "web"}
        settings = Settings.model_validate({"service": {"state_dir": folder}, "tlog": tlog})
        self.kept = StampFolder(settings)
        self.ours = self.begun()

    def begun(self) -> Stamping:
        return Stamping(self.log, URLS, self.kept, self.clock, ask=self.answer)  # type: ignore[arg-type]

    def answer(
        self, url: str, *, method: str, body: bytes, headers: dict[str, str], most: int, seconds: float, inside: bool
    ) -> HttpReply:
        self.asked.append(url)
        assert (method, headers["Content-Type"], inside) == ("POST", "application/timestamp-query", True)
        assert (most, seconds) == (ANSWER_MOST + 1, stamping.WITHIN), "whoever trickles is given up"
        assert body == REQUEST.octets
        said = self.says[url]
        if isinstance(said, Exception):
            raise said
        return said if isinstance(said, HttpReply) else came(200, said)


@pytest.fixture
def others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authorities:
    made = Authorities(tmp_path)

    def asked(text: bytes) -> StampRequest:
        made.texts.append(text)
        return REQUEST

    monkeypatch.setattr(stamp, "asked", asked)
    return made


def test_each_authority_is_asked_once_a_day_also_by_who_begins_anew(others: Authorities) -> None:
    assert others.ours.ask() == 2 and others.kept.numbers(DAY) == [1, 2]
    assert others.kept.read(str(DAY), "1.tsr") == GRANTED
    assert others.kept.read(str(DAY), "checkpoint") == REQUEST.text
    assert others.ours.ask() == 0 and others.begun().ask() == 0 and others.asked == [*URLS]
    others.clock.turn(days=1)
    others.ours.ask()
    assert others.asked == [*URLS, *URLS]


def test_stamps_are_laid_beside_the_files_of_the_log(
    others: Authorities, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    head, key = REQUEST.text.decode(), Signer("list.example/log", bytes(32))
    write_whole(tmp_path / "web" / "checkpoint", [f"{head}\n{key.line(head)}".encode()])
    others.ours.ask()
    assert (tmp_path / "web" / "stamps" / str(DAY) / "2.tsr").read_bytes() == GRANTED
    (tmp_path / "web" / "stamps").rename(tmp_path / "away")
    write_whole(tmp_path / "web" / "stamps", [b"a file"])
    with caplog.at_level(logging.WARNING):
        assert others.begun().ask() == 0
    assert "stamps cannot be written" in caplog.text


def test_nothing_is_asked_before_the_first_head(others: Authorities) -> None:
    others.log.head = None
    assert others.ours.ask() == 0 and others.asked == []


def test_one_that_is_away_keeps_no_other_waiting_and_is_asked_after_an_hour_for_the_same_head(
    others: Authorities, caplog: pytest.LogCaptureFixture
) -> None:
    others.says[URLS[0]] = Unheard("no\nroute")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            others.ours.ask()
    assert caplog.messages == [f"No time stamp from {URLS[0]}: cannot be asked: no?route"]
    assert others.kept.numbers(DAY) == [2] and others.asked == [*URLS]
    others.says[URLS[0]], others.log.head = GRANTED, "a newer head"
    others.clock.turn(minutes=59)
    assert others.ours.ask() == 0
    others.clock.turn(minutes=1)
    assert others.ours.ask() == 1 and others.kept.numbers(DAY) == [1, 2]
    assert set(others.texts) == {REQUEST.text} and others.kept.read(str(DAY), "checkpoint") == REQUEST.text


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (came(302), "status 302"),
        (came(500), "status 500"),
        (REFUSED, "grants no stamp"),
        (b"x" * (ANSWER_MOST + 1), "more than 65536 octets"),
        (b"x" * ANSWER_MOST, "no time stamp"),
    ],
)
def test_what_is_no_stamp_is_not_kept(
    others: Authorities, caplog: pytest.LogCaptureFixture, said: object, why: str
) -> None:
    others.says[URLS[0]] = said
    with caplog.at_level(logging.WARNING):
        assert others.ours.ask() == 1
    assert others.kept.numbers(DAY) == [2] and why in caplog.text and others.asked == [*URLS]


def test_without_the_library_it_says_so_and_asks_nobody(others: Authorities, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stamp, "can", lambda: False)
    idle = others.begun()
    assert idle.ask() == 0 and others.asked == [] and "dnsbl-relays[stamps]" in idle.problem
    assert others.ours.problem == ""


async def test_it_asks_until_it_is_told_to_stop(others: Authorities, monkeypatch: pytest.MonkeyPatch) -> None:
    stop = asyncio.Event()
    monkeypatch.setattr(others.ours, "ask", stop.set)
    await asyncio.wait_for(others.ours.run(stop), 10)
    assert timedelta(seconds=stamping.EVERY) < stamping.AGAIN
