"""Writes a file whole or not at all: beside, flushed, then renamed. A crash leaves the old file or the new one.

What the list keeps for itself is nobody else's to read; what is made for other programs is.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

#: Of secrets, of other files of our own, and of files for others.
HIDDEN, OURS, EVERYBODYS = 0o600, 0o640, 0o644


def write_whole(path: Path, parts: Iterable[bytes | memoryview], *, mode: int = OURS) -> None:
    """Put a file with these parts in the place of what is there. Raises OSError, and then nothing has changed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def make_secret(path: Path, text: bytes) -> None:
    """Make a file that is nobody else's to read, unless one is there; two programs that do so at once share one file.
    Raises OSError, and then nothing has changed.
    """
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")  # mode HIDDEN
    try:
        with open(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        os.unlink(draft)
