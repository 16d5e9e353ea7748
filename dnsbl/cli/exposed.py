"""Secrets that stand in the files of a configuration, where everybody on this machine may read those: a password in the
URL of the database, or of a source's data files. Reads files, changes nothing, and never repeats what it has found.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from dnsbl.settings import tables

#: A password in a URL (RFC 3986 3.2.1), or among its parameters as libpq takes them.
_PASSWORD = re.compile(r"://[^/?#\s@]*:[^/?#\s]+@|[?&](?:password|sslpassword)=[^&\s]", re.IGNORECASE)


def exposed(files: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """Each file that holds a secret and may be read by everybody here, with the dotted key of the first one. What
    cannot be read, or is no TOML, is passed over: others say so."""
    for path in files:
        try:
            if path.is_file() and _everybodys(path):
                text = path.read_text(encoding="utf-8-sig")
                if key := next((key for key, value in _texts(tables(text)) if _PASSWORD.search(value)), ""):
                    yield path, key
        except (OSError, ValueError):
            continue


def what_to_do(path: Path) -> str:
    """What takes it from everybody and leaves it to the service's user."""
    return f"chgrp it to the service's group, `chmod 640 {path}`, and change the password"


def _everybodys(path: Path) -> bool:
    """Whether the modes of the file and of all folders above it let everybody read it. Raises OSError."""
    return bool(path.stat().st_mode & stat.S_IROTH) and _entered(path.resolve().parent)


def _entered(folder: Path) -> bool:
    """Whether everybody may go into this folder from the root. Raises OSError."""
    return all(each.stat().st_mode & stat.S_IXOTH for each in (folder, *folder.parents))


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """All texts in there, each with its dotted key."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, f"{key}.{name}" if key else name)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, key)
