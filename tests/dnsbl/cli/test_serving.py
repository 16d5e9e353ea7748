"""What is said of a list that is ready."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dnsbl.cli import serving
from dnsbl.daemons.answering import Bound
from dnsbl.errors import DnsblError, SettingsError
from dnsbl.settings import LogSettings


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
def test_who_follows_another_node_serves_dns_alone(tmp_path: Path, roles: list[str], logging_as_before: None) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[follow]\nkey = "{KEY}"\n')
    with pytest.raises(DnsblError, match="serve --only dns there"):
        serving.serve_until_told(config, roles, follow="http://127.0.0.1:1/table", as_json=False)


def test_who_follows_needs_the_key_of_the_other_node(tmp_path: Path, logging_as_before: None) -> None:
    config = tmp_path / "config.toml"
    config.write_text("")
    with pytest.raises(SettingsError, match=r"follow.key must hold the public key"):
        serving.serve_until_told(config, ["dns"], follow="http://127.0.0.1:1/table", as_json=False)


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """Puts back what a command does to the logging of its process."""
    root, ours = logging.getLogger(), [logging.getLogger(name) for name in ("dnsbl", "tester")]
    handlers, levels = root.handlers[:], [(each, each.level) for each in (root, *ours)]
    yield
    for handler in set(root.handlers) - set(handlers):
        root.removeHandler(handler)
    root.handlers[:] = handlers
    for logger, level in levels:
        logger.setLevel(level)


@pytest.mark.usefixtures("logging_as_before")
@pytest.mark.parametrize("journal", [True, False])
def test_the_log_is_written_as_the_settings_say(tmp_path: Path, journal: bool) -> None:
    settings = LogSettings(format="json", level="warning", levels=("worker debug",))
    with (tmp_path / "log").open("w+") as stream:
        found = os.fstat(stream.fileno())
        where = f"{found.st_dev}:{found.st_ino}" if journal else "1:2"
        serving.keep_log(settings, {"JOURNAL_STREAM": where}, stream)
        logging.getLogger("dnsbl.daemons.worker").debug("heard\n<0>forged")
        logging.getLogger("dnsbl.web.app").info("not heard")
        logging.getLogger("uvicorn.access").info("not heard")
        logging.getLogger("dnsbl.web.app").warning("heard")
        stream.seek(0)
        lines = stream.read().splitlines()
    documents = [json.loads(line.lstrip("<>0123456789")) for line in lines]
    assert [(one["part"], one["message"]) for one in documents] == [("worker", r"heard\n<0>forged"), ("web", "heard")]
    assert [line[:3] for line in lines] == (["<7>", "<4>"] if journal else ['{"t', '{"t'])


def test_for_what_serving_ends_is_told_by_the_log_and_not_twice(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[log]\nformat = "json"\n[follow]\nurl = "http://127.0.0.1:1/table"\nkey = "{KEY}"\n')
    done = subprocess.run(
        [sys.executable, "-m", "dnsbl", "serve", "--config", str(config)], capture_output=True, text=True, timeout=60
    )
    (line,) = done.stderr.splitlines()
    document = json.loads(line)
    assert (done.returncode, document["level"], document["part"]) == (1, "critical", "node")
    assert "serve --only dns there" in document["message"]
