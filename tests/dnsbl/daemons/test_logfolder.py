"""The transparency log as a folder of files."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dnsbl.daemons import logfolder
from dnsbl.daemons.logfolder import HEAD, bring_up, published
from dnsbl.errors import Damaged, DnsblError
from dnsbl.log import checkpoint, merkle, note, tiles
from dnsbl.log.tiles import ENTRIES, Tile
from tests.dnsbl.conftest import Office

ORIGIN = "list.example/log"


@pytest.fixture
def office(make_office: Callable[..., Office], tmp_path: Path) -> Office:
    return make_office(service={"state_dir": str(tmp_path / "state")}, tlog={"origin": ORIGIN, "folder": str(tmp_path)})


def enter(office: Office, count: int) -> None:
    with office.store.write() as tx:
        for _ in range(count):
            tx.journal.append(at=office.clock.now(), actor="x", subject="list", verb="odd", reason="operator")


def checked(folder: Path, office: Office) -> checkpoint.Checkpoint:
    """The head in a folder, whose root its tiles and its leaves make."""
    keys = [note.Verifier.read(key.vkey) for key in office.casework.proving.verifiers()]
    head, _ = checkpoint.opened((folder / HEAD).read_bytes(), ORIGIN, keys)
    fetch = lambda tile: (folder / tile.path).read_bytes()  # noqa: E731
    assert merkle.root(head.size, tiles.Tree(head.size, fetch)) == head.root
    found: list[bytes] = []
    for number in range(-(-head.size // 256)):
        tile = Tile(ENTRIES, number, min(256, head.size - number * 256))
        found += tiles.entries((folder / tile.path).read_bytes())
    assert merkle.complete([merkle.leaf_hash(leaf) for leaf in found]) == head.root
    return head


def test_a_folder_has_what_its_checkpoint_stands_for_and_no_part_of_a_full_tile(office: Office, tmp_path: Path) -> None:
    sizes = []
    for count in (3, 250, 0, 10, 600):
        enter(office, count)
        published(office.casework.proving, office.settings.tlog)
        sizes.append(checked(tmp_path, office).size)
    assert sizes == [3, 253, 253, 263, 863]
    assert sorted(path.name for path in (tmp_path / "tile" / "0").iterdir()) == ["000", "001", "002", "003.p"]
    assert os.stat(tmp_path / "tile" / "0" / "000").st_mode & 0o444 == 0o444
    assert bring_up(office.casework.proving, tmp_path) == 0


def test_a_folder_that_was_broken_off_is_finished_and_its_head_is_never_ahead(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(office, 300)
    published(office.casework.proving, office.settings.tlog)
    enter(office, 300)
    whole = logfolder.write_whole
    left = [3]

    def full(path: Path, *arguments: object, **facts: object) -> None:
        if not left[0]:
            raise OSError(28, "No space left on device")
        left[0] -= 1
        whole(path, *arguments, **facts)  # type: ignore[arg-type]

    with monkeypatch.context() as disk:
        disk.setattr(logfolder, "write_whole", full)
        with pytest.raises(DnsblError, match="cannot be written: No space"):
            published(office.casework.proving, office.settings.tlog)
    assert (tmp_path / HEAD).read_text().split("\n")[1] == "300"
    published(office.casework.proving, office.settings.tlog)
    assert checked(tmp_path, office).size == 600


def test_the_folder_of_another_log_is_left_alone(office: Office, tmp_path: Path) -> None:
    enter(office, 3)
    other = note.Signer("other.example", bytes(31) + b"\1")
    for size, origin in ((2, "other.example"), (9, ORIGIN)):
        text = checkpoint.Checkpoint(origin, size, bytes(32)).text
        (tmp_path / HEAD).write_text(note.signed(text, [other.line(text)]))
        with pytest.raises(Damaged, match=r"name another tlog\.folder"):
            published(office.casework.proving, office.settings.tlog)


def test_another_past_of_the_same_log_is_left_as_it_was_published(office: Office, tmp_path: Path) -> None:
    enter(office, 3)
    published(office.casework.proving, office.settings.tlog)
    there = checkpoint.Checkpoint.read(note.parts((tmp_path / HEAD).read_bytes())[0])
    signer = note.Signer(ORIGIN, bytes(31) + b"\1")
    for size in (2, 3):
        text = checkpoint.Checkpoint(ORIGIN, size, bytes(32)).text
        (tmp_path / HEAD).write_text(note.signed(text, [signer.line(text)]))
        with pytest.raises(Damaged, match=f"another past of {ORIGIN} at size {size}"):
            published(office.casework.proving, office.settings.tlog)
        assert checkpoint.Checkpoint.read(note.parts((tmp_path / HEAD).read_bytes())[0]).size == size <= there.size


def test_a_head_that_is_none_is_named(office: Office, tmp_path: Path) -> None:
    enter(office, 3)
    (tmp_path / HEAD).write_bytes(b"\xff")
    with pytest.raises(Damaged, match="/checkpoint is no head of a log; remove it"):
        published(office.casework.proving, office.settings.tlog)


def test_without_a_folder_the_log_is_kept_all_the_same(office: Office, tmp_path: Path) -> None:
    enter(office, 3)
    terms = office.settings.tlog.model_copy(update={"folder": None})
    assert published(office.casework.proving, terms) == 3
    assert not (tmp_path / HEAD).exists()


def test_two_hundred_single_bit_changes_of_published_tiles_are_each_refused_by_who_proves_with_them(
    office: Office, tmp_path: Path
) -> None:
    enter(office, 863)
    published(office.casework.proving, office.settings.tlog)
    head, chance = checked(tmp_path, office), random.Random(6962)
    leaves = [
        merkle.leaf_hash(leaf)
        for number in range(4)
        for leaf in tiles.entries((tmp_path / Tile(ENTRIES, number, min(256, 863 - number * 256)).path).read_bytes())
    ]
    shown = [tile for tile in tiles.grown_tiles(0, head.size) if tile.level != ENTRIES]
    kept = {tile: (tmp_path / tile.path).read_bytes() for tile in shown}

    def proven(index: int, found: Mapping[Tile, bytes]) -> bool:
        beside = merkle.inclusion(index, head.size, tiles.Tree(head.size, found.__getitem__))
        return merkle.root_of(leaves[index], index, head.size, beside) == head.root

    refused = 0
    for _ in range(200):
        tile = chance.choice(shown)
        bit = chance.randrange(tile.width * merkle.OCTETS * 8)
        changed = bytearray(kept[tile])
        changed[bit // 8] ^= 1 << bit % 8
        own = bit // 8 // merkle.OCTETS  # whoever proves a leaf under this hash makes it himself, and needs none
        other = chance.choice([number for number in range(tile.width) if number != own])
        index = (tile.number * 256 + other) << 8 * tile.level
        assert proven(index, kept)
        refused += not proven(index, {**kept, tile: bytes(changed)})
    assert refused == 200 and {tile.level for tile in shown} == {0, 1}
