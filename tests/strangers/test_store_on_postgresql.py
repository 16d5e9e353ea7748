"""The tests of store and casework, and of the ways into a host, once more, on a PostgreSQL server of their own (see
tests/dnsbl/offices.py)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.alone

TESTS = Path(__file__).parent.parent / "dnsbl"


def test_store_and_casework_hold_on_postgresql_what_they_hold_on_sqlite() -> None:
    daemons = [TESTS / "daemons" / name for name in ("test_answers.py", "test_rounds.py")]
    suites = [TESTS / "store", TESTS / "casework", *daemons]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "auto", "-p", "no:cacheprovider", *map(str, suites)],
        cwd=TESTS.parent.parent,
        env=os.environ | {"TEST_DATABASE": "postgresql"},
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
    assert re.search(r"^[1-9]\d{3} passed in", run.stdout, re.MULTILINE), (
        "a thousand tests and more, and none of them skipped"
    )
