"""A proof that stands alone: one leaf's place in a log, and the checkpoint that it leads to (c2sp.org/tlog-proof).

Pure. What it proves of an entry holds for whoever knows the keys of the log, without asking anybody.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable

from dnsbl.errors import Damaged
from dnsbl.log import checkpoint, note
from dnsbl.log.checkpoint import Checkpoint
from dnsbl.log.merkle import OCTETS, PROOF_MOST, root_of
from tester.records import dataclass

#: The first line.
HEAD = "c2sp.org/tlog-proof@v1"
#: Octets that a proof may have.
PROOF_OCTETS = note.NOTE_MOST + 1_000_000
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Proof:
    """Where a leaf stands, and what leads from it to the root."""

    index: int
    hashes: tuple[bytes, ...]  #: the leaf's neighbour first
    signed: str  #: the checkpoint, a note
    extra: bytes = b""  #: what the application adds; the proof says nothing about it

    @property
    def text(self) -> str:
        """As a file has it."""
        extra = [f"extra {b64encode(self.extra).decode()}"] if self.extra else []
        hashes = (b64encode(octets).decode() for octets in self.hashes)
        return "".join(f"{line}\n" for line in (HEAD, *extra, f"index {self.index}", *hashes, "")) + self.signed

    @classmethod
    def read(cls, text: str | bytes) -> Proof:
        """The inverse of `text`. Raises Damaged when this is no proof."""
        try:
            if len(text) > PROOF_OCTETS:
                raise ValueError
            whole = text.decode() if isinstance(text, bytes) else text
            head, _, rest = whole.partition("\n\n")
            first, *lines = head.split("\n")
            extra = b64decode(lines.pop(0)[6:], validate=True) if lines and lines[0].startswith("extra ") else b""
            index = _INDEX.fullmatch(lines.pop(0) if lines else "")
            hashes = tuple(b64decode(line, validate=True) for line in lines)
            if first != HEAD or index is None or len(hashes) > PROOF_MOST or any(len(h) != OCTETS for h in hashes):
                raise ValueError
        except ValueError:
            raise Damaged("This is no proof of an entry of a log.") from None
        return cls(int(index[1]), hashes, rest, extra)

    def check(self, leaf: bytes, origin: str, known: Iterable[note.Verifier]) -> tuple[Checkpoint, note.Note]:
        """The checkpoint under which the leaf of this hash stands in the log of this name, and the signatures under
        that. Raises Damaged with a sentence that says what does not hold."""
        told, found = checkpoint.opened(self.signed, origin, known)
        if root_of(leaf, self.index, told.size, self.hashes) != told.root:
            raise Damaged(f"The entry does not stand at place {self.index} of {origin} at size {told.size}.")
        return told, found
