"""Names in data files: how they are written, and how many entries become one blob that is found by hash.

Pure. Names are packed as in messages, in lower case and without the root. `*.example.com` stands for all names below
example.com, `.example.com` for these and for itself (rbldnsd(8), "dnset Dataset").
"""

from __future__ import annotations

import re
from array import array

from dnsbl.dns.sources.dataset import EXCLUDED, hash_of, hashes_of, laid
from dnsbl.dns.sources.values import NotTaken

#: Bytes of a packed name, with the root (RFC 1035 2.3.4).
LONGEST_NAME = 255
_PLAIN = re.compile(rb"(?:[!-\-/-\[\]-~\x80-\xff]{1,63}\.)*[!-\-/-\[\]-~\x80-\xff]{1,63}\.?\Z")
_ESCAPE = re.compile(rb"\\([0-9]{1,3}|.)", re.DOTALL)


def read_name(text: bytes, *, root: bool = False) -> bytes:
    """The packed name of this text, a dot at the end or not; `\\D` to `\\DDD` is a byte, `\\.` no end.

    `root` says that the root, which is packed as nothing, is a name too. Raises NotTaken.
    """
    if _PLAIN.match(text):
        labels = text.rstrip(b".").lower().split(b".")
    else:
        labels = _labels(text)
    if any(len(label) > 63 for label in labels):
        raise NotTaken("a label of more than 63 bytes")
    packed = b"".join(bytes((len(label),)) + label for label in labels)
    if len(packed) >= LONGEST_NAME:
        raise NotTaken("a name of more than 255 bytes")
    if not packed and not (root and text == b"."):
        raise NotTaken("no name")
    return packed


def shown(name: bytes) -> bytes:
    """A packed name as text; what is no sign of a name is escaped (RFC 1035 5.1), but for brackets, as in rbldnsd."""
    labels, at = [], 0
    while at < len(name):
        labels.append(b"".join(map(_shown, name[at + 1 : at + 1 + name[at]])))
        at += name[at] + 1
    return b".".join(labels)


def _shown(byte: int) -> bytes:
    if byte in b'."\\@;$':
        return b"\\" + bytes((byte,))
    return bytes((byte,)) if 0x21 <= byte <= 0x7E else b"\\%03d" % byte


def _labels(text: bytes) -> list[bytes]:
    """The labels of a name with escapes or empty labels, which count for nothing."""
    labels, label, at = [], bytearray(), 0
    while at < len(text):
        if text[at : at + 1] == b".":
            labels.append(bytes(label))
            label.clear()
            at += 1
        elif text[at : at + 1] == b"\\":
            match = _ESCAPE.match(text, at)
            if match is None or (match[1].isdigit() and int(match[1]) > 255):
                raise NotTaken("a backslash that begins no escape")
            label += bytes((int(match[1]),)) if match[1].isdigit() else match[1]
            at = match.end()
        else:
            label.append(text[at])
            at += 1
    labels.append(bytes(label))
    return [label.lower() for label in labels if label]


class NameEntries:
    """The entries of a dataset of names, and what they come to."""

    def __init__(self) -> None:
        self._found: dict[bytes, list[list[int]]] = {}

    def add(self, name: bytes, value: int, *, itself: bool, below: bool) -> None:
        """Take this name for itself, for all that is below it, or both: the value's number, or EXCLUDED."""
        sides = self._found.setdefault(name, [[], []])
        for side, wanted in zip(sides, (itself, below), strict=True):
            if wanted and value not in side:
                side.append(value)

    def packed(self, values: int) -> tuple[bytes, memoryview, memoryview, memoryview, memoryview]:
        """(blob, slots, parents, where groups end, groups) for so many values."""
        groups: dict[tuple[int, ...], int] = {}
        blob = bytearray()
        places: list[tuple[int, int]] = []
        parents: dict[int, None] = {}
        for name, sides in self._found.items():
            said = []
            for side in sides:
                if EXCLUDED in side:
                    said.append(EXCLUDED)
                elif len(side) > 1:
                    key = tuple(number - 1 for number in side)
                    said.append(values + groups.setdefault(key, len(groups) + 1))
                else:
                    said.append(side[0] if side else 0)
            places.append((hash_of(name), len(blob) + 1))
            blob += said[0].to_bytes(4, "little") + said[1].to_bytes(4, "little") + bytes((len(name),)) + name
            if any(number not in (0, EXCLUDED) for number in said):
                parents.update((found, None) for _, found in hashes_of(name)[1:])
        ends, members = array("I"), array("I")
        for group in groups:
            members.extend(group)
            ends.append(len(members))
        return (
            bytes(blob),
            laid(iter(places), len(places), "I"),
            laid(((found, found) for found in parents), len(parents), "Q"),
            memoryview(ends),
            memoryview(members),
        )
