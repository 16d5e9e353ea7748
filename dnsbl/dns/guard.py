"""Who may ask, and how fast: client rules, keys in the name, response rate limits.

Pure; time is an argument, and clients are packed addresses (4 or 16 bytes). Rules and keys never change; `Pace` is the
one thing here that remembers, in memory that is taken once and does not grow.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Generic, TypeVar

from dnsbl.errors import SettingsError
from dnsbl.settings import ClientRule
from tester.records import dataclass

#: No label that is shorter is taken for a key, so that none can be guessed.
SHORTEST_KEY = 16
#: What a reply counts as.
ANSWER, NEGATIVE, ERROR = range(3)
#: What becomes of a reply.
SEND, SLIP, DROP = range(3)
#: Prefix that counts as one client.
CLIENT_V4, CLIENT_V6 = 24, 56
#: Seconds of a limit that may come at once.
BURST = 2.0
#: Limits are kept for so many slots, as a power of two, that networks share by chance.
SLOTS_BITS = 16

_SLOTS = 1 << SLOTS_BITS
_KEY_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._@-]{0,38}[A-Za-z0-9])?")
_Value = TypeVar("_Value")


class Prefixes(Generic[_Value]):
    """Networks, each with a value; the longest one that holds an address decides."""

    def __init__(self, values: Mapping[IPv4Network | IPv6Network, _Value]) -> None:
        self._levels: dict[int, list[tuple[int, dict[int, _Value]]]] = {4: [], 16: []}
        for network in sorted(values, key=lambda network: -network.prefixlen):
            levels = self._levels[network.max_prefixlen // 8]
            shift = network.max_prefixlen - network.prefixlen
            if not levels or levels[-1][0] != shift:
                levels.append((shift, {}))
            levels[-1][1][int(network.network_address) >> shift] = values[network]

    def of(self, client: bytes) -> _Value | None:
        """The value for this address, or None."""
        levels = self._levels[len(client)]
        if levels:
            number = int.from_bytes(client)
            for shift, values in levels:
                value = values.get(number >> shift)
                if value is not None:
                    return value
        return None

    def levels(self, size: int) -> list[tuple[int, dict[int, _Value]]]:
        """For addresses of so many bytes: (bits that do not matter, network number -> value), the longest first."""
        return self._levels[size]


def rules_of(rules: Iterable[ClientRule]) -> Prefixes[ClientRule]:
    """The rules, to be asked by address; of two for one network the later one counts."""
    return Prefixes({rule.network: rule for rule in rules})


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownKey:
    """One client's key, as far as anything here knows it."""

    digest: bytes  #: SHA-256 of the key
    name: str = ""  #: what the operator calls its holder
    homes: tuple[IPv4Network | IPv6Network, ...] = ()  #: the networks that it is used from; empty: any

    @property
    def fingerprint(self) -> str:
        """The beginning of the digest, which leads nobody to the key."""
        return self.digest.hex()[:12]

    @property
    def label(self) -> str:
        """What logs and metrics call it."""
        return self.name or self.fingerprint


class Keys:
    """Keys that clients may put between address and zone, known by their SHA-256 alone.

    A key is one label of 16 to 63 letters and digits; letters in lower case are hashed (DNS does not tell them apart).
    `known` are keys, or digests of keys that may be used from anywhere; with `stay` a key is refused elsewhere than at
    home, where it has one.
    """

    def __init__(self, known: Iterable[KnownKey | bytes] = (), *, stay: bool = False) -> None:
        found = (one if isinstance(one, KnownKey) else KnownKey(digest=one) for one in known)
        self.known: Mapping[bytes, KnownKey] = {one.digest: one for one in found}
        self.stay = stay
        self.homes = {key.digest: Prefixes(dict.fromkeys(key.homes, True)) for key in self.known.values() if key.homes}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Keys) and (self.known, self.stay) == (other.known, other.stay)

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def read(cls, text: str, source: str, *, stay: bool = False) -> Keys:
        """The keys in a file: a SHA-256 in hexadecimal a line, and behind it, in any order, `name=WORD` and
        `networks=NETWORK,NETWORK`. Other words, and lines that begin with #, are notes.

        Raises SettingsError with every mistake, and never shows a line, which might hold a key.
        """
        known: dict[bytes, KnownKey] = {}
        labels: dict[str, bytes] = {}
        mistakes: list[str] = []
        for number, line in enumerate(text.splitlines(), 1):
            words = line.partition("#")[0].split()
            if not words:
                continue
            try:
                key = _known_key(words)
                if labels.setdefault(key.label, key.digest) != key.digest:
                    raise ValueError("this name was given before, to another key")
            except ValueError as error:
                mistakes.append(f"{source}: line {number}: {error}")
            else:
                known[key.digest] = key
        if mistakes:
            raise SettingsError(mistakes)
        return cls(known.values(), stay=stay)

    @staticmethod
    def like(label: bytes) -> bool:
        """Whether this label may be meant as a key."""
        return len(label) >= SHORTEST_KEY and label.isalnum()

    def find(self, label: bytes) -> KnownKey | None:
        """The key that this label (lower case) is, or None."""
        return self.known.get(hashlib.sha256(label).digest())

    def at_home(self, key: KnownKey, client: bytes) -> bool:
        """Whether this client may be the holder of the key, going by its address."""
        homes = self.homes.get(key.digest)
        return homes is None or homes.of(client) is not None


