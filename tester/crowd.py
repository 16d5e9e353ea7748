"""Who holds the places of a server, counted for client networks of several widths; and what is told of the others.

Pure: holds neither sockets nor a clock. A server with room for five hundred connections is one that a client with
five hundred connections closes for everybody, and who has a /48 has more addresses than anybody can count: so places
are counted by address, by network and by what lies around it at once. Where a network has all that it may have, the
guest of that very network who has kept us waiting longest yields to the new one, so that neither a flood nor what
somebody's neighbours do keeps anybody out for good. Guests who are being served never yield, nor do those who have not
yet waited for the crowd's `grace`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address

from tester.received.line import plain
from tester.records import dataclass

Address = IPv4Address | IPv6Address

#: Guests let in before others have their turn.
AT_ONCE = 32
#: Seconds between two lines of the log about the same crowd.
TOLD_EVERY = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Width:
    """How many places the networks of one width may hold."""

    ipv4: int  #: prefix length
    ipv6: int  #: prefix length
    most: int


def widths(*, per_peer: int, per_network: int, per_region: int) -> tuple[Width, ...]:
    """The three that we count, narrowest first: an address (of IPv6 its /64, which is what one host gets), its /24 or
    /48, and its /16 or /32."""
    return (
        Width(ipv4=32, ipv6=64, most=per_peer),
        Width(ipv4=24, ipv6=48, most=per_network),
        Width(ipv4=16, ipv6=32, most=max(per_network, per_region)),
    )


class Place:
    """What a guest holds; given up with `leave`. `hang_up` is called, once, when it has to yield."""

    def __init__(self, crowd: Crowd, keys: tuple[_Key, ...]) -> None:
        self._crowd = crowd
        self.keys = keys
        self.held = True
        self.hang_up: Callable[[], None] = lambda: None

    def waits(self, at: float) -> None:
        """We wait for the guest from now on, `at` in monotonic seconds: it may have to yield."""
        if self.held:
            self._crowd.put_last(self, at)

    def served(self) -> None:
        """The guest waits for us: it does not yield."""
        self._crowd.keep(self)

    def leave(self) -> None:
        """The place is free again; a second time changes nothing."""
        if self.held:
            self.held = False
            self._crowd.free(self)


#: A network that places are counted for: its width's number, the family, and the bits of its prefix.
_Key = tuple[int, int, int]
_ALL: _Key = (-1, 0, 0)


class Crowd:
    """The places of one server. Time and work for a guest do not depend on how many there are."""

    def __init__(self, places: int, widths: tuple[Width, ...] = (), *, grace: float = 0.0) -> None:
        self._widths = widths
        self._grace = grace
        self._most = {_ALL[0]: places} | {number: width.most for number, width in enumerate(widths)}
        self._held: Counter[_Key] = Counter()
        self._waiting: dict[_Key, dict[Place, float]] = {}  # since when, and in this order

    def __len__(self) -> int:
        """How many places are taken."""
        return self._held[_ALL]

    def enter(self, address: Address, at: float, *, exempt: bool = False) -> Place | None:
        """A place for a guest from there, which counts as waiting, or None: its network has as many as it may have,
        and none yields. Who is `exempt` is counted for no network, only among all."""
        keys = (*self._keys(plain(address)), _ALL) if not exempt else (_ALL,)
        full = next((key for key in keys if self._held[key] >= self._most[key[0]]), None)
        if full is not None:  # a wider one holds what the narrower holds: one place less helps all of them
            oldest, since = next(iter(self._waiting.get(full, {}).items()), (None, at))
            if oldest is None or at - since < self._grace:
                return None
            oldest.leave()
            oldest.hang_up()
        place = Place(self, keys)
        for key in keys:
            self._held[key] += 1
        self.put_last(place, at)
        return place

    def _keys(self, address: Address) -> Iterator[_Key]:
        bits = int(address)
        for number, width in enumerate(self._widths):
            yield number, address.version, bits >> (32 - width.ipv4 if address.version == 4 else 128 - width.ipv6)

    def put_last(self, place: Place, at: float) -> None:
        """For `Place.waits`."""
        for key in place.keys:
            waiting = self._waiting.setdefault(key, {})
            waiting.pop(place, None)
            waiting[place] = at

    def keep(self, place: Place) -> None:
        """For `Place.served`."""
        for key in place.keys:
            waiting = self._waiting.get(key, {})
            waiting.pop(place, None)
            if not waiting:
                self._waiting.pop(key, None)

    def free(self, place: Place) -> None:
        """For `Place.leave`."""
        self.keep(place)
        for key in place.keys:
            self._held[key] -= 1
            if not self._held[key]:
                del self._held[key]


class Tally:
    """Counts what strangers cause, and says it in the log once a minute and no oftener, however much there is of it."""

    def __init__(self, every: float = TOLD_EVERY) -> None:
        self.connections = 0  #: those that got a place, since the start
        self.counted: Counter[str] = Counter()  #: since the start, by what happened
        self._unsaid: Counter[str] = Counter()
        self._every = every
        self._next = float("-inf")

    def note(self, what: str) -> None:
        """It happened once more. `what` is our own words, a clause for people."""
        self.counted[what] += 1
        self._unsaid[what] += 1

    def due(self, at: float) -> float | None:
        """Seconds until something is to be said, 0.0 for now, None for nothing; `at` is monotonic."""
        return max(0.0, self._next - at) if self._unsaid else None

    def line(self, at: float) -> str | None:
        """What is to be said now, if anything."""
        if self.due(at) != 0.0:
            return None
        self._next = at + self._every
        said = ", ".join(f"{what}: {count}" for what, count in sorted(self._unsaid.items()))
        self._unsaid.clear()
        return said
