"""Follows the file that says where networks are: read when it is first needed, and again when it has changed.

A shell around `rules.countries`. A file that cannot be taken by then leaves the table as it was, and is told once in
the log; where there was none before, nothing is counted by country, and all else is.
"""

from __future__ import annotations

import logging
import os
import stat
from functools import partial
from pathlib import Path

from dnsbl.errors import SettingsError
from dnsbl.rules.countries import LONGEST, Places

_log = logging.getLogger(__name__)

#: Device, file, octets and time of change: what is the same while a file is.
Signature = tuple[int, int, int, int]


def read_countries(path: Path) -> Places:
    """The table in this file. Raises SettingsError, one sentence."""
    return _read(path)[1]


class CountryFile:
    """Of one process; without a path no country is known. Not for two threads at once."""

    def __init__(self, path: Path | None) -> None:
        self.problem = ""  #: one sentence while the file as it is cannot be taken, or ""
        self._path = path
        self._places = Places()
        self._seen: Signature | None = None

    def now(self) -> Places:
        """The last good table; looks at the file first. Never raises."""
        if self._path is not None:
            try:
                if self._seen is None or _signature(self._path.stat()) != self._seen:
                    self._take(self._path)
            except OSError as error:
                self._trouble(f"{self._path}: cannot be read: {error.strerror}")
                self._seen = None
        return self._places

    def _take(self, path: Path) -> None:
        self._seen = _signature(path.stat())  # a file that is wrong is not read again before it has changed
        try:
            self._seen, self._places = _read(path)
        except SettingsError as error:
            self._trouble(str(error))
        else:
            self.problem = ""
            _log.info("%s: countries of %d lines, in %d octets", path, self._places.lines, self._places.octets)

    def _trouble(self, problem: str) -> None:
        if problem != self.problem:
            kept = "countries are told by what it was before" if self._places.lines else "no country is counted"
            _log.warning("%s; %s", problem, kept)
        self.problem = problem


def _read(path: Path) -> tuple[Signature, Places]:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would keep us waiting
            raise SettingsError([f"{path}: is no file"])
        with path.open("rb") as file:
            seen = _signature(os.fstat(file.fileno()))
            return seen, Places.read(iter(partial(file.readline, LONGEST + 1), b""), str(path))
    except OSError as error:
        raise SettingsError([f"{path}: cannot be read: {error.strerror}"]) from None


def _signature(found: os.stat_result) -> Signature:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
