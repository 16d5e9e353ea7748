"""The transparency log in the hands of another make: Go's packages `sumdb/note` and `sumdb/tlog` (Debian's
golang-golang-x-mod-dev), which know nothing of us but the key."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dnsbl.log import merkle, note, tiles
from dnsbl.log.checkpoint import Checkpoint
from dnsbl.log.tiles import Tree
from dnsbl.opened import open_list

HERE = Path(__file__).parent
ORIGIN = "relays.example.org/log"
#: More leaves than a tile of tiles has; the second one of level 1 has one hash.
NETWORKS = 66_000


@pytest.fixture(scope="module")
def check(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """The program, built without a network; it runs without one too."""
    if shutil.which("go") is None:
        pytest.fail("Go is needed: run tests/strangers/install as root", pytrace=False)
    folder = tmp_path_factory.mktemp("go")
    built = folder / "check"
    environment = os.environ | {
        "GO111MODULE": "off",
        "GOPATH": "/usr/share/gocode",
        "GOCACHE": str(folder / "cache"),
        "GOFLAGS": "",
        "GOPROXY": "off",
    }
    build = ["unshare", "-n", "go", "build", "-o", str(built), str(HERE / "gocheck" / "check.go")]
    subprocess.run(build, check=True, env=environment, cwd=folder, timeout=300)

    def run(*words: str, fails: bool = False) -> Any:
        done = subprocess.run(["unshare", "-n", str(built), *words], capture_output=True, text=True, timeout=120)
        assert (done.returncode != 0) == fails, done.stderr
        return done.stderr if fails else json.loads(done.stdout)

    return run


def dnsbl(config: Path, *words: str) -> Any:
    command = [sys.executable, "-m", "dnsbl", *words, "--config", str(config), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A list with its log in a folder, as its own commands make it: small, then past a tile of the second level."""
    folder = tmp_path_factory.mktemp("list")
    (folder / "zones").mkdir()
    zone = (HERE.parents[1] / "zones" / "relays.example.org.toml").read_text(encoding="utf-8")
    (folder / "zones" / "z.toml").write_text(zone, encoding="utf-8")
    path = folder / "config.toml"
    path.write_text(f'[tlog]\norigin = "{ORIGIN}"\nfolder = "log"\n', encoding="utf-8")
    dnsbl(path, "exclude", "192.0.2.0/24", "--reason", "a first entry")
    dnsbl(path, "log", "keep")
    shutil.copytree(folder / "log", folder / "before")
    networks = folder / "networks"
    networks.write_text("".join(f"11.{n >> 16}.{n >> 8 & 255}.{n & 255}\n" for n in range(NETWORKS)), encoding="ascii")
    dnsbl(path, "listing", "add", "--from", str(networks), "--kind", "manual", "--reason", "many")
    dnsbl(path, "log", "keep")
    return path


def key_of(config: Path) -> str:
    found: str = dnsbl(config, "log", "key")["keys"][-1]["key"]
    return found


def test_go_reads_our_tiles_leaves_and_proofs_and_finds_them_right(config: Path, check: Any, tmp_path: Path) -> None:
    proving = open_list(config).casework.proving
    head = Checkpoint.read(note.parts(proving.newest() or "")[0])
    old = Checkpoint.read(note.parts((config.parent / "before" / "checkpoint").read_bytes())[0])
    assert head.size > 65536 > old.size > 0
    files = []
    for index in (0, 1, 255, 256, 65535, 65536, head.size - 1):
        files.append(tmp_path / f"{index}.tlog-proof")
        files[-1].write_text(proving.proof(index).text, encoding="utf-8")
    for size in (old.size, 256, 300, 65536, head.size - 1):
        first = [merkle.root(size, tree_of(proving, head.size)), *proving.consistency(size, head.size)]
        root, *hashes = (b64encode(octets).decode() for octets in first)
        files.append(tmp_path / f"old-{size}")
        files[-1].write_text("\n".join([f"old {size} {root}", *hashes]) + "\n\n", encoding="ascii")
    found = check(str(config.parent / "log"), key_of(config), *map(str, files))
    assert found == {"size": head.size, "proofs": len(files)}
    assert check(str(config.parent / "before"), key_of(config))["size"] == old.size


def tree_of(proving: Any, size: int) -> Tree:
    return Tree(size, lambda tile: proving.content(tile) or b"")


@pytest.mark.parametrize("place", ["checkpoint", "tile/0/000", "tile/1/001", "tile/entries/000"])
def test_go_refuses_what_was_changed(config: Path, check: Any, tmp_path: Path, place: str) -> None:
    shutil.copytree(config.parent / "log", tmp_path / "log")
    path = tmp_path / "log" / place
    if not path.exists():
        (path,) = path.with_name(f"{path.name}.p").iterdir()  # what is not full has its width in its name
    content = bytearray(path.read_bytes())
    content[8] ^= 1
    path.write_bytes(content)
    assert check(str(tmp_path / "log"), key_of(config), fails=True)


def test_go_refuses_a_proof_by_tiles_of_which_any_of_two_hundred_bits_is_another_one(
    config: Path, check: Any, tmp_path: Path
) -> None:
    head = Checkpoint.read(note.parts((config.parent / "log" / "checkpoint").read_bytes())[0])
    chance, lines = random.Random(6962), []
    shown = {level: [tile for tile in tiles.grown_tiles(0, head.size) if tile.level == level] for level in range(3)}
    for turn in range(200):
        tile = chance.choice(shown[turn % 3])
        bit, under = chance.randrange(tile.width * merkle.OCTETS * 8), chance.randrange(tile.width)
        lines.append(f"{tile.path} {bit} {(tile.number * tiles.WIDTH + under) << tiles.HEIGHT * tile.level}\n")
    path = tmp_path / "flips"
    path.write_text("".join(lines), encoding="ascii")
    assert check("flips", str(config.parent / "log"), key_of(config), str(path)) == {"of": 200, "refused": 200}


def test_we_read_what_go_has_signed(check: Any) -> None:
    text = Checkpoint(ORIGIN, 7, bytes(32)).text
    made = check("sign", ORIGIN, text)
    key = note.Verifier.read(made["vkey"])
    assert note.verified(made["note"], [key]).text == text
    assert key.vkey == made["vkey"]
