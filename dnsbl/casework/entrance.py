"""The verbs of whoever signs in on the operators' side of the site, and of each request that comes from there.

A try is counted before it is looked at, so that many at once find out no more than one after the other; whoever comes
in has failed no more. The answer to a wrong name, a wrong password and a wrong code is the same, and takes as long.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from dnsbl.addresses import Address
from dnsbl.casework import credentials
from dnsbl.casework.accounts import account_entry
from dnsbl.clock import Clock
from dnsbl.errors import Refused
from dnsbl.logbook.events import tell
from dnsbl.model import OperatorAccount, Refusal, Role, SignIn
from dnsbl.rules import entrance
from dnsbl.settings import Settings
from dnsbl.store import Store, Transaction

#: How exactly it is known when somebody was last seen.
TOUCH = timedelta(minutes=1)
_log = logging.getLogger("dnsbl.journal")
_NO = "Name, password and code do not go together."


@dataclass(frozen=True, kw_only=True, slots=True)
class Visitor:
    """Whoever asks for a page of the operators' side, signed in."""

    name: str
    role: Role
    codes: bool  #: whether he shows one-time codes
    token: str  #: SHA-256 of the secret that his browser has
    form: str  #: what each of his forms must bear

    @property
    def actor(self) -> str:
        """Who acts, as the journal names operators: whoever has a login and an account of one name is one person."""
        return f"operator {self.name}"


class Entrance:
    """Sign-ins."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, random: Callable[[int], bytes]) -> None:
        self._store = store
        self._terms = settings.admin
        self._clock = clock
        self._random = random

    def sign_in(self, name: str, password: str, code: str, *, peer: Address | None) -> str:
        """Somebody signs in; returns the secret that his browser keeps. Raises Refused (NOT_LET_IN, with retry_after
        where he has to wait before he is heard at all). Takes a tenth of a second and 64 MiB."""
        place, name = entrance.place_of(peer), name.strip().lower()
        try:
            return self._signed_in(name, password, code, place)
        except Refused as error:
            tell(_log, "login-refused", actor=name, address=place, reason=error.reason)
            raise

    def _signed_in(self, name: str, password: str, code: str, place: str) -> str:
        now = self._clock.now()
        with self._store.write() as tx:
            self._count(tx, name, place, now)
            account = tx.operators.read(name) if len(name) <= 32 else None
        let_in = account if account is not None and not account.disabled else None
        right = credentials.fits(entrance.typed(password), let_in.password if let_in else None)
        outdated = right and let_in is not None and credentials.outdated(let_in.password)
        again = credentials.hashed(entrance.typed(password)) if outdated else ""
        with self._store.write() as tx:
            here = tx.operators.read(name) if let_in is not None else None
            if not right or here is None or here.disabled or here.password != (let_in and let_in.password):
                raise Refused(Refusal.NOT_LET_IN, _NO)
            how = self._second(tx, here, code, now)
            if again:
                tx.operators.change(name, password=again)
            for holder, _ in (*entrance.holders(name, place, known=True), *entrance.holders(name, place, known=False)):
                tx.sign_ins.count(holder, 0, now)
            tx.sign_ins.count(entrance.known_as(name, place), 0, now)
            tx.sign_ins.forget(begun=now - self._longest, seen=now - self._idle)
            secret = entrance.new_secret(self._random(entrance.TOKEN_OCTETS))
            token = entrance.hash_of(secret)
            tx.sign_ins.begin(SignIn(token=token, name=name, place=place, begun=now, seen=now))
            account_entry(
                tx, self._clock, name, "signed-in", "", here.role, actor=f"operator {name}", evidence=f"{how}, {place}"
            )
        return secret

    def _count(self, tx: Transaction, name: str, place: str, now: datetime) -> None:
        """Count a try as failed, for now. Raises Refused where one has to wait."""
        tx.sign_ins.forget_tries(now - entrance.FORGOTTEN, known=now - entrance.KNOWN)
        mark = entrance.known_as(name, place)
        counted = list(entrance.holders(name, place, known=mark in tx.sign_ins.tried([mark])))
        before = tx.sign_ins.tried([holder for holder, _ in counted])
        waits = [
            entrance.wait(before[holder].failed, before[holder].last, now, most)
            for holder, most in counted
            if holder in before
        ]
        if (longest := max(waits, default=0.0)) > 0:
            raise Refused(
                Refusal.NOT_LET_IN,
                "Somebody has tried this too often; please try again later.",
                retry_after=int(longest) + 1,
            )
        for holder, _ in counted:
            tried = before.get(holder)
            tx.sign_ins.count(holder, (entrance.failures(tried.failed, tried.last, now) if tried else 0) + 1, now)

    def _second(self, tx: Transaction, account: OperatorAccount, code: str, now: datetime) -> str:
        """Hold the code against the account, and use it up; returns what was shown. Raises Refused."""
        if not account.totp:
            return "by password"
        step = credentials.totp_step(account.totp, code, now.timestamp(), after=account.step)
        if step is not None:
            tx.operators.change(account.name, step=step)
            return "by password and code"
        kept = account.recovery.split()
        if (spent := entrance.recovery_hash(code)) in kept:
            kept.remove(spent)
            tx.operators.change(account.name, recovery=" ".join(kept))
            return f"by password and recovery code, {len(kept)} left"
        raise Refused(Refusal.NOT_LET_IN, _NO)

    @property
    def _longest(self) -> timedelta:
        return timedelta(hours=self._terms.hours)

    @property
    def _idle(self) -> timedelta:
        return timedelta(minutes=self._terms.idle_minutes)

    def who(self, secret: str) -> Visitor | None:
        """Who is signed in with this secret, if somebody is. Every request asks anew, so that what was taken from
        somebody is taken at once."""
        if not secret or len(secret) > 100:
            return None
        now, token = self._clock.now(), entrance.hash_of(secret)
        with self._store.read() as tx:
            found = tx.sign_ins.read(token)
            account = tx.operators.read(found.name) if found else None
        if found is None or account is None or account.disabled:
            return None
        if now - found.begun > self._longest or now - found.seen > self._idle:
            return None
        if now - found.seen > TOUCH:
            with self._store.write(alone=False) as tx:
                tx.sign_ins.seen(token, now)
        return Visitor(
            name=account.name,
            role=account.role,
            codes=bool(account.totp),
            token=token,
            form=entrance.form_token(secret),
        )

    def places(self, visitor: Visitor) -> list[SignIn]:
        """Where he is signed in, the newest first."""
        with self._store.read() as tx:
            return tx.sign_ins.of(visitor.name)

    def check(self, visitor: Visitor, password: str) -> None:
        """He shows his password again, for what only he may do. Raises Refused."""
        with self._store.read() as tx:
            account = tx.operators.read(visitor.name)
        if not credentials.fits(entrance.typed(password), account.password if account else None):
            raise Refused(Refusal.NOT_LET_IN, "This is not your password.")

    def sign_out(self, visitor: Visitor) -> None:
        """He is signed in there no more."""
        with self._store.write() as tx:
            if tx.sign_ins.end(visitor.token):
                account_entry(tx, self._clock, visitor.name, "signed-out", visitor.role, "", actor=visitor.actor)

    def sign_out_everywhere(self, visitor: Visitor) -> int:
        """He is signed in nowhere any more; returns at how many places he was."""
        with self._store.write() as tx:
            places = tx.sign_ins.end_all(visitor.name)
            account_entry(
                tx,
                self._clock,
                visitor.name,
                "signed-out",
                visitor.role,
                "",
                actor=visitor.actor,
                evidence=f"everywhere: {places} sign-ins",
            )
        return places
