"""What a node tells others of its table: a head, which is to be signed, and packed files that the head names by hash.

Pure: bytes in, records out, and back; holds no key and no file. A table file is that of `listed.file`, packed by gzip;
a file of changes has a line a change, in order: `+NETWORK KIND` or `-NETWORK KIND`, the kind "-" for an exception. The
head is text:

    dnsbl-published 1
    made UNIX-SECONDS            when the store stood by the table
    change N                     the change number that all files together lead to
    epoch N                      and the zones' serial is epoch + change, cut to 32 bits only in DNS
    zones DIGEST                 of the zone files that the table was served with
    table 0 N SHA256 PACKED PLAIN
    changes AFTER N SHA256 PACKED PLAIN        any number of these, each going on where the one before ended

A file is known by the SHA-256 of its packed bytes, so its name never comes to mean another one: what was fetched in
part can be continued, and what a third machine hands on is what the first one made. The head of a list never goes back:
see `Bulletin.older`. The signature is a last line that `sealed` adds and `opened` takes off.
"""

from __future__ import annotations

import re
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_network

from dnsbl.errors import Damaged
from dnsbl.model import Change
from dnsbl.vocabulary import EXCEPTION
from tester.records import dataclass

#: Octets of the longest head that is read.
MOST_HEAD = 65536
#: Changes in one file of them, and such files behind one table.
BLOCK, MOST_BLOCKS = 1000, 20
#: Octets of the longest file of changes, unpacked.
MOST_CHANGES = 1 << 20
#: Octets unpacked at once.
PIECE = 1 << 20
#: The name of the head's file, and of the folder of all files, in the state folder.
HEAD, FOLDER = "head", "published"
#: What may be asked for.
NAMES = re.compile(r"head|(table|changes)-\d{1,19}-[0-9a-f]{32}\.gz")

