"""Shell: the folder that a survey is kept in, apart from the list and its store.

`survey.json` says what is surveyed and by whose leave, `targets.jsonl` whom (ranges are counted, not written), `key`
signs its letters and is nobody else's to read, `results.jsonl` is only added to, in whole lines. A line that a crash
has cut off is taken away when the survey goes on. One process at a time adds."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import ip_address
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from dnsbl.addresses import Address
from dnsbl.errors import Damaged, DnsblError
from dnsbl.files import make_folder, make_secret, write_whole
from dnsbl.rules.surveys.records import Record, line, read
from dnsbl.rules.surveys.sources import Spread, ranges
from tester.letter import Keyring

T = TypeVar("T")

HEAD, TARGETS, RESULTS, KEY = "survey.json", "targets.jsonl", "results.jsonl", "key"
#: Octets of lines that are held before they are written; a letter's line is written at once.
HELD = 64 * 1024
#: Octets of a line that is read.
LONGEST = 64 * 1024
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def folder(state: Path, name: str) -> Path:
    """Where the survey of this name is. Raises DnsblError for what is no name."""
    if not _NAME.fullmatch(name):
        raise DnsblError(
            "A survey's name is up to 64 of a-z, 0-9, dot, hyphen and underscore, a letter or digit first."
        )
    return state / "surveys" / name


def begin(place: Path, head: Mapping[str, Any], targets: Iterable[str], key: Keyring) -> None:
    """Lay down a new survey; until its last file is there, there is none. Raises OSError."""
    make_folder(place)
    write_whole(place / TARGETS, (text.encode("ascii") for text in targets))
    make_secret(place / KEY, key.to_json().encode("ascii"))
    write_whole(place / RESULTS, ())
    write_whole(place / HEAD, [json.dumps(head, indent=1, ensure_ascii=True).encode("ascii") + b"\n"])


def target_line(address: Address, facts: Mapping[str, str] | None = None) -> str:
    """One line of `targets.jsonl`."""
    return json.dumps({"address": str(address), **(facts or {})}, ensure_ascii=True, separators=(",", ":")) + "\n"


class SurveyFolder:
    """A survey that was begun."""

    def __init__(self, place: Path) -> None:
        """Raises DnsblError where there is none."""
        self.place = place
        try:
            self.head: dict[str, Any] = json.loads((place / HEAD).read_bytes())
        except FileNotFoundError:
            raise DnsblError(f"There is no survey {place.name!r}.") from None
        except (OSError, ValueError) as error:
            raise DnsblError(f"{place / HEAD}: cannot be read: {error}.") from None
        self._results: int | None = None
        self._unwritten = bytearray()

    # ------------------------------------------------------------------------------------------- what is there

    @property
    def key(self) -> Keyring:
        """What signs its letters. Raises DnsblError."""
        try:
            return Keyring.from_json((self.place / KEY).read_text("ascii"))
        except (OSError, ValueError) as error:
            raise DnsblError(f"{self.place / KEY}: cannot be read: {error}.") from None

    def targets(self, start: int = 0) -> Iterator[tuple[int, Address]]:
        """Numbers and addresses, from this number on. Raises Damaged."""
        if networks := self.head.get("networks"):
            spread = Spread(ranges(networks))
            for number in range(start, len(spread)):
                yield number, spread[number]
            return
        yield from enumerate(self._column("address", ip_address, start), start)

    def domains(self) -> Iterator[str]:
        """The domains whose hosts are targets, of a survey of domains. Raises Damaged."""
        return self._column("domain", str, 0)

    def _column(self, name: str, read_one: Callable[[str], T], start: int) -> Iterator[T]:
        with (self.place / TARGETS).open(encoding="ascii", errors="replace") as file:
            for number, text in enumerate(islice(file, start, None), start):
                try:
                    yield read_one(json.loads(text)[name])
                except (ValueError, KeyError, TypeError) as fault:
                    raise Damaged(f"{self.place / TARGETS} line {number + 1} cannot be read.") from fault

    def records(self) -> Iterator[Record]:
        """What it has found so far, whole lines only. Raises Damaged."""
        with (self.place / RESULTS).open(encoding="ascii", errors="replace") as file:
            while text := file.readline(LONGEST):
                if text.endswith("\n"):
                    yield read(text)

    # ------------------------------------------------------------------------------------------ what is added

    def take(self) -> None:
        """Be the one that adds. Raises DnsblError where another process is."""
        path = self.place / RESULTS
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _mend(descriptor)
        except BlockingIOError:
            os.close(descriptor)
            raise DnsblError(f"The survey {self.place.name!r} is under way in another process.") from None
        except BaseException:
            os.close(descriptor)
            raise
        self._results = descriptor

    def add(self, record: Record) -> None:
        """Add a line, soon: `flush` writes it, or the next that does."""
        self._unwritten += line(record).encode("ascii")
        if len(self._unwritten) > HELD:
            self.flush()

    def flush(self, *, safe: bool = False) -> None:
        """Write what was added; `safe`: and have it on the disk. Raises OSError."""
        assert self._results is not None
        while self._unwritten:
            del self._unwritten[: os.write(self._results, self._unwritten)]
        if safe:
            os.fdatasync(self._results)

    def release(self) -> None:
        """Write what was added, and let others add. Raises OSError."""
        if self._results is not None:
            try:
                self.flush(safe=True)
            finally:
                os.close(self._results)
                self._results = None


def _mend(descriptor: int) -> None:
    """Take a line away that has no end."""
    size = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, min(size, LONGEST), max(0, size - LONGEST))
    if tail and not tail.endswith(b"\n"):
        os.ftruncate(descriptor, size - len(tail) + tail.rfind(b"\n") + 1)
