"""What many commands ask in the same words: options of one meaning, who types, and what is kept of a reason."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Configuration file; else ./config.toml, /etc/dnsbl/config.toml, or defaults."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Public = Annotated[str, typer.Option("--public", help="What everybody may read on the page of the address.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; goes into the journal, and is not published.")]


def operator() -> str:
    """Who types, for the journal and for who may confirm whose word: whom the system knows him to be. What the
    environment says is believed of root alone, who can be anybody anyway: behind sudo he is whoever called it."""
    user = os.getuid()
    called = os.environ.get("SUDO_UID", "") if user == 0 else ""
    try:
        return f"operator {pwd.getpwuid(int(called) if called.isdecimal() else user).pw_name}"
    except (KeyError, OverflowError, ValueError):
        return "operator"


def reason_of(text: str) -> str:
    """A reason that was given. Raises BadParameter where none was."""
    if not text.strip():
        raise typer.BadParameter("a reason is needed; it goes into the journal", param_hint="--reason")
    return words_of(text)


def words_of(text: str) -> str:
    """What is kept of an operator's words."""
    return " ".join(text.split())[:500]
