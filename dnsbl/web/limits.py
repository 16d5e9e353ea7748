"""Who asks, and how often they may: the visitor behind trusted proxies, and token buckets for each network.

Pure. Holds no clock (every call brings the time in seconds) and a bounded number of buckets.
"""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator

from dnsbl.addresses import Address, Network, neighbourhood, parse_address, region
from tester.records import dataclass

#: Proxies are few; a longer list of them is not read further.
MOST_HOPS = 10
#: Octets of it that are read, from its end.
MOST_LIST = 1000
#: How many networks' worth a /16 or a /32 may take.
REGION = 8


class Turnstile:
    """Lets each key through so often an hour; `burst` of them, by default an hour's worth, may be taken at once.

    The key that was seen longest ago is forgotten first when there are more than `most` of them, so that a flood
    from many networks costs a fixed amount of memory.
    """

    def __init__(self, *, per_hour: int, burst: int | None = None, most: int = 10_000) -> None:
        self._rate = per_hour / 3600  # tokens per second
        self._burst = float(burst or per_hour)
        self._most = most
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()  # key -> tokens, as of (seconds)

    def __len__(self) -> int:
        return len(self._buckets)

    def wait(self, key: Hashable, at: float, cost: float = 1.0) -> float:
        """Take a turn, or as many as something costs, at time `at`: 0.0 when it is granted, else the seconds until it
        would be. What costs more than all turns there can be costs these."""
        cost = min(cost, self._burst)
        tokens = self._tokens(key, at)
        granted = tokens >= cost
        self._keep(key, tokens - cost if granted else tokens, at)
        return 0.0 if granted else (cost - tokens) / self._rate

    def would_wait(self, key: Hashable, at: float, cost: float = 1.0) -> float:
        """The same, and no turn is taken."""
        return max(0.0, min(cost, self._burst) - self._tokens(key, at)) / self._rate

    def left(self, key: Hashable, at: float) -> tuple[int, int]:
        """How many turns there are now, and the seconds until all are there again."""
        tokens = self._tokens(key, at)
        return int(tokens), math.ceil((self._burst - tokens) / self._rate)

    def _tokens(self, key: Hashable, at: float) -> float:
        tokens, seen = self._buckets.get(key, (self._burst, at))
        return min(self._burst, tokens + max(0.0, at - seen) * self._rate)

    def _keep(self, key: Hashable, tokens: float, at: float) -> None:
        _, seen = self._buckets.pop(key, (0.0, at))
        self._buckets[key] = (tokens, max(at, seen))
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """What became of a request for a turn, and what is told of it."""

    wait: float  #: seconds, 0.0 when it was granted
    headers: dict[str, str]  #: RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10)


class Quota:
    """So many turns in so many seconds for each /24 or /48, and REGION times as many for each /16 or /32."""

    def __init__(self, name: str, quota: int, window: int) -> None:
        per_hour = quota * 3600 // window
        self._policy = f'"{name}";q={quota};w={window}'
        self._name = name
        self._near = Turnstile(per_hour=per_hour, burst=quota)
        self._far = Turnstile(per_hour=per_hour * REGION, burst=quota * REGION)

    def turn(self, who: Address | None, at: float, cost: int = 1) -> Turn:
        """Take a turn for this visitor, or as many as it costs; those without an address share one network."""
        near, far = (neighbourhood(who), region(who)) if who else (None, None)
        wait = max(self._near.would_wait(near, at, cost), self._far.would_wait(far, at, cost))
        if not wait:
            self._near.wait(near, at, cost)
            self._far.wait(far, at, cost)
        return self._told(near, at, wait)

    def turn_of(self, name: str, at: float, cost: int = 1) -> Turn:
        """The same for who is known by name, wherever he comes from."""
        return self._told(name, at, self._near.wait(name, at, cost))

    def _told(self, key: Hashable, at: float, wait: float) -> Turn:
        left, reset = self._near.left(key, at)
        headers = {
            "RateLimit-Policy": self._policy,
            "RateLimit": f'"{self._name}";r={left if not wait else 0};t={reset}',
        }
        return Turn(wait=wait, headers=headers)


def visitor(peer: str, forwarded: str, trusted: Iterable[Network]) -> Address | None:
    """The visitor's address: the peer, or, behind proxies that are trusted, what the outermost of these wrote.

    `forwarded` is what `claims` gives, read from its right end, since only what a trusted proxy appended is true.
    None when the peer has no IP address (a test client, a Unix socket).
    """
    trusted = tuple(trusted)
    try:
        here = parse_address(peer)
    except ValueError:
        return None
    for claim in reversed(forwarded[-MOST_LIST:].split(",")[-MOST_HOPS:]):
        if not any(here in net for net in trusted):
            break
        try:
            here = parse_address(_portless(claim.strip()))
        except ValueError:
            break
    return here


def is_trusted(peer: str, proxies: Iterable[Network]) -> bool:
    """Whether this peer is a proxy of ours."""
    try:
        here = parse_address(peer)
    except ValueError:
        return False
    return any(here in net for net in proxies)


def claims(lines: Iterable[str], *, standard: bool) -> str:
    """What proxies say about whom they forward for, separated by commas: X-Forwarded-For as it is, or, if `standard`,
    each `for` of Forwarded (RFC 7239 4); an element without one stands as it is, and is no address."""
    whole = ",".join(lines)[-MOST_LIST:]
    return ",".join(_for(element) for element in _elements(whole)) if standard else whole


_FOR = re.compile(r'(?:^|;)\s*for\s*=\s*("?)([^";]*)\1\s*(?:;|$)', re.IGNORECASE)
_PORT = re.compile(r"(\[[^\]]*\]|[0-9.]+):[0-9]{1,5}")


def _elements(text: str) -> Iterator[str]:
    """The elements of Forwarded; a comma in a quoted value does not end one."""
    element, quoted = "", False
    for char in text:
        quoted ^= char == '"'
        if char == "," and not quoted:
            yield element
            element = ""
        else:
            element += char
    yield element


def _for(element: str) -> str:
    found = _FOR.search(element)
    return found[2].replace(",", " ") if found else "unknown"


def _portless(claim: str) -> str:
    """Without the port that some proxies add (RFC 7239 6)."""
    found = _PORT.fullmatch(claim)
    return found[1] if found else claim
