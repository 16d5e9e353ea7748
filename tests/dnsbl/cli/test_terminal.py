"""What is printed is data: nothing in it is markup, and a pipe gets whole lines."""

from __future__ import annotations

import pytest
from rich.table import Table
from rich.text import Text

from dnsbl.cli import terminal

#: Addresses, banners and names in which a terminal library finds emoji, markup and links.
DATA = (
    "2a01:4f8:c0c:1234::25",
    "2001:db8::a:100:1",
    "[red]x[/red] [/]",
    ":smile: :warning:",
    "[link=http://x]y[/link]",
)


@pytest.mark.parametrize("text", DATA)
@pytest.mark.parametrize("make", [terminal.out, terminal.err])
def test_data_is_printed_as_it_is(text: str, make: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert callable(make)
    table = Table("a " + text)
    table.add_row(text)
    make().print(f"says {text}")
    make().print(table)
    said = "".join(capsys.readouterr())
    assert f"says {text}\n" in said
    assert said.count(text) == 3


@pytest.mark.parametrize("text", DATA)
def test_a_sentence_is_said_as_it_is(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say(f" says {text}", strong=text)
    assert capsys.readouterr().out == f"{text} says {text}\n"


def test_what_is_strong_is_bold_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    terminal.say("  listed", strong="192.0.2.1")
    assert capsys.readouterr().out == "\x1b[1m192.0.2.1\x1b[0m  listed\n"


def test_a_pipe_gets_whole_lines(capsys: pytest.CaptureFixture[str]) -> None:
    long = " ".join(["word"] * 200)
    table = Table("a")
    table.add_row(long)
    terminal.out().print(long)
    terminal.out().print(table)
    assert capsys.readouterr().out.count(long) == 2


def test_a_table_without_rows_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("name")
    terminal.rows(table, nothing="Nobody is here.")
    table.add_row("ann")
    terminal.rows(table, nothing="Nobody is here.")
    said = capsys.readouterr().out
    assert said.count("Nobody is here.\n") == 1 and said.count("name") == said.count("ann") == 1


@pytest.mark.parametrize(
    "text", ["\x1b[2J\x1b]0;x\x07", "a\x00b", "\u202egnp.exe", "\ud800", "\x9b31m", "\x85x", "\u2028"]
)
def test_nothing_that_a_terminal_obeys_comes_through(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("a")
    table.add_row(Text(text))
    table.add_row(text)
    terminal.out().print(text)
    terminal.out().print(Text(f"x {text}"))
    terminal.say(text)
    terminal.out().print(table)
    said = capsys.readouterr().out
    assert said.count("?") >= 4 and all(c.isprintable() or c == "\n" for c in said)
