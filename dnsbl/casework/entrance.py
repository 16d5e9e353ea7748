"""The verbs of whoever signs in on the operators' side of the site, and of each request that comes from there.

A try is counted before it is looked at, so that many at once find out no more than one after the other; whoever comes
in takes back his own try, and what was counted for his name where he is known, and nobody else's. The answer to a wrong
name, a wrong password and a wrong code is the same, and takes as long. To show one's password again is such a try too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from dnsbl.addresses import Address
from dnsbl.casework import credentials
from dnsbl.casework.accounts import account_entry
from dnsbl.clock import Clock
from dnsbl.errors import Busy, Refused
from dnsbl.logbook.events import tell
from dnsbl.model import OperatorAccount, SignIn
from dnsbl.rules import entrance
from dnsbl.settings import Settings
from dnsbl.store import Store, Transaction
from dnsbl.store.sign_ins import Tries
from dnsbl.vocabulary import Refusal, Role
from tester.records import dataclass

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
    place: str  #: the network that he signed in from
    form: str  #: what each of his forms must bear

    @property
    def actor(self) -> str:
        """Who acts, as the journal names operators: whoever has a login and an account of one name is one person."""
        return f"operator {self.name}"


@dataclass(frozen=True, slots=True)
class _Try:
    """A try that was counted."""

    at: datetime
    told: float  #: seconds that whoever fails is told to wait, 0.0 for none
    counted: Mapping[str, datetime]  #: for whom, and when each had tried before


def _take_back(tx: Transaction, try_: _Try, *, come_in: bool = False) -> None:
    """It was no failure: for nobody does it count any more, and the pair has none at all where he has `come_in`."""
    for holder, tries in tx.sign_ins.tried(try_.counted).items():
        left = 0 if come_in and holder.startswith("there ") else max(0, tries.failed - 1)
        tx.sign_ins.count(holder, left, try_.counted[holder] if tries.last == try_.at else tries.last)


def _wait(seconds: float) -> Refused:
    return Refused(
        Refusal.NOT_LET_IN,
        "Somebody has tried this too often; please try again later.",
        retry_after=int(seconds) + 1,
    )


def _refused(try_: _Try) -> Refused:
    """Of a wrong answer: where another name had to wait no more is said than to that."""
    return _wait(try_.told) if try_.told > 0 else Refused(Refusal.NOT_LET_IN, _NO)


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
            try_ = self._count(tx, name, place, now)
            account = tx.operators.read(name) if len(name) <= 32 else None
        let_in = account if account is not None and not account.disabled else None
        right = self._fits(password, let_in, try_)
        outdated = right and let_in is not None and credentials.outdated(let_in.password)
        again = ""
        if outdated:
            with suppress(Busy):  # another time
                again = credentials.hashed(entrance.typed(password))
        with self._store.write() as tx:
            here = tx.operators.read(name) if let_in is not None else None
            if not right or here is None or here.disabled or here.password != (let_in and let_in.password):
                raise _refused(try_)
            how = self._second(tx, here, code, try_)
            if again:
                tx.operators.change(name, password=again)
            _take_back(tx, try_, come_in=True)
            tx.sign_ins.count(entrance.known_as(name, place), 0, now)
            tx.sign_ins.forget(begun=now - self._longest, seen=now - self._idle)
            secret = entrance.new_secret(self._random(entrance.TOKEN_OCTETS))
            token = entrance.hash_of(secret)
            tx.sign_ins.begin(SignIn(token=token, name=name, place=place, begun=now, seen=now))
            account_entry(
                tx, self._clock, name, "signed-in", "", here.role, actor=f"operator {name}", evidence=f"{how}, {place}"
            )
        return secret

    def _count(self, tx: Transaction, name: str, place: str, now: datetime) -> _Try:
        """Count a try as failed, for now. Raises Refused where one has to wait."""
        tx.sign_ins.forget_tries(now - entrance.FORGOTTEN, known=now - entrance.KNOWN)
        mark = entrance.known_as(name, place)
        holders = entrance.holders(name, place, known=mark in tx.sign_ins.tried([mark]))
        before = tx.sign_ins.tried(holders.values())
        tried = {kind: before.get(holder, Tries(0, now)) for kind, holder in holders.items()}
        looked, told = entrance.waits(tried, now)
        if looked > 0:
            raise _wait(told)
        for kind, holder in holders.items():
            tx.sign_ins.count(holder, entrance.failures(*tried[kind], now) + 1, now)
        return _Try(now, told, {holder: tried[kind].last for kind, holder in holders.items()})

    def _fits(self, password: str, account: OperatorAccount | None, try_: _Try) -> bool:
        """Whether this is the password of the account. Raises Busy, and then nothing was tried."""
        try:
            return credentials.fits(entrance.typed(password), account.password if account else None)
        except Busy:
            with self._store.write() as tx:
                _take_back(tx, try_)
            raise

    def _second(self, tx: Transaction, account: OperatorAccount, code: str, try_: _Try) -> str:
        """Hold the code against the account, and use it up; returns what was shown. Raises Refused."""
        if not account.totp:
            return "by password"
        step = credentials.totp_step(account.totp, code, try_.at.timestamp(), after=account.step)
        if step is not None:
            tx.operators.change(account.name, step=step)
            return "by password and code"
        kept = account.recovery.split()
        if (spent := entrance.recovery_hash(code)) in kept:
            kept.remove(spent)
            tx.operators.change(account.name, recovery=" ".join(kept))
            return f"by password and recovery code, {len(kept)} left"
        raise _refused(try_)

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
        if max(found.begun, found.seen) > now + entrance.AHEAD:  # a clock was set back: its age cannot be known
            with self._store.write(alone=False) as tx:
                tx.sign_ins.end(token)
            return None
        if now - found.seen > TOUCH:
            with self._store.write(alone=False) as tx:
                tx.sign_ins.seen(token, now)
        return Visitor(
            name=account.name,
            role=account.role,
            codes=bool(account.totp),
            token=token,
            place=found.place,
            form=entrance.form_token(secret),
        )

    def places(self, visitor: Visitor) -> list[SignIn]:
        """Where he is signed in, the newest first."""
        with self._store.read() as tx:
            return tx.sign_ins.of(visitor.name)

    def check(self, visitor: Visitor, password: str) -> None:
        """He shows his password again, for what only he may do. It is a try as signing in is; after AGAIN wrong ones he
        is signed in there no more. Raises Refused (NOT_LET_IN, with retry_after where he has to wait)."""
        try:
            self._checked(visitor, password)
        except Refused as error:
            tell(_log, "login-refused", actor=visitor.name, address=visitor.place, reason=error.reason)
            raise

    def _checked(self, visitor: Visitor, password: str) -> None:
        now, shown = self._clock.now(), f"again {visitor.token}"
        with self._store.write() as tx:
            try_ = self._count(tx, visitor.name, visitor.place, now)
            account = tx.operators.read(visitor.name)
        right = self._fits(password, account, try_)
        with self._store.write() as tx:
            if right:
                _take_back(tx, try_, come_in=True)
                tx.sign_ins.count(shown, 0, now)
                return
            before = tx.sign_ins.tried([shown]).get(shown)
            failed = (before.failed if before else 0) + 1
            tx.sign_ins.count(shown, failed, now)
            over = failed >= entrance.AGAIN and tx.sign_ins.end(visitor.token)
            if over:
                account_entry(
                    tx,
                    self._clock,
                    visitor.name,
                    "signed-out",
                    visitor.role,
                    "",
                    actor=visitor.actor,
                    evidence=f"{failed} wrong passwords",
                )
        raise Refused(
            Refusal.NOT_LET_IN, "This is not your password" + ("; you are signed in here no more." if over else ".")
        )

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
