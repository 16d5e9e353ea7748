"""The image of Containerfile, built by Buildah on the Debian that `install` has made (nothing is pulled), founded and
run by the lines of docs/container.md as they stand, in a network of its own without a way out.

Only the steps of the build fetch something, Debian's packages and the libraries of the lock.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
DEBIAN = Path("/var/cache/dnsbl-strangers/debian")
ADDRESS = "81.2.69.142"
PAGE = (ROOT / "docs/container.md").read_text(encoding="utf-8").replace("YOUR-ADDRESS", ADDRESS)


class Builder:
    """Buildah with a store of its own."""

    def __init__(self, folder: Path) -> None:
        self._words = ["buildah", "--root", str(folder / "root"), "--runroot", str(folder / "run")]
        self._words += ["--storage-driver", "vfs"]
        self._inside: list[str] = []

    def does(self, *words: str, within: float = 120) -> str:
        done = subprocess.run([*self._words, *words], capture_output=True, text=True, timeout=within, cwd=ROOT)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout.strip()

    def runs(self, container: str, *words: str) -> list[str]:
        """A command line that runs these words in a container, as the image's user."""
        return [*self._words, "run", "--isolation", "chroot", container, "--", *words]


@pytest.fixture(scope="module")
def builder() -> Iterator[Builder]:
    with tempfile.TemporaryDirectory(prefix="dnsbl-image-") as name:
        folder = Path(name)
        yield Builder(folder)
        subprocess.run(["umount", "-q", str(folder / "root/vfs")], check=False)


@pytest.fixture(scope="module")
def image(builder: Builder, tmp_path_factory: pytest.TempPathFactory) -> str:
    base = builder.does("from", "scratch")
    builder.does("copy", "-q", base, str(DEBIAN), "/", within=300)
    folder = tmp_path_factory.mktemp("base")
    (folder / "unsafe").write_text("force-unsafe-io\n")  # what is built here lives for minutes
    builder.does("copy", "-q", base, str(folder / "unsafe"), "/etc/dpkg/dpkg.cfg.d/unsafe")
    if authorities := os.environ.get("PIP_CERT"):  # whom this machine believes when it fetches libraries
        (folder / "pip.conf").write_text("[global]\ncert = /etc/pip.crt\n")
        builder.does("copy", "-q", base, authorities, "/etc/pip.crt")
        builder.does("copy", "-q", base, str(folder / "pip.conf"), "/etc/pip.conf")
    builder.does("commit", "-q", base, "dnsbl-base", within=300)
    words = ["bud", "--format", "docker", "--isolation", "chroot", "--network", "host", "--pull-never"]
    words += ["--build-arg", "BASE=localhost/dnsbl-base", "-f", "Containerfile", "-t", "dnsbl-relays", "."]
    builder.does(*words, within=1500)
    return "localhost/dnsbl-relays"


def test_the_image_says_who_runs_what_where(builder: Builder, image: str) -> None:
    inspected: dict[str, Any] = json.loads(builder.does("inspect", "--type", "image", image))
    config = inspected["Docker"]["config"]
    assert (config["User"], config["Entrypoint"], config["Cmd"]) == ("dnsbl", ["dnsbl"], ["serve"])
    assert set(config["Volumes"]) == {"/etc/dnsbl", "/var/lib/dnsbl"}
    assert set(config["ExposedPorts"]) == {"53/udp", "53/tcp", "25/tcp", "8080/tcp"}
    assert config["Healthcheck"]["Test"][:2] == ["CMD", "/usr/bin/python3"]


def test_it_is_founded_and_answers_as_nobodys_root_and_is_well(builder: Builder, image: str) -> None:
    inspected: dict[str, Any] = json.loads(builder.does("inspect", "--type", "image", image))
    health = inspected["Docker"]["config"]["Healthcheck"]["Test"][1:]
    container = builder.does("from", "--pull-never", image, within=300)
    (founding,) = re.findall(r"docker compose run --rm --no-deps dnsbl (init .*)", PAGE)
    (question,) = re.findall(r"^(dig .*)$", PAGE, re.MULTILINE)
    assert builder.does("run", "--isolation", "chroot", container, "--", "id", "-un") == "dnsbl"
    compiler = subprocess.run(builder.runs(container, "which", "gcc", "pip"), capture_output=True, timeout=60)
    assert compiler.returncode
    net = subprocess.Popen(["unshare", "-n", "sleep", "infinity"])
    try:

        def typed(words: list[str], code: int = 0) -> str:
            inside = ["nsenter", "-t", str(net.pid), "-n", *words]
            done = subprocess.run(inside, capture_output=True, text=True, timeout=120)
            assert done.returncode == code, done.stdout + done.stderr
            return done.stdout

        def answered(line: str) -> str:
            inside = ["nsenter", "-t", str(net.pid), "-n", *shlex.split(line)]
            return subprocess.run(inside, capture_output=True, text=True, timeout=60).stdout

        def well(words: list[str]) -> bool:
            inside = ["nsenter", "-t", str(net.pid), "-n", *builder.runs(container, *words)]
            return subprocess.run(inside, capture_output=True, timeout=60).returncode == 0

        own = os.readlink("/proc/self/ns/net")
        asyncio.run(until(lambda: os.readlink(f"/proc/{net.pid}/ns/net") != own))
        typed(["sh", "-c", f"ip link set lo up; ip addr add {ADDRESS}/32 dev lo"])
        typed(builder.runs(container, "dnsbl", *shlex.split(founding)))
        typed(builder.runs(container, "dnsbl", "check-config"))
        typed(builder.runs(container, *health), code=1)
        serve = ["nsenter", "-t", str(net.pid), "-n", *builder.runs(container, "dnsbl", "serve")]
        with tempfile.TemporaryFile("w+") as log:
            serving = subprocess.Popen(serve, stdout=log, stderr=log)
            try:
                asyncio.run(until(lambda: answered(question) == "127.0.0.2\n", within=60, pause=0.5))
                asyncio.run(until(lambda: well(health), within=60, pause=0.5))
                assert serving.poll() is None
            except BaseException:
                log.seek(0)
                print(log.read()[-3000:])
                raise
            finally:
                serving.terminate()
                serving.wait(60)
    finally:
        net.kill()
        net.wait()
