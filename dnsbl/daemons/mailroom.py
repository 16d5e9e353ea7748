"""Shell: runs the collector and hands what comes in to casework. Decides nothing.

A failure of the store becomes 451 at the collector, so that the sender keeps the letter and tries again.
"""

from __future__ import annotations

import asyncio

from dnsbl.casework import Arrived, Casework
from dnsbl.clock import Clock
from dnsbl.errors import DnsblError
from dnsbl.settings import Settings, split_listen
from tester import letter
from tester.collector import Bounds, Collected, Collector
from tester.letter import Keyring


class Mailroom:
    """The collector on every address of [collector] listen."""

    def __init__(self, casework: Casework, settings: Settings, keyring: Keyring, clock: Clock) -> None:
        self._casework = casework
        self._listen = settings.collector.listen
        collector = settings.collector
        pair = (collector.tls_certificate, collector.tls_key)
        self._collector = Collector(
            hostname=collector.hostname,
            domains=frozenset({settings.tester.collector_domain, settings.tester.bounce_domain}),
            gate=lambda token: letter.gate(keyring, token),
            deliver=self._deliver,
            now=lambda: clock.now().timestamp(),
            bounds=Bounds(
                message=collector.message_bytes, connections=collector.connections, per_peer=collector.per_peer
            ),
            tls=(str(pair[0]), str(pair[1])) if pair[0] and pair[1] else None,
        )
        self.bound: list[tuple[str, int]] = []

    async def start(self) -> list[tuple[str, int]]:
        """Listen everywhere; returns the bound addresses. Raises DnsblError with one sentence."""
        for listen in self._listen:
            host, port = split_listen(listen)
            try:
                self.bound.append(await self._collector.start(host, port))
            except OSError as error:
                await self._collector.close()
                raise DnsblError(f"The collector cannot listen on {listen}: {error.strerror or error}.") from None
        return self.bound

    async def run(self, stop: asyncio.Event) -> None:
        """Collect until `stop`."""
        if not self.bound:
            await self.start()
        try:
            await stop.wait()
        finally:
            await self._collector.close()

    async def _deliver(self, collected: Collected) -> None:
        arrived = Arrived(
            peer=collected.peer,
            peer_port=collected.peer_port,
            local=collected.local,
            tls=collected.tls,
            helo=collected.helo,
            mail_raw=collected.mail_raw,
            rcpt_raw=collected.rcpt_raw,
            null_sender=not collected.mail_from,
            recipient=collected.recipient,
            domain=collected.domain,
            message=collected.message,
            received_at=collected.received_at,
        )
        await asyncio.to_thread(self._casework.file_return, arrived)