def _known_key(words: list[str]) -> KnownKey:
    """The key of one line. Raises ValueError with a sentence that shows nothing of it."""
    try:
        digest = bytes.fromhex(words[0])
    except ValueError:
        digest = b""
    if len(digest) != 32:
        raise ValueError("the SHA-256 of a key is needed, 64 hexadecimal digits")
    fields = {word.partition("=")[0]: word.partition("=")[2] for word in words[1:] if "=" in word}
    name = fields.get("name", "")
    if "name" in fields and not _KEY_NAME.fullmatch(name):
        raise ValueError("a name has up to 40 letters, digits, and - . _ @ between them")
    if Keys.like(name.encode()):
        raise ValueError("this name could be a key: give it a dot or a hyphen, or fewer than 16 letters and digits")
    try:
        homes = tuple(ip_network(part) for part in fields["networks"].split(",")) if "networks" in fields else ()
    except ValueError:
        raise ValueError("networks=NETWORK,NETWORK is needed, such as networks=192.0.2.0/24,2001:db8::/32") from None
    return KnownKey(digest=digest, name=name, homes=homes)


class Pace:
    """Response rate limits, per client network and kind of reply.

    Each network falls into one of 65536 slots by a secret hash; networks that fall together share a limit, so that no
    number of sources makes the memory grow or a limit vanish. A slot is one number, the time at which all that was sent
    would have been sent at the allowed rate; it may lie at most BURST seconds ahead.
    """

    def __init__(
        self,
        *,
        answers: float = 0,
        negatives: float = 0,
        errors: float = 0,
        slip: int = 2,
        allow: Iterable[IPv4Network | IPv6Network] = (),
        seed: int = 1,
    ) -> None:
        self.steps = tuple(1 / rate if rate else 0.0 for rate in (answers, negatives, errors))  #: seconds a reply
        self.slip = slip
        self.allow = Prefixes(dict.fromkeys(allow, True))
        self.multiplier = seed | 1  #: of the hash
        self._ahead = array("d", (0.0,)) * (3 * _SLOTS)
        self._refused = array("B", (0,)) * (3 * _SLOTS)

    @property
    def memory(self) -> tuple[array[float], array[int]]:
        """For the compiled engine, by sort and slot: up to when is taken, and how many were refused in a row."""
        return self._ahead, self._refused

    def judge(self, client: bytes, sort: int, now: float, *, slips: bool = True) -> int:
        """SEND, SLIP or DROP for a reply of this sort to this client; it counts when it is sent.

        `now` in seconds; when it goes back, slots start anew. With `slips` false it is SEND or DROP.
        """
        if not self.steps[sort] or self.allow.of(client):
            return SEND
        return self.judge_slot(self.slot(client), sort, now, slips=slips)

    def judge_slot(self, slot: int, sort: int, now: float, *, slips: bool = True) -> int:
        """The same for a client that is not among the allowed, by its slot."""
        step = self.steps[sort]
        if not step:
            return SEND
        slot |= sort << SLOTS_BITS
        begins = self._ahead[slot]
        if not now < begins <= now + BURST + step:
            begins = now
        if begins - now <= BURST - step / 2 or begins == now:
            self._ahead[slot] = begins + step
            return SEND
        if not (slips and self.slip):
            return DROP
        self._refused[slot] = refused = (self._refused[slot] + 1) % self.slip
        return DROP if refused else SLIP

    def slot(self, client: bytes) -> int:
        """Where the network of this client (a packed address) is counted."""
        if len(client) == 4:
            network = int.from_bytes(client) >> 32 - CLIENT_V4
        else:
            network = int.from_bytes(client) >> 128 - CLIENT_V6 | 1 << CLIENT_V6
        return (network * self.multiplier & 0xFFFFFFFFFFFFFFFF) >> 64 - SLOTS_BITS
