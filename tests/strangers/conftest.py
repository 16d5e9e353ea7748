"""A laboratory for each test module. A machine that cannot build one fails here; nothing is skipped."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import Lab, lacking

sys.path.insert(0, str(Path(__file__).parents[1] / "fuzz"))  # its packets are asked of strangers too


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    if reason := lacking():
        pytest.fail(reason, pytrace=False)
    with Lab() as built:
        yield built
        print(built.logs())
