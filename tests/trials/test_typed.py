"""Blocks of shell on pages that need nothing but a list, typed as they stand, one after another, in a folder where the
example's configuration is tried and then a list is at work, in a network of its own without a way out.

What else is typed, and where, is told in tests/house/test_blocks.py.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from email.utils import format_datetime
from pathlib import Path

import pytest

from dnsbl.clock import SystemClock
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
#: Seconds that anything may take on a machine that is busy.
PATIENCE = 300
SPAM = """Received: from relay.example.net (relay.example.net [203.0.113.9])
\tby mx.example.org with SMTP id 4711 for <ada@example.org>; {now}
From: somebody@example.net
To: ada@example.org
Subject: offer

Buy now.
"""
#: The pages and the beginnings of the blocks, in the order in which they are typed.
TYPED = (
    ("README.md", "cp config.example.toml"),
    ("README.md", "dnsbl init --list"),
    ("README.md", "dnsbl nominate --evidence"),
    ("README.md", "dnsbl lookup"),
    ("README.md", "dnsbl survey run"),
    ("docs/survey.md", "dnsbl survey report"),
    ("docs/doors.md", "dnsbl candidates import"),
    ("docs/secondaries.md", "dnsbl export"),
    ("docs/retention.md", "dnsbl forget"),
    ("docs/recovery.md", "dnsbl purge"),
)
#: What a reader puts in the place of words of a page.
OWN = {"YOUR-ADDRESS": "81.2.69.142", "SOURCE": "ann", "operator alice": "operator root"}
#: What must be there before a block is typed.
BEFORE = {
    "dnsbl nominate --evidence": "dnsbl db upgrade && dnsbl reporter add ann --contact ann@example.org",
    "dnsbl survey report": "dnsbl survey run winter --range 203.0.113.0/24",
    "dnsbl candidates import": "printf '203.0.113.7\\n203.0.113.8\\n' > old-list.txt"
    " && dnsbl candidates import old-list.txt --reason theirs",
    "dnsbl export": "mkdir -p /var/lib/rbldns",
}
#: A list that may look at the networks of examples, and is called by names of its own.
SETTINGS = {
    "DNSBL_TESTER__LAB_NETWORKS": '["203.0.113.0/24"]',
    "DNSBL_TESTER__SOURCE_ADDRESSES": '["127.0.0.1"]',
    "DNSBL_SURVEY__AUTHORIZED_NETWORKS": '["203.0.113.0/24"]',
}


def block(page: str, beginning: str) -> str:
    """The one block of the page that begins so, as its reader types it."""
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (found,) = [each for language, each in blocks if language in ("", "sh") and each.startswith(beginning)]
    for word, own in OWN.items():
        found = found.replace(word, own)
    return found


class Desk:
    """A folder, a network and a /var/lib of one's own, and what was begun there and goes on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        own = "ip link set lo up; mount -t tmpfs none /var/lib; touch begun; exec sleep infinity"
        self._room = subprocess.Popen(["unshare", "-n", "-m", "sh", "-c", own], cwd=folder)
        self._served: list[subprocess.Popen[bytes]] = []
        asyncio.run(until((folder / "begun").exists, within=PATIENCE, pause=0.1))

    def _inside(self, line: str) -> list[str]:
        path = f"{ROOT}/.venv/bin:{os.environ['PATH']}"
        words = ["nsenter", "-t", str(self._room.pid), "-n", "-m", f"--wd={self._folder}", "env", f"PATH={path}"]
        return [*words, *(f"{name}={value}" for name, value in SETTINGS.items()), "bash", "-ec", line]

    def types(self, lines: str) -> str:
        """What these lines print; each must end with 0, and a list that is begun goes on until `leaves`."""
        said = []
        for line in lines.replace("\\\n", " ").splitlines():
            if re.search(r"\bdnsbl serve\b", line):
                self._serves(line)
                continue
            done = subprocess.run(
                self._inside(line), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE
            )
            assert done.returncode == 0, f"{line}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
            said.append(done.stdout)
        return "".join(said)

    def _serves(self, line: str) -> None:
        with (self._folder / "serving").open("wb") as log:
            serving = subprocess.Popen(self._inside(f"exec {line}"), stdout=log, stderr=log)
        self._served.append(serving)

        def ready() -> bool:
            said = (self._folder / "serving").read_text(errors="replace")
            assert serving.poll() is None, said[-3000:]
            return "ready; " in said

        asyncio.run(until(ready, within=PATIENCE, pause=0.2))

    def leaves(self) -> None:
        """End what goes on."""
        for serving in self._served:
            serving.terminate()
            serving.wait(PATIENCE)
        self._served = []

    def close(self) -> None:
        self.leaves()
        self._room.kill()
        self._room.wait()


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with tempfile.TemporaryDirectory(prefix="dnsbl-typed-") as name:
        folder = Path(name)
        for there in ("config.example.toml", "zones", ".venv", "contrib"):
            (folder / there).symlink_to(ROOT / there)
        (folder / "spam.eml").write_text(SPAM.format(now=format_datetime(SystemClock().now())))
        made = Desk(folder)
        yield made
        made.close()


@pytest.mark.parametrize(("page", "beginning"), TYPED, ids=[f"{page}: {beginning}" for page, beginning in TYPED])
def test_a_block_is_typed_as_it_stands(desk: Desk, page: str, beginning: str) -> None:
    desk.types(BEFORE.get(beginning, "true"))
    desk.types(block(page, beginning))
    desk.leaves()
