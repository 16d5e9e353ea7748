"""The header fields of a message, unfolded and bounded. Never raises, never reads the body."""

from __future__ import annotations

import re
from collections.abc import Iterator

_HEADER = 64 * 1024  # octets of a message in which header fields are sought
_FIELD = 2048  # octets kept of one field

# RFC 5322 3.6.8 takes any visible character, of which nobody uses more; 4.5 lets blanks stand before the colon
_NAME = re.compile(rb"[A-Za-z][A-Za-z0-9._-]*[ \t]*:")
_ENVELOPE = (b"From ", b">From ")  # what mailbox files put before a header, or in it


def fields(message: bytes) -> Iterator[tuple[str, bytes]]:
    """The header fields at the start of `message`: lower-case name and unfolded value, in order.

    Stops at the first empty line. A line that is no field goes on with the one before it: whoever pastes a header
    often loses the blanks that said so. Never raises.
    """
    name, value = "", b""
    for line in message[:_HEADER].splitlines():
        if not line:
            break
        if not _NAME.match(line):
            if len(value) < _FIELD and not line.startswith(_ENVELOPE):
                value += b" " + line.strip()
            continue
        if name:
            yield name, value[:_FIELD].strip()
        label, _, rest = line.partition(b":")
        name, value = label.strip().lower().decode("ascii"), rest.strip()
    if name:
        yield name, value[:_FIELD].strip()
