"""The pages of `-h`: nothing of a command's words is lost, and what they say is typed can be typed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from dnsbl.cli.pages import EXAMPLES, examples
from dnsbl.cli.program import app


def commands(command: Any, ctx: Any, *path: str) -> Iterator[tuple[str, Any, Any]]:
    """Each command and group below one, with its name."""
    for name in command.list_commands(ctx):
        below = command.get_command(ctx, name)
        inside = type(ctx)(below, info_name=name, parent=ctx)
        yield " ".join((*path, name)), below, inside
        if hasattr(below, "list_commands"):
            yield from commands(below, inside, *path, name)


PROGRAM = get_command(app)
CTX = PROGRAM.make_context("dnsbl", ["status"], resilient_parsing=True)
ALL = {name: (command, inside) for name, command, inside in commands(PROGRAM, CTX)}
#: Commands and groups with brackets in what is said of them.
BRACKETED = {
    name: found
    for name, (command, _) in ALL.items()
    if (found := set(re.findall(r"\[[^\]]*\]", " ".join([command.help, *(one.help or "" for one in command.params)]))))
}


def page(*words: str) -> str:
    """What `-h` shows, without frames and line ends."""
    shown = CliRunner().invoke(app, [*words, "-h"], prog_name="dnsbl")
    assert shown.exit_code == 0
    return " ".join(shown.stdout.replace("\u2502", " ").split())


@pytest.mark.parametrize("name", BRACKETED)
def test_nothing_that_stands_in_brackets_is_lost(name: str) -> None:
    shown = page(*name.split())
    assert all(" ".join(each.split()) in shown for each in BRACKETED[name])


def test_what_may_be_left_out_stands_in_one_pair_of_brackets() -> None:
    usages = [" ".join(command.collect_usage_pieces(inside)) for command, inside in ALL.values()]
    assert any("[ADDR]" in usage for usage in usages) and not any("[[" in usage for usage in usages)


def test_what_stands_in_brackets_is_in_the_lists_of_commands_too() -> None:
    assert "forget" in BRACKETED and "older than [retention] says" in page()
    assert ALL["forget"][0].help.startswith("Delete what is older than [retention] says"), "as it was, afterwards"


@pytest.mark.parametrize(("name", "line"), [(name, line) for name, lines in EXAMPLES.items() for line in lines])
def test_an_example_is_what_its_command_understands(name: str, line: str) -> None:
    command, inside = ALL[name]
    words = shlex.split(line, comments=True)
    before = ["dnsbl", *name.split()]
    assert words[: len(before)] == before
    command.make_context(inside.info_name, words[len(before) :], parent=inside.parent)


def test_every_command_that_is_no_group_says_how_it_is_typed() -> None:
    shown = {name: command for name, (command, _) in ALL.items() if not command.hidden}
    assert {name for name, command in shown.items() if not hasattr(command, "list_commands")} == EXAMPLES.keys()
    assert not examples("listing") and examples("listing add")


@pytest.mark.parametrize("name", ["backup", "listing add", "survey run"])
def test_the_page_of_a_command_ends_with_its_examples(name: str) -> None:
    shown = page(*name.split())
    assert shown.endswith(f"Examples: {' '.join(' '.join(EXAMPLES[name]).split())}") and shown.count("Examples:") == 1
