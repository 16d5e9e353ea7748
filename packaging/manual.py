"""The manual pages, from the very words of the commands and settings: `dnsbl(1)` and `dnsbl-config(5)`, in mdoc(7).

usage: manual.py FOLDER. Reads the program that this Python has; writes FOLDER/dnsbl.1 and FOLDER/dnsbl-config.5.
"""

from __future__ import annotations

import os
import re
import sys
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from dnsbl.cli.pages import examples
from dnsbl.cli.program import app
from dnsbl.settings import Settings, fields, toml

#: mandoc(1) calls longer lines of text bad style.
WIDTH = 78
COMMANDS_HEAD = """.Sh NAME
.Nm dnsbl
.Nd DNS blocklist of proven open mail relays
.Sh SYNOPSIS
.Nm dnsbl
.Ar command
.Op Ar argument ...
.Nm
.Fl -version
.Sh DESCRIPTION
.Nm
lists open mail relays, and only those that it has proven: a suspect is
nominated with the spam that came through it, is offered mail that it should
refuse, and is listed when our own letter really comes back.
Mail servers ask over DNS.
.Pp
The list runs as
.Nm dnsbl Cm serve ,
which the units
.Pa dnsbl.service
and
.Pa dnsbl@ROLE.service
start.
All other commands show what it does, or change it, and end.
.Sh COMMANDS
"""
COMMANDS_TAIL = """.Sh ENVIRONMENT
.Bl -tag -width Ds
.It Ev DNSBL_SECTION__KEY
Overrides a setting, such as
.Ev DNSBL_WEB__LISTEN .
.It Ev DNSBL_PURE
With 1 the plain engine answers and the plain readers read, as if nothing had
been compiled.
.El
.Sh FILES
.Bl -tag -width Ds
.It Pa config.toml , Pa /etc/dnsbl/config.toml
The configuration where no
.Fl -config
is given; see
.Xr dnsbl-config 5 .
.It Pa /var/lib/dnsbl
The state of the list of the units: its database, keys, last good table.
.El
.Sh EXIT STATUS
0 when it was done, 1 when it was refused or has failed, with one sentence on
standard error, 2 when it was typed wrong, and 130 when Ctrl-C has broken it
off; what runs until Ctrl-C ends with 0.
With
.Fl -json
a failure is a document on standard output too:
.Cm error ,
the sentence,
.Cm reason ,
the name of the reason or null, and
.Cm retry_after ,
seconds or null.
.Sh EXAMPLES
Found a list, and run it:
.Bd -literal -offset indent
dnsbl init /etc/dnsbl
dnsbl check-config
systemctl enable --now dnsbl
.Ed
.Pp
Nominate who handed in this spam, and see where an address stands:
.Bd -literal -offset indent
dnsbl nominate --evidence spam.eml
dnsbl lookup 203.0.113.9
.Ed
.Sh SEE ALSO
.Xr dig 1 ,
.Xr systemctl 1 ,
.Xr dnsbl-config 5
"""


def words(text: str) -> Iterator[str]:
    """Lines of text, a sentence on a line of its own, that mdoc takes for nothing else."""
    for sentence in re.split(r"(?<=[.?!:;]) +", " ".join(text.split())):
        for line in textwrap.wrap(sentence, WIDTH, break_long_words=False, break_on_hyphens=False):
            safe = line.replace("\\", "\\e")
            yield f"\\&{safe}" if safe[0] in ".'" else safe


def _item(parameter: Any, ctx: Any) -> Iterator[str]:
    if parameter.param_type_name == "argument":
        yield f'.It Ar "{parameter.display_name_raw}"'
    else:
        names = " , ".join(f"Fl {name[1:]}" for name in (*parameter.opts, *parameter.secondary_opts))
        value = "" if parameter.is_flag else f" Ar {_value(parameter)}"
        yield f".It {names}{value}"
    yield from words(parameter.help or "As it says.")
    if (default := _default(parameter)) and f"default: {default}" not in (parameter.help or ""):
        yield f"Default: {default}".replace("\\", "\\e")


def _default(parameter: Any) -> str:
    """What holds where nothing is typed; "" where that is nothing, or what the sentence says."""
    default = getattr(parameter.default, "value", parameter.default)
    if isinstance(shown := getattr(parameter, "show_default", None), str):
        return shown.strip("()")
    typed = isinstance(default, (str, int, float, Path)) and not isinstance(default, bool)
    return str(default) if typed and default != "" and (default or parameter.param_type_name == "option") else ""


def _value(parameter: Any) -> str:
    return str(parameter.opts[0].lstrip("-").upper())


def _commands(command: Any, ctx: Any, path: str) -> Iterator[str]:
    """What a command and those below it do, in order."""
    if hasattr(command, "list_commands"):
        for name in command.list_commands(ctx):
            below = command.get_command(ctx, name)
            if not below.hidden:
                yield from _commands(below, type(ctx)(below, info_name=name, parent=ctx), f"{path} {name}".strip())
        return
    yield f".Ss {path}"
    yield from words(command.help or "")
    shown = [one for one in command.params if not getattr(one, "hidden", False) and one.name != "help"]
    if shown:
        yield ".Bl -tag -width Ds"
        for parameter in shown:
            yield from _item(parameter, ctx)
        yield ".El"
    if typed := examples(path):
        yield from (".Bd -literal -offset indent", *(line.replace("\\", "\\e") for line in typed), ".Ed")


def commands_page(day: str) -> str:
    """dnsbl(1)."""
    command = typer.main.get_command(app)
    ctx = command.make_context("dnsbl", ["status"], resilient_parsing=True)
    return (
        f".Dd {day}\n.Dt DNSBL 1\n.Os\n{COMMANDS_HEAD}" + "\n".join(_commands(command, ctx, "")) + f"\n{COMMANDS_TAIL}"
    )


def settings_page(day: str) -> str:
    """dnsbl-config(5)."""
    lines = [
        f".Dd {day}",
        ".Dt DNSBL-CONFIG 5",
        ".Os",
        ".Sh NAME",
        ".Nm dnsbl-config",
        ".Nd settings of a DNS blocklist",
        ".Sh DESCRIPTION",
        "The file is TOML; each section below is a table of it.",
        "Relative paths count from the file.",
        ".Xr dnsbl 1",
        "checks it with",
        ".Cm check-config ,",
        "which names every mistake at once.",
        ".Sh TABLES",
    ]
    for name, field in Settings.model_fields.items():
        section: Any = field.annotation
        lines += [f".Ss Table {name}", *words(section.__doc__ or ""), ".Bl -tag -width Ds"]
        for key, default, sentence in fields(section):
            lines.append(f".It Va {key}")
            lines += words(sentence)
            if default is not None:
                lines.append(f"Default: {toml(default)}".replace("\\", "\\e"))
        lines.append(".El")
    return "\n".join([*lines, ".Sh SEE ALSO", ".Xr dnsbl 1"]) + "\n"


def main(folder: Path) -> None:
    """Write both pages."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    made = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    day = f"{made:%B} {made.day}, {made.year}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dnsbl.1").write_text(commands_page(day), encoding="utf-8")
    (folder / "dnsbl-config.5").write_text(settings_page(day), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
