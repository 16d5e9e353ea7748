"""What was shown to us: messages, each once, under the SHA-256 of its bytes."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from sqlalchemy import bindparam, delete, func, insert, select

from dnsbl.store.clerk import prepared
from dnsbl.store.columns import Number
from dnsbl.store.schema.nominated import evidence
from dnsbl.store.shelf import Shelf

_ADD = prepared(insert(evidence))
_SIZE = prepared(select(func.length(evidence.c.message, type_=Number)).where(evidence.c.sha256 == bindparam("name")))


class EvidenceShelf(Shelf):
    """Messages from nominators."""

    def keep(self, message: bytes, received: datetime, *, name: str = "") -> tuple[str, int]:
        """Store a message unless it is there; returns its SHA-256 in hex, and how many octets were stored. `name` is
        that SHA-256, where it is known."""
        name = name or name_of(message)
        if self.size(name) is not None:
            return name, 0
        self._sql.later(_ADD, {"sha256": name, "message": message, "received": received})
        return name, len(message)

    def size(self, name: str) -> int | None:
        """Octets of the message of this SHA-256; None for one that is not here."""
        size: int | None = self._sql.execute(_SIZE, {"name": name}).scalar()
        return size

    def read(self, name: str) -> bytes | None:
        """The message of this SHA-256, unless it was forgotten."""
        return self._sql.execute(select(evidence.c.message).where(evidence.c.sha256 == name)).scalar()

    def oldest(self, *, most: int, but: int = 0) -> list[str]:
        """The SHA-256 of the messages that are here longest, the first `but` of them left out."""
        wanted = select(evidence.c.sha256).order_by(evidence.c.received, evidence.c.sha256)
        return list(self._sql.execute(wanted.offset(but).limit(most)).scalars())

    def forget(self, name: str) -> int:
        """Delete a message; its SHA-256 stays with its nominations. Returns how many octets are freed."""
        size = self.size(name)
        self._sql.execute(delete(evidence).where(evidence.c.sha256 == name))
        return size or 0


def name_of(message: bytes) -> str:
    """The SHA-256 of a message, in hex."""
    return sha256(message).hexdigest()
