"""A list's log replayed by somebody else: what it says is listed, held against every checkpoint that he has seen.

Pure. What is remembered is the last checkpoint, the right edge of its tree and what is listed then, so that going on
costs what is new. A log that has been cut, changed, or is another one for somebody else does not lead from the one to
the next, and is told. Where networks are sealed they are counted, and nothing can be compared with DNS.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from dnsbl.addresses import Network
from dnsbl.errors import Damaged
from dnsbl.log import tiles
from dnsbl.log.checkpoint import Checkpoint
from dnsbl.log.merkle import EMPTY, leaf_hash, root
from tester.records import dataclass

#: How many of those that were listed last and are not now are remembered: DNS may still show them for a moment.
ENDED_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Seen:
    """What is remembered of a log."""

    signed: str = ""  #: the last checkpoint, a note
    size: int = 0
    root: bytes = EMPTY
    edge: Mapping[int, bytes] = field(default_factory=dict)  #: by level, what is not full
    change: int = 0  #: the last one
    first: int = 0  #: the first one: what was listed before is not in the log, where steps of the list were forgotten
    listed: Mapping[str, frozenset[str]] = field(default_factory=dict)  #: by network: the kinds
    ended: tuple[str, ...] = ()  #: networks that were listed, the last ones
    sealed: int | None = None  #: listings without a name, those that have ended taken off; None where each has its name

    @property
    def text(self) -> str:
        """As a file has it."""
        facts = {
            "checkpoint": self.signed,
            "size": self.size,
            "root": self.root.hex(),
            "edge": {str(level): b64encode(octets).decode() for level, octets in self.edge.items()},
            "change": self.change,
            "first": self.first,
            "listed": {network: sorted(kinds) for network, kinds in sorted(self.listed.items())},
            "ended": list(self.ended),
            "sealed": self.sealed,
        }
        return json.dumps(facts) + "\n"

    @classmethod
    def read(cls, text: str) -> Seen:
        """The inverse. Raises Damaged."""
        try:
            facts = json.loads(text)
            return cls(
                str(facts["checkpoint"]),
                int(facts["size"]),
                bytes.fromhex(facts["root"]),
                {int(level): b64decode(octets, validate=True) for level, octets in facts["edge"].items()},
                int(facts["change"]),
                int(facts.get("first", 1)),
                {str(network): frozenset(map(str, kinds)) for network, kinds in facts["listed"].items()},
                tuple(map(str, facts["ended"])),
                None if facts["sealed"] is None else int(facts["sealed"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise Damaged("This is no memory of a log; remove it to begin anew.") from None


def held(seen: Seen, told: Checkpoint) -> None:
    """That a newer checkpoint takes nothing back, as far as that shows without its leaves. Raises Damaged."""
    if told.size < seen.size:
        raise Damaged(
            f"The log had {seen.size} leaves and now has {told.size}: it was rolled back, or this is an old one."
        )
    if told.size == seen.size and told.root != seen.root:
        raise Damaged(f"The log has signed two roots at size {told.size}: it tells two stories.")


def wanted(seen: Seen, told: Checkpoint) -> Iterator[tiles.Tile]:
    """The bundles that have what is new, in order."""
    first, last = seen.size // tiles.WIDTH, -(-told.size // tiles.WIDTH)
    for number in range(first, last):
        yield tiles.Tile(tiles.ENTRIES, number, min(tiles.WIDTH, told.size - number * tiles.WIDTH))


def follow(seen: Seen, told: Checkpoint, signed: str, bundles: Iterable[bytes]) -> Seen:
    """What is known after these bundles, which are those `wanted`. Raises Damaged where they do not lead to the root
    that was signed, or changes are missing among them."""
    held(seen, told)
    size, edge, past, wrong = seen.size, seen.edge, _Past.of(seen), None
    for bundle in bundles:
        skip = size % tiles.WIDTH
        leaves = tiles.entries(bundle)[skip : min(tiles.WIDTH, skip + told.size - size)]
        grown = tiles.grow(size, edge, [leaf_hash(leaf) for leaf in leaves])
        size += len(leaves)
        edge = {
            tile.level: grown.get((tile.level, tile.number), edge.get(tile.level, b"")) for tile in tiles.edge(size)
        }
        try:
            if wrong is None:
                past.add(leaves)
        except Damaged as error:  # what was not signed counts first
            wrong = error
    if size < told.size:
        raise Damaged(f"The log has signed {told.size} leaves and shows {size}: it was cut.")
    if root(told.size, tiles.Tree(told.size, lambda tile: edge.get(tile.level, b""))) != told.root:
        raise Damaged(
            f"The log's {told.size} leaves do not have the root that was signed, or do not begin with the {seen.size} "
            "that were seen before."
        )
    if wrong is not None:
        raise wrong
    ended = tuple(past.ended)[-ENDED_MOST:]
    return Seen(signed, told.size, told.root, edge, past.change, past.first, past.listed, ended, past.sealed)


@dataclass(slots=True)
class _Past:
    """What leaves have said so far."""

    change: int
    first: int
    listed: dict[str, frozenset[str]]
    ended: dict[str, None]
    sealed: int | None

    @classmethod
    def of(cls, seen: Seen) -> _Past:
        return cls(seen.change, seen.first, dict(seen.listed), dict.fromkeys(seen.ended), seen.sealed)

    def add(self, leaves: Iterable[bytes]) -> None:
        """Raises Damaged."""
        for leaf in leaves:
            facts = _facts(leaf)
            if "change" not in facts:
                continue
            if not self.first and isinstance(facts["change"], int):
                self.first, self.change = facts["change"], facts["change"] - 1
            if facts["change"] != self.change + 1:
                raise Damaged(
                    f"After change {self.change} the log has change {facts['change']}: something was left out."
                )
            self.change += 1
            network, kind = facts["network"], str(facts.get("kind"))
            if isinstance(network, dict):  # each time under another salt, so what ends is not known by its seal
                self.sealed = (self.sealed or 0) + (1 if facts.get("listed") is True else -1)
                continue
            name = str(network)
            kinds = self.listed.pop(name, frozenset())
            kinds = kinds | {kind} if facts.get("listed") is True else kinds - {kind}
            if kinds:
                self.listed[name] = kinds
            elif "/" in name:
                self.ended.pop(name, None)
                self.ended[name] = None
                if len(self.ended) > 2 * ENDED_MOST:
                    self.ended = dict.fromkeys(tuple(self.ended)[-ENDED_MOST:])


def unknown(seen: Seen, shown: Iterable[Network]) -> list[Network]:
    """Of the networks that DNS shows those that the log has not listed, and had not just now."""
    known = {parsed for name in (*seen.listed, *seen.ended) if (parsed := _network(name)) is not None}
    lengths = {
        4: sorted({n.prefixlen for n in known if n.version == 4}),
        6: sorted({n.prefixlen for n in known if n.version == 6}),
    }
    return [
        network
        for network in shown
        if not any(
            network.supernet(new_prefix=length) in known
            for length in lengths[network.version]
            if length <= network.prefixlen
        )
    ]


def is_comparable(seen: Seen) -> bool:
    """Whether the log names all that is listed, so that it can be compared with DNS."""
    return seen.first <= 1 and seen.sealed is None


def count(seen: Seen) -> int:
    """How many are listed: networks by their names, and listings without one."""
    return len(seen.listed) + (seen.sealed or 0)


def network_of_name(labels: list[str]) -> Network | None:
    """What a name of a zone stands for, by its labels below the origin (RFC 5782 2.1, 2.4), or None for a name of
    another sort, and for test points."""
    rest = labels[1:] if labels[:1] == ["*"] else labels
    whole = rest == labels
    found: Network
    if rest and len(rest) <= 4 and all(one.isascii() and one.isdecimal() and int(one) < 256 for one in rest):
        if whole and len(rest) < 4:
            return None
        octets = [int(one) for one in reversed(rest)]
        found = IPv4Network((bytes(octets + [0] * (4 - len(octets))), 8 * len(octets)))
        return None if octets[0] == 127 else found
    if rest and len(rest) <= 32 and all(len(one) == 1 and one in "0123456789abcdef" for one in rest):
        if whole and len(rest) < 32:
            return None
        found = IPv6Network((bytes.fromhex("".join(reversed(rest)).ljust(32, "0")), 4 * len(rest)))
        return None if found.network_address.ipv4_mapped else found
    return None


def _facts(leaf: bytes) -> dict[str, Any]:
    try:
        found = json.loads(leaf)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or ("change" in found and "network" not in found):
        raise Damaged("A leaf of the log says nothing that a list's log says.")
    return found


def _network(name: str) -> Network | None:
    try:
        return ip_network(name) if "/" in name else None
    except ValueError:
        return None
