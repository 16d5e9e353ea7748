"""Self-tests against a list that is really served: from the shell, by the script of contrib, with curl."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from dnsbl.demo.neighbourhood import Neighbourhood
from tests.waiting import until

SCRIPT = Path(__file__).resolve().parents[2] / "contrib" / "self-test"
pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")


class Town:
    """A served list, and mail servers whose owners come from their own addresses."""

    def __init__(self, site: Any) -> None:
        self.site = site
        self.url = f"http://127.0.0.1:{site.web}"

    async def run(self, *words: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, _ = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode is not None
        return process.returncode, out.decode()

    async def script(self, address: str, *more: str) -> tuple[int, Any]:
        status, out = await self.run("sh", str(SCRIPT), "-i", address, "-p", "25", "-t", "40", *more, self.url)
        assert out.count("\n") == 1, "one document, on one line"
        return status, json.loads(out)


@pytest.fixture
async def town(site: Callable[..., Any]) -> AsyncIterator[Town]:
    made: list[Any] = []
    neighbours = Neighbourhood(lambda: ("127.0.0.1", made[0].collector), time.time)
    port = await neighbours.start()
    made.append(site(port, per_network=10))  # a busy machine must not cost tests their workers
    try:
        await made[0].serve()
        yield Town(made[0])
    finally:
        await neighbours.stop()


async def test_the_script_tells_open_closed_and_neither_by_its_exit_status_and_lists_nobody(town: Town) -> None:
    (opened, open_document), (closed, closed_document), (untold, untold_document) = await asyncio.gather(
        town.script("127.77.0.10"), town.script("127.77.0.20"), town.script("127.77.0.70")
    )
    assert (opened, open_document["result"], open_document["verdict"]) == (1, "open", "OPEN"), open_document
    assert open_document["addresses"] == ["127.77.0.10"]
    assert open_document["cause"]["advice"]
    assert (closed, closed_document["result"], closed_document["verdict"]) == (0, "closed", "CLOSED"), closed_document
    assert (untold, untold_document["result"], untold_document["verdict"]) == (2, "unknown", "REFUSES_TESTER"), (
        untold_document
    )
    for address in ("127.77.0.10", "127.77.0.20", "127.77.0.70"):
        standing = await town.site.dnsbl("lookup", address)
        assert (standing["state"], standing["listings"]) == ("unknown", [])


async def test_a_shell_with_nothing_but_curl_is_told_the_result_in_its_last_line(town: Town) -> None:
    status, out = await town.run(
        "curl", "-sS", "-m", "40", "--interface", "127.77.0.10", "-T", "-", f"{town.url}/api/v1/self-tests?ports=25"
    )
    assert status == 0
    assert out.splitlines()[0].startswith("Self-test of 127.77.0.10.")
    assert out.splitlines()[-1] == "result: open"


async def test_what_is_refused_or_not_there_is_a_document_and_status_2(town: Town) -> None:
    status, document = await town.script("127.77.0.10", "-p", "22")
    assert (status, document["reason"]) == (2, "wrong-port")
    status, out = await town.run("sh", str(SCRIPT), "http://127.0.0.1:1")
    assert (status, json.loads(out)["result"]) == (2, "unknown")
    assert (await town.run("sh", str(SCRIPT)))[0] == 2


async def test_the_page_tests_whoever_sends_its_form_from_the_server_and_lists_nobody(town: Town) -> None:
    ask = ("curl", "-sS", "-m", "20", "--interface", "127.77.0.10", "-L", "-o", "/dev/null", "-w", "%{url_effective}")
    status, form = await town.run("curl", "-sS", "--interface", "127.77.0.10", f"{town.url}/self-test")
    assert status == 0 and "Test 127.77.0.10" in form
    status, page = await town.run(*ask, "-d", "agree=yes&port=25", f"{town.url}/self-test")
    assert status == 0 and page.startswith(f"{town.url}/self-test/")

    async def over() -> str:
        shown = (await town.run("curl", "-sS", page))[1]
        return "" if "http-equiv" in shown else shown

    shown = await until(over, within=40, pause=0.2)
    assert "127.77.0.10 is an open relay" in shown and "How to close it" in shown
    assert (await town.site.dnsbl("lookup", "127.77.0.10"))["listings"] == []
