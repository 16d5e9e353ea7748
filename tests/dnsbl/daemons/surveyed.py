"""A few mail servers of known habits, and a survey of them, in this process."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from bench.fleet import MUTED, Habit, MailServer, mute
from dnsbl.clock import SystemClock
from dnsbl.daemons.surveyfolder import SurveyFolder, begin, target_line
from dnsbl.daemons.surveyor import SurveyMeans, SurveyProgress
from dnsbl.rules.surveys.tally import SurveyTally, tally
from dnsbl.settings import Settings
from tester.letter import Keyring

FIRST = IPv4Address("127.66.0.1")


def settings_for(port: int, collector: int, **tester: Any) -> Settings:
    usual: dict[str, Any] = {
        "port": port,
        "lab_networks": ["127.0.0.0/8"],
        "concurrency": 100,
        "per_network": 100,
        "connect_timeout": 0.3,
        "banner_timeout": 2,
        "command_timeout": 2,
        "final_timeout": 2,
        "attempt_gap": 0,
        "connection_gap": 0,
    }
    return Settings.model_validate(
        {
            "tester": usual | tester,
            "survey": {
                "authorized_networks": ["127.0.0.0/8"],
                "collector_domain": "c.test",
                "bounce_domain": "b.test",
                "listen": f"127.0.0.1:{collector}",
            },
        }
    )


@contextlib.asynccontextmanager
async def street(habits: Sequence[Habit], port: int, collector: int) -> AsyncIterator[None]:
    """One address after another, each with its habit."""
    servers, muted = [], []
    for address, habit in ((FIRST + n, habit) for n, habit in enumerate(habits)):
        if habit in MUTED:
            muted.append(mute(str(address), port))
        elif habit is not Habit.REFUSING:
            servers.append(await asyncio.start_server(MailServer(address, habit, collector), str(address), port))
    try:
        yield
    finally:
        for server in servers:
            server.close()
        for sock in muted:
            sock.close()


def laid(place: Path, number: int, port: int, **head: Any) -> SurveyFolder:
    """A survey of the first so many addresses, as of hosts that nmap has found."""
    usual = {
        "name": "s",
        "begun": "2026-11-26T06:00:00Z",
        "form": "S01",
        "port": port,
        "targets": number,
        "there": True,
    }
    begin(
        place,
        usual | head,
        [target_line(FIRST + n) for n in range(number)],
        Keyring.generate(secrets.token_bytes, 1_700_000_000),
    )
    return SurveyFolder(place)


def means(settings: Settings, told: list[SurveyProgress] | None = None, **more: Any) -> SurveyMeans:
    usual: dict[str, Any] = {
        "settings": settings,
        "clock": SystemClock(),
        "random": secrets.token_bytes,
        "barred": lambda address: "",
        "held": lambda: "",
        "tell": (told if told is not None else []).append,
    }
    return SurveyMeans(**usual | more)


def counted(kept: SurveyFolder) -> SurveyTally:
    """What it has found so far."""
    return tally(kept.head, kept.records())
