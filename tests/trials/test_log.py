"""The transparency log of a list whose process is killed again and again: one root a size, nothing left out, and its
folder never stands for what is not there."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from dnsbl.log import checkpoint, merkle, note, tiles
from dnsbl.log.tiles import ENTRIES, Tile, Tree
from dnsbl.opened import open_list

ORIGIN = "relays.example.org/log"
KILLS, ENTERED = 12, 400


def test_a_log_whose_keeper_is_killed_again_and_again_never_tells_two_stories(tmp_path: Path) -> None:
    (tmp_path / "zones").mkdir()
    zone = Path(__file__).parents[2] / "zones" / "relays.example.org.toml"
    (tmp_path / "zones" / "z.toml").write_text(zone.read_text(encoding="utf-8"), encoding="utf-8")
    config = tmp_path / "config.toml"
    config.write_text(f'[tlog]\norigin = "{ORIGIN}"\nfolder = "log"\n', encoding="utf-8")
    opened = open_list(config)
    chance, seen = random.Random(7), dict[int, bytes]()
    for turn in range(KILLS + 1):
        with opened.store.write() as tx:
            for _ in range(ENTERED):
                tx.journal.append(at=opened.clock.now(), actor="x", subject="list", verb="odd", reason="operator")
        keeper = subprocess.Popen([sys.executable, "-m", "dnsbl", "log", "keep", "--config", str(config)])
        if turn < KILLS:
            time.sleep(chance.uniform(0.3, 2.5))  # anywhere between its start and its end
            keeper.send_signal(signal.SIGKILL)
        assert keeper.wait(120) == 0 or turn < KILLS
        keys = [note.Verifier.read(key.vkey) for key in opened.casework.proving.verifiers()]
        if (tmp_path / "log" / "checkpoint").exists():
            head, _ = checkpoint.opened((tmp_path / "log" / "checkpoint").read_bytes(), ORIGIN, keys)
            assert seen.setdefault(head.size, head.root) == head.root
            published(tmp_path / "log", head)
        with opened.store.read() as tx:
            kept = tx.log.newest()
            if kept is not None:
                assert seen.setdefault(kept.size, kept.root) == kept.root
                tree = Tree(kept.size, lambda tile: tx.log.content(tile) or b"")
                for size, root in seen.items():
                    assert merkle.root(size, tree) == root, "an older head is not what this one begins with"
    assert head.size == opened.casework.operators.verify_journal()
    opened.store.close()


def published(folder: Path, head: checkpoint.Checkpoint) -> None:
    """All that a head stands for is in the folder."""
    found: list[bytes] = []
    for number in range(-(-head.size // tiles.WIDTH)):
        tile = Tile(ENTRIES, number, min(tiles.WIDTH, head.size - number * tiles.WIDTH))
        found += tiles.entries((folder / tile.path).read_bytes())
    assert merkle.complete([merkle.leaf_hash(leaf) for leaf in found]) == head.root
    assert merkle.root(head.size, Tree(head.size, lambda tile: (folder / tile.path).read_bytes())) == head.root
