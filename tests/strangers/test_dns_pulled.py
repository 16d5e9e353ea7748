"""Data files pulled from Debian's rsync, a daemon of it on loopback, and answered from."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dnsbl.clock import HandClock
from dnsbl.dns.respond import Serving
from dnsbl.dns.zonefile import read_zone
from dnsbl.dns.zones import Zones
from dnsbl.serving.pulling import Puller
from dnsbl.serving.sources import Sources


class Daemon:
    """One module, `lists`, with what lies in `shelf`."""

    def __init__(self, folder: Path) -> None:
        self.shelf, self.log = folder / "shelf", folder / "log"
        self.shelf.mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        conf = folder / "rsyncd.conf"
        conf.write_text(
            f"use chroot = no\nlog file = {self.log}\ntransfer logging = yes\n"
            f"[lists]\npath = {self.shelf}\nread only = yes\nuid = 0\ngid = 0\n"
        )
        self.process = subprocess.Popen(
            ["rsync", "--daemon", "--no-detach", "--address=127.0.0.1", f"--port={self.port}", f"--config={conf}"],
            stdin=subprocess.DEVNULL,
        )
        end = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                assert time.monotonic() < end, "the daemon does not listen"
                time.sleep(0.05)

    def put(self, text: bytes, age: int) -> None:
        beside = self.shelf / "beside"
        beside.write_bytes(text)
        beside.replace(self.shelf / "spam")
        subprocess.run(["touch", "-d", f"@{1767000000 - age}", str(self.shelf / "spam")], check=True)

    @property
    def sent(self) -> int:
        """How many files it has sent."""
        return self.log.read_text().count(" send ") if self.log.exists() else 0


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    found = Daemon(tmp_path)
    yield found
    found.process.terminate()
    found.process.wait(10)


class House:
    def __init__(self, folder: Path, url: str, most: int = 1 << 20) -> None:
        self.file = folder / "list"
        text = (
            'origin = "bl.test"\n[[sources]]\ntype = "ip4set"\nfiles = ["list"]\n'
            f'pull = ["{url}"]\npull_most = {most}\npull_within = 20\n'
        )
        zones = Zones((read_zone(text, str(folder / "z.toml"), site="https://s.test"),))
        self.serving, self.clock = Serving(zones), HandClock()
        self.puller = Puller(Sources(zones, self.serving, check=60, clock=self.clock), clock=self.clock)

    async def pull(self) -> str:
        self.clock.turn(hours=1)
        await self.puller.step()
        assert not list(self.file.parent.glob(".list.pull*/"))
        return self.puller.held

    def listed(self, number: int) -> bool:
        return bool(self.serving.sourced["bl.test"].views[()][0].values_at(number))


async def test_a_file_is_pulled_once_while_it_is_the_same_and_again_when_it_changes(
    daemon: Daemon, tmp_path: Path
) -> None:
    house = House(tmp_path, f"rsync://127.0.0.1:{daemon.port}/lists/spam")
    daemon.put(b"1.1.1.1\n", 500)
    assert await house.pull() == ""
    assert house.listed(0x01010101)
    assert int(house.file.stat().st_mtime) == 1767000000 - 500
    before, sent = house.file.stat().st_ino, daemon.sent
    assert sent == 1
    assert await house.pull() == ""
    assert (house.file.stat().st_ino, daemon.sent) == (before, 1)
    daemon.put(b"1.1.1.2\n", 400)
    assert await house.pull() == ""
    assert house.listed(0x01010102)
    assert not house.listed(0x01010101)


async def test_what_goes_wrong_leaves_the_last_good_file(daemon: Daemon, tmp_path: Path) -> None:
    place = f"rsync://127.0.0.1:{daemon.port}/lists/spam"
    house = House(tmp_path, place, most=10_240)
    daemon.put(b"1.1.1.1\n", 500)
    assert await house.pull() == ""
    daemon.put(b"1.1.1.2\n" * 100_000, 400)
    assert await house.pull() == f"{place}: larger than 10240 bytes (pull_most)."
    daemon.put(b"nothing\n", 300)
    assert "1 of 1 lines are none of the type ip4set" in await house.pull()
    (daemon.shelf / "spam").unlink()
    assert "rsync says: rsync: " in await house.pull()
    (daemon.shelf / "spam").mkdir()
    assert await house.pull() == f"{place}: is no file."
    daemon.process.terminate()
    daemon.process.wait(10)
    assert "rsync says: rsync: " in await house.pull()
    assert house.listed(0x01010101)
    assert house.file.read_bytes() == b"1.1.1.1\n"


async def test_a_module_that_is_not_there_is_told_in_the_servers_words(daemon: Daemon, tmp_path: Path) -> None:
    house = House(tmp_path, f"rsync://127.0.0.1:{daemon.port}/other/spam")
    assert "rsync says: @ERROR: Unknown module 'other'" in await house.pull()
