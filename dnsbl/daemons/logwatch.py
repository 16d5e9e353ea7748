"""Shell: somebody else's look at a list: its log is fetched and replayed, and what DNS shows is held against it.

Fetches below one place, asks one name server for one zone (AXFR), writes one file: what was seen of the log, so that
the next look notices whatever was taken back. All that comes is bounded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import dns.asyncquery
import dns.exception
import dns.message
import dns.rdatatype
import dns.zone

from dnsbl.addresses import Network
from dnsbl.clock import Clock
from dnsbl.errors import Damaged, DnsblError
from dnsbl.files import write_whole
from dnsbl.log import checkpoint, note, replay
from dnsbl.log.tiles import ENTRY_MOST, WIDTH
from dnsbl.serving.upstream import AskedToWait, Upstream
from dnsbl.settings import split_listen
from tester.records import dataclass

#: Seconds of silence that are borne; seconds for one zone; seconds that the log may need to show what DNS shows.
SILENT, ZONE_WITHIN, PATIENCE = 10.0, 300.0, 90.0
#: Seconds between two looks at a log that may still be following.
AGAIN = 10.0
#: Seconds that are waited at once when the log's server asks for it, and how often for one file.
WAIT_MOST, WAITS = 300, 5
_BUNDLE_MOST = WIDTH * (ENTRY_MOST + 2)


@dataclass(frozen=True, slots=True)
class Copied:
    """What a name server shows of a zone."""

    serial: int
    networks: tuple[Network, ...]


class LogWatch:
    """Looks at the log below `url` that these keys sign; `path` is where what was seen is kept, if anywhere."""

    def __init__(
        self,
        url: str,
        keys: Sequence[note.Verifier],
        path: Path | None,
        clock: Clock,
        *,
        sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
    ) -> None:
        self._url = url
        self._keys = keys
        self._path = path
        self._clock = clock
        self._sleep = sleep

    def seen(self) -> replay.Seen:
        """What was seen before. Raises DnsblError."""
        if self._path is None:
            return replay.Seen()
        try:
            return replay.Seen.read(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return replay.Seen()
        except (OSError, UnicodeDecodeError) as error:
            raise DnsblError(f"{self._path}: cannot be read: {error}.") from None
        except Damaged as error:
            raise Damaged(f"{self._path}: {error}") from None

    def follow(self, before: replay.Seen) -> replay.Seen:
        """What the log shows now; remembered. Raises Damaged where it does not continue what was seen, DnsblError where
        it cannot be had."""
        upstream = Upstream(self._url, timeout=SILENT, clock=self._clock)
        try:
            signed = self._had(upstream, "checkpoint", note.NOTE_MOST).decode("utf-8", "replace")
            told, _ = checkpoint.opened(signed, self._keys[0].name, self._keys)
            replay.held(before, told)
            bundles = (self._had(upstream, tile.path, _BUNDLE_MOST) for tile in replay.wanted(before, told))
            after = replay.follow(before, told, signed, bundles)
        finally:
            upstream.close()
        if self._path is not None and after != before:
            try:
                write_whole(self._path, [after.text.encode()])
            except OSError as error:
                raise DnsblError(f"{self._path}: cannot be written: {error.strerror}.") from None
        return after

    def _had(self, upstream: Upstream, name: str, most: int) -> bytes:
        """A file, however often its server says that too much was asked for: what is fetched first is the whole log."""
        for left in reversed(range(WAITS)):
            try:
                found = upstream.small(name, most=most)
            except AskedToWait as error:
                if not left or error.seconds > WAIT_MOST:
                    raise
                asyncio.run(self._sleep(error.seconds))  # in a thread, as all of this
            else:
                assert found is not None  # nothing is known beforehand, so nothing is left out
                return found[0]
        raise AssertionError("the last time it is raised")

    async def look(self, server: str = "", zone: str = "") -> dict[str, Any]:
        """One look: what was found, and `wrong`, sentences. What DNS shows and the log does not is named when the log
        has had PATIENCE seconds to show it. Raises DnsblError where something cannot be had."""
        found: dict[str, Any] = {"log": self._keys[0].name, "url": self._url}
        wrong: list[str] = []
        before = self.seen()
        shown = await copied(server, zone) if server else None  # first: what is shown later than the log is no wrong
        try:
            seen = await asyncio.to_thread(self.follow, before)
            missing = replay.unknown(seen, shown.networks) if shown and replay.is_comparable(seen) else []
            until = self._clock.monotonic() + PATIENCE
            while missing and self._clock.monotonic() < until:
                await self._sleep(AGAIN)
                seen = await asyncio.to_thread(self.follow, seen)
                missing = replay.unknown(seen, missing)
        except Damaged as error:
            return found | {"size": before.size, "wrong": [str(error)]}
        found |= {
            "size": seen.size,
            "first": seen.first,
            "change": seen.change,
            "listed": replay.count(seen),
            "new": seen.size - before.size,
        }
        if shown is not None:
            found |= {"server": server, "zone": zone, "serial": shown.serial, "shown": len(shown.networks)}
            found["compared"] = replay.is_comparable(seen)
            wrong += [f"{zone} shows {network} at serial {shown.serial}, and the log does not." for network in missing]
        return found | {"wrong": wrong}


async def copied(server: str, zone: str) -> Copied:
    """The zone, as this name server hands it on. Raises DnsblError."""
    host, port = split_listen(server)
    try:
        copy = dns.zone.Zone(zone, relativize=True)
        query = dns.message.make_query(zone, "AXFR")
        await dns.asyncquery.inbound_xfr(host, copy, query, port=port, timeout=SILENT, lifetime=ZONE_WITHIN)
        soa: Any = copy.find_rdataset("@", "SOA")[0]
    except (dns.exception.DNSException, OSError, EOFError, KeyError, ValueError) as error:
        why = str(error) or type(error).__name__
        raise DnsblError(f"{zone} cannot be had from {server} (AXFR): {why}.") from None
    names = (name.to_text().lower().split(".") for name, _ in copy.iterate_rdatasets(dns.rdatatype.A))
    networks = {found for labels in names if (found := replay.network_of_name(labels)) is not None}
    return Copied(soa.serial, tuple(sorted(networks, key=lambda n: (n.version, n))))
