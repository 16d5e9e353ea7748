"""Networks in data files: how they are written, and how many entries become stretches that do not overlap.

Pure. The ways of writing are those that rbldnsd takes (its manual page, and what it does): for IPv4 one to four octets,
a prefix length behind any of them, or two bounds with as many octets each, or with only the last one of the second;
IPv6 with groups left out at the end. An entry stands for blocks; of several blocks around an address the narrowest
decides.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv6Address

from dnsbl.dns.sources.dataset import NEEDS_GUIDE, shift_of
from dnsbl.dns.sources.values import NotTaken, number_in

_OCTET = rb"0*[0-9]{1,3}"
_BOUND = _OCTET + rb"(?:\." + _OCTET + rb"){0,3}"
_RANGE4 = re.compile(rb"(" + _BOUND + rb")(?:/([0-9]{1,2})|-(" + _BOUND + rb"))?(?![0-9.])")
_ONE4 = re.compile(_OCTET + rb"(?:\." + _OCTET + rb"){3}(?![0-9.])")
_TEXT6 = re.compile(rb"[0-9A-Fa-f:]+(?:/([0-9]{1,3}))?")
#: What may follow an address.
AFTER = b" \t#;:"


def range4(line: bytes, *, host_bits: bool = False) -> tuple[int, int, bytes]:
    """(first, last, what follows) of the range that the line begins with. Raises NotTaken.

    `host_bits` takes bits behind a prefix for none.
    """
    match = _RANGE4.match(line)
    if match is None:
        raise NotTaken("no IPv4 address or range")
    octets = _octets(match[1])
    rest = line[match.end() :]
    if match[2] is not None:
        length = int(match[2])
        if not 1 <= length <= 32:
            raise NotTaken("a prefix length from 1 to 32 is needed")
        first = _padded(octets, 0)
        if first & (0xFFFFFFFF >> length) and not host_bits:
            raise NotTaken("the address has bits behind the prefix")
        first &= ~(0xFFFFFFFF >> length)
        return first, first | 0xFFFFFFFF >> length, rest
    if match[3] is not None:
        last = _octets(match[3])
        if len(last) == 1:
            last = octets[:-1] + last
        if len(last) != len(octets):
            raise NotTaken("both bounds need as many octets")
        bounds = _padded(octets, 0), _padded(last, 255)
        if bounds[0] > bounds[1]:
            raise NotTaken("the range ends before it begins")
        return *bounds, rest
    if len(octets) == 1:
        raise NotTaken("a number alone is no address")
    return _padded(octets, 0), _padded(octets, 255), rest


def prefix4(line: bytes, *, host_bits: bool = False) -> tuple[int, int, bytes]:
    """(first address, prefix length, what follows); a single block is needed. Raises NotTaken."""
    match = _RANGE4.match(line)
    if match is not None and match[3] is not None:
        raise NotTaken("a single network is needed, not a range")
    if match is not None and match[2] is not None and int(match[2]) == 0 and _padded(_octets(match[1]), 0) == 0:
        return 0, 0, line[match.end() :]
    first, last, rest = range4(line, host_bits=host_bits)
    return first, 32 - (last - first).bit_length(), rest


def one4(line: bytes) -> tuple[int, bytes]:
    """(the address, what follows); all four octets are needed. Raises NotTaken."""
    match = _ONE4.match(line)
    if match is None or line[match.end() : match.end() + 1] in (b"/", b"-"):
        raise NotTaken("a single IPv4 address is needed")
    return _padded(_octets(match[0]), 0), line[match.end() :]


def prefix6(line: bytes, *, host_bits: bool = False) -> tuple[int, int, bytes]:
    """(first address, prefix length, what follows); groups may be left out at the end. Raises NotTaken."""
    number, groups, length, rest = _parsed6(line)
    length = 16 * groups if length is None else length
    if length > 128:
        raise NotTaken("a prefix length up to 128 is needed")
    behind = (1 << 128 - length) - 1
    if number & behind and not host_bits:
        raise NotTaken("the address has bits behind the prefix")
    return number & ~behind, length, rest


def half6(line: bytes) -> tuple[int, bytes]:
    """(the first address of a /64 written as four groups, what follows). Raises NotTaken."""
    number, groups, length, rest = _parsed6(line)
    if groups != 4 or length is not None:
        raise NotTaken("a /64 as four groups is needed")
    return number, rest


def whole6(line: bytes) -> tuple[int, bytes]:
    """(the address, what follows); nothing may be left out at the end. Raises NotTaken."""
    number, groups, length, rest = _parsed6(line)
    if groups != 8 or length is not None:
        raise NotTaken("a single IPv6 address is needed")
    return number, rest


def _parsed6(line: bytes) -> tuple[int, int, int | None, bytes]:
    """(number, groups given, prefix length, what follows). What begins with a ninth group follows, as a value."""
    match = _TEXT6.match(line)
    if match is None:
        raise NotTaken("no IPv6 address or network")
    text = match[0].partition(b"/")[0]
    end = match.end()
    if text.count(b"::") > 1:  # the second colon of the second one begins what follows
        end = text.index(b"::", text.index(b"::") + 2)
        text, end = line[:end], end + 1
    elif b":::" in text:  # a value without a blank before it
        end = text.index(b":::") + 2
        text = line[:end]
    if b"::" in text:
        groups = 8
    else:
        parts = text.split(b":")
        if len(parts) > 8:  # a value without a blank before it
            parts = parts[:8]
            text = b":".join(parts)
            return int(_address6(text.decode())), 8, None, line[len(text) :]
        if parts[-1] == b"":
            raise NotTaken("no IPv6 address or network")
        groups = len(parts)
        if groups == 1 and match[1] is None:
            raise NotTaken("a number alone is no address")
        text += b"" if groups == 8 else b"::"
    length = int(match[1]) if match[1] is not None and end == match.end() else None
    return int(_address6(text.decode())), groups, length, line[end:]


def _address6(text: str) -> IPv6Address:
    try:
        return IPv6Address(text)
    except AddressValueError:
        raise NotTaken("no IPv6 address or network") from None


def _octets(text: bytes) -> list[int]:
    octets = [number_in(octet, 255) for octet in text.split(b".")]
    if min(octets) < 0:
        raise NotTaken("an octet above 255")
    return octets


def _padded(octets: list[int], fill: int) -> int:
    return int.from_bytes(bytes(octets + [fill] * (4 - len(octets))))


def blocks4(first: int, last: int) -> Iterator[tuple[int, int]]:
    """(first address, prefix length) of the fewest blocks of 32, 24, 16 and 8 bits that make up a range."""
    at = first
    while at <= last:
        size = 1
        while size < 1 << 24 and not at & (size << 8) - 1 and at + (size << 8) - 1 <= last:
            size <<= 8
        yield at, 33 - size.bit_length()
        at += size


class Entries:
    """The entries of a dataset of networks, and what they come to.

    `first_wins` says that of two entries for one network the first one counts, and not both of them.
    """

    def __init__(self, version: int, *, first_wins: bool) -> None:
        self.version = version
        self._bits = 32 if version == 4 else 128
        self._first_wins = first_wins
        self._entries: list[tuple[int, int, int, int]] = []  # first address, prefix length, value or 0, line

    def add(self, first: int, length: int, value: int, line: int) -> None:
        """Take this block: the value's number, or 0 when it is excluded."""
        self._entries.append((first, length, value, line))

    def packed(self, values: int) -> tuple[memoryview, memoryview, memoryview, memoryview, list[int]]:
        """(starts, says, where groups end, groups, lines that say what an earlier one has said) for so many values."""
        self._entries.sort(key=lambda entry: entry[:2])
        twice: list[int] = []
        starts: list[int] = []
        says: list[int] = []
        open_: list[tuple[int, int]] = []  # blocks that reach beyond here: the address behind them, what they say
        groups: dict[tuple[int, ...], int] = {}

        def stretch(start: int, said: int) -> None:
            if starts and starts[-1] == start:
                starts.pop()
                says.pop()
            if said != (says[-1] if says else 0):
                starts.append(start)
                says.append(said)

        def close(before: int) -> None:
            while open_ and open_[-1][0] <= before:
                end, _ = open_.pop()
                stretch(end, open_[-1][1] if open_ else 0)

        at = 0
        while at < len(self._entries):
            first, length, value, _ = self._entries[at]
            found = [value]
            at += 1
            while at < len(self._entries) and self._entries[at][:2] == (first, length):
                if self._first_wins:
                    twice.append(self._entries[at][3])
                elif self._entries[at][2] not in found:
                    found.append(self._entries[at][2])
                at += 1
            said = 0 if 0 in found else found[0]
            if said and len(found) > 1:
                said = values + groups.setdefault(tuple(number - 1 for number in found), len(groups) + 1)
            close(first)
            open_.append((first + (1 << self._bits - length), said))
            stretch(first, said)
        close((1 << self._bits) - 1)
        ends, members = array("I"), array("I")
        for group in groups:
            members.extend(group)
            ends.append(len(members))
        if self.version == 4:
            packed = array("I", starts)
        else:
            packed = array("Q", [half for start in starts for half in (start >> 64, start & 0xFFFFFFFFFFFFFFFF)])
        return memoryview(packed), memoryview(array("I", says)), memoryview(ends), memoryview(members), sorted(twice)


def guide(starts: memoryview, version: int = 4) -> memoryview:
    """How many stretches begin before each slot (see `dataset.shift_of`), and in all; empty for few."""
    numbers = starts.tolist()
    if version == 6:
        numbers = [high << 64 | low for high, low in zip(numbers[::2], numbers[1::2], strict=True)]
    if len(numbers) < NEEDS_GUIDE:
        return memoryview(array("I"))
    shift = 16 if version == 4 else shift_of(numbers[0], numbers[-1])
    slots, at = array("I", bytes(4 * 65537)), 0
    for slot in range(65536):
        while at < len(numbers) and numbers[at] >> shift & 0xFFFF < slot:
            at += 1
        slots[slot] = at
    slots[65536] = len(numbers)
    return memoryview(slots)
