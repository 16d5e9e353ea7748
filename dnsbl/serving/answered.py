"""How many answers of which kind were given, day by day: kept beside the answering, for the scheduler of this machine.

The answering path adds to its own numbers and knows nothing of this. Every half minute what has been added since goes
under the day that it is, and a file in the state folder, one a process, says all of today and yesterday once more; the
scheduler reads it (`Answered`) and enters totals, not differences, so that nothing counts twice. What answers never
writes to the store. A crash loses the last half minute. While the clock has only just leapt, what is added waits for
the day that it is; where the clock stays so, and has left out a day or gone back to one, another file begins: what the
one before has told stands, and nothing is told again under its name.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import socket
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from dnsbl.clock import Clock, day_of
from dnsbl.dns.wire import NXDOMAIN
from dnsbl.files import write_whole

#: Seconds between two files, and days that one tells of.
EVERY, DAYS = 30.0, 2
#: How far the clock may leap without anybody's asking, and for how long a greater leap must last until it is right.
LEAP, LASTING = timedelta(minutes=10), 600.0
#: Files that are kept and read at most, octets of one, and kinds under a day.
FILES, OCTETS, KINDS = 100, 1 << 18, 200
#: The folder in the state folder.
FOLDER = "answered"

_log = logging.getLogger(__name__)


def answers_of(
    found: Mapping[tuple[str, str, str], int], replies: Mapping[tuple[str, int, str, bool], int]
) -> dict[str, int]:
    """How many answers were given, by the kind of listing that they told, once for each; "" where a name is not there:
    of what a responder has counted (see its `found` and `replies`)."""
    counts: Counter[str] = Counter()
    for (what, _, kind), count in found.items():
        if what == "hit":
            counts[kind] += count
    for (_, rcode, _, _), count in replies.items():
        if rcode == NXDOMAIN:
            counts[""] += count
    return dict(counts)


class AnsweredBook:
    """Of one process. `counted` says how many answers of each kind it has given since its start."""

    def __init__(self, counted: Callable[[], Mapping[str, int]], folder: Path, *, clock: Clock) -> None:
        self.problem = ""  #: why nothing can be left, a sentence, or ""
        self._counted = counted
        self._folder = folder / FOLDER
        self._name = _name()
        self._clock = clock
        self._began = _began(clock)  #: what a clock that is right said when the one of what has elapsed stood at nought
        self._leapt: tuple[datetime, float] | None = None  #: the same after a leap, and when it was seen
        self._before: Mapping[str, int] = {}
        self._days: dict[int, Counter[str]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Keep count until `stop` is set, and then once more."""
        await asyncio.to_thread(self._make_room)
        over = False
        while not over:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), EVERY)
            over = stop.is_set()
            await asyncio.to_thread(self.step, last=over)

    def step(self, *, last: bool = False) -> None:
        """Put what is new under today, and leave the file where there is something; while the clock has only just leapt
        this waits, unless it is the last time. Never raises."""
        if not self._steady() and not last:
            return
        now, today = dict(self._counted()), day_of(self._clock.now())
        more = {kind: count - self._before.get(kind, 0) for kind, count in now.items()}
        self._before = now
        if not any(count > 0 for count in more.values()):
            return
        if self._days and not 0 <= today - max(self._days) < DAYS:
            self._name, self._days = _name(), {}
            self._make_room()
        self._days.setdefault(today, Counter()).update({kind: count for kind, count in more.items() if count > 0})
        self._days = {day: counts for day, counts in self._days.items() if today - DAYS < day}
        problem = ""
        try:
            document = {"days": {str(day): dict(counts.most_common(KINDS)) for day, counts in self._days.items()}}
            write_whole(self._folder / self._name, [json.dumps(document).encode()])
        except OSError as error:
            problem = f"{self._folder}: answers cannot be counted there: {error.strerror}."
        if problem and problem != self.problem:
            _log.warning("%s", problem)
        self.problem = problem

    def _steady(self) -> bool:
        """Whether the clock goes on as it went, or has done so for long enough since it leapt."""
        began, elapsed = _began(self._clock), self._clock.elapsed()
        if abs(began - self._began) > LEAP:
            if self._leapt is None or abs(began - self._leapt[0]) > LEAP:
                self._leapt = began, elapsed
            if elapsed - self._leapt[1] < LASTING:
                return False
        self._began, self._leapt = began, None
        return True

    def _make_room(self) -> None:
        """Let the oldest files go, where a scheduler takes none of them away."""
        with suppress(OSError):
            files = sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
            for path in files[: max(0, len(files) - FILES + 1)]:
                path.unlink(missing_ok=True)


def _began(clock: Clock) -> datetime:
    """When the clock of what has elapsed stood at nought, by the time of day: the same until that is set."""
    return clock.now() - timedelta(seconds=clock.elapsed())


def _name() -> str:
    """A name for a file that no other has had."""
    return f"{socket.gethostname()[:60]}-{os.getpid()}-{secrets.token_hex(4)}.json"


class Answered:
    """What the processes of this machine have left in the state folder, read for `file`: process and counts by day and
    kind in, days that were believed out. A file none of whose days is believed any more goes."""

    def __init__(self, folder: Path, file: Callable[[str, Mapping[int, Mapping[str, int]]], int]) -> None:
        self._folder = folder / FOLDER
        self._file = file
        self._known: dict[Path, int] = {}

    def take(self) -> int:
        """Read what is new; returns how many files that were. What `file` raises leaves the rest for the next time."""
        done, found = 0, sorted(self._folder.glob("*.json"))[:FILES]
        self._known = {path: self._known[path] for path in found if path in self._known}
        for path in found:
            try:
                changed = path.stat().st_mtime_ns
                if self._known.get(path) == changed:
                    continue
                with path.open("rb") as opened:
                    days = _days(opened.read(OCTETS + 1))
            except OSError:
                continue
            except (ValueError, TypeError, KeyError, AttributeError):
                _log.warning("%s holds no counts, and is let go.", path)
                days = {}
            if not days or not self._file(path.stem, days):
                path.unlink(missing_ok=True)
            else:
                self._known[path], done = changed, done + 1
        return done


def _days(octets: bytes) -> dict[int, dict[str, int]]:
    """Raises ValueError, TypeError, KeyError or AttributeError."""
    if len(octets) > OCTETS:
        raise ValueError
    found: dict[int, dict[str, int]] = {}
    for day, counts in json.loads(octets)["days"].items():
        for kind, count in list(counts.items())[:KINDS]:
            if type(count) is not int or not 0 <= count < 2**62:
                raise ValueError
            found.setdefault(int(day), {})[str(kind)[:60]] = count
    return found
