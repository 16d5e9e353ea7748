"""Where networks are, by a file that an operator gives: `NETWORK,CC` or `FIRST,LAST,CC` a line; `#` begins a remark.

Pure: lines in, a table out. The narrowest line that holds an address decides. Lines lie inside each other or apart; two
that overlap in part, or say two countries of the same, are a mistake, since nobody could say which one counts. Kept are
the places where the country changes, 6 octets each of IPv4 and 18 of IPv6; while a file is read, each of its lines
takes about 60 octets (IPv4) or 85 (IPv6) more.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address

from dnsbl.addresses import Network, printable
from dnsbl.errors import SettingsError

#: Octets and lines that a file may have, and octets of one line.
OCTETS, LINES, LONGEST = 1 << 27, 2_000_000, 1000
#: Lines sorted at once, so that other threads have their turn.
RUN = 1 << 16
#: Of addresses that no line holds.
_NOWHERE = b"\0\0"
_MAPPED = bytes(10) + b"\xff\xff"
#: Turns octets round, so that of networks that begin alike the wider one comes first.
_TURNED = bytes(range(255, -1, -1))
_FORM = "NETWORK,CC or FIRST,LAST,CC is needed"


class Places:
    """Which country an address is in. Empty, or made by `read`; immutable."""

    __slots__ = ("_bands", "lines")

    def __init__(self) -> None:
        self.lines = 0  #: of the file, that say something
        self._bands = {4: _Band(4), 16: _Band(16)}  # by octets of an address

    @classmethod
    def read(cls, lines: Iterable[bytes], source: str) -> Places:
        """The table of these lines of a file. Raises SettingsError, one sentence with the number of the first line that
        is wrong; no line is read behind it, nor behind a bound."""
        found, octets = cls(), 0
        runs: dict[int, list[list[bytes]]] = {4: [[]], 16: [[]]}
        number = 0
        try:
            for number, line in enumerate(lines, 1):
                octets += len(line)
                if len(line) > LONGEST or number > LINES or octets > OCTETS:
                    raise ValueError(f"a file has up to {OCTETS} octets, {LINES} lines, {LONGEST} octets a line")
                row = _row(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)
                if row is None:
                    continue
                first, last, code = row
                mine = runs[len(first)]
                mine[-1].append(first + last.translate(_TURNED) + number.to_bytes(4, "big") + code)
                if len(mine[-1]) == RUN:
                    mine[-1].sort()
                    mine.append([])
                found.lines += 1
            for width, band in found._bands.items():
                runs[width][-1].sort()
                for first, last, number, code in _rows(width, heapq.merge(*runs.pop(width))):
                    band.lay(first, last, number, code)
                band.close()
        except ValueError as error:
            raise SettingsError([f"{source}: line {number}: {error}"]) from None
        return found

    @property
    def octets(self) -> int:
        """What the table takes."""
        return sum(len(band.starts) + len(band.codes) for band in self._bands.values())

    def country_of(self, network: Network) -> str:
        """The two letters of the country that all of this network is in; "" where no line says so, or two do."""
        first, last = network.network_address.packed, network.broadcast_address.packed
        return self._bands[len(first)].of(first, last)


class _Band:
    """The addresses of one length, cut where the country changes. Addresses are octets, which sort as numbers do."""

    __slots__ = ("_open", "_width", "codes", "starts")

    def __init__(self, width: int) -> None:
        self._width = width
        self.starts, self.codes = bytearray(), bytearray()
        self._open: list[tuple[bytes, bytes, int, bytes]] = []  # lines that hold the last one, each in the one before

    def lay(self, first: bytes, last: bytes, line: int, code: bytes) -> None:
        """Lay a line upon those before it; they come by their first address, wider ones first. Raises ValueError."""
        self._end(first)
        if self._open:
            begin, end, other, said = self._open[-1]
            if end < last:
                raise ValueError(f"overlaps line {other} in part; lines lie inside each other or apart")
            if (begin, end) == (first, last) and code != said:
                raise ValueError(f"says another country than line {other} of the same addresses")
        self._cut(first, code)
        self._open.append((first, last, line, code))

    def close(self) -> None:
        """No line follows."""
        self._end(None)

    def of(self, first: bytes, last: bytes) -> str:
        """The country from one address to another; "" where it is none, or changes."""
        at = self._at(first)
        if self._at(last) != at:
            return ""
        code = bytes(self.codes[2 * at : 2 * at + 2])
        return "" if code == _NOWHERE else code.decode("ascii")

    def _at(self, address: bytes) -> int:
        width, starts = self._width, self.starts
        count = len(starts) // width
        return bisect_right(range(count), address, key=lambda at: bytes(starts[at * width : at * width + width])) - 1

    def _end(self, first: bytes | None) -> None:
        """End the lines that do not reach this address."""
        while self._open and (first is None or self._open[-1][1] < first):
            _, end, _, _ = self._open.pop()
            behind = int.from_bytes(end, "big") + 1
            if behind >> 8 * self._width == 0:
                self._cut(behind.to_bytes(self._width, "big"), self._open[-1][3] if self._open else _NOWHERE)

    def _cut(self, start: bytes, code: bytes) -> None:
        """From this address on it is another country."""
        if self.starts[-self._width :] == start:
            del self.starts[-self._width :], self.codes[-2:]
        if self.codes[-2:] != code:
            self.starts += start
            self.codes += code


def _rows(width: int, keys: Iterable[bytes]) -> Iterator[tuple[bytes, bytes, int, bytes]]:
    """What the sorted keys of lines are made of."""
    for key in keys:
        last = key[width : 2 * width].translate(_TURNED)
        yield key[:width], last, int.from_bytes(key[2 * width : -2], "big"), key[-2:]


def _row(line: bytes) -> tuple[bytes, bytes, bytes] | None:
    """First address, last address and country of a line; None where it says nothing. Raises ValueError."""
    text = line.partition(b"#")[0].decode("utf-8", "replace")
    match [part.strip().strip('"').strip() for part in text.split(",")]:
        case [""]:
            return None
        case [network, code]:
            first, last = _network(network)
        case [begin, end, code]:
            first, last = _address(begin), _address(end)
            if len(first) != len(last) or first > last:
                raise ValueError("a range begins with the lower address, of the same version")
        case _:
            raise ValueError(_FORM)
    if len(code) != 2 or not (code.isascii() and code.isalpha()):
        raise ValueError(f"{_quoted(code)} is no country of two letters (ISO 3166-1)")
    return first, last, code.upper().encode("ascii")


def _network(text: str) -> tuple[bytes, bytes]:
    head, slash, digits = text.partition("/")
    first = _address(head)
    bits = 8 * len(first)
    if not slash:
        return first, first
    if not (digits.isascii() and digits.isdigit() and len(digits) < 4):
        raise ValueError(f"{_quoted(text)} is not an IPv4 or IPv6 network")
    length = int(digits) - (96 if bits == 32 and ":" in head else 0)  # an IPv4-mapped one
    if not 0 <= length <= bits:
        raise ValueError(f"{_quoted(text)} is not an IPv4 or IPv6 network")
    number, behind = int.from_bytes(first, "big"), (1 << (bits - length)) - 1
    if number & behind:
        raise ValueError(f"{_quoted(text)} has bits set behind its prefix")
    return first, (number | behind).to_bytes(len(first), "big")


def _address(text: str) -> bytes:
    """Its octets; of an IPv4-mapped one those of the IPv4 address. Raises ValueError."""
    try:
        if ":" not in text:
            return IPv4Address(text).packed
        if "%" in text:  # a zone of this machine (RFC 4007 11)
            raise ValueError
        return IPv6Address(text).packed.removeprefix(_MAPPED)
    except ValueError:
        raise ValueError(f"{_quoted(text)} is not an IPv4 or IPv6 address") from None


def _quoted(text: str) -> str:
    return f'"{printable(text[:64])}"'
