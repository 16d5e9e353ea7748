"""A list of its own for each journey: configuration, zone file, free ports, and the real command as a subprocess."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import IO, Any

import pytest

from dnsbl.demo.neighbourhood import free_port

ROOT = Path(__file__).resolve().parents[2]
ZONE = (ROOT / "zones" / "relays.example.org.toml").read_text(encoding="utf-8")


class Site:
    """One configured list in a folder, and the processes started for it."""

    def __init__(self, folder: Path, target_port: int, **tester: object) -> None:
        self.folder = folder
        self.dns, self.collector, self.web = free_port(), free_port(), free_port()
        (folder / "zones").mkdir()
        (folder / "zones" / "relays.toml").write_text(ZONE, encoding="utf-8")
        settings = {
            "source_addresses": ["127.0.0.1"],
            "collector_domain": "c.test",
            "bounce_domain": "b.test",
            "port": target_port,
            "owner_ports": [25],
            "lab_networks": ["127.0.0.0/8"],
            "attempt_gap": 0.02,
            "connection_gap": 0.05,
            "grace": 1,
            "delivery_window": 5,
            "retry_after": [1],
            "lease": 30,  # a busy machine must not cost tests their workers
        } | tester
        lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
        self.config = folder / "config.toml"
        self.config.write_text(
            f'[dns]\nlisten = ["127.0.0.1:{self.dns}"]\npoll = 0.05\n'
            f'[collector]\nlisten = ["127.0.0.1:{self.collector}"]\n'
            f'[web]\nlisten = "127.0.0.1:{self.web}"\n[tester]\n' + "\n".join(lines) + "\n",
            encoding="utf-8",
        )
        self._served: list[asyncio.subprocess.Process] = []

    async def dnsbl(self, *words: str, expect: int = 0) -> Any:
        """Run a command with --json to its end; returns its document (or its stderr, when it should fail)."""
        process = await self._start(*words, "--config", str(self.config), "--json")
        out, err = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == expect, f"dnsbl {' '.join(words)}: {process.returncode}\n{err.decode()}"
        return json.loads(out) if expect == 0 else err.decode()

    async def serve(self, *words: str, within: float = 90) -> asyncio.subprocess.Process:
        """Start `dnsbl serve` and wait until it listens, for so many seconds."""
        with (self.folder / "serve.log").open("ab") as log:  # a pipe that nobody reads would hold it up
            process = await self._start("serve", *words, "--config", str(self.config), "--json", stderr=log)
        self._served.append(process)
        assert process.stdout is not None
        await asyncio.wait_for(process.stdout.readuntil(b"\n"), within)
        return process

    async def _start(
        self, *words: str, stderr: IO[bytes] | int = asyncio.subprocess.PIPE
    ) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "dnsbl",
            *words,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            env=os.environ | {"COLUMNS": "200"},
        )

    async def stop(self, process: asyncio.subprocess.Process, number: int = signal.SIGTERM) -> int:
        process.send_signal(number)
        await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode is not None
        return process.returncode

    async def close(self) -> None:
        for process in self._served:
            if process.returncode is None:
                process.kill()
                await process.communicate()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Callable[..., Site]]:
    sites: list[Site] = []

    def make(target_port: int, **tester: object) -> Site:
        sites.append(Site(tmp_path, target_port, **tester))
        return sites[-1]

    yield make
    for made in sites:
        await made.close()
