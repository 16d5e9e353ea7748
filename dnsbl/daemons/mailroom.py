"""Shell: runs the collector and hands what comes in to casework. Decides nothing.

A failure of the store becomes 451 at the collector, so that the sender keeps the letter and tries again. Callbacks
prove nothing: so many at once are stored, and the rest is let go.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from dnsbl.addresses import Address
from dnsbl.casework.arrivals import Arrivals
from dnsbl.casework.mail_door import MailDoor
from dnsbl.casework.ring import Ring
from dnsbl.clock import Clock
from dnsbl.daemons.names import Lookups
from dnsbl.errors import DnsblError, Full, StoreUnavailable, Trouble
from dnsbl.settings import Settings, split_listen
from tester import letter
from tester.collector import Caps, Collector
from tester.errors import Declined, Deferred
from tester.letter import Keyring
from tester.listening import unheard
from tester.returned import Collected
from tester.verdict import Finding

_log = logging.getLogger(__name__)

#: Who writes there from a listed address asks for its removal.
REMOVE = "remove"
#: Callbacks that may wait for the store.
MOST_PROBES = 100
#: Characters of a sentence that a reply has room for (RFC 5321 4.5.3.1.5).
DECLINED_MOST = 400


class Mailroom:
    """The collector on every address of [collector] listen."""

    def __init__(
        self,
        arrivals: Arrivals,
        settings: Settings,
        keyring: Keyring,
        clock: Clock,
        *,
        mail_door: MailDoor | None = None,
        lookups: Lookups = Lookups(),  # noqa: B008 (frozen)
    ) -> None:
        """Without a `mail_door` only letters are taken. Raises DnsblError where the certificate cannot be used."""
        self._lookups = lookups
        self._mail_door = mail_door
        self._traps = frozenset(settings.traps.domains if mail_door is not None else ())
        self._arrivals = arrivals
        self._listen = settings.collector.listen
        try:
            self._collector = self._made(settings, keyring, clock)
        except OSError as error:  # SSLError is one
            why = f"collector.tls_certificate and collector.tls_key cannot be used: {error.strerror or error}."
            raise DnsblError(why) from None
        self.tally = self._collector.tally  #: what strangers have caused
        self._probes: set[asyncio.Task[None]] = set()
        self.bound: list[tuple[str, int]] = []

    def _made(self, settings: Settings, keyring: Keyring, clock: Clock) -> Collector:
        """Raises OSError where the certificate cannot be used."""
        collector = settings.collector
        pair = (collector.tls_certificate, collector.tls_key)
        return Collector(
            hostname=collector.hostname,
            domains=settings.tester.domains
            | {collector.hostname}
            | frozenset(name for address in collector.addresses for name in literals(address)),
            gate=lambda token: gate(keyring, token),
            deliver=self._deliver,
            now=lambda: clock.now().timestamp(),
            caps=Caps(
                message=collector.message_bytes,
                connections=collector.connections,
                per_peer=collector.per_peer,
                per_network=collector.per_network,
                per_region=collector.connections // 2,
            ),
            tls=(str(pair[0]), str(pair[1])) if pair[0] and pair[1] else None,
            on_probe=self._probed,
            below=settings.tester.mx_domain or "",
            desks={settings.mail_door.address} - {""} if self._mail_door is not None else (),
            traps=self._traps,
            doors=frozenset({f"{REMOVE}@{collector.hostname}"}),
        )

    async def start(self) -> list[tuple[str, int]]:
        """Listen everywhere; returns the bound addresses. Raises DnsblError with one sentence."""
        for listen in self._listen:
            host, port = split_listen(listen)
            try:
                self.bound.append(await self._collector.start(host, port))
            except OSError as error:
                await self._collector.close()
                raise DnsblError(f"The collector cannot listen on {listen}: {unheard(error)}.") from None
        return self.bound

    async def run(self, stop: asyncio.Event) -> None:
        """Collect until `stop`."""
        if not self.bound:
            await self.start()
        try:
            await stop.wait()
        finally:
            await self._collector.close()
            await asyncio.gather(*self._probes)

    async def _deliver(self, collected: Collected) -> None:
        try:
            if "@" in collected.recipient:
                await asyncio.to_thread(self._take, collected)
                return
            if collected.recipient == REMOVE:
                heard = await asyncio.to_thread(self._arrivals.file_request, collected)
                if heard.declined:
                    raise _declined(heard.said)
                return
            twin = await self._twin(collected)
            finding = await asyncio.to_thread(partial(self._arrivals.file_return, collected, twin=twin))
        except Full as full:
            raise Deferred(str(full)) from None
        except StoreUnavailable as error:
            if error.trouble is not Trouble.FULL:
                raise
            raise Deferred("there is no room here at the moment, try again later") from error
        if finding is Finding.BOUNCED_BY_US:
            _log.error("a letter was bounced because our own collector had refused it; the journal tells which")
        elif finding is Finding.COMPLAINT:
            _log.warning("somebody has reported a letter of ours as abuse; `dnsbl inbox` shows it")

    def _take(self, collected: Collected) -> None:
        """File what is no letter of ours. Raises Declined."""
        assert self._mail_door is not None  # else no such recipient is taken
        if collected.domain in self._traps:
            self._mail_door.spring(collected)
        elif declined := self._mail_door.take(collected).declined:
            raise _declined(declined)

    async def _twin(self, collected: Collected) -> str:
        """The name that shows that who brings a letter is the very machine that it was offered to, or ""."""
        doubt = await asyncio.to_thread(self._arrivals.doubt, collected)
        if doubt is None:
            return ""
        if doubt.known:
            return "its own name"
        return await self._lookups.shared(collected.peer, doubt.address, (collected.helo,))

    def _probed(self, collected: Collected) -> None:
        if "@" in collected.recipient:
            return
        if len(self._probes) < MOST_PROBES:
            task = asyncio.create_task(self._file_probe(collected))
            self._probes.add(task)
            task.add_done_callback(self._probes.discard)

    async def _file_probe(self, collected: Collected) -> None:
        try:
            await asyncio.to_thread(self._arrivals.file_probe, collected)
        except Full:
            pass  # it was answered already, and told nothing new
        except DnsblError as error:
            _log.warning("a callback was not stored: %s", error)


def _declined(sentence: str) -> Declined:
    return Declined(sentence.encode("ascii", "replace").decode()[:DECLINED_MOST])


def gate(keyring: Keyring, token: str) -> bool:
    """Whether the token bears our gate. Raises StoreUnavailable, so that the sender comes again, where it may bear that
    of a key which has not come to this node yet."""
    if letter.gate(keyring, token):
        return True
    if isinstance(keyring, Ring) and keyring.may_be_ours(token):
        raise StoreUnavailable("A key may be on its way to this node.")
    return False


def literals(address: Address) -> tuple[str, ...]:
    """How a recipient may name this address in place of a domain (RFC 5321 4.1.3; the number is an old custom)."""
    return (f"[{address}]", f"#{int(address)}") if address.version == 4 else (f"[ipv6:{address}]",)
