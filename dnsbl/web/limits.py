"""Who asks, and how often they may: the visitor behind trusted proxies, and a token bucket for each neighbourhood.

Pure. Holds no clock (every call brings the time in seconds) and a bounded number of buckets.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable

from dnsbl.addresses import Address, Network, parse_address

#: Proxies are few; a longer X-Forwarded-For is not read further.
MOST_HOPS = 10


class Turnstile:
    """Lets each key through so often an hour; an hour's worth may be taken at once.

    The key that was seen longest ago is forgotten first when there are more than `most` of them, so that a flood
    from many networks costs a fixed amount of memory.
    """

    def __init__(self, *, per_hour: int, most: int = 10_000) -> None:
        self._rate = per_hour / 3600  # tokens per second
        self._burst = float(per_hour)
        self._most = most
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()  # key -> tokens, as of (seconds)

    def __len__(self) -> int:
        return len(self._buckets)

    def wait(self, key: Hashable, at: float) -> float:
        """Take a turn at time `at`: 0.0 when it is granted, else the seconds until the next one would be."""
        tokens, seen = self._buckets.pop(key, (self._burst, at))
        tokens = min(self._burst, tokens + max(0.0, at - seen) * self._rate)
        granted = tokens >= 1.0
        self._buckets[key] = (tokens - 1.0 if granted else tokens, max(at, seen))
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return 0.0 if granted else (1.0 - tokens) / self._rate


def visitor(peer: str, forwarded: str, trusted: Iterable[Network]) -> Address | None:
    """The visitor's address: the peer, or, behind proxies that are trusted, what the outermost of these wrote.

    `forwarded` is X-Forwarded-For, read from its right end, since only what a trusted proxy appended is true.
    None when the peer has no IP address (a test client, a Unix socket).
    """
    trusted = tuple(trusted)
    try:
        here = parse_address(peer)
    except ValueError:
        return None
    for claim in reversed(forwarded[-1000:].split(",")[-MOST_HOPS:]):
        if not any(here in net for net in trusted):
            break
        try:
            here = parse_address(claim)
        except ValueError:
            break
    return here
