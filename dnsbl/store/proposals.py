"""Listings by one operator's word that wait for another's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select

from dnsbl.addresses import Network
from dnsbl.model import Proposal
from dnsbl.store.clerk import prepared
from dnsbl.store.schema.listed import proposals
from dnsbl.store.shelf import Shelf, columns, many, one

_PROPOSAL = columns(proposals, Proposal)
_ANY = prepared(
    select(proposals.c.kind)
    .where(proposals.c.network == bindparam("network"), proposals.c.kind.in_(bindparam("kinds", expanding=True)))
    .limit(1)
)
_END = prepared(
    delete(proposals).where(
        proposals.c.network == bindparam("at_network"), proposals.c.kind.in_(bindparam("kinds", expanding=True))
    )
)


class Proposals(Shelf):
    """One row a network and kind."""

    def put(
        self, networks: Sequence[Network], *, kind: str, reason: str, public: str, author: str, at: datetime
    ) -> None:
        """Store one for each of at most 10,000 distinct networks; it takes the place of an earlier one of the kind."""
        self._sql.execute(delete(proposals).where(proposals.c.network.in_(networks), proposals.c.kind == kind))
        same = {"kind": kind, "reason": reason, "public": public, "author": author, "at": at}
        self._sql.execute(insert(proposals).values(same), [{"network": network} for network in networks])

    def of(self, network: Network, kind: str) -> Proposal | None:
        """The proposal of this network and kind."""
        wanted = select(*_PROPOSAL).where(proposals.c.network == network, proposals.c.kind == kind)
        return one(Proposal, self._sql.execute(wanted).one_or_none())

    def any(self, network: Network, *kinds: str) -> bool:
        """Whether there is one of these kinds."""
        return self._sql.execute(_ANY, {"network": network, "kinds": list(kinds)}).first() is not None

    def end(self, network: Network, *kinds: str) -> bool:
        """Forget those of these kinds; whether there was one."""
        if not self.any(network, *kinds):
            return False
        return bool(self._sql.execute(_END, {"at_network": network, "kinds": kinds}).rowcount)

    def all(self) -> list[Proposal]:
        """Every proposal, in the order of networks."""
        return many(Proposal, self._sql.execute(select(*_PROPOSAL).order_by(proposals.c.network, proposals.c.kind)))
