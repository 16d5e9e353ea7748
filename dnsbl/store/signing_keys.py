"""Which keys sign the letters of this list: their fingerprints, in order, and the newer ones sealed for other nodes.

Never holds a key that somebody without its predecessor could use.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, insert, select, update

from dnsbl.store.schema.manned import signing_keys
from dnsbl.store.shelf import Shelf, columns, many
from tester.records import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class SigningKey:
    """What the store knows of a key."""

    number: int  #: 1, 2, ... in the order in which they came
    kid: str
    fingerprint: str
    created: int  #: epoch seconds from which it signs
    sealed: bytes | None  #: the key under the one before it; None where that is no longer, or never was, handed round
    entered: datetime


class SigningKeys(Shelf):
    """One row a key, for ever."""

    def all(self) -> list[SigningKey]:
        """Every key, oldest first."""
        found = self._sql.execute(select(*columns(signing_keys, SigningKey)).order_by(signing_keys.c.number))
        return many(SigningKey, found)

    def newest(self) -> int:
        """The newest one's number; 0 before the first."""
        return int(self._sql.execute(select(func.coalesce(func.max(signing_keys.c.number), 0))).scalar_one())

    def add(self, *, kid: str, fingerprint: str, created: int, sealed: bytes | None, entered: datetime) -> None:
        """One more."""
        values = {"number": self.newest() + 1, "kid": kid, "fingerprint": fingerprint, "created": created}
        self._sql.execute(insert(signing_keys).values(values | {"sealed": sealed, "entered": entered}))

    def hand_round_no_more(self, before: datetime) -> None:
        """Drop what was sealed and entered before this moment: by now everybody has it."""
        self._sql.execute(update(signing_keys).where(signing_keys.c.entered < before).values(sealed=None))
