"""A laboratory for each test module. A machine that cannot build one fails here; nothing is skipped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lab import Lab, lacking


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    if reason := lacking():
        pytest.fail(reason, pytrace=False)
    with Lab() as built:
        yield built
        print(built.logs())
