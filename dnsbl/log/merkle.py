"""Merkle trees (RFC 6962 2.1, SHA-256): roots, the two proofs, and how they are checked.

Pure. A tree is asked for its complete subtrees by `Hashes`, so whoever has tiles needs no leaf. A node is named by its
height and number: the leaves under it are `number * 2**height` up to the next one's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

from dnsbl.errors import Damaged

#: Octets of a hash, and the root of no leaves.
OCTETS = 32
EMPTY = sha256(b"").digest()
#: Hashes that a proof may have: as many as a tree of 2**63 leaves is high.
PROOF_MOST = 63

#: (height, number) -> the hash of that complete subtree.
Hashes = Callable[[int, int], bytes]


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf with this content."""
    return sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over these two."""
    return sha256(b"\1" + left + right).digest()


def complete(hashes: Sequence[bytes]) -> bytes:
    """The root over these, in order; any number of them but none."""
    row = list(hashes)
    while len(row) > 1:
        odd = row[len(row) & ~1 :]
        row = [node_hash(left, right) for left, right in zip(row[::2], row[1::2], strict=False)] + odd
    return row[0]


def root(size: int, at: Hashes) -> bytes:
    """The root of a tree of so many leaves."""
    return _over(0, size, at) if size else EMPTY


def inclusion(index: int, size: int, at: Hashes) -> list[bytes]:
    """What shows that this leaf is in a tree of so many, the leaf's neighbour first (RFC 6962 2.1.1).

    Raises ValueError for a leaf that is not in it.
    """
    if not 0 <= index < size:
        raise ValueError("no such leaf in a tree of this size")
    aside, _ = _aside(index, size)
    return [_over(low, high, at) for low, high, _ in reversed(aside)]


def consistency(old: int, size: int, at: Hashes) -> list[bytes]:
    """What shows that a tree of `size` leaves begins with the one of `old` (RFC 6962 2.1.2). Raises ValueError."""
    if not 0 <= old <= size:
        raise ValueError("the older tree cannot be the larger one")
    if not old:
        return []
    aside, start = _aside(old - 1, size, old)
    known = [_over(start, old, at)] if start else []  # else it is the older root
    return known + [_over(low, high, at) for low, high, _ in reversed(aside)]


def root_of(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root of the tree of so many leaves in which this leaf's hash stands at this place, by its proof.

    Raises Damaged for a proof that cannot be one.
    """
    if not 0 <= index < size:
        raise Damaged("The proof is of an entry that its tree does not have.")
    aside, _ = _aside(index, size)
    _sound(proof, len(aside))
    found = leaf
    for (_, _, left), beside in zip(reversed(aside), proof, strict=True):
        found = node_hash(beside, found) if left else node_hash(found, beside)
    return found


def check_consistency(old: int, old_root: bytes, size: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """That the tree of `size` leaves begins with that of `old`. Raises Damaged where the proof does not show it."""
    if not 0 <= old <= size:
        raise Damaged("The older tree is larger than the newer one.")
    if old in (0, size):
        _sound(proof, 0)
        if old_root != (new_root if old else EMPTY):
            raise Damaged("Two trees of one size have different roots.")
        return
    aside, start = _aside(old - 1, size, old)
    inner = bool(start)
    _sound(proof, len(aside) + inner)
    before = after = proof[0] if inner else old_root
    for (_, _, left), beside in zip(reversed(aside), proof[inner:], strict=True):
        before = node_hash(beside, before) if left else before
        after = node_hash(beside, after) if left else node_hash(after, beside)
    if before != old_root or after != new_root:
        raise Damaged("The newer tree does not begin with the older one.")


def _aside(leaf: int, size: int, end: int | None = None) -> tuple[list[tuple[int, int, bool]], int]:
    """The subtrees beside the way from the root down to this leaf, or to the first node whose leaves stop before `end`,
    the topmost first: from which leaf to which, and whether on the left. And the first leaf of where the way ends."""
    low, high = 0, size
    aside = []
    while high - low > 1 and high != end:
        middle = low + (1 << (high - low - 1).bit_length() - 1)
        if leaf < middle:
            aside.append((middle, high, False))
            high = middle
        else:
            aside.append((low, middle, True))
            low = middle
    return aside, low


def _over(low: int, high: int, at: Hashes) -> bytes:
    """MTH(D[low:high]), of a range as the two proofs have them: it begins at a multiple of its width."""
    parts = []
    while low < high:
        height = (high - low).bit_length() - 1
        parts.append(at(height, low >> height))
        low += 1 << height
    found = parts.pop()
    while parts:
        found = node_hash(parts.pop(), found)
    return found


def _sound(proof: Sequence[bytes], length: int) -> None:
    if len(proof) != length or any(len(beside) != OCTETS for beside in proof):
        raise Damaged(f"The proof must have {length} hashes of {OCTETS} octets.")
