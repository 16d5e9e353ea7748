"""The file of the transparency log's keys: read, made at the first use, and written anew when a key comes.

A seed of Ed25519 a line, in base64, the newest first; mode 0600. All of them sign, so that whoever knows only the key
before the newest can still check what is signed.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dnsbl.errors import Damaged, Withheld
from dnsbl.files import HIDDEN, make_secret, unopened, write_whole
from dnsbl.log.note import Signer

#: Octets of a seed, and keys that sign at once.
SEED, SIGNING = 32, 2


def read(path: Path, origin: str) -> list[Signer] | None:
    """The keys in this file, the newest first, or None where there is none. Raises Withheld where it cannot be read and
    Damaged where it holds something else."""
    seeds = _seeds(path)
    return None if seeds is None else [Signer(origin, seed) for seed in seeds]


def make(path: Path, random: Callable[[int], bytes]) -> None:
    """A file with a first key, unless one is there. Raises Withheld."""
    if not path.exists():
        with _writing(path):
            make_secret(path, _spelled([random(SEED)]))


def rotate(path: Path, random: Callable[[int], bytes]) -> None:
    """A new key before the newest one; what came before both signs no more. Raises Withheld, Damaged."""
    put(path, _spelled([random(SEED), *(_seeds(path) or [])][:SIGNING]))


def _spelled(seeds: Sequence[bytes]) -> bytes:
    return b"".join(b64encode(seed) + b"\n" for seed in seeds)


def _seeds(path: Path) -> list[bytes] | None:
    try:
        seeds = [b64decode(line, validate=True) for line in path.read_bytes().split()]
    except FileNotFoundError:
        return None
    except ValueError:
        seeds = []
    except OSError as error:
        raise Withheld(f"{path}: the log's keys cannot be read: {unopened(error)}.") from error
    if not seeds or any(len(seed) != SEED for seed in seeds):
        raise Damaged(f"{path} does not hold keys of the log; restore it from a backup.")
    return seeds


def put(path: Path, octets: bytes) -> None:
    """A file of the log's with these octets, on the disk, whole or not at all, whoever else writes it. Raises
    Withheld."""
    with _writing(path):
        write_whole(path, [octets], mode=HIDDEN, alone=False)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Withheld(f"{path}: cannot be written: {error.strerror}.") from error
