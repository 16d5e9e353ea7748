"""Hostile trials of whole lists: what breaks here is a process, a disk, a database or a clock, and never for good.

Run by `make trials`, as root, on loopback and in temporary folders; a machine that lacks something fails, and nothing
is skipped. `houses` makes lists and ends them. What is built for releases is tried here too, since it takes minutes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from house import House


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users may enter, as databases do."""
    with tempfile.TemporaryDirectory(prefix="dnsbl-trial-", ignore_cleanup_errors=True) as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@pytest.fixture
def houses(folder: Path) -> Iterator[Callable[..., House]]:
    """Makes lists: `houses(NAME, database=URL, SECTION={KEY: VALUE})`."""
    made: list[House] = []

    def make(name: str = "house", **words: Any) -> House:
        made.append(House(folder / name, **words))
        return made[-1]

    yield make
    for house in made:
        house.close()
