"""The transparency log is kept: the journal and the changes of the list become leaves, the tree grows, and its head is
signed. The package `log` has what these are, docs/log.md what they prove.

A slice is read and hashed without holding anybody up, then added in one short transaction, unless another node has been
faster; so a crash at any point leaves the tree as it was. Of the tree its right edge alone is read. A head is in the
store, and on the disk, before anybody sees it, one a size; and none is signed that would not continue what this node
has seen signed.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from dnsbl.casework import logkeys
from dnsbl.clock import Clock
from dnsbl.config import LOG_KEYS
from dnsbl.errors import Damaged, NotFound, Withheld
from dnsbl.files import write_whole
from dnsbl.log import leaves, merkle, note, tiles
from dnsbl.log.checkpoint import Checkpoint
from dnsbl.log.leaves import SALT, Sealing
from dnsbl.log.proof import Proof
from dnsbl.log.tiles import ENTRIES, WIDTH, Tile, Tree
from dnsbl.model import Entry
from dnsbl.settings import Settings
from dnsbl.store import Store, Transaction
from dnsbl.store.log import Bundle, KeptCheckpoint, LogKey, LogState
from dnsbl.vocabulary import Reason
from tester.records import dataclass

#: Entries, and changes, that are read at once; and slices in one call.
LINES, SLICES = 2048, 50
#: The journal's subject for the log's keys.
LOG = "log"


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """Where a leaf stands, and what it says."""

    index: int
    leaf: bytes


class Proving:
    """One list's log; where the settings name none, its verbs do nothing."""

    def __init__(
        self, store: Store, settings: Settings, clock: Clock, random: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._store = store
        self._terms = settings.tlog
        self._keys = settings.service.state_dir / "log.key"
        self._seen = settings.service.state_dir / "log.seen"
        self._told = settings.service.state_dir / LOG_KEYS
        self._clock = clock
        self._random = random
        self._settled = ""  # the newest head that is known to be on the disk

    # -- for the scheduler ---------------------------------------------------------------------------------
    def keep(self) -> int:
        """Make leaves of what has happened, and sign; returns how many leaves there are more. Raises Withheld."""
        if not self._terms.origin:
            return 0
        added = self.grow()
        self.sign()
        return added

    def grow(self, *, most: int = SLICES) -> int:
        """Make leaves of what is new, in at most so many slices; returns how many. Raises Withheld."""
        total = 0
        for _ in range(most):
            added, more = self._slice()
            total += added
            if not more:
                break
        return total

    def sign(self) -> str:
        """Sign the head as it is, unless that is done; returns the newest note. Raises Withheld."""
        with self._store.read() as tx:
            state = self._state(tx)
            newest, tree = tx.log.newest(), _tree(tx, state.size)
            root = merkle.root(state.size, tree)
            if newest is not None and merkle.root(newest.size, tree) != newest.root:
                raise Damaged(f"The log's tree does not have the root that was signed at size {newest.size}.")
            self._hold(state, tree)
        signers = self._signers(state)
        if newest is not None and newest.size == state.size and _by(newest.note, signers):
            return newest.note
        text = Checkpoint(state.origin, state.size, root).text
        signed = note.signed(text, [signer.line(text) for signer in signers])
        with self._store.write() as tx:
            other = tx.log.checkpoint(state.size)
            if other is None:
                tx.log.add_checkpoint(KeptCheckpoint(size=state.size, root=root, note=signed, at=self._clock.now()))
            elif other.root != root:
                raise Damaged(f"Another node has signed another root at size {state.size}.")
            elif _by(other.note, signers):
                signed = other.note
            else:
                tx.log.note(state.size, signed)
        self._remember(signed)
        return signed

    def cosigned(self, size: int, lines: Iterable[str]) -> None:
        """Witnesses have signed the checkpoint of this size; their lines stand under it from now on."""
        with self._store.write() as tx:
            kept = tx.log.checkpoint(size)
            if kept is not None and kept.note:
                there = {one.line for one in note.parts(kept.note)[1]}
                tx.log.note(size, kept.note + "".join(line for line in lines if line not in there))

    # -- for whoever looks ---------------------------------------------------------------------------------
    @property
    def on(self) -> bool:
        """Whether a log is kept."""
        return bool(self._terms.origin)

    def newest(self) -> str | None:
        """The newest checkpoint, a signed note; None before the first."""
        with self._store.read() as tx:
            kept = tx.log.newest()
        return self._safe(kept).note if kept else None

    def reached(self) -> int | None:
        """The number of the newest change that is a leaf, None where no log is kept: what comes after must stay."""
        if not self._terms.origin:
            return None
        with self._store.read() as tx:
            state = tx.log.state()
        return state.change if state else 0

    def verifiers(self) -> list[LogKey]:
        """Every key that the log is or was signed with, the oldest first."""
        with self._store.read() as tx:
            state = tx.log.state()
            return tx.log.keys(state.origin) if state else []

    def content(self, tile: Tile) -> bytes | None:
        """A tile, or a bundle, of the newest checkpoint's tree; None where it has none such."""
        with self._store.read() as tx:
            kept = tx.log.newest()
            content = tx.log.content(tile) if kept is not None and tile.within(kept.size) else None
        if content is None:
            return None
        if tile.level == ENTRIES:
            return content if tile.width == WIDTH else tiles.bundle(tiles.entries(content)[: tile.width])
        return content[: tile.width * merkle.OCTETS]

    def place(self, *, entry: int | None = None, change: int | None = None) -> Placed:
        """The leaf of this entry of the journal, or of this change. Raises NotFound where it is none yet."""
        sort, number = ("entry", entry) if entry is not None else ("change", change)
        with self._store.read() as tx:
            bundle = tx.log.bundle_of(entry=entry, change=change)
        found, mark = tiles.entries(bundle.content) if bundle is not None else [], f'"{sort}":{number},'.encode()
        for index, leaf in enumerate(found, bundle.number * WIDTH if bundle is not None else 0):
            if mark in leaf and json.loads(leaf).get(sort) == number:  # few are read, since a proof looks at many
                return Placed(index=index, leaf=leaf)
        raise NotFound(f"The log has no leaf of {sort} {number} yet.")

    def proof(self, index: int, extra: bytes = b"") -> Proof:
        """What shows to anybody that this leaf is in the log, under the newest checkpoint. Raises NotFound where that
        does not have it yet."""
        (found,) = self.proofs([index])
        return replace(found, extra=extra)

    def proofs(self, indexes: Sequence[int]) -> list[Proof]:
        """The same of several leaves, under one checkpoint."""
        with self._store.read() as tx:
            kept = tx.log.newest()
            if kept is None or max(indexes, default=0) >= kept.size:
                raise NotFound(f"No checkpoint has leaf {max(indexes, default=0)} yet.")
            tree = _tree(tx, kept.size)
            found = [Proof(index, tuple(merkle.inclusion(index, kept.size, tree)), kept.note) for index in indexes]
        self._safe(kept)
        return found

    def so_far(self) -> tuple[int, int]:
        """The last entry that is a leaf, and how many leaves are signed; zeros before the first."""
        with self._store.read() as tx:
            state, kept = tx.log.state(), tx.log.newest()
        return (state.entry, kept.size) if state and kept else (0, 0)

    def consistency(self, old: int, size: int) -> list[bytes]:
        """What shows that the tree of `size` leaves begins with that of `old`. Raises ValueError for sizes that are
        none, NotFound where no checkpoint has so many leaves."""
        with self._store.read() as tx:
            kept = tx.log.newest()
            if kept is None or size > kept.size:
                raise NotFound(f"No checkpoint has {size} leaves yet.")
            return merkle.consistency(old, size, _tree(tx, size))

    def sealing(self) -> Sealing:
        """What opens the seals of leaves: for whoever shows one thing, never for the world. Raises Withheld."""
        with self._store.read() as tx:
            return Sealing(self._state(tx).salts)

    # -- for operators -------------------------------------------------------------------------------------
    def rotate(self, *, reason: str, actor: str) -> str:
        """A new key, which signs from now on beside the one before it; returns it as others take it. Raises
        Withheld."""
        with self._store.read() as tx:
            state = self._state(tx)
        self._signers(state)
        logkeys.rotate(self._keys, self._random)
        vkey = self._signers(state)[0].verifier.vkey
        with self._store.write() as tx:
            self._enter(tx, "rotated", f"key {vkey.split('+')[1]}", reason, actor)
        return vkey

    def renew(self, *, reason: str, actor: str) -> None:
        """Begin a new log under the name that the settings say now: the old one was given up. Raises Withheld where
        there is none, or the settings still have its name."""
        with self._store.write() as tx:
            state = tx.log.state()
            if state is None or state.origin == self._terms.origin or not self._terms.origin:
                raise Withheld("A new log needs a new name: change tlog.origin first.")
            now = self._clock.now()
            for key in tx.log.keys(state.origin):
                if key.ended is None:
                    tx.log.end_key(key.vkey, now)
            tx.log.clear()
            tx.log.begin(origin=self._terms.origin, salts=self._random(SALT), at=now)
            self._enter(tx, "renewed", self._terms.origin, reason, actor, before=state.origin)

    # -- how -----------------------------------------------------------------------------------------------
    def _safe(self, kept: KeptCheckpoint) -> KeptCheckpoint:
        """The head, once it cannot be lost any more: what was told and then lost with the machine would be a second
        story."""
        if kept.note != self._settled:
            self._store.settle()
            self._settled = kept.note
        return kept

    def _state(self, tx: Transaction) -> LogState:
        state = tx.log.state()
        if state is None:
            raise Withheld("No log has begun yet: the list's scheduler begins it, so ask again in a minute.")
        if self._terms.origin and state.origin != self._terms.origin:
            raise Withheld(
                f"This list's log is {state.origin}, and tlog.origin says {self._terms.origin}: a log keeps its name."
            )
        return state

    def _begun(self) -> None:
        with self._store.write() as tx:
            if tx.log.state() is None:
                tx.log.begin(origin=self._terms.origin, salts=self._random(SALT), at=self._clock.now())

    def _slice(self) -> tuple[int, bool]:
        """Add some leaves; how many, and whether there is more to do."""
        with self._store.read() as tx:
            begun = tx.log.state() is not None
            if begun:
                state = self._state(tx)
                entries, steps = tx.journal.after(state.entry, most=LINES), tx.log.steps(state.change, most=LINES)
                if not entries and not steps:
                    return 0, False
                edge = {tile.level: tx.log.content(tile) or b"" for tile in tiles.edge(state.size)}
                bundle = tx.log.bundle(state.size // WIDTH)
        if not begun:
            self._begun()
            return 0, True
        more = {"more_entries": len(entries) == LINES, "more_steps": len(steps) == LINES}
        order = list(leaves.ordered(entries, steps, **more))
        hashes, bundles, entry, change = self._leaves(order, state, bundle)
        changed = tiles.grow(state.size, edge, hashes)
        with self._store.write() as tx:
            if tx.log.state() != state:
                return 0, True  # another node was faster
            tx.log.put_tiles(changed)
            for each in bundles:
                tx.log.put_bundle(each)
            tx.log.come_to(size=state.size + len(hashes), entry=entry, change=change)
        return len(hashes), any(more.values()) or len(order) < len(entries) + len(steps)

    def _leaves(
        self, order: Iterable[Entry | leaves.DatedChange], state: LogState, last: Bundle | None
    ) -> tuple[list[bytes], list[Bundle], int, int]:
        """The hashes of these leaves; the bundles that they change; the last entry and the last change."""
        sealing, is_open = Sealing(state.salts), self._terms.networks == "open"
        entry, change, hashes = state.entry, state.change, list[bytes]()
        bundles, size = list[Bundle](), state.size
        held = tiles.entries(last.content) if last is not None else []
        if len(held) != size % WIDTH:
            raise Damaged(f"The log's bundle {size // WIDTH} does not have its {size % WIDTH} leaves.")
        before = (last.entry, last.change) if last is not None else (entry, change)

        def close() -> None:
            number = (size - 1) // WIDTH
            bundles.append(Bundle(number=number, entry=before[0], change=before[1], content=tiles.bundle(held)))

        for each in order:
            if isinstance(each, Entry):
                leaf, entry = leaves.entry_leaf(each, change, sealing, is_open=is_open), each.seq
            else:
                leaf, change = leaves.change_leaf(each, sealing, is_open=is_open), each.seq
            hashes.append(merkle.leaf_hash(leaf))
            held.append(leaf)
            size += 1
            if len(held) == WIDTH:
                close()
                held, before = [], (entry, change)
        if held:
            close()
        return hashes, bundles, entry, change

    def _signers(self, state: LogState) -> list[note.Signer]:
        """This node's keys, which are the list's. Raises Withheld where they are not.

        A key in the file before the one that the store knows is a new one: what comes first is the file, since a key
        that the store alone knows of would be lost.
        """
        with self._store.read() as tx:
            known = [key.vkey for key in tx.log.keys(state.origin) if key.ended is None]
        if not known:
            logkeys.make(self._keys, self._random)
        signers = logkeys.read(self._keys, state.origin) or []
        ours = [signer.verifier.vkey for signer in signers]
        if ours and ours[0] not in known and (not known or known[-1] in ours):
            known = self._enrolled(state.origin, ours)
        if not ours or ours[0] != known[-1]:
            raise Withheld(
                f"The log is signed with another key than {self._keys} has: copy that file from the node that signs, "
                "or from a backup."
            )
        self._tell(ours)
        return signers

    def _tell(self, ours: list[str]) -> None:
        """Leave the public keys where zones are made, so that DNS tells them from the next reading on."""
        text = "".join(f"{vkey}\n" for vkey in ours)
        with suppress(OSError):
            if not self._told.exists() or self._told.read_text(encoding="utf-8") != text:
                write_whole(self._told, [text.encode()], alone=False)

    def _enrolled(self, origin: str, ours: list[str]) -> list[str]:
        """The list's keys, of which the newest is ours unless another node has been faster."""
        now = self._clock.now()
        with self._store.write() as tx:
            known = [key.vkey for key in tx.log.keys(origin) if key.ended is None]
            if known and known[-1] not in ours[1:]:
                return known
            tx.log.add_key(LogKey(vkey=ours[0], since=now))
            for vkey in set(known) - set(ours):
                tx.log.end_key(vkey, now)
            return [*known, ours[0]]

    def _enter(self, tx: Transaction, verb: str, after: str, reason: str, actor: str, *, before: str = "") -> None:
        tx.journal.append(
            at=self._clock.now(),
            actor=actor,
            subject=LOG,
            verb=verb,
            reason=Reason.OPERATOR,
            before=before,
            after=after,
            evidence=reason,
        )

    def _hold(self, state: LogState, tree: Tree) -> None:
        """What is signed next must continue what this node has seen signed. Raises Withheld."""
        try:
            told = Checkpoint.read(note.parts(self._seen.read_bytes())[0])
        except FileNotFoundError:
            return
        except OSError as error:
            raise Withheld(f"{self._seen}: cannot be read: {error.strerror}.") from error
        except Damaged as error:
            raise Withheld(
                f"{self._seen} does not hold the head that was signed last; remove it if the database is no older copy."
            ) from error
        if told.origin != state.origin:
            return
        if told.size > state.size or merkle.root(told.size, tree) != told.root:
            raise Withheld(
                f"The database has another past than the log that was signed here (size {told.size}, {self._seen}): "
                "was it restored from a copy? A log that has told two stories is none; give it a new name by "
                "`dnsbl log renew` if that past is lost."
            )

    def _remember(self, signed: str) -> None:
        with suppress(Withheld):  # the store has it; here it is a second witness
            logkeys.put(self._seen, signed.encode())


def _tree(tx: Transaction, size: int) -> Tree:
    return Tree(size, lambda tile: tx.log.content(tile) or b"")


def _by(signed: str, signers: Iterable[note.Signer]) -> bool:
    """Whether all of these have signed."""
    there = {(one.name, one.id) for one in note.parts(signed)[1]} if signed else set()
    return all((signer.verifier.name, signer.verifier.id) in there for signer in signers)
