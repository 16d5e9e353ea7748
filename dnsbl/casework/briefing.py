"""Where each of many addresses stands, in brief: a verb that only looks, for anybody who has a list of them.

What lists an address is read in a table in memory, of the kind that DNS answers from (`dns.listed`), which each look
brings to the store's last change before it asks it; the rest is one question a shelf. All of it is seen in one moment.
So a thousand addresses cost about as much as a few pages, whatever the list holds; the first look reads the whole list.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from ipaddress import IPv4Network, IPv6Network
from threading import Lock

from dnsbl.addresses import Address, Network
from dnsbl.casework.contents import present
from dnsbl.casework.views import RUNS, state_of, surprise
from dnsbl.dns.listed.table import Table
from dnsbl.model import Brief, Change
from dnsbl.store import Store, Transaction
from dnsbl.vocabulary import DECLARED, DO_NOT_TEST, EXCEPTION, JobState, RunState, State
from tester.verdict import Verdict

#: Addresses of one look.
MOST = 1000
#: Changes that are laid beside the table; where more have come, the list is read anew.
MOST_CHANGES = 20_000
#: Where an address stands of which nothing is known.
_NOTHING = state_of(listed=False, job=None, pending=False, excluded=False, verdict=None)


class Briefing:
    """The verb, and the table that it keeps. Looks of several threads take turns at bringing it up to date."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turn = Lock()
        self._table: Table | None = None
        self._last: Change | None = None  # the change that the table's number stands for; the very store knows it

    def each(self, addresses: Sequence[Address]) -> list[Brief]:
        """A brief of each of at most MOST addresses, in their order."""
        assert len(addresses) <= MOST
        with ExitStack() as held:
            with self._turn:  # a transaction that begins later sees no less, so the table never goes back
                tx = held.enter_context(self._store.read())
                table = self._follow(tx)
            covered = [covering(table, address) for address in addresses]
            rest = [address for address, (listings, _) in zip(addresses, covered, strict=True) if not listings]
            jobs = {
                address: state
                for address, (reason, state) in tx.jobs.live_among(rest).items()
                if not surprise(reason, state)
            }
            runs = tx.runs.newest_among(rest, most=RUNS)
            coming = tx.forthcoming.among(rest)
        return [
            Brief(
                address=address,
                state=State.LISTED
                if listings
                else _state(jobs.get(address), runs.get(address, ()), address in coming, excluded),
                listings=listings,
            )
            for address, (listings, excluded) in zip(addresses, covered, strict=True)
        ]

    def _follow(self, tx: Transaction) -> Table:
        """The table as this transaction sees the list."""
        table, last = self._table, self._last
        steps = None if table is None else _steps(tx, table.serial, last)
        if table is None or steps is None:
            serial = tx.changes.last()
            table = Table.of(present(tx), serial=serial)
            last = next(iter(tx.changes.after(serial - 1, most=1)), None)
        elif steps:
            table, last = table.changed(steps), steps[-1]
            table = table.merged() if table.crowded else table
        self._table, self._last = table, last
        return table


def _steps(tx: Transaction, serial: int, last: Change | None) -> list[Change] | None:
    """The changes behind this number; None where there are too many, or this is not the store that we know."""
    known = 0 if last is None else 1
    found = tx.changes.after(serial - known, most=MOST_CHANGES + 1)
    if len(found) > MOST_CHANGES or (known and found[:1] != [last]):
        return None
    new = found[known:]
    return new if [change.seq for change in new] == list(range(serial + 1, serial + 1 + len(new))) else None


def covering(table: Table, address: Address) -> tuple[tuple[tuple[Network, str], ...], bool]:
    """(network and kind of what lists an address, narrowest first; whether it is excluded from tests)."""
    rows = table.covering(address.version, int(address), address.max_prefixlen)
    if not rows:
        return (), False
    nearest = max((length for length, kind in rows if kind == EXCEPTION), default=-1)
    counted = [row for row in rows if row[0] >= nearest and row[1] != EXCEPTION and row[1] not in DECLARED]
    counted.sort(key=lambda row: (-row[0], row[1]))
    listings = tuple((_network(address, length), kind) for length, kind in counted)
    return listings, any(kind == DO_NOT_TEST for _, kind in rows)


def _network(address: Address, length: int) -> Network:
    back = address.max_prefixlen - length
    first = int(address) >> back << back
    return IPv4Network((first, length)) if address.version == 4 else IPv6Network((first, length))


def _state(
    job: JobState | None, runs: Sequence[tuple[RunState, Verdict | None]], coming: bool, excluded: bool
) -> State:
    """Where an address stands that is not listed."""
    if not (job or runs or coming or excluded):  # as nearly all are
        return _NOTHING
    return state_of(
        listed=False,
        job=job,
        pending=coming or any(state is not RunState.SETTLED for state, _ in runs),
        excluded=excluded,
        verdict=next((verdict for _, verdict in runs if verdict), None),
    )
