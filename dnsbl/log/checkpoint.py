"""Checkpoints: a log's name, its size and its root, as the text of a note (c2sp.org/tlog-checkpoint).

Pure. Two checkpoints of one log and one size with different roots are the proof that it has told two stories.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable

from dnsbl.errors import Damaged
from dnsbl.log import note
from dnsbl.log.merkle import OCTETS, PROOF_MOST
from tester.records import dataclass


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log stands for."""

    origin: str  #: the log's name
    size: int  #: leaves
    root: bytes
    more: tuple[str, ...] = ()  #: lines of others' making, which mean nothing here

    @property
    def text(self) -> str:
        """As it is signed."""
        return "".join(f"{line}\n" for line in (self.origin, self.size, b64encode(self.root).decode(), *self.more))

    @classmethod
    def read(cls, text: str) -> Checkpoint:
        """The inverse of `text`. Raises Damaged when this is no checkpoint."""
        try:
            origin, size, root, *more, _ = text.split("\n")
            found = cls(origin, int(size), b64decode(root), tuple(more))
        except ValueError:  # also of too few lines
            raise Damaged("This is no checkpoint of a log.") from None
        sound = origin and all(more) and len(found.root) == OCTETS and 0 <= found.size < 2**PROOF_MOST
        if not sound or found.text != text:  # it has one spelling
            raise Damaged("This is no checkpoint of a log.")
        return found


def opened(text: str | bytes, origin: str, known: Iterable[note.Verifier]) -> tuple[Checkpoint, note.Note]:
    """The checkpoint of this log in a note, signed by one of the keys that one knows for it; keys of witnesses may be
    among them, and do not stand for the log. Raises Damaged when it is none, or another log's."""
    keys = list(known)
    found = note.verified(text, keys)
    told = Checkpoint.read(found.text)
    if told.origin != origin:
        raise Damaged(f"This is a checkpoint of {told.origin} and not of {origin}.")
    if not any(key.sort == note.ED25519 for key, _ in found.verified):
        raise Damaged(f"No key of {origin} has signed this checkpoint.")
    return told, found
