"""The verbs about who reports under a name of his own: for operators. Each change has its entry in the journal.

A key is given out once and kept as its hash. What operators write of a reporter is for operators.
"""

from __future__ import annotations

from collections.abc import Callable

from dnsbl.casework.base import reporter_entry
from dnsbl.clock import Clock
from dnsbl.errors import Refused
from dnsbl.model import ReporterAccount
from dnsbl.rules import reporters
from dnsbl.store import Store, Transaction
from dnsbl.vocabulary import Refusal, Tier


class Reporters:
    """Accounts: made, found, keyed, suspended, taken back, trusted."""

    def __init__(self, store: Store, clock: Clock, random: Callable[[int], bytes]) -> None:
        self._store = store
        self._clock = clock
        self._random = random

    def add(self, text: str, *, tier: Tier, contact: str, actor: str) -> ReporterAccount:
        """A new account, without a key. Raises Refused where the name is none, or taken."""
        name, now = reporters.name_of(text), self._clock.now()
        account = ReporterAccount(name=name, tier=tier, contact=contact, made=now)
        with self._store.write() as tx:
            if tx.reporters.read(name) is not None:
                raise Refused(Refusal.REPORTER_EXISTS, f"There is a reporter {name} already.")
            tx.reporters.add(account)
            reporter_entry(tx, now, name, "reporter-added", "", tier, actor=actor, evidence=contact)
        return account

    def find(self, text: str) -> ReporterAccount | None:
        """The account of this name, if there is one."""
        with self._store.read() as tx:
            return tx.reporters.read(text.strip().lower())

    def all(self) -> list[ReporterAccount]:
        """Every account, by name."""
        with self._store.read() as tx:
            return tx.reporters.all()

    def key(self, text: str, *, actor: str) -> str:
        """A new key, which nobody can read again; one that there was is void. Raises Refused."""
        key, now = reporters.new_key(self._random(reporters.KEY_OCTETS)), self._clock.now()
        with self._store.write() as tx:
            account, kept = _account(tx, text), reporters.hash_of(key)
            tx.reporters.rekey(account.name, kept)
            before, shown = _keyed(account), f"sha256:{kept[:16]}"
            reporter_entry(tx, now, account.name, "reporter-key", before, "a new key", actor=actor, evidence=shown)
        return key

    def revoke(self, text: str, *, actor: str) -> None:
        """Void his key. Raises Refused."""
        now = self._clock.now()
        with self._store.write() as tx:
            account = _account(tx, text)
            tx.reporters.rekey(account.name, None)
            reporter_entry(tx, now, account.name, "reporter-key", _keyed(account), "no key", actor=actor)

    def suspend(self, text: str, *, reason: str, actor: str) -> None:
        """Take nothing more from him. Raises Refused."""
        now = self._clock.now()
        with self._store.write() as tx:
            account = _account(tx, text)
            tx.reporters.suspend(account.name, now, reason)
            before = _standing(account)
            reporter_entry(
                tx, now, account.name, "reporter-suspended", before, "suspended", actor=actor, evidence=reason
            )

    def resume(self, text: str, *, reason: str, actor: str) -> None:
        """Take his nominations again; his score begins anew. Raises Refused."""
        now = self._clock.now()
        with self._store.write() as tx:
            account = _account(tx, text)
            tx.reporters.resume(account.name)
            before, after = _standing(account), account.tier
            reporter_entry(tx, now, account.name, "reporter-resumed", before, after, actor=actor, evidence=reason)

    def tier(self, text: str, tier: Tier, *, reason: str, actor: str) -> None:
        """Put him into another tier. Raises Refused."""
        now = self._clock.now()
        with self._store.write() as tx:
            account = _account(tx, text)
            tx.reporters.tier(account.name, tier)
            reporter_entry(tx, now, account.name, "reporter-tier", account.tier, tier, actor=actor, evidence=reason)


def _account(tx: Transaction, text: str) -> ReporterAccount:
    account = tx.reporters.read(text.strip().lower())
    if account is None:
        raise Refused(Refusal.UNKNOWN_REPORTER, f"There is no reporter {text[:40]!r}: see `dnsbl reporter list`.")
    return account


def _keyed(account: ReporterAccount) -> str:
    return "a key" if account.key else "no key"


def _standing(account: ReporterAccount) -> str:
    return "suspended" if account.suspended else account.tier
