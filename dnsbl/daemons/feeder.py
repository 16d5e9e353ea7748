"""Shell: pulls the feeds that are due, over HTTP(S) or from files, and has candidates nominated in their turn.

Decides nothing. Called in a thread by the scheduler; a claim in the store keeps two nodes from pulling one feed at
once. What is wrong with a feed is kept beside it, for `dnsbl feed list`, and is a line in the log when it is news.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from dnsbl.casework.feeding import SCHEDULER, Feeding, Yield, said
from dnsbl.daemons.fetching import Fetched, Validators, fetch
from dnsbl.errors import DnsblError
from dnsbl.files import open_plain
from dnsbl.model import FeedState
from dnsbl.rules.feeds import batch
from dnsbl.settings import FeedSource, Settings
from tester.records import dataclass

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pull:
    """What came of one feed."""

    name: str
    came: Yield | None  #: None where there was nothing new, or it failed
    error: str  #: why it could not be read, or ""


class Feeder:
    """Pulls."""

    def __init__(self, feeding: Feeding, settings: Settings) -> None:
        self._feeding = feeding
        self._settings = settings

    def pull(self) -> int:
        """Pull what is due; returns how many feeds had something new."""
        return sum(pull.came is not None for pull in self.pull_each())

    def pull_each(self, *, only: str = "", actor: str = SCHEDULER) -> list[Pull]:
        """Pull what is due, or one feed, due or not, since the `actor` asks for it; what came of each."""
        return [self._pull(source, known, actor) for source, known in self._feeding.claim(only=only)]

    def pace(self) -> int:
        """Have candidates nominated; returns how many."""
        return self._feeding.pace()

    def _pull(self, source: FeedSource, known: FeedState, actor: str) -> Pull:
        terms = self._settings.feeds
        before = Validators(etag=known.etag, modified=known.modified)
        try:
            found = self._fetched(source, before) if source.is_remote else _read(source, before, terms.octets)
            body = found.body
            came = self._feeding.file_feed(
                source.name,
                batch(body, most=terms.rows, evidence_most=self._settings.policy.evidence_bytes)
                if body is not None
                else None,
                etag=found.validators.etag,
                modified=found.validators.modified,
                actor=actor,
            )
        except DnsblError as error:
            self._feeding.file_failure(source.name, str(error))
            if str(error) != known.said:
                _log.warning("feed %s: %s", source.name, error)
            return Pull(name=source.name, came=None, error=str(error))
        except Exception as error:  # whatever is in one feed, the next ones are pulled
            why = f"It cannot be read: {type(error).__name__}; the log says more."
            _log.exception("feed %s", source.name)
            self._feeding.file_failure(source.name, why)
            return Pull(name=source.name, came=None, error=why)
        if came is not None:
            _log.info("feed %s: %s", source.name, said(came))
        return Pull(name=source.name, came=came, error="")

    def _fetched(self, source: FeedSource, before: Validators) -> Fetched:
        terms = self._settings.feeds
        return fetch(
            source.place,
            before,
            most=terms.octets,
            seconds=terms.seconds,
            agent=f"dnsbl ({self._settings.service.website})",
        )


def _read(source: FeedSource, before: Validators, most: int) -> Fetched:
    """The same of a file; what tells of news is its size and time. Raises DnsblError."""
    path = Path(source.place)
    try:
        with open_plain(path) as file:
            found = os.fstat(file.fileno())  # before it is read: what comes meanwhile is news the next time
            body = file.read(most + 1)
    except OSError as error:
        raise DnsblError(f"{path}: cannot be read: {error.strerror}.") from None
    if len(body) > most:
        raise DnsblError(f"{path}: is larger than {most} octets.")
    told = Validators(etag=f"{found.st_mtime_ns}-{found.st_size}-{found.st_ino}")
    return Fetched(body=None if told == before else body, validators=told)
