"""What is on the list and what once was. At most one active listing per network and kind."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    bindparam,
    case,
    func,
    insert,
    or_,
    select,
    tuple_,
    type_coerce,
    union_all,
    update,
)

from dnsbl.addresses import Address, Network, network_of
from dnsbl.errors import Damaged
from dnsbl.model import Listing
from dnsbl.store.clerk import prepared
from dnsbl.store.columns import RawKey, covering, network_key, span
from dnsbl.store.schema.listed import ACTIVE, WORDED, listings
from dnsbl.store.schema.tested import letters, returns
from dnsbl.store.shelf import Shelf, columns, many, one
from dnsbl.vocabulary import BACKSCATTER, EXCEPTION, GOT_OFF, OUTPUT_KINDS, PROOF_KINDS, TESTED_KINDS, Reason
from tester.verdict import CAME_BACK, ELSEWHERE, Finding

_LISTING = columns(listings, Listing)
_KEY = type_coerce(listings.c.network, RawKey())
_TESTED = listings.c.kind.in_(sorted(TESTED_KINDS))
_PROVEN = (listings.c.network == bindparam("network"), _TESTED)
_THE_PROVEN = prepared(select(*_LISTING).where(*_PROVEN, ACTIVE).order_by(listings.c.id.desc()).limit(1))
_OFF = listings.c.end_reason.in_(sorted(GOT_OFF))
_GOT_OFF = (*_PROVEN, _OFF)
_DELISTED = prepared(select(func.max(listings.c.ended)).where(*_GOT_OFF))
_TIMES_OFF = prepared(select(func.count()).where(*_GOT_OFF))
_RELEASED = prepared(
    select(listings.c.id)
    .where(*_PROVEN, listings.c.end_reason == Reason.OWNER_GONE, listings.c.ended >= bindparam("from_then"))
    .limit(1)
)
_LET_GO = prepared(
    select(listings.c.id)
    .where(
        listings.c.network == bindparam("network"),
        listings.c.kind.in_(bindparam("kinds", expanding=True)),
        listings.c.end_reason.in_([Reason.OPERATOR, Reason.REMOVED]),
        listings.c.ended > bindparam("from_then"),
    )
    .limit(1)
)
_ADD = prepared(insert(listings))
_CHANGE = prepared(update(listings).where(listings.c.id == bindparam("of")))
_END = prepared(update(listings).where(listings.c.id == bindparam("of"), ACTIVE))
_AROUND: BindParameter[Any] = bindparam("around", expanding=True)
_IN = prepared(select(*_LISTING).where(_KEY.in_(_AROUND), ACTIVE).order_by(listings.c.network.desc(), listings.c.kind))
_PAST = prepared(
    select(*_LISTING)
    .where(_KEY.in_(_AROUND), ~ACTIVE, listings.c.kind != EXCEPTION)
    .order_by(listings.c.ended.desc(), listings.c.id)
    .limit(bindparam("most"))
)
_PRESENT = prepared(
    select(listings.c.network, listings.c.id).where(
        listings.c.network.in_(bindparam("networks", expanding=True)), listings.c.kind == bindparam("kind"), ACTIVE
    )
)
_CAME_BACK = prepared(
    select(letters.c.id)
    .where(letters.c.run == bindparam("run"), letters.c.finding.in_(bindparam("shown", expanding=True)))
    .limit(1)
)
#: Listings that are looked at in a search that no index serves. Addresses of a network whose listings are found by it.
WINDOW, NEAR = 500_000, 1 << 16


class Listings(Shelf):
    """One row a listing, kept after its end."""

    def add(
        self,
        networks: Sequence[Network],
        *,
        kind: str,
        since: datetime,
        expires: datetime | None,
        reason: Reason,
        note: str = "",
        public: str = "",
        run: str | None = None,
        author: str = "",
    ) -> list[Network]:
        """List those of at most 5000 distinct networks that are not listed under this kind yet; returns these.

        Raises Damaged for a kind that only proof may fill, unless a letter of this very run has come back (law 1); for
        an output it came back through that very address.
        """
        self._hold_law_one(kind, run, networks)
        present = self.active(networks, kind)
        fresh = [network for network in networks if network not in present]
        if fresh:
            same = {
                "kind": kind,
                "since": since,
                "expires": expires,
                "reason": reason,
                "note": note,
                "public": public,
                "run": run,
                "confirmed": since,
                "author": author,
            }
            self._sql.later(_ADD, *(same | {"network": network} for network in fresh))
        return fresh

    def active(self, networks: Iterable[Network], kind: str) -> dict[Network, int]:
        """The numbers of the active listings of these networks under this kind."""
        found = self._sql.execute(_PRESENT, {"networks": list(networks), "kind": kind})
        return {row.network: row.id for row in found}

    def worded_by(self, author: str, *, behind: int, most: int) -> list[Listing]:
        """Active listings by this operator's word with numbers behind this one, exceptions apart; at most so many."""
        wanted = select(*_LISTING).where(WORDED, listings.c.author == author, listings.c.kind != EXCEPTION)
        wanted = wanted.where(listings.c.id > behind)
        return many(Listing, self._sql.execute(wanted.order_by(listings.c.id).limit(most)))

    def to_review(self, before: datetime, *, most: int) -> list[Listing]:
        """Active listings by operators' word that lapse before this moment, the first to lapse first."""
        wanted = select(*_LISTING).where(listings.c.expires <= before, listings.c.reason == Reason.OPERATOR, ACTIVE)
        return many(Listing, self._sql.execute(wanted.order_by(listings.c.expires, listings.c.id).limit(most)))

    def extend(self, numbers: Iterable[int], expires: datetime | None) -> None:
        """These listings lapse at another time."""
        self._sql.execute(update(listings).where(listings.c.id.in_(list(numbers)), ACTIVE).values(expires=expires))

    def active_after(self, number: int, *, most: int) -> list[Listing]:
        """Active listings, exceptions too, whose own number is behind this one, in their order; at most so many."""
        wanted = select(*_LISTING).where(listings.c.id > number, ACTIVE).order_by(listings.c.id)
        return many(Listing, self._sql.execute(wanted.limit(most)))

    def end(self, numbers: Iterable[int], *, at: datetime, reason: Reason) -> None:
        """End these listings."""
        self._sql.later(_END, *({"of": number, "ended": at, "end_reason": reason} for number in numbers))

    def renew(self, listing: Listing, *, kind: str, expires: datetime | None, run: str, at: datetime) -> None:
        """A fresh proof: the expiry moves, and the kind follows the proof. Raises Damaged as `add` does."""
        self._hold_law_one(kind, run, [listing.network])
        self._sql.later(_CHANGE, {"of": listing.id, "kind": kind, "expires": expires, "run": run, "confirmed": at})

    def proven(self, address: Address) -> Listing | None:
        """The active listing of exactly this address as what was tested itself."""
        return one(Listing, self._sql.execute(_THE_PROVEN, {"network": network_of(address)}).one_or_none())

    def proven_among(self, networks: Collection[Network]) -> set[Network]:
        """Those of these single addresses, as networks, that have such a listing."""
        found, every = set[Network](), list(networks)
        for n in range(0, len(every), 1000):
            wanted = select(listings.c.network).where(listings.c.network.in_(every[n : n + 1000]), _TESTED, ACTIVE)
            found.update(self._sql.execute(wanted).scalars())
        return found

    def delisted(self, address: Address) -> datetime | None:
        """When exactly this address last got off the list, by a test or, where that is enough, a request."""
        ended: datetime | None = self._sql.execute(_DELISTED, {"network": network_of(address)}).scalar()
        return ended

    def tested(
        self, network: Network, *, behind: Network | None = None, most: int
    ) -> list[tuple[Network, datetime | None, datetime | None]]:
        """Of the addresses in a network, behind this one, that a test has listed or that have got off as `delisted` has
        it, in order: since when each is listed, if it is, and when it last got off; at most so many."""
        inside: list[ColumnElement[bool]] = [listings.c.network.between(network, network_of(span(network)[1])), _TESTED]
        if behind is not None:
            inside.append(listings.c.network > behind)
        since = func.max(case((ACTIVE, listings.c.since)))
        wanted = select(listings.c.network, since, func.max(case((_OFF, listings.c.ended))))
        wanted = wanted.where(*inside, or_(ACTIVE, _OFF)).group_by(listings.c.network).order_by(listings.c.network)
        return [(each, listed, off) for each, listed, off in self._sql.execute(wanted.limit(most))]

    def times_off(self, address: Address) -> int:
        """How often it has."""
        return int(self._sql.execute(_TIMES_OFF, {"network": network_of(address)}).scalar_one())

    def last(self) -> int:
        """The number of the newest listing, 0 where there was none yet."""
        return int(self._sql.execute(select(func.coalesce(func.max(listings.c.id), 0))).scalar_one())

    def news(self, network: Network, after: int, *, upto: int, most: int) -> list[Listing]:
        """Active listings in a network with numbers between these, the oldest first; exceptions are none."""
        low, high = span(network)
        inside = listings.c.network.between(network_of(low).supernet(new_prefix=network.prefixlen), network_of(high))
        wanted = select(*_LISTING).where(
            inside, listings.c.id > after, listings.c.id <= upto, listings.c.kind != EXCEPTION, ACTIVE
        )
        return many(Listing, self._sql.execute(wanted.order_by(listings.c.id).limit(most)))

    def released(self, address: Address, since: datetime) -> bool:
        """Whether a listing of exactly this address has ended since then because nobody was there any more."""
        asked = {"network": network_of(address), "from_then": since}
        return self._sql.execute(_RELEASED, asked).first() is not None

    def let_go(self, network: Network, kinds: Iterable[str], since: datetime) -> bool:
        """Whether a listing of exactly this network under one of these kinds has ended after that moment at somebody's
        word: an operator's, or its owner's where that is enough."""
        asked = {"network": network, "kinds": sorted(kinds), "from_then": since}
        return self._sql.execute(_LET_GO, asked).first() is not None

    def covering(self, of: Address | Network) -> list[Listing]:
        """The active listings that cover an address or a network, narrowest first, but for those that an exception
        leaves it out of.
        """
        return _left(self._around(of))

    def covering_each(self, addresses: Sequence[Address]) -> dict[Address, list[Listing]]:
        """The same for each of at most 200 addresses, in one question."""
        around = {address: set(covering(address)) for address in addresses}
        every = [(network_key(each.network), each) for each in self._in(set().union(*around.values()))]
        return {address: _left([each for key, each in every if key in near]) for address, near in around.items()}

    def exception(self, address: Address) -> Listing | None:
        """The active exception that counts for this address, the narrowest."""
        return next((listing for listing in self._around(address) if listing.kind == EXCEPTION), None)

    def exceptions(self) -> list[Listing]:
        """All active exceptions, in the order of networks."""
        found = many(Listing, self._sql.execute(select(*_LISTING).where(listings.c.kind == EXCEPTION, ACTIVE)))
        return sorted(found, key=lambda each: network_key(each.network))

    def _around(self, of: Address | Network) -> list[Listing]:
        """All active rows that cover this, exceptions too, narrowest first."""
        if isinstance(of, Address):
            return self._in(covering(of))
        return self._in(covering(of.network_address)[: of.prefixlen + 1])

    def _in(self, keys: Iterable[bytes]) -> list[Listing]:
        """All active rows of just these networks, exceptions too, narrowest first where one holds the other."""
        return many(Listing, self._sql.execute(_IN, {"around": tuple(keys)}))

    def within(self, network: Network, *, most: int) -> list[Listing]:
        """The active listings inside a network, in order; at most so many."""
        inside = listings.c.network.between(network, network_of(span(network)[1]))
        wanted = select(*_LISTING).where(inside, ACTIVE, listings.c.kind != EXCEPTION)
        wanted = wanted.order_by(listings.c.network, listings.c.kind)
        return many(Listing, self._sql.execute(wanted.limit(most)))

    def page(
        self,
        *,
        kinds: Collection[str] | None = None,
        network: Network | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        reason: Reason | None = None,
        before: int | None = None,
        most: int,
    ) -> tuple[list[Listing], int | None]:
        """Active listings, the newest first, those behind the one of this number: of these kinds, in this network,
        begun from `since` on and before `until`, for this reason. Exceptions are none. And the number behind which
        there may be more, or None.

        Those of some kinds, and those of a network that is not wide, are found by an index; else WINDOW listings are
        looked at and no more, so that a search for what there is nowhere costs the same on a list of any length."""
        end = before if before is not None else self.last() + 1
        near = network is not None and network.num_addresses <= NEAR
        found_by_kind = kinds is not None and all(each is None for each in (network, since, until, reason))
        low = 1 if near or found_by_kind else max(1, end - WINDOW)
        wanted = select(listings.c.id).where(ACTIVE)
        if network is not None:
            wanted = wanted.where(listings.c.network.between(network, network_of(span(network)[1])))
        if since is not None:
            wanted = wanted.where(listings.c.since >= since)
        if until is not None:
            wanted = wanted.where(listings.c.since < until)
        if reason is not None:
            wanted = wanted.where(listings.c.reason == reason)
        number = listings.c.id + 0 if near else listings.c.id  # of what is near: by the network, no walk of the key
        newest: list[Select[int]] = []
        if kinds is None or near:
            here = wanted.where(listings.c.kind != EXCEPTION, number >= low, number < end)
            if kinds is not None:
                here = here.where(listings.c.kind.in_(sorted(kinds)))
            newest = [here.order_by(number.desc())]
        else:  # of each, mixed, by an index of both: of all kinds a rare one would be looked for in all there is
            both = tuple_(listings.c.kind, listings.c.id)
            for kind in sorted(set(kinds) - {EXCEPTION}):
                here = wanted.where(both >= (kind, low), both < (kind, end))
                newest.append(here.order_by(listings.c.kind.desc(), listings.c.id.desc()))
        if not newest:
            return [], None
        mixed = union_all(*(select(each.limit(most).subquery()) for each in newest)).subquery()
        rows = select(*_LISTING).join(mixed, mixed.c.id == listings.c.id).order_by(mixed.c.id.desc()).limit(most)
        found = many(Listing, self._sql.execute(rows))
        if len(found) == most:
            low = found[-1].id
        return found, low if low > 1 else None

    def begun(self, since: datetime, until: datetime) -> int:
        """How many began between these moments, exceptions apart, ended since or not."""
        wanted = select(func.count()).select_from(listings)
        within = (listings.c.since >= since, listings.c.since < until, listings.c.kind != EXCEPTION)
        return int(self._sql.execute(wanted.where(*within)).scalar_one())

    def ended(self, since: datetime) -> dict[Reason, int]:
        """How many ended since then, by reason, exceptions apart."""
        wanted = select(listings.c.end_reason, func.count()).where(
            listings.c.ended >= since, listings.c.kind != EXCEPTION
        )
        return {reason: int(count) for reason, count in self._sql.execute(wanted.group_by(listings.c.end_reason))}

    def by_kind(self) -> dict[str, int]:
        """How many are active, by kind, exceptions apart."""
        wanted = select(listings.c.kind, func.count()).where(ACTIVE, listings.c.kind != EXCEPTION)
        found = self._sql.execute(wanted.group_by(listings.c.kind).order_by(listings.c.kind))
        return {kind: int(count) for kind, count in found}

    def past(self, address: Address, *, most: int) -> list[Listing]:
        """The ended listings that covered this address, newest first."""
        return many(Listing, self._sql.execute(_PAST, {"around": covering(address), "most": most}))

    def expired(self, now: datetime, *, most: int) -> list[Listing]:
        """The active listings whose time has come, the oldest first."""
        wanted = select(*_LISTING).where(listings.c.expires <= now, ACTIVE)
        return many(Listing, self._sql.execute(wanted.order_by(listings.c.expires, listings.c.id).limit(most)))

    def due(self, now: datetime, *, most: int | None = None) -> int:
        """How many active listings' time has come; counted up to `most`."""
        found = select(listings.c.id).where(listings.c.expires <= now, ACTIVE).limit(most).subquery()
        return int(self._sql.execute(select(func.count()).select_from(found)).scalar_one())

    def with_an_end(self) -> int:
        """How many active listings will end by their age."""
        wanted = select(func.count()).select_from(listings).where(listings.c.expires.is_not(None), ACTIVE)
        return int(self._sql.execute(wanted).scalar_one())

    def present(self) -> Iterator[tuple[bytes, str]]:
        """Network and kind of every active listing, exceptions too, as a stream in the order of networks.

        Of a network its key, as it is stored (see `columns.network_key`).
        """
        wanted = select(_KEY, listings.c.kind).where(ACTIVE)
        ordered = wanted.order_by(listings.c.network, listings.c.kind)
        with self._sql.execute(ordered.execution_options(yield_per=10000)) as rows:
            yield from rows

    def _hold_law_one(self, kind: str, run: str | None, networks: Iterable[Network]) -> None:
        if kind in OUTPUT_KINDS:
            wanted = {network.network_address for network in networks}
            peers = select(returns.c.peer).where(returns.c.run == run, returns.c.finding.in_(ELSEWHERE))
            if wanted - set(self._sql.execute(peers.where(returns.c.peer.in_(wanted)).distinct()).scalars()):
                raise Damaged(f"No letter of run {run} has come out there; nothing is listed as {kind} for it.")
            return
        shown = [Finding.BOUNCED] if kind == BACKSCATTER else CAME_BACK
        asked = {"run": run, "shown": sorted(shown)}
        if kind in PROOF_KINDS and self._sql.execute(_CAME_BACK, asked).one_or_none() is None:
            raise Damaged(f"No letter of run {run} has come back; nothing is listed as {kind} for it.")


def _left(found: list[Listing]) -> list[Listing]:
    """Of rows around one address or network those that count: no exception, and none that is wider than one."""
    nearest = max((listing.network.prefixlen for listing in found if listing.kind == EXCEPTION), default=-1)
    return [each for each in found if each.kind != EXCEPTION and each.network.prefixlen >= nearest]
