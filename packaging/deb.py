"""A package for Debian 12, whose own libraries are too old: it carries its Python environment in /usr/lib/dnsbl.

usage: deb.py FOLDER [KEPT]. Writes FOLDER/dnsbl-relays_VERSION_ARCH.deb; libraries are fetched once into KEPT, by
`packaging/requirements.lock` and its hashes. Needs dpkg-deb, a C compiler, a Python of the version that Debian has, and
what `make` sets up.

The environment is a venv(5) without pip: its `python3` is Debian's, so that security updates of Python reach us.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / "packaging"
LOCK = HERE / "requirements.lock"
NAME = "dnsbl-relays"
#: Debian 12's, whose ABI what is compiled must have.
PYTHON = (3, 11)
HOME = "usr/lib/dnsbl"
COMMAND = """#!/usr/lib/dnsbl/bin/python3 -I
import sys

from dnsbl.cli import main

sys.exit(main())
"""
CONTROL = """Package: {name}
Version: {version}
Architecture: {arch}
Maintainer: {maintainer}
Section: net
Priority: optional
Installed-Size: {size}
Depends: python3 (>= 3.11~), python3 (<< 3.12~), libc6, adduser | passwd, init-system-helpers,
 systemd | systemd-standalone-sysusers | systemd-sysusers, systemd | systemd-standalone-tmpfiles | systemd-tmpfiles
Recommends: systemd
Suggests: postgresql, bind9-dnsutils
Description: DNS blocklist of proven open mail relays
 Lists open mail relays, and only those that it has proven: suspects are
 nominated with the spam that came through them, tested by letters of our
 own, listed when one really comes back, and delisted by a retest.
 .
 Holds the DNS server, tester, collector, scheduler, pages and API, with
 units for systemd. Its Python libraries are in /usr/lib/dnsbl.
"""
#: Where each of these goes.
FILES = {
    "systemd/dnsbl.service": "usr/lib/systemd/system/dnsbl.service",
    "systemd/dnsbl@.service": "usr/lib/systemd/system/dnsbl@.service",
    "systemd/dnsbl.target": "usr/lib/systemd/system/dnsbl.target",
    "systemd/dnsbl.socket": "usr/lib/systemd/system/dnsbl.socket",
    "systemd/dnsbl.sysusers": "usr/lib/sysusers.d/dnsbl.conf",
    "systemd/dnsbl.tmpfiles": "usr/lib/tmpfiles.d/dnsbl.conf",
}
COMPLETIONS = {
    "bash": "usr/share/bash-completion/completions/dnsbl",
    "zsh": "usr/share/zsh/vendor-completions/_dnsbl",
    "fish": "usr/share/fish/vendor_completions.d/dnsbl.fish",
}


def run(*words: str | Path, env: dict[str, str] | None = None) -> str:
    """Run a command; returns what it printed. Ends this program where it fails."""
    done = subprocess.run(words, text=True, stdout=subprocess.PIPE, env=os.environ | (env or {}), cwd=ROOT)
    if done.returncode:
        sys.exit(f"{done.stdout}{Path(words[0]).name} failed: {' '.join(map(str, words[1:]))}")
    return done.stdout


def environment(tree: Path, own: Path, kept: Path) -> None:
    """The environment: libraries by their hashes, ours compiled, and the command."""
    home = tree / HOME
    site = home / "lib" / f"python{PYTHON[0]}.{PYTHON[1]}" / "site-packages"
    site.mkdir(parents=True)
    (home / "bin").mkdir()
    (home / "bin/python3").symlink_to("/usr/bin/python3")
    (home / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11\n")
    pip: Sequence[str] = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    quiet = ("-q", "--no-deps", "--no-compile", "--target", str(site))
    fetched(pip, kept)
    offline = ("--no-build-isolation", "--no-index", "--find-links", str(kept), "--require-hashes", "-r", str(LOCK))
    run(*pip, "install", *quiet, *offline)
    run(*pip, "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(own), str(source(own / "source")))
    run(*pip, "install", *quiet, *map(str, own.glob("*.whl")))
    shutil.rmtree(site / "bin", ignore_errors=True)
    form = ("-q", "-x", "olefile2", "--invalidation-mode", "unchecked-hash")  # olefile2 is for Python 2
    run(sys.executable, "-m", "compileall", *form, "-s", tree, "-p", "/", site)
    command = home / "bin/dnsbl"
    command.write_text(COMMAND)
    command.chmod(0o755)
    (tree / "usr/bin").mkdir()
    (tree / "usr/bin/dnsbl").symlink_to("../lib/dnsbl/bin/dnsbl")
    bill = run(sys.executable, HERE / "sbom.py", site)
    papers(tree, bill)


def source(copy: Path) -> Path:
    """A copy of our source alone: what an older build has left must not get into the package."""
    for name in ("dnsbl", "tester"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.c"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    return copy


def fetched(pip: Sequence[str], kept: Path) -> None:
    """Have in `kept` what the lock names; nothing is asked for twice."""
    marker, lock = kept / "lock", LOCK.read_text(encoding="utf-8")
    if marker.is_file() and marker.read_text(encoding="utf-8") == lock:
        return
    sources = ("--only-binary", ":all:", "--no-binary", "dkimpy")  # which has no wheel, and nothing to compile
    run(*pip, "download", "-q", "--no-deps", *sources, "-d", str(kept), "--require-hashes", "-r", str(LOCK))
    put(marker, lock)


def papers(tree: Path, bill: str) -> None:
    """Manual pages, completion, documentation, licences and what it is made of."""
    with tempfile.TemporaryDirectory() as folder:
        run(sys.executable, HERE / "manual.py", folder)
        for page in Path(folder).iterdir():
            packed(tree / f"usr/share/man/man{page.suffix[1:]}/{page.name}.gz", page.read_bytes())
    for shell, place in COMPLETIONS.items():
        script = run(Path(sys.executable).with_name("dnsbl"), env={"_DNSBL_COMPLETE": f"source_{shell}"})
        put(tree / place, script.strip() + "\n")  # zsh looks at the first line
    docs = tree / "usr/share/doc" / NAME
    shutil.copytree(ROOT / "docs", docs / "docs")
    for paper in ("README.md", "ARCHITECTURE.md", "SECURITY.md", "config.example.toml"):
        shutil.copy(ROOT / paper, docs / paper)
    for page in (docs / "README.md", *docs.glob("docs/*.md")):
        put(page, page.read_text(encoding="utf-8").replace("contrib/", f"/{docs.relative_to(tree)}/examples/"))
    shutil.copy(ROOT / "LICENSE", docs / "copyright")
    packed(docs / "changelog.gz", (ROOT / "CHANGELOG.md").read_bytes())
    put(docs / "sbom.cdx.json", bill)
    for path in sorted((ROOT / "contrib").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            put(docs / "examples" / path.relative_to(ROOT / "contrib"), path.read_text(encoding="utf-8"))


def put(place: Path, text: str) -> None:
    """Write a file, and the folders above it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")


