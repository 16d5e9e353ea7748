"""What was shown to us: messages, each once, under the SHA-256 of its bytes."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from sqlalchemy import insert, select

from dnsbl.store.schema import evidence
from dnsbl.store.shelf import Shelf


class EvidenceShelf(Shelf):
    """Messages from nominators."""

    def keep(self, message: bytes, received: datetime) -> str:
        """Store a message unless it is there; returns its SHA-256 in hex."""
        name = sha256(message).hexdigest()
        if self.read(name) is None:
            self._sql.execute(insert(evidence).values(sha256=name, message=message, received=received))
        return name

    def read(self, name: str) -> bytes | None:
        """The message of this SHA-256."""
        return self._sql.execute(select(evidence.c.message).where(evidence.c.sha256 == name)).scalar()
