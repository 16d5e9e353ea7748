"""Keeps a node from an old primary: one in whose place another was put, and which is up again and knows nothing of it.

PostgreSQL counts timelines: each promotion begins a new one, with a higher number. So of two servers that were one
database, the one with the lower number is the past, however readily it takes changes. A node remembers the highest
number that it has met, in a file that all its processes share. A database of another make (another system identifier)
is no past of this one: whoever restores a copy elsewhere, or moves, is let in.

Knows no transaction. A hot standby shows nothing: it takes no changes, and what it answers is what it was sent.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dnsbl.errors import StoreUnavailable
from dnsbl.files import write_whole
from tester.records import dataclass

#: What a server that takes changes says of itself: its system, and the file it writes, which begins with the timeline.
#: (The file of control data has the timeline of the last checkpoint, which a promotion does not wait for.)
_ASK = """
    SELECT system_identifier::text,
           CASE WHEN pg_is_in_recovery() THEN '' ELSE pg_walfile_name(pg_current_wal_lsn()) END
      FROM pg_control_system()
"""


@dataclass(frozen=True, slots=True)
class Era:
    """Where in a database's history a server stands."""

    system: str
    timeline: int


def is_past(found: Era, known: Era) -> bool:
    """Whether a server is the past of what was met before."""
    return found.system == known.system and found.timeline < known.timeline


def read_era(text: str) -> Era | None:
    """What `written` wrote; None for anything else."""
    system, _, timeline = text.strip().partition(" ")
    return Era(system, int(timeline)) if system.isdecimal() and timeline.isdecimal() else None


def written(era: Era) -> str:
    """For the file: system and timeline."""
    return f"{era.system} {era.timeline}\n"


class Fence:
    """A node's memory. `path` is its file, or None to remember in this process alone."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._known: Era | None = None
        self._unkept = False  # the file cannot be written, so this process remembers alone

    def admit(self, connection: Any, unknown: tuple[type[Exception], ...]) -> None:
        """Look at a fresh connection of the driver, which is in no transaction before and after; `unknown` is what it
        raises for statements that a server does not know. Raises StoreUnavailable where it leads to an old primary, and
        what the driver raises where nobody answers."""
        try:
            system, file = connection.execute(_ASK).fetchone()
        except unknown:
            return
        finally:
            connection.rollback()
        if not file:
            return
        found, known = Era(system, int(file[:8], 16)), self._met()
        if known is not None and is_past(found, known):
            how = f"remove {self._path}" if self._path else "start again"
            raise StoreUnavailable(
                f"The database at {connection.info.host}:{connection.info.port} is an old primary (timeline "
                f"{found.timeline}, and this node has met {known.timeline}); end it, or make it a standby. "
                f"Where going back is right, {how}."
            )
        if found != known:
            self._remember(found)

    def _met(self) -> Era | None:
        """The newest era that any process of this node has met."""
        if self._path is None or self._unkept:
            return self._known
        try:
            return read_era(self._path.read_text(encoding="ascii")[:100])
        except (OSError, ValueError):
            return None

    def _remember(self, era: Era) -> None:
        self._known = era
        if self._path is None:
            return
        try:
            write_whole(self._path, [written(era).encode("ascii")], alone=False)
            self._unkept = False
        except OSError:
            self._unkept = True
