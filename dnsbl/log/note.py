"""Signed notes: a text, and under it the signatures of those who stand for it (c2sp.org/signed-note).

Pure: secrets and times are arguments. Nothing of a note counts before a signature by a key that one knows is verified.
Two sorts of keys are known: a log's (Ed25519), and a witness's (see `cosignature`).
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from dnsbl.errors import Damaged
from dnsbl.log import cosignature
from tester.records import dataclass

#: The sorts of keys: what a log signs with, and what a witness does.
ED25519, COSIGNATURE = 1, 4
#: Octets and signatures that a note may have.
NOTE_MOST, SIGNATURES_MOST = 1_000_000, 100

_DASH = "— "
_ID, _KEY = 4, 32


@dataclass(frozen=True, slots=True)
class Verifier:
    """A key that one knows: by it a signature of a note is verified."""

    name: str
    sort: int  #: ED25519 or COSIGNATURE
    public: bytes  #: 32 octets

    @property
    def id(self) -> bytes:
        """Its four octets, by which a signature names it."""
        return sha256(f"{self.name}\n".encode() + bytes([self.sort]) + self.public).digest()[:_ID]

    @property
    def vkey(self) -> str:
        """As people hand it on."""
        return f"{self.name}+{self.id.hex()}+{b64encode(bytes([self.sort]) + self.public).decode()}"

    @classmethod
    def read(cls, vkey: str) -> Verifier:
        """The inverse of `vkey`. Raises ValueError when this is no such key."""
        name, _, rest = vkey.partition("+")
        named, _, encoded = rest.partition("+")
        octets = _octets(encoded)
        if not sound_name(name) or len(octets) != 1 + _KEY or octets[0] not in (ED25519, COSIGNATURE):
            raise ValueError("no key of a note")
        found = cls(name, octets[0], octets[1:])
        if found.id.hex() != named:
            raise ValueError("a key whose id is not its own")
        return found

    def verify(self, text: str, blob: bytes) -> None:
        """Raises ValueError when this is no signature of the text by this key."""
        at, signature = cosignature.split(blob) if self.sort == COSIGNATURE else (0, blob)
        signed = cosignature.message(text, at) if self.sort == COSIGNATURE else text.encode()
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, signed)
        except InvalidSignature:
            raise ValueError("no signature of this text by this key") from None


class Signer:
    """A key of one's own."""

    def __init__(self, name: str, secret: bytes, *, sort: int = ED25519) -> None:
        """From 32 octets. Raises ValueError for another number of them, and for a name that no note can have."""
        if not sound_name(name):
            raise ValueError("a name of a note's key has no blanks and no plus")
        self._key = Ed25519PrivateKey.from_private_bytes(secret)
        self.verifier = Verifier(name, sort, self._key.public_key().public_bytes_raw())

    def line(self, text: str, at: int = 0) -> str:
        """The signature of this text, as a line of a note; a witness's bears the time (seconds since the epoch)."""
        if self.verifier.sort == COSIGNATURE:
            blob = cosignature.joined(at, self._key.sign(cosignature.message(text, at)))
        else:
            blob = self._key.sign(text.encode())
        return f"{_DASH}{self.verifier.name} {b64encode(self.verifier.id + blob).decode()}\n"


@dataclass(frozen=True, slots=True)
class Signature:
    """One line under a note."""

    name: str
    id: bytes
    blob: bytes
    line: str  #: as it stands there, with its end

    @property
    def at(self) -> int:
        """When a witness has signed, in seconds since the epoch. Raises ValueError where it is no witness's."""
        return cosignature.split(self.blob)[0]


@dataclass(frozen=True, slots=True)
class Note:
    """A text, and the signatures under it that were verified."""

    text: str  #: with its last end of line
    verified: tuple[tuple[Verifier, Signature], ...]


def signed(text: str, lines: Iterable[str]) -> str:
    """The note. Raises ValueError for a text that none can have."""
    if not text.endswith("\n") or not _printable(text):
        raise ValueError("a note's text ends with its last line and has no control characters")
    return f"{text}\n{''.join(lines)}"


def parts(note: str | bytes) -> tuple[str, list[Signature]]:
    """The text and the signatures, none of which is verified. Raises Damaged when this is no note."""
    try:
        whole = note.decode() if isinstance(note, bytes) else note
        text, gap, under = whole.rpartition("\n\n")
        *lines, end = under.split("\n")
        if not gap or end or not _printable(whole) or len(whole) > NOTE_MOST:
            raise ValueError
        if not 0 < len(lines) <= SIGNATURES_MOST:
            raise ValueError
        return f"{text}\n", [_signature(line) for line in lines]
    except ValueError:  # also what is not UTF-8
        raise Damaged("This is no signed note.") from None


def verified(note: str | bytes, known: Iterable[Verifier]) -> Note:
    """The note, by keys that one knows. Raises Damaged when this is none, when none of them has signed it, and when one
    of them is said to have and has not."""
    text, signatures = parts(note)
    keys = {(key.name, key.id): key for key in known}
    found: dict[tuple[str, bytes], tuple[Verifier, Signature]] = {}
    for signature in signatures:
        key = keys.get((signature.name, signature.id))
        if key is None or (signature.name, signature.id) in found:
            continue
        try:
            key.verify(text, signature.blob)
        except ValueError:
            raise Damaged(f"The signature by {key.name} is not of this text.") from None
        found[signature.name, signature.id] = key, signature
    if not found:
        raise Damaged("The note is signed by no key that is known here.")
    return Note(text, tuple(found.values()))


def sound_name(name: str) -> bool:
    """Whether a key may have this name."""
    return bool(name) and "+" not in name and _printable(name) and not any(letter.isspace() for letter in name)


def _signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    octets = _octets(encoded)
    if not line.startswith(_DASH) or not sound_name(name) or len(octets) <= _ID:
        raise ValueError
    return Signature(name, octets[:_ID], octets[_ID:], f"{line}\n")


def _octets(encoded: str) -> bytes:
    """Base64, in its one right spelling. Raises ValueError."""
    octets = b64decode(encoded)
    if b64encode(octets).decode() != encoded:
        raise ValueError("not in the one spelling of base64")
    return octets


def _printable(text: str) -> bool:
    return all(letter >= " " or letter == "\n" for letter in text)
