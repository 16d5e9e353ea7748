"""Questions to a watched zone, by mail servers whose they are known: gathered beside the answering, for the scheduler.

`offer` stands on the answering path: it looks whether a known client may have asked, and puts a record into a bounded
queue, or counts it as lost when that is full. A thread reads who has asked about which address, adds up, and every few
seconds leaves a file in the state folder, which the scheduler of this machine takes away (`take`); what answers never
writes to the store. Files are bounded in number and size: where nobody takes them, what is new is lost, and counted.
Names, keys and clients' addresses end here; a file has reporters' names and the addresses that they asked about.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

from dnsbl.addresses import parse_address
from dnsbl.clock import Clock
from dnsbl.dns import wire
from dnsbl.dns.answer import address_of
from dnsbl.dns.guard import Prefixes
from dnsbl.dns.respond import Replied, Serving
from dnsbl.files import write_whole
from dnsbl.rules import lookups, queues
from dnsbl.rules.lookups import Lookup
from dnsbl.settings import LookupTerms

#: Questions that wait to be read at most, and pairs of reporter and address in one file.
MOST, PAIRS = 10000, 5000
#: Files that wait to be taken at most, octets of one, and seconds between two.
FILES, OCTETS, EVERY = 100, 1 << 20, 5.0
#: The part of what is left of a file that one reporter may have.
_PART = 2
#: The folder in the state folder.
FOLDER = "lookups"

_log = logging.getLogger(__name__)


def askers(terms: LookupTerms) -> Prefixes[bool]:
    """The networks whose questions to a watched zone are looked at; what bears a known key is in any case."""
    return Prefixes({network: True for client in terms.clients for network in client.networks})


class LookupBook:
    """Of one process. `serving` has zones and keys."""

    def __init__(self, terms: LookupTerms, serving: Serving, folder: Path, *, clock: Clock) -> None:
        self.counted = dict.fromkeys(("asked", "unknown", "lost"), 0)  #: questions, by what became of them
        self.problem = ""  #: why nothing can be left, a sentence, or ""
        self._terms = terms
        self._serving = serving
        self._folder = folder / FOLDER
        self._clock = clock
        self._waiting: deque[tuple[Replied, bytes]] = deque()
        self._pairs: dict[tuple[str, str], float] = {}
        self._by_client: dict[str, int] = {}
        self._number = 0

    def offer(self, said: Replied, client: bytes) -> None:
        """Take a question to a watched zone that was answered; never waits."""
        if said.packet is None or said.rcode not in (wire.NOERROR, wire.NXDOMAIN):
            return
        if not self._may_count(said, client):
            self.counted["unknown"] += 1
        elif len(self._waiting) < MOST:
            self._waiting.append((said, client))
        else:
            self.counted["lost"] += 1

    def _may_count(self, said: Replied, client: bytes) -> bool:
        """Whether a known client may have asked: strangers get no place in the queue, however many they are."""
        key, keys = said.key, self._serving.keys
        known = key is not None and keys is not None and not key.elsewhere and key.digest in keys.known
        return known or self._serving.askers.of(client) is not None

    async def run(self, stop: asyncio.Event) -> None:
        """Gather until `stop` is set, and leave what there is."""
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), EVERY)
            await asyncio.to_thread(self.step)

    def step(self) -> None:
        """Read what waits, and leave a file where there is something. Never raises."""
        now = self._clock.now().timestamp()
        for _ in range(len(self._waiting)):
            self._read(*self._waiting.popleft(), now)
        if self._pairs:
            self._leave(now)

    def _read(self, said: Replied, client: bytes, now: float) -> None:
        query, keys = said.query, self._serving.keys
        zone = self._serving.zones.of(query.labels) if query is not None else None
        if query is None or zone is None:
            return
        below, key = query.labels[: len(query.labels) - len(zone.labels)], ""
        if said.key is not None:
            below = below[:-1]
            known = keys.known.get(said.key.digest) if keys is not None else None
            key = known.name if known is not None and not said.key.elsewhere else ""
        address = address_of(zone, below)
        if address is None:
            return
        who = lookups.client_of(self._terms.clients, ip_address(client), key)
        if not who:
            self.counted["unknown"] += 1
            return
        pair = who, str(address)
        if pair not in self._pairs and self._by_client.get(who, 0) >= queues.allowed(PAIRS, len(self._pairs), _PART):
            self.counted["lost"] += 1
            return
        if pair not in self._pairs:
            self._by_client[who] = self._by_client.get(who, 0) + 1
        self._pairs[pair] = now
        self.counted["asked"] += 1

    def _leave(self, now: float) -> None:
        problem = ""
        try:
            if len(list(self._folder.glob("*.json"))) >= FILES:
                problem = f"{self._folder}: nobody takes the questions away: is a scheduler at work on this machine?"
            else:
                rows = [[client, address, last] for (client, address), last in self._pairs.items()]
                self._number += 1
                name = f"{int(now):012d}-{os.getpid()}-{self._number:06d}.json"
                write_whole(self._folder / name, [json.dumps({"lookups": rows}).encode()])
        except OSError as error:
            problem = f"{self._folder}: questions cannot be kept there: {error.strerror}."
        if problem:
            self.counted["lost"] += len(self._pairs)
            if problem != self.problem:
                _log.warning("%s", problem)
        self.problem, self._pairs, self._by_client = problem, {}, {}


def take(folder: Path, file: Callable[[list[Lookup]], int]) -> int:
    """Hand every file that was left in this state folder to `file`, the oldest first, and let it go; returns what that
    says in all. What `file` raises leaves the file where it is; one that cannot have been left by us goes, with a word.
    """
    done = 0
    for path in sorted((folder / FOLDER).glob("*.json"))[:FILES]:
        try:
            with path.open("rb") as open_one:
                found = list(_rows(open_one.read(OCTETS + 1)))
        except OSError:  # another one was quicker
            continue
        except (ValueError, TypeError, KeyError):
            _log.warning("%s holds no questions, and is let go.", path)
            found = []
        if found:
            done += file(found)
        path.unlink(missing_ok=True)
    return done


def _rows(octets: bytes) -> Iterator[Lookup]:
    """Raises ValueError, TypeError or KeyError."""
    if len(octets) > OCTETS:
        raise ValueError
    for client, address, last in json.loads(octets)["lookups"][:PAIRS]:
        yield Lookup(client=str(client), address=parse_address(address), last=float(last))
