"""What a witness signs of a checkpoint, and how that stands in a note (c2sp.org/tlog-cosignature, the Ed25519 form).

Pure. A cosignature says that at its time this was the largest consistent tree that the witness had seen of this log.
"""

from __future__ import annotations

#: Octets of a time and of a signature in a note.
_TIME, _SIGNATURE = 8, 64


def message(text: str, at: int) -> bytes:
    """What is signed for the text of a checkpoint at this time, in seconds since the epoch."""
    return f"cosignature/v1\ntime {at}\n{text}".encode()


def joined(at: int, signature: bytes) -> bytes:
    """Time and signature as a note has them."""
    return at.to_bytes(_TIME) + signature


def split(blob: bytes) -> tuple[int, bytes]:
    """(time, signature) of what a note has. Raises ValueError when it is no cosignature."""
    at = int.from_bytes(blob[:_TIME])
    if len(blob) != _TIME + _SIGNATURE or at >= 2**63:
        raise ValueError("no cosignature")
    return at, blob[_TIME:]
