"""The key that a published table is signed with (Ed25519, RFC 8032), and what others know it by.

A file of ours, mode 0600, made at the first use; the public key is 32 octets in base64, as `dnsbl publish-key` prints
it and `follow.key` takes it.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from dnsbl.errors import Damaged, DnsblError
from dnsbl.files import make_folder, make_secret, unopened

_OCTETS = 32


class Signet:
    """One key: signs, and shows its public half."""

    def __init__(self, secret: bytes) -> None:
        """From 32 octets. Raises ValueError for another number of them."""
        self._key = Ed25519PrivateKey.from_private_bytes(secret)

    @classmethod
    def at(cls, path: Path, random: Callable[[int], bytes] = os.urandom) -> Signet:
        """The key in this file, made where there is none; two that make one at once share it. Raises DnsblError."""
        try:
            if not path.exists():
                make_folder(path.parent)
                make_secret(path, b64encode(random(_OCTETS)) + b"\n")
            return cls(b64decode(path.read_bytes().strip(), validate=True))
        except ValueError:
            raise Damaged(f"{path} does not hold a key; restore it from a backup, or move it away.") from None
        except OSError as error:
            raise DnsblError(f"{path}: the key cannot be read or made: {unopened(error)}") from None

    @property
    def public(self) -> str:
        """What others know it by."""
        return b64encode(self._key.public_key().public_bytes_raw()).decode()

    def sign(self, text: bytes) -> bytes:
        """The signature, 64 octets."""
        return self._key.sign(text)


def verifier(public: str) -> Callable[[bytes, bytes], bool]:
    """Whether a text has this signature by the key. Raises ValueError when this is no public key."""
    key = Ed25519PublicKey.from_public_bytes(b64decode(public, validate=True))

    def genuine(text: bytes, signature: bytes) -> bool:
        try:
            key.verify(signature, text)
        except InvalidSignature:
            return False
        return True

    return genuine
