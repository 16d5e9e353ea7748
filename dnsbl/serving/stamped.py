"""The stamps of a log as files, a folder a day: the head that was stamped, `checkpoint`, and beside it the answer of
each authority, `1.tsr` for the first that the settings name. Written once and never again.

Kept in the state folder, since no stamp can be had a second time; copied beside the log's files where those are a
folder. Knows no authority.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date
from hashlib import sha256
from pathlib import Path

from dnsbl.errors import Damaged, DnsblError
from dnsbl.files import EVERYBODYS, write_whole
from dnsbl.log import note
from dnsbl.log.checkpoint import Checkpoint
from dnsbl.settings import Settings

#: The head of a day; and where stamps are, below the log.
HEAD, BELOW = "checkpoint", "stamps"
_DAY, _FILE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII), re.compile(r"checkpoint|[1-9]\d?\.tsr", re.ASCII)


class StampFolder:
    """The stamps of the log that the settings name."""

    def __init__(self, settings: Settings) -> None:
        origin = settings.tlog.origin
        # a log under a new name has days of its own
        self._folder = settings.service.state_dir / "log.stamps" / sha256(origin.encode()).hexdigest()[:16]
        self._origin, self._beside = origin, settings.tlog.folder

    def days(self, most: int) -> list[date]:
        """The newest days that have a stamp, the newest first."""
        try:
            names = sorted((each.name for each in self._folder.iterdir() if _DAY.fullmatch(each.name)), reverse=True)
        except OSError:
            return []
        return [date.fromisoformat(name) for name in names[:most]]

    def numbers(self, day: date) -> list[int]:
        """Which authorities' stamps this day has, by their places in the settings, from 1."""
        return sorted(int(each.stem) for each in (self._folder / day.isoformat()).glob("*.tsr"))

    def read(self, day: str, name: str) -> bytes | None:
        """One of the files, None where there is none such."""
        if not _DAY.fullmatch(day) or not _FILE.fullmatch(name):
            return None
        try:
            return (self._folder / day / name).read_bytes()
        except OSError:
            return None

    def put(self, day: date, head: bytes, number: int, answer: bytes) -> None:
        """Keep what an authority has answered for this head. Raises DnsblError where it cannot be written."""
        folder = self._folder / day.isoformat()
        try:
            for name, content in ((HEAD, head), (f"{number}.tsr", answer)):
                if not (folder / name).exists():
                    write_whole(folder / name, [content], mode=EVERYBODYS)
        except OSError as error:
            raise DnsblError(f"{folder}: no stamp can be kept: {error.strerror}.") from None

    def copy(self) -> int:
        """Lay what is missing beside the log's files, if those are a folder; returns how many files. Raises DnsblError
        where it cannot be written."""
        if self._beside is None or not self._ours(self._beside):
            return 0
        count = 0
        try:
            for source in sorted(self._folder.glob("*/*")):
                if self.read(source.parent.name, source.name) is not None:
                    count += self._copied(source, self._beside / BELOW / source.parent.name)
        except OSError as error:
            raise DnsblError(f"{self._beside / BELOW}: stamps cannot be written: {error.strerror}.") from None
        return count

    def _copied(self, source: Path, folder: Path) -> bool:
        """Not where another node was first: a stamp beside another head would be worth nothing."""
        head, target = source.with_name(HEAD).read_bytes(), folder / source.name
        if target.exists() or ((folder / HEAD).exists() and (folder / HEAD).read_bytes() != head):
            return False
        if not (folder / HEAD).exists():
            write_whole(folder / HEAD, [head], mode=EVERYBODYS)
        write_whole(target, [source.read_bytes()], mode=EVERYBODYS)
        return True

    def _ours(self, folder: Path) -> bool:
        """Whether the log of that folder is this one."""
        with suppress(OSError, Damaged):
            return Checkpoint.read(note.parts((folder / HEAD).read_bytes())[0]).origin == self._origin
        return False
