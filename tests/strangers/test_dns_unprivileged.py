"""The responder as nobody: port 53 by one capability, a file system that it cannot write, nothing more."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
BIND_ONLY = 1 << 10  # CAP_NET_BIND_SERVICE, capabilities(7)
#: Alone in a network and a mount namespace: loopback, everything read-only but the state directory; then nobody.
SCRIPT = """
set -e
ip link set lo up
mount --make-rprivate /
mount --bind "$1/state" "$1/state"
for at in / "$(stat -c %m "$1")"; do mount -o remount,bind,ro "$at"; done
cd "$1"
shift
exec setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs --bounding-set=-all,+net_bind_service \
    --inh-caps=-all,+net_bind_service --ambient-caps=-all,+net_bind_service "$@"
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="nobody-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "zones").symlink_to(ROOT / "zones")
        (folder / "state").mkdir(mode=0o777)
        (folder / "state").chmod(0o777)
        (folder / "config.toml").write_text('[dns]\nlisten = ["127.0.0.1:53", "[::1]:53"]\n')
        yield folder


@pytest.fixture
def server(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    serve = [sys.executable, "-B", "-m", "dnsbl", "serve", "-c", str(folder / "config.toml"), "--only", "dns"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["unshare", "--net", "--mount", "sh", "-c", SCRIPT, "sh", str(folder), *serve],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": str(ROOT), "HOME": "/nonexistent"},
        )
        try:
            until = time.monotonic() + 20
            while b"ready" not in (folder / "log").read_bytes():
                assert process.poll() is None and time.monotonic() < until, (folder / "log").read_text()
                time.sleep(0.1)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def inside(server: subprocess.Popen[bytes], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["nsenter", "-t", str(server.pid), "--net", "--mount", *words], capture_output=True, text=True, timeout=20
    )


def test_b50_nobody_answers_on_port_53_with_one_capability_and_a_read_only_system(
    server: subprocess.Popen[bytes], folder: Path
) -> None:
    status = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{server.pid}/status").read_text().splitlines() if ":\t" in line
    )
    assert set(status["Uid"].split()) == set(status["Gid"].split()) == {str(NOBODY)}
    assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {BIND_ONLY}
    assert status["NoNewPrivs"] == "1"
    for place in ("/etc", "/usr", str(folder)):
        assert "Read-only" in inside(server, "touch", f"{place}/nobody-was-here").stderr
    for words in (("127.0.0.1",), ("127.0.0.1", "+tcp"), ("::1",), ("::1", "+tcp")):
        asked = inside(
            server, "dig", "+short", "+time=3", f"@{words[0]}", *words[1:], "2.0.0.127.relays.example.org", "A"
        )
        assert asked.stdout == "127.0.0.2\n", asked.stdout + asked.stderr
    server.terminate()
    assert server.wait(10) == 0
    assert (folder / "state" / "table").is_file()
