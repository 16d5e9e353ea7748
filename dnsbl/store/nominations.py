"""Who showed us whom, and with what."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select

from dnsbl.addresses import Address
from dnsbl.model import Nomination
from dnsbl.store.schema import nominations
from dnsbl.store.shelf import Shelf


class Nominations(Shelf):
    """Accepted nominations, one row each."""

    def add(self, nomination: Nomination, evidence: str | None, received: datetime) -> int:
        """Store a nomination with the SHA-256 of its evidence; returns its number."""
        values = {
            "address": nomination.address,
            "door": nomination.door,
            "nominator": nomination.nominator,
            "reason": nomination.reason,
            "evidence": evidence,
            "received": received,
        }
        return int(self._sql.execute(insert(nominations).values(values).returning(nominations.c.id)).scalar_one())

    def shown_in(self, evidence: str) -> list[Address]:
        """The addresses that were nominated with this message, by its SHA-256."""
        wanted = select(nominations.c.address).where(nominations.c.evidence == evidence).distinct()
        return list(self._sql.execute(wanted).scalars())

    def with_evidence(self, address: Address) -> bool:
        """Whether anybody has ever shown evidence against this address."""
        wanted = select(nominations.c.id).where(nominations.c.address == address, nominations.c.evidence.is_not(None))
        return self._sql.execute(wanted.limit(1)).one_or_none() is not None
