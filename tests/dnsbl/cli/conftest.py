"""The command, run in this process, and spam for it to read."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from dnsbl import cli

ROOT = Path(__file__).resolve().parents[3]
Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def _afterwards(monkeypatch: pytest.MonkeyPatch, one_step: None) -> Iterator[None]:
    """What the command takes for itself in its process is given back."""
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    swept, callbacks = gc.get_threshold(), gc.callbacks[:]
    yield
    gc.set_threshold(*swept)
    gc.callbacks[:] = callbacks


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process; returns its document, or its words on stderr when it should fail."""
    (tmp_path / "zones").mkdir()
    (tmp_path / "zones" / "z.toml").write_text((ROOT / "zones" / "relays.example.org.toml").read_text())
    config = tmp_path / "config.toml"
    config.write_text('[tester]\nlab_networks = ["127.0.0.0/8"]\nsource_addresses = ["127.0.0.1"]\n')

    def go(*words: str, code: int = 0, plain: bool = False, both: bool = False) -> Any:
        more = () if plain else ("--json",)
        monkeypatch.setattr(sys, "argv", ["dnsbl", *words, "--config", str(config), *more])
        left: object = 0
        try:
            cli.main()
        except SystemExit as exit:
            left = exit.code
        out, err = capsys.readouterr()
        if isinstance(left, str):
            err, found = err + left, 1
        else:
            found = left or 0
        assert found == code, (out, err)
        if code and not plain and out.strip():  # a failure is one document, too, or a line for each row of a file
            json.loads(out if out.startswith("{\n") else f"[{','.join(out.splitlines())}]")
        if code:
            return out + err if both else err
        return out if plain else json.loads(out)

    return go


def spam(tmp_path: Path, address: str = "8.8.8.8") -> str:
    path = tmp_path / "spam.eml"
    path.write_text(
        f"Received: from x ([{address}]) by mx.example.org; {format_datetime(datetime.now(UTC))}\n"
        "From: a@example.com\nSubject: buy\n\nBuy.\n"
    )
    return str(path)
