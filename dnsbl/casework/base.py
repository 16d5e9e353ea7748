"""What verbs of several hands ask of the store in the same words, and how the journal names its subjects."""

from __future__ import annotations

from datetime import datetime

from dnsbl.addresses import Address, Network
from dnsbl.errors import NotFound
from dnsbl.model import Entry, Listing, Run
from dnsbl.rules import schedule
from dnsbl.settings import Policy
from dnsbl.store import Transaction

#: The journal's subject for all testing together, and its words when that is stopped and taken up again.
TESTER, STOPPED, RESUMED = "tester", "stopped", "resumed"


def subject_of(of: Address | Network) -> str:
    """How the journal names an address or network: a network of one address is that address."""
    text = str(of)
    return text.removesuffix("/32") if ":" not in text else text.removesuffix("/128")


def stop_in(tx: Transaction) -> Entry | None:
    """The entry that has stopped all dialling, or None. The journal itself is the state: its last word counts."""
    last = tx.journal.read(TESTER, most=1)
    return last[0] if last and last[0].verb == STOPPED else None


def run_in(tx: Transaction, name: str) -> Run:
    """The run of this name. Raises NotFound."""
    run = tx.runs.read(name)
    if run is None:
        raise NotFound(f"There is no run {name!r:.40}.")
    return run


def next_removal(tx: Transaction, listing: Listing, terms: Policy) -> datetime | None:
    """From when the next request for the removal of a proven listing is taken; None: at once."""
    return schedule.removal_after(terms, tx.runs.removals(listing.network.network_address, listing.since))
