"""Zone transfers: who may have whole zones, and the messages they get, made off the answering path.

A shell around `dns.secondaries.transfer`. What the public parser turns away gets a second look here: a request for a
transfer, or a query with a TSIG. Transfers need an address in `dns.transfer` and the key that its rule names, and are
refused to everybody else; nobody gets a zone (SERVFAIL) while its serial stands for another one. The responder has each
message made in a thread, as the client reads them, from the table that was in service when the transfer began.

What is refused over TCP is told in the log, from that thread too. Over UDP anybody can write any address as the sender,
so it is counted alone.
"""

from __future__ import annotations

import logging
import os
import stat
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Protocol

import dns.name
import dns.tsig

from dnsbl.addresses import Address, Network
from dnsbl.clock import Clock, SystemClock
from dnsbl.dns import wire
from dnsbl.dns.listed.table import Table
from dnsbl.dns.respond import Serving, left, respond
from dnsbl.dns.secondaries import transfer
from dnsbl.dns.secondaries.transfer import Request, TsigKeys
from dnsbl.dns.zones import Zone
from dnsbl.errors import DnsblError, SettingsError
from dnsbl.files import open_plain
from dnsbl.logbook.events import tell
from dnsbl.model import Change
from dnsbl.settings import Dns, TransferRule
from tester.records import dataclass

_log = logging.getLogger(__name__)

_FAULTS = {
    transfer.BADKEY: "badkey",
    transfer.BADSIG: "badsig",
    transfer.BADTIME: "badtime",
    transfer.BADTRUNC: "badtrunc",
    wire.FORMERR: "badtrunc",
}
_NO_KEYS: dict[dns.name.Name, dns.tsig.Key] = {}


#: Why a transfer is refused, in the log; its signature by the name of the fault.
_NO_RULE = "no rule of dns.transfer is for its address"
_NO_TLS = "no rule of dns.transfer is for its address without TLS"
_NO_KEY = "it has not signed with the key that its rule of dns.transfer names"
_NO_ZONE = "there is no such zone here"
_SOURCES = "it is a zone of other people's data files"
_NO_TABLE = "there is no table yet"
_UNNUMBERED = "its serial stands for other zone files"
_BUSY = "as many as dns.transfers lets run are under way"


@dataclass(frozen=True, slots=True)
class _Refused:
    """A reply without a zone, and why."""

    packet: bytes
    why: str


class Log(Protocol):
    """Where the log of changes is: `Casework`. Synchronous; called in a thread."""

    def changes(self, after: int, *, most: int = ..., epoch: int | None = ...) -> list[Change]:
        """The changes behind a number, in order; none where the epoch of this base is over."""
        ...


