"""The proof file: what a log says of one address, as one text that a stranger checks with the log's key alone.

Pure. A file has leaves of the log, what is under their seals as far as it may be shown, the way from each leaf to the
root, and the checkpoint with its signatures. It has one spelling, so that each of its bits counts. Its lines:

    dnsbl-proof v1
    leaf INDEX JSON                 the leaf as the log has it
    open FIELD SALT TEXT            what a seal of that leaf hides: salt in hexadecimal, text as a JSON string
    letter RECIPIENT SENDER SHA256  a letter of those that the entry has the digest of, with the hash of its proof
    beside HASH                     of the proof of inclusion, in base64, the leaf's neighbour first
    (an empty line, then the checkpoint as a signed note)
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from dnsbl.errors import Damaged
from dnsbl.log import checkpoint, note
from dnsbl.log.checkpoint import Checkpoint
from dnsbl.log.merkle import PROOF_MOST, leaf_hash, root_of
from tester.records import dataclass

#: The first line.
HEAD = "dnsbl-proof v1"
#: Octets, and leaves, that a file may have.
FILE_MOST, LEAVES_MOST = 4_000_000, 500

_LEAF = re.compile(r"leaf (0|[1-9][0-9]{0,18}) (\{.*\})")
_OPEN = re.compile(r"open ([a-z]{1,20}) ([0-9a-f]{64}) (\".*\")")
_LETTER = re.compile(r"letter ([a-z2-7]{1,64} [a-z2-7]{1,64} [0-9a-f]{64})")
_BESIDE = re.compile(r"beside ([A-Za-z0-9+/]{43}=)")
_DIGEST = re.compile(r"\bletters sha256:([0-9a-f]{64})")


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenedLeaf:
    """A leaf, what is under its seals, and its way to the root."""

    index: int
    leaf: str
    openings: Mapping[str, tuple[bytes, str]]  #: by field: the salt, and the text
    hashes: tuple[bytes, ...]
    letters: tuple[str, ...] = ()  #: "recipient sender sha256"

    @property
    def facts(self) -> dict[str, Any]:
        """The leaf, with what was opened in place of its seals; what stays sealed is not in it. Damaged if none."""
        try:
            told = json.loads(self.leaf)
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            raise Damaged(f"Leaf {self.index} is not what a list's log has.")
        for name in ("sealed", "network"):
            if isinstance(told.get(name), dict):
                del told[name]
        return told | {name: text for name, (_, text) in self.openings.items()}

    @property
    def lines(self) -> Iterator[str]:
        """As a file has it."""
        yield f"leaf {self.index} {self.leaf}"
        for name, (salt, text) in self.openings.items():
            yield f"open {name} {salt.hex()} {json.dumps(text)}"
        for each in self.letters:
            yield f"letter {each}"
        for octets in self.hashes:
            yield f"beside {b64encode(octets).decode()}"

    def check(self) -> None:
        """That what is opened is what was sealed. Raises Damaged, which names what is not."""
        facts = self.facts
        told = json.loads(self.leaf)
        sealed: dict[str, Any] = told["sealed"] if isinstance(told.get("sealed"), dict) else {}
        if isinstance(told.get("network"), dict):
            sealed = {"network": told["network"].get("sha256")}
        for name, (salt, text) in self.openings.items():
            if sealed.get(name) != sha256(salt + text.encode()).hexdigest():
                raise Damaged(f"What is shown of leaf {self.index} as its {name} is not what was sealed there.")
        if self.letters:
            digest = _DIGEST.search(str(facts.get("evidence", "")))
            lines = "".join(f"{each}\n" for each in self.letters)
            if digest is None or digest[1] != sha256(lines.encode()).hexdigest():
                raise Damaged(f"The letters of leaf {self.index} are not those that were filed.")


@dataclass(frozen=True, slots=True)
class ProofFile:
    """Leaves under one checkpoint, in their order."""

    leaves: tuple[OpenedLeaf, ...]
    signed: str  #: the checkpoint, a note

    @property
    def text(self) -> str:
        """As it is handed on."""
        lines = [HEAD, *(line for leaf in self.leaves for line in leaf.lines), ""]
        return "".join(f"{line}\n" for line in lines) + self.signed

    @classmethod
    def read(cls, text: str | bytes) -> ProofFile:
        """The inverse of `text`. Raises Damaged when this is no proof file, naming the line."""
        try:
            whole = text.decode() if isinstance(text, bytes) else text
        except UnicodeDecodeError:
            raise Damaged("This is no proof file: it is not text in UTF-8.") from None
        head, gap, signed = whole.partition("\n\n")
        first, *lines = head.split("\n")
        if len(whole) > FILE_MOST or not gap or first != HEAD:
            raise Damaged(f"This is no proof file: it does not begin with {HEAD}.")
        found = cls(tuple(_leaves(lines)), signed)
        if found.text != whole:
            raise Damaged("This proof file was changed: it is not in the one form that such a file has.")
        return found

    def check(self, origin: str, known: Iterable[note.Verifier]) -> tuple[Checkpoint, note.Note]:
        """That all of it holds, for whoever knows a key of the log of this name: the checkpoint, and the signatures
        that were verified. Raises Damaged with a sentence that names what does not hold."""
        told, found = checkpoint.opened(self.signed, origin, known)
        for each in self.leaves:
            if root_of(leaf_hash(each.leaf.encode()), each.index, told.size, each.hashes) != told.root:
                raise Damaged(f"Leaf {each.index} does not stand there in {origin} at size {told.size}.")
            each.check()
        return told, found


def _leaves(lines: Sequence[str]) -> Iterator[OpenedLeaf]:
    """The blocks. Raises Damaged."""
    starts = [number for number, line in enumerate(lines) if line.startswith("leaf ")]
    if not starts or starts[0] or len(starts) > LEAVES_MOST:
        raise Damaged("This is no proof file: its second line names no leaf, or it has too many of them.")
    last = -1
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        found = _leaf(lines[start:end], start + 2)
        if found.index <= last:
            raise Damaged(f"Line {start + 2} of the proof file names a leaf out of order.")
        last = found.index
        yield found


def _leaf(lines: Sequence[str], at: int) -> OpenedLeaf:
    head = _LEAF.fullmatch(lines[0])
    openings: dict[str, tuple[bytes, str]] = {}
    letters, hashes = list[str](), list[bytes]()
    for number, line in enumerate(lines[1:], at + 1):
        if match := _OPEN.fullmatch(line):
            openings[match[1]] = bytes.fromhex(match[2]), _string(match[3], number)
        elif match := _LETTER.fullmatch(line):
            letters.append(match[1])
        elif (match := _BESIDE.fullmatch(line)) and len(hashes) < PROOF_MOST:
            hashes.append(b64decode(match[1]))
        else:
            raise Damaged(f"Line {number} of the proof file says nothing that one may say.")
    if head is None:
        raise Damaged(f"Line {at} of the proof file is no leaf.")
    return OpenedLeaf(
        index=int(head[1]),
        leaf=head[2],
        openings=openings,
        hashes=tuple(hashes),
        letters=tuple(letters),
    )


def _string(text: str, line: int) -> str:
    try:
        found = json.loads(text)
        found.encode()
    except ValueError:  # also a half of a surrogate pair
        raise Damaged(f"Line {line} of the proof file shows no text.") from None
    assert isinstance(found, str)
    return found
