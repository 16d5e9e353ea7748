"""What is said between a log and a witness, and whom a witness signs for (c2sp.org/tlog-witness, `add-checkpoint`).

Pure. A witness remembers of each log the last checkpoint that it has signed, and signs none that does not continue it;
so a log that takes something back, or shows two stories, finds nobody to sign for the second one.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence

from dnsbl.errors import Damaged, DnsblError
from dnsbl.log import checkpoint, note
from dnsbl.log.checkpoint import Checkpoint
from dnsbl.log.merkle import EMPTY, OCTETS, PROOF_MOST, check_consistency
from tester.records import dataclass

#: Octets that a request may have: a checkpoint with the signatures of many witnesses, and a proof.
REQUEST_MOST = 65536
#: What a size comes as when a witness has seen another one.
SIZE = "text/x.tlog.size"
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})", re.ASCII)


class Unwitnessed(DnsblError):
    """The witness does not sign: `status` of HTTP, and the `size` that it has signed last where that is the reason."""

    def __init__(self, status: int, message: str, *, size: int | None = None, forked: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.size = size
        self.forked = forked  #: the log has signed what cannot be true beside what it signed before


@dataclass(frozen=True, slots=True)
class Submission:
    """A checkpoint, and what shows that it continues the one that the witness has signed last."""

    old: int  #: leaves of that one; 0: none yet
    proof: tuple[bytes, ...]
    signed: str  #: the checkpoint, a note

    @property
    def text(self) -> str:
        """As it is sent."""
        lines = [f"old {self.old}", *(b64encode(octets).decode() for octets in self.proof), ""]
        return "".join(f"{line}\n" for line in lines) + self.signed

    @classmethod
    def read(cls, octets: bytes) -> Submission:
        """The inverse. Raises Unwitnessed (400) when this is no such request."""
        try:
            if len(octets) > REQUEST_MOST:
                raise ValueError
            head, gap, signed = octets.decode().partition("\n\n")
            first, *lines = head.split("\n")
            old, proof = _OLD.fullmatch(first), tuple(b64decode(line, validate=True) for line in lines)
            if old is None or not gap or len(proof) > PROOF_MOST or any(len(each) != OCTETS for each in proof):
                raise ValueError
        except ValueError:
            raise Unwitnessed(400, "This is no request for a checkpoint to be witnessed.") from None
        return cls(int(old[1]), proof, signed)


def origin(request: Submission) -> str:
    """The log that a request says it is of; nothing of it is verified. Raises Unwitnessed (400)."""
    try:
        return Checkpoint.read(note.parts(request.signed)[0]).origin
    except Damaged as error:
        raise Unwitnessed(400, str(error)) from None


def judge(request: Submission, logs: Mapping[str, Sequence[note.Verifier]], last: Checkpoint | None) -> Checkpoint:
    """The checkpoint that may be signed. `logs` are the keys of those that are witnessed, by origin; `last` is what was
    signed last of this one. Raises Unwitnessed."""
    name = origin(request)
    if name not in logs:
        raise Unwitnessed(404, "This log is not witnessed here.")
    try:
        told, _ = checkpoint.opened(request.signed, name, logs[name])
    except Damaged as error:
        raise Unwitnessed(403, str(error)) from None
    size, root = (last.size, last.root) if last else (0, EMPTY)
    if request.old > told.size:
        raise Unwitnessed(400, "The older size is larger than the checkpoint's.")
    if told.size == size and told.root != root:
        raise Unwitnessed(409, f"{name} has signed two roots at size {size}.", size=size, forked=True)
    if request.old != size:
        raise Unwitnessed(409, f"The last checkpoint that was signed here has size {size}.", size=size)
    try:
        check_consistency(size, root, told.size, told.root, request.proof)
    except Damaged as error:
        raise Unwitnessed(422, str(error)) from None
    return told


def cosignatures(answer: str, signed: str, known: Sequence[note.Verifier]) -> list[str]:
    """Of what a witness has answered, the lines that are signatures of this checkpoint by these keys. Raises Damaged
    where there is none."""
    text, before = note.parts(signed)
    found = note.verified(note.signed(text, [answer]), known)
    there = {one.line for one in before}
    return [one.line for key, one in found.verified if key.sort == note.COSIGNATURE and one.line not in there]