def read_tsig_keys(settings: Dns) -> TsigKeys:
    """The keys of `dns.tsig_keys`. Raises SettingsError, also when a rule names a key that is not there, and
    when others than the file's owner and group may read or write it.
    """
    path: Path | None = settings.tsig_keys
    if path is None:
        return _NO_KEYS
    try:
        with open_plain(path) as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IROTH | stat.S_IWOTH):
                raise SettingsError(
                    [f"{path}: dns.tsig_keys is open to everybody here; `chmod 640` it, and make new keys"]
                )
            keys = transfer.read_tsig_keys(file.read().removeprefix(BOM_UTF8).decode("ascii"), str(path))
    except OSError as error:
        raise SettingsError([f"{path}: dns.tsig_keys cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise SettingsError([f"{path}: dns.tsig_keys must be ASCII text"]) from None
    missing = sorted({rule.key for rule in settings.transfer if rule.key and dns.name.from_text(rule.key) not in keys})
    if missing:
        raise SettingsError([f"dns.transfer: {path} has no key {name}" for name in missing])
    return keys


class Transfers:
    """The second look of one responder: set it as `Responder.transfer`."""

    def __init__(
        self,
        settings: Dns,
        tsig_keys: TsigKeys,
        serving: Serving,
        log: Log | None,
        clock: Clock = SystemClock(),  # noqa: B008 (stateless)
        listable: Callable[[Network], bool] = lambda network: True,
    ) -> None:
        self._listable = listable
        self._settings = settings
        self._tsig_keys = tsig_keys
        self._serving = serving
        self._log = log
        self._clock = clock
        self.running: set[Messages] = set()
        #: Since the start, for metrics.
        self.counters = dict.fromkeys(
            ("axfr", "ixfr", "soa", "refused", "busy", "unnumbered", "badkey", "badsig", "badtime", "badtrunc"), 0
        )

    def __call__(self, packet: bytes, client: bytes, tcp: bool, tls: bool = False) -> Iterator[bytes] | None:
        """The reply of one message, or the messages of a transfer (TCP only), or None: the ordinary reply stands.

        Never raises; the transfer's own iterator takes time and is for a thread.
        """
        request = transfer.read(packet)
        if request is None:
            return None
        address = ip_address(client)
        rules = [rule for rule in self._settings.transfer if address in rule.network and (tls or not rule.tls)]
        if not rules:
            if not request.transfer:
                return None
            elsewhere = any(address in rule.network for rule in self._settings.transfer)
            refused = self._refuse(request, _NO_TLS if elsewhere else _NO_RULE)
            return self._say(refused.packet, refused.why, address, request, tcp)
        now = self._clock.now().timestamp()
        signed = transfer.checked(request, self._tsig_keys, int(now))
        if signed is not None and signed.error:
            fault = _FAULTS[signed.error]
            self.counters[fault] += 1
            packet = transfer.refused_signature(request, signed, int(now))
            return self._say(packet, f"its signature does not hold ({fault})", address, request, tcp)
        key = None if signed is None else signed.key
        found: bytes | _Refused | Messages | None
        why = ""
        if request.transfer:
            found = self._transfer(address, request, rules, key, tcp)
        else:
            found = respond(request.plain, client, now, self._serving, tcp=tcp).packet if key else None
        if isinstance(found, _Refused):
            why, found = found.why, found.packet
        if isinstance(found, bytes):
            packet = found if key is None else transfer.sealed(found, request, key, int(now), tcp=tcp)
            return self._say(packet, why, address, request, tcp)
        return found

    def _say(self, packet: bytes, why: str, client: Address, request: Request, tcp: bool) -> Iterator[bytes]:
        """This one message, and a line in the log where it refuses a transfer."""
        return _told(packet, why, client, request) if why and request.transfer and tcp else iter((packet,))

    def _transfer(
        self,
        client: Address,
        request: Request,
        rules: list[TransferRule],
        key: dns.tsig.Key | None,
        tcp: bool,
    ) -> bytes | _Refused | Messages:
        """The messages, or a reply that says why there are none."""
        zones, table = self._serving.zones, self._serving.table
        zone = zones.of(request.labels)
        if not any(rule.key is None or (key and key.name == dns.name.from_text(rule.key)) for rule in rules):
            return self._refuse(request, _NO_KEY)
        if zone is None or zone.labels != request.labels or request.qclass != wire.IN:
            return _Refused(transfer.said(request, transfer.NOTAUTH), _NO_ZONE)
        if zone.sources:  # what a table holds is not the zone
            return self._refuse(request, _SOURCES)
        if table is None:
            return _Refused(transfer.said(request, wire.SERVFAIL), _NO_TABLE)
        if not tcp and request.qtype == wire.AXFR:
            return transfer.said(request, wire.NOTIMP)
        if not tcp:
            self.counters["soa"] += 1
            return transfer.serial(request, zone, table, self._left(zone))
        if table.zones_digest != zones.digest:  # its serial stands for another zone
            self.counters["unnumbered"] += 1
            return _Refused(transfer.said(request, wire.SERVFAIL), _UNNUMBERED)
        if len(self.running) >= self._settings.transfers:
            self.counters["busy"] += 1
            return _Refused(transfer.said(request, wire.SERVFAIL), _BUSY)
        messages = Messages(self._messages(client, request, zone, table, key), self.running)
        self.running.add(messages)
        return messages

    def _now(self) -> int:
        return int(self._clock.now().timestamp())

    def _left(self, zone: Zone) -> int:
        """Seconds until the zone expires."""
        expire, now = int.from_bytes(zone.soa_timers[8:12]), self._clock.now().timestamp()
        return left(zone, expire, now, self._serving.seen)

    def _refuse(self, request: Request, why: str) -> _Refused:
        self.counters["refused"] += 1
        return _Refused(transfer.said(request, wire.REFUSED), why)

    def _messages(
        self, client: Address, request: Request, zone: Zone, table: Table, key: dns.tsig.Key | None
    ) -> Iterator[bytes]:
        """The steps behind the client's serial, or the whole zone when the log does not lead from there."""
        expand = self._settings.expand_ranges
        records = None
        after = transfer.reach(request, table)
        if after is not None:
            changes = [] if after == table.serial else self._changes(after, table)
            records = transfer.steps(zone, table, after, changes, expand=expand, listable=self._listable)
        way = "axfr" if records is None else "ixfr"
        self.counters[way] += 1
        if records is None:
            records = transfer.whole(zone, table, expand=expand)
        yield from transfer.messages(request, records, key, self._now, self._left(zone))
        tell(
            _log,
            "transfer",
            client=client,
            zone=zone.origin,
            way=way,
            serial=table.soa_serial,
            key=key.name.to_text(omit_final_dot=True) if key else "none",
        )

    def _changes(self, after: int, table: Table) -> list[Change]:
        try:
            return self._log.changes(after, most=transfer.MOST_STEPS, epoch=table.epoch) if self._log else []
        except DnsblError:
            return []


def _told(packet: bytes, why: str, client: Address, request: Request) -> Iterator[bytes]:
    zone = dns.name.Name((*request.labels, b"")).to_text(omit_final_dot=True)
    way = "axfr" if request.qtype == wire.AXFR else "ixfr"
    tell(_log, "transfer-refused", client=client, zone=zone, way=way, why=why)
    yield packet


class Messages(Iterator[bytes]):
    """A transfer under way; counted among the running ones until its end, or until it is closed."""

    def __init__(self, messages: Iterator[bytes], running: set[Messages]) -> None:
        self._messages = messages
        self._running = running

    def __next__(self) -> bytes:
        try:
            return next(self._messages)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """It goes no further."""
        self._running.discard(self)
