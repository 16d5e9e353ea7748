"""What all verbs stand on: store, settings and clock, and what several of them ask."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime

from dnsbl.addresses import Address, Network
from dnsbl.casework.judging import Judging
from dnsbl.clock import Clock, SystemClock
from dnsbl.errors import NotFound
from dnsbl.model import Listing, Run
from dnsbl.rules import schedule
from dnsbl.settings import Settings
from dnsbl.store import Store, Transaction
from tester.letter import Keyring

#: The journal's subject for all testing together, and its words when that is stopped and taken up again.
TESTER, STOPPED, RESUMED = "tester", "stopped", "resumed"


class Base:
    """The means of every verb."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        keyring: Keyring,
        *,
        clock: Clock = SystemClock(),  # noqa: B008 (stateless)
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._store = store
        self._settings = settings
        self._keyring = keyring
        self._clock = clock
        self._judging = Judging(settings, random)

    def _run(self, tx: Transaction, name: str) -> Run:
        run = tx.runs.read(name)
        if run is None:
            raise NotFound(f"There is no run {name!r:.40}.")
        return run

    def _removal_after(self, tx: Transaction, listing: Listing) -> datetime | None:
        failed = tx.runs.removals(listing.network.network_address, listing.since)
        return schedule.removal_after(self._settings.policy, failed)


def subject_of(of: Address | Network) -> str:
    """How the journal names an address or network: a network of one address is that address."""
    text = str(of)
    return text.removesuffix("/32") if ":" not in text else text.removesuffix("/128")
