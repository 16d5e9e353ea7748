"""The event log is kept up: what is new in the journal is added to a file, on a disk of another machine at best.

The file is only ever added to, and synced before it counts. Never writes to a log of another list, or behind a gap.
"""

from __future__ import annotations

import os
from pathlib import Path

from dnsbl.errors import Damaged, DnsblError
from dnsbl.files import open_made
from dnsbl.model import Entry
from dnsbl.rules import eventlog
from dnsbl.store import Store

#: Entries, and changes, that are added at once.
MOST = 5000
#: Octets at the end of a log in which its last entry and its last change are looked for first.
_TAIL = 1 << 20


class Shipping:
    """One log; without a path none is kept."""

    def __init__(self, store: Store, path: Path | None) -> None:
        self._store = store
        self._path = path

    def ship(self) -> int:
        """Add what is new to the log that the settings name, if they name one; returns how many entries that were."""
        return 0 if self._path is None else self.ship_to(self._path)

    def reached(self) -> int | None:
        """The number of the newest change in the log that the settings name, None where they name none. Raises
        DnsblError where it cannot be read."""
        if self._path is None:
            return None
        try:
            return _last(self._path)[1]
        except OSError as error:
            raise DnsblError(f"{self._path}: the event log cannot be read: {error.strerror}.") from None

    def ship_to(self, path: Path) -> int:
        """Add what is new to this log; returns how many entries that were. Raises DnsblError where it cannot be
        written, and Damaged where it is another list's."""
        count = 0
        try:
            entry, change = _last(path)
            self._hold(path, entry)
            seq = entry.seq if entry else 0
            while True:
                with self._store.read() as tx:
                    entries, changes = tx.journal.after(seq, most=MOST), tx.changes.after(change, most=MOST)
                if not entries and not changes:
                    return count
                self._store.settle()  # what is told elsewhere is not taken back by a power cut here
                _add(path, "".join(eventlog.lines(entries, changes)).encode("ascii"))
                seq = entries[-1].seq if entries else seq
                change = changes[-1].seq if changes else change
                count += len(entries)
        except OSError as error:
            raise DnsblError(f"{path}: the event log cannot be written: {error.strerror}.") from None

    def _hold(self, path: Path, entry: Entry | None) -> None:
        """The log's last entry must be one of this journal's."""
        if entry is None:
            return
        with self._store.read() as tx:
            ours = tx.journal.after(entry.seq - 1, most=1)
        if ours != [entry]:
            raise Damaged(
                f"{path}: entry {entry.seq} is not this list's; keep this log, and name another file for a new one."
            )


def _last(path: Path) -> tuple[Entry | None, int]:
    """The newest entry and change number in a log; none where there is no log yet."""
    if not path.exists():
        return None, 0
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        for tail in (_TAIL, size):
            file.seek(max(0, size - tail))
            entry, change = eventlog.last(line.decode("ascii", "replace") for line in file)
            if (entry is not None and change) or tail >= size:
                break
        return entry, change


def _add(path: Path, octets: bytes) -> None:
    """Add this whole, behind a line end; whoever reads may see a part of it after a crash, and passes over that."""
    descriptor = open_made(path, os.O_RDWR | os.O_APPEND)
    try:
        size = os.lseek(descriptor, 0, os.SEEK_END)
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            octets = b"\n" + octets
        while octets:
            octets = octets[os.write(descriptor, octets) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
