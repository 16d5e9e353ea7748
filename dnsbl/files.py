"""Writes a file whole or not at all: beside, flushed, then put in its place. A crash leaves the old one or the new one.

What the list keeps for itself is nobody else's to read; what is made for other programs is.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

#: Of secrets, of other files of our own, and of files for others.
HIDDEN, OURS, EVERYBODYS = 0o600, 0o640, 0o644


def write_whole(path: Path, parts: Iterable[bytes | memoryview], *, mode: int = OURS, alone: bool = True) -> None:
    """Put a file with these parts in the place of what is there. Raises OSError, and then nothing has changed.

    Whoever is not `alone`, since another program may write the same file now, has a draft of his own; who is finds the
    one that a crash has left.
    """
    _make_folder(path.parent, mode)
    beside = path.with_name(f"{path.name}.new") if alone else _own_draft(path)
    try:
        _fill(beside, parts, mode)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def make_secret(path: Path, text: bytes) -> None:
    """Make a file that is nobody else's to read, unless one is there; two programs that do so at once share one file.
    Raises OSError, and then nothing has changed.
    """
    _make_folder(path.parent, HIDDEN)
    beside = _own_draft(path)
    try:
        _fill(beside, [text], HIDDEN)
        with suppress(FileExistsError):  # another one was first
            os.link(beside, path)
    finally:
        beside.unlink()
    _sync(path.parent)


def _own_draft(path: Path) -> Path:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")  # mode HIDDEN
    os.close(descriptor)
    return Path(name)


def _fill(beside: Path, parts: Iterable[bytes | memoryview], mode: int) -> None:
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())


def _make_folder(folder: Path, mode: int) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700 if mode == HIDDEN else 0o777)
    except FileExistsError:  # and is none
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None


def _sync(folder: Path) -> None:
    """What is in a folder is on the disk when the folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
