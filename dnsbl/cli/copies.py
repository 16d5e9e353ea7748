"""`dnsbl backup` and `restore`: the files around `casework.restoring`. Decides nothing."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path

from dnsbl.casework.restoring import Restored
from dnsbl.errors import DnsblError
from dnsbl.opened import OpenedList, open_empty
from dnsbl.serving.files import write_whole

#: A line of a copy is no longer; a message in it is bounded when it comes in.
LONGEST = 64 << 20


def write(opened: OpenedList, file: Path) -> int:
    """Write a copy, packed by gzip, whole or not at all; returns its octets."""
    try:
        write_whole(file, _packed(opened.casework.restoring.backup()), mode=0o600)
        return file.stat().st_size
    except OSError as error:
        raise DnsblError(f"{file}: cannot be written: {error.strerror}.") from None


def bring_back(
    config: Path | None, file: Path, log: Path | None, *, reason: str, actor: str, trust_words: bool
) -> Restored:
    """Fill the configured database, which must be empty, from a copy and an event log."""
    opened = open_empty(config)
    try:
        with (
            gzip.open(file, "rt", encoding="ascii") as copy,
            nullcontext() if log is None else log.open(encoding="ascii", errors="replace") as events,
        ):
            lines = iter(lambda: copy.readline(LONGEST), "")
            return opened.casework.restoring.restore(lines, events, reason=reason, actor=actor, trust_words=trust_words)
    except DnsblError:
        raise
    except OSError as error:
        raise DnsblError(f"{error.filename or file}: cannot be read as a copy: {error.strerror or error}.") from None
    except (EOFError, UnicodeDecodeError) as error:
        raise DnsblError(f"{file}: cannot be read as a copy: {error}.") from None


def _packed(lines: Iterable[str]) -> Iterator[bytes]:
    """The lines as one gzip member, in portions."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    for line in lines:
        if part := packer.compress(line.encode("ascii")):
            yield part
    yield packer.flush()
