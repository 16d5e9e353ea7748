"""The addresses of host names that visitors paste, in bounds: our resolver is asked, and never a host itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from dnsbl.addresses import Address
from dnsbl.clock import Clock
from dnsbl.rules.asking import Unread
from dnsbl.web.limits import Quota
from tester.records import dataclass

#: The addresses of each of these names; none where it has none, None where nobody could tell.
Hosts = Callable[[Sequence[str]], list[list[Address] | None]]
#: Names of one request, requests for names at once, and names of one network in an hour.
NAMES, AT_ONCE, HOURLY = 4, 4, 120


@dataclass(frozen=True, kw_only=True, slots=True)
class Leads:
    """A host name and its addresses, one at least."""

    name: str
    addresses: tuple[Address, ...]


class HostNames:
    """Who may have names looked for, and how many."""

    def __init__(self, ask: Hosts | None, clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._quota = Quota("names", HOURLY, 3600)
        self._places = threading.BoundedSemaphore(AT_ONCE)

    def look(self, unread: Sequence[Unread], visitor: Address | None) -> tuple[list[Leads], list[Unread]]:
        """(the names that have addresses, what remains unread), each unread name with the reason. Blocking."""
        wanted = list(dict.fromkeys(one.host for one in unread if one.host))[:NAMES]
        if self._ask is None or not wanted:
            return [], list(unread)
        found, why = self._look(wanted, visitor)
        named = [Leads(name=name, addresses=tuple(addresses)) for name, addresses in found.items() if addresses]
        over = f"No more than {NAMES} host names are looked for at once; hand this one in apart."
        rest = [
            replace(one, why=why.get(one.host, over)) if one.host else one for one in unread if not found.get(one.host)
        ]
        return named, rest

    def _look(self, wanted: list[str], visitor: Address | None) -> tuple[dict[str, list[Address]], dict[str, str]]:
        assert self._ask is not None
        if any(self._quota.turn(visitor, self._clock.monotonic()).wait for _ in wanted):
            return {}, dict.fromkeys(wanted, "Your network has had as many host names looked for as it may in an hour.")
        if not self._places.acquire(blocking=False):
            return {}, dict.fromkeys(wanted, "Host names are being looked for, for others; please try again.")
        try:
            told = dict(zip(wanted, self._ask(wanted), strict=True))
        finally:
            self._places.release()
        why = {
            name: "Our resolver could not tell its addresses just now; please try again, or give the address."
            if addresses is None
            else "This host name has no address in DNS."
            for name, addresses in told.items()
        }
        return {name: addresses for name, addresses in told.items() if addresses}, why
