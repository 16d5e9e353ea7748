"""Opens the data files of the zones' sources: unpacked, and read whole. Follows none (`serving.sources` does) and knows
nothing of what answers."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from dnsbl.dns.sources.reading import Holding, Reader, Unusable
from dnsbl.dns.zones import DataSource, Zone
from dnsbl.errors import DnsblError
from dnsbl.files import open_plain

#: Bytes of a file, unpacked.
MOST_BYTES = 1 << 31
_PIECE = 1 << 20
#: Of a file of zstd, packed, at once; of that come 128 MB at most (RFC 8878 3.1.1.2: a block of 128 KB in four bytes).
_FRAME_PIECE = 1 << 12
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def read_source(source: DataSource, *, now: int) -> Holding:
    """What the files of a source hold now. Raises DnsblError in one sentence."""
    reader = Reader(source.form, ttl=source.ttl, now=now, host_bits=source.host_bits)
    try:
        for name in source.files:
            reader.read(name, unpacked(Path(name)))
        return reader.contents()
    except Unusable as error:
        raise DnsblError(str(error)) from None
    except OSError as error:
        raise DnsblError(f"{name}: cannot be read: {error.strerror or error}") from None


def unpacked(path: Path) -> bytes:
    """The file, unpacked when it is packed by gzip or zstd, as its first bytes tell. Raises OSError, DnsblError."""
    with open_plain(path) as file:
        head = file.read(4)
        file.seek(0)
        if not head.startswith(_GZIP) and head != _ZSTD:
            if os.fstat(file.fileno()).st_size > MOST_BYTES:
                raise DnsblError(f"{path}: larger than {MOST_BYTES} bytes.")
            return file.read(MOST_BYTES + 1)
        packed: Iterable[bytes]
        if head != _ZSTD:
            packed = iter(partial(gzip.GzipFile(fileobj=file).read, _PIECE), b"")
        else:
            try:
                import zstandard
            except ImportError:
                package = "pip install 'dnsbl-relays[zstd]'"
                raise DnsblError(f"{path}: zstd needs the package zstandard: {package}.") from None
            packed = _frames(file, zstandard.ZstdDecompressor())
        try:
            pieces, size = [], 0
            for piece in packed:
                pieces.append(piece)
                size += len(piece)
                if size > MOST_BYTES:
                    raise DnsblError(f"{path}: larger than {MOST_BYTES} bytes when unpacked.")
        except DnsblError:
            raise
        except Exception as error:  # whatever the packers complain of
            raise DnsblError(f"{path}: cannot be unpacked: {error}") from None
        return b"".join(pieces)


def _frames(file: BinaryIO, decompressor: Any) -> Iterator[bytes]:
    """What the frames of zstd in a file hold. Raises EOFError when the last one is not whole, of which the package's
    own reader of streams says nothing (RFC 8878 3.1.1: a frame ends with its last block)."""
    frame = decompressor.decompressobj()
    while packed := file.read(_FRAME_PIECE):
        while packed:
            if frame.eof:
                frame = decompressor.decompressobj()
            yield frame.decompress(packed)
            packed = frame.unused_data if frame.eof else b""
    if not frame.eof:
        raise EOFError("the file ended before the last frame did")


def report(zones: Iterable[Zone], *, now: int) -> tuple[list[str], list[str]]:
    """(mistakes that keep a zone out of service, what else an operator should know) of the files of all sources."""
    mistakes, notes = [], []
    for source in dict.fromkeys(source for zone in zones for source in zone.sources):
        if source.pull and (missing := [name for name in source.files if not Path(name).exists()]):
            notes.append(f"{missing[0]}: not there yet; it is pulled once the node runs.")
            continue
        try:
            contents = read_source(source, now=now)
        except DnsblError as error:
            mistakes.append(str(error))
            continue
        if 0 < contents.expires <= now:
            mistakes.append(f"{source.files[0]}: the data have expired.")
        notes += [str(line) for line in contents.refused]
        if contents.refusals > len(contents.refused):
            notes.append(f"{source.files[0]}: {contents.refusals} lines refused in all.")
    return mistakes, notes
