"""The proof file of an address: what the log has of its listing, opened as far as the public page tells it anyway.

Reads alone. Opened are whom an entry is about, what was decided and why, which run, letters and message it names; who
reported, who typed, and all words of people stay sealed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from dnsbl.addresses import Address, Network, network_of
from dnsbl.errors import NotFound, Withheld
from dnsbl.log.leaves import SEALABLE, Sealing, digest_of
from dnsbl.log.prooffile import LEAVES_MOST, OpenedLeaf, ProofFile
from dnsbl.model import Entry, Listing, proven
from dnsbl.store import Store
from tester.letter import Letter

if TYPE_CHECKING:
    from dnsbl.casework.proving import Placed, Proving

#: Entries of an address that are looked at, the newest.
ENTRIES = 2000
#: Changes that an entry may have made at once to one address.
NEAR = 4
#: What does something to the list.
_DONE = frozenset({"listed", "renewed", "kept", "delisted", "dropped", "expired", "withdrawn"})
#: Evidence and actors without words of people, and without the names of our machines.
_EVIDENCE = re.compile(
    r"(?:run [a-z0-9]+|(?:message|letters|transcript) sha256:[0-9a-f]{64}|clears by [0-9TZ:-]+)"
    r"(?:, (?:run [a-z0-9]+|(?:message|letters|transcript) sha256:[0-9a-f]{64}|clears by [0-9TZ:-]+))*"
)
_ACTOR = re.compile(r"policy|collector, from [0-9a-f.:]+")
#: What of an entry is the same for everybody. Its hash is not: it binds all entries before it, so between two hashes
#: that are known whatever is sealed could be guessed.
_ALWAYS = frozenset({"subject", "verb", "reason", "before", "after"})


class Proofs:
    """Made when somebody asks; nothing of it is kept."""

    def __init__(self, store: Store, proving: Proving) -> None:
        self._store = store
        self._proving = proving

    @property
    def on(self) -> bool:
        """Whether there is a log."""
        return self._proving.on

    def of(self, address: Address) -> ProofFile:
        """What shows why this address is listed, and what became of it since. Raises NotFound where it is not listed by
        itself, or the log does not have that yet, and Withheld where there is no log."""
        if not self._proving.on:
            raise Withheld(
                "This list keeps no transparency log, so nothing of it can be proven: tlog.origin is not set."
            )
        last, size = self._proving.so_far()
        with self._store.read() as tx:
            network = network_of(address)
            there = [each for each in tx.listings.covering(address) if each.network == network]
            listing = proven(there, network) or next(iter(there), None)
            if listing is None:
                raise NotFound(f"{address} is not listed by itself, so there is nothing to prove of it.")
            entries = tx.journal.read(str(address), most=ENTRIES)
            letters = [fate.letter for fate in tx.letters.of(listing.run)] if listing.run else []
        chosen = [entry for entry in entries if entry.seq <= last and _belongs(entry, listing)][-LEAVES_MOST // 2 :]
        sealing = self._proving.sealing()
        found: dict[int, OpenedLeaf] = {}
        for entry, filed in zip(chosen, _filed(chosen, letters), strict=True):
            placed = self._proving.place(entry=entry.seq)
            openings = _openings(placed, entry, sealing)
            lines = tuple(f"{one.recipient} {one.sender} {one.proof_hash.hex()}" for one in filed)
            found[placed.index] = _leaf(placed, openings, lines)
            if entry.verb in _DONE:
                serial = int(json.loads(placed.leaf)["serial"])
                if change := self._change(serial, network, listing.kind, sealing):
                    found[change.index] = change
        indexes = sorted(index for index in found if index < size)
        if not any(found[index].facts.get("listed") for index in indexes):
            raise NotFound(
                f"The log does not have the listing of {address} yet: what is decided is there within a minute, and "
                "what was listed with many others has no proof of its own."
            )
        proofs = self._proving.proofs(indexes)
        leaves = (replace(found[proof.index], hashes=proof.hashes) for proof in proofs)
        return ProofFile(tuple(leaves), proofs[0].signed)

    def _change(self, serial: int, network: Network, kind: str, sealing: Sealing) -> OpenedLeaf | None:
        """The leaf of the change that was made of this network just before an entry with this serial, opened."""
        for number in range(serial, max(0, serial - NEAR), -1):
            placed = self._proving.place(change=number)
            told, name = json.loads(placed.leaf), f"change {number} network"
            sealed = told["network"] == {"sha256": sealing.seal(name, str(network))}
            if told["kind"] == kind and (sealed or told["network"] == str(network)):
                return _leaf(placed, {"network": (sealing.salt(name), str(network))} if sealed else {})
        return None


def _leaf(
    placed: Placed,
    openings: dict[str, tuple[bytes, str]],
    letters: tuple[str, ...] = (),
) -> OpenedLeaf:
    return OpenedLeaf(
        index=placed.index,
        leaf=placed.leaf.decode(),
        openings=openings,
        hashes=(),
        letters=letters,
    )


def _belongs(entry: Entry, listing: Listing) -> bool:
    """Whether an entry about the address tells of this listing."""
    if listing.run and re.search(rf"\brun {listing.run}\b", entry.evidence):
        return True
    return entry.verb in _DONE and entry.at >= listing.since


def _openings(placed: Placed, entry: Entry, sealing: Sealing) -> dict[str, tuple[bytes, str]]:
    """The fields that are opened, of those that the leaf seals."""
    sealed = json.loads(placed.leaf)["sealed"]
    shown = set(_ALWAYS)
    if _EVIDENCE.fullmatch(entry.evidence):
        shown.add("evidence")
    if _ACTOR.fullmatch(entry.actor):
        shown.add("actor")
    names = [name for name in SEALABLE if name in sealed and name in shown]
    return {name: (sealing.salt(f"entry {entry.seq} {name}"), str(getattr(entry, name))) for name in names}


def _filed(entries: list[Entry], letters: list[Letter]) -> Iterator[list[Letter]]:
    """Of each entry the letters that it has the digest of; they were filed in this order, some for each way in."""
    left = list(letters)
    for entry in entries:
        count = re.match(r"([0-9]+) (?:filed|given out)", entry.after) if entry.verb == "letters" else None
        these = left[: int(count[1])] if count else []
        if these and f"letters sha256:{digest_of(these)}" in entry.evidence:
            left = left[len(these) :]
            yield these
        else:
            yield []
