"""Tells secondaries that a zone has changed (NOTIFY, RFC 1996): at the start, and at most once a second after changes.

A shell. The feed hands it every table, as it does to the responder. A secondary that does not answer is asked again,
with growing pauses, a few times for each change, and one that does is told once more a little later; its own refresh
timer is the safety net. NOTIFY is signed with the key of the `dns.transfer` rule that holds the secondary's address.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from contextlib import suppress
from ipaddress import ip_address
from typing import cast

import dns.name
import dns.tsig

from dnsbl.clock import Clock, SystemClock
from dnsbl.dns.listed.table import Table
from dnsbl.dns.secondaries import transfer
from dnsbl.dns.secondaries.transfer import TsigKeys
from dnsbl.dns.zones import Zone, Zones
from dnsbl.logbook.events import tell
from dnsbl.settings import Dns, split_listen

#: Seconds at least between two tellings of one change after another.
BETWEEN = 1.0
#: Seconds after an answer until the same is told once more.
AGAIN = 5.0
#: Seconds to wait for each answer; the last one that stays out ends the telling.
WAITS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)

_log = logging.getLogger(__name__)


class Notifier:
    """Tells all `dns.secondaries`; `table` is set by the feed, in the same event loop."""

    def __init__(
        self,
        settings: Dns,
        zones: Zones,
        tsig_keys: TsigKeys,
        *,
        clock: Clock = SystemClock(),  # noqa: B008 (stateless)
        between: float = BETWEEN,
        waits: tuple[float, ...] = WAITS,
        again: float = AGAIN,
    ) -> None:
        self._zones = zones
        self.counters = dict.fromkeys(("sent", "answered", "unanswered"), 0)
        self._settings = settings
        self._tsig_keys = tsig_keys
        self._clock = clock
        self._between = between
        self._waits = waits
        self._again = again
        self._table: Table | None = None
        self._told: Table | None = None  # the last table that there was something to tell of
        self._changed = asyncio.Event()

    @property
    def zones(self) -> Zones:
        """The zones that are answered for."""
        return self._zones

    @zones.setter
    def zones(self, zones: Zones) -> None:
        self._zones = zones
        self._look()

    @property
    def table(self) -> Table | None:
        """The table in service."""
        return self._table

    @table.setter
    def table(self, table: Table | None) -> None:
        self._table = table
        self._look()

    def _look(self) -> None:
        """Tell of the table if it is news, and its serial stands for the zones as they are."""
        table, told = self._table, self._told
        if table is None or table.zones_digest != self._zones.digest:
            return
        if told is None or table.soa_serial != told.soa_serial:
            self._told = table
            self._changed.set()

    def confirm(self, moment: float) -> None:
        """Of no concern here."""

    async def run(self, stop: asyncio.Event) -> None:
        """Tell of every change until `stop` is set."""
        tellings: set[asyncio.Task[None]] = set()
        stopped = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                changed = asyncio.create_task(self._changed.wait())
                await asyncio.wait({stopped, changed}, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
                if stop.is_set():
                    break
                self._changed.clear()
                for telling in tellings:  # what it tells is old by now
                    telling.cancel()
                tellings = {
                    asyncio.create_task(self._tell(place, zone))
                    for place in self._settings.secondaries
                    for zone in self._zones
                    if not zone.sources and not zone.watched
                }
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), self._between)
        finally:
            stopped.cancel()
            for telling in tellings:
                telling.cancel()
            await asyncio.gather(*tellings, return_exceptions=True)

    async def _tell(self, place: str, zone: Zone) -> None:
        """Tell one secondary of one zone, and once more after it has answered: one that two nodes tell at once may look
        at one of them alone (Knot DNS does), and miss what the other has until its next refresh."""
        if await self._answers(place, zone):
            await asyncio.sleep(self._again)
            await self._answers(place, zone)

    async def _answers(self, place: str, zone: Zone) -> bool:
        """Tell it until it answers; whether it has."""
        assert self._told is not None
        host, port = split_listen(place)
        ident = secrets.randbelow(1 << 16)
        message = transfer.notify(zone, self._told, ident, self._key(host), int(self._clock.now().timestamp()))
        try:
            endpoint = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: _Answer(ident), local_addr=self._source(host), remote_addr=(host, port)
            )
            transport, answer = endpoint
        except OSError as error:
            self._silent(place, zone, error.strerror or "no route")
            return False
        try:
            for wait in self._waits:
                self.counters["sent"] += 1
                transport.sendto(message)
                with suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(answer.heard), wait)
                    self.counters["answered"] += 1
                    return True
        finally:
            transport.close()
        self._silent(place, zone, "no answer")
        return False

    def _silent(self, place: str, zone: Zone, why: str) -> None:
        self.counters["unanswered"] += 1
        tell(_log, "secondary-silent", server=place, zone=zone.origin, why=why)

    def _key(self, host: str) -> dns.tsig.Key | None:
        address = ip_address(host)
        for rule in self._settings.transfer:
            if rule.key and address in rule.network:
                return self._tsig_keys[dns.name.from_text(rule.key)]
        return None

    def _source(self, host: str) -> tuple[str, int] | None:
        """An address where we answer, since that is the primary that a secondary knows; None lets the system choose."""
        to = ip_address(host)
        for listen in self._settings.listen:
            here = ip_address(split_listen(listen)[0])
            if here.version == to.version and here.is_loopback == to.is_loopback:
                return str(here), 0
        return None


class _Answer(asyncio.DatagramProtocol):
    """Waits for the reply."""

    def __init__(self, ident: int) -> None:
        self._ident = ident
        self.heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if transfer.is_answer(data, self._ident) and not self.heard.done():
            self.heard.set_result(None)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there yet; the next try may find somebody."""
