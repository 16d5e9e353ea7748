"""The keyring of a node, held against the store: the verbs of its keys.

All nodes that write letters, or take them back, must hold the same keys: a letter whose key a node does not know counts
there for nothing, and the open relay that sent it back would seem to have lost it. So the store has the fingerprint of
every key, and a node whose ring is another one gets none of these roles. A new key is sealed under the one before it
and handed round by the store; it signs only after a while, when everybody has it, and the old ones open old letters
until the last of these is over. No key is ever in the store unsealed, nor in the journal or in a log at all.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from dnsbl.casework import keyring as file
from dnsbl.casework.keyring import fingerprint
from dnsbl.clock import Clock
from dnsbl.errors import Damaged, Withheld
from dnsbl.files import unopened
from dnsbl.settings import Settings
from dnsbl.store import Store, Transaction
from dnsbl.store.signing_keys import SigningKey
from dnsbl.vocabulary import Reason
from tester.letter import Key, Keyring, genuine
from tester.records import dataclass

#: Seconds until a new key signs: by then every node that is at work has it.
HANDED_ROUND = 120
#: Seconds without word from the store after which a key that we do not know may be one that we were not told of.
SURE_FOR = 60.0
#: The journal's subject for all keys together.
KEYS = "keys"
#: Letters by which a ring is known before the store has a fingerprint.
SAMPLE = 20

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What may be shown of a key."""

    number: int
    kid: str
    fingerprint: str
    since: datetime  #: from when it signs
    state: str  #: coming, signs, opens (old letters) or over
    here: bool  #: whether this node holds it


