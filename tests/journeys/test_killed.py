"""kill -9 of the process at any point of a running test loses no nomination, no letter and no evidence."""

import asyncio
import contextlib
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import aiosmtplib

from dnsbl.addresses import parse_address
from dnsbl.model import RunReport
from dnsbl.opened import open_list
from tests.waiting import until

RELAY = "127.78.0.10"
POINTS = ("CONNECT", "MAIL", "RCPT", "DATA", "DOT")


class HoldingRelay:
    """An open relay that can be told to fall silent at one point of the conversation."""

    def __init__(self) -> None:
        self.hold_at = ""
        self.reached = asyncio.Event()
        self.collector = ("127.0.0.1", 0)
        self.letters: list[bytes] = []
        self._held: set[asyncio.Task[Any]] = set()

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._talk, RELAY, 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        self._server.close()
        await asyncio.gather(*self._held, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._say(writer, reader, "CONNECT", b"220 relay.test ESMTP\r\n")
            rcpt = b""
            while line := await reader.readline():
                verb = line[:4].upper().decode()
                if verb == "DATA":
                    await self._say(writer, reader, "DATA", b"354 go on\r\n")
                    letter = (await reader.readuntil(b"\r\n.\r\n"))[:-3]
                    self.letters.append(letter)
                    await self._say(writer, reader, "DOT", b"250 queued\r\n")
                    task = asyncio.create_task(self._forward(rcpt.decode(), letter))
                    self._held.add(task)
                elif verb == "QUIT":
                    writer.write(b"221 bye\r\n")
                    break
                else:
                    if verb == "RCPT":
                        rcpt = line[line.index(b"<") + 1 : line.index(b">")]
                    await self._say(writer, reader, verb, b"250 ok\r\n")
            await writer.drain()
        writer.close()

    async def _say(self, writer: asyncio.StreamWriter, reader: asyncio.StreamReader, point: str, reply: bytes) -> None:
        if self.hold_at == point:
            self.reached.set()
            await reader.read()  # silent until the tester is gone
            raise OSError
        writer.write(reply)
        await writer.drain()

    async def _forward(self, rcpt: str, letter: bytes) -> None:
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):
            await aiosmtplib.send(
                letter,
                sender="someone@relay.test",
                recipients=[rcpt],
                hostname=self.collector[0],
                port=self.collector[1],
                source_address=(RELAY, 0),
                start_tls=False,
                timeout=5,
            )


async def test_a_process_killed_at_any_point_of_a_test_loses_nothing_and_the_run_is_taken_up_again(
    site: Callable[..., Any],
) -> None:
    relay = HoldingRelay()
    here = site(await relay.start(), lease=1)
    relay.collector = ("127.0.0.1", here.collector)
    spam = here.folder / "spam.eml"
    spam.write_text(
        f"Received: from x ([{RELAY}]) by mx.example.org; {format_datetime(datetime.now(UTC))}\n"
        "From: a@example.com\nSubject: buy\n\nBuy.\n"
    )
    nominated = await here.dnsbl("nominate", RELAY, "--evidence", str(spam))
    run = nominated["run_id"]
    seen: dict[str, set[str]] = {"letters": set()}
    for point in POINTS:
        relay.hold_at = point
        relay.reached.clear()
        process = await here.serve("--only", "dns,worker,collector,scheduler")
        await asyncio.wait_for(relay.reached.wait(), 20)
        assert await here.stop(process, signal.SIGKILL) == -signal.SIGKILL
        report = _report(here, run)
        letters = {fate.letter.recipient for fate in report.letters}
        assert letters, f"killed at {point}: no letter is in the store"
        assert seen["letters"] in (set(), letters), f"killed at {point}: the run has other letters"
        seen["letters"] = letters
    relay.hold_at = ""
    process = await here.serve("--only", "dns,worker,collector,scheduler")
    report = await _until_judged(here, run)
    assert report.run.verdict == "OPEN"
    assert {fate.letter.recipient for fate in report.letters} == seen["letters"]
    assert [back for back in report.returns if back.finding.startswith("DELIVERED_SAME")]
    found = await here.dnsbl("lookup", RELAY)
    assert found["state"] == "listed"
    assert found["zones"]["relays.example.org"] == ["127.0.0.2"]
    assert (await here.dnsbl("journal", "--verify"))["verified"] > 0
    journal = await here.dnsbl("journal", RELAY)
    assert sum(1 for entry in journal if entry["verb"] == "nominated") == 1
    assert await here.stop(process) == 0
    await relay.stop()


def _report(here: Any, run: str) -> RunReport:
    opened = open_list(here.config)
    try:
        standing = opened.casework.views.look_up(parse_address(RELAY))
        assert standing.runs[0].id == run
        return opened.casework.views.run_report(run)
    finally:
        opened.store.close()


async def _until_judged(here: Any, run: str) -> RunReport:
    async def judged() -> RunReport | None:
        report = await asyncio.to_thread(_report, here, run)
        return report if report.run.state == "settled" else None

    found: RunReport = await until(judged, within=30, pause=0.2)
    return found
