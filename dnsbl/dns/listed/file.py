"""A table as a file: a text head, the arrays as they lie in memory, and a SHA-256 over all of it.

Pure but for `mapped`, which maps a file. The head is `dnsbl-table 3`, byte order, change number, epoch, since and the
zones' digest; then one line a band: kind, version, prefix length, count, shift and slots of the guide; then a SHA-256
of the head alone, so that what a table says about itself is sound as soon as it is mapped. Arrays begin at multiples of
16 bytes. What the arrays hold is sound only after `check` has read it all; until then a damaged array may answer
wrongly, but never reads beside itself.
"""

from __future__ import annotations

import hashlib
import mmap
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from dnsbl.dns.listed.array import PIECE, Band, Sorted, Where, origin, view
from dnsbl.errors import Damaged

_FORMAT = f"dnsbl-table 3 {sys.byteorder} "
_ALIGNED = 16
_LARGEST_HEAD = 1 << 20
_DIGEST = 65  # a SHA-256 in hexadecimal, and the end of the line


class Head(NamedTuple):
    """What a table says about itself, as `Table` names it."""

    serial: int
    epoch: int
    since: int
    zones_digest: str


def parts(head: Head, bands: Iterable[Sorted]) -> Iterator[bytes | memoryview]:
    """The file, in parts of at most some megabytes."""
    merged = [band.merged().buffers() for band in bands]
    lines = [_FORMAT + " ".join(map(str, head)), *map(_line, merged)]
    text = "\n".join(lines).encode()
    text += b"\n" + hashlib.sha256(text).hexdigest().encode() + b"\n\n"
    check = hashlib.sha256()
    for part in (memoryview(text), *(array.cast("B") for band in merged for array in (band.base, band.guide))):
        for at in range(0, len(part), PIECE):
            check.update(part[at : at + PIECE])
            yield part[at : at + PIECE]
        padding = bytes(-len(part) % _ALIGNED)
        check.update(padding)
        yield padding
    yield check.hexdigest().encode() + b"\n"


def read(raw: memoryview) -> tuple[Head, dict[Where, Sorted]]:
    """The bands over these bytes, of which only the head, the ends of the arrays and all lengths are checked.

    Raises Damaged.
    """
    head, found, _ = bytes(raw[:_LARGEST_HEAD]).partition(b"\n\n")
    if not found or not head.startswith(_FORMAT.encode()):
        raise Damaged("the table is of another format")
    text, _, digest = head.rpartition(b"\n")
    at = _aligned(len(head) + 2)
    end = len(raw) - _DIGEST
    bands: dict[Where, Sorted] = {}
    try:
        if hashlib.sha256(text).hexdigest().encode() != digest:
            raise ValueError
        first, *lines = text.decode("ascii").split("\n")
        for line in lines:
            kind, *rest = line.split(" ")
            version, length, count, shift, slots = map(int, rest)
            where = Where("" if kind == "-" else kind, version, length)
            if where in bands or version not in (4, 6) or not 0 <= length <= (32 if version == 4 else 128):
                raise ValueError
            if count < 1 or slots < 0 or not 0 <= shift <= 128:
                raise ValueError
            size = count * where.bits // 8
            base = view(where, raw[at : at + size])
            at = _aligned(at + size)
            guide = raw[at : at + 4 * slots].cast("I")
            at = _aligned(at + 4 * slots)
            if at > end or base[count - 1] >> length:
                raise ValueError
            if slots and slots != (base[count - 1] - origin(where, base) >> shift) + 2:
                raise ValueError
            bands[where] = Sorted(where, base, guide, shift)
        serial, epoch, since, zones_digest = first[len(_FORMAT) :].split(" ")
        if at != end:
            raise ValueError
        return Head(int(serial), int(epoch), int(since), zones_digest), bands
    except (ValueError, TypeError, IndexError):
        raise Damaged("the table is not what it says") from None


def check(raw: memoryview) -> None:
    """Read the whole file. Mostly without the interpreter's lock. Raises Damaged."""
    digest = hashlib.sha256()
    end = max(0, len(raw) - _DIGEST)
    for at in range(0, end, PIECE):
        digest.update(raw[at : min(at + PIECE, end)])
    if raw[end:] != digest.hexdigest().encode() + b"\n":
        raise Damaged("the table's checksum is wrong")


def mapped(path: Path) -> memoryview:
    """The bytes of this file, read when they are needed. Raises Damaged, OSError."""
    with path.open("rb") as file:
        try:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except ValueError:  # an empty file cannot be mapped
            raise Damaged("the table's checksum is wrong") from None


def _line(band: Band) -> str:
    kind, version, length = band.where
    count = band.base.nbytes * 8 // band.where.bits
    return f"{kind or '-'} {version} {length} {count} {band.shift} {len(band.guide)}"


def _aligned(at: int) -> int:
    return at + -at % _ALIGNED
