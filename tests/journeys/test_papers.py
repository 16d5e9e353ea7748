"""The advice of two old papers on closing relays, followed by servers of the neighbourhood and judged by a served list.

The paper of 2002 tests by telnet: from outside to outside, and 550 at RCPT is the right answer. That of 2012 tells of
Exchange 5.5: "do not reroute" makes a reflector of it and no relay; before its patch it relays encapsulated addresses.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from dnsbl.clock import SystemClock
from dnsbl.demo.neighbourhood import PAPERS, Neighbourhood, Resident, unpacked
from dnsbl.demo.tour import spam_through
from tests.waiting import until

PROHIBITS, REFLECTOR, IMCEA = PAPERS


class Library:
    """A served list beside the servers of the papers."""

    def __init__(self, site: Any, town: Neighbourhood) -> None:
        self.site, self.town = site, town

    async def nominate(self, resident: Resident) -> None:
        spam = Path(self.site.folder) / "spam.eml"
        spam.write_bytes(spam_through(resident, SystemClock().now()))
        await self.site.dnsbl("nominate", "--evidence", str(spam))

    async def verdict(self, resident: Resident) -> dict[str, Any]:
        """How it stands, once it is judged."""

        async def judged() -> Any:
            found = await self.site.dnsbl("lookup", resident.address)
            return found if found["last_verdict"] else None

        found: dict[str, Any] = await until(judged, within=60, pause=0.3)
        return found

    async def page(self, path: str) -> str:
        def read() -> str:
            with urlopen(f"http://127.0.0.1:{self.site.web}{path}", timeout=20) as answer:
                text: str = answer.read().decode()
            return text

        return await asyncio.to_thread(read)

    async def telnet(self, resident: Resident, *lines: str) -> list[str]:
        """What somebody sees who types these lines."""
        reader, writer = await asyncio.open_connection(resident.address, self.town.port)
        said = [(await reader.readline()).decode().strip()]
        for line in lines:
            writer.write(f"{line}\r\n".encode())
            said.append((await reader.readline()).decode().strip())
        writer.close()
        return said


@pytest.fixture
async def library(site: Callable[..., Any]) -> AsyncIterator[Library]:
    where: list[tuple[str, int]] = []
    town = Neighbourhood(lambda: where[0], lambda: SystemClock().now().timestamp())
    made = site(await town.start(), per_network=8)
    where.append(("127.0.0.1", made.collector))
    await made.dnsbl("db", "upgrade")
    await made.serve()
    yield Library(made, town)
    await town.stop()


async def test_the_telnet_test_tells_who_heeds_the_paper_and_is_deceived_by_a_reflector(library: Library) -> None:
    outside = ("MAIL FROM:<somebody@outside.test>", "RCPT TO:<another@outside.test>")
    *_, refused = await library.telnet(PROHIBITS, *outside)
    assert refused == "550 5.7.1 Relaying is prohibited"
    *_, refused = await library.telnet(IMCEA, *outside)
    assert refused.startswith("550"), "the telnet test does not see what encapsulated addresses do"
    *_, taken = await library.telnet(REFLECTOR, *outside)
    assert taken.startswith("250"), "a reflector looks open to who does not wait for the mail"


async def test_each_is_judged_by_what_comes_back_and_the_reflector_is_not_listed(library: Library) -> None:
    for resident in PAPERS:
        await library.nominate(resident)
    for resident in PAPERS:
        found = await library.verdict(resident)
        assert found["last_verdict"] == resident.expect, resident.name
        assert [one["kind"] for one in found["listings"]] == (["relay"] if resident is IMCEA else []), resident.name
    page = await library.page(f"/ip/{IMCEA.address}")
    assert "encapsulated recipient (IMCEASMTP-...)" in page and "Service Pack 3" in page
    assert "R17" in page and "checked before the route is undone" in page


async def test_the_patch_is_what_takes_the_exchange_off_the_list(library: Library) -> None:
    await library.nominate(IMCEA)
    assert (await library.verdict(IMCEA))["listings"]
    library.town.close_relay(IMCEA.address)
    found = await library.site.dnsbl("remove", IMCEA.address, "--wait")
    assert (found["verdict"], found["listings"]) == ("CLOSED", [])


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("IMCEASMTP-joe+40example+2Enet@imcea.demo", "joe@example.net"),
        ("imceasmtp-joe+40example+2enet@IMCEA.demo", "joe@example.net"),
        ("IMCEASMTP-joe+40example+2Enet@other.demo", ""),
        ("joe@imcea.demo", ""),
        ("joe%example.net@imcea.demo", ""),
    ],
)
def test_an_encapsulated_address_is_unpacked_at_its_own_host_alone(address: str, inside: str) -> None:
    assert unpacked(address, "imcea.demo") == inside
