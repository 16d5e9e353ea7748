"""`dnsbl proof` and `dnsbl verify`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.dnsbl.cli.conftest import Run
from tests.dnsbl.log.samples_of_files import LOG, MESSAGE, ORIGIN, WITNESS, proof_file, signed

KEY, SEEN = LOG.verifier.vkey, WITNESS.verifier.vkey


def test_a_proof_file_is_checked_with_the_key_alone_and_said_to_show_what_it_shows(run: Run, tmp_path: Path) -> None:
    path, message = tmp_path / "a.proof", tmp_path / "back.eml"
    path.write_text(proof_file().text, encoding="utf-8")
    message.write_bytes(MESSAGE)
    found = run("verify", str(path), "--key", KEY, "--witness", SEEN, "--message", str(message))
    assert (found["log"], found["size"], found["wrong"]) == (ORIGIN, 6, [])
    assert found["leaves"][0]["subject"] == "192.0.2.1"
    assert any("the one that came back" in one for one in found["shown"])
    words = run("verify", str(path), "--key", KEY, plain=True)
    assert "shown:" in words and "not shown:" in words
    message.write_bytes(b"another")
    assert "none that came back" in run("verify", str(path), "--key", KEY, "--message", str(message), code=1)
    path.write_text(proof_file().text.replace("run abc", "run abd"), encoding="utf-8")
    assert "not what was sealed there" in run("verify", str(path), "--key", KEY, code=1)
    path.write_text(replace(proof_file(), signed=signed(witnessed=False)).text, encoding="utf-8")
    assert "has not signed" in run("verify", str(path), "--key", KEY, "--witness", SEEN, code=1)


def test_what_cannot_be_checked_is_told(run: Run, tmp_path: Path) -> None:
    assert "cannot be read" in run("verify", str(tmp_path / "none"), "--key", KEY, code=1)
    assert "none: cannot be read" in run("verify", str(tmp_path / "none"), code=1), "whatever else is missing"
    assert "name the key" in run("verify", str(tmp_path / "config.toml"), code=1)
    for words in (("--key", "x"), ("--key", SEEN), ("--key", KEY, "--witness", KEY)):
        assert "a key" in run("verify", str(tmp_path / "none"), *words, code=2)
    assert "keeps no transparency log" in run("proof", "192.0.2.1", code=1)
