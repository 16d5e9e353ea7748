"""A remote tester, the real command, against the demo's neighbourhood, for a list that is really served: up to DNS."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from dnslib import DNSRecord

from dnsbl.clock import SystemClock
from dnsbl.demo.neighbourhood import RESIDENTS, Neighbourhood
from dnsbl.demo.tour import spam_through
from tester.cli.command import main
from tester.cli.remote import KEY
from tester.smtp import Limits
from tests.waiting import until

QUICK = Limits(attempt_gap=0.02, connection_gap=0.05, grace=1)
OPEN, CLOSED, FRONT = "127.77.0.10", "127.77.0.20", "127.77.0.50"


class Bureau:
    """A served list with reporters' keys, and testers who run the command, in this process, without its pauses."""

    def __init__(self, site: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.site = site
        self.monkeypatch = monkeypatch
        self.capsys = capsys
        self.keys: dict[str, str] = {}

    async def account(self, name: str, tier: str) -> None:
        await self.site.dnsbl("reporter", "add", name, "--tier", tier)
        self.keys[name] = (await self.site.dnsbl("reporter", "key", name))["key"]

    async def test(self, name: str, address: str) -> tuple[int, Any]:
        """Have somebody test an address for the list; the status and the document."""
        resident = next(one for one in RESIDENTS if one.address == address)
        spam = Path(self.site.folder) / f"{resident.name}.eml"
        spam.write_bytes(spam_through(resident, SystemClock().now()))
        words = [address, "--for", f"http://127.0.0.1:{self.site.web}", "--evidence", str(spam), "--lab", "127.0.0.0/8"]
        self.monkeypatch.setenv(KEY, self.keys[name])
        self.capsys.readouterr()
        status = await asyncio.to_thread(main, [*words, "--helo", "probe.demo", "--wait", "3", "--json"], limits=QUICK)
        out, err = self.capsys.readouterr()
        return status, json.loads(out) if out else err

    def codes(self, address: str) -> list[str]:
        """What DNS says."""
        name = ".".join(reversed(address.split("."))) + ".relays.example.org"
        reply = DNSRecord.parse(DNSRecord.question(name, "A").send("127.0.0.1", self.site.dns, timeout=3))
        return [str(row.rdata) for row in reply.rr]

    async def listed(self, address: str, code: str) -> None:
        await until(lambda: self.codes(address) == [code], within=30, pause=0.1)


@pytest.fixture
async def bureau(
    site: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Bureau]:
    where: list[tuple[str, int]] = []
    town = Neighbourhood(lambda: where[0], lambda: SystemClock().now().timestamp())
    made = site(await town.start(), per_network=8)
    where.append(("127.0.0.1", made.collector))
    zone = made.folder / "zones" / "relays.toml"
    unconfirmed = '[kinds.unconfirmed]\ncode = "127.0.0.42"\ntxt = "Unconfirmed: {address}, see {url}"\n'
    zone.write_text(zone.read_text().replace("[kinds.manual]", f"{unconfirmed}\n[kinds.manual]"))
    with made.config.open("a") as config:
        config.write('[remote]\non = true\n[policy]\nkinds = ["relay", "multihop", "unconfirmed"]\n')
        config.write("unreachable_retry = [1]\n")
    await made.dnsbl("db", "upgrade")
    yield Bureau(made, monkeypatch, capsys)
    await town.stop()


async def test_a_trusted_testers_letters_list_an_open_relay_and_no_closed_one(bureau: Bureau) -> None:
    await bureau.account("ann", "trusted")
    await bureau.site.serve("--only", "dns,collector,scheduler,web")  # nobody tests here but ann
    status, document = await bureau.test("ann", OPEN)
    assert (status, document["result"], document["verdict"]) == (1, "open", "OPEN"), document
    assert document["list"]["listed"] == ["relay"]
    await bureau.listed(OPEN, "127.0.0.2")
    status, document = await bureau.test("ann", CLOSED)
    assert (status, document["result"]) == (0, "closed"), document
    assert bureau.codes(CLOSED) == []
    status, said = await bureau.test("ann", OPEN)
    assert status == 2 and "already listed" in said


async def test_what_anybody_else_found_is_unconfirmed_until_our_own_worker_has_seen_it(bureau: Bureau) -> None:
    await bureau.account("joe", "known")
    serving = await bureau.site.serve("--only", "dns,collector,scheduler,web")
    status, document = await bureau.test("joe", OPEN)
    assert (status, document["list"]["listed"]) == (1, ["unconfirmed"]), document
    await bureau.listed(OPEN, "127.0.0.42")
    await bureau.site.stop(serving)
    await bureau.site.serve()
    await bureau.listed(OPEN, "127.0.0.2")


async def test_a_letter_that_comes_out_of_a_second_machine_lists_the_first_once_our_worker_has_seen_it_too(
    bureau: Bureau,
) -> None:
    await bureau.account("ann", "trusted")
    await bureau.site.serve()
    status, document = await bureau.test("ann", FRONT)
    assert status == 1 and document["list"]["listed"] == [], document

    async def kinds() -> bool:
        found = await bureau.site.dnsbl("lookup", FRONT)
        return [one["kind"] for one in found["listings"]] == ["multihop"]

    await until(kinds, within=40, pause=0.3)
    assert (await bureau.site.dnsbl("lookup", "127.77.0.51"))["listings"] == []
