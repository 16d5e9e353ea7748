"""Tiles and bundles."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.errors import Damaged
from dnsbl.log import merkle, tiles
from dnsbl.log.tiles import ENTRIES, Tile, Tree
from tests.dnsbl.log.samples_of_trees import VECTORS, fetched, grown, leaves, root_by_the_book

THEIRS = VECTORS["tiles"]


def test_paths_are_those_of_the_specification() -> None:
    assert Tile(0, THEIRS["number"]).path == f"tile/0/{THEIRS['written']}"
    named = [Tile(ENTRIES, THEIRS["size"] >> 8, THEIRS["size"] % 256), *tiles.edge(THEIRS["size"])]
    assert [tile.path for tile in named] == THEIRS["partial"]
    assert [tile.path for tile in tiles.edge(256)] == ["tile/1/000.p/1"]


@given(st.integers(ENTRIES, 63), st.integers(0, tiles.NUMBER_MOST - 1), st.integers(1, 256))
def test_a_path_is_read_again(level: int, number: int, width: int) -> None:
    assert Tile.read(Tile(level, number, width).path) == Tile(level, number, width)


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/1",
        "tile/0/0001",
        "tile/00/001",
        "tile/64/001",
        "tile/-1/001",
        "tile/data/001",
        "tile/0/123/456",
        "tile/0/x000/001",
        "tile/0/x001/x234/67",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/05",
        "tile/0/001/",
        "tile/0/\u0660\u0660\u0661",
        "tile/0/" + "x999/" * 6 + "999",
        "/tile/0/001",
        "tile/0/001\n",
    ],
)
def test_what_is_no_path_of_a_tile_is_told(path: str) -> None:
    with pytest.raises(ValueError):
        Tile.read(path)


def test_the_greatest_number_of_a_tile_is_the_specifications() -> None:
    assert Tile.read(Tile(0, 2**56 - 1).path).number == 2**56 - 1
    with pytest.raises(ValueError):
        Tile.read(Tile(0, 2**56).path)


@pytest.mark.parametrize(
    ("tile", "size"), [(Tile(0, 1, 3), 259), (Tile(ENTRIES, 1, 3), 259), (Tile(1, 0, 2), 512), (Tile(2, 0), 1 << 24)]
)
def test_a_tile_is_in_a_tree_as_soon_as_that_is_large_enough(tile: Tile, size: int) -> None:
    assert tile.within(size) and not tile.within(size - 1)


def test_a_tree_that_fills_a_tile_has_no_empty_one_beside_it() -> None:
    assert list(tiles.grown_tiles(0, 256)) == [Tile(ENTRIES, 0), Tile(0, 0), Tile(1, 0, 1)]


def test_what_did_not_change_is_not_written_again() -> None:
    assert tiles.grow(3, {0: bytes(96)}, []) == {}
    assert tiles.grow(259, {0: bytes(96), 1: bytes(32)}, leaves(1)).keys() == {(0, 1)}


@given(st.lists(st.integers(1, 400), min_size=1, max_size=4))
def test_a_tree_that_grew_in_steps_is_the_one_that_was_made_at_once(steps: list[int]) -> None:
    size, found = grown(steps)
    assert found == grown([size])[1]
    tree = Tree(size, partial(fetched, found))
    assert merkle.root(size, tree) == root_by_the_book(leaves(size))
    middle = size // 2
    proof = merkle.consistency(middle, size, tree)
    before = root_by_the_book(leaves(size)[:middle]) if middle else merkle.EMPTY
    merkle.check_consistency(middle, before, size, merkle.root(size, tree), proof)
    assert merkle.root(middle, tree) == before


def test_what_grows_is_read_at_its_edge_alone() -> None:
    size, found = grown([65536 + 300])
    asked: list[Tile] = []

    def fetch(tile: Tile) -> bytes:
        asked.append(tile)
        return fetched(found, tile)

    merkle.root(size, Tree(size, fetch))
    assert asked == list(tiles.edge(size))[::-1]
    huge = 100_000_001
    assert len(list(tiles.edge(huge))) == 4
    new = list(tiles.grown_tiles(huge, huge + 60))
    assert len(new) == 2 and all(tile.within(huge + 60) and not tile.within(huge) for tile in new)


@given(st.integers(0, 3000), st.integers(1, 3000))
def test_tiles_that_are_new_are_those_that_the_larger_tree_has_and_the_smaller_has_not(old: int, more: int) -> None:
    def every(size: int) -> set[Tile]:
        return set(tiles.grown_tiles(0, size))

    new = set(tiles.grown_tiles(old, old + more))
    assert every(old + more) - every(old) <= new <= every(old + more)
    assert all(tile.within(old + more) for tile in new)


def test_an_edge_that_is_not_the_trees_is_told() -> None:
    with pytest.raises(Damaged, match="at the edge of level 0 does not have its 3 hashes"):
        tiles.grow(3, {0: bytes(64)}, leaves(1))
    with pytest.raises(Damaged, match=r"tile/0/000\.p/3 does not have its 3 hashes"):
        merkle.root(3, Tree(3, lambda tile: bytes(64)))
    with pytest.raises(ValueError):
        Tree(3, lambda tile: bytes(96))(2, 0)


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_gives_its_entries_back(found: list[bytes]) -> None:
    assert tiles.entries(tiles.bundle(found)) == found


def test_a_bundle_that_ends_within_an_entry_is_told_and_too_long_an_entry_not_taken() -> None:
    whole = tiles.bundle([b"abc", bytes(tiles.ENTRY_MOST)])
    for cut in (1, 3, 6, len(whole) - 1):
        with pytest.raises(Damaged):
            tiles.entries(whole[:cut])
    with pytest.raises(ValueError):
        tiles.bundle([bytes(tiles.ENTRY_MOST + 1)])
