"""The door of a witness, over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from dnsbl.clock import HandClock
from dnsbl.errors import DnsblError
from dnsbl.log.witnessing import REQUEST_MOST
from dnsbl.serving.witness import Witness, signer
from dnsbl.web.witness import create_witness_app
from tests.dnsbl.log.test_witnessing import LOG, request
from tests.dnsbl.web.asking import failing


def test_a_checkpoint_is_signed_and_who_brings_another_size_is_told_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = signer(tmp_path, "w.example")
    witness = Witness(tmp_path, own, [LOG.verifier.vkey], HandClock())
    client = TestClient(create_witness_app(witness, own.verifier.vkey))
    answer = client.post("/add-checkpoint", content=request(0, 20).text)
    assert answer.status_code == 200 and answer.text.startswith("— w.example ") and answer.text.endswith("\n")
    answer = client.post("/add-checkpoint", content=request(0, 30).text)
    assert (answer.status_code, answer.text) == (409, "20\n")
    assert answer.headers["content-type"] == "text/x.tlog.size"
    answer = client.post("/add-checkpoint", content=request(20, 30).text.replace("old 20", "old 99"))
    assert answer.status_code == 400
    assert client.post("/add-checkpoint", content=b"x" * (REQUEST_MOST + 1)).status_code == 413
    assert client.get("/add-checkpoint").status_code == 405
    assert client.get("/key").text == f"{own.verifier.vkey}\n"
    monkeypatch.setattr(witness, "add_checkpoint", failing(DnsblError("the disk is full")))
    answer = client.post("/add-checkpoint", content=b"")
    assert answer.status_code == 503 and "disk" not in answer.text
