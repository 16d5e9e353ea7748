"""How a key goes from node to node through the store: sealed under the key before it.

Pure. Sealed is ChaCha20-Poly1305 (RFC 8439) with a random nonce before it, under a key that is derived from the older
one for this alone; what the new key is, and under which one it lies, is bound into it. Whoever can open it holds that
ring already.
"""

from __future__ import annotations

from collections.abc import Callable
from hmac import digest

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from dnsbl.casework.keyring import fingerprint
from dnsbl.errors import Damaged
from tester.letter import Key

_NONCE = 12


def sealed(key: Key, under: Key, random: Callable[[int], bytes]) -> bytes:
    """A key as it may lie in the store, for those who hold the one before it."""
    nonce = random(_NONCE)
    return nonce + _box(under).encrypt(nonce, key.secret, _bound(key.kid, key.created, under))


def opened(box: bytes, *, kid: str, created: int, under: Key) -> Key:
    """The inverse of `sealed`. Raises Damaged when it is not what it says."""
    try:
        secret = _box(under).decrypt(box[:_NONCE], box[_NONCE:], _bound(kid, created, under))
    except (InvalidTag, ValueError) as error:
        raise Damaged(f"The key {kid} in the store is not sealed under the key {under.kid}.") from error
    return Key(kid=kid, secret=secret, created=created)


def _box(under: Key) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(digest(under.secret, b"dnsbl: what seals the next key", "sha256"))


def _bound(kid: str, created: int, under: Key) -> bytes:
    return f"{kid} {created} {fingerprint(under)}".encode()
