"""`dnsbl exclude --verified`: as the owner's record says, no more."""

from __future__ import annotations

import pytest

from dnsbl.cli import verifying
from tests.dnsbl.cli.conftest import Run


def test_a_prefix_is_excluded_while_its_owners_record_stands(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    records: dict[str, list[str] | None] = {}

    async def texts(name: str) -> list[str] | None:
        return records.get(name, [])

    monkeypatch.setattr(verifying, "texts", texts)
    words = ("exclude", "8.8.8.0/24", "--verified")
    name = "_do-not-test.8.8.8.in-addr.arpa"
    assert f"{name} has no TXT record that names relays.example.org" in run(*words, code=1)
    records[name] = ["relays.example.org"]
    assert name in run(*words, "--public", "At its owner's wish.")["reason"]
    assert run("lookup", "8.8.8.8")["state"] == "excluded"
    records[name] = None
    assert "could not be asked for" in run(*words, code=1)
    records[name] = []
    assert run(*words)["exclusion_ended"] == "8.8.8.0/24"
    assert run("lookup", "8.8.8.8")["state"] == "unknown"
    run("exclude", "8.8.8.0/24", "--reason", "our own wish")
    assert "is not opted out" in run(*words, code=1), (
        "what an operator excluded is not ended by a record that is not there"
    )
    assert "whole octets" in run("exclude", "8.8.8.0/25", "--verified", code=1)
    run("exclude", "--list", "--verified", code=2)
    run("exclude", "8.8.8.0/24", "--end", "--verified", code=2)


def test_what_an_operator_excluded_is_neither_taken_over_nor_ended_by_a_record(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = ["*"]

    async def texts(name: str) -> list[str] | None:
        return list(records)

    monkeypatch.setattr(verifying, "texts", texts)
    words = ("exclude", "8.8.8.0/24", "--verified")
    run("exclude", "8.8.8.0/24", "--reason", "court order 7", "--public", "By order.")
    said = run(*words, "--public", "At its owner's wish.")
    assert (said["reason"], said["public"]) == ("court order 7", "By order.")
    assert said["left_as_it_is"].startswith("an operator has excluded it")
    [held] = run("exclude", "--list")["exclusions"]
    assert (held["reason"], held["public"]) == ("court order 7", "By order.")
    records.clear()
    assert "is not opted out" in run(*words, code=1)
    assert run("lookup", "8.8.8.8")["state"] == "excluded"
