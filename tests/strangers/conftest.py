"""A laboratory for each test module. A machine that cannot build one fails here; nothing is skipped."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import Lab, lacking

sys.path.insert(0, str(Path(__file__).parents[1] / "fuzz"))  # its packets are asked of strangers too


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "alone: measures time or takes both cores; held behind the others, not beside them"
    )


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    if reason := lacking():
        pytest.fail(reason, pytrace=False)
    with Lab() as built:
        yield built
        print(built.logs())
