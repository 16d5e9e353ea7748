"""Trees as the tests of the log need them, and others' facts about them."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dnsbl.log.merkle import Hashes, leaf_hash, node_hash
from dnsbl.log.tiles import Tile, edge, grow

VECTORS: dict[str, Any] = tomllib.loads(
    (Path(__file__).parents[2] / "vectors" / "log" / "vectors.toml").read_text(encoding="utf-8")
)


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(b"leaf %d" % number) for number in range(count)]


def root_by_the_book(hashes: Sequence[bytes]) -> bytes:
    """RFC 6962 2.1, word for word."""
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return node_hash(root_by_the_book(hashes[:split]), root_by_the_book(hashes[split:]))


def at(hashes: Sequence[bytes]) -> Hashes:
    return lambda height, number: root_by_the_book(hashes[number << height : (number + 1) << height])


def grown(steps: Sequence[int]) -> tuple[int, dict[tuple[int, int], bytes]]:
    """A tree that has grown by these numbers of leaves, one step after the other: its size and its tiles."""
    tiles: dict[tuple[int, int], bytes] = {}
    every, size = leaves(sum(steps)), 0
    for step in steps:
        known = {tile.level: tiles[tile.level, tile.number] for tile in edge(size)}
        tiles |= grow(size, known, every[size : size + step])
        size += step
    return size, tiles


def fetched(tiles: dict[tuple[int, int], bytes], tile: Tile) -> bytes:
    return tiles[tile.level, tile.number]
