"""The transparency log as a folder of files, for any web server: tiles and leaves first, the checkpoint last.

A full tile is written once and never again, and then the parts of it that stood there go; a crash leaves the checkpoint
of before, whose files are all there. Never writes into the folder of another log.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from dnsbl.casework.proving import Proving
from dnsbl.errors import Damaged, DnsblError
from dnsbl.files import EVERYBODYS, write_whole
from dnsbl.log import merkle, note
from dnsbl.log.checkpoint import Checkpoint
from dnsbl.log.tiles import WIDTH, Tile, grown_tiles
from dnsbl.settings import TlogSettings

#: The newest head, as anybody fetches it.
HEAD = "checkpoint"


def published(proving: Proving, terms: TlogSettings) -> int:
    """Keep the log, and bring its folder up to it where the settings name one; returns how many leaves there are more.
    Raises DnsblError."""
    added = proving.keep()
    if terms.folder is not None:
        bring_up(proving, terms.folder)
    return added


def bring_up(proving: Proving, folder: Path) -> int:
    """Write what is new since the folder's checkpoint; returns how many files. Raises DnsblError where it cannot be
    written, or is another log's."""
    signed = proving.newest()
    if signed is None:
        return 0
    head = Checkpoint.read(note.parts(signed)[0])
    try:
        before = _before(folder, head, proving)
        if before is not None and before == signed:
            return 0
        size = 0 if before is None else Checkpoint.read(note.parts(before)[0]).size
        count = 0
        for tile in grown_tiles(size, head.size):
            content = proving.content(tile)
            if content is None:
                raise DnsblError(f"The log's {tile.path} is not there any more; the next time it may be.")
            _put(folder, tile, content)
            count += 1
        write_whole(folder / HEAD, [signed.encode()], mode=EVERYBODYS)
    except OSError as error:
        raise DnsblError(f"{folder}: the log's files cannot be written: {error.strerror}.") from None
    return count + 1


def _before(folder: Path, head: Checkpoint, proving: Proving) -> str | None:
    """The checkpoint that is there. Raises Damaged where it is not one that this head can follow."""
    try:
        there = (folder / HEAD).read_bytes()
    except FileNotFoundError:
        return None
    try:
        told = Checkpoint.read(note.parts(there)[0])
    except Damaged:
        raise Damaged(f"{folder / HEAD} is no head of a log; remove it, and the folder is written anew.") from None
    if told.origin != head.origin or told.size > head.size:
        raise Damaged(f"{folder} has another log than {head.origin} at size {head.size}; name another tlog.folder.")
    try:
        grown = proving.consistency(told.size, head.size)
        merkle.check_consistency(told.size, told.root, head.size, head.root, grown)
    except Damaged:
        raise Damaged(
            f"{folder} has another past of {head.origin} at size {told.size} than the database; was that restored from "
            "a copy? Name another tlog.folder."
        ) from None
    return there.decode()


def _put(folder: Path, tile: Tile, content: bytes) -> None:
    path = folder / tile.path
    write_whole(path, [content], mode=EVERYBODYS)
    if tile.width == WIDTH:
        shutil.rmtree(path.with_name(f"{path.name}.p"), ignore_errors=True)
