"""The bill of materials by CycloneDX's own schema, as its own library holds it, every rule of it."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

#: Where `install` has put the library.
sys.path.append("/var/cache/dnsbl-strangers/cyclonedx")
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def bill() -> str:
    """That of the environment which the tests run in."""
    folder = str(distribution("sqlalchemy").locate_file(""))
    program = [sys.executable, str(ROOT / "packaging/sbom.py"), folder]
    return subprocess.run(program, capture_output=True, text=True, timeout=120, check=True).stdout


def test_the_bill_of_materials_is_of_the_form_that_it_says(bill: str) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None


def test_a_bill_with_a_word_that_the_form_does_not_know_is_noticed(bill: str) -> None:
    document = json.loads(bill)
    document["components"][0]["colour"] = "green"
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document)) is not None
