"""What papers have people type can be typed: each command of ours that a page names is there, with its options, and the
tables of TOML on a page have keys that we know."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from dnsbl.cli.program import app
from dnsbl.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PAPERS = ("README.md", "SECURITY.md", "CONTRIBUTING.md")
#: What benches write has mistakes in it that they measure.
PAGES = [page for page in sorted((ROOT / "docs").glob("*.md")) if not page.name.startswith("bench-")]
PAGES += [ROOT / name for name in PAPERS]
WHOLE = get_command(app)
#: Words before ours in a line of shell.
BEFORE = re.compile(r"(?:^|[;&|(]|\b(?:sudo|exec|run)\b[^;&|]*?)\s*(?:\.venv/bin/)?dnsbl\s+(?=[a-z-])(.*)")


def typed(page: Path) -> Iterator[str]:
    """All that stands behind our name where a page has it as a command: in lines of samples, and in the text."""
    text = page.read_text(encoding="utf-8")
    for language, sample in re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        if language in ("", "sh"):
            for line in sample.replace("\\\n", " ").splitlines():
                if found := BEFORE.match(line.strip()):
                    yield found[1]
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    for span in re.findall(r"`([^`]+)`", prose):
        if found := re.fullmatch(r"(?:\.venv/bin/)?dnsbl\s+([a-z-].*)", " ".join(span.split())):
            yield found[1].replace("\\|", "|")  # as in a table


def wrong(words: list[str]) -> str:
    """What of a command is not there, or nothing."""
    command: Any = WHOLE
    context = type(WHOLE.make_context("dnsbl", [], resilient_parsing=True))
    while words and hasattr(command, "list_commands"):
        if words[0].startswith("-"):
            break
        names = words[0].split("|")  # `survey run|report` names two
        for name in names:
            if command.get_command(context(command), name) is None:
                return name
        command, words = command.get_command(context(command), names[0]), words[1:]
    known = options(command)
    for word in " ".join(words).replace("|", " ").split():
        if word in ("#", ">", "&&", "<", "2>&1", ";", "--"):
            break
        option = word.strip("[].,()").partition("=")[0]
        if re.match(r"--?[a-z]", option) and option not in known:
            return option
    return ""


def options(command: Any) -> set[str]:
    """What a command takes."""
    return {name for one in command.params for name in (*one.opts, *one.secondary_opts)} | {"-h", "--help"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_command_of_a_page_is_there_with_its_options(page: Path) -> None:
    found = {line: wrong(line.replace("'", "").replace('"', "").split()) for line in typed(page)}
    assert {line: missing for line, missing in found.items() if missing} == {}


@pytest.mark.parametrize(
    ("line", "missing"),
    [("lookup --jsn", "--jsn"), ("lokup 192.0.2.1", "lokup"), ("listing lst", "lst"), ("keys list --json", "")],
)
def test_what_is_not_there_is_noticed(line: str, missing: str) -> None:
    assert wrong(shlex.split(line)) == missing


def keys(model: Any) -> dict[str, set[str]]:
    """The tables of a configuration, and the keys of each."""
    return {name: set(getattr(field.annotation, "model_fields", {})) for name, field in model.model_fields.items()}


def tables(page: Path) -> Iterator[dict[str, Any]]:
    for sample in re.findall(r"^```toml\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        yield tomllib.loads(sample)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_settings_of_a_page_are_known(page: Path) -> None:
    known = keys(Settings)
    zone = (ROOT / "zones" / "relays.example.org.toml").read_text() + (ROOT / "dnsbl/dns/zonefile.py").read_text()
    zone += (ROOT / "dnsbl/rules/surveys/scope.py").read_text()  # what authorizes a survey
    for table in tables(page):
        for name, inner in table.items():
            if name in known and isinstance(inner, dict):
                assert inner.keys() <= known[name], f"{name}: {inner.keys() - known[name]}"
            else:
                assert re.search(rf"\b{re.escape(name)}\b", zone), f"{name} is known nowhere"
