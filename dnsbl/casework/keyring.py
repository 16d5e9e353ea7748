"""The keyring's file: read, made at the first start, and written again when a key comes; by what its keys are known.
Of the disk casework touches this file alone; it looks whether that is there which stops a machine (`places.halted`)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from dnsbl.clock import Clock
from dnsbl.errors import Damaged
from dnsbl.files import HIDDEN, make_secret, write_whole
from tester.errors import TesterError
from tester.letter import Key, Keyring


def fingerprint(key: Key) -> str:
    """What may be shown of a key, 64 hexadecimal digits: a hash of 256 random bits, which tells nothing of them."""
    return sha256(b"dnsbl key " + key.kid.encode() + key.secret).hexdigest()


def keyring_at(path: Path, *, clock: Clock, random: Callable[[int], bytes] = secrets.token_bytes) -> Keyring:
    """The keyring in this file (mode 0600), made at first start.

    Two programs that start together end up with the same ring. Raises Damaged when the file holds no keyring, and
    OSError when it cannot be read or made.
    """
    if not path.exists():
        make_secret(path, Keyring.generate(random, int(clock.now().timestamp())).to_json().encode("ascii"))
    return read(path)


def read(path: Path) -> Keyring:
    """The keyring in this file. Raises Damaged when it holds none, FileNotFoundError, OSError."""
    try:
        return Keyring.from_json(path.read_text(encoding="ascii"))
    except (ValueError, KeyError, TypeError, TesterError) as error:
        raise Damaged(f"{path} does not hold a keyring; restore it from a backup, or move it away.") from error


def write(path: Path, ring: Keyring) -> None:
    """Put this ring in the place of what is there, whole or not at all, whoever else writes it. Raises OSError."""
    write_whole(path, [ring.to_json().encode("ascii")], mode=HIDDEN, alone=False)
