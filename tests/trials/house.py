"""A whole list under trial: folder, configuration, the processes of `dnsbl serve`, and somebody who asks all the time.

Holds loopback ports, processes that this process started, and nothing else of the machine. Every wait is bounded and
says, when it was in vain, what the list has logged.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

from dnsbl.addresses import parse_address, reversed_labels
from dnsbl.demo.neighbourhood import free_port

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]
ZONE = "relays.example.org"
#: What DNS says of an address that an operator has listed.
LISTED = "127.0.0.4"
#: Seconds until the list must have done what a trial waits for, on a machine that has much else to do.
PATIENCE = 90.0


class House:
    """One list in a folder. `database` is its URL, or "" for SQLite in the state folder."""

    def __init__(self, folder: Path, *, database: str = "", state: Path | None = None, **sections: Any) -> None:
        self.folder = folder
        self.state = state or folder / "state"
        self.dns, self.collector, self.web = free_port(), free_port(), free_port()
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        self.config = folder / "config.toml"
        ours: dict[str, dict[str, Any]] = {
            "service": {"state_dir": str(self.state)},
            "database": {"url": database},
            "dns": {"listen": [f"127.0.0.1:{self.dns}"], "zones_dir": str(ROOT / "zones"), "poll": 0.05},
            "tester": {
                "source_addresses": ["127.0.0.1"],
                "collector_domain": "c.test",
                "bounce_domain": "b.test",
                "lab_networks": ["127.0.0.0/8"],
                "lease": 1,
            },
            "collector": {"listen": [f"127.0.0.1:{self.collector}"]},
            "web": {"listen": f"127.0.0.1:{self.web}"},
        }
        for name, section in sections.items():
            ours[name] = ours.get(name, {}) | section
        self.config.write_text(
            "\n".join(
                f"[{name}]\n" + "\n".join(f"{key} = {json.dumps(value)}" for key, value in section.items())
                for name, section in ours.items()
            )
            + "\n",
            encoding="utf-8",
        )
        self.log = folder / "log"
        self.processes: list[subprocess.Popen[bytes]] = []

    # -- commands and processes ----------------------------------------------------------------------------
    def dnsbl(self, *words: str, expect: int = 0, before: Iterable[str] = ()) -> Any:
        """Run a command with --json to its end; its document, or what it wrote to stderr when it should fail."""
        argv = [*before, sys.executable, "-m", "dnsbl", *words, "--config", str(self.config), "--json"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)
        assert done.returncode == expect, f"{' '.join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout) if expect == 0 else done.stderr

    def start(
        self, *words: str, before: Iterable[str] = (), env: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start `dnsbl serve` with these words, `before` it whatever it runs under; it is not waited for."""
        argv = [*before, sys.executable, "-m", "dnsbl", "serve", *words, "--config", str(self.config), "--json"]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | (env or {})
            )
        self.processes.append(process)
        return process

    def serve(
        self, *words: str, before: Iterable[str] = (), env: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start it, and wait until it says where it listens."""
        known = self.said().count('{"listening"')
        process = self.start(*words, before=before, env=env)

        def ready() -> bool:
            assert process.poll() is None, f"serve ended with {process.returncode}\n{self.said()}"
            return self.said().count('{"listening"') > known

        self.until("serve to be ready", ready)
        return process

    def stop(self, process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> int:
        """End a process that was started here; returns how it ended."""
        process.send_signal(number)
        return process.wait(PATIENCE)

    def close(self) -> None:
        """End everything that still runs."""
        for process in self.processes:
            for pid in (*children(process.pid), process.pid) if process.poll() is None else ():
                _kill(pid)
            process.wait(PATIENCE)

    def said(self) -> str:
        """Everything that was logged so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def until(self, what: str, met: Callable[[], T], seconds: float = PATIENCE) -> T:
        """The first true value of `met`; fails, with the end of the log, when it does not come in time."""
        end = time.monotonic() + seconds
        while not (value := met()):
            assert time.monotonic() < end, f"waited {seconds:g} s in vain for {what}\n{self.said()[-6000:]}"
            time.sleep(0.05)
        return value

    # -- asking --------------------------------------------------------------------------------------------
    def ask(self, address: str, kind: str = "A", *, seconds: float = 1.0) -> str:
        """What DNS says of an address over UDP: a record's text, else the reply code's name, or SILENT."""
        query = dns.message.make_query(f"{reversed_labels(parse_address(address))}.{ZONE}", kind)
        try:
            reply = dns.query.udp(query, "127.0.0.1", port=self.dns, timeout=seconds)
        except (dns.exception.DNSException, OSError):
            return "SILENT"
        wanted = dns.rdatatype.from_text(kind)
        records = [data.to_text() for rrset in reply.answer if rrset.rdtype == wanted for data in rrset]
        return records[0] if records else dns.rcode.to_text(reply.rcode())

    def page(self, path: str) -> tuple[int, str]:
        """Status and text of a page; status 0 when nobody answers."""
        try:
            with urlopen(f"http://127.0.0.1:{self.web}{path}", timeout=5) as reply:
                return reply.status, reply.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()
        except (URLError, OSError):
            return 0, ""

    def ready(self) -> tuple[int, dict[str, Any]]:
        """Status and document of /readyz."""
        status, text = self.page("/readyz")
        return status, json.loads(text) if text else {}


class Asking:
    """Asks one question all the time, in a thread; `with` it, and afterwards `answers` and `lost` tell."""

    def __init__(self, house: House, address: str) -> None:
        self._house, self._address = house, address
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self.answers: list[str] = []  #: each answer once, in the order in which they changed
        self.lost = 0
        self.asked = 0

    def __enter__(self) -> Asking:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._enough.wait(0.01):
            answer = self._house.ask(self._address)
            self.asked += 1
            self.lost += answer == "SILENT"
            if answer not in self.answers[-1:]:
                self.answers.append(answer)


def children(pid: int) -> list[int]:
    """The processes that this one has started and that still live."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
