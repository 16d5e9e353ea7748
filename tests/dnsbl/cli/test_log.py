"""The transparency log, as operators type."""

from __future__ import annotations

from pathlib import Path

from dnsbl.log import checkpoint, note
from tests.dnsbl.cli.conftest import Run

NAME = "relays.example.org/log"


def test_a_log_is_kept_told_signed_by_a_new_key_and_begun_anew(run: Run, tmp_path: Path) -> None:
    assert "tlog.origin" in run("log", "keep", code=1)
    assert "No log is kept" in run("log", "key", code=1, plain=True)
    assert run("log", "key") == {"keys": []}
    config = tmp_path / "config.toml"
    before = config.read_text()
    config.write_text(f'{before}[tlog]\norigin = "{NAME}"\n')
    assert "has no key yet" in run("log", "key", code=1, plain=True)
    assert (run("log", "status")["origin"], run("log", "status")["size"]) == (NAME, 0), "named before it begins"
    run("exclude", "192.0.2.0/24", "--reason", "ours")
    assert run("log", "keep")["added"] > 0
    [key] = run("log", "key")["keys"]
    found = run("log", "status")
    assert (found["on"], found["origin"]) == (True, NAME)
    head, _ = checkpoint.opened(found["checkpoint"], NAME, [note.Verifier.read(key["key"])])
    assert found["size"] == head.size and key["until"] is None
    _, _, record = run("log", "key", plain=True).partition("[[records]]")
    zone = tmp_path / "zones" / "z.toml"
    zone.write_text(f"{zone.read_text()}\n[[records]]{record}")
    assert record.count(key["key"]) == 1 and run("check-config")
    assert "reason is needed" in run("log", "rotate", code=2)
    new = run("log", "rotate", "--reason", "a year")["key"]
    assert [row["key"] for row in run("log", "key")["keys"]] == [key["key"], new]
    assert "needs a new name" in run("log", "renew", "--reason", "lost", code=1)
    config.write_text(f'{before}[tlog]\norigin = "{NAME}/2"\n')
    assert "keeps its name" in run("log", "keep", code=1)
    assert run("log", "renew", "--reason", "lost") == {"begun": True}
    run("log", "keep")
    assert run("log", "status")["origin"] == f"{NAME}/2"
