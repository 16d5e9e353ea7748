"""Feeds, pulled from a server on loopback and from files into a whole list."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from dnsbl.daemons.feeder import Feeder
from dnsbl.files import open_plain
from dnsbl.vocabulary import State, Tier


class Publisher(ThreadingHTTPServer):
    """Publishes a list with its ETag."""

    daemon_threads = False  # so that its end waits for them

    text = b"192.0.2.1\n"
    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/relays"


class Handler(BaseHTTPRequestHandler):
    server: Publisher

    def do_GET(self) -> None:
        asked = self.headers.get("If-None-Match")
        self.server.asked.append(asked)
        etag = f'"{len(self.server.text)}"'
        status = 304 if asked == etag and self.server.status == 200 else self.server.status
        self.send_response(status)
        self.send_header("ETag", etag)
        self.send_header("Content-Length", "0" if status == 304 else str(len(self.server.text)))
        self.end_headers()
        if status != 304:
            self.wfile.write(self.server.text)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def feeder_of(make_office, *sources: str, **feeds: object):
    office = make_office(feeds={"sources": sources} | feeds)
    for source in sources:
        office.casework.reporters.add(source.split()[0], tier=Tier.TRUSTED, contact="", actor="operator me")
    return office, Feeder(office.casework.feeding, office.settings)


def test_a_feed_is_pulled_when_it_is_due_and_asked_only_for_news(make_office, publisher: Publisher) -> None:
    office, feeder = feeder_of(make_office, f"ann {publisher.url}")
    assert feeder.pull() == 1
    assert feeder.pull() == 0
    assert publisher.asked == [None]
    office.later(hours=1)
    assert feeder.pull() == 0
    assert publisher.asked == [None, '"10"']
    publisher.text += b"192.0.2.2\n"
    office.later(hours=1)
    assert feeder.pull() == 1
    assert feeder.pace() == 2
    assert office.casework.views.look_up(ip_address("192.0.2.2")).state is State.QUEUED


def test_a_feed_that_fails_is_a_line_in_the_log_once_and_harms_no_other(
    make_office, publisher: Publisher, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = tmp_path / "list"
    good.write_text("192.0.2.9\n")
    publisher.status = 503
    office, feeder = feeder_of(make_office, f"ann {publisher.url}", f"bob {good}")
    with caplog.at_level(logging.WARNING):
        assert feeder.pull() == 1
        office.later(hours=1)
        assert feeder.pull() == 0
    assert [record.getMessage() for record in caplog.records] == [f"feed ann: {publisher.url}: answered HTTP 503."]
    assert office.casework.feeding.states()[0][1].said == f"{publisher.url}: answered HTTP 503."


def test_a_file_is_read_when_it_has_changed(make_office, tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("192.0.2.1\n")
    office, feeder = feeder_of(make_office, f"ann {path}")
    assert feeder.pull() == 1
    office.later(hours=1)
    assert feeder.pull() == 0
    path.write_text("192.0.2.1\n192.0.2.2\n")
    (pull,) = feeder.pull_each(only="ann")
    assert pull.came is not None and (pull.came.waiting, pull.came.known) == (1, 1)


def test_a_file_that_is_replaced_while_it_is_read_is_news_the_next_time(
    make_office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, fresh = tmp_path / "list", tmp_path / "fresh"
    path.write_text("192.0.2.1\n")
    fresh.write_text("192.0.2.1\n192.0.2.2\n")
    office, feeder = feeder_of(make_office, f"ann {path}")

    def replaced(path: Path) -> Any:
        file = open_plain(path)
        fresh.replace(path)
        return file

    with monkeypatch.context() as patch:
        patch.setattr("dnsbl.daemons.feeder.open_plain", replaced)
        assert feeder.pull() == 1
    office.later(hours=1)
    assert feeder.pull() == 1
    assert office.casework.feeding.waiting() == {"reporter ann": 2}


def test_a_file_that_is_too_large_or_gone_is_told(make_office, tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("#" * 2000)
    _, feeder = feeder_of(make_office, f"ann {path}", octets=1024)
    assert feeder.pull_each(only="ann")[0].error == f"{path}: is larger than 1024 octets."
    path.unlink()
    assert feeder.pull_each(only="ann")[0].error == f"{path}: cannot be read: No such file or directory."


def test_whatever_is_in_one_feed_the_next_ones_are_pulled(
    make_office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    files = [tmp_path / "ann", tmp_path / "bob"]
    for file in files:
        file.write_text("192.0.2.1\n")
    office, feeder = feeder_of(make_office, *(f"{file.name} {file}" for file in files))
    file_feed = office.casework.feeding.file_feed

    def fails(name: str, *rest: Any, **more: Any) -> Any:
        if name == "ann":
            raise KeyError(name)
        return file_feed(name, *rest, **more)

    monkeypatch.setattr(office.casework.feeding, "file_feed", fails)
    pulls = {pull.name: pull for pull in feeder.pull_each()}
    assert pulls["ann"].error == "It cannot be read: KeyError; the log says more."
    assert pulls["bob"].came is not None
    assert "feed ann" in caplog.text