class Ring(Keyring):
    """A node's keyring: what the file has, and what the store has handed round since. Empty until it is `ready`.

    Every verb is synchronous and raises StoreUnavailable; the keys change in place, so that whoever holds the ring
    signs and opens with the new ones at once. `void` ends all tests that are under way, in a transaction.
    """

    def __init__(
        self,
        path: Path,
        store: Store,
        settings: Settings,
        clock: Clock,
        *,
        void: Callable[[Transaction, datetime, str], int],
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._become(())
        self._path = path
        self._store = store
        self._window = int(settings.tester.late_window)
        self._void = void
        self._clock = clock
        self._random = random
        self._number = 0  # of the newest key that we hold
        self._told = 0.0  # when the store last told us of its keys; monotonic seconds

    # -- for a node ----------------------------------------------------------------------------------------
    def ready(self) -> None:
        """Hold the list's keys, newest included. Where the list has none yet, this node's become the list's.

        Raises Withheld, with a sentence that says what to do, when this node has other keys, or none.
        """
        ours = self._file()
        with self._store.read() as tx:
            rows = tx.signing_keys.all()
        if not rows:
            ours = ours or self._made()
            rows = self._enrolled(ours)
        self._follow(self._there(ours, rows), rows)

    def unfit(self) -> str:
        """Why `ready` would refuse this node's keys, its own sentence, or ""; makes and changes nothing."""
        with self._store.read() as tx:
            rows = tx.signing_keys.all()
        try:
            ours = self._file()
            if rows:
                self._caught_up(self._there(ours, rows), rows)
        except Withheld as error:
            return str(error)
        return ""

    def follow(self) -> bool:
        """Take over what was handed round since; whether that was anything. Does nothing before `ready`."""
        if not self.keys:
            return False
        with self._store.read() as tx:
            if tx.signing_keys.newest() == self._number:
                self._told = self._clock.monotonic()
                return False
            rows = tx.signing_keys.all()
        if rows:
            self._follow(Keyring(self.keys), rows)
        else:  # it is another store, or a copy of when it had none
            self.ready()
        return True

    def may_be_ours(self, token: str) -> bool:
        """Whether a token that we do not know may bear a key that is on its way to us: to be put off, not refused."""
        kid = token[1:2].lower()
        if not self.keys or self.find(kid) is not None:
            return False
        return kid == self.next_kid or self._clock.monotonic() - self._told > SURE_FOR

    # -- for operators -------------------------------------------------------------------------------------
    def rotate(self, *, reason: str, actor: str) -> Shown:
        """A new key for the whole list, handed round sealed. Raises Withheld while another one is on its way."""
        from dnsbl.casework.sealing import sealed  # here and not above: most commands open a ring, and seal nothing

        self.ready()
        now = self._clock.now()
        at = int(now.timestamp())
        with self._store.write() as tx:
            rows = tx.signing_keys.all()
            if rows[-1].fingerprint != fingerprint(self.current) or rows[-1].created > at:
                raise Withheld("A key is being handed round just now; the next one can follow in some minutes.")
            ring = self.rotated(self._random, at, keep=self._window, ahead=HANDED_ROUND)
            if len(ring.keys) != len(self._kept(rows, at)) + 1:
                raise Withheld("So many keys still open letters that none is free; wait until the oldest is over.")
            tx.signing_keys.hand_round_no_more(now - timedelta(seconds=self._window))
            self._enter(tx, ring.current, sealed(ring.current, self.current, self._random), now)
            self._journal(tx, now, actor, "rotated", ring.current, reason)
        self.ready()
        return self.shown()[-1]

    def replace(self, *, reason: str, actor: str) -> tuple[Shown, int]:
        """Begin anew, since the keys are lost on all nodes: a fresh key for the list. Tests whose letters nobody can
        know any more are void and will be repeated; returns the key, and how many. Raises Withheld where this node
        still holds the list's keys.
        """
        now = self._clock.now()
        at = int(now.timestamp())
        with self._store.write() as tx:
            rows = tx.signing_keys.all()
            ours = self._file()
            if ours is not None and rows and self._known(ours, rows) is not None:
                raise Withheld("This node holds the keys of the list: `dnsbl keys rotate` gives it a new one.")
            taken = Keyring((Key(kid=rows[-1].kid, secret=bytes(32), created=0),)) if rows else None
            fresh = Key(kid=taken.next_kid if taken else "a", secret=self._random(32), created=at)
            self._enter(tx, fresh, None, now)
            self._journal(tx, now, actor, "replaced", fresh, reason)
            void = self._void(tx, now, "The keys of its letters were lost, so none of them could be known.")
        if self._path.exists():
            self._path.rename(self._path.with_name(f"{self._path.name}.{at}"))
        file.write(self._path, Keyring((fresh,)))
        self.ready()
        return self.shown()[-1], void

    def shown(self) -> list[Shown]:
        """Every key of the list, oldest first, as far as it may be shown."""
        with self._store.read() as tx:
            rows = tx.signing_keys.all()
        now = int(self._clock.now().timestamp())
        ours = self._file()
        here = {fingerprint(key) for key in ours.keys} if ours else set()
        signs = max((row.number for row in rows if row.created <= now), default=0)
        kept = {row.number for row in self._kept(rows, now)}
        return [
            Shown(
                number=row.number,
                kid=row.kid,
                fingerprint=row.fingerprint,
                since=datetime.fromtimestamp(row.created, tz=self._clock.now().tzinfo),
                state="coming"
                if row.created > now
                else "signs"
                if row.number == signs
                else "opens"
                if row.number in kept
                else "over",
                here=row.fingerprint in here,
            )
            for row in rows
        ]

    # -- how -----------------------------------------------------------------------------------------------
    def _file(self) -> Keyring | None:
        """What the file has. Raises Withheld when it cannot be read."""
        try:
            return file.read(self._path)
        except FileNotFoundError:
            return None
        except Damaged as error:
            raise Withheld(str(error)) from error
        except OSError as error:
            raise Withheld(f"{self._path}: the keys cannot be read: {unopened(error)}.") from error

    def _made(self) -> Keyring:
        try:
            return file.keyring_at(self._path, clock=self._clock, random=self._random)
        except OSError as error:
            raise Withheld(f"{self._path}: no keys can be made there: {error.strerror}.") from error

    def _enrolled(self, ours: Keyring) -> list[SigningKey]:
        """The list's keys, which are these unless another node was first or letters speak against it."""
        now = self._clock.now()
        with self._store.write() as tx:
            rows = tx.signing_keys.all()
            if rows:
                return rows
            sample = tx.letters.newest(most=SAMPLE)
            if sample and not any(genuine(ours, letter) for letter in sample):
                raise Withheld(
                    f"The letters of this list were written with other keys than those in {self._path}. {_HELP}"
                )
            for key in ours.keys:
                self._enter(tx, key, None, now)
            self._journal(tx, now, "node", "enrolled", ours.current, f"{len(ours.keys)} keys")
            return tx.signing_keys.all()

    def _there(self, ours: Keyring | None, rows: Sequence[SigningKey]) -> Keyring:
        """This node's keys, where it has any. Raises Withheld."""
        if ours is None:
            raise Withheld(
                f"{self._path} is not there, and this list has keys ({_short(rows[-1])}): letters could neither be "
                f"written nor known. {_HELP}"
            )
        return ours

    def _caught_up(self, ours: Keyring, rows: Sequence[SigningKey]) -> tuple[Key, ...]:
        """The list's keys that sign or open, newest included, by those that we have. Raises Withheld."""
        known = self._known(ours, rows)
        if known is None:
            raise Withheld(
                f"The keys in {self._path} ({fingerprint(ours.current)[:16]}) are not those of this list "
                f"({_short(rows[-1])}): letters of one node would count for nothing at another. {_HELP}"
            )
        keys = {key.kid: key for key in ours.keys}
        under = next(key for key in ours.keys if fingerprint(key) == known.fingerprint)
        for row in rows[known.number :]:
            if row.sealed is None:
                raise Withheld(f"The keys in {self._path} are too old to open those that came since. {_HELP}")
            from dnsbl.casework.sealing import opened

            try:
                under = opened(row.sealed, kid=row.kid, created=row.created, under=under)
            except Damaged as error:
                raise Withheld(f"{error} {_HELP}") from error
            keys.pop(row.kid, None)
            keys[row.kid] = under
        kept = {row.fingerprint for row in self._kept(rows, int(self._clock.now().timestamp()))}
        return tuple(key for key in keys.values() if fingerprint(key) in kept)

    def _follow(self, ours: Keyring, rows: Sequence[SigningKey]) -> None:
        """Hold the newest key, by those that we have; keep the file up with it."""
        held = self._caught_up(ours, rows)
        if held != ours.keys:
            try:
                file.write(self._path, Keyring(held))
            except OSError as error:  # the store has it, sealed: it comes again after a start
                _log.warning("%s: the new keys cannot be kept there: %s", self._path, error.strerror)
        self._become(held)
        self._number, self._told = rows[-1].number, self._clock.monotonic()

    def _known(self, ours: Keyring, rows: Sequence[SigningKey]) -> SigningKey | None:
        """The newest of the list's keys that this ring holds."""
        here = {fingerprint(key) for key in ours.keys}
        return next((row for row in reversed(rows) if row.fingerprint in here), None)

    def _kept(self, rows: Sequence[SigningKey], now: int) -> list[SigningKey]:
        """The keys that still sign or open: one is over when the last letter that it can have signed is."""
        return [
            row
            for row, after in zip(rows, [*rows[1:], None], strict=False)
            if after is None or now - after.created <= self._window
        ]

    def _enter(self, tx: Transaction, key: Key, box: bytes | None, now: datetime) -> None:
        tx.signing_keys.add(kid=key.kid, fingerprint=fingerprint(key), created=key.created, sealed=box, entered=now)

    def _journal(self, tx: Transaction, now: datetime, actor: str, verb: str, key: Key, evidence: str) -> None:
        tx.journal.append(
            at=now,
            actor=actor,
            subject=KEYS,
            verb=verb,
            reason=Reason.OPERATOR,
            after=f"key {key.kid} {fingerprint(key)[:16]}",
            evidence=evidence,
        )


_HELP = (
    "Copy keys.json from a node that has them, or from a backup; if they are lost everywhere, "
    "`dnsbl keys replace --reason TEXT` begins anew."
)


def _short(row: SigningKey) -> str:
    return row.fingerprint[:16]