def packed(place: Path, content: bytes) -> None:
    """Write a file packed, the same octets each time."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(gzip.compress(content, 9, mtime=0))


def control(tree: Path, version: str) -> None:
    """What dpkg is told of the package."""
    files = sorted(path for path in tree.rglob("*") if path.is_file() and not path.is_symlink())
    sums = [f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(tree)}\n" for path in files]
    size = sum(path.stat().st_size for path in files) // 1024
    place = tree / "DEBIAN"
    place.mkdir()
    arch = run("dpkg", "--print-architecture").strip()
    maintainer = os.environ.get("DEBFULLNAME", "dnsbl-relays") + f" <{os.environ.get('DEBEMAIL', 'root@localhost')}>"
    words = CONTROL.format(name=NAME, version=version, arch=arch, maintainer=maintainer, size=size)
    put(place / "control", words)
    put(place / "md5sums", "".join(sums))
    for script in ("postinst", "prerm", "postrm"):
        shutil.copy(HERE / "debian" / script, place / script)
        (place / script).chmod(0o755)


def main(out: Path, kept: Path) -> None:
    """Build it."""
    if sys.version_info[:2] != PYTHON:
        sys.exit(f"Python {PYTHON[0]}.{PYTHON[1]} is needed, as Debian 12 has it.")
    version = (
        os.environ.get("DEBVERSION")
        or run(sys.executable, "-c", "from importlib.metadata import version; print(version('dnsbl-relays'))").strip()
    )
    os.umask(0o022)
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        environment(tree, Path(folder) / "own", kept)
        for source, place in FILES.items():
            put(tree / place, (HERE / source).read_text(encoding="utf-8"))
        control(tree, version)
        out.mkdir(parents=True, exist_ok=True)
        package = out / f"{NAME}_{version}_{run('dpkg', '--print-architecture').strip()}.deb"
        run("dpkg-deb", "--root-owner-group", "--build", tree, package)
    print(package)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT / "build" / "fetched")
