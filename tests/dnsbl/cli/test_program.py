from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from dnsbl.cli.program import COMMANDS, Commands, app
from tests.dnsbl.cli.conftest import ROOT


def test_every_command_that_a_module_has_is_one_of_the_program() -> None:
    known = {(place, name) for name, place in COMMANDS.items()}
    for place in set(COMMANDS.values()):
        module, _, attribute = place.partition(":")
        group: typer.Typer = getattr(import_module(f"dnsbl.cli.{module}"), attribute)
        names = {info.name or str(info.callback and info.callback.__name__) for info in group.registered_commands}
        listed = {name for there, name in known if there == place}
        assert names == listed or (len(listed) == 1 and not listed & names), f"{place}: {sorted(names ^ listed)}"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_under_its_name_and_says_what_it_does(name: str) -> None:
    command = Commands()[name]
    assert command.name == name
    assert command.help and command.get_short_help_str(400)
    assert CliRunner().invoke(app, [name, "-h"]).exit_code == 0


def test_the_help_lists_all_commands_in_their_order() -> None:
    shown = CliRunner().invoke(app, ["-h"]).stdout
    places = [shown.index(f"│ {name} ") for name in COMMANDS]
    assert places == sorted(places)


def test_a_command_that_there_is_not_is_a_mistake_with_a_guess() -> None:
    done = CliRunner().invoke(app, ["lokup"])
    assert done.exit_code == 2
    assert "Did you mean 'lookup'" in " ".join(done.output.split())


def test_a_command_is_made_when_it_is_asked_for_and_once() -> None:
    commands = Commands({"lookup": "commands:app", "db": "copies:database"})
    assert len(commands) == 2 and list(commands) == ["lookup", "db"]
    assert commands["lookup"] is commands["lookup"]
    assert "nothing" not in commands
    assert commands.get("nothing") is None


def test_a_name_that_a_module_does_not_have_shows_at_once() -> None:
    with pytest.raises(AttributeError, match="nobody"):
        Commands({"lookup": "commands:nobody"})["lookup"]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("dnsbl li", {"listing"}),
        ("dnsbl listing ", {"add", "drop", "list", "except", "review", "expire"}),
        ("dnsbl serve --only dns,w", {"dns,worker", "dns,web", "dns,witness"}),
        ("dnsbl export --format j", {"jsonl"}),
        ("dnsbl test 8.8.8.8 --profile s", {"standard"}),
        ("dnsbl listing add 8.8.8.8 --kind ", {"manual"}),
        ("dnsbl listing list --kind m", {"manual", "multihop"}),
        ("dnsbl init --profile orb", {"orb-uk", "orbl", "orbs", "orbz"}),
        ("dnsbl export --zone r", {"relays.example.org"}),
        ("dnsbl reporter trust ann k", {"known"}),
    ],
)
def test_completion_knows_commands_and_those_of_groups(typed: str, offered: set[str]) -> None:
    env = os.environ | {"_DNSBL_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    command = [sys.executable, "-c", "import sys; sys.argv[0] = 'dnsbl'; from dnsbl.cli import main; main()"]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert set(done.stdout.split()) == offered


def test_the_program_is_a_whole_for_whoever_walks_it() -> None:
    assert list(get_command(app).commands) == list(COMMANDS)  # type: ignore[attr-defined]
