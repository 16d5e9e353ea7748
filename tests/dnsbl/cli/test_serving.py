"""What is said of a list that is ready."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dnsbl.cli import serving
from dnsbl.daemons.node import Bound
from dnsbl.errors import DnsblError, SettingsError


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


KEY = "A" * 43 + "="


@pytest.mark.parametrize("roles", [["dns", "web"], ["web"]])
def test_who_follows_another_node_serves_dns_alone(tmp_path: Path, roles: list[str]) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[follow]\nkey = "{KEY}"\n')
    with pytest.raises(DnsblError, match="serve --only dns there"):
        serving.serve_until_told(config, roles, follow="http://127.0.0.1:1/table", as_json=False)


def test_who_follows_needs_the_key_of_the_other_node(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("")
    with pytest.raises(SettingsError, match=r"follow.key must hold the public key"):
        serving.serve_until_told(config, ["dns"], follow="http://127.0.0.1:1/table", as_json=False)
