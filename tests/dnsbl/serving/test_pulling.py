"""Pulled from a small HTTP server of the test's own, on loopback."""

import asyncio
import gzip
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import zstandard

from dnsbl.clock import HandClock
from dnsbl.dns.respond import Serving
from dnsbl.dns.zonefile import read_zone
from dnsbl.dns.zones import Zones
from dnsbl.errors import SettingsError
from dnsbl.serving import pulling
from dnsbl.serving.datafiles import report
from dnsbl.serving.pulling import AGAIN, Puller, tame
from dnsbl.serving.sources import Sources
from tests.waiting import until

LAST = "Wed, 31 Dec 2025 10:00:00 GMT"


class Site:
    """What the server says; the headers of what it was asked."""

    def __init__(self) -> None:
        self.body = b"1.1.1.1\n"
        self.code = 200
        self.headers: dict[str, str] = {"ETag": '"one"', "Last-Modified": LAST}
        self.conditional = True
        self.cut = 0  # bytes of the body that are promised and do not come
        self.asked: list[dict[str, str]] = []
        self.go = threading.Event()
        self.go.set()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append({"path": self.path, **dict(self.headers.items())})
                site.go.wait(10)
                known = site.conditional and self.headers.get("If-None-Match") == site.headers.get("ETag")
                self.send_response(304 if known else site.code)
                for name, value in site.headers.items():
                    self.send_header(name, value)
                if not known:
                    self.send_header("Content-Length", str(len(site.body) + site.cut))
                self.end_headers()
                if not known:
                    self.wfile.write(site.body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    def close(self) -> None:
        self.go.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    found = Site()
    yield found
    found.close()


class House:
    """A zone whose file is pulled, and who pulls it."""

    def __init__(self, folder: Path, url: str, *, more: str = "", form: str = "ip4set") -> None:
        self.folder, self.file = folder, folder / "list"
        text = f'origin = "bl.test"\n[[sources]]\ntype = "{form}"\nfiles = ["list"]\npull = ["{url}"]\n{more}\n'
        self.zones = Zones((read_zone(text, str(folder / "z.toml"), site="https://s.test"),))
        self.serving = Serving(self.zones)
        self.clock = HandClock()
        self.again()

    def again(self) -> None:
        """A new start."""
        self.sources = Sources(self.zones, self.serving, check=60, clock=self.clock)
        self.puller = Puller(self.sources, clock=self.clock)

    async def pull(self) -> str:
        """Pull when it is due; what has failed."""
        await self.puller.step()
        assert not (self.folder / ".list.pull").exists()
        return self.puller.held

    def listed(self, number: int = 0x01010101) -> bool:
        return bool(self.serving.sourced["bl.test"].views[()][0].values_at(number))


@pytest.fixture
def house(site: Site, tmp_path: Path) -> House:
    return House(tmp_path, f"http://127.0.0.1:{site.port}/lists/spam?key=secret")


async def test_a_file_is_pulled_put_into_place_and_answered_from_at_once(house: House, site: Site) -> None:
    assert await house.pull() == ""
    assert house.listed()
    assert house.file.stat().st_mode & 0o777 == 0o644
    assert house.sources.states[0].newest == 1767175200  # what Last-Modified says
    (state,) = house.puller.states
    assert (state.pulled, state.failures, state.failed) == (house.clock.now().timestamp(), 0, 0)
    assert site.asked[0]["path"] == "/lists/spam?key=secret"
    assert site.asked[0]["Accept-Encoding"] == "identity"


async def test_it_is_asked_for_again_when_its_time_has_come_and_not_sent_when_it_is_the_same(
    house: House, site: Site
) -> None:
    await house.pull()
    house.clock.turn(minutes=59)
    await house.pull()
    assert len(site.asked) == 1
    before = house.file.stat().st_ino
    house.clock.turn(minutes=2)
    assert await house.pull() == ""
    assert (site.asked[1]["If-None-Match"], site.asked[1]["If-Modified-Since"]) == ('"one"', LAST)
    assert house.file.stat().st_ino == before
    site.body, site.headers = b"1.1.1.2\n", {"ETag": '"two"'}
    house.clock.turn(hours=1)
    assert await house.pull() == ""
    assert not house.listed()
    assert house.listed(0x01010102)
    assert house.sources.states[0].newest == int(house.clock.now().timestamp())


@pytest.mark.parametrize("strange", ['"\xe9"', '"' + "a" * 400 + '"'])
async def test_what_cannot_be_said_again_is_no_condition(house: House, site: Site, strange: str) -> None:
    site.headers = {"ETag": strange, "Last-Modified": strange}
    assert await house.pull() == ""
    house.again()
    house.clock.turn(hours=2)
    assert await house.pull() == ""
    assert len(site.asked) == 2
    assert not {"If-None-Match", "If-Modified-Since"} & set(site.asked[1])


async def test_a_start_asks_for_nothing_before_its_time_and_knows_what_it_has(house: House, site: Site) -> None:
    await house.pull()
    house.clock.turn(minutes=50)
    house.again()
    await house.pull()
    assert len(site.asked) == 1
    house.clock.turn(minutes=11)
    await house.pull()
    assert site.asked[1]["If-None-Match"] == '"one"'


async def test_a_file_that_somebody_else_has_put_there_is_asked_for_whole(house: House, site: Site) -> None:
    await house.pull()
    house.file.write_bytes(b"2.2.2.2\n2.2.2.3\n")
    house.again()
    await house.pull()
    assert "If-None-Match" not in site.asked[1]
    assert house.file.read_bytes() == site.body


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"code": 404}, "the server answers with status 404."),
        ({"code": 500}, "the server answers with status 500."),
        ({"code": 301, "headers": {"Location": "http://a.test/x?k=1"}}, "points to http://a.test/x (status 301)"),
        ({"headers": {"Content-Encoding": "br"}}, "packed by br; only gzip and zstd are unpacked."),
        ({"body": b""}, "is empty; the last good file stays."),
        ({"body": b"<html>\n<p>Sorry</p>\n1.1.1.1\n"}, "2 of 3 lines are none of the type ip4set; the last"),
        ({"body": b"$TIMESTAMP 2099-01-01\n1.1.1.1\n"}, "not taken: line 1: $TIMESTAMP lies in the future"),
        ({"body": b"$TIMESTAMP 2020-01-01 2020-01-02\n1.1.1.1\n"}, "the data have expired"),
        ({"body": gzip.compress(b"1.1.1.1\n" * 999)[:-9]}, "not taken: cannot be unpacked"),
        ({"cut": 5}, "peer closed connection without sending complete message body"),
        ({"body": b"1.1.1.1\n" * 200}, "larger than 1024 bytes (pull_most)."),
    ],
)  # fmt: skip
async def test_whatever_goes_wrong_leaves_the_last_good_file_and_is_told_in_one_sentence(
    site: Site, tmp_path: Path, change: dict[str, Any], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    house = House(tmp_path, f"http://you:secret@127.0.0.1:{site.port}/l?key=secret", more="pull_most = 1024")
    await house.pull()
    for name, value in change.items():
        setattr(site, name, value)
    site.conditional = False
    house.clock.turn(hours=1)
    for failures in (1, 2, 3):
        why = await house.pull()
        assert why.startswith(f"http://127.0.0.1:{site.port}/l: ")
        assert said in why
        assert "secret" not in why
        assert (house.puller.states[0].failures, house.puller.states[0].problem) == (failures, why)
        assert house.puller.states[0].failed == house.clock.now().timestamp()
        house.clock.turn(seconds=AGAIN)
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 1
    assert house.listed()
    assert house.file.read_bytes() == b"1.1.1.1\n"
    site.code, site.cut, site.body, site.headers = 200, 0, b"1.1.1.9\n", {}
    assert await house.pull() == ""
    assert house.listed(0x01010109)


async def test_a_failed_pull_is_tried_again_before_the_next_time(house: House, site: Site) -> None:
    site.code = 503
    assert await house.pull()
    house.clock.turn(seconds=AGAIN - 1)
    await house.pull()
    assert len(site.asked) == 1
    house.clock.turn(seconds=1)
    await house.pull()
    assert len(site.asked) == 2


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
@pytest.mark.parametrize("header", [True, False])
async def test_packed_files_are_taken_as_they_come(
    house: House, site: Site, pack: Callable[[bytes], bytes], header: bool
) -> None:
    site.body = pack(b"1.1.1.1\n")
    if header:
        site.headers["Content-Encoding"] = "gzip" if pack is gzip.compress else "zstd"
    assert await house.pull() == ""
    assert house.listed()
    assert house.file.read_bytes() == site.body


async def test_a_server_that_takes_its_time_is_given_up(site: Site, tmp_path: Path) -> None:
    house = House(tmp_path, f"http://127.0.0.1:{site.port}/l", more="pull_within = 1")
    site.go.clear()
    assert await house.pull() == f"http://127.0.0.1:{site.port}/l: not had within 1 seconds."


async def test_nobody_there_is_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as nobody:  # the port is taken, and nobody listens
        nobody.bind(("127.0.0.1", 0))
        house = House(tmp_path, f"http://127.0.0.1:{nobody.getsockname()[1]}/l")
        assert "onnect" in await house.pull()


async def test_what_cannot_be_written_is_a_sentence(house: House) -> None:
    (house.folder / ".list.pull").write_text("in the way")  # rmtree cannot remove a file as a folder
    await house.puller.step()
    assert house.puller.held.endswith("list: cannot be written: File exists")


async def test_an_end_lets_go_of_what_is_under_way(house: House, site: Site) -> None:
    site.go.clear()
    stop = asyncio.Event()
    running = asyncio.create_task(house.puller.run(stop))
    await until(lambda: bool(site.asked))
    stop.set()
    await asyncio.wait_for(running, 5)
    assert not (house.folder / ".list.pull").exists()
    assert not house.file.exists()


async def test_it_pulls_again_and_again_until_the_end(
    house: House, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulling, "EVERY", 0.01)
    stop = asyncio.Event()
    running = asyncio.create_task(house.puller.run(stop))
    await until(lambda: house.puller.states[0].pulled > 0)
    house.clock.turn(hours=1)
    await until(lambda: len(site.asked) == 2)
    stop.set()
    await running


async def test_rsync_is_run_with_the_place_and_its_words_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program in its place: what a real one does is tried with Debian's."""
    programs = tmp_path / "programs"
    programs.mkdir()
    rsync = programs / "rsync"
    rsync.write_text('#!/bin/sh\nfor last; do :; done\necho "$@" > "$0.said"\nprintf "1.1.1.1\\n" > "$last"\n')
    rsync.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    house = House(tmp_path, "rsync://lists.test/module/list")
    assert await house.pull() == ""
    assert house.listed()
    said = (programs / "rsync.said").read_text()
    assert "--timeout=30" in said
    assert "-- rsync://lists.test/module/list /" in said
    rsync.write_text('#!/bin/sh\necho "@ERROR: no such \033[31mmodule" >&2\nexit 5\n')
    house.clock.turn(hours=1)
    assert await house.pull() == "rsync://lists.test/module/list: rsync says: @ERROR: no such ?[31mmodule"
    assert house.listed()
    monkeypatch.setenv("PATH", str(tmp_path))
    house.clock.turn(hours=1)
    assert "apt-get install rsync" in await house.pull()


async def test_what_rsync_brings_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rsync = tmp_path / "rsync"
    rsync.write_text('#!/bin/sh\nfor last; do :; done\nhead -c 600000 /dev/zero > "$last"\n')
    rsync.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    house = House(tmp_path, "rsync://lists.test/m/l", more="pull_most = 10240")
    assert await house.pull() == "rsync://lists.test/m/l: larger than 10240 bytes (pull_most)."
    assert not house.file.exists()


@pytest.mark.parametrize(
    "line",
    [
        'pull = ["ftp://x/y"]', 'pull = ["http:///y"]', 'pull = ["host::module/y"]', 'pull = ["http://a/b c"]',
        "pull_every = 1",        'pull = ["http://a/b", "http://a/c"]', "pull_most = 1", "pull_within = 0", 'pull = ["file:///etc/passwd"]',
    ],
)  # fmt: skip
def test_only_places_that_can_be_pulled_are_taken(tmp_path: Path, line: str) -> None:
    with pytest.raises(SettingsError):
        read_zone(
            f'origin = "a.test"\n[[sources]]\ntype = "ip4set"\nfiles = ["f"]\n{line}\n', "z", site="https://s.test"
        )


def test_a_file_that_is_not_there_yet_is_no_mistake_of_the_settings(house: House) -> None:
    mistakes, notes = report(house.zones, now=0)
    assert mistakes == []
    assert notes[0].endswith("list: not there yet; it is pulled once the node runs.")


def test_what_others_say_is_shown_tame_and_short() -> None:
    assert tame("a\x1b[31m\nü" + "x" * 999) == "a?[31m??" + "x" * 192
