"""A list of old, founded, served and asked by the commands alone: seen spamming, proven open, confirmed, answered."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import dns.asyncquery
import dns.message
import pytest

from dnsbl.addresses import parse_address, reversed_labels
from dnsbl.demo.neighbourhood import free_port
from tests.journeys.conftest import Site
from tests.journeys.test_killed import RELAY, HoldingRelay
from tests.waiting import until


class Founded(Site):
    """What `dnsbl init --profile` has written, whose ports and names the environment gives."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.config = folder, folder / "config.toml"
        self.dns, self.collector, self.web = free_port(), free_port(), free_port()
        self._served: list[asyncio.subprocess.Process] = []

    async def init(self, profile: str) -> Any:
        process = await self._start("init", str(self.folder), "--profile", profile, "--json")
        out, err = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, err.decode()
        return json.loads(out)

    def environment(self, target_port: int) -> dict[str, str]:
        """Everything that a laboratory needs and no list of old has said."""
        return {
            "DNSBL_DNS__LISTEN": f'["127.0.0.1:{self.dns}"]',
            "DNSBL_DNS__POLL": "0.05",
            "DNSBL_COLLECTOR__LISTEN": f'["127.0.0.1:{self.collector}"]',
            "DNSBL_WEB__LISTEN": f"127.0.0.1:{self.web}",
            "DNSBL_TESTER__SOURCE_ADDRESSES": '["127.0.0.1"]',
            "DNSBL_TESTER__COLLECTOR_DOMAIN": "c.test",
            "DNSBL_TESTER__BOUNCE_DOMAIN": "b.test",
            "DNSBL_TESTER__PORT": str(target_port),
            "DNSBL_TESTER__OWNER_PORTS": "[25]",
            "DNSBL_TESTER__LAB_NETWORKS": '["127.0.0.0/8"]',
            "DNSBL_TESTER__ATTEMPT_GAP": "0.02",
            "DNSBL_TESTER__CONNECTION_GAP": "0.05",
            "DNSBL_TESTER__GRACE": "1",
        }

    async def ask(self, zone: str, address: str) -> list[str]:
        """The A records of an address in one of its zones."""
        name = f"{reversed_labels(parse_address(address))}.{zone}"
        answer = await dns.asyncquery.udp(dns.message.make_query(name, "A"), "127.0.0.1", timeout=5, port=self.dns)
        return sorted(record.to_text() for each in answer.answer for record in each)


@pytest.fixture
async def founded(tmp_path: Path) -> AsyncIterator[Founded]:
    made = Founded(tmp_path)
    yield made
    await made.close()


async def test_rss_is_founded_by_one_command_and_lists_by_spam_proof_and_an_operators_word(
    founded: Founded, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = await founded.init("rss")
    assert [Path(name).name for name in told["written"]] == [
        "config.toml",
        "relays.rss.example.org.toml",
        "rbl-plus.rss.example.org.toml",
    ]
    relay = HoldingRelay()
    for name, value in founded.environment(await relay.start()).items():
        monkeypatch.setenv(name, value)
    relay.collector = ("127.0.0.1", founded.collector)
    spam = founded.folder / "spam.eml"
    spam.write_text(
        f"Received: from x ([{RELAY}]) by mx.example.org; {format_datetime(datetime.now(UTC))}\n"
        "From: a@example.com\nSubject: buy\n\nBuy.\n"
    )
    await founded.serve("--only", "dns,worker,collector,scheduler")
    assert await founded.ask("relays.rss.example.org", "127.0.0.2") == ["127.0.0.2"]
    await founded.dnsbl("nominate", RELAY, "--evidence", str(spam))

    async def judged() -> bool:
        return bool((await founded.dnsbl("lookup", RELAY))["last_verdict"] == "OPEN")

    await until(judged, within=60)
    assert await founded.ask("relays.rss.example.org", RELAY) == [], "it waits for an operator"
    await founded.dnsbl("listing", "review", RELAY, "--kind", "relay", "--confirm", "--reason", "it spammed us")
    for zone, code in (("relays.rss.example.org", "127.0.0.2"), ("rbl-plus.rss.example.org", "127.1.0.4")):

        async def answered(zone: str = zone, code: str = code) -> bool:
            return await founded.ask(zone, RELAY) == [code]

        await until(answered, pause=0.05)
    await founded.dnsbl("listing", "drop", RELAY, "--kind", "relay", "--reason", "mended")

    async def gone() -> bool:
        return await founded.ask("relays.rss.example.org", RELAY) == []

    await until(gone, pause=0.05)
    await relay.stop()
