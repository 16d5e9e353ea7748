"""The verbs about who may sign in on the operators' side of the site: for its owners, and for each about himself. Each
change has its entry in the journal.

A password is kept as its argon2id hash, a recovery code as its hash. The key of one-time codes has to be kept as it is.
"""

from __future__ import annotations

from collections.abc import Callable

from dnsbl.casework import credentials
from dnsbl.clock import Clock
from dnsbl.errors import Refused
from dnsbl.model import OperatorAccount
from dnsbl.rules import entrance
from dnsbl.store import Store, Transaction
from dnsbl.store.journal import Clocked
from dnsbl.vocabulary import Reason, Refusal, Role


def account_entry(
    tx: Transaction, clock: Clock, name: str, verb: str, before: str, after: str, *, actor: str, evidence: str = ""
) -> None:
    """The journal's entry about an account. It is made at any time: whoever has to set a clock right must come in."""
    tx.journal.append(
        at=clock.now(),
        actor=actor,
        subject=f"account {name}",
        verb=verb,
        reason=Reason.OPERATOR,
        before=before,
        after=after,
        evidence=evidence,
        clocked=Clocked.NOTED,
    )


class Accounts:
    """Accounts: made, found, disabled, enabled, given a role, a password, a second factor; removed.

    `spare` says whether the last owner who is let in may be taken, which is for whoever has the machine.
    """

    def __init__(self, store: Store, clock: Clock, random: Callable[[int], bytes], issuer: str) -> None:
        self._store = store
        self._clock = clock
        self._random = random
        self._issuer = issuer

    def any(self) -> bool:
        """Whether anybody could sign in."""
        with self._store.read() as tx:
            return tx.operators.any()

    def all(self) -> list[OperatorAccount]:
        """Every account, by name."""
        with self._store.read() as tx:
            return tx.operators.all()

    def find(self, text: str) -> OperatorAccount:
        """The account of this name. Raises Refused."""
        with self._store.read() as tx:
            return _account(tx, text)

    def vacant(self, text: str) -> str:
        """The name that a new account would have. Raises Refused where it is none, or taken."""
        name = entrance.name_of(text)
        with self._store.read() as tx:
            _vacant(tx, name)
        return name

    def add(self, text: str, password: str, *, role: Role, actor: str) -> OperatorAccount:
        """A new account. Raises Refused where the name is none, or taken, or the password is weak."""
        name = entrance.name_of(text)
        kept = credentials.hashed(entrance.password_of(password, name))
        account = OperatorAccount(name=name, role=role, password=kept, made=self._clock.now())
        with self._store.write() as tx:
            _vacant(tx, name)
            tx.operators.add(account)
            account_entry(tx, self._clock, name, "account-added", "", role, actor=actor)
        return account

    def disable(self, text: str, *, reason: str, actor: str, spare: bool = False) -> None:
        """Let him in no more; where he is signed in he is so no longer. Raises Refused."""
        with self._store.write() as tx:
            account = _account(tx, text)
            _spared(tx, account, spare)
            tx.operators.change(account.name, disabled=True)
            tx.sign_ins.end_all(account.name)
            before = _standing(account)
            account_entry(
                tx, self._clock, account.name, "account-disabled", before, "disabled", actor=actor, evidence=reason
            )

    def enable(self, text: str, *, reason: str, actor: str) -> None:
        """Let him in again. Raises Refused."""
        with self._store.write() as tx:
            account = _account(tx, text)
            tx.operators.change(account.name, disabled=False)
            before, name = _standing(account), account.name
            account_entry(tx, self._clock, name, "account-enabled", before, account.role, actor=actor, evidence=reason)

    def role(self, text: str, role: Role, *, reason: str, actor: str, spare: bool = False) -> None:
        """Give him another role. Raises Refused."""
        with self._store.write() as tx:
            account = _account(tx, text)
            if role is not Role.OWNER:
                _spared(tx, account, spare)
            tx.operators.change(account.name, role=role)
            account_entry(
                tx, self._clock, account.name, "account-role", account.role, role, actor=actor, evidence=reason
            )

    def password(self, text: str, password: str, *, actor: str) -> None:
        """Give him another password; he is signed out everywhere. Raises Refused."""
        name = entrance.name_of(text)
        kept = credentials.hashed(entrance.password_of(password, name))
        with self._store.write() as tx:
            account = _account(tx, name)
            tx.operators.change(name, password=kept)
            tx.sign_ins.end_all(name)
            account_entry(tx, self._clock, account.name, "account-password", "", "a new password", actor=actor)

    def remove(self, text: str, *, reason: str, actor: str, spare: bool = False) -> None:
        """Forget him. Raises Refused."""
        with self._store.write() as tx:
            account = _account(tx, text)
            _spared(tx, account, spare)
            tx.sign_ins.end_all(account.name)
            tx.operators.remove(account.name)
            before = _standing(account)
            account_entry(
                tx, self._clock, account.name, "account-removed", before, "no account", actor=actor, evidence=reason
            )

    def offer(self, name: str, key: str = "") -> tuple[str, str]:
        """A new key of one-time codes, or this one again, which counts once a code of it was shown (`enrol`), and the
        same as an otpauth address."""
        try:
            return key, credentials.totp_uri(key, name, self._issuer)
        except ValueError:  # none, or none that could be one
            key = credentials.totp_key(self._random(entrance.TOTP_OCTETS))
            return key, credentials.totp_uri(key, name, self._issuer)

    def enrol(self, text: str, key: str, code: str, *, actor: str, but: str = "") -> list[str]:
        """From now on he shows a code of this key when he signs in, and is signed out everywhere `but` there (the token
        of a sign-in); returns the recovery codes, which nobody can read again. Raises Refused where the key is none, or
        the code is not right."""
        try:
            step = credentials.totp_step(key, code, self._clock.now().timestamp(), after=0)
        except ValueError:
            step = None
        if step is None:
            raise Refused(Refusal.NOT_LET_IN, "This is not the code of that key at this time; is your clock right?")
        codes = [entrance.new_recovery(self._random(entrance.RECOVERY_OCTETS)) for _ in range(entrance.RECOVERIES)]
        with self._store.write() as tx:
            account = _account(tx, text)
            kept = " ".join(entrance.recovery_hash(one) for one in codes)
            tx.operators.change(account.name, totp=key, step=step, recovery=kept)
            tx.sign_ins.end_all(account.name, but=but)
            before = "one-time codes" if account.totp else "a password"
            account_entry(tx, self._clock, account.name, "account-codes", before, "one-time codes", actor=actor)
        return codes

    def end_codes(self, text: str, *, reason: str, actor: str, but: str = "") -> None:
        """He shows no code any more, and is signed out everywhere `but` there. Raises Refused."""
        with self._store.write() as tx:
            account = _account(tx, text)
            tx.operators.change(account.name, totp="", step=0, recovery="")
            tx.sign_ins.end_all(account.name, but=but)
            before = "one-time codes" if account.totp else "a password"
            account_entry(
                tx, self._clock, account.name, "account-codes", before, "a password", actor=actor, evidence=reason
            )


def _vacant(tx: Transaction, name: str) -> None:
    if tx.operators.read(name) is not None:
        raise Refused(Refusal.ACCOUNT_EXISTS, f"There is an account {name} already.")


def _account(tx: Transaction, text: str) -> OperatorAccount:
    account = tx.operators.read(text.strip().lower())
    if account is None:
        raise Refused(Refusal.UNKNOWN_ACCOUNT, f"There is no account {text[:40]!a}: `dnsbl admin list` shows them.")
    return account


def _spared(tx: Transaction, account: OperatorAccount, spare: bool) -> None:
    """Raises Refused for the last owner who is let in, unless `spare`."""
    last = account.role is Role.OWNER and not account.disabled and tx.operators.owners() < 2
    if last and not spare:
        raise Refused(Refusal.LAST_OWNER, f"{account.name} is the last owner; make another one first.")


def _standing(account: OperatorAccount) -> str:
    return "disabled" if account.disabled else account.role
