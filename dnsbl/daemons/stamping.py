"""Shell: has authorities stamp the log's head with the time (RFC 3161), once a day, and keeps what they answer.

An authority that is away delays nothing: it is asked again after an hour, for the same head. Only the places that the
settings name are dialled; no redirect is followed, no proxy asked, and an answer is bounded in size and time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import date, datetime, timedelta

from dnsbl.addresses import printable
from dnsbl.casework.proving import Proving
from dnsbl.clock import Clock
from dnsbl.daemons.errand import HttpReply, Unheard, ask
from dnsbl.daemons.keeper import told_within
from dnsbl.errors import DnsblError
from dnsbl.log import stamp
from dnsbl.log.stamp import ANSWER_MOST, StampRequest
from dnsbl.serving.stamped import HEAD, StampFolder

#: Seconds between two rounds, and for a whole answer; octets of what is told of one.
EVERY, WITHIN, TOLD = 20.0, 20.0, 200
#: How long one that has failed is left in peace.
AGAIN = timedelta(hours=1)

_log = logging.getLogger(__name__)


class Stamping:
    """Those that the settings name. `problem` is why no stamp can be had here at all, a sentence, or ""."""

    def __init__(
        self,
        proving: Proving,
        urls: tuple[str, ...],
        folder: StampFolder,
        clock: Clock,
        *,
        ask: Callable[..., HttpReply] = ask,
    ) -> None:
        self.problem = "" if stamp.can() else f"{stamp.MISSING}."
        self._proving = proving
        self._urls = urls
        self._folder = folder
        self._clock = clock
        self._ask = ask
        self._failed: dict[str, datetime] = {}  #: when each has failed last
        self._copied: date | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Ask until `stop`."""
        while not stop.is_set():
            await asyncio.to_thread(self.ask)
            await told_within(stop, EVERY)

    def ask(self) -> int:
        """One round: whoever has not stamped a head today is asked to; returns how many have. Raises StoreUnavailable
        alone."""
        if self.problem:
            return 0
        day = self._clock.now().date()
        there, stamped = self._folder.numbers(day), 0
        for number, url in enumerate(self._urls, 1):
            if number in there or not self._due(url):
                continue
            head = self._folder.read(day.isoformat(), HEAD) or (self._proving.newest() or "").encode()
            if not head:
                break
            why = ""
            try:
                request = stamp.asked(head)
                answer = self._post(url, request)
                stamp.checked(answer, request, self._clock.now())
                self._folder.put(day, head, number, answer)
                self._failed.pop(url, None)
                stamped += 1
            except Unheard as error:
                why = f"cannot be asked: {printable(str(error)[:TOLD])}"
            except DnsblError as error:
                why = printable(str(error)[:TOLD])
            if why:
                self._failed[url] = self._clock.now()
                _log.warning("No time stamp from %s: %s", url, why)
        if stamped or self._copied != day:
            self._copy(day)
        return stamped

    def _post(self, url: str, request: StampRequest) -> bytes:
        """What is answered (RFC 3161 section 3.4). Raises Unheard, and DnsblError where it is no answer."""
        headers = {
            "User-Agent": "dnsbl",
            "Accept": "application/timestamp-reply",
            "Accept-Encoding": "identity",
            "Content-Type": "application/timestamp-query",
        }
        reply = self._ask(
            url,
            method="POST",
            body=request.octets,
            headers=headers,
            inside=True,
            most=ANSWER_MOST + 1,
            seconds=WITHIN,
        )
        if reply.status != 200:
            raise DnsblError(f"answers with status {reply.status}.")
        if len(reply.body) > ANSWER_MOST:
            raise DnsblError(f"answers with more than {ANSWER_MOST} octets.")
        return reply.body

    def _due(self, url: str) -> bool:
        failed = self._failed.get(url)
        return failed is None or abs(self._clock.now() - failed) >= AGAIN

    def _copy(self, day: date) -> None:
        try:
            self._folder.copy()
        except DnsblError as error:
            _log.warning("%s", error)
        self._copied = day
