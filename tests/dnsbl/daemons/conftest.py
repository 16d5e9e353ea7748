"""Lists of daemons get their tables at once."""

import pytest


@pytest.fixture(autouse=True)
def _tables(one_step: None) -> None:
    pass
