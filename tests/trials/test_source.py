"""What is built from the source: the archive that holds all of it; a wheel made of that archive alone, which any Linux
can take and which needs no compiler; and the lines of docs/install.md for machines without our package, as they stand.

Whoever types them has a view of this machine whose /opt, /etc, /usr/bin and home keep nothing. pip fetches what is
needed.
"""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

ROOT = Path(__file__).resolve().parents[2]
FAST = {"CFLAGS": "-O0"}
#: cibuildwheel, whose own images of Linux cannot be had here, and what it uses to look at wheels.
WHEELS = Path("/var/cache/dnsbl-strangers/wheels")
TOOLS = {"PYTHONPATH": str(WHEELS)}
#: Folders that keep nothing of what is typed.
FORGETFUL = ("/opt", "/etc", "/usr/bin", "/root")


def done(words: list[str], folder: Path, environment: Mapping[str, str] = MappingProxyType({})) -> str:
    env = os.environ | FAST | environment
    ran = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=1500)
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    return ran.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source as it is handed on: what git knows, and nothing that was built."""
    folder = tmp_path_factory.mktemp("source")
    for name in done(["git", "ls-files", "-z"], ROOT).split("\0")[:-1]:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def archive(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sdist")
    build = f"from setuptools import build_meta; build_meta.build_sdist({str(out)!r})"
    done([sys.executable, "-c", build], source)
    (made,) = out.glob("dnsbl_relays-*.tar.gz")
    return made


def parts(source: Path) -> set[str]:
    """What both packages consist of."""
    files = (path for name in ("dnsbl", "tester") for path in (source / name).rglob("*") if path.is_file())
    return {
        str(path.relative_to(source))
        for path in files
        if path.suffix not in (".c", ".so", ".pyc") and path.name != "README.md"
    }


def test_the_archive_holds_all_that_it_is_built_of_and_nothing_that_was_built(archive: Path, source: Path) -> None:
    with tarfile.open(archive) as tar:
        held = {each.name.partition("/")[2] for each in tar.getmembers() if each.isfile()}
    known = {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()}
    built = {name for name in known if ".egg-info/" in name or name.endswith((".c", ".so"))}
    assert {"tests/conftest.py", "bench/dns.py", "docs/install.md"} <= known
    assert {name for name in held if ".egg-info/" not in name} - {"PKG-INFO", "setup.cfg"} == known - built


@pytest.fixture(scope="module")
def wheel(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    done([*pip, "-w", str(folder), str(archive)], folder)
    (made,) = folder.glob("*.whl")
    return made


def test_a_wheel_of_the_archive_alone_has_the_compiled_engine_and_all_data(wheel: Path, source: Path) -> None:
    with zipfile.ZipFile(wheel) as zipped:
        held = set(zipped.namelist())
    assert parts(source) <= held
    compiled = {re.sub(r"\..*", "", name) for name in held if name.endswith(".so")}
    assert compiled == {"dnsbl/dns/engine/_compiled", "dnsbl/dns/sources/_swift"}


def test_wheels_are_built_for_linux_and_every_python_that_we_name() -> None:
    tool = [sys.executable, "-m", "cibuildwheel", "--print-build-identifiers", "--archs", "all", "--platform"]
    linux, *others = ([*done([*tool, platform], ROOT, TOOLS).split()] for platform in ("linux", "macos", "windows"))
    assert others == [[], []]
    assert {name.partition("-")[0] for name in linux} == {"cp311", "cp312", "cp313", "cp314"}
    for python in ("cp311", "cp314"):
        for libc in ("manylinux", "musllinux"):
            assert {f"{python}-{libc}_x86_64", f"{python}-{libc}_aarch64"} <= set(linux)
    assert not [name for name in linux if name.endswith("i686")]


def test_the_wheel_suits_old_systems_and_answers_compiled_where_there_is_no_compiler(
    wheel: Path, tmp_path: Path
) -> None:
    repair = [sys.executable, "-m", "auditwheel", "repair", "-w", str(tmp_path), str(wheel)]
    done(repair, tmp_path, TOOLS | {"PATH": f"{WHEELS}/bin:{os.environ['PATH']}"})
    (repaired,) = tmp_path.glob("*.whl")
    assert "manylinux_2_17_" in repaired.name
    done([sys.executable, "-m", "venv", str(tmp_path / "fresh")], tmp_path)
    (tmp_path / "bare").mkdir()
    for name in ("sh", "grep"):
        (tmp_path / "bare" / name).symlink_to(str(shutil.which(name)))
    bare = {"PATH": f"{tmp_path}/fresh/bin:{tmp_path}/bare"}
    done([str(tmp_path / "fresh/bin/pip"), "install", "-q", str(repaired)], tmp_path, bare)
    tried = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["cibuildwheel"]["test-command"]
    assert done(["sh", "-c", tried], tmp_path, bare).startswith("dnsbl ")


def test_the_lines_for_other_machines_found_a_list_as_they_stand(source: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs/install.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"^## Elsewhere, from the source\n+```sh\n(.*?)```", page, re.DOTALL | re.MULTILINE)
    mounts = [f"mount -t tmpfs none {tmp_path}"]
    for number, place in enumerate(FORGETFUL):
        kept = tmp_path / str(number)
        mounts.append(f"mkdir -p {kept}/upper {kept}/work")
        mounts.append(f"mount -t overlay -o lowerdir={place},upperdir={kept}/upper,workdir={kept}/work none {place}")
    looks = ["cat /etc/dnsbl/config.toml", "dnsbl --version", "ls /etc/dnsbl/zones", "grep -rl dnsbl ~/.bash*"]
    script = "\n".join(["set -e", *mounts, lines, "echo == looked at", *looks])
    (source / "typed").write_text(script)
    said = typed(["unshare", "-m", "bash", "typed"], source, "relays.your-domain.net\n81.2.69.142\n\n\n")
    assert 'state_dir = "/var/lib/dnsbl"' in said, said[-3000:]
    assert "engine: compiled" in said
    assert "relays.your-domain.net.toml" in said
    assert ".bash" in said.rpartition("relays.your-domain.net.toml")[2]
    assert not Path("/etc/dnsbl").exists()


def typed(words: list[str], folder: Path, answers: str) -> str:
    """What a command prints on a terminal whose reader answers so. Raises AssertionError where it fails."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execvpe(words[0], words, os.environ | FAST | {"HOME": "/root", "SHELL": "/bin/bash"})
    os.write(terminal, answers.encode())
    said = b""
    while True:
        try:
            said += (more := os.read(terminal, 4096))
        except OSError:  # nobody holds the other end any more
            break
        if not more:
            break
    _, status = os.waitpid(pid, 0)
    text = said.decode(errors="replace")
    assert status == 0, text[-3000:]
    return text
