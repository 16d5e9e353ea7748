"""What is said of a list that is ready."""

from __future__ import annotations

import json

import pytest

from dnsbl.cli import serving
from dnsbl.daemons.node import Bound


@pytest.mark.parametrize("as_json", [True, False])
def test_the_start_of_serving_names_the_engine(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    serving._announce(Bound(dns=[("127.0.0.1", 53)], engine="compiled"), as_json)
    said = capsys.readouterr().out
    assert json.loads(said)["engine"] == "compiled" if as_json else "engine    compiled\n" in said
    serving._announce(Bound(web=[("127.0.0.1", 80)]), as_json)
    said = capsys.readouterr().out
    assert json.loads(said)["engine"] == "" if as_json else "engine" not in said


@pytest.mark.parametrize("as_json", [True, False])
def test_the_start_of_serving_says_when_nobody_is_dialled(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    serving._announce(Bound(held="tester.stop is set"), as_json)
    said = capsys.readouterr().out
    assert (
        json.loads(said)["held"] == "tester.stop is set" if as_json else "nobody is dialled: tester.stop is set" in said
    )
