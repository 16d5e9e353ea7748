"""The keyring's file: read, made at the first start, and written again when a key comes. What casework touches of the
disk is this file alone."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from dnsbl.clock import Clock
from dnsbl.errors import Damaged
from tester.errors import TesterError
from tester.letter import Keyring


def keyring_at(path: Path, *, clock: Clock, random: Callable[[int], bytes] = secrets.token_bytes) -> Keyring:
    """The keyring in this file (mode 0600), made at first start.

    Two programs that start together end up with the same ring. Raises Damaged when the file holds no keyring, and
    OSError when it cannot be read or made.
    """
    if not path.exists():
        _put(path, Keyring.generate(random, int(clock.now().timestamp())).to_json(), replace=False)
    return read(path)


def read(path: Path) -> Keyring:
    """The keyring in this file. Raises Damaged when it holds none, FileNotFoundError, OSError."""
    try:
        return Keyring.from_json(path.read_text(encoding="ascii"))
    except (ValueError, KeyError, TypeError, TesterError) as error:
        raise Damaged(f"{path} does not hold a keyring; restore it from a backup, or move it away.") from error


def write(path: Path, ring: Keyring) -> None:
    """Put this ring in the place of what is there, whole or not at all. Raises OSError."""
    _put(path, ring.to_json(), replace=True)


def _put(path: Path, text: str, *, replace: bool) -> None:
    """The whole file at once or nothing; without `replace` a file that is there already stays as it is."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")  # mode 0600
    try:
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.rename(draft, path)
        else:
            with suppress(FileExistsError):  # another program was first: its ring is the one
                os.link(draft, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(draft)
