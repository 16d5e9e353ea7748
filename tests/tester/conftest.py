"""Helpers of these tests are modules beside them: player (conversations), servers (scripted servers)."""

import sys
from pathlib import Path

import pytest
import trustme

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A fresh certificate with its key in one PEM file."""
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    trustme.CA().issue_cert("mx.example.net").private_key_and_cert_chain_pem.write_to_path(path)
    return str(path)