_FORMAT = "dnsbl-published 1"
_SIGNATURE = b"signature "
_LINE = re.compile(r"([+-])([0-9a-f.:]{2,39}/\d{1,3}) (-|[!-~]{1,64})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """One file."""

    what: str  #: "table" or "changes"
    after: int  #: the change number behind which it begins; 0 for a table
    to: int  #: the change number that it leads to
    digest: str  #: SHA-256 of the packed file, in hexadecimal
    packed: int  #: octets of the file
    plain: int  #: octets of what is in it

    @property
    def name(self) -> str:
        """The file's name."""
        return f"{self.what}-{self.to}-{self.digest[:32]}.gz"


@dataclass(frozen=True, kw_only=True, slots=True)
class Bulletin:
    """What is told of a table."""

    made: float  #: when the store stood by it, Unix seconds
    change: int  #: its change number
    epoch: int  #: see `Table.soa_serial`
    zones: str  #: `Zones.digest`
    table: Piece
    changes: tuple[Piece, ...]  #: in order, behind the table

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """All files."""
        return (self.table, *self.changes)

    @property
    def serial(self) -> int:
        """The zones' serial, uncut."""
        return self.epoch + self.change

    def older(self, known: Bulletin) -> bool:
        """Whether this one must not be taken over where the other one was: a list never goes back."""
        return self.serial < known.serial or self.made < known.made

    def text(self) -> bytes:
        """The head as it is signed."""
        lines = [_FORMAT, f"made {self.made:.3f}", f"change {self.change}", f"epoch {self.epoch}"]
        lines += [f"zones {self.zones}"]
        lines += [f"{p.what} {p.after} {p.to} {p.digest} {p.packed} {p.plain}" for p in self.pieces]
        return "\n".join(lines).encode() + b"\n"

    @classmethod
    def read(cls, text: bytes) -> Bulletin:
        """The inverse of `text`. Raises Damaged."""
        try:
            first, made, change, epoch, zones, *pieces = text.decode("ascii").removesuffix("\n").split("\n")
            found = cls(
                made=float(_word(made, "made", r"\d{1,12}\.\d{3}")),
                change=int(_word(change, "change", r"\d{1,19}")),
                epoch=int(_word(epoch, "epoch", r"-?\d{1,19}")),
                zones=_word(zones, "zones", "-|[0-9a-f]{64}"),
                table=_piece(pieces[0], "table"),
                changes=tuple(_piece(line, "changes") for line in pieces[1:]),
            )
            at = found.table.to
            for piece in found.changes:
                if piece.after != at or piece.to <= at or piece.plain > MOST_CHANGES:
                    raise ValueError
                at = piece.to
            if first != _FORMAT or at != found.change or len(found.changes) > MOST_BLOCKS + 1:
                raise ValueError
            return found
        except (ValueError, IndexError):
            raise Damaged("what is published is no head of a table, or one of another version") from None


def sealed(text: bytes, sign: Callable[[bytes], bytes]) -> bytes:
    """A head with its signature."""
    return text + _SIGNATURE + b64encode(sign(text)) + b"\n"


def opened(given: bytes, genuine: Callable[[bytes, bytes], bool]) -> Bulletin:
    """The head in these bytes, whose signature is looked at before anything else. Raises Damaged."""
    text, found, signature = given[:MOST_HEAD].rpartition(_SIGNATURE)
    try:
        ours = bool(found) and genuine(text, b64decode(signature.strip(), validate=True))
    except ValueError:
        ours = False
    if not ours:
        raise Damaged("what is published is not signed with the key in follow.key")
    return Bulletin.read(text)


def lines(changes: Iterable[Change]) -> bytes:
    """Changes as a file, unpacked."""
    return b"".join(
        f"{'+' if one.present else '-'}{one.network} {one.kind or '-'}\n".encode("ascii") for one in changes
    )


def changes(text: bytes, piece: Piece) -> list[Change]:
    """The inverse of `lines`. Raises Damaged."""
    try:
        found = []
        for seq, line in enumerate(text.decode("ascii").splitlines(), piece.after + 1):
            match = _LINE.fullmatch(line)
            if match is None:
                raise ValueError
            kind = EXCEPTION if match[3] == "-" else match[3]
            found.append(Change(seq=seq, network=ip_network(match[2]), kind=kind, present=match[1] == "+"))
        if len(found) != piece.to - piece.after:
            raise ValueError
        return found
    except ValueError:
        raise Damaged(f"{piece.name} does not hold the changes that it names") from None


def packed(parts: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    """These parts, packed; the same parts give the same bytes."""
    packing = zlib.compressobj(6, wbits=31)
    for part in parts:
        yield packing.compress(part)
    yield packing.flush()


def unpacked(parts: Iterable[bytes], piece: Piece) -> Iterator[bytes]:
    """What is in these packed parts: never more than the piece says. Raises Damaged, perhaps at the end only."""
    unpacking = zlib.decompressobj(wbits=31)
    total = 0
    try:
        for part in parts:
            left = part
            while left and not unpacking.eof:
                found = unpacking.decompress(left, PIECE)
                left = unpacking.unconsumed_tail
                total += len(found)
                if total > piece.plain:
                    raise ValueError
                yield found
        while not unpacking.eof and (found := unpacking.decompress(b"", PIECE)):
            total += len(found)
            if total > piece.plain:
                raise ValueError
            yield found
        if total != piece.plain or not unpacking.eof:
            raise ValueError
    except (zlib.error, ValueError):
        raise Damaged(f"{piece.name} is not packed as it says") from None


def _word(line: str, name: str, pattern: str) -> str:
    match = re.fullmatch(rf"{name} ({pattern})", line)
    if match is None:
        raise ValueError
    return match[1]


def _piece(line: str, what: str) -> Piece:
    match = re.fullmatch(rf"{what} (\d{{1,19}}) (\d{{1,19}}) ([0-9a-f]{{64}}) (\d{{1,15}}) (\d{{1,15}})", line)
    if match is None:
        raise ValueError
    after, to, packed_size, plain = (int(match[n]) for n in (1, 2, 4, 5))
    return Piece(what=what, after=after, to=to, digest=match[3], packed=packed_size, plain=plain)
