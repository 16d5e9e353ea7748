"""Keeps what the servers of our zones say, for whoever looks at it in the web: they are asked in a thread of their own,
when somebody looks and what is known is old. Nobody waits for an answer, and nobody is asked while nobody looks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from threading import Lock, Thread

from dnsbl.casework.contents import Contents
from dnsbl.casework.views import Views
from dnsbl.clock import Clock
from dnsbl.daemons import monitor
from dnsbl.dns.zones import Zones
from dnsbl.errors import DnsblError
from dnsbl.settings import Dns

#: Seconds after which what is known is old.
OLD = 60.0

_log = logging.getLogger(__name__)


class Lookout:
    """What was heard last."""

    def __init__(self, dns: Dns, zones: Callable[[], Zones], contents: Contents, views: Views, clock: Clock) -> None:
        self._dns = dns
        self._zones = zones
        self._contents = contents
        self._views = views
        self._clock = clock
        self._lock = Lock()
        self._asked: float | None = None
        self._asking: Thread | None = None
        self._found: list[Mapping[str, object]] = []

    def records(self) -> list[Mapping[str, object]]:
        """A record a server and zone, as they were heard last; none before they were asked for the first time."""
        with self._lock:
            now = self._clock.monotonic()
            idle = self._asking is None or not self._asking.is_alive()
            if idle and (self._asked is None or now - self._asked > OLD) and monitor.places(self._dns):
                self._asked = now
                self._asking = Thread(target=self._ask, name="lookout", daemon=True)
                self._asking.start()
            return self._found

    def settled(self, seconds: float) -> None:
        """Wait until nobody is being asked, so long at most."""
        if self._asking is not None:
            self._asking.join(seconds)

    def _ask(self) -> None:
        try:
            self._found = list(asyncio.run(monitor.servers(self._dns, self._zones(), self._contents, self._views)))
        except DnsblError as error:
            _log.warning("the servers of the zones were not asked: %s", error)
