"""Somebody else looks at a list: over HTTP at its log, over TCP at its zone."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from typing import Any, ClassVar

import pytest

from dnsbl.clock import HandClock
from dnsbl.daemons.logfolder import bring_up
from dnsbl.daemons.logwatch import PATIENCE, WAIT_MOST, WAITS, LogWatch, copied
from dnsbl.errors import DnsblError
from dnsbl.log.note import Verifier
from tests.dnsbl.conftest import Office
from tests.dnsbl.serving.test_transfers import Primary

ORIGIN = "list.example/log"


class Quiet(SimpleHTTPRequestHandler):
    later: ClassVar[list[int]] = []  #: seconds that the next requests are asked to wait

    def do_GET(self) -> None:
        if not self.later:
            super().do_GET()
            return
        self.send_response(429)
        self.send_header("Retry-After", str(self.later.pop()))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "public").mkdir()
    return tmp_path / "public"


@pytest.fixture
def site(folder: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=partial(server.serve_forever, 0.01))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def office(make_office: Callable[..., Office], tmp_path: Path) -> Office:
    return make_office(service={"state_dir": str(tmp_path / "list")}, tlog={"origin": ORIGIN, "networks": "open"})


def swapped(folder: Path, other: Path) -> Path:
    """Have the folder show another checkpoint; where the one before is now."""
    before = other.with_name(f"{other.name}.before")
    shutil.copy(folder / "checkpoint", before)
    shutil.copy(other, folder / "checkpoint")
    return before


def forgotten(memory: Path, folder: Path) -> None:
    """Have a list know nothing of what it has signed and published."""
    memory.unlink()
    shutil.rmtree(folder)
    folder.mkdir()


class Looking:
    """Who looks, with a clock that he turns when he waits; the list keeps its log meanwhile, or does not."""

    def __init__(self, office: Office, url: str, folder: Path, memory: Path | None) -> None:
        self.office, self.url, self.folder, self.memory = office, url, folder, memory
        self.clock = HandClock()
        self.meanwhile: Callable[[], object] = lambda: None
        self.publish()
        self.keys = [Verifier.read(key.vkey) for key in office.casework.proving.verifiers()]

    def publish(self) -> None:
        self.office.casework.proving.keep()
        bring_up(self.office.casework.proving, self.folder)

    def list(self, *networks: str) -> None:
        self.office.casework.operators.list_networks(
            map(ip_network, networks), kind="manual", reason="seen", actor="operator op"
        )

    async def look(self, *where: str) -> dict[str, Any]:
        async def sleep(seconds: float) -> None:
            self.clock.turn(seconds=seconds)
            self.meanwhile()

        return await LogWatch(self.url, self.keys, self.memory, self.clock, sleep=sleep).look(*where)


@pytest.fixture
def looking(office: Office, site: str, folder: Path, tmp_path: Path) -> Looking:
    return Looking(office, site, folder, tmp_path / "memory")


async def test_an_entry_that_dns_shows_and_the_log_does_not_is_named(looking: Looking) -> None:
    primary = Primary(transfer=["127.0.0.0/8"])
    await primary.start()
    where = (f"{primary.host}:{primary.port}", "bl.test")
    try:
        looking.list("192.0.2.1", "198.51.100.0/24", "2001:db8::7")
        primary.toggle("192.0.2.1/32", "198.51.100.0/24", "2001:db8::7/128")
        looking.publish()
        found = await looking.look(*where)
        assert (found["wrong"], found["compared"], found["listed"], found["shown"]) == ([], True, 3, 3)
        assert found["serial"] == primary.serial
        primary.toggle("192.0.2.9/32")
        looking.list("192.0.2.9")
        looking.meanwhile = looking.publish
        began = looking.clock.monotonic()
        assert (await looking.look(*where))["wrong"] == [], "what the log shows a moment later is no wrong"
        assert looking.clock.monotonic() - began < PATIENCE
        primary.toggle("192.0.2.10/32")
        (sentence,) = (await looking.look(*where))["wrong"]
        assert sentence == f"bl.test shows 192.0.2.10/32 at serial {primary.serial}, and the log does not."
    finally:
        await primary.responder.close()


async def test_a_log_that_is_rolled_back_forked_or_cut_is_noticed_at_the_next_look(
    looking: Looking, folder: Path, tmp_path: Path, office: Office
) -> None:
    assert (await looking.look())["wrong"] == []
    shutil.copytree(folder, tmp_path / "old")
    looking.list("192.0.2.1")
    looking.publish()
    found = await looking.look()
    assert found["wrong"] == [] and found["new"] == 2 and found["change"] == 1
    newest = swapped(folder, (tmp_path / "old" / "checkpoint"))
    assert "rolled back" in (await looking.look())["wrong"][0]
    swapped(folder, newest)
    assert (await looking.look())["wrong"] == [], "and what was seen is still known"
    with office.store.write() as tx:
        tx.log.clear()
        tx.log.begin(origin=ORIGIN, salts=bytes(32), at=office.clock.now())
    forgotten(tmp_path / "list" / "log.seen", folder)
    looking.publish()
    assert "two stories" in (await looking.look())["wrong"][0]
    looking.list("192.0.2.2")
    looking.publish()
    assert "do not begin with" in (await looking.look())["wrong"][0]


async def test_what_cannot_be_had_or_is_signed_by_nobody_known_is_told(looking: Looking, folder: Path) -> None:
    with pytest.raises(DnsblError, match=r"a\.\.b cannot be had from 127\.0\.0\.1:1"):
        await copied("127.0.0.1:1", "a..b")
    with pytest.raises(DnsblError, match=r"cannot be had from 127\.0\.0\.1:1"):
        await looking.look("127.0.0.1:1", "bl.test")
    looking.keys = [Verifier(ORIGIN, 1, bytes(32))]
    assert "no key that is known" in (await looking.look())["wrong"][0]
    looking.url += "elsewhere"
    with pytest.raises(DnsblError, match="is refused: 404"):
        await looking.look()
    looking.memory = folder.parent / "spoilt"
    await asyncio.to_thread(looking.memory.write_text, "{")
    with pytest.raises(DnsblError, match="no memory of a log"):
        await looking.look()


async def test_a_look_waits_as_the_logs_server_asks_and_not_for_ever(looking: Looking) -> None:
    looking.list("192.0.2.1")
    looking.publish()
    Quiet.later[:] = [7, 2]
    began = looking.clock.monotonic()
    assert (await looking.look())["change"] == 1
    assert looking.clock.monotonic() - began == 9
    for asked in ([WAIT_MOST + 1], [1] * WAITS):
        Quiet.later[:] = asked
        with pytest.raises(DnsblError, match="is refused: 429"):
            await looking.look()
        assert not Quiet.later
