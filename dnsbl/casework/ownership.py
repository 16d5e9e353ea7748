"""The verbs of whoever shows that an address is his, so that its listing can end when no test can speak any more.

Showing control lists nobody and ends no listing by itself: it has the address tested (`doors.ask_removal`), and a test
that finds nobody there ends the listing then, once a month at most (`rules.policy`).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from dnsbl.addresses import Address, network_of
from dnsbl.casework.base import own_keys
from dnsbl.casework.queueing import refuse_excluded
from dnsbl.clock import Clock, day_of
from dnsbl.errors import Refused
from dnsbl.rules import control
from dnsbl.settings import Settings
from dnsbl.store import Store
from dnsbl.vocabulary import Door, Reason, Refusal
from tester.letter import Keyring

if TYPE_CHECKING:
    from dnsbl.casework.posting import Posting

#: What codes are for.
RECORD, MAILED = "record", "mailed"


class Ownership:
    """Codes, and what is filed when one was shown."""

    def __init__(self, store: Store, settings: Settings, keyring: Keyring, clock: Clock, posting: Posting) -> None:
        self._store = store
        self._settings = settings
        self._keys = partial(own_keys, keyring, "control")
        self._clock = clock
        self._posting = posting

    def record(self, address: Address, *, who: str) -> tuple[str, str]:
        """Name and content of the TXT record that shows control of a listed address to be of `who`, the network that
        somebody asks from. Raises Refused."""
        network = network_of(address)
        self._listed(address)
        return control.record_name(network), control.MARK + control.code(self._keys()[-1], RECORD, network, who)

    def mail_code(self, address: Address, *, door: Door, actor: str) -> None:
        """Have a code mailed to the postmaster of a listed address's own name, once a day. Raises Refused."""
        now = self._clock.now()
        self._listed(address)
        if not self._posting.on:
            raise Refused(
                Refusal.OFF, "This list sends no mail; show control by a TXT record, or come from the address."
            )
        facts = {
            "address": str(address),
            "code": self._mailed(address, day_of(now), self._keys()[-1]),
            "page": f"{self._settings.web.base_url}/control?address={address}",
        }
        with self._store.write() as tx:
            occasion, who = f"code for {address}, day {day_of(now)}", f"{door} {actor}"
            if self._posting.to_owner(tx, "control", address, facts, occasion=occasion, now=now, actor=who) is None:
                raise Refused(Refusal.TOO_MANY, "A code was mailed today; the next one can be asked for tomorrow.")

    def show(self, address: Address, *, how: str, door: Door, actor: str) -> None:
        """File that somebody has shown the address to be his; `how` is half a sentence."""
        now = self._clock.now()
        with self._store.write() as tx:
            refuse_excluded(tx, address)
            tx.controls.keep(address, how, at=now)
            tx.journal.append(
                at=now,
                actor=f"{door} {actor}",
                subject=str(address),
                verb="showed-control",
                reason=Reason.SHOWN_CONTROL,
                after=how,
            )

    def shown_by_record(self, address: Address, texts: list[str], *, who: str) -> None:
        """Whether these TXT records show it to be of who asks from this network. Raises Refused (NOT_SHOWN)."""
        network = network_of(address)
        if not control.recorded(texts, [control.code(key, RECORD, network, who) for key in self._keys()]):
            raise Refused(
                Refusal.NOT_SHOWN,
                f"There is no such record at {control.record_name(network)} yet; it may take as long as an older "
                "answer is cached.",
            )

    def shown_by_code(self, address: Address, typed: str) -> None:
        """Whether this is the code that was mailed in the last days. Raises Refused (NOT_SHOWN)."""
        today = day_of(self._clock.now())
        codes = [self._mailed(address, day, key) for key in self._keys() for day in control.days(today)]
        if not control.same(typed, codes):
            raise Refused(Refusal.NOT_SHOWN, "That is not the code that was mailed, or it is too long ago.")

    def _mailed(self, address: Address, day: int, key: bytes) -> str:
        return control.code(key, MAILED, network_of(address), str(day))

    def _listed(self, address: Address) -> None:
        with self._store.read() as tx:
            if tx.listings.proven(address) is None:
                raise Refused(Refusal.NOT_LISTED, f"{address} is not listed for relaying: there is nothing to show.")
